//! The disk of a new machine: a Debian as a provider offers it, created once for each version of `image.sh`.

use std::path::{Path, PathBuf};

use anyhow::Result;

use super::supplies::short_digest;
use crate::command::{program, run};
use crate::file_lock;

const SCRIPT: &str = include_str!("image.sh");

/// The suite of the operating system that `meshwright init` writes: debian-13.
pub const SUITE: &str = "trixie";

/// A root file system, and the Debian packages that a machine may install from a mirror.
#[derive(Debug, Clone)]
pub struct BaseImage {
    /// The root file system.
    pub root: PathBuf,
    /// A flat repository: packages and their index.
    pub pool: PathBuf,
    /// The first layer of container images that need more than one program.
    pub container: PathBuf,
}

impl BaseImage {
    /// The image, which is created if it does not exist.
    ///
    /// # Errors
    ///
    /// When Debian's mirror does not answer.
    pub fn create(cache: &Path) -> Result<Self> {
        let version = short_digest(SCRIPT.as_bytes());
        let root = cache.join(format!("cluster-image-{version}"));
        let pool = cache.join(format!("cluster-pool-{version}"));
        let container = cache.join(format!("cluster-container-{version}"));
        // Another run may be creating it.
        let _creation = file_lock::lock(&cache.join("cluster-image.lock"))?;
        if !root.exists() {
            let mut script = program("bash");
            script
                .args(["-c", SCRIPT, "image.sh"])
                .arg(&root)
                .arg(SUITE)
                .arg(&pool)
                .arg(&container);
            run(&mut script)?;
        }
        Ok(Self { root, pool, container })
    }
}
