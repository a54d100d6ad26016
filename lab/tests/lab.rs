//! Brings the emitted files up in network namespaces and checks them with packets.
//!
//! Where that is impossible the trials are ignored, with the reason. `MESHWRIGHT_REQUIRE`, a list,
//! makes them fail instead when `lab` is in it.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::scenario::main()
}
