#!/usr/bin/env bash
# Changes a delivery and prints it: forge.sh KIND <DELIVERY. A host must refuse each kind except `recorder`, whose
# apply.sh only records that it was run, and ends as the files in /var/lib/probe say.
set -euo pipefail
kind=$1
marker=etc/meshwright/delivery
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat >"$folder/tar"
mkdir "$folder/files"
cd "$folder/files"
tar --extract --preserve-permissions --file=../tar
tar --list --file=../tar | sed 's|/$||' >../names

# Writes the marker again, in the format of sha256sum.
mark() {
  local head
  head=$(head -n 1 "$marker")
  { printf '%s\n' "$head" && find . -type f ! -path "./$marker" -printf '%P\n' | sort | xargs sha256sum; } >../marker
  cat ../marker >"$marker"
}

# Prints a tar of the files in ../names; the marker must be the last.
pack() {
  tar --create --format=ustar --owner=0 --group=0 --numeric-owner --mtime=@0 --no-recursion --absolute-names --files-from=../names "$@"
}

add() {
  sed -i "\$i $1" ../names
}

case $kind in
  truncated) head -c 20000 ../tar && exit ;;
  no-marker) sed -i "\|^$marker\$|d" ../names ;;
  changed) echo >>etc/wireguard/wg0.conf ;;
  beside-the-marker) echo x >etc/meshwright/extra && add etc/meshwright/extra ;;
  only-in-the-marker) sed -i '\|^etc/wireguard/wg0.conf$|d' ../names ;;
  elsewhere) mkdir -p etc/cron.d && echo x >etc/cron.d/x && add etc/cron.d/x && mark ;;
  upwards) echo x >etc/x && add etc/meshwright/../x && mark ;;
  folder) add etc ;;
  link) ln -s /etc/shadow etc/meshwright/extra && add etc/meshwright/extra ;;
  device) mknod etc/meshwright/extra c 1 3 && add etc/meshwright/extra ;;
  setuid) chmod 4755 usr/local/sbin/meshwright-node ;;
  other-cluster) sed -i '1s/ of .*/ of atlas/' "$marker" ;;
  owner) pack --owner=1000 && exit ;;
  recorder)
    cat >etc/meshwright/cluster/apply.sh <<'RECORDER'
#!/bin/sh
[ "$1 $3 $4" = '--secrets --watch /etc/meshwright/delivery' ] || exit 2
echo "$KUBECONFIG" >>/var/lib/probe/applied
watched=$(sha256sum "$4")
while [ -e /var/lib/probe/apply-waits ]; do
  [ "$(sha256sum "$4")" = "$watched" ] || exit 5
  sleep 0.2
done
if [ -e /var/lib/probe/node-off ]; then
  echo 'meshwright: awaiting the nodes'
  echo 'meshwright: waiting for node/beta: not joined'
  exit 4
fi
[ ! -e /var/lib/probe/apply-fails ]
RECORDER
    mark
    ;;
  *) echo "forge.sh: no kind $kind" >&2 && exit 2 ;;
esac
pack
