# The beginning of every script that runs inside the emulated machine.
# shellcheck shell=bash
set -euo pipefail
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin

# Runs a command on the second machine. ip-netns(8) mounts the files of /etc/netns/beta over those of /etc.
beta() { ip netns exec beta "$@"; }

in_pod() {
  local pod=$1
  shift
  ip netns exec "pod-$pod" "$@"
}

# The name that a pod's server sends, or `closed`: ask ADDRESS:PORT, after the words of the place.
ask() {
  local answer
  answer=$("${@:1:$#-1}" timeout 10 socat -u "TCP:${!#},connect-timeout=3" - 2>/dev/null) || true
  printf '%s\n' "${answer:-closed}"
}

# The packets for which wg0 had no peer.
refused_packets() { echo $(($(</sys/class/net/wg0/statistics/rx_errors) + $(</sys/class/net/wg0/statistics/tx_errors))); }

# Sends packets from beta to alpha through the mesh, 20 a second.
start_pings() {
  refused_packets >/run/refused
  ip netns exec beta ping -n -i 0.05 10.66.66.1 </dev/null >/run/pings 2>&1 &
  echo $! >/run/pings.pid
  sleep 1
}

# Prints how many packets before the last answer have none. One of the last second may still be on its way.
# For each peer the kernel removes all addresses and adds those of syncconf, one after the other (Linux
# drivers/net/wireguard/netlink.c, set_peer): wg0 refuses a packet in between, which an emulator with other work makes
# long enough for one packet.
stop_pings() {
  local refused
  beta ping -q -c 1 -W 10 10.66.66.1 >/dev/null || echo 'no answer at the end'
  sleep 1
  kill -INT "$(cat /run/pings.pid)"
  while kill -0 "$(cat /run/pings.pid)" 2>/dev/null; do sleep 0.1; done
  refused=$(($(refused_packets) - $(</run/refused)))
  ((refused <= 3)) || echo "wg0 refused $refused packets"
  awk -F 'icmp_seq=' -v refused="$refused" '/bytes from/ { answers++; last = $2 + 0 }
    END { if (last < 20) print "only", last, "packets"; print "lost", last - answers - refused }' /run/pings
}

lost_during() {
  start_pings
  "$@"
  stop_pings
}

# Runs kube-proxy as kubeadm's DaemonSet does, with the configuration of the delivered file.
start_kube_proxy() {
  systemctl stop kube-proxy.service 2>/dev/null || true
  systemctl reset-failed kube-proxy.service 2>/dev/null || true
  sed -n '/^  config.conf: |$/,$ s/^    //p' /etc/meshwright/cluster/kube-proxy/kube-proxy.patch.yaml \
    >/var/lib/kube-proxy/config.conf
  systemd-run --quiet --unit=kube-proxy /mnt/kube-proxy --config=/var/lib/kube-proxy/config.conf \
    --hostname-override=alpha
}
