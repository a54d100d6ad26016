//! Commands on machines, with the ssh(1) of the user: their configuration, agent, jump hosts and known hosts.

use std::io::{self, Write as _};
use std::process::{Command, Stdio};
use std::thread;

use crate::machine::FleetMachine;

/// The options of each call, after those of the user: ssh(1) takes the first value of an option. Several calls run
/// at the same time, so none may ask a question; a machine that is off must not hold the others up.
const OPTIONS: [&str; 4] =
    ["BatchMode=yes", "ConnectTimeout=10", "ServerAliveInterval=5", "ServerAliveCountMax=3"];

/// The exit code of ssh(1) for its own errors.
const SSH_FAILED: i32 = 255;

/// How ssh(1) is called.
#[derive(Debug, Clone)]
pub struct Ssh {
    /// The program.
    pub program: String,
    /// Values for `-o`, from the user.
    pub options: Vec<String>,
}

/// The result of a command that ran on a machine. Its output is text, or bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteResult<Output = String> {
    /// Its exit code.
    pub code: i32,
    /// Its standard output.
    pub output: Output,
    /// Its standard error.
    pub errors: String,
}

impl RemoteResult {
    /// The last three lines that it printed, for a message.
    #[must_use]
    pub fn last_lines(&self) -> String {
        const SHOWN: usize = 3;
        let printed = format!("{}{}", self.output, self.errors);
        let lines: Vec<_> = printed.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(SHOWN)..].join("\n  ")
    }
}

impl RemoteResult<Vec<u8>> {
    /// The same, with its output as text.
    fn into_text(self) -> RemoteResult {
        let Self { code, output, errors } = self;
        RemoteResult { code, output: String::from_utf8_lossy(&output).into_owned(), errors }
    }

    /// The last line of its standard error.
    #[must_use]
    pub fn last_error(&self) -> &str {
        last_line(&self.errors)
    }
}

/// The command did not run, or its result is not known.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SshError {
    /// The topology does not state where ssh(1) finds the machine.
    #[error("its address for ssh is not known")]
    NoHost,
    /// ssh(1) cannot be started.
    #[error("{program} cannot be started: {reason}")]
    NotStarted {
        /// The program.
        program: String,
        /// The reason of the operating system.
        reason: String,
    },
    /// ssh(1) ends with an error of its own, or the connection ended.
    #[error("{0}")]
    NotConnected(String),
}

impl Ssh {
    /// Runs a command of the machine's shell, with bytes on its standard input.
    ///
    /// # Errors
    ///
    /// When ssh(1) cannot be started or cannot connect, or the connection ends before the command.
    pub fn run(
        &self,
        machine: &FleetMachine,
        command: &str,
        input: &[u8],
    ) -> Result<RemoteResult, SshError> {
        self.run_for_bytes(machine, command, input).map(RemoteResult::into_text)
    }

    /// The same for a command that prints something else than text.
    ///
    /// # Errors
    ///
    /// As for [`Ssh::run`].
    pub fn run_for_bytes(
        &self,
        machine: &FleetMachine,
        command: &str,
        input: &[u8],
    ) -> Result<RemoteResult<Vec<u8>>, SshError> {
        self.complete(self.open(machine, command)?, input)
    }

    /// Runs a command of the shell of a host that no topology has yet: `[user@]host`, as ssh(1) takes it. User and port
    /// are left to ssh_config(5) unless they are in it.
    ///
    /// # Errors
    ///
    /// As for [`Ssh::run`].
    pub fn run_at(
        &self,
        destination: &str,
        command: &str,
        input: &[u8],
    ) -> Result<RemoteResult, SshError> {
        let mut ssh = self.command();
        ssh.args(["--", destination, command]);
        self.complete(ssh, input).map(RemoteResult::into_text)
    }

    /// The address or the name that ssh(1) connects to for a destination (`ssh -G`: `hostname`).
    #[must_use]
    pub fn address_of(&self, destination: &str) -> Option<String> {
        let mut ssh = self.command();
        let done = ssh.args(["-G", "--", destination]).output().ok()?;
        let printed = String::from_utf8_lossy(&done.stdout).into_owned();
        printed.lines().find_map(|line| line.strip_prefix("hostname ")).map(str::to_owned)
    }

