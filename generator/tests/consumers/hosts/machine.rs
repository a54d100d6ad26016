//! Machines that stay on: hosts of Debian in containers, on a switch of their own.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::Duration;

use libtest_mimic::Failed;
use tempfile::TempDir;

use super::folder;

/// How long a machine may take for anything, in tenths of a second: two slow processors carry
/// several.
const PATIENCE: u32 = 1800;

/// A switch that machines are plugged into. It leads nowhere else.
pub(super) struct Switch(Child);

impl Switch {
    pub(super) fn new() -> Result<Self, Failed> {
        let script = "ip link set lo up && ip link add underlay type bridge && \
                      ip link set underlay up && echo up && exec sleep infinity";
        let mut switch = Command::new("unshare")
            .args(["--net", "bash", "-c", script])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut up = [0; 3];
        let said = switch.stdout.take().map(|mut said| said.read_exact(&mut up));
        match said {
            Some(Ok(())) => Ok(Self(switch)),
            _ => Err("no bridge in a network namespace of its own".into()),
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a command has come to.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) code: Option<i32>,
    /// What it printed, on both ways out.
    pub(super) said: String,
}

impl Done {
    /// The code and a part of what was said, or the whole of it as the failure.
    pub(super) fn expect(self, code: i32, said: &str) -> Result<Self, Failed> {
        match self.code == Some(code) && self.said.contains(said) {
            true => Ok(self),
            false => Err(format!(
                "code {:?} instead of {code}, or not `{said}`:\n{}",
                self.code, self.said
            )
            .into()),
        }
    }
}

/// One machine, from its first boot on.
pub(super) struct Machine {
    pub(super) name: String,
    folder: TempDir,
    boot: Child,
}

impl Machine {
    /// Switches one on; it prepares itself meanwhile. `www` is what its repository serves.
    pub(super) fn switch_on(
        switch: &Switch,
        image: &Path,
        name: &str,
        address: &str,
        user_data: &Path,
        www: &Path,
    ) -> Result<Self, Failed> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        Command::new("cp").arg("-r").args([www, folder.path()]).status()?;
        // It may be rebooted, and have its power cut.
        let boots = "99";
        let boot = Command::new("nsenter")
            .args(["--target", &switch.0.id().to_string(), "--net"])
            .arg(self::folder().join("boot.sh"))
            .args([image, folder.path(), user_data])
            .args([boots, "underlay", address])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()?;
        Ok(Self { name: name.to_owned(), folder, boot })
    }

    /// Runs a script in it, as root.
    pub(super) fn run(&self, script: &str) -> Result<Done, Failed> {
        self.feed(script, b"")
    }

    /// The same with something on its standard input.
    pub(super) fn feed(&self, script: &str, input: &[u8]) -> Result<Done, Failed> {
        let mut child = self.command(script)?.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // Whoever refuses does not read to the end.
            let _ = stdin.write_all(input);
        }
        let done = child.wait_with_output()?;
        let said = [done.stdout, done.stderr].concat();
        Ok(Done { code: done.status.code(), said: String::from_utf8_lossy(&said).into_owned() })
    }

    /// A script that goes on by itself.
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

    /// The process of its systemd, outside.
    fn leader(&self) -> Result<String, Failed> {
        let leader = fs::read_to_string(self.folder.path().join("leader"));
        let leader = leader.map_err(|fault| format!("{} is off: {fault}", self.name))?;
        Ok(leader.trim().to_owned())
    }

    /// Waits until a script succeeds.
    pub(super) fn until(&self, script: &str) -> Result<Done, Failed> {
        let mut last = None;
        for _ in 0..PATIENCE / 5 {
            match self.run(script) {
                Ok(done) if done.code == Some(0) => return Ok(done),
                done => last = Some(done),
            }
            thread::sleep(Duration::from_millis(500));
        }
        let journal = self.run("journalctl --no-pager --lines=80; journalctl --no-pager --unit=meshwright-bootstrap | head -80").map(|done| done.said);
        let journal = journal.unwrap_or_default();
        Err(format!("{} never came to `{script}`: {last:?}\n{journal}", self.name).into())
    }

    /// Waits until the console says something for the first time.
    pub(super) fn until_console_says(&self, expected: &str) -> Result<(), Failed> {
        for _ in 0..PATIENCE {
            if self.console().contains(expected) {
                return Ok(());
            }
            thread::sleep(Duration::from_millis(100));
        }
        Err(format!("{} never said `{expected}`:\n{}", self.name, self.console()).into())
    }

    fn console(&self) -> String {
        let console = fs::read(self.folder.path().join("console.0")).unwrap_or_default();
        String::from_utf8_lossy(&console).into_owned()
    }

    /// Cuts its power, and waits until it has booted again.
    pub(super) fn cut_power(&self) -> Result<(), Failed> {
        let leader = self.leader()?;
        fs::remove_file(self.folder.path().join("leader"))?;
        Command::new("kill").args(["-KILL", &leader]).status()?;
        self.until("systemctl is-active --quiet wg-quick@wg0.service")?;
        Ok(())
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        // boot.sh would boot it again: it stops there first, and cleans up when the machine is gone.
        let stop = self.folder.path().join("stop");
        let _ = fs::write(stop, "");
        if let Ok(leader) = self.leader() {
            let _ = Command::new("kill").args(["-KILL", &leader]).status();
        }
        let _ = self.boot.wait();
    }
}
