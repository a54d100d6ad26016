//! Clusters with a deliberately damaged file: the named check must fail for each. It takes some minutes for each
//! cluster, so `.ci/run` does not run it.

use std::process::ExitCode;

fn main() -> ExitCode {
    let stand_in = env!("CARGO_BIN_EXE_cluster-stand-in");
    lab::cluster::broken_trials::main(env!("CARGO_TARGET_TMPDIR"), stand_in)
}
