//! The disk and the kernel of the emulated machine, in the cache.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};

use crate::command::{feed, program, run};
use crate::file_lock;
use crate::scenario::repository;

/// Debian's release, which `init` writes as `os`.
const SUITE: &str = "trixie";

/// Scripts whose changes create another image. `image.sh` runs the others.
const SCRIPTS: [&str; 2] = ["lab/src/vm/image.sh", "generator/tests/consumers/hosts/repository.sh"];

/// An image.
#[derive(Debug, Clone)]
pub struct GuestImage {
    /// The folder of its files, as `image.sh` describes them.
    pub folder: PathBuf,
}

impl GuestImage {
    /// The image of this version of the scripts, which may not exist yet.
    ///
    /// # Errors
    ///
    /// When a script cannot be read, or no folder can be found for the cache.
    pub fn locate() -> Result<Self> {
        let mut texts = SUITE.to_owned();
        for script in SCRIPTS {
            texts += &fs::read_to_string(repository().join(script)).context(script)?;
        }
        let digest = feed(&mut program("sha256sum"), &texts)?;
        let key = digest.get(..16).context("sha256sum prints no digest")?;
        Ok(Self { folder: cache()?.join("vm").join(key) })
    }

    /// Creates the image if it does not exist. This needs the network and some minutes.
    ///
    /// # Errors
    ///
    /// When the script fails.
    pub fn create(&self) -> Result<()> {
        let parent = self.folder.parent().context("the cache has a parent")?;
        fs::create_dir_all(parent)?;
        // Another run may be creating it.
        let _creation = file_lock::lock(&parent.join("lock"))?;
        if !self.folder.exists() {
            report(&self.folder);
            let hosts = repository().join("generator/tests/consumers/hosts");
            let script = repository().join(SCRIPTS[0]);
            let mut command = program(script.to_str().context("UTF-8")?);
            run(command.arg(&self.folder).arg(SUITE).arg(hosts))?;
        }
        Ok(())
    }

    /// A file of the image.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file of one line.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub fn line(&self, name: &str) -> Result<String> {
        let path = self.file(name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        Ok(text.trim().to_owned())
    }
}

#[expect(clippy::print_stderr, reason = "minutes without a word look like a fault")]
fn report(folder: &Path) {
    eprintln!("creating {}: this takes some minutes, once", folder.display());
}

/// The folder in which `lab/tools/build` keeps programs, too.
fn cache() -> Result<PathBuf> {
    let home = std::env::var_os("HOME").context("HOME is not set")?;
    Ok(Path::new(&home).join(".cache/meshwright"))
}
