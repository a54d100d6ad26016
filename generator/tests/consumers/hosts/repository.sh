#!/usr/bin/env bash
# Creates two signed apt repositories in FOLDER/www, with the layout of pkgs.k8s.io and download.docker.com:
# repository.sh FOLDER SUITE MINOR
# FOLDER/packages has a line for each package: its repository (kubernetes or docker), name, version and, if it has
# any, dependencies. FOLDER/files/NAME_VERSION has the files of a package, or FOLDER/files/NAME those of all versions.
# Prints the fingerprint of the key that signs both.
set -euo pipefail
folder=$1 suite=$2 minor=$3

export GNUPGHOME=$folder/gnupg
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --passphrase '' --quick-generate-key "Meshwright test" ed25519 sign never 2>/dev/null

# Creates a package: package FOLDER NAME VERSION DEPENDENCIES
package() {
  local root=$folder/package files=$folder/files/$2_$3
  rm -rf "$root"
  mkdir -p "$root/DEBIAN"
  # As links: real programs are large.
  [[ -d $files ]] || files=$folder/files/$2
  if [[ -d $files ]]; then cp -r --link "$files/." "$root"; fi
  if [[ -e $root/etc/containerd/config.toml ]]; then
    echo /etc/containerd/config.toml >"$root/DEBIAN/conffiles"
  fi
  cat >"$root/DEBIAN/control" <<CONTROL
Package: $2
Version: $3
Architecture: amd64
Maintainer: Meshwright <meshwright@example.com>
${4:+Depends: $4
}Description: $2 of a test
CONTROL
  mkdir -p "$1"
  dpkg-deb -Znone --root-owner-group --build "$root" "$1/$2_${3}_amd64.deb" >/dev/null
}

# Signs the Release file of a folder: sign FOLDER
sign() {
  (cd "$1" && apt-ftparchive -o APT::FTPArchive::Release::Codename="$suite" release . >"$folder/Release" && mv "$folder/Release" Release)
  gpg --batch --yes --quiet --no-auto-check-trustdb --clearsign --output "$1/InRelease" "$1/Release"
}

deb=$folder/www/kubernetes/v$minor/deb
docker=$folder/www/docker/debian
while read -r repository name version dependencies; do
  case $repository in
    kubernetes) package "$deb/amd64" "$name" "$version" "$dependencies" ;;
    docker) package "$docker/pool" "$name" "$version" "$dependencies" ;;
  esac
done <"$folder/packages"

(cd "$deb" && apt-ftparchive packages amd64 >Packages)
sign "$deb"
binary=dists/$suite/stable/binary-amd64
mkdir -p "$docker/$binary"
(cd "$docker" && apt-ftparchive packages pool >"$binary/Packages")
sign "$docker/dists/$suite"

gpg --batch --armor --export >"$deb/Release.key"
gpg --batch --armor --export >"$docker/gpg"
gpg --batch --with-colons --list-keys | awk -F: '$1 == "fpr" { print $10; exit }'
gpgconf --kill all
rm -rf "$folder/package"
