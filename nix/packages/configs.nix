# out/ as the generator makes it of one topology.
{
  runCommand,
  generator,
  topology,
}:
runCommand "meshwright-out" { } ''
  ${generator}/bin/meshwright --topology ${topology} --out out generate
  cp -r out "$out"
''