    /// Starts ssh(1), and waits for its end.
    fn complete(&self, mut ssh: Command, input: &[u8]) -> Result<RemoteResult<Vec<u8>>, SshError> {
        let not_started = |error| self.not_started(&error);
        let mut child = ssh
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(not_started)?;
        let stdin = child.stdin.take();
        let done = thread::scope(|scope| {
            // A command that fails does not read all of its input, so an error of this pipe is not the cause.
            scope.spawn(move || stdin.map(|mut stdin| stdin.write_all(input)));
            child.wait_with_output()
        });
        let done = done.map_err(not_started)?;
        let (output, errors) = (done.stdout, String::from_utf8_lossy(&done.stderr).into_owned());
        match done.status.code() {
            Some(code) if code != SSH_FAILED => Ok(RemoteResult { code, output, errors }),
            _ => Err(SshError::NotConnected(reason(&errors))),
        }
    }

    pub(crate) fn not_started(&self, error: &io::Error) -> SshError {
        SshError::NotStarted { program: self.program.clone(), reason: error.to_string() }
    }

    /// ssh(1) with the options of each call.
    fn command(&self) -> Command {
        let mut ssh = Command::new(&self.program);
        for option in self.options.iter().map(String::as_str).chain(OPTIONS) {
            ssh.args(["-o", option]);
        }
        ssh
    }

    /// ssh(1) with its arguments. The command is the last one, so that nothing after it is an option.
    ///
    /// # Errors
    ///
    /// When it is not known where the machine is.
    pub fn open(&self, machine: &FleetMachine, command: &str) -> Result<Command, SshError> {
        let host = machine.ssh_host.as_deref().ok_or(SshError::NoHost)?;
        let mut ssh = self.command();
        // The usual port is left to ssh_config(5), as in the commands of `plan`.
        if machine.ssh_port != 22 {
            ssh.args(["-p", &machine.ssh_port.to_string()]);
        }
        ssh.args(["-l", &machine.ssh_user, "--"]);
        ssh.args([host, command]);
        Ok(ssh)
    }
}

/// What ssh(1) names as the cause; the lines before it are warnings and banners.
fn reason(errors: &str) -> String {
    let last = last_line(errors);
    if last.is_empty() { "the connection ended".to_owned() } else { last.to_owned() }
}

/// The last line that is not empty: programs end with the cause.
pub(crate) fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> FleetMachine {
        FleetMachine {
            name: "tokyo".into(),
            ssh_host: Some("203.0.113.20".into()),
            ssh_port: 2222,
            ssh_user: "debian".into(),
            initialises: false,
        }
    }

    #[test]
    fn options_of_the_user_are_first() {
        let ssh = Ssh { program: "ssh".into(), options: vec!["ConnectTimeout=3".into()] };
        let command = ssh.open(&machine(), "true");
        let arguments = command.map(|command| {
            let words = command.get_args().map(|word| word.to_string_lossy().into_owned());
            words.collect::<Vec<_>>().join(" ")
        });
        let expected = "-o ConnectTimeout=3 -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=5 \
                        -o ServerAliveCountMax=3 -p 2222 -l debian -- 203.0.113.20 true";
        assert_eq!(arguments.as_deref(), Ok(expected));
    }

    #[test]
    fn the_reason_is_the_last_line() {
        let errors = "Warning: Permanently added …\r\nroot@203.0.113.20: Permission denied (publickey).\r\n\n";
        assert_eq!(reason(errors), "root@203.0.113.20: Permission denied (publickey).");
        assert_eq!(reason(""), "the connection ended");
    }

    #[test]
    fn a_program_that_is_not_there() {
        let ssh = Ssh { program: "/nonexistent/ssh".into(), options: Vec::new() };
        let failed = ssh.run(&machine(), "true", b"").map_err(|error| error.to_string());
        let message = "/nonexistent/ssh cannot be started: No such file or directory (os error 2)";
        assert_eq!(failed, Err(message.to_owned()));
    }
}
