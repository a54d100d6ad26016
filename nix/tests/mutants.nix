# Machines with a deliberate fault, each with the exact findings that it must give.
{ lib, self }:
let
  out = ../../examples/nixos/out;
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

  other = ../../examples/nixos/out/nodes/igloo;

  mutants = {
    "no fault" = {
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
    "another MTU" = {
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
    "NixOS's firewall enabled" = {
      module.networking.firewall.enable = lib.mkForce true;
      finds = [ "firewall" ];
    };
    "a mesh without a firewall" = {
      module.systemd.services.wireguard-wg0.serviceConfig.ExecStartPre = lib.mkForce "";
      finds = [ "firewall" ];
    };
    "pods without a firewall" = {
      module.systemd.services.kubelet.serviceConfig.ExecStartPre = lib.mkForce "";
      finds = [ "firewall" ];
    };
    "a firewall that is not loaded again" = {
      module.systemd.timers.meshwright-watch.wantedBy = lib.mkForce [ ];
      finds = [ "firewall" ];
    };
    "a first boot like that of other hosts" = {
      module.systemd.services.meshwright-prepare.wantedBy = lib.mkForce [ "multi-user.target" ];
      finds = [ "os" ];
    };
    "another kernel parameter" = {
      module.boot.kernel.sysctl."net.ipv4.ip_nonlocal_bind" = lib.mkForce 0;
      finds = [ "sysctl" ];
    };
    "missing kernel modules" = {
      module.boot.kernelModules = lib.mkForce [ "overlay" ];
      finds = [ "kernel_modules" ];
    };
    "another hostname" = {
      module.networking.hostName = lib.mkForce "igloo";
      finds = [ "name" ];
    };
    "another address for the API's name" = {
      module.networking.hosts = lib.mkForce { "10.66.66.2" = [ "k8s-api.snow.internal" ]; };
      finds = [ "hosts" ];
    };
    "a plugin folder in the store" = {
      module.virtualisation.containerd.settings = lib.mkOverride 40 { version = 2; };
      finds = [ "containerd" ];
    };
    "another load balancer configuration" = {
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
        "services.meshwright: the private key of wg0 would be in the Nix store, where every user can read it."
      ];
    };
    "a node.json of another release" = {
      module.services.meshwright.plan = lib.mkForce (
        lib.importJSON (out + "/nodes/${node}/node.json") // { schema_version = 2; }
      );
      finds = [
        "services.meshwright: flake's node.json has schema version 2, and these modules support version 1: run `meshwright generate` of the release that the flake uses."
      ];
    };
    "sshd on a closed port" = {
      module.services.openssh.ports = lib.mkForce [ 2222 ];
      finds = [
        "services.meshwright: sshd does not listen on port 22, the only one that the firewall accepts for SSH: set `ssh_port` of [firewall], or services.openssh.ports."
      ];
    };
  };
  failures = lib.mapAttrsToList (
    name: mutant:
    let
      findings = found mutant.module;
    in
    lib.optional (
      findings != mutant.finds
    ) "${name}: gives ${lib.toJSON findings} instead of ${lib.toJSON mutant.finds}"
  ) mutants;
in
lib.concatLists failures
