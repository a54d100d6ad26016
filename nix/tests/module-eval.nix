# Each NixOS machine of the examples matches its node.json.
{ lib, self }:
let
  differences = import ./differences.nix { inherit lib; };
  found = lib.mapAttrsToList (
    node: machine:
    map (difference: "${node}: ${difference}") (differences {
      inherit (machine) config;
      inherit (machine.config.services.meshwright) out;
      inherit node;
    })
  ) self.nixosConfigurations;
in
lib.concatLists found
