{
  description = "Replacement of nixpkgs for tests without network";

  outputs =
    _:
    let
      lib = import ./lib.nix // import ./modules.nix;
      packages = system: import ./pkgs.nix { inherit lib system; };
    in
    {
      lib = lib // {
        nixosSystem =
          { modules }:
          lib.evalModules {
            modules = [ ./options.nix ] ++ modules;
            arguments = config: { pkgs = packages config.nixpkgs.hostPlatform; };
          };
      };
      legacyPackages = lib.genAttrs [ "x86_64-linux" "aarch64-linux" ] packages;
    };
}
