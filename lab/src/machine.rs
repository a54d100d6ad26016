//! Machines: network namespaces with their own /etc, /run and hostname.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use anyhow::{Context as _, Result};

use crate::command::{program, run};
use crate::namespace::Namespace;
use crate::sandbox::WORK;

/// A host: programs on it see its files at the paths that they have on a real host.
#[derive(Debug)]
pub struct LabMachine {
    /// Its hostname.
    pub name: String,
    /// Its network.
    pub namespace: Namespace,
    holder: Child,
}

/// Keeps the namespaces alive until its stdin closes.
const HOLD: &str = r#"hostname "$0" && echo held && exec cat"#;

impl LabMachine {
    /// Boots a machine that has the programs of this machine, and no configuration.
    ///
    /// # Errors
    ///
    /// When a namespace or a mount is refused.
    pub fn boot(name: &str, namespace: Namespace) -> Result<Self> {
        let net = format!("--net={}", namespace.path());
        let mut command = program("nsenter");
        command.args([&net, "unshare", "--mount", "--uts", "sh", "-c", HOLD, name]);
        let mut holder =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("nsenter")?;
        let stdout = holder.stdout.take().context("a pipe")?;
        BufReader::new(stdout).read_line(&mut String::new())?;
        let machine = Self { name: name.to_owned(), namespace, holder };
        machine.mount()?;
        Ok(machine)
    }

    /// Mounts an overlay over /etc, so that this machine's files are read but never written, and empty
    /// folders that hide this machine's own mesh and runtime files.
    fn mount(&self) -> Result<()> {
        let work = format!("{WORK}/{}", self.namespace.name());
        fs::create_dir_all(format!("{work}/upper"))?;
        fs::create_dir_all(format!("{work}/work"))?;
        let layers = format!("lowerdir=/etc,upperdir={work}/upper,workdir={work}/work");
        run(self.command("mount").args(["-t", "overlay", "overlay", "-o", &layers, "/etc"]))?;
        for folder in ["/etc/wireguard", "/etc/meshwright", "/usr/local/sbin", "/run"] {
            run(self.command("mkdir").args(["-p", folder]))?;
            run(self.command("mount").args(["-t", "tmpfs", "lab", folder]))?;
        }
        // Names come from /etc/hosts alone: a DNS query is refused at once.
        self.write("/etc/resolv.conf", "nameserver 127.0.0.1\n")
    }

    /// A command that runs on it.
    #[must_use]
    pub fn command(&self, name: &str) -> Command {
        let mut command = program("nsenter");
        command.args(["--target", &self.holder.id().to_string()]);
        command.args(["--mount", "--net", "--uts", name]);
        command
    }

    /// Runs a command line on it to its end.
    ///
    /// # Errors
    ///
    /// When it fails.
    pub fn run(&self, line: &[&str]) -> Result<String> {
        let (name, arguments) = line.split_first().context("a command")?;
        run(self.command(name).args(arguments)).with_context(|| format!("on {}", self.name))
    }

    /// Writes a file on it, for root alone.
    ///
    /// # Errors
    ///
    /// When the folder cannot be made.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        let inside = self.path(path);
        let folder = inside.parent().context("a folder")?;
        fs::create_dir_all(folder)?;
        // It may be a symlink to a path that does not exist here.
        let _ = fs::remove_file(&inside);
        fs::write(&inside, text).with_context(|| format!("{path} on {}", self.name))
    }

    /// The path under which this process sees a path of the machine.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.holder.id()))
    }
}
