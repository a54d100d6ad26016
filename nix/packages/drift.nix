# Fails where what is committed is not what the topology gives.
{
  runCommand,
  configs,
  committed,
}:
runCommand "meshwright-drift" { } ''
  diff -r ${committed} ${configs}
  touch "$out"
''
