# Everything that makes a NixOS machine a node.
{
  imports = [
    ./options.nix
    ./wireguard.nix
    ./firewall.nix
    ./kubernetes-node.nix
  ];
}
