# The checks of this flake.
{ self, pkgs }:
let
  inherit (pkgs) lib;
  # A build that prints the findings and fails; it succeeds if the list is empty.
  failIfFound =
    name: found:
    pkgs.runCommand name { } (
      if found == [ ] then
        "touch $out"
      else
        ''
          printf '%s\n' ${lib.concatMapStringsSep " " lib.escapeShellArg found} >&2
          exit 1
        ''
    );
  arguments = { inherit lib self; };
in
{
  module-eval = failIfFound "module-eval" (import ./module-eval.nix arguments);
  mutants = failIfFound "mutants" (import ./mutants.nix arguments);

  format =
    pkgs.runCommand "format"
      {
        nativeBuildInputs = [
          pkgs.nixfmt
          pkgs.deadnix
        ];
      }
      ''
        find ${self}/flake.nix ${self}/nix -name '*.nix' -exec nixfmt --check {} +
        deadnix --fail ${self}/flake.nix ${self}/nix
        touch $out
      '';

  node-units = pkgs.callPackage ./units.nix { inherit self; };
}
// lib.optionalAttrs (pkgs ? testers) {
  vm = pkgs.testers.runNixOSTest (import ./vm.nix self);
}
