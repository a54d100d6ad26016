# Machines that are wrong on purpose, each with the findings that it must give: no more, no fewer.
{ lib, self }:
let
  out = ../example;
  node = "flake";
  differences = import ./differences.nix { inherit lib; };
  machine =
    module:
    let
      modules = [
        ./machine.nix
        module
      ];
    in
    (self.lib.clusterFrom { inherit out modules; }).${node};
  found =
    module:
    differences {
      inherit out node;
      inherit (machine module) config;
    };
  wg0 = value: { networking.wireguard.interfaces.wg0 = value; };
  etc = path: source: { environment.etc.${path}.source = lib.mkForce source; };

  other = ../example/nodes/igloo;

  mutants = {
    "nothing is wrong" = {
      module = { };
      finds = [ ];
    };
    "no peers" = {
      module = wg0 { peers = lib.mkForce [ ]; };
      finds = [ "wireguard" ];
    };
    "another port" = {
      module = wg0 { listenPort = lib.mkForce 51821; };
      finds = [ "wireguard" ];
    };
    "an MTU of its own" = {
      module = wg0 { mtu = lib.mkForce 1500; };
      finds = [ "wireguard" ];
    };
    "routes that BIRD would advertise" = {
      module = wg0 { allowedIPsAsRoutes = lib.mkForce true; };
      finds = [ "wireguard" ];
    };
    "another node's firewall" = {
      module = etc "meshwright/nftables.conf" (other + "/nftables.conf");
      finds = [ "firewall" ];
    };
    "another node's routes" = {
      module = etc "wireguard/wg0.routes" (other + "/wg0.routes");
      finds = [ "pod_routes" ];
    };
    "NixOS's firewall, too" = {
      module.networking.firewall.enable = lib.mkForce true;
      finds = [ "firewall" ];
    };
    "a parameter of the kernel" = {
      module.boot.kernel.sysctl."net.ipv4.ip_nonlocal_bind" = lib.mkForce 0;
      finds = [ "sysctl" ];
    };
    "a module of the kernel" = {
      module.boot.kernelModules = lib.mkForce [ "overlay" ];
      finds = [ "kernel_modules" ];
    };
    "another hostname" = {
      module.networking.hostName = lib.mkForce "igloo";
      finds = [ "name" ];
    };
    "the API's name leads elsewhere" = {
      module.networking.hosts = lib.mkForce { "10.66.66.2" = [ "k8s-api.snow.internal" ]; };
      finds = [ "hosts" ];
    };
    "a plugin folder in the store" = {
      module.virtualisation.containerd.settings = lib.mkOverride 40 { version = 2; };
      finds = [ "containerd" ];
    };
    "a load balancer of its own" = {
      module.services.haproxy.config = lib.mkForce "";
      finds = [ "load_balancer" ];
    };
    "another node's kubeadm.yaml" = {
      module = etc "kubernetes/kubeadm.yaml" (other + "/kubeadm.yaml");
      finds = [ "role" ];
    };
    "the private key in the store" = {
      module = wg0 { privateKeyFile = lib.mkForce (builtins.toFile "wg0.key" "none"); };
      finds = [
        "wireguard"
        "services.meshwright: the private key of wg0 would be in the Nix store, where everyone reads it."
      ];
    };
    "a node.json of another release" = {
      module.services.meshwright.plan = lib.mkForce (
        lib.importJSON (out + "/nodes/${node}/node.json") // { schema_version = 2; }
      );
      finds = [
        "services.meshwright: flake's node.json has schema version 2, and these modules read version 1: run `meshwright generate` of the release that is the flake's input."
      ];
    };
    "sshd behind a closed port" = {
      module.services.openssh.ports = lib.mkForce [ 2222 ];
      finds = [
        "services.meshwright: sshd listens on other ports than 22, the one that the firewall lets in: set `ssh_port` of [firewall], or services.openssh.ports."
      ];
    };
  };
  judged = lib.mapAttrsToList (
    name: mutant:
    let
      findings = found mutant.module;
    in
    lib.optional (
      findings != mutant.finds
    ) "${name}: finds ${lib.toJSON findings} instead of ${lib.toJSON mutant.finds}"
  ) mutants;
in
lib.concatLists judged
