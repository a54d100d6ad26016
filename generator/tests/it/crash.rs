//! `kill -9` at twenty moments of a large run over an older, different tree.
//!
//! A moment is recognised by the files that the run has written, never by the clock. Two meshes, half of
//! whose nodes differ, alternate: every run changes, removes and adds files.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::fs;
use std::ops::RangeInclusive;
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::mesh;
use crate::program::{ended, generate};
use crate::testing::{self, OnDisk};

/// When the run is killed. Shares are in percent.
#[derive(Debug, Clone, Copy)]
enum Moment {
    /// This share of the added and changed files is staged.
    Staged(usize),
    /// The journal exists: the commit point.
    Committed,
    /// This share of the removed files is removed.
    Removed(usize),
    /// This share of the added files is in place.
    Placed(usize),
}

const MOMENTS: [Moment; 20] = [
    Moment::Staged(0),
    Moment::Staged(5),
    Moment::Staged(15),
    Moment::Staged(30),
    Moment::Staged(45),
    Moment::Staged(60),
    Moment::Staged(75),
    Moment::Staged(90),
    Moment::Staged(100),
    Moment::Committed,
    Moment::Removed(0),
    Moment::Removed(30),
    Moment::Removed(60),
    Moment::Removed(99),
    Moment::Placed(0),
    Moment::Placed(20),
    Moment::Placed(40),
    Moment::Placed(60),
    Moment::Placed(80),
    Moment::Placed(99),
];

/// A run may pass a moment before the signal arrives, so each moment has this many attempts.
const ATTEMPTS: usize = 20;

#[test]
fn a_killed_run_loses_no_file_and_the_next_run_finishes_it() {
    let mut trial = Trial::new(node_count());
    for moment in MOMENTS {
        let hit = (0..ATTEMPTS).any(|_| trial.kills_at(moment));
        assert!(hit, "no run was killed at {moment:?}");
    }
}

/// `MESHWRIGHT_CRASH_NODES`, or a number of nodes that a debug build renders in seconds.
#[expect(clippy::disallowed_methods, reason = "a longer test is asked for by the environment")]
fn node_count() -> u32 {
    let asked = std::env::var("MESHWRIGHT_CRASH_NODES");
    asked.map_or(30, |nodes| nodes.parse().expect("MESHWRIGHT_CRASH_NODES is a number"))
}

impl Moment {
    /// How a run that is killed at this moment leaves the directory.
    fn leaves(self) -> Left {
        match self {
            Self::Staged(_) => Left::Old,
            Self::Committed | Self::Removed(_) | Self::Placed(_) => Left::Half,
        }
    }
}

/// How a killed run left the directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Left {
    /// Unchanged.
    Old,
    /// With a journal; each file is the old or the new one.
    Half,
    /// Completely written.
    New,
}

/// How a moment is recognised from outside.
enum Mark {
    /// At least this many entries in a folder.
    Entries(PathBuf, usize),
    Present(PathBuf),
    Absent(PathBuf),
}

impl Mark {
    fn is_reached(&self) -> bool {
        match self {
            Self::Entries(folder, count) => {
                fs::read_dir(folder).is_ok_and(|entries| entries.count() >= *count)
            }
            Self::Present(path) => path.exists(),
            Self::Absent(path) => !path.exists(),
        }
    }
}

/// A topology, and the tree that it gives.
struct Mesh {
    topology: PathBuf,
    tree: OnDisk,
}

impl Mesh {
    /// The tree contains the generated files and the foreign ones.
    fn new(folder: &Path, ids: RangeInclusive<u32>, foreign: &OnDisk) -> Self {
        let topology = folder.join(format!("from-{}.toml", ids.start()));
        fs::write(&topology, mesh::topology(ids)).expect("written");
        let out = topology.with_extension("");
        let (code, stderr) = ended(&mut generate(&topology, &out));
        assert_eq!(code, Some(0), "{stderr}");
        let mut tree = testing::read(&out);
        tree.extend(foreign.clone());
        Self { topology, tree }
    }

    /// The files that the other does not have.
    fn without(&self, other: &Self) -> Vec<&str> {
        let files = self.tree.iter().filter(|(_, entry)| entry.bytes.is_some());
        let own = files.filter(|(path, _)| !other.tree.contains_key(*path));
        own.map(|(path, _)| path.as_str()).collect()
    }
}

struct Trial {
    /// Holds the topologies.
    _folder: TempDir,
    out: PathBuf,
    /// The mesh whose tree is in the directory.
    old: Mesh,
    /// The mesh that the next run writes.
    new: Mesh,
}

