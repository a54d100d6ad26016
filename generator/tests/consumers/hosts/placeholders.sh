#!/usr/bin/env bash
# Writes what repository.sh packs: fake programs of Kubernetes and containerd, in several versions:
# placeholders.sh FOLDER MINOR
set -euo pipefail
folder=$1 minor=$2
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

# Creates a unit that runs until it is stopped: unit NAME
unit() {
  mkdir -p "$folder/files/$1/usr/lib/systemd/system"
  cat >"$folder/files/$1/usr/lib/systemd/system/${1%.io}.service" <<'UNIT'
[Service]
ExecStart=/bin/sleep infinity
[Install]
WantedBy=multi-user.target
UNIT
}

for name in kubeadm kubectl; do
  install -D -m 755 "$here/$name" "$folder/files/$name/usr/bin/$name"
done
unit kubelet
unit containerd.io
mkdir -p "$folder/files/containerd.io/etc/containerd"
# As in Docker's package: it disables the plugin that kubelet needs.
echo 'disabled_plugins = ["cri"]' >"$folder/files/containerd.io/etc/containerd/config.toml"

{
  for name in kubeadm kubectl kubelet; do
    for patch in 2 3 4; do echo "kubernetes $name $minor.$patch-1.1"; done
  done
  for version in 1.7.27-1 2.2.0-1 2.2.1-1 3.0.0-1; do
    echo "docker containerd.io $version"
  done
} >"$folder/packages"
