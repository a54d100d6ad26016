# shellcheck shell=bash
# Brings beta up in its own network namespace, from its delivery in /srv/beta: the commands of the emitted units,
# in the order of the units.
files=/srv/beta

# unit_command UNIT SETTING, from an emitted unit; an empty assignment clears the setting.
unit_command() { sed -n "s/^$2=//p" "$files/etc/systemd/system/$1" | grep . | tail -n 1; }

mkdir -p /etc/netns
ln -s "$files/etc" /etc/netns/beta
ip netns add beta
ip -n beta link set lo up
# The Internet between both machines. Each has its public address only.
ip link add underlay type veth peer name eth0 netns beta
ip link set underlay up
ip route add 198.51.100.20 dev underlay src 203.0.113.10
ip -n beta link set eth0 up
ip -n beta address add 198.51.100.20/32 dev eth0
ip -n beta route add 203.0.113.10 dev eth0
ip -n beta route add default via 203.0.113.10

# Some parameters belong to the whole kernel, and alpha has set them.
beta sysctl --quiet --ignore --load=/etc/sysctl.d/90-meshwright.conf
# shellcheck disable=SC2046 # each word of a unit's command is an argument
{
  beta $(unit_command meshwright-firewall.service ExecStart)
  beta $(unit_command meshwright-guards.service ExecStart)
  beta wg-quick up wg0
  beta $(unit_command wg-quick@wg0.service.d/meshwright.conf ExecStartPost)
}

# Pods as Calico connects them: pod NODE ADDRESS INTERFACE [OPTIONS OF ip]
pod() {
  local node=$1 address=$2 interface=$3
  local -a on=("${@:4}")
  ip netns add "pod-$node"
  ip "${on[@]}" link add "$interface" type veth peer name eth0 netns "pod-$node"
  ip "${on[@]}" link set "$interface" mtu 1420 address ee:ee:ee:ee:ee:ee up
  ip "${on[@]}" route add "$address" dev "$interface" scope link
  ip -n "pod-$node" -batch - <<LINES
link set lo up
address add $address/32 dev eth0
link set eth0 mtu 1420 up
route add 169.254.1.1 dev eth0 scope link
route add default via 169.254.1.1
LINES
  systemd-run --quiet --unit="pod-$node" ip netns exec "pod-$node" \
    socat TCP-LISTEN:8080,fork,reuseaddr "SYSTEM:echo $node"
}
pod alpha 10.244.1.2 cali0000000000a
pod beta 10.244.2.2 cali0000000000b -n beta
sysctl --quiet --write net.ipv4.conf.cali0000000000a.proxy_arp=1
beta sysctl --quiet --write net.ipv4.conf.cali0000000000b.proxy_arp=1
