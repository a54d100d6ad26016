# The packages that this repository uses. Programs that must run come from this machine (machine.json, which
# nix/tests/run writes); the other packages are empty.
{ lib, system }:
let
  machine = lib.importJSON ./machine.json;

  # The last command is a builtin: nix 2.8 reports a builder as killed if bash replaces itself with the last
  # program.
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

  # A package with programs of this machine.
  fromMachine =
    name: programs:
    build name { } ''
      mkdir -p "$out/bin"
      for program in ${lib.concatStringsSep " " programs}; do
        ln -s "$(command -v "$program")" "$out/bin/$program"
      done
    '';
  emptyPackage =
    name: version:
    let
      package = build name { } "mkdir $out" // {
        inherit version;
        overrideAttrs = change: emptyPackage name (change.version or version);
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
    mkShell = { packages }: emptyPackage "shell" "0" // { inherit packages; };
    fetchFromGitHub = source: source;

    # Impure by design: cargo, its registry and a target folder are this machine's. A debug build, because it is
    # faster; the emitted files are the same.
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
        # Always the same folder, because cargo's cache depends on the path of the sources.
        source=$CARGO_TARGET_DIR/source
        rm -rf "$source"
        mkdir -p "$CARGO_TARGET_DIR"
        cp -r "$src" "$source"
        chmod -R u+w "$source"
        cd "$source"
        cargo build --locked ${toString cargoBuildFlags}
        install -D "$CARGO_TARGET_DIR/debug/${pname}" "$out/bin/${pname}"
      '';

    kubernetes = emptyPackage "kubernetes" "1.36.0";
    containerd = emptyPackage "containerd" "2.2.1";
    deadnix = fromMachine "deadnix" [ "deadnix" ];
    nixfmt = fromMachine "nixfmt" [ "nixfmt" ];
    bash = fromMachine "bash" [ "bash" ];
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
  ] (name: emptyPackage name "0");
in
pkgs
