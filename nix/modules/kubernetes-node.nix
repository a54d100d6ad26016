# What kubeadm and kubelet need of a machine. Not services.kubernetes: it brings certificates, a CNI
# and a kubelet of its own, and empties /opt/cni/bin, where Calico installs itself.
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

  # Numbers as numbers: nixpkgs takes the larger of two, where somebody else sets one too.
  parameter = value: if builtins.match "[0-9]+" value != null then lib.toInt value else value;

  filesIn =
    target: folder:
    lib.mapAttrs' (file: _: lib.nameValuePair "${target}/${file}" { source = folder + "/${file}"; }) (
      builtins.readDir folder
    );

  # kubeadm's preflight wants these in PATH (cmd/kubeadm/app/preflight/checks.go), kubelet uses them.
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
          kubeadm of another minor version refuses to join. Set services.meshwright.kubernetesPackage as
          docs/nix.md says.
        '';
      }
      {
        assertion = lib.versionAtLeast pkgs.containerd.version "2";
        message = "services.meshwright: containerd ${pkgs.containerd.version} does not read a configuration of version 3; use a newer nixpkgs.";
      }
      {
        assertion = with config.system.etc.overlay; enable -> mutable;
        message = "services.meshwright: kubeadm writes to /etc/kubernetes, so system.etc.overlay.mutable must stay true.";
      }
    ];

    boot.kernelModules = cfg.plan.kernel_modules;
    boot.kernel.sysctl = lib.mapAttrs (_: parameter) cfg.plan.sysctl;

    # kubelet does not start while there is swap.
    swapDevices = lib.mkForce [ ];
    zramSwap.enable = lib.mkForce false;

    # By force: nixpkgs' own settings are of version 2, and let plugins be sought in the store, where
    # Calico cannot install them.
    virtualisation.containerd = {
      enable = true;
      settings = lib.mkForce (lib.importTOML (containerd + "/config.toml"));
    };

    # Files, each for itself: the folders stay writable for kubeadm.
    environment.etc = {
      # Read by meshwright-node too, before kubeadm starts.
      "modules-load.d/meshwright.conf".source = cfg.out + "/host/modules-load.conf";
      "kubernetes/kubeadm.yaml".source = cfg.folder + "/kubeadm.yaml";
      "kubernetes/upgrade.yaml".source = cfg.folder + "/upgrade.yaml";
    }
    // filesIn "kubernetes/patches" (cfg.folder + "/patches")
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

    # Before several API servers, on each host.
    services.haproxy = lib.mkIf (cfg.plan ? load_balancer) {
      enable = true;
      config = builtins.readFile (cfg.out + "/host/haproxy.cfg");
    };

    # A switch must not cut kubeadm short.
    systemd.services.meshwright-bootstrap = {
      after = [ "wireguard-${wireguard.interface}.target" ];
      restartIfChanged = false;
    };

    # As kubernetes/release ships it (cmd/krel/templates/latest/kubelet, and kubeadm's drop-in).
    systemd.services.kubelet = {
      description = "kubelet: The Kubernetes Node Agent";
      documentation = [ "https://kubernetes.io/docs/" ];
      wantedBy = [ "multi-user.target" ];
      # Wants, not Requires: stopping the mesh must not stop kubelet.
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
