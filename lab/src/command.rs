//! Programs that are run to their end.

use std::io::Write as _;
use std::process::{Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};

/// Where Debian keeps what the lab runs; a plain user's PATH lacks the `sbin` folders.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A program with a PATH that finds it and messages that can be compared.
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
/// When it cannot be started or fails; with what it said.
pub fn run(command: &mut Command) -> Result<String> {
    let output = command.output().with_context(|| format!("{command:?}"))?;
    printed(command, &output)
}

/// Runs a program on an input and returns what it printed.
///
/// # Errors
///
/// As [`run`].
pub fn feed(command: &mut Command, input: &str) -> Result<String> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().with_context(|| format!("{command:?}"))?;
    let fed = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output()?;
    // Why it ended explains why it could not be fed.
    let printed = printed(command, &output)?;
    fed?;
    Ok(printed)
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

fn printed(command: &Command, output: &Output) -> Result<String> {
    let (said, printed) =
        (String::from_utf8_lossy(&output.stderr), String::from_utf8_lossy(&output.stdout));
    ensure!(output.status.success(), "{command:?}: {}: {said}{printed}", output.status);
    Ok(printed.into_owned())
}
