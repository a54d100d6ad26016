# All modules of a node.
{
  imports = [
    ./options.nix
    ./wireguard.nix
    ./firewall.nix
    ./kubernetes-node.nix
  ];
}
