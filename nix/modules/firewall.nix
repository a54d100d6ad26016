# The emitted firewall and route guards, loaded by the same units as on other hosts.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.meshwright;
  inherit (cfg.plan) firewall wireguard;
  table = cfg.folder + "/nftables.conf";
  guards = cfg.out + "/host/guards.routes";
  # Without a firewall there is no mesh, and there are no pods: as in the drop-ins of other hosts.
  requiresTable.serviceConfig.ExecStartPre = "${pkgs.bash}/bin/sh -c '${pkgs.nftables}/bin/nft list table inet meshwright >/dev/null'";
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !config.networking.nftables.enable;
        message = "services.meshwright: networking.nftables loads a second firewall beside Meshwright's table: disable it.";
      }
      {
        assertion =
          config.services.openssh.enable -> lib.elem firewall.ssh_port config.services.openssh.ports;
        message = "services.meshwright: sshd does not listen on port ${toString firewall.ssh_port}, the only one that the firewall accepts for SSH: set `ssh_port` of [firewall], or services.openssh.ports.";
      }
    ];

    # NixOS's firewall filters input only, and `meshwright prove` does not read it.
    networking.firewall.enable = false;

    environment.etc = {
      "meshwright/nftables.conf".source = table;
      "meshwright/guards.routes".source = guards;
      # Without these, networkd and NetworkManager remove our interfaces and routes as unknown.
      "systemd/networkd.conf.d/meshwright.conf".source = cfg.out + "/host/networkd.conf";
      "NetworkManager/conf.d/meshwright.conf".source = cfg.out + "/host/network-manager.conf";
    };

    systemd.services = {
      meshwright-firewall.reloadTriggers = [ table ];
      meshwright-guards = {
        reloadTriggers = [ guards ];
        before = [ "wireguard-${wireguard.interface}.service" ];
      };
      "wireguard-${wireguard.interface}" = requiresTable;
      kubelet = requiresTable;
    };
  };
}
