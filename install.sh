#!/bin/sh
# Installs a released binary of meshwright into ~/.local/bin, after comparing its checksum:
#
#   sh install.sh [VERSION]
#
# MESHWRIGHT_INSTALL_DIR is another folder, MESHWRIGHT_RELEASES another place of the releases, such as file:///mnt/releases.
set -eu

version=${1:-0.1.0}
releases=${MESHWRIGHT_RELEASES:-https://github.com/meshwright/meshwright/releases/download}
folder=${MESHWRIGHT_INSTALL_DIR:-$HOME/.local/bin}

fail() {
  echo "error: $1" >&2
  exit 1
}

case $(uname -m) in
  x86_64 | amd64) machine=x86_64 ;;
  aarch64 | arm64) machine=aarch64 ;;
  *) fail "there is no release for $(uname -m): build it with \`cargo install --locked --path generator\`" ;;
esac
case $(uname -s) in
  Linux) target=$machine-unknown-linux-musl ;;
  Darwin) target=$machine-apple-darwin ;;
  *) fail "there is no release for $(uname -s)" ;;
esac

sum() {
  if command -v sha256sum >/dev/null; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

name=meshwright-$version-$target
staged=$(mktemp -d)
trap 'rm -rf "$staged"' EXIT
for file in "$name.tar.gz" SHA256SUMS; do
  curl --fail --silent --show-error --location --output "$staged/$file" "$releases/v$version/$file" ||
    fail "$releases/v$version/$file cannot be downloaded"
done
wanted=$(grep " $name.tar.gz\$" "$staged/SHA256SUMS" | cut -d ' ' -f 1)
[ -n "$wanted" ] || fail "SHA256SUMS has no $name.tar.gz"
[ "$(sum "$staged/$name.tar.gz")" = "$wanted" ] || fail "$name.tar.gz has another checksum than in SHA256SUMS"

tar -xzf "$staged/$name.tar.gz" -C "$staged"
mkdir -p "$folder"
# Into the folder first: a rename within it is atomic, and a running meshwright keeps its file.
cp "$staged/$name/meshwright" "$folder/.meshwright.new"
mv "$folder/.meshwright.new" "$folder/meshwright"
echo "$folder/meshwright: $("$folder/meshwright" --version)"
case :$PATH: in
  *:"$folder":*) ;;
  *) echo "$folder is not in PATH" ;;
esac
