# meshwright-node and the units of out/host, as on other hosts, with the store paths of the programs.
{
  lib,
  runCommand,
  bash,
  coreutils,
  conntrack-tools,
  containerd,
  cri-tools,
  curl,
  diffutils,
  ebtables,
  ethtool,
  findutils,
  gawk,
  getent,
  gnugrep,
  gnused,
  gnutar,
  gzip,
  iproute2,
  ipset,
  iptables,
  iputils,
  kmod,
  mount,
  nftables,
  openssl,
  procps,
  socat,
  systemd,
  util-linux,
  wireguard-tools,
  kubernetes,
  host,
}:
let
  path = lib.makeBinPath [
    bash
    coreutils
    conntrack-tools
    containerd
    cri-tools
    curl
    diffutils
    ebtables
    ethtool
    findutils
    gawk
    getent
    gnugrep
    gnused
    gnutar
    gzip
    iproute2
    ipset
    iptables
    iputils
    kmod
    kubernetes
    mount
    nftables
    openssl
    procps
    socat
    systemd
    util-linux
    wireguard-tools
  ];
in
runCommand "meshwright-node"
  {
    meta.mainProgram = "meshwright-node";
  }
  ''
    mkdir -p "$out/bin" "$out/lib/systemd/system"
    {
      printf '#!%s\nexport PATH=%s\n' ${bash}/bin/bash ${path}
      tail -n +2 ${host + "/meshwright-node"}
    } >"$out/bin/meshwright-node"
    chmod 755 "$out/bin/meshwright-node"
    for unit in ${host + "/systemd"}/*.{service,timer}; do
      sed -e 's|/usr/sbin/ip |${iproute2}/bin/ip |' \
        -e 's|/usr/sbin/nft |${nftables}/bin/nft |' \
        -e "s|/usr/local/sbin/meshwright-node|$out/bin/meshwright-node|" \
        "$unit" >"$out/lib/systemd/system/''${unit##*/}"
    done
    if grep -rn /usr/ "$out/lib"; then
      echo 'NixOS does not have this path: replace it in nix/packages/meshwright-node.nix' >&2
      exit 1
    fi
  ''
