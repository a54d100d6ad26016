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
      # The configuration of all machines.
      modules = [
        {
          system.stateVersion = "26.05";
          services.openssh.enable = true;
          # users.users.root.openssh.authorizedKeys.keys = [ "ssh-ed25519 …" ];
        }
      ];
      # The configuration of one machine: hardware, as nixos-generate-config or disko writes it.
      perNode = name: [ ./machines/${name}.nix ];
    };
}
