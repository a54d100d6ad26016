#!/usr/bin/env bash
# Runs in the host after cloud-init has ended, at each boot: writes what became of it below
# /var/lib/probe/BOOT, then runs `prepare` again and lists what that has changed.
set -uo pipefail
boot=$(find /var/lib/probe -mindepth 1 -maxdepth 1 -type d | wc -l)
folder=/var/lib/probe/$boot
mkdir -p "$folder"

# Every file that is configuration or program, with mode, owner, time and digest.
list_files() {
  find /etc /usr/local /var/lib/meshwright -xdev ! -name '*.lock' -type f \
    -printf '%m %u:%g %T@ %p ' -exec sha256sum {} \; | awk '{ print $1, $2, $3, $4, $5 }' | sort -k 4
}

cloud-init status --long >"$folder/cloud-init" 2>&1
dpkg-query -W -f '${Package} ${Version} ${db:Status-Want}\n' 'kube*' containerd.io >"$folder/packages" 2>/dev/null
cp /etc/hosts /etc/fstab "$folder"
cat /etc/containerd/config.toml >"$folder/containerd.toml"
nft list tables >"$folder/tables"
ip route show type unreachable >"$folder/guards"
systemctl is-enabled meshwright-firewall meshwright-guards meshwright-resolve.timer wg-quick@wg0 kubelet \
  containerd nftables ufw >"$folder/enabled" 2>&1
systemctl is-active meshwright-firewall meshwright-guards containerd nftables >"$folder/active" 2>&1
systemctl --failed --plain --no-legend >"$folder/failed"
list_files >"$folder/before"
/usr/local/sbin/meshwright-node prepare >"$folder/again" 2>&1
echo $? >"$folder/code"
list_files >"$folder/after"
diff "$folder/before" "$folder/after" >"$folder/changed"
true
