#!/usr/bin/env bash
# Boots a host from an image and user-data, as often as it is told, and leaves its root file system in
# FOLDER/root: boot.sh IMAGE FOLDER USER_DATA TIMES
# The console of each boot is in FOLDER/console.N. FOLDER/www is what its repository serves.
set -euo pipefail
image=$1 folder=$2 user_data=$3 times=$4
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
name=meshwright-$$
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

mkdir -p "$folder/root/var/lib/cloud/seed/nocloud" "$folder/root/srv" "$folder/work" "$folder/mount"
cp "$user_data" "$folder/root/var/lib/cloud/seed/nocloud/user-data"
echo "instance-id: $name" >"$folder/root/var/lib/cloud/seed/nocloud/meta-data"
cp -r "$folder/www" "$folder/root/srv/www"
install -m 755 "$here/probe.sh" "$folder/root/srv/probe.sh"
mount -t overlay overlay -o "lowerdir=$image,upperdir=$folder/root,workdir=$folder/work" "$folder/mount"
own_cgroup
for (( boot = 0; boot < times; boot++ )); do
  SYSTEMD_NSPAWN_API_VFS_WRITABLE=yes timeout 180 systemd-nspawn --quiet --register=no --keep-unit \
    --console=read-only --private-network --machine="$name" --directory="$folder/mount" --boot \
    </dev/null >"$folder/console.$boot" 2>&1 || true
done
