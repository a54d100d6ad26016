//! Starts the emitted files in network namespaces and checks them with packets.
//!
//! If this machine lacks a requirement, the trials are ignored with the reason, or fail if
//! `MESHWRIGHT_REQUIRE` lists `lab`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::scenario::main()
}
