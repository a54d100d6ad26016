//! A full disk: no existing file is lost, and the next run writes the new tree.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output};

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::expect;
use crate::need::Need;
use crate::testing::{self, OnDisk};
use crate::{mesh, namespace};

/// The requirements of the trials.
pub(crate) const NEEDS: &[Need] = &[crate::consumer::NAMESPACES];

/// The disk has no space for the new tree: the run fails before its commit point, and changes nothing. With
/// more space, the next run writes the new tree.
pub(crate) fn while_staging() -> Result<(), Failed> {
    let test = FullDiskTest::new("size=1m")?;
    let before = testing::read(&test.disk.path());
    expect_code(&test.generate(&[])?, 2, "No space left on device")?;
    expect_equal("after the failure", &before, &testing::read(&test.disk.path()))?;
    expect_code(&test.generate(&["--check"])?, 1, "does not match")?;
    test.finish_with("size=64m")
}

/// The disk has inodes for the files of the new tree, but not for all its folders: the run fails after its
/// commit point, and reports that. With more inodes, the next run completes the tree.
pub(crate) fn while_committing() -> Result<(), Failed> {
    let mut test = FullDiskTest::new("size=64m")?;
    let before = testing::read(&test.disk.path());
    let staged = test.expected.iter().filter(|(path, entry)| {
        entry.bytes.is_some() && before.get(&format!("out/{path}")) != Some(entry)
    });
    // Plus the root, the existing entries, the staging folder, its mark and its journal.
    let inodes = 1 + before.len() + staged.count() + 3 + SPARE_INODES;
    test.disk.remount(&format!("nr_inodes={inodes}"))?;
    expect_code(&test.generate(&[])?, 2, "is half written: ")?;
    expect_code(&test.generate(&[])?, 2, "No space left on device")?;
    expect_code(&test.generate(&["--check"])?, 1, "an earlier run was interrupted")?;
    test.finish_with("nr_inodes=10000")
}

/// Enough to commit some files, but not all.
const SPARE_INODES: usize = 20;

/// A disk with the tree of two nodes, and a topology with forty nodes.
struct FullDiskTest {
    /// Contains the topologies.
    _folder: TempDir,
    disk: SmallDisk,
    topology: PathBuf,
    /// The tree of the forty nodes.
    expected: OnDisk,
}

impl FullDiskTest {
    fn new(options: &str) -> Result<Self, Failed> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let (small, large) = (folder.path().join("small.toml"), folder.path().join("large.toml"));
        fs::write(&small, mesh::topology(1..=2))?;
        fs::write(&large, mesh::topology(1..=40))?;
        let clean = folder.path().join("clean");
        expect_code(&generate(&large, &clean, &[])?, 0, "")?;
        let expected = testing::read(&clean);
        let disk = SmallDisk::mount(&clean, options)?;
        expect_code(&generate(&small, &disk.path().join("out"), &[])?, 0, "")?;
        Ok(Self { _folder: folder, disk, topology: large, expected })
    }

    fn generate(&self, options: &[&str]) -> io::Result<Output> {
        generate(&self.topology, &self.disk.path().join("out"), options)
    }

    /// With more space, the disk contains the new tree and nothing else.
    fn finish_with(mut self, options: &str) -> Result<(), Failed> {
        self.disk.remount(options)?;
        expect_code(&self.generate(&[])?, 0, "")?;
        expect_equal(
            "with more space",
            &self.expected,
            &testing::read(&self.disk.path().join("out")),
        )
    }
}

fn generate(topology: &Path, out: &Path, options: &[&str]) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meshwright"));
    command.arg("generate").arg("--topology").arg(topology).arg("--out").arg(out);
    command.args(options).output()
}

fn expect_code(done: &Output, code: i32, cause: &str) -> Result<(), Failed> {
    expect::expect_text(&expect::expect_code(done, code)?, cause)
}

fn expect_equal(when: &str, expected: &OnDisk, found: &OnDisk) -> Result<(), Failed> {
    match testing::differences(expected, found).as_slice() {
        [] => Ok(()),
        paths => Err(format!("{when}, these differ: {paths:?}").into()),
    }
}

/// A small file system in its own mount namespace, accessible through the process that keeps it.
struct SmallDisk {
    shell: Child,
    answers: BufReader<ChildStdout>,
    mount: PathBuf,
}

impl SmallDisk {
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

    /// The path under which this process sees it (proc_pid_root(5)).
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

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // The mount ends with the last process of its namespace.
        let _ = self.shell.kill().and_then(|()| self.shell.wait());
    }
}
