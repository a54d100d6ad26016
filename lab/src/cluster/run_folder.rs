//! The folder of one run: the disks of its machines. A run that was killed leaves its folder and its cgroups; the
//! next run removes them.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use tempfile::TempDir;

use crate::command::program;
use crate::file_lock;

const PREFIX: &str = "cluster-run-";

/// The hierarchies in which systemd needs a cgroup of its own. A machine with cgroup v1 also has v2, without
/// controllers.
const HIERARCHIES: [&str; 3] =
    ["/sys/fs/cgroup/systemd", "/sys/fs/cgroup/unified", "/sys/fs/cgroup"];

/// The folder, which is removed at the end.
pub struct RunFolder {
    folder: TempDir,
    /// Held while the run is alive.
    _lock: File,
}

impl RunFolder {
    /// Creates the folder, and removes what runs have left that were killed.
    ///
    /// # Errors
    ///
    /// When the folder cannot be created.
    pub fn create(cache: &Path) -> Result<Self> {
        remove_abandoned(cache)?;
        let folder = tempfile::Builder::new().prefix(PREFIX).tempdir_in(cache)?;
        let lock = file_lock::lock(&folder.path().join("lock"))?;
        Ok(Self { folder, _lock: lock })
    }

    /// Its path.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The part of its name that no other run has.
    #[must_use]
    pub fn suffix(&self) -> String {
        self.name().trim_start_matches(PREFIX).to_owned()
    }

    /// Creates a cgroup for a machine in every hierarchy: without its own, systemd in the container would stop
    /// services of this machine.
    ///
    /// # Errors
    ///
    /// When a hierarchy refuses it.
    pub fn create_cgroups(&self, machine: &str) -> Result<Vec<PathBuf>> {
        let name = format!("{}-{machine}", self.name());
        let created: Vec<_> = hierarchies().map(|path| path.join(&name)).collect();
        for cgroup in &created {
            let path = cgroup.join("init");
            fs::create_dir_all(&path).with_context(|| path.display().to_string())?;
        }
        Ok(created)
    }

    fn name(&self) -> String {
        name_of(self.path())
    }
}

/// Whether this machine allows cgroups for machines.
#[must_use]
pub fn has_cgroups() -> bool {
    hierarchies().next().is_some()
}

fn hierarchies() -> impl Iterator<Item = PathBuf> {
    let paths = HIERARCHIES.iter().map(PathBuf::from);
    paths.filter(|path| path.join("cgroup.procs").exists())
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Removes the cgroups below one, if they have no process.
pub fn remove_cgroups_below(cgroup: &Path) {
    let mut find = program("find");
    find.arg(cgroup).args(["-mindepth", "1", "-depth", "-type", "d", "!", "-name", "init"]);
    drop(find.args(["-exec", "rmdir", "{}", "+"]).output());
}

/// Removes a cgroup and those below it, if they have no process.
pub fn remove_cgroups(cgroup: &Path) {
    let mut find = program("find");
    drop(find.arg(cgroup).args(["-depth", "-type", "d", "-exec", "rmdir", "{}", "+"]).output());
}

fn remove_abandoned(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache)? {
        let path = entry?.path();
        let name = name_of(&path);
        // Without a lock file, another run is creating the folder at this moment.
        if name.starts_with(PREFIX) && file_lock::is_free(&path.join("lock")) {
            for hierarchy in hierarchies() {
                let cgroups = fs::read_dir(hierarchy)?.filter_map(|entry| Some(entry.ok()?.path()));
                cgroups
                    .filter(|cgroup| name_of(cgroup).starts_with(&name))
                    .for_each(|cgroup| remove_cgroups(&cgroup));
            }
            fs::remove_dir_all(&path).with_context(|| path.display().to_string())?;
        }
    }
    Ok(())
}
