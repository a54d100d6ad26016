#!/usr/bin/env bash
# Makes a root file system of Debian with cloud-init, as a provider's image would have it, with the
# distribution's packages already there: image.sh FOLDER SUITE
set -euo pipefail
folder=$1 suite=$2
packages=(
  apt systemd systemd-sysv dbus bird2 cloud-init sudo ca-certificates conntrack ethtool gpg haproxy iproute2 ipset
  iptables iputils-ping kmod netbase nftables openssl procps python3 socat systemd-timesyncd ufw
  wireguard-go wireguard-tools
)
printf -v include '%s,' "${packages[@]}"

# What an interrupted run has left.
rm -rf "$folder.new"
mmdebstrap --quiet --variant=minbase --include="${include%,}" \
  --aptopt='Apt::Install-Recommends "false"' "$suite" "$folder.new"

root=$folder.new
# It is booted without a network, and modules are the kernel's own business.
: >"$root/etc/apt/sources.list"
printf '#!/bin/sh\necho "$@" >>/var/lib/probe/modprobe\n' >"$root/usr/local/sbin/modprobe"
chmod 755 "$root/usr/local/sbin/modprobe"
# What `prepare` must cope with: a provider's /etc/hosts, swap, and two foreign firewalls.
cat >"$root/etc/cloud/cloud.cfg.d/99-image.cfg" <<'CONFIG'
datasource_list: [NoCloud, None]
manage_etc_hosts: true
locale: C.UTF-8
ssh_genkeytypes: [ed25519]
CONFIG
echo '/swapfile none swap sw 0 0' >"$root/etc/fstab"
systemctl --root="$root" --quiet enable nftables.service ufw.service
systemctl --root="$root" --quiet disable bird.service
systemctl --root="$root" --quiet mask apt-daily.timer apt-daily-upgrade.timer e2scrub_all.timer \
  e2scrub_reap.service systemd-networkd-wait-online.service

# The repository, on the port that the topology of the test names.
cat >"$root/etc/systemd/system/repository.service" <<'UNIT'
[Service]
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /srv/www 8080
[Install]
WantedBy=sysinit.target
UNIT
cat >"$root/etc/systemd/system/probe.service" <<'UNIT'
[Unit]
After=cloud-final.service
ConditionPathExists=/srv/probe.sh
[Service]
Type=oneshot
ExecStart=/srv/probe.sh
ExecStopPost=/bin/systemctl poweroff
[Install]
WantedBy=cloud-init.target
UNIT
# sshd, as far as the firewall asks for it: it takes connections.
cat >"$root/etc/systemd/system/ssh.service" <<'UNIT'
[Service]
ExecStart=/usr/bin/socat TCP-LISTEN:22,fork,reuseaddr /dev/null
[Install]
WantedBy=sysinit.target
UNIT
# The interface towards other hosts, where there are any. No networkd: it waits for udev, which no container
# has.
cat >"$root/etc/systemd/system/underlay.service" <<'UNIT'
[Unit]
ConditionPathExists=/srv/address
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'ip address add "$(cat /srv/address)" dev host0 && ip link set host0 up'
[Install]
WantedBy=sysinit.target
UNIT
# Its clock is the machine's, and nobody sets it from inside.
cat >"$root/usr/local/bin/timedatectl" <<'SH'
#!/bin/sh
cat /run/clock 2>/dev/null || echo yes
SH
# And where a test says so, it is later.
cat >"$root/usr/local/bin/date" <<'SH'
#!/bin/sh
case "$*" in
  *--date*) exec /usr/bin/date "$@" ;;
  *) exec /usr/bin/date --date="$(cat /run/later 2>/dev/null || echo now)" "$@" ;;
esac
SH
chmod 755 "$root/usr/local/bin/timedatectl" "$root/usr/local/bin/date"
mkdir -p "$root/var/lib/probe"
systemctl --root="$root" --quiet enable repository.service probe.service ssh.service underlay.service
mv "$folder.new" "$folder"
