#!/usr/bin/env bash
# Creates a Debian like the image of a provider: systemd, cloud-init and sshd, and none of the packages that
# `meshwright-node prepare` installs. Those are downloaded into POOL, a flat repository. CONTAINER becomes a small root
# file system for container images: image.sh FOLDER SUITE POOL CONTAINER
set -euo pipefail
folder=$1 suite=$2 pool=$3 container=$4
packages=(
  apt systemd systemd-sysv dbus cloud-init sudo ca-certificates netbase openssh-server iproute2 procps python3
  iputils-ping wireguard-go
)
# The packages of `prepare`, and the runc that the package containerd.io contains upstream.
offered=(
  conntrack ethtool gpg haproxy ipset iptables kmod nftables openssl runc socat systemd-timesyncd wireguard-tools
)
# What kube-proxy and the stand-in of calico-node start.
contained=(base-files bird2 iproute2 iptables netbase nftables)
printf -v include '%s,' "${packages[@]}"

printf -v include_contained '%s,' "${contained[@]}"
options=(
  --quiet --aptopt='Apt::Install-Recommends "false"' --aptopt='Acquire::Retries "5"'
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-exclude=/usr/share/locale/*'
)

# Remains of an interrupted run.
rm -rf "$folder.new" "$pool.new" "$container.new"
mkdir -p "$pool.new"
debstrap() {
  # A mirror that does not answer once ends mmdebstrap, in spite of Acquire::Retries.
  local attempt
  for attempt in 1 2 3; do
    if mmdebstrap "${options[@]}" "$@"; then return 0; fi
    rm -rf "${@: -1}"
    sleep $((attempt * 20))
  done
  return 1
}
debstrap --variant=minbase --include="${include%,}" \
  --customize-hook="chroot \"\$1\" apt-get install -y --download-only --no-install-recommends ${offered[*]} >/dev/null" \
  --customize-hook="cp \"\$1\"/var/cache/apt/archives/*.deb $pool.new/" \
  "$suite" "$folder.new"
(cd "$pool.new" && apt-ftparchive packages . >Packages)

root=$folder.new
: >"$root/etc/machine-id"
rm -f "$root"/etc/apt/sources.list.d/*
cat >"$root/etc/cloud/cloud.cfg.d/99-image.cfg" <<'CONFIG'
datasource_list: [NoCloud, None]
manage_etc_hosts: true
apt: {preserve_sources_list: true}
locale: C.UTF-8
ssh_genkeytypes: [ed25519]
CONFIG
mkdir -p "$root/usr/local/sbin" "$root/usr/local/bin" "$root/sys/fs/bpf" "$root/lib/modules"
systemctl --root="$root" --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
  e2scrub_reap.service systemd-networkd-wait-online.service systemd-networkd.service fstrim.timer

# Packages are only unpacked, so there are no alternatives.
debstrap --variant=extract --include="${include_contained%,}" "$suite" "$container.new"
rm -rf "$container.new"/dev/* "$container.new"/var/{cache,lib}/*
for program in {ip,ip6}tables{,-save,-restore}; do
  ln -s xtables-nft-multi "$container.new/usr/sbin/$program"
done

rm -rf "$pool" "$container"
mv "$container.new" "$container"
mv "$pool.new" "$pool"
mv "$folder.new" "$folder"
