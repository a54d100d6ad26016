# The out/ that the generator writes for a topology.
{
  runCommand,
  generator,
  topology,
}:
runCommand "meshwright-out" { } ''
  ${generator}/bin/meshwright --topology ${topology} --out out generate
  cp -r out "$out"
''
