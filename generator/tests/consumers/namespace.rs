//! Shell scripts, run directly on this machine or in their own namespaces.

use std::io;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use crate::tools;

/// PATH starts with the programs of `lab/tools` and includes the folders of nft(8) and ip(8), which a plain
/// user's PATH lacks. Messages are in English.
pub(crate) const PRELUDE: &str = r#"
    set -euo pipefail
    PATH=${MESHWRIGHT_TOOLS_BIN:+$MESHWRIGHT_TOOLS_BIN:}$PATH:/usr/sbin:/sbin
    export LC_ALL=C
"#;

/// Makes a process root of its own mounts and interfaces. It needs no privilege if user namespaces are
/// allowed.
const UNSHARE: [&str; 4] = ["unshare", "--map-root-user", "--mount", "--net"];

/// Runs a script on this machine, with the file as `$1`.
pub(crate) fn outside(script: &str, file: &Path) -> io::Result<Output> {
    run(&["env"], script, file)
}

/// Runs a script in its own namespaces: its mounts and interfaces are invisible outside, and end with it.
pub(crate) fn inside(script: &str, file: &Path) -> io::Result<Output> {
    run(&UNSHARE, script, file)
}

/// The same as [`inside`], and processes that the script has started end with it.
pub(crate) fn inside_with_processes(script: &str, file: &Path) -> io::Result<Output> {
    let processes = ["--pid", "--fork", "--kill-child", "--mount-proc"];
    run(&[&UNSHARE[..], &processes].concat(), script, file)
}

fn run(launcher: &[&str], script: &str, file: &Path) -> io::Result<Output> {
    self::script(launcher, script, file).output()
}

/// A command that runs a script by way of the launcher.
pub(crate) fn script(launcher: &[&str], script: &str, file: &Path) -> Command {
    let mut command = launch(launcher);
    command.args(["bash", "-c", &format!("{PRELUDE}{script}"), "script"]).arg(file);
    command.stdin(Stdio::null());
    command
}

/// A shell in its own namespaces that reads commands from standard input.
pub(crate) fn shell() -> Command {
    let mut command = launch(&UNSHARE);
    command.arg("sh").stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

fn launch(words: &[&str]) -> Command {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).envs(tools::environment());
    command
}
