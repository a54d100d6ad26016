# The mesh: one interface, and one unit per peer, so that a new peer does not restart the tunnel.
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

  # The name that nixpkgs gives (nixos/modules/services/networking/wireguard.nix, keyToUnitName).
  peerUnit = peer: "${unit}-peer-${lib.replaceStrings [ "-" ] [ "\\x2d" ] peer.name}";

  # Before the first delivery, the units do not start and do not fail.
  delivered.unitConfig.ConditionPathExists = wireguard.private_key_file;

  # Only meshwright-resolve.timer resolves names: `wg set` would block on a name that does not resolve, and
  # nixpkgs' refresh would reset a peer that has roamed to the old address of its name.
  isAddress = endpoint: builtins.match "([0-9.]+|\\[.*]):[0-9]+" endpoint != null;

  peer = peer: {
    inherit (peer) name;
    publicKey = peer.public_key;
    presharedKeyFile = peer.preshared_key_file or null;
    allowedIPs = peer.allowed_ips;
    endpoint = if isAddress (peer.endpoint or "") then peer.endpoint else null;
    persistentKeepalive = peer.persistent_keepalive or null;
  };

  # meshwright-node reads the same files as on other hosts.
  files = [
    "${interface}.conf"
    "${interface}.peers"
    "${interface}.routes"
    "${interface}.endpoints"
    "${interface}.relays"
  ];
  present = lib.filter (file: builtins.pathExists (cfg.folder + "/${file}")) files;

  # Not the path in the store: a new version of the script must not restart the tunnel.
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
        message = "services.meshwright: the private key of ${interface} would be in the Nix store, where every user can read it.";
      }
    ];

    networking.wireguard = {
      interfaces.${interface} = {
        ips = [ wireguard.address ];
        listenPort = wireguard.listen_port;
        inherit (wireguard) mtu;
        privateKeyFile = wireguard.private_key_file;
        # BIRD would learn such routes and advertise the pods of other nodes.
        allowedIPsAsRoutes = false;
        peers = map peer wireguard.peers;
      };
    }
    # networkd has no units that kubelet can be ordered after, and it restarts the interface for a new peer.
    // lib.optionalAttrs (options.networking.wireguard ? useNetworkd) { useNetworkd = false; };

    environment.etc = lib.listToAttrs (
      map (
        file:
        lib.nameValuePair "wireguard/${file}" {
          source = cfg.folder + "/${file}";
          # wg-quick(8) warns if other users can read it.
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
      meshwright-relays = {
        after = [ "${unit}.target" ];
        # It reads its list when it starts.
        restartTriggers = lib.filter (file: lib.hasSuffix ".relays" (toString file)) (
          map (file: cfg.folder + "/${file}") present
        );
      };
    }
    // lib.listToAttrs (map (peer: lib.nameValuePair (peerUnit peer) delivered) wireguard.peers);

    # dhcpcd would request leases on the interfaces of pods.
    networking.dhcpcd.denyInterfaces = [
      interface
      "cali*"
    ];
  };
}
