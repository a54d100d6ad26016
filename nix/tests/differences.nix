# The names of the fields in which an evaluated machine differs from node.json and the files beside it.
# Each field of node.json needs a comparison here; a field without one counts as a difference.
{ lib }:
{
  config,
  out,
  node,
}:
let
  folder = out + "/nodes/${node}";
  host = out + "/host";
  plan = lib.importJSON (folder + "/node.json");
  inherit (plan) wireguard;

  interface = config.networking.wireguard.interfaces.${wireguard.interface};
  hosts = lib.concatLists (
    lib.mapAttrsToList (address: names: map (name: "${address} ${name}") names) config.networking.hosts
  );
  containerd = config.virtualisation.containerd.settings;
  # containerd spells the port of a registry `_5000_` in a path.
  folderOfRegistry =
    registry:
    if lib.hasInfix ":" registry then lib.replaceStrings [ ":" ] [ "_" ] registry + "_" else registry;
  kubelet = config.systemd.services.kubelet;
  requiresTable =
    unit:
    lib.hasInfix "/bin/nft list table inet meshwright " (
      toString (config.systemd.services.${unit}.serviceConfig.ExecStartPre or "")
    );
  containsAll = required: found: lib.all (value: lib.elem value found) required;

  etcText = path: builtins.readFile config.environment.etc.${path}.source;
  etcEquals = path: file: config.environment.etc ? ${path} && etcText path == builtins.readFile file;
  isListed =
    endpoint: lib.hasInfix " ${endpoint}\n" (etcText "wireguard/${wireguard.interface}.endpoints");

  # A peer of the configuration, in the form of node.json.
  toPlanned =
    peer:
    lib.filterAttrs (_: value: value != null) {
      inherit (peer) name;
      public_key = peer.publicKey;
      preshared_key_file = peer.presharedKeyFile;
      allowed_ips = peer.allowedIPs;
      persistent_keepalive = peer.persistentKeepalive;
    };
  # The endpoint is compared alone, and only `meshwright prove` reads what a client may reach.
  withoutOthers =
    peer:
    removeAttrs peer [
      "endpoint"
      "reach"
    ];
  endpointEquals =
    planned: configured:
    if configured.endpoint != null then
      configured.endpoint == planned.endpoint or null
    else
      planned ? endpoint -> isListed planned.endpoint;

  fields = {
    schema_version = plan.schema_version == 1;
    cluster = etcEquals "meshwright/node.env" (folder + "/node.env");
    name = config.networking.hostName == plan.name;
    # kubeadm.yaml contains whether the node initialises the cluster or joins it.
    role = etcEquals "kubernetes/kubeadm.yaml" (folder + "/kubeadm.yaml");
    # Only other hosts have a first boot that installs packages.
    os = plan.os == "nixos" && config.systemd.services.meshwright-prepare.wantedBy == [ ];
    arch =
      config.nixpkgs.hostPlatform.system or config.nixpkgs.hostPlatform == (import ../lib/platforms.nix)
      .${plan.arch};
    wireguard =
      interface.ips == [ wireguard.address ]
      && interface.listenPort == wireguard.listen_port
      && interface.mtu == wireguard.mtu
      && interface.mtu < wireguard.underlay_mtu
      && interface.mtu < wireguard.site_mtu or wireguard.underlay_mtu
      && interface.privateKeyFile == wireguard.private_key_file
      && !interface.allowedIPsAsRoutes
      && lib.all (peer: peer.publicKey != wireguard.public_key) interface.peers
      && map toPlanned interface.peers == map withoutOthers wireguard.peers
      && lib.all lib.id (lib.zipListsWith endpointEquals wireguard.peers interface.peers)
      && etcEquals "wireguard/${wireguard.interface}.conf" (folder + "/${wireguard.interface}.conf");
    pod_routes = etcEquals "wireguard/${wireguard.interface}.routes" (
      folder + "/${wireguard.interface}.routes"
    );
    route_guards = etcEquals "meshwright/guards.routes" (host + "/guards.routes");
    # The routes, peers and rules that follow from them are compared above and below; only `meshwright prove` reads the list.
    networks = plan ? networks -> plan.networks != [ ];
    firewall =
      etcEquals "meshwright/nftables.conf" (folder + "/nftables.conf")
      && !config.networking.firewall.enable
      && !config.networking.nftables.enable
      && lib.elem "sysinit.target" config.systemd.services.meshwright-firewall.wantedBy
      && lib.elem "timers.target" config.systemd.timers.meshwright-watch.wantedBy
      && lib.all requiresTable [
        "wireguard-${wireguard.interface}"
        "kubelet"
      ];
    kernel_modules =
      containsAll plan.kernel_modules config.boot.kernelModules
      && etcEquals "modules-load.d/meshwright.conf" (host + "/modules-load.conf");
    sysctl = lib.all (name: toString config.boot.kernel.sysctl.${name} == plan.sysctl.${name}) (
      lib.attrNames plan.sysctl
    );
    hosts = containsAll (lib.concatMap (
      entry: map (name: "${entry.address} ${name}") entry.names
    ) plan.hosts) hosts;
    containerd =
      containerd == lib.importTOML (host + "/containerd/config.toml")
      &&
        containerd.plugins."io.containerd.cri.v1.images".pinned_images.sandbox
        == plan.containerd.sandbox_image
      && lib.all (
        registry:
        etcEquals "containerd/certs.d/${registry}/hosts.toml" (
          host + "/containerd/certs.d/${registry}/hosts.toml"
        )
      ) (map folderOfRegistry (lib.attrNames plan.containerd.mirrors));
    load_balancer =
      plan ? load_balancer
      -> (
        config.services.haproxy.enable
        && lib.hasInfix (builtins.readFile (host + "/haproxy.cfg")) config.services.haproxy.config
      );
    kubernetes =
      lib.hasPrefix "${config.services.meshwright.kubernetesPackage}/bin/kubelet " kubelet.serviceConfig.ExecStart
      && etcEquals "kubernetes/upgrade.yaml" (folder + "/upgrade.yaml")
      && lib.all (patch: etcEquals "kubernetes/patches/${patch}" (folder + "/patches/${patch}")) (
        lib.attrNames (builtins.readDir (folder + "/patches"))
      )
      && plan.kubernetes.kubeadm_config == "/etc/kubernetes/kubeadm.yaml"
      && plan.kubernetes.patches_directory == "/etc/kubernetes/patches";
  };

  failed = map (entry: entry.message) (lib.filter (entry: !entry.assertion) config.assertions);
  unknown = lib.subtractLists (lib.attrNames fields) (lib.attrNames plan);
in
lib.attrNames (lib.filterAttrs (_: same: !same) fields)
++ map (field: "${field}: this field is not compared") unknown
++ failed
