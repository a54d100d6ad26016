# Functions for flakes with a topology.toml and its generated out/.
{ self, nixpkgs }:
let
  inherit (nixpkgs) lib;
  platforms = import ./platforms.nix;
  forAllSystems =
    f: lib.genAttrs (lib.attrValues platforms) (system: f nixpkgs.legacyPackages.${system});

  # The paths of all files below a folder, each with the prefix `name`; empty if the folder does not exist.
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

  plansFrom =
    out:
    let
      folder = out + "/nodes";
      names = lib.attrNames (lib.filterAttrs (_: kind: kind == "directory") (builtins.readDir folder));
      readPlan = name: lib.importJSON (folder + "/${name}/node.json");
      # Nix copies the source of a flake to the store, which all users can read: the files that git
      # tracks, or the whole folder if it is not a git repository. Only files that are encrypted with
      # age, and public keys and certificates, may be in it.
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
      throw "meshwright: ${toString folder} is missing. Run `meshwright generate`, then `git add` its folder: a flake sees only the files that git tracks."
    else if exposed != [ ] then
      throw "meshwright: ${lib.head exposed} is in the Nix store, where every user can read it: git tracks it, or this folder is not a git repository. Fix that, then generate new keys."
    else
      lib.genAttrs names readPlan;

  # One NixOS configuration for each node whose `os` is nixos.
  clusterFrom =
    {
      # The folder that `meshwright generate` wrote.
      out,
      # Modules for all machines.
      modules ? [ ],
      # Modules for one machine, by its name: disks, boot loader.
      perNode ? _: [ ],
      # The function of the nixpkgs that builds the machines.
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
    ) (lib.filterAttrs (_: plan: plan.os == "nixos") (plansFrom out));

  # The outputs of a flake with one cluster: its machines, the generator, and the check that out/ matches
  # the topology.
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
