#!/usr/bin/env bash
# Creates a root file system of Debian with cloud-init, like the image of a provider, with the distribution's
# packages installed: image.sh FOLDER SUITE
set -euo pipefail
folder=$1 suite=$2
packages=(
  apt systemd systemd-sysv dbus bird2 cloud-init sudo ca-certificates conntrack ethtool gpg haproxy iproute2 ipset
  iptables iputils-ping kmod netbase nftables openssl procps python3 socat systemd-timesyncd ufw
  wireguard-go wireguard-tools
)
printf -v include '%s,' "${packages[@]}"

# Remains of an interrupted run.
rm -rf "$folder.new"
mmdebstrap --quiet --variant=minbase --include="${include%,}" \
  --aptopt='Apt::Install-Recommends "false"' "$suite" "$folder.new"

root=$folder.new
# The host boots without a network, and it cannot load kernel modules.
: >"$root/etc/apt/sources.list"
printf '#!/bin/sh\necho "$@" >>/var/lib/probe/modprobe\n' >"$root/usr/local/sbin/modprobe"
chmod 755 "$root/usr/local/sbin/modprobe"
# Conditions that `prepare` must handle: a provider's /etc/hosts, swap, another firewall, and apt's own timers.
cat >"$root/etc/cloud/cloud.cfg.d/99-image.cfg" <<'CONFIG'
datasource_list: [NoCloud, None]
manage_etc_hosts: true
locale: C.UTF-8
ssh_genkeytypes: [ed25519]
CONFIG
echo '/swapfile none swap sw 0 0' >"$root/etc/fstab"
systemctl --root="$root" --quiet enable ufw.service
systemctl --root="$root" --quiet disable bird.service
systemctl --root="$root" --quiet mask e2scrub_all.timer e2scrub_reap.service systemd-networkd-wait-online.service

# The package repository, on the port of the test's topology. It may start late, as a mirror that does not answer.
cat >"$root/etc/systemd/system/repository.service" <<'UNIT'
[Service]
TimeoutStartSec=infinity
ExecStartPre=/bin/sh -c 'sleep "$(cat /srv/late || echo 0)"'
ExecStart=/usr/bin/python3 -m http.server --bind 127.0.0.1 --directory /srv/www 8080
[Install]
WantedBy=sysinit.target
UNIT
cat >"$root/etc/systemd/system/probe.service" <<'UNIT'
[Unit]
After=cloud-final.service meshwright-prepare.service
ConditionPathExists=/srv/probe.sh
[Service]
Type=oneshot
ExecStart=/srv/probe.sh
ExecStopPost=/bin/systemctl poweroff
[Install]
WantedBy=cloud-init.target
UNIT
# A placeholder for sshd: it accepts connections, as the firewall's check requires.
cat >"$root/etc/systemd/system/ssh.service" <<'UNIT'
[Service]
ExecStart=/usr/bin/socat TCP-LISTEN:22,fork,reuseaddr /dev/null
[Install]
WantedBy=sysinit.target
UNIT
# The interface to other hosts, if there are any: up when the network of an image is. Not with networkd, which waits for udev: containers have none.
cat >"$root/etc/systemd/system/underlay.service" <<'UNIT'
[Unit]
DefaultDependencies=no
After=local-fs.target cloud-init-local.service
Before=network.target cloud-init.service cloud-init-network.service
ConditionPathExists=/srv/address
[Service]
Type=oneshot
ExecStart=/bin/sh -c 'ip address add "$(cat /srv/address)" dev host0 && ip link set host0 up && ip route add default via 203.0.113.254'
[Install]
WantedBy=sysinit.target
UNIT
# A service of the image that listens early, and another program that holds apt's lock of its lists.
cat >"$root/etc/systemd/system/early.service" <<'UNIT'
[Unit]
DefaultDependencies=no
ConditionPathExists=/srv/address
[Service]
ExecStart=/usr/bin/socat TCP-LISTEN:9999,fork,reuseaddr /dev/null
[Install]
WantedBy=sysinit.target
UNIT
cat >"$root/etc/systemd/system/lock.service" <<'UNIT'
[Unit]
DefaultDependencies=no
ConditionPathExists=/srv/lock
[Service]
ExecStart=/usr/bin/python3 -c "import fcntl, time; file = open('/var/lib/apt/lists/lock', 'w'); fcntl.lockf(file, fcntl.LOCK_EX); time.sleep(float(open('/srv/lock').read()))"
[Install]
WantedBy=sysinit.target
UNIT
# The clock is the machine's, and cannot be set in the container.
cat >"$root/usr/local/bin/timedatectl" <<'SH'
#!/bin/sh
cat /run/clock 2>/dev/null || echo yes
SH
# A test can move the time forward with /run/later.
cat >"$root/usr/local/bin/date" <<'SH'
#!/bin/sh
case "$*" in
  *--date*) exec /usr/bin/date "$@" ;;
  *) exec /usr/bin/date --date="$(cat /run/later 2>/dev/null || echo now)" "$@" ;;
esac
SH
chmod 755 "$root/usr/local/bin/timedatectl" "$root/usr/local/bin/date"
mkdir -p "$root/var/lib/probe"
systemctl --root="$root" --quiet enable repository.service probe.service ssh.service underlay.service \
  early.service lock.service
mv "$folder.new" "$folder"
