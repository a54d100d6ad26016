//! Running programs to their end.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Debian's folders of programs; the PATH of a plain user lacks the `sbin` folders.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A command with a PATH that contains the program, and messages in English.
#[must_use]
pub fn program(name: &str) -> Command {
    let mut command = Command::new(name);
    command.env("PATH", PATH).env("LC_ALL", "C").stdin(Stdio::null());
    command
}

/// Runs a program and returns what it printed.
///
/// # Errors
///
/// When it cannot be started or fails; the error contains its output.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    stdout_of_success(command, &output)
}

/// Runs a program with a text on standard input, and returns what it printed.
///
/// # Errors
///
/// As [`run`].
pub fn feed(command: &mut Command, input: &str) -> Result<String> {
    let output = feed_any(command, input)?;
    stdout_of_success(command, &output)
}

/// Runs a program with a text on standard input, whether it succeeds or fails.
///
/// # Errors
///
/// When it cannot be started, or succeeds without reading its input.
pub fn feed_any(command: &mut Command, input: &str) -> Result<Output> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    // If the program failed, its own error explains why it did not read its input.
    if output.status.success() {
        written?;
    }
    Ok(output)
}

/// Whether a program succeeds.
///
/// # Errors
///
/// When it cannot be started.
pub fn succeeds(command: &mut Command) -> Result<bool> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    Ok(output.status.success())
}

fn stdout_of_success(command: &Command, output: &Output) -> Result<String> {
    let stdout = String::from_utf8_lossy(&output.stdout);
    let stderr = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {}: {stderr}{stdout}", output.status);
    Ok(stdout.into_owned())
}
