//! Shell scripts, on this machine as it is or in namespaces of their own.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::tools;

/// Programs of `lab/tools` come first. nft(8) and ip(8) are in folders that are not in everyone's
/// PATH. What is said is in English.
pub(crate) const PRELUDE: &str = r#"
    set -euo pipefail
    PATH=${MESHWRIGHT_TOOLS_BIN:+$MESHWRIGHT_TOOLS_BIN:}$PATH:/usr/sbin:/sbin
    export LC_ALL=C
"#;

/// What makes a process root of its own mounts and interfaces. It needs no privilege where user
/// namespaces are allowed.
const UNSHARE: [&str; 4] = ["unshare", "--map-root-user", "--mount", "--net"];

/// Runs a script on this machine; it sees the file as `$1`.
pub(crate) fn outside(script: &str, file: &Path) -> io::Result<Output> {
    run(&["env"], script, file)
}

/// Runs a script in namespaces of its own: what it mounts, and which interfaces it makes, nobody
/// else sees, and is gone with it.
pub(crate) fn inside(script: &str, file: &Path) -> io::Result<Output> {
    run(&UNSHARE, script, file)
}

/// The same, and whatever the script has left running is gone with it.
pub(crate) fn alone(script: &str, file: &Path) -> io::Result<Output> {
    let processes = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    run(&[&UNSHARE[..], &processes].concat(), script, file)
}

fn run(launcher: &[&str], script: &str, file: &Path) -> io::Result<Output> {
    self::script(launcher, script, file).output()
}

/// A script in what the launcher makes of this machine.
pub(crate) fn script(launcher: &[&str], script: &str, file: &Path) -> Command {
    let mut command = command(launcher);
    command.args(["bash", "-c", &format!("{PRELUDE}{script}"), "script"]).arg(file);
    command.stdin(Stdio::null());
    command
}

/// A shell in namespaces of its own that takes commands from its standard input.
pub(crate) fn shell() -> Command {
    let mut command = command(&UNSHARE);
    command.arg("sh").stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn command(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).envs(tools::environment());
    command
}
