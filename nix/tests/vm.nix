# Three machines of the NixOS example and one outsider, on one switch: the mesh comes up, and the public side
# is closed. `drift`, which is arm64, is not started: a dead peer must not delay the others.
self:
let
  out = ../../examples/nixos/out;
  names = [
    "flake"
    "igloo"
    "sleet"
  ];
  # igloo is behind NAT in the topology: its peers have no endpoint for it, so it starts the handshakes.
  public = {
    flake = "203.0.113.1";
    igloo = "203.0.113.3";
    sleet = "203.0.113.4";
    outside = "203.0.113.9";
  };
  publicAddress =
    { lib, ... }:
    name: {
      networking.useDHCP = false;
      networking.interfaces.eth1.ipv4.addresses = lib.mkForce [
        {
          address = public.${name};
          prefixLength = 24;
        }
      ];
    };
in
{
  name = "meshwright";

  nodes =
    builtins.listToAttrs (
      map (name: {
        inherit name;
        value =
          {
            config,
            pkgs,
            ...
          }@arguments:
          {
            imports = [
              self.nixosModules.default
              (publicAddress arguments name)
            ];
            services.meshwright = {
              enable = true;
              inherit out;
              node = name;
              # This test is about the host, not about the versions of Kubernetes.
              kubernetesPackage = pkgs.kubernetes // {
                inherit (config.services.meshwright.plan.kubernetes) version;
              };
            };
            environment.systemPackages = [ pkgs.python3 ];
          };
      }) names
    )
    // {
      outside =
        { pkgs, ... }@arguments:
        {
          imports = [ (publicAddress arguments "outside") ];
          environment.systemPackages = [ pkgs.netcat ];
        };
    };

  testScript = ''
    import base64, hashlib

    machines = {"flake": flake, "igloo": igloo, "sleet": sleet}
    mesh = {"flake": "10.66.66.1", "igloo": "10.66.66.3", "sleet": "10.66.66.4"}
    public = {"flake": "203.0.113.1", "igloo": "203.0.113.3", "sleet": "203.0.113.4"}

    start_all()
    for machine in machines.values():
        machine.wait_for_unit("multi-user.target")
        # Before the delivery: firewall and guards are loaded, and no unit has failed.
        machine.succeed("nft list table inet meshwright")
        machine.succeed("ip route show type unreachable | grep 10.244.0.0/16")
        machine.fail("systemctl --failed --no-legend | grep .")
        machine.fail("ip link show wg0")

    # The keys of the example are public.
    for name, machine in machines.items():
        key = base64.b64encode(hashlib.sha256(f"meshwright example {name}".encode()).digest()).decode()
        machine.succeed(f"umask 077 && mkdir -p /etc/wireguard && echo {key} >/etc/wireguard/wg0.key")
        machine.succeed("systemctl start wireguard-wg0.target")

    # igloo first, because only it can start its handshakes.
    for name in ["igloo", "flake", "sleet"]:
        for peer, address in mesh.items():
            machines[name].wait_until_succeeds(f"ping -c 1 -W 1 {address}")

    for name, machine in machines.items():
        machine.succeed("systemctl is-active containerd")
        machine.succeed("ip -d link show wg0 | grep 'mtu 1412'")
        machine.succeed("ip route show proto kernel metric 512 | grep 10.244.2.0/24")
        machine.succeed("sysctl -n net.ipv4.ip_nonlocal_bind | grep 1")
        machine.succeed("lsmod | grep br_netfilter")
        # A server listens on both addresses (haproxy has loopback); only the mesh reaches it.
        for port in [22, 6443, 10250]:
            for address in [mesh[name], public[name]]:
                machine.succeed(f"systemd-run python3 -m http.server {port} --bind {address}")
                machine.wait_until_succeeds(f"ss -Hltn 'sport = :{port}' | grep -F {address}:{port}")

    outside.wait_for_unit("multi-user.target")
    outside.succeed("ip route add 10.66.66.0/24 dev eth1")
    for name in machines:
        outside.succeed(f"ping -c 1 {public[name]}")
        for port in [22, 6443, 10250]:
            outside.fail(f"nc -z -w 2 {public[name]} {port}")
            for peer in machines:
                machines[peer].succeed(f"python3 -c 'import socket; socket.create_connection((\"{mesh[name]}\", {port}), 5)'")
        # Weak host model (RFC 1122): an address of wg0 must not answer on the public interface.
        outside.fail(f"ip route replace {mesh[name]} via {public[name]} && ping -c 1 -W 2 {mesh[name]}")

    # `nixos-rebuild switch` with a new firewall reloads it, and the mesh stays up.
    flake.succeed("systemctl reload meshwright-firewall.service")
    flake.succeed(f"ping -c 1 {mesh['sleet']}")
  '';
}
