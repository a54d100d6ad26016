//! A full disk: nothing that was there is lost, and the next run ends with the new tree.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output};

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::need::Need;
use crate::testing::{self, OnDisk};
use crate::{mesh, namespace};

/// What the trials need.
pub(crate) const NEEDS: &[Need] = &[crate::consumer::NAMESPACES];

/// There is no room for the bytes of the new tree: the run fails before its commit point, and
/// nothing is lost or left. With more room, the next one gives the new tree.
pub(crate) fn while_staging() -> Result<(), Failed> {
    let ground = Ground::new("size=1m")?;
    let before = testing::read(&ground.disk.path());
    ended(&ground.generate(&[])?, 2, "No space left on device")?;
    same("after the failure", &before, &testing::read(&ground.disk.path()))?;
    ended(&ground.generate(&["--check"])?, 1, "is not what")?;
    ground.ends_with("size=64m")
}

/// There is room for the files of the new tree, but not for all of its folders: the run fails
/// beyond its commit point, and says so. With more room, the next one finishes it.
pub(crate) fn while_landing() -> Result<(), Failed> {
    let mut ground = Ground::new("size=64m")?;
    let before = testing::read(&ground.disk.path());
    let staged = ground.wanted.iter().filter(|(path, entry)| {
        entry.bytes.is_some() && before.get(&format!("out/{path}")) != Some(entry)
    });
    // Beside them: the root, what is there, the staging folder, its mark and its journal.
    let inodes = 1 + before.len() + staged.count() + 3 + SPARE_INODES;
    ground.disk.remount(&format!("nr_inodes={inodes}"))?;
    ended(&ground.generate(&[])?, 2, "is half written: ")?;
    ended(&ground.generate(&[])?, 2, "No space left on device")?;
    ended(&ground.generate(&["--check"])?, 1, "an earlier run was interrupted")?;
    ground.ends_with("nr_inodes=10000")
}

/// Enough to land something, too few to land all.
const SPARE_INODES: usize = 20;

/// A disk with the tree of two nodes, and a topology of forty.
struct Ground {
    /// Holds the topologies.
    _folder: TempDir,
    disk: Disk,
    topology: PathBuf,
    /// The tree of the forty.
    wanted: OnDisk,
}

impl Ground {
    fn new(options: &str) -> Result<Self, Failed> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let (small, large) = (folder.path().join("small.toml"), folder.path().join("large.toml"));
        fs::write(&small, mesh::topology(1..=2))?;
        fs::write(&large, mesh::topology(1..=40))?;
        let clean = folder.path().join("clean");
        ended(&generate(&large, &clean, &[])?, 0, "")?;
        let wanted = testing::read(&clean);
        let disk = Disk::mount(&clean, options)?;
        ended(&generate(&small, &disk.path().join("out"), &[])?, 0, "")?;
        Ok(Self { _folder: folder, disk, topology: large, wanted })
    }

    fn generate(&self, options: &[&str]) -> io::Result<Output> {
        generate(&self.topology, &self.disk.path().join("out"), options)
    }

    /// With more room, there is the new tree and nothing else.
    fn ends_with(mut self, room: &str) -> Result<(), Failed> {
        self.disk.remount(room)?;
        ended(&self.generate(&[])?, 0, "")?;
        same("with more room", &self.wanted, &testing::read(&self.disk.path().join("out")))
    }
}

fn generate(topology: &Path, out: &Path, options: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.arg("generate").arg("--topology").arg(topology).arg("--out").arg(out);
    command.args(options).output()
}

fn ended(done: &Output, code: i32, cause: &str) -> Result<(), Failed> {
    let said = String::from_utf8_lossy(&done.stderr);
    if done.status.code() == Some(code) && said.contains(cause) {
        return Ok(());
    }
    Err(format!("{}, not {code} because of `{cause}`:\n{said}", done.status).into())
}

fn same(when: &str, wanted: &OnDisk, found: &OnDisk) -> Result<(), Failed> {
    match testing::differences(wanted, found).as_slice() {
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
    fn mount(mount: &Path, options: &str) -> Result<Self, Failed> {
        let mut shell = namespace::shell().spawn()?;
        let answers = BufReader::new(shell.stdout.take().ok_or("no output")?);
        let mut disk = Self { shell, answers, mount: mount.to_owned() };
        disk.run(&format!("mount -t tmpfs -o {options} disk '{}'", mount.display()))?;
        Ok(disk)
    }

    fn remount(&mut self, options: &str) -> Result<(), Failed> {
        self.run(&format!("mount -o remount,{options} '{}'", self.mount.display()))
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
