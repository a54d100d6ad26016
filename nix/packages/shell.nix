# The programs that .ci/run runs.
{
  mkShell,
  cargo,
  cargo-insta,
  clippy,
  deadnix,
  nftables,
  nixfmt,
  rust-analyzer,
  rustc,
  rustfmt,
  shellcheck,
  wireguard-tools,
}:
mkShell {
  packages = [
    cargo
    cargo-insta
    clippy
    deadnix
    nftables
    nixfmt
    rust-analyzer
    rustc
    rustfmt
    shellcheck
    wireguard-tools
  ];
}
