//! Machines that stay on: Debian hosts in containers, on their own switch.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use tempfile::TempDir;

use super::folder;
use crate::expect::printed;

/// The longest wait for a machine, in tenths of a second: two slow processors run several machines.
const TIMEOUT: u32 = 1800;

/// A switch for machines, without an uplink.
pub(super) struct NetworkSwitch(Child);

impl NetworkSwitch {
    pub(super) fn new() -> Result<Self, Failed> {
        let script = "ip link set lo up && ip link add underlay type bridge && \
                      ip link set underlay up && echo up && exec sleep infinity";
        let mut switch = Command::new("unshare")
            .args(["--net", "bash", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut up = [0; 3];
        let output = switch.stdout.take().map(|mut output| output.read_exact(&mut up));
        match output {
            Some(Ok(())) => Ok(Self(switch)),
            _ => Err("no bridge in a new network namespace".into()),
        }
    }

    /// A command in the switch's network.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("nsenter");
        command.args(["--target", &self.0.id().to_string(), "--net"]);
        command
    }
}

impl Drop for NetworkSwitch {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The result of a command.
#[derive(Debug)]
pub(super) struct CommandResult {
    pub(super) code: Option<i32>,
    /// Its standard output, then its standard error.
    pub(super) output: String,
}

impl CommandResult {
    /// Expects an exit code and a part of the output; the error contains all of the output.
    pub(super) fn expect(self, code: i32, text: &str) -> Result<Self, Failed> {
        match self.code == Some(code) && self.output.contains(text) {
            true => Ok(self),
            false => Err(format!(
                "code {:?} instead of {code}, or no `{text}` in:\n{}",
                self.code, self.output
            )
            .into()),
        }
    }
}

/// A fault on a host: the commands that inject and repair it, and the expected code and message.
pub(super) struct HostFault {
    pub(super) inject: &'static str,
    pub(super) repair: &'static str,
    pub(super) code: i32,
    pub(super) output: &'static str,
}

pub(super) const fn fault(
    inject: &'static str,
    repair: &'static str,
    code: i32,
    output: &'static str,
) -> HostFault {
    HostFault { inject, repair, code, output }
}

/// A machine that is on.
pub(super) struct HostMachine {
    pub(super) name: String,
    folder: TempDir,
    boot: Child,
}

impl HostMachine {
    /// Starts a machine; it prepares itself in the background. `www` is the content of its package repository;
    /// `files` are on its disk before its first boot, by their paths without a leading slash.
    pub(super) fn switch_on(
        switch: &NetworkSwitch,
        image: &Path,
        name: &str,
        address: &str,
        user_data: &Path,
        www: &Path,
        files: &[(&str, &str)],
    ) -> Result<Self, Failed> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        Command::new("cp").arg("-r").args([www, folder.path()]).status()?;
        for (path, text) in files {
            let file = folder.path().join("root").join(path);
            fs::create_dir_all(file.parent().unwrap_or(folder.path()))?;
            fs::write(file, text)?;
        }
        // The trials reboot it and cut its power.
        let boots = "99";
        let boot = switch
            .command()
            .arg(self::folder().join("boot.sh"))
            .args([image, folder.path(), user_data])
            .args([boots, "underlay", address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { name: name.to_owned(), folder, boot })
    }

    /// Runs a script on it, as root.
    pub(super) fn run(&self, script: &str) -> Result<CommandResult, Failed> {
        self.feed(script, b"")
    }

    /// Runs a script with bytes on standard input.
    pub(super) fn feed(&self, script: &str, input: &[u8]) -> Result<CommandResult, Failed> {
        let mut child = self.command(script)?.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A script that refuses its input does not read all of it.
            let _ = stdin.write_all(input);
        }
        let done = child.wait_with_output()?;
        Ok(CommandResult { code: done.status.code(), output: printed(&done) })
    }

    /// Starts a script and does not wait for its end.
    pub(super) fn start(&self, script: &str) -> Result<Child, Failed> {
        Ok(self.command(script)?.spawn()?)
    }

    fn command(&self, script: &str) -> Result<Command, Failed> {
        let mut command = Command::new("nsenter");
        command
            .args(["--target", &self.leader()?])
            .args(["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wd"])
            .args(["env", "--ignore-environment", "HOME=/root"])
            .arg("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .args(["bash", "-c", script])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Ok(command)
    }

    /// The process id of its systemd, outside the container.
    fn leader(&self) -> Result<String, Failed> {
        let read = fs::read_to_string(self.folder.path().join("leader"));
        let leader = read.map_err(|fault| format!("{} is off: {fault}", self.name))?;
        Ok(leader.trim().to_owned())
    }

    /// Waits until a script succeeds.
    pub(super) fn wait_for(&self, script: &str) -> Result<CommandResult, Failed> {
        let mut last = None;
        for _ in 0..TIMEOUT / 5 {
            match self.run(script) {
                Ok(done) if done.code == Some(0) => return Ok(done),
                done => last = Some(done),
            }
            thread::sleep(Duration::from_millis(500));
        }
        let logs = "journalctl --no-pager --lines=80; \
                    journalctl --no-pager --unit=meshwright-bootstrap | head -80";
        let journal = self.run(logs).map(|done| done.output).unwrap_or_default();
        Err(format!("{}: `{script}` did not succeed in time: {last:?}\n{journal}", self.name)
            .into())
    }

    /// Waits until the console contains a text.
    pub(super) fn wait_for_console(&self, expected: &str) -> Result<(), Failed> {
        for _ in 0..TIMEOUT {
            if self.console().contains(expected) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err(format!(
            "the console of {} does not contain `{expected}`:\n{}",
            self.name,
            self.console()
        )
        .into())
    }

    fn console(&self) -> String {
        let console = fs::read(self.folder.path().join("console.0")).unwrap_or_default();
        String::from_utf8_lossy(&console).into_owned()
    }

    /// Cuts its power, and waits until it has rebooted.
    pub(super) fn cut_power(&self) -> Result<(), Failed> {
        let leader = self.leader()?;
        fs::remove_file(self.folder.path().join("leader"))?;
        Command::new("kill").args(["-KILL", &leader]).status()?;
        self.wait_for("systemctl is-active --quiet wg-quick@wg0.service")?;
        Ok(())
    }
}

impl Drop for HostMachine {
    fn drop(&mut self) {
        // The file makes boot.sh stop and clean up instead of booting again.
        let stop = self.folder.path().join("stop");
        let _ = fs::write(stop, "");
        if let Ok(leader) = self.leader() {
            let _ = Command::new("kill").args(["-KILL", &leader]).status();
        }
        let _ = self.boot.wait();
    }
}
