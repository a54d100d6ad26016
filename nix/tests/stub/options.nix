# The options of NixOS that our modules and tests set or read, with the types of NixOS.
{
  config,
  lib,
  pkgs,
  ...
}:
let
  inherit (lib) types;
  option = type: default: lib.mkOption { inherit type default; };
  list = type: option (types.listOf type) [ ];
  set = type: option (types.attrsOf type) { };
  submodule = options: types.submodule { inherit options; };

  unit = {
    wantedBy = list types.str;
    wants = list types.str;
    after = list types.str;
    before = list types.str;
    documentation = list types.str;
    description = option types.str "";
    unitConfig = set types.raw;
  };
  service = submodule (
    unit
    // {
      path = list types.package;
      serviceConfig = set types.raw;
      reloadTriggers = list types.raw;
      restartIfChanged = option types.bool true;
    }
  );

  peer = submodule {
    name = lib.mkOption { type = types.str; };
    publicKey = lib.mkOption { type = types.str; };
    presharedKeyFile = option (types.nullOr types.str) null;
    allowedIPs = lib.mkOption { type = types.listOf types.str; };
    endpoint = option (types.nullOr types.str) null;
    persistentKeepalive = option (types.nullOr types.int) null;
  };
  interface = submodule {
    ips = list types.str;
    listenPort = option (types.nullOr types.int) null;
    mtu = option (types.nullOr types.int) null;
    privateKeyFile = option (types.nullOr types.path) null;
    allowedIPsAsRoutes = option types.bool true;
    peers = list peer;
  };

  etc = submodule {
    source = lib.mkOption { type = types.path; };
    mode = option types.str "symlink";
  };
in
{
  options = {
    assertions = list types.raw;
    nixpkgs.hostPlatform = lib.mkOption { type = types.str; };
    system.stateVersion = option types.str "26.05";
    system.etc.overlay = {
      enable = option types.bool false;
      mutable = option types.bool true;
    };
    boot = {
      kernelModules = list types.str;
      kernel.sysctl = set (
        types.oneOf [
          types.bool
          types.int
          types.str
        ]
      );
      loader.grub.enable = option types.bool true;
    };
    fileSystems = set types.attrs;
    swapDevices = list types.attrs;
    zramSwap.enable = option types.bool false;
    networking = {
      hostName = option types.str "nixos";
      hosts = set (types.listOf types.str);
      dhcpcd.denyInterfaces = list types.str;
      firewall.enable = option types.bool true;
      nftables.enable = option types.bool false;
      wireguard = {
        interfaces = set interface;
        useNetworkd = option types.bool false;
      };
    };
    services = {
      openssh = {
        enable = option types.bool false;
        ports = option (types.listOf types.port) [ 22 ];
      };
      haproxy = {
        enable = option types.bool false;
        config = option (types.nullOr types.lines) null;
      };
    };
    virtualisation.containerd = {
      enable = option types.bool false;
      settings = option types.attrs { };
    };
    environment = {
      systemPackages = list types.package;
      etc = set etc;
    };
    systemd = {
      packages = list types.package;
      services = set service;
      timers = set (submodule unit);
      tmpfiles.rules = list types.str;
    };
    system.build = option types.attrs { };
  };

  # As in NixOS, a configuration with a failed assertion does not evaluate.
  config.system.build.toplevel =
    let
      failed = lib.filter (entry: !entry.assertion) config.assertions;
    in
    if failed == [ ] then
      pkgs.writeText "nixos-${config.networking.hostName}" (lib.toJSON config.environment.etc)
    else
      throw "Failed assertions: ${lib.concatStringsSep "\n" (map (entry: entry.message) failed)}";
}
