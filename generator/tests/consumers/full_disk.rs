//! A full disk.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output};

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::need::Need;
use crate::{mesh, namespace, tree};

/// What the trial needs.
pub(crate) const NEEDS: &[Need] = &[crate::consumer::NAMESPACES];

/// A disk holds the tree of two nodes, and has no room for the one of forty. The run fails and
/// says why, and nothing is lost or left. With more room, the next run gives the new tree.
pub(crate) fn trial() -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (small, large) = (folder.path().join("small.toml"), folder.path().join("large.toml"));
    fs::write(&small, mesh::topology(1..=2))?;
    fs::write(&large, mesh::topology(1..=40))?;
    let clean = folder.path().join("clean");
    expect(&generate(&large, &clean)?, 0, "")?;

    let mut disk = Disk::mount(folder.path())?;
    let out = disk.path().join("out");
    expect(&generate(&small, &out)?, 0, "")?;
    let before = tree::read(&disk.path());
    expect(&generate(&large, &out)?, 2, "No space left on device")?;
    same("after the failure", &before, &tree::read(&disk.path()))?;

    disk.resize("64m")?;
    expect(&generate(&large, &out)?, 0, "")?;
    same("with more room", &tree::read(&clean), &tree::read(&out))
}

fn generate(topology: &Path, out: &Path) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.arg("generate").arg("--topology").arg(topology).arg("--out").arg(out).output()
}

fn expect(done: &Output, code: i32, cause: &str) -> Result<(), Failed> {
    let said = String::from_utf8_lossy(&done.stderr);
    if done.status.code() == Some(code) && said.contains(cause) {
        return Ok(());
    }
    Err(format!("{}, not {code} because of `{cause}`:\n{said}", done.status).into())
}

fn same(when: &str, wanted: &tree::Tree, found: &tree::Tree) -> Result<(), Failed> {
    match tree::differences(wanted, found).as_slice() {
        [] => Ok(()),
        paths => Err(format!("{when}, these differ: {paths:?}").into()),
    }
}

/// A small file system of its own, seen from outside by way of the process that holds it.
struct Disk {
    shell: Child,
    answers: BufReader<ChildStdout>,
    mount: PathBuf,
}

impl Disk {
    fn mount(mount: &Path) -> Result<Self, Failed> {
        let mut shell = namespace::shell().spawn()?;
        let answers = BufReader::new(shell.stdout.take().ok_or("no output")?);
        let mut disk = Self { shell, answers, mount: mount.to_owned() };
        disk.run(&format!("mount -t tmpfs -o size=1m disk '{}'", mount.display()))?;
        Ok(disk)
    }

    fn resize(&mut self, size: &str) -> Result<(), Failed> {
        self.run(&format!("mount -o remount,size={size} '{}'", self.mount.display()))
    }

    /// Where this process finds it (proc_pid_root(5)).
    fn path(&self) -> PathBuf {
        let root = format!("/proc/{}/root", self.shell.id());
        Path::new(&root).join(self.mount.strip_prefix("/").unwrap_or(&self.mount))
    }

    fn run(&mut self, command: &str) -> Result<(), Failed> {
        let stdin = self.shell.stdin.as_mut().ok_or("no input")?;
        writeln!(stdin, "{command} && echo done || echo failed")?;
        let mut answer = String::new();
        self.answers.read_line(&mut answer)?;
        if answer == "done\n" { Ok(()) } else { Err(format!("`{command}` failed").into()) }
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // The mount goes with the last process of its namespace.
        let _ = self.shell.kill().and_then(|()| self.shell.wait());
    }
}
