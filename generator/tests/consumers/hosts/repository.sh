#!/usr/bin/env bash
# Creates two signed apt repositories of empty packages in FOLDER/www, with the layout of pkgs.k8s.io and
# download.docker.com: repository.sh FOLDER SUITE MINOR
# Prints the fingerprint of the key that signs both.
set -euo pipefail
folder=$1 suite=$2 minor=$3
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

export GNUPGHOME=$folder/gnupg
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key "Meshwright test" ed25519 sign never 2>/dev/null

# Creates a package: package FOLDER NAME VERSION. It contains the files of files/NAME.
package() {
  local root=$folder/package
  rm -rf "$root"
  mkdir -p "$root/DEBIAN"
  if [[ -d $folder/files/$2 ]]; then cp -r "$folder/files/$2/." "$root"; fi
  if [[ -e $root/etc/containerd/config.toml ]]; then
    echo /etc/containerd/config.toml >"$root/DEBIAN/conffiles"
  fi
  cat >"$root/DEBIAN/control" <<CONTROL
Package: $2
Version: $3
Architecture: amd64
Maintainer: Meshwright <meshwright@example.com>
Description: placeholder for $2
CONTROL
  mkdir -p "$1"
  dpkg-deb --root-owner-group --build "$root" "$1/$2_${3}_amd64.deb" >/dev/null
}

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

# Signs the Release file of a folder: sign FOLDER
sign() {
  (cd "$1" && apt-ftparchive -o APT::FTPArchive::Release::Codename="$suite" release . >"$folder/Release" && mv "$folder/Release" Release)
  gpg --batch --yes --quiet --no-auto-check-trustdb --clearsign --output "$1/InRelease" "$1/Release"
}

for name in kubeadm kubectl; do
  install -D -m 755 "$here/$name" "$folder/files/$name/usr/bin/$name"
done
unit kubelet
unit containerd.io
mkdir -p "$folder/files/containerd.io/etc/containerd"
# As in Docker's package: it disables the plugin that kubelet needs.
echo 'disabled_plugins = ["cri"]' >"$folder/files/containerd.io/etc/containerd/config.toml"

deb=$folder/www/kubernetes/v$minor/deb
for name in kubeadm kubectl kubelet; do
  package "$deb/amd64" "$name" "$minor.2-1.1"
  package "$deb/amd64" "$name" "$minor.3-1.1"
  package "$deb/amd64" "$name" "$minor.4-1.1"
done
(cd "$deb" && apt-ftparchive packages amd64 >Packages)
sign "$deb"

docker=$folder/www/docker/debian
for version in 1.7.27-1 2.2.0-1 2.2.1-1 3.0.0-1; do
  package "$docker/pool" containerd.io "$version"
done
binary=dists/$suite/stable/binary-amd64
mkdir -p "$docker/$binary"
(cd "$docker" && apt-ftparchive packages pool >"$binary/Packages")
sign "$docker/dists/$suite"

gpg --batch --armor --export >"$deb/Release.key"
gpg --batch --armor --export >"$docker/gpg"
gpg --batch --with-colons --list-keys | awk -F: '$1 == "fpr" { print $10; exit }'
gpgconf --kill all
