{
  description = "Compiles one topology.toml into a private Kubernetes cluster over a WireGuard mesh";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      inherit (self.lib) forAllSystems mkCluster;

      # The example of this repository, and the one whose machines all run NixOS.
      atlas = mkCluster {
        topology = ./topology.toml;
        out = ./out;
        modules = [ ./nix/tests/machine.nix ];
      };
      snow = mkCluster {
        topology = ./examples/nixos/topology.toml;
        out = ./examples/nixos/out;
        modules = [ ./nix/tests/machine.nix ];
      };
    in
    {
      lib = import ./nix/lib { inherit self nixpkgs; };

      nixosModules =
        lib.genAttrs [ "wireguard" "firewall" "kubernetes-node" ] (name: {
          imports = [
            ./nix/modules/options.nix
            ./nix/modules/${name}.nix
          ];
        })
        // {
          default.imports = [ ./nix/modules ];
        };

      nixosConfigurations = snow.nixosConfigurations // atlas.nixosConfigurations;

      inherit (atlas) packages;

      apps = lib.mapAttrs (_: own: {
        default = {
          type = "app";
          program = "${own.generator}/bin/meshwright";
        };
      }) self.packages;

      checks = lib.mapAttrs (
        system: own:
        import ./nix/tests {
          inherit self;
          pkgs = nixpkgs.legacyPackages.${system};
        }
        // {
          inherit (own) generator;
          drift = atlas.checks.${system}.drift;
          drift-example = snow.checks.${system}.drift;
        }
      ) self.packages;

      formatter = forAllSystems (pkgs: pkgs.nixfmt-tree);

      devShells = forAllSystems (pkgs: {
        default = pkgs.callPackage ./nix/packages/shell.nix { };
      });

      templates.default = {
        path = ./nix/template;
        description = "A cluster of NixOS machines";
      };
    };
}
