# The options that all modules read: the node's folder in out/, and its node.json. Both are files of the
# source tree, so evaluation builds nothing.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  cfg = config.services.meshwright;

  # `SCHEMA_VERSION` of generator/src/plan/host.rs: the schema version of node.json that these modules support.
  schemaVersion = 1;

  platforms = import ../lib/platforms.nix;

  systemd = cfg.out + "/host/systemd";
  # Units that differ from those of a Debian host only in the paths of programs. NixOS ignores [Install], so
  # this module sets `wantedBy`.
  units = lib.filterAttrs (_: kind: kind == "regular") (builtins.readDir systemd);
  wantedBy =
    file:
    let
      install = builtins.match ".*\nWantedBy=([^\n]+)\n.*" (builtins.readFile (systemd + "/${file}"));
    in
    # NixOS prepares itself: that unit would try for ever.
    lib.optionals (install != null && file != "meshwright-prepare.service") (
      lib.splitString " " (lib.head install)
    );
  unitsOf =
    kind:
    lib.mapAttrs' (
      file: _: lib.nameValuePair (lib.removeSuffix ".${kind}" file) { wantedBy = wantedBy file; }
    ) (lib.filterAttrs (file: _: lib.hasSuffix ".${kind}" file) units);
in
{
  options.services.meshwright = {
    enable = lib.mkEnableOption "this machine's part in a Meshwright cluster";

    out = lib.mkOption {
      type = lib.types.path;
      example = lib.literalExpression "./out";
      description = "The folder that `meshwright generate` wrote.";
    };

    node = lib.mkOption {
      type = lib.types.str;
      example = "tokyo";
      description = "The name of this machine in the topology.";
    };

    folder = lib.mkOption {
      type = lib.types.path;
      readOnly = true;
      default = cfg.out + "/nodes/${cfg.node}";
      defaultText = lib.literalExpression "out + \"/nodes/\${node}\"";
      description = "The folder of this machine's own files.";
    };

    plan = lib.mkOption {
      type = lib.types.attrs;
      internal = true;
      default = lib.importJSON (cfg.folder + "/node.json");
      defaultText = lib.literalExpression "lib.importJSON (folder + \"/node.json\")";
      description = "The HostPlan: the whole configuration of this machine.";
    };

    package = lib.mkOption {
      type = lib.types.package;
      default = pkgs.callPackage ../packages/meshwright-node.nix {
        host = cfg.out + "/host";
        kubernetes = cfg.kubernetesPackage;
      };
      defaultText = lib.literalMD "`meshwright-node` and its units, from `out`";
      description = "The program that receives deliveries, and the units that are the same on every node.";
    };

    kubernetesPackage = lib.mkPackageOption pkgs "kubernetes" {
      extraDescription = ''
        kubeadm, kubelet and kubectl. Its version must follow the cluster and not nixpkgs: the cluster's
        version changes only with `kubeadm upgrade`.
      '';
    };
  };

  config = lib.mkIf cfg.enable {
    assertions = [
      {
        assertion = cfg.plan.schema_version == schemaVersion;
        message = "services.meshwright: ${cfg.node}'s node.json has schema version ${toString cfg.plan.schema_version}, and these modules support version ${toString schemaVersion}: run `meshwright generate` of the release that the flake uses.";
      }
      {
        assertion = cfg.plan.os == "nixos";
        message = "services.meshwright: `os` of ${cfg.node} is ${cfg.plan.os} in the topology, but this host runs NixOS.";
      }
      {
        assertion = platforms.${cfg.plan.arch} == pkgs.stdenv.hostPlatform.system;
        message = "services.meshwright: `arch` of ${cfg.node} is ${cfg.plan.arch} in the topology, but this configuration is for ${pkgs.stdenv.hostPlatform.system}.";
      }
    ];

    networking.hostName = cfg.plan.name;
    # Entries with the same address are merged.
    networking.hosts = lib.zipAttrsWith (_: lib.concatLists) (
      map (entry: { ${entry.address} = entry.names; }) cfg.plan.hosts
    );

    environment.systemPackages = [ cfg.package ];
    environment.etc = {
      "meshwright/node.env".source = cfg.folder + "/node.env";
      "meshwright/hosts".source = cfg.out + "/host/hosts";
    };

    systemd.packages = [ cfg.package ];
    systemd.services = unitsOf "service";
    systemd.timers = unitsOf "timer";
  };
}
