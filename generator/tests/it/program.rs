//! Runs the program itself, as a process.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::path::Path;
use std::process::Command;

/// The program's `generate`, for a topology and an output directory.
pub(crate) fn generate(topology: &Path, out: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.arg("generate").arg("--topology").arg(topology).arg("--out").arg(out);
    command
}

/// The exit code and stderr.
pub(crate) fn ended(command: &mut Command) -> (Option<i32>, String) {
    let output = command.output().expect("started");
    (output.status.code(), String::from_utf8(output.stderr).expect("UTF-8"))
}
