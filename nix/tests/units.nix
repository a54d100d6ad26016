# With Debian's paths, the units of the package are equal to the emitted ones, byte by byte.
{
  callPackage,
  runCommand,
  iproute2,
  nftables,
  kubernetes,
  self,
}:
let
  host = self + "/examples/nixos/out/host";
  package = callPackage ../packages/meshwright-node.nix { inherit host kubernetes; };
in
runCommand "units" { } ''
  for unit in ${host}/systemd/*.{service,timer}; do
    sed -e 's|${iproute2}/bin/|/usr/sbin/|' -e 's|${nftables}/bin/|/usr/sbin/|' \
      -e 's|${package}/bin/|/usr/local/sbin/|' "${package}/lib/systemd/system/''${unit##*/}" |
      diff "$unit" -
  done
  bash -n ${package}/bin/meshwright-node
  tail -n +3 ${package}/bin/meshwright-node | diff <(tail -n +2 ${host}/meshwright-node) -
  touch $out
''
