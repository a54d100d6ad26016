//! The owner's laptop with the real ssh(1) and `meshwright`, for the verbs that call machines.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};

use anyhow::{Context as _, Result, ensure};

use super::founding::Cluster;
use crate::command::{program, run};
use crate::probe::eventually;

/// How a run of `meshwright` ended.
#[derive(Debug)]
pub struct OwnerResult {
    /// The exit code.
    pub code: Option<i32>,
    /// What it printed on standard output.
    pub output: String,
    /// What it printed on standard error.
    pub errors: String,
}

impl OwnerResult {
    /// Expects an exit code, and a text on one of the streams.
    ///
    /// # Errors
    ///
    /// When one of them is another; the error contains both streams.
    pub fn expect(&self, code: i32, text: &str) -> Result<()> {
        let has = self.output.contains(text) || self.errors.contains(text);
        ensure!(
            self.code == Some(code) && has,
            "code {:?}, not {code} with {text:?}:\n{}{}",
            self.code,
            self.output,
            self.errors
        );
        Ok(())
    }
}

/// Gives the laptop a key that every machine accepts, as a provider's console would, and commits the owner's folder.
///
/// # Errors
///
/// When a program fails.
pub fn equip(cluster: &Cluster) -> Result<()> {
    let folder = cluster.folder().join("owner");
    fs::create_dir_all(&folder)?;
    let key = folder.join("id_ed25519");
    run(program("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key))?;
    let configuration = format!(
        "Host *\n  IdentityFile {}\n  UserKnownHostsFile {}\n  StrictHostKeyChecking accept-new\n",
        key.display(),
        folder.join("known_hosts").display()
    );
    cluster.laptop.write("/etc/ssh/ssh_config.d/lab.conf", &configuration)?;
    cluster.machines.keys().try_for_each(|node| authorize(cluster, node))?;
    git(cluster, &["init", "--quiet"])?;
    commit(cluster)
}

/// Lets the laptop's key in.
///
/// # Errors
///
/// When the machine does not boot.
pub fn authorize(cluster: &Cluster, node: &str) -> Result<()> {
    let public = fs::read(cluster.folder().join("owner/id_ed25519.pub"))?;
    let script = "install -d -m 700 /root/.ssh && cat >/root/.ssh/authorized_keys && systemctl is-active ssh";
    let machine = cluster.machine(node)?;
    eventually(cluster.timeout, || machine.feed(script, &public).map(drop))
}

/// Commits the topology and `out/`.
///
/// # Errors
///
/// When git fails.
pub fn commit(cluster: &Cluster) -> Result<()> {
    git(cluster, &["add", "--all"])?;
    let identity = ["-c", "user.name=owner", "-c", "user.email=owner@example.com"];
    let words = ["commit", "--quiet", "--allow-empty", "--message", "change"];
    git(cluster, &[identity.as_slice(), &words].concat())
}

fn git(cluster: &Cluster, arguments: &[&str]) -> Result<()> {
    let folder = cluster.workspace.path("");
    run(program("git").arg("-C").arg(folder).args(arguments)).map(drop)
}

/// Runs `meshwright` on the laptop, in the owner's folder.
///
/// # Errors
///
/// When it cannot be started.
pub fn meshwright(cluster: &Cluster, arguments: &[&str]) -> Result<OwnerResult> {
    finish(command(cluster, arguments))
}

/// Runs `meshwright` on the laptop, for another topology.
///
/// # Errors
///
/// When it cannot be started.
pub fn meshwright_for(
    cluster: &Cluster,
    topology: &Path,
    arguments: &[&str],
) -> Result<OwnerResult> {
    finish(command_for(cluster, topology, arguments))
}

fn finish(mut command: Command) -> Result<OwnerResult> {
    let Output { status, stdout, stderr } = command.output().context("meshwright")?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(OwnerResult { code: status.code(), output: text(stdout), errors: text(stderr) })
}

/// Starts `meshwright` on the laptop, and kills it when it has printed a line with a text.
///
/// # Errors
///
/// When it ends before.
pub fn kill_at(cluster: &Cluster, arguments: &[&str], text: &str) -> Result<()> {
    let mut child = command(cluster, arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()?;
    let lines = BufReader::new(child.stderr.take().context("a pipe")?).lines();
    let mut printed = String::new();
    for line in lines {
        let line = line?;
        printed += &format!("{line}\n");
        if line.contains(text) {
            // nsenter(1) executes the program itself, so this is its process.
            child.kill()?;
            child.wait()?;
            return Ok(());
        }
    }
    let status = child.wait()?;
    anyhow::bail!("{status} before {text:?}:\n{printed}")
}

/// A connection of the laptop to a machine, whose standard input stays open.
///
/// # Errors
///
/// When ssh(1) cannot be started.
pub fn connect(cluster: &Cluster, host: &str, words: &str) -> Result<Child> {
    let mut ssh = cluster.laptop.command("ssh");
    ssh.args(["-o", "BatchMode=yes", &format!("root@{host}"), words]);
    Ok(ssh.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?)
}

fn command(cluster: &Cluster, arguments: &[&str]) -> Command {
    command_for(cluster, &cluster.workspace.path("topology.toml"), arguments)
}

fn command_for(cluster: &Cluster, topology: &Path, arguments: &[&str]) -> Command {
    let mut command = cluster.laptop.command(&cluster.datacentre.owner.to_string_lossy());
    command.arg("--topology").arg(topology).args(arguments);
    command.stdin(Stdio::null());
    command
}
