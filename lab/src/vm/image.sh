#!/usr/bin/env bash
# Creates a machine for the emulator, like the image of a provider: image.sh FOLDER SUITE HOSTS
# FOLDER gets vmlinuz and release (Debian's kernel for clouds and its version), root.img (Debian with cloud-init,
# sshd and that kernel's modules), www (signed repositories of placeholders for Kubernetes and containerd) and
# fingerprint (of the key that signs them), and emulator (QEMU, only unpacked). HOSTS is the folder of repository.sh.
set -euo pipefail
folder=$1 suite=$2 hosts=$3
packages=(
  apt systemd systemd-sysv systemd-timesyncd udev dbus e2fsprogs cloud-init sudo openssh-server netbase python3
  ca-certificates conntrack ethtool gpg iproute2 ipset iptables iputils-ping kmod nftables openssl procps socat
  wireguard-tools
  # For the checks: it prints the virtual servers of the kernel.
  ipvsadm
)
printf -v include '%s,' "${packages[@]}"

# Remains of an interrupted run.
rm -rf "$folder.new"
mkdir -p "$folder.new/kernel"
root=$folder.new/root
# The kernel is only unpacked: its package would create an initramfs and a boot loader's configuration.
# shellcheck disable=SC2016 # the hook's shell expands them
kernel='kernel=$(chroot "$1" apt-cache depends linux-image-cloud-amd64 | sed -n "s/^ *Depends: *//p")
  chroot "$1" sh -c "cd /tmp && apt-get -qq download $kernel"
  dpkg-deb --extract "$1"/tmp/linux-image-*.deb "$1/../kernel"
  rm "$1"/tmp/linux-image-*.deb'
mmdebstrap --quiet --variant=minbase --include="${include%,}" --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' --dpkgopt='path-exclude=/usr/share/man/*' \
  --dpkgopt='path-exclude=/usr/share/locale/*' --customize-hook="$kernel" "$suite" "$root"

release=$(ls "$folder.new/kernel/usr/lib/modules")
cp -r "$folder.new/kernel/usr/lib/modules" "$root/usr/lib/"
# An emulated processor needs seconds to decompress them.
find "$root/usr/lib/modules" -name '*.ko.xz' -exec unxz --quiet {} +
depmod --basedir "$root/usr" "$release"
cp "$folder.new/kernel/boot/vmlinuz-$release" "$folder.new/vmlinuz"
echo "$release" >"$folder.new/release"

: >"$root/etc/machine-id"
: >"$root/etc/fstab"
: >"$root/etc/apt/sources.list"
rm -rf "$root"/etc/apt/sources.list.d/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*.bin
cat >"$root/etc/cloud/cloud.cfg.d/99-image.cfg" <<'CONFIG'
datasource_list: [NoCloud, None]
manage_etc_hosts: true
apt: {preserve_sources_list: true}
locale: C.UTF-8
ssh_genkeytypes: [ed25519]
CONFIG
# There is no DNS: each lookup fails at once.
echo 'nameserver 127.0.0.1' >"$root/etc/resolv.conf"
systemctl --root="$root" --quiet enable systemd-networkd.service
# Jobs that read the Internet, and units that no emitted file uses: each costs the emulator up to a second.
systemctl --root="$root" --quiet mask apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer \
  e2scrub_all.timer e2scrub_reap.service fstrim.timer systemd-logind.service systemd-binfmt.service \
  systemd-pstore.service systemd-random-seed.service getty@tty1.service serial-getty@ttyS0.service \
  modprobe@drm.service modprobe@efi_pstore.service modprobe@configfs.service modprobe@fuse.service \
  systemd-network-generator.service systemd-udev-load-credentials.service sshd-keygen.service \
  systemd-networkd-persistent-storage.service sys-kernel-debug.mount sys-kernel-tracing.mount \
  dev-hugepages.mount dev-mqueue.mount tmp.mount
mkdir -p "$root/etc/systemd/system-generators"
for generator in debug getty gpt-auto hibernate-resume rc-local run ssh system-update sysv tpm2; do
  ln -s /dev/null "$root/etc/systemd/system-generators/systemd-$generator-generator"
done
rm -rf "$root/var/log/journal"
# Not the first boot after an upgrade: no cache is rebuilt (systemd-update-done.service(8)).
touch "$root/etc/.updated" "$root/var/.updated"

# The kernel names disks in the order in which it finds them: it knows this one by the identifier.
truncate --size=1025M "$folder.new/root.img"
sfdisk --quiet "$folder.new/root.img" <<<$'label: dos\nlabel-id: 0x6d657368\nstart=1MiB, type=linux'
mke2fs -q -t ext4 -O ^has_journal -E offset=$((1 << 20)) -d "$root" "$folder.new/root.img" 1024M
rm -rf "$root" "$folder.new/kernel"

# QEMU of the same release, wherever this runs: Debian 12's (7.2) needs more than twice the time (observed, 2026-11).
mmdebstrap --quiet --variant=extract --include=qemu-system-x86 --aptopt='Apt::Install-Recommends "false"' \
  --dpkgopt='path-exclude=/usr/share/doc/*' "$suite" "$folder.new/emulator"

[[ ! -e $hosts/placeholders.sh ]] || "$hosts/placeholders.sh" "$folder.new" 1.37
"$hosts/repository.sh" "$folder.new" "$suite" 1.37 >"$folder.new/fingerprint"
rm -rf "$folder.new/files" "$folder.new/gnupg" "$folder.new/package"
mv "$folder.new" "$folder"
