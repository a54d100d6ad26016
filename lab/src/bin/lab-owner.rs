//! `meshwright`, as a program that the machines of the lab can start.

use std::process::ExitCode;

fn main() -> ExitCode {
    meshwright::cli::run(std::env::args_os(), &mut std::io::stdout(), &mut std::io::stderr())
}
