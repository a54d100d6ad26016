//! The command `meshwright`.

use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    meshwright::cli::run(std::env::args_os(), &mut io::stdout(), &mut io::stderr())
}
