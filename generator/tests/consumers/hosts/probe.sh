#!/usr/bin/env bash
# Runs on the host after cloud-init, at each boot: writes the state of the host to /var/lib/probe/BOOT, then runs
# `prepare` again and lists its changes.
set -uo pipefail
boot=$(find /var/lib/probe -mindepth 1 -maxdepth 1 -type d | wc -l)
folder=/var/lib/probe/$boot
mkdir -p "$folder"

# All files of configuration, programs and state, with mode, owner, time of change and digest.
list_files() {
  find /etc /usr/local /var/lib/meshwright -xdev -type f -exec stat -c '%n %a %U:%G %Y' {} + -exec sha256sum {} + | sort
}

# Prints the state of each unit: query is-enabled UNIT...
query() {
  local command=$1 unit
  shift
  for unit in "$@"; do
    printf '%s %s\n' "$unit" "$(systemctl "$command" "$unit" 2>&1)"
  done
}

dpkg-query -W -f '${Package} ${Version} ${db:Status-Want}\n' 'kube*' containerd.io >"$folder/packages" 2>/dev/null
cp /etc/hosts /etc/fstab /etc/hostname "$folder"
cp /etc/containerd/config.toml "$folder/containerd.toml"
nft list tables >"$folder/tables"
ip route show type unreachable >"$folder/guards"
query is-enabled meshwright-firewall.service meshwright-guards.service meshwright-prepare.service \
  wg-quick@wg0.service kubelet.service containerd.service nftables.service ufw.service >"$folder/enabled"
query is-active meshwright-firewall.service meshwright-guards.service containerd.service \
  nftables.service >"$folder/active"
systemctl --failed --plain --no-legend | awk '{ print $1 }' >"$folder/failed"
list_files >"$folder/before"
/usr/local/sbin/meshwright-node prepare >"$folder/again" 2>&1
echo $? >"$folder/code"
list_files >"$folder/after"
diff "$folder/before" "$folder/after" >"$folder/changed"
true
