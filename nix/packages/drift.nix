# Fails if the committed out/ differs from the generated one.
{
  runCommand,
  configs,
  committed,
}:
runCommand "meshwright-drift" { } ''
  diff -r ${committed} ${configs}
  touch "$out"
''
