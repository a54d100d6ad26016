# The requirements of kubeadm and kubelet. services.kubernetes is not used: it has its own certificates, CNI
# and kubelet, and it empties /opt/cni/bin, where Calico installs its plugins.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.meshwright;
  inherit (cfg.plan) kubernetes wireguard;
  containerd = cfg.out + "/host/containerd";
  mirrors = containerd + "/certs.d";
  apiServer = cfg.folder + "/api-server";

  # Numbers as integers: nixpkgs merges two integers to the larger one, where another module sets one too.
  parameter = value: if builtins.match "[0-9]+" value != null then lib.toInt value else value;

  filesIn =
    target: folder:
    lib.mapAttrs' (file: _: lib.nameValuePair "${target}/${file}" { source = folder + "/${file}"; }) (
      builtins.readDir folder
    );

  # kubeadm's preflight checks require these in PATH (cmd/kubeadm/app/preflight/checks.go); kubelet runs them.
  tools = with pkgs; [
    conntrack-tools
    cri-tools
    ebtables
    ethtool
    iproute2
    ipset
    iptables
    ipvsadm
    kmod
    mount
    nftables
    socat
    util-linux
  ];

  minor = version: lib.concatStringsSep "." (lib.take 2 (lib.splitVersion version));
in
{
  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = minor cfg.kubernetesPackage.version == minor kubernetes.version;
        message = ''
          services.meshwright: the cluster runs Kubernetes ${kubernetes.version}, and kubernetesPackage is ${cfg.kubernetesPackage.version}:
          kubeadm of another minor version refuses to join. Set services.meshwright.kubernetesPackage: see
          docs/nix.md.
        '';
      }
      {
        assertion = lib.versionAtLeast pkgs.containerd.version "2";
        message = "services.meshwright: containerd ${pkgs.containerd.version} does not support a configuration of version 3: use a newer nixpkgs.";
      }
      {
        assertion = with config.system.etc.overlay; enable -> mutable;
        message = "services.meshwright: kubeadm writes to /etc/kubernetes, so system.etc.overlay.mutable must stay true.";
      }
    ];

    boot.kernelModules = cfg.plan.kernel_modules;
    boot.kernel.sysctl = lib.mapAttrs (_: parameter) cfg.plan.sysctl;

    # kubelet does not start if swap is on.
    swapDevices = lib.mkForce [ ];
    zramSwap.enable = lib.mkForce false;

    # mkForce, because nixpkgs' own settings have version 2 and set the plugin folder to the store, where
    # Calico cannot install its plugins.
    virtualisation.containerd = {
      enable = true;
      settings = lib.mkForce (lib.importTOML (containerd + "/config.toml"));
    };

    # Single files, so that the folders stay writable for kubeadm.
    environment.etc = {
      # meshwright-node reads it too, before kubeadm starts.
      "modules-load.d/meshwright.conf".source = cfg.out + "/host/modules-load.conf";
      "kubernetes/kubeadm.yaml".source = cfg.folder + "/kubeadm.yaml";
      "kubernetes/upgrade.yaml".source = cfg.folder + "/upgrade.yaml";
    }
    // filesIn "kubernetes/patches" (cfg.folder + "/patches")
    # Copies and not links: the container of the API server has this folder without the store.
    // lib.optionalAttrs (builtins.pathExists apiServer) (
      lib.mapAttrs (_: file: file // { mode = "0644"; }) (filesIn "meshwright/api-server" apiServer)
    )
    // lib.optionalAttrs (builtins.pathExists mirrors) (
      lib.concatMapAttrs (
        registry: _: filesIn "containerd/certs.d/${registry}" (mirrors + "/${registry}")
      ) (builtins.readDir mirrors)
    );

    systemd.tmpfiles.rules = [
      "d /etc/cni/net.d 0755 root root -"
      "d /etc/kubernetes/manifests 0755 root root -"
      "d /opt/cni/bin 0755 root root -"
    ];

    environment.systemPackages = [ cfg.kubernetesPackage ] ++ tools;

    # The load balancer for several API servers, on each host.
    services.haproxy = lib.mkIf (cfg.plan ? load_balancer) {
      enable = true;
      config = builtins.readFile (cfg.out + "/host/haproxy.cfg");
    };

    # `nixos-rebuild switch` must not interrupt kubeadm.
    systemd.services.meshwright-bootstrap = {
      after = [ "wireguard-${wireguard.interface}.target" ];
      restartIfChanged = false;
    };

    # The same unit as in kubernetes/release (cmd/krel/templates/latest/kubelet, and kubeadm's drop-in).
    systemd.services.kubelet = {
      description = "kubelet: The Kubernetes Node Agent";
      documentation = [ "https://kubernetes.io/docs/" ];
      wantedBy = [ "multi-user.target" ];
      # `wants` and not `requires`: stopping the mesh must not stop kubelet.
      wants = [
        "network-online.target"
        "wireguard-${wireguard.interface}.target"
      ];
      after = [
        "containerd.service"
        "network-online.target"
        "wireguard-${wireguard.interface}.target"
      ];
      path = tools;
      unitConfig = {
        # Written by kubeadm, which then starts kubelet.
        ConditionPathExists = "/var/lib/kubelet/config.yaml";
        StartLimitIntervalSec = 0;
      };
      serviceConfig = {
        EnvironmentFile = [
          "-/var/lib/kubelet/kubeadm-flags.env"
          "-/etc/default/kubelet"
        ];
        ExecStart = "${cfg.kubernetesPackage}/bin/kubelet --bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf --config=/var/lib/kubelet/config.yaml $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS";
        StateDirectory = "kubelet";
        Restart = "always";
        RestartSec = 10;
      };
    };
  };
}
