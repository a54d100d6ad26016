#!/usr/bin/env bash
# Looks at hosts from outside every 100 ms: outside.sh BRIDGE ADDRESS PORT HOST... Prints a line each time that the
# state of a host changes: the milliseconds since the host first answered, the host, and `open` or `closed`.
set -uo pipefail
bridge=$1 address=$2 port=$3
shift 3
ip address add "$address/24" dev "$bridge"

now() {
  local time=$EPOCHREALTIME
  printf '%s' $(( ${time/./} / 1000 ))
}

# Follows one host.
look() {
  local host=$1 up='' state=closed found
  while :; do
    found=closed
    if timeout 0.1 bash -c "</dev/tcp/$host/$port" 2>/dev/null; then found=open; fi
    if [[ -z $up ]] && { [[ $found == open ]] || ping -q -c 1 -W 0.1 "$host" >/dev/null 2>&1; }; then
      up=$(now)
      echo "0 $host up"
    fi
    if [[ $found != "$state" ]]; then
      state=$found
      echo "$(( $(now) - up )) $host $state"
    fi
    sleep 0.1
  done
}

for host in "$@"; do look "$host" & done
wait
