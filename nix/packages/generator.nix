{ lib, rustPlatform }:
let
  root = ../..;
  workspace = (lib.importTOML (root + "/Cargo.toml")).workspace.package;
in
rustPlatform.buildRustPackage {
  pname = "meshwright";
  inherit (workspace) version;
  src = lib.fileset.toSource {
    inherit root;
    # cargo requires the sources of all workspace members, also of those that it does not build.
    fileset = lib.fileset.unions [
      (root + "/Cargo.toml")
      (root + "/Cargo.lock")
      (root + "/clippy.toml")
      (root + "/generator")
      (root + "/lab")
    ];
  };
  cargoLock.lockFile = root + "/Cargo.lock";
  cargoBuildFlags = [
    "-p"
    "meshwright"
  ];
  # Only tests that need no other file of the repository; .ci/run runs the others.
  cargoTestFlags = [
    "-p"
    "meshwright"
    "--lib"
  ];
  meta = {
    description = "Compiles one topology.toml into a private Kubernetes cluster over a WireGuard mesh";
    homepage = workspace.repository;
    license = with lib.licenses; [
      mit
      asl20
    ];
    mainProgram = "meshwright";
  };
}
