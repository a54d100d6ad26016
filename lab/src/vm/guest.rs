//! Scripts inside the emulated machine, over SSH as the owner of a cluster uses it.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use super::emulator::SSH_PORT;
use crate::command::{program, run};

/// How long a state may take to be reached. An emulator on a machine with other work can be ten times slower than
/// alone.
pub const LIMIT: Duration = Duration::from_secs(600);

/// How long the machine may take to accept SSH, or to turn off.
pub const BOOT_LIMIT: Duration = Duration::from_secs(900);

/// The functions of all scripts.
const PRELUDE: &str = include_str!("prelude.sh");

/// The machine as SSH reaches it.
#[derive(Debug)]
pub struct Guest {
    folder: PathBuf,
}

impl Guest {
    /// Creates the key of the owner in the folder.
    ///
    /// # Errors
    ///
    /// When ssh-keygen fails.
    pub fn create(folder: &Path) -> Result<Self> {
        let key = folder.join("key");
        run(program("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(key))?;
        Ok(Self { folder: folder.to_owned() })
    }

    /// The public key of the owner.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn public_key(&self) -> Result<String> {
        let text = std::fs::read_to_string(self.folder.join("key.pub"))?;
        Ok(text.trim().to_owned())
    }

    /// Runs a script as root, and returns what it printed on standard output.
    ///
    /// # Errors
    ///
    /// When it fails; the error contains its output.
    pub fn run(&self, script: &str) -> Result<String> {
        let bytes = [PRELUDE, script, "\n"].concat();
        self.pipe("sudo bash -s", bytes.as_bytes())
    }

    /// Runs a command with these bytes on standard input, and returns what it printed on standard output.
    ///
    /// # Errors
    ///
    /// When it fails; the error contains its output.
    pub fn pipe(&self, command: &str, bytes: &[u8]) -> Result<String> {
        let mut ssh = self.ssh();
        ssh.arg(command).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ssh.spawn().context("ssh")?;
        let written = child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(bytes));
        let output = child.wait_with_output()?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{command}: {}: {stderr}{stdout}", output.status);
        written?;
        Ok(stdout)
    }

    /// Runs a script until it prints the expected text.
    ///
    /// # Errors
    ///
    /// When it still prints another text, or fails, at the limit.
    pub fn expect(&self, script: &str, expected: &str, limit: Duration) -> Result<()> {
        let deadline = Instant::now() + limit;
        loop {
            let found = self.run(script);
            if found.as_ref().is_ok_and(|text| text == expected) {
                return Ok(());
            }
            if Instant::now() >= deadline {
                bail!(
                    "found:\n{}\nexpected:\n{expected}",
                    found.unwrap_or_else(|error| format!("{error:#}"))
                );
            }
            thread::sleep(Duration::from_millis(500));
        }
    }

    /// Tells the machine to reboot, and closes the connection.
    pub fn start_reboot(&self) {
        // The connection may end before the command.
        let _ = self.run("systemctl reboot");
        let _ = self.ssh().args(["-O", "exit"]).stderr(Stdio::null()).status();
    }

    /// Whether the machine accepts SSH. Opens the connection that all commands share: each new one would cost the
    /// emulator a key exchange.
    #[must_use]
    pub fn connect(&self) -> bool {
        let mut master = self.ssh();
        master.args(["-f", "-N", "-M"]).stdout(Stdio::null()).stderr(Stdio::null());
        master.status().is_ok_and(|status| status.success())
    }

    fn ssh(&self) -> Command {
        let mut command = program("ssh");
        command.arg("-i").arg(self.folder.join("key")).arg("-S").arg(self.folder.join("ssh"));
        for option in [
            "StrictHostKeyChecking=no",
            "UserKnownHostsFile=/dev/null",
            "LogLevel=ERROR",
            "BatchMode=yes",
            "ConnectTimeout=60",
            "ServerAliveInterval=10",
            "ServerAliveCountMax=12",
        ] {
            command.args(["-o", option]);
        }
        command.args(["-p", &SSH_PORT.to_string(), "debian@127.0.0.1"]);
        command
    }
}
