# For flakes that hold a topology.toml and the out/ that was generated from it.
{ self, nixpkgs }:
let
  inherit (nixpkgs) lib;
  platforms = import ./platforms.nix;
  forAllSystems =
    f: lib.genAttrs (lib.attrValues platforms) (system: f nixpkgs.legacyPackages.${system});

  # The paths of all files below a folder, each beginning with `name`; none if it is not there.
  filesBelow =
    folder: name:
    if !builtins.pathExists folder then
      [ ]
    else
      lib.concatLists (
        lib.mapAttrsToList (
          entry: kind:
          if kind == "directory" then
            filesBelow (folder + "/${entry}") "${name}/${entry}"
          else
            [ "${name}/${entry}" ]
        ) (builtins.readDir folder)
      );

  nodesOf =
    out:
    let
      folder = out + "/nodes";
      names = lib.attrNames (lib.filterAttrs (_: kind: kind == "directory") (builtins.readDir folder));
      plan = name: lib.importJSON (folder + "/${name}/node.json");
      # Nix copies a flake's whole source to the store: of a git repository, what git tracks; of
      # any other folder, all of it. What is sealed with age, and public halves, may be there.
      secrets = dirOf out + "/secrets";
      isPublic =
        path:
        lib.elem (baseNameOf path) [
          ".gitignore"
          "recipients"
        ]
        || lib.any (suffix: lib.hasSuffix suffix path) [
          ".age"
          ".crt"
          ".pub"
        ];
      exposed = lib.filter (path: !isPublic path) (filesBelow secrets "secrets");
    in
    if !builtins.pathExists folder then
      throw "meshwright: ${toString folder} is missing. Run `meshwright generate`, then `git add` its folder: a flake sees only what git knows."
    else if exposed != [ ] then
      throw "meshwright: ${lib.head exposed} is in the Nix store, where everyone reads it: git tracks it, or this folder is no git repository. Put that right, and make new keys."
    else
      lib.genAttrs names plan;

  # One NixOS configuration for each node whose `os` is nixos.
  clusterFrom =
    {
      # The folder that `meshwright generate` wrote.
      out,
      # Modules of every machine.
      modules ? [ ],
      # Further modules by the machine's name: its disks, its boot loader.
      perNode ? _: [ ],
      # Of the flake's own nixpkgs.
      nixosSystem ? lib.nixosSystem,
    }:
    lib.mapAttrs (
      name: plan:
      nixosSystem {
        modules = [
          self.nixosModules.default
          {
            nixpkgs.hostPlatform = lib.mkDefault platforms.${plan.arch};
            services.meshwright = {
              enable = true;
              inherit out;
              node = name;
            };
          }
        ]
        ++ modules
        ++ perNode name;
      }
    ) (lib.filterAttrs (_: plan: plan.os == "nixos") (nodesOf out));

  # All that a flake with one cluster offers: its machines, the generator, and the check that out/ is
  # what the topology gives.
  mkCluster =
    {
      # topology.toml.
      topology,
      out,
      ...
    }@cluster:
    let
      packages = forAllSystems (pkgs: rec {
        default = configs;
        generator = pkgs.callPackage ../packages/generator.nix { };
        configs = pkgs.callPackage ../packages/configs.nix { inherit generator topology; };
      });
      drift =
        system: own:
        nixpkgs.legacyPackages.${system}.callPackage ../packages/drift.nix {
          inherit (own) configs;
          committed = out;
        };
    in
    {
      inherit packages;
      nixosConfigurations = clusterFrom (removeAttrs cluster [ "topology" ]);
      checks = lib.mapAttrs (system: own: { drift = drift system own; }) packages;
    };
in
{
  inherit clusterFrom mkCluster forAllSystems;
}
