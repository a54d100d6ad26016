# The packages that this repository names. What has to be run comes from this machine, as
# machine.json says (nix/tests/run writes it); the others are there to be named.
{ lib, system }:
let
  machine = lib.importJSON ./machine.json;

  # The last command is a builtin: nix 2.8 takes a builder that became another program for killed.
  build =
    name: attributes: script:
    derivation (
      {
        inherit name system;
        builder = "/bin/bash";
        args = [
          "-euo"
          "pipefail"
          "-c"
          "${script}\nexit 0"
        ];
        PATH = machine.path;
      }
      // removeAttrs attributes [
        "meta"
        "nativeBuildInputs"
      ]
    );

  # A package whose programs are this machine's.
  native =
    name: programs:
    build name { } ''
      mkdir -p "$out/bin"
      for program in ${lib.concatStringsSep " " programs}; do
        ln -s "$(command -v "$program")" "$out/bin/$program"
      done
    '';
  named =
    name: version:
    let
      package = build name { } "mkdir $out" // {
        inherit version;
        overrideAttrs = change: named name (change.version or version);
      };
    in
    package;

  callPackage =
    file: arguments:
    let
      package = import file;
    in
    package (builtins.intersectAttrs (builtins.functionArgs package) pkgs // arguments);

  pkgs = {
    inherit callPackage lib;
    stdenv.hostPlatform = { inherit system; };

    runCommand = build;
    writeText =
      name: text:
      build name {
        inherit text;
        passAsFile = [ "text" ];
      } "cp \"$textPath\" \"$out\"";
    mkShell = { packages }: named "shell" "0" // { inherit packages; };
    fetchFromGitHub = source: source;

    # Impure on purpose: cargo, its registry and its folder for what is built are this machine's. Not
    # optimised, as `cargo test` has built the dependencies already: the same bytes come out.
    rustPlatform.buildRustPackage =
      {
        pname,
        version,
        src,
        cargoBuildFlags,
        ...
      }:
      build "${pname}-${version}" { inherit src; } ''
        export HOME=$PWD CARGO_HOME=${machine.cargo_home} RUSTUP_HOME=${machine.rustup_home}
        export CARGO_TARGET_DIR=${machine.target} CARGO_NET_OFFLINE=true
        # Always the same folder: cargo keeps what it builds by the path of its sources.
        source=$CARGO_TARGET_DIR/nix
        rm -rf "$source"
        cp -r "$src" "$source"
        chmod -R u+w "$source"
        cd "$source"
        cargo build --locked ${toString cargoBuildFlags}
        install -D "$CARGO_TARGET_DIR/debug/${pname}" "$out/bin/${pname}"
      '';

    kubernetes = named "kubernetes" "1.36.0";
    containerd = named "containerd" "2.2.1";
    deadnix = native "deadnix" [ "deadnix" ];
    nixfmt = native "nixfmt" [ "nixfmt" ];
    bash = native "bash" [ "bash" ];
  }
  // lib.genAttrs [
    "cargo"
    "cargo-insta"
    "clippy"
    "conntrack-tools"
    "coreutils"
    "cri-tools"
    "curl"
    "diffutils"
    "ebtables"
    "ethtool"
    "findutils"
    "gawk"
    "getent"
    "gnugrep"
    "gnused"
    "gnutar"
    "gzip"
    "iproute2"
    "ipset"
    "iptables"
    "iputils"
    "ipvsadm"
    "kmod"
    "mount"
    "nftables"
    "nixfmt-tree"
    "openssl"
    "procps"
    "rust-analyzer"
    "rustc"
    "rustfmt"
    "shellcheck"
    "socat"
    "systemd"
    "util-linux"
    "wireguard-tools"
  ] (name: named name "0");
in
pkgs
