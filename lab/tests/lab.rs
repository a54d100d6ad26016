//! Brings the emitted files up in network namespaces and checks them with packets.
//!
//! `MESHWRIGHT_REQUIRE` (a list) with `lab` in it turns "cannot be run here" into a failure.

use std::process::ExitCode;

use lab::{sandbox, scenario};
use libtest_mimic::Arguments;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    arguments.test_threads = Some(1);
    let trials = || scenario::ALL.iter().flat_map(|scenario| scenario.trials()).collect();
    sandbox::main(&arguments, trials)
}
