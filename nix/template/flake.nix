{
  inputs = {
    nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";
    meshwright.url = "github:meshwright/meshwright";
    meshwright.inputs.nixpkgs.follows = "nixpkgs";
  };

  outputs =
    { meshwright, ... }:
    meshwright.lib.mkCluster {
      topology = ./topology.toml;
      out = ./out;
      # What all machines have in common.
      modules = [
        {
          system.stateVersion = "26.05";
          services.openssh.enable = true;
          # users.users.root.openssh.authorizedKeys.keys = [ "ssh-ed25519 …" ];
        }
      ];
      # What only one of them has: nixos-generate-config writes it, or disko.
      perNode = name: [ ./machines/${name}.nix ];
    };
}
