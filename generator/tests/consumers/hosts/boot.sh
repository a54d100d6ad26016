#!/usr/bin/env bash
# Boots a host TIMES times from an image and user-data: boot.sh IMAGE FOLDER USER_DATA TIMES [BRIDGE ADDRESS]
# Output in FOLDER: root (the file system), console.N (of each boot), leader (the process id of systemd).
# FOLDER/www is the content of its package repository. With a bridge, the host gets an address and stays on until
# it is killed; it boots again unless FOLDER/stop exists. Without a bridge, it runs the probe and powers off.
set -euo pipefail
image=$1 folder=$2 user_data=$3 times=$4 bridge=${5-} address=${6-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Part of an interface name, which has at most fifteen characters.
name=mw-$$
cgroups=()

# Without its own cgroup, systemd in the container would stop services of this machine.
own_cgroup() {
  local hierarchy
  for hierarchy in /sys/fs/cgroup/systemd /sys/fs/cgroup/unified /sys/fs/cgroup; do
    [[ -w $hierarchy/cgroup.procs ]] || continue
    mkdir -p "$hierarchy/$name/init"
    echo $$ >"$hierarchy/$name/init/cgroup.procs"
    cgroups+=("$hierarchy")
  done
}

clean_up() {
  local hierarchy
  umount "$folder/mount" 2>/dev/null || true
  for hierarchy in "${cgroups[@]}"; do
    echo $$ >"$hierarchy/cgroup.procs"
    find "$hierarchy/$name" -depth -type d -exec rmdir {} + 2>/dev/null || true
  done
}
trap clean_up EXIT

# systemd is the only child of the process that creates the container.
find_leader() {
  local container leader
  until container=$(pgrep --parent "$1" --exact systemd-nspawn) && leader=$(pgrep --parent "$container" --exact systemd); do
    kill -0 "$1" 2>/dev/null || return 0
    sleep 0.1
  done
  echo "$leader" >"$folder/leader.new"
  mv "$folder/leader.new" "$folder/leader"
}

mkdir -p "$folder/root/var/lib/cloud/seed/nocloud" "$folder/root/srv" "$folder/work" "$folder/mount"
cp "$user_data" "$folder/root/var/lib/cloud/seed/nocloud/user-data"
echo "instance-id: $name" >"$folder/root/var/lib/cloud/seed/nocloud/meta-data"
cp -r "$folder/www" "$folder/root/srv/www"
if [[ -n $bridge ]]; then
  network=(--network-bridge="$bridge" --bind=/dev/net/tun)
  limit=1800
  echo "$address/24" >"$folder/root/srv/address"
else
  network=(--private-network)
  limit=180
  install -m 755 "$here/probe.sh" "$folder/root/srv/probe.sh"
fi
mount -t overlay overlay -o "lowerdir=$image,upperdir=$folder/root,workdir=$folder/work" "$folder/mount"
own_cgroup
# A machine with cgroup v1 also has v2, without controllers.
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes
for (( boot = 0; boot < times; boot++ )); do
  [[ ! -e $folder/stop ]] || break
  timeout "$limit" systemd-nspawn --quiet --register=no --keep-unit --console=read-only "${network[@]}" \
    --machine="$name" --directory="$folder/mount" --boot </dev/null >"$folder/console.$boot" 2>&1 &
  find_leader $!
  wait $! || true
done