impl Trial {
    fn new(nodes: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let out = folder.path().join("out");
        let foreign = foreign(&out);
        let old = Mesh::new(folder.path(), 1..=nodes, &foreign);
        let new = Mesh::new(folder.path(), 1 + nodes / 2..=nodes + nodes / 2, &foreign);
        let (code, stderr) = ended(generate(&old.topology, &out).arg("--adopt"));
        assert_eq!(code, Some(0), "{stderr}");
        Self { _folder: folder, out, old, new }
    }

    /// Kills a run, and lets the next run finish it. Returns whether the run was killed at the moment.
    fn kills_at(&mut self, moment: Moment) -> bool {
        let mark = self.mark(moment);
        let run = generate(&self.new.topology, &self.out).stderr(Stdio::null()).spawn();
        let killed = kill(run.expect("started"), &mark);
        let left = self.left();
        self.assert_check_reports(left);
        self.assert_next_run_finishes(left);
        std::mem::swap(&mut self.old, &mut self.new);
        killed && left == moment.leaves()
    }

    fn mark(&self, moment: Moment) -> Mark {
        let staging = self.out.join(".staging");
        let nth = |share, paths: Vec<&str>| self.out.join(paths[paths.len() * share / 100]);
        match moment {
            // One entry more: the file that marks the folder as ours.
            Moment::Staged(share) => Mark::Entries(staging, 1 + self.differing() * share / 100),
            Moment::Committed => Mark::Present(staging.join("journal.json")),
            Moment::Removed(share) => Mark::Absent(nth(share, self.old.without(&self.new))),
            Moment::Placed(share) => Mark::Present(nth(share, self.new.without(&self.old))),
        }
    }

    /// The number of added and changed files.
    fn differing(&self) -> usize {
        let new = self.new.tree.iter().filter(|(_, entry)| entry.bytes.is_some());
        new.filter(|(path, entry)| self.old.tree.get(*path) != Some(entry)).count()
    }

    /// Reads the directory: no file may be lost or half written.
    fn left(&self) -> Left {
        let (old, new) = (&self.old.tree, &self.new.tree);
        let mut found = testing::read(&self.out);
        let half = found.contains_key(".staging/journal.json");
        found.retain(|path, _| !path.starts_with(".staging"));
        if half {
            for (path, entry) in &found {
                let known = [old.get(path), new.get(path)].contains(&Some(entry));
                assert!(known, "{path} is neither old nor new");
            }
            let lost =
                old.keys().find(|path| new.contains_key(*path) && !found.contains_key(*path));
            assert_eq!(lost, None);
            return Left::Half;
        }
        if found == *new {
            return Left::New;
        }
        assert_eq!(testing::differences(old, &found), [""; 0]);
        Left::Old
    }

    fn assert_check_reports(&self, left: Left) {
        let (code, stderr) = ended(generate(&self.new.topology, &self.out).arg("--check"));
        let (out, topology) = (self.out.display(), self.new.topology.display());
        match left {
            Left::Old => {
                assert_eq!(code, Some(1), "{stderr}");
                // With a large mesh, a warning about user-data is printed first.
                let found = format!("{out}/ does not match {topology}:");
                assert!(stderr.lines().any(|line| line == found), "{stderr}");
            }
            Left::Half => {
                assert_eq!(code, Some(1), "{stderr}");
                let message = format!(
                    "error: {out} is half written: an earlier run was interrupted\n \
                     |\n = help: run `meshwright generate` to finish it\n"
                );
                assert!(stderr.ends_with(&message), "{stderr}");
            }
            Left::New => assert_eq!(code, Some(0), "{stderr}"),
        }
    }

    fn assert_next_run_finishes(&self, left: Left) {
        let (code, stderr) = ended(&mut generate(&self.new.topology, &self.out));
        assert_eq!(code, Some(0), "{stderr}");
        let finished = "completed the write of an interrupted run";
        let finished = stderr.lines().any(|line| line == finished);
        assert_eq!(finished, left == Left::Half, "{stderr}");
        assert_eq!(testing::differences(&self.new.tree, &testing::read(&self.out)), [""; 0]);
    }
}

/// Kills a run as soon as the mark is reached. Returns whether the signal ended it.
fn kill(mut run: Child, mark: &Mark) -> bool {
    while !mark.is_reached() && run.try_wait().expect("waited").is_none() {
        // Without a pause this loop takes a core from the run.
        std::thread::sleep(Duration::from_micros(50));
    }
    run.kill().expect("killed, or at its end");
    run.wait().expect("reaped").signal() == Some(9)
}

/// Foreign files, also in the folder of a node that is added and removed.
fn foreign(out: &Path) -> OnDisk {
    fs::create_dir_all(out.join("nodes/node1")).expect("a folder");
    for path in ["notes", "nodes/node1/notes"] {
        fs::write(out.join(path), "foreign").expect("written");
    }
    testing::read(out)
}
