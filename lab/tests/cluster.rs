//! A whole real cluster from the emitted files: `lab/src/cluster/`.
//!
//! If this machine lacks a requirement, the trials are ignored with the reason, or fail if `MESHWRIGHT_REQUIRE`
//! lists `cluster`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::cluster::trials::main(env!("CARGO_TARGET_TMPDIR"), env!("CARGO_BIN_EXE_cluster-stand-in"))
}
