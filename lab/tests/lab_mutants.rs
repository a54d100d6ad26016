//! Tests of the lab: the named check must fail for each broken tree.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::mutants::main()
}
