#!/usr/bin/env bash
# Boots a host from an image and user-data, as often as it is told, and leaves its root file system in
# FOLDER/root: boot.sh IMAGE FOLDER USER_DATA TIMES [BRIDGE ADDRESS]
# The console of each boot is in FOLDER/console.N, and FOLDER/leader is its first process. FOLDER/www is
# what its repository serves. On a bridge it has an address, and stays until somebody ends it, for good if
# there is FOLDER/stop; without one it is alone, probed, and off again.
set -euo pipefail
image=$1 folder=$2 user_data=$3 times=$4 bridge=${5-} address=${6-}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# An interface's name has fifteen characters, and this is part of one.
name=mw-$$
cgroups=()

# Without a cgroup of its own, the systemd inside would stop services outside.
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

# The first process inside is the one child of the one that makes the container.
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
# A machine with cgroup v1 has the second version too, without controllers.
export SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes
for (( boot = 0; boot < times; boot++ )); do
  [[ ! -e $folder/stop ]] || break
  timeout "$limit" systemd-nspawn --quiet --register=no --keep-unit --console=read-only "${network[@]}" \
    --machine="$name" --directory="$folder/mount" --boot </dev/null >"$folder/console.$boot" 2>&1 &
  find_leader $!
  wait $! || true
done
