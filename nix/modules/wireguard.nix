# The mesh: one interface, and one unit a peer, so that a new peer leaves the tunnel up.
{
  config,
  lib,
  options,
  ...
}:
let
  cfg = config.services.meshwright;
  inherit (cfg.plan) wireguard;
  interface = wireguard.interface;
  unit = "wireguard-${interface}";

  # As nixpkgs names them (nixos/modules/services/networking/wireguard.nix, keyToUnitName).
  peerUnit = peer: "${unit}-peer-${lib.replaceStrings [ "-" ] [ "\\x2d" ] peer.name}";

  # Nothing starts, and nothing fails, before the first delivery.
  delivered.unitConfig.ConditionPathExists = wireguard.private_key_file;

  # `wg set` would wait for a dead name, and nixpkgs' refresh would turn a peer that has roamed back
  # to what its name still says: names are left to meshwright-resolve.timer.
  isAddress = endpoint: builtins.match "([0-9.]+|\\[.*]):[0-9]+" endpoint != null;

  peer = peer: {
    inherit (peer) name;
    publicKey = peer.public_key;
    presharedKeyFile = peer.preshared_key_file or null;
    allowedIPs = peer.allowed_ips;
    endpoint = if isAddress (peer.endpoint or "") then peer.endpoint else null;
    persistentKeepalive = peer.persistent_keepalive or null;
  };

  # Read by meshwright-node: the same files as on every other host.
  files = [
    "${interface}.conf"
    "${interface}.peers"
    "${interface}.routes"
    "${interface}.endpoints"
  ];
  present = lib.filter (file: builtins.pathExists (cfg.folder + "/${file}")) files;

  # Not by the package's path: a new script must not restart the tunnel.
  meshwright-node = "/run/current-system/sw/bin/meshwright-node";
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion =
          !lib.hasPrefix builtins.storeDir (
            toString config.networking.wireguard.interfaces.${interface}.privateKeyFile
          );
        message = "services.meshwright: the private key of ${interface} would be in the Nix store, where everyone reads it.";
      }
    ];

    networking.wireguard = {
      interfaces.${interface} = {
        ips = [ wireguard.address ];
        listenPort = wireguard.listen_port;
        inherit (wireguard) mtu;
        privateKeyFile = wireguard.private_key_file;
        # BIRD would learn such routes, and advertise other nodes' pods.
        allowedIPsAsRoutes = false;
        peers = map peer wireguard.peers;
      };
    }
    # With networkd there are no units to order kubelet after, and a new peer restarts the interface.
    // lib.optionalAttrs (options.networking.wireguard ? useNetworkd) { useNetworkd = false; };

    environment.etc = lib.listToAttrs (
      map (
        file:
        lib.nameValuePair "wireguard/${file}" {
          source = cfg.folder + "/${file}";
          # wg-quick(8) warns of every other mode.
          mode = if lib.hasSuffix ".conf" file then "0600" else "0644";
        }
      ) present
    );

    systemd.services = {
      ${unit} = {
        inherit (delivered) unitConfig;
        wants = [
          "meshwright-guards.service"
          "meshwright-resolve.service"
        ];
        after = [
          "meshwright-guards.service"
          "meshwright-firewall.service"
        ];
        reloadTriggers = map (file: cfg.folder + "/${file}") present;
        serviceConfig = {
          ExecStartPost = "${meshwright-node} wg-started";
          ExecReload = "${meshwright-node} wg-reload";
        };
      };
      meshwright-resolve.after = [ "${unit}.target" ];
    }
    // lib.listToAttrs (map (peer: lib.nameValuePair (peerUnit peer) delivered) wireguard.peers);

    # dhcpcd would ask for leases on each pod's interface.
    networking.dhcpcd.denyInterfaces = [
      interface
      "cali*"
    ];
  };
}
