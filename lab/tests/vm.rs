//! The emitted files on Debian's own kernel, in an emulated machine: `lab/src/vm/`.
//!
//! If this machine lacks a requirement, the trials are ignored with the reason, or fail if `MESHWRIGHT_REQUIRE`
//! lists `vm`.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::vm::trials::main()
}
