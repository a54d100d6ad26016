//! The lab judges itself: each broken tree must be caught by the check that is named for it.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::mutants::main()
}
