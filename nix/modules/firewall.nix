# The emitted table and the route guards, loaded by the same units as on every other host.
{ config, lib, ... }:
let
  cfg = config.services.meshwright;
  inherit (cfg.plan) firewall wireguard;
  table = cfg.folder + "/nftables.conf";
  guards = cfg.out + "/host/guards.routes";
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = !config.networking.nftables.enable;
        message = "services.meshwright: networking.nftables would load a second firewall beside Meshwright's own table; take it out.";
      }
      {
        assertion =
          config.services.openssh.enable -> lib.elem firewall.ssh_port config.services.openssh.ports;
        message = "services.meshwright: sshd listens on other ports than ${toString firewall.ssh_port}, the one that the firewall lets in: set `ssh_port` of [firewall], or services.openssh.ports.";
      }
    ];

    # It filters input alone, and differs from what `meshwright prove` reads.
    networking.firewall.enable = false;

    environment.etc = {
      "meshwright/nftables.conf".source = table;
      "meshwright/guards.routes".source = guards;
      # Else networkd and NetworkManager take our interfaces and routes for leftovers.
      "systemd/networkd.conf.d/meshwright.conf".source = cfg.out + "/host/networkd.conf";
      "NetworkManager/conf.d/meshwright.conf".source = cfg.out + "/host/network-manager.conf";
    };

    systemd.services = {
      meshwright-firewall.reloadTriggers = [ table ];
      meshwright-guards = {
        reloadTriggers = [ guards ];
        before = [ "wireguard-${wireguard.interface}.service" ];
      };
    };
  };
}
