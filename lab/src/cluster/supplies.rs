//! What the machines get from the Internet, created once and kept: packages, images, Helm, the chart, and the
//! documents of the operator.

use std::fs::{self, File};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use flate2::Compression;
use flate2::write::GzEncoder;
use sha2::{Digest as _, Sha256};

use super::base_image::BaseImage;
use super::programs::RealPrograms;
use super::{images, packages, stand_in};
use crate::file_lock;

/// The sources that decide what the folder contains: a change creates it again.
const SOURCES: &[&str] = &[
    include_str!("images.rs"),
    include_str!("packages.rs"),
    include_str!("supplies.rs"),
    include_str!("chart/deployment.yaml"),
    include_str!("../../../generator/tests/consumers/hosts/repository.sh"),
];

/// The folder that the file server serves.
#[derive(Debug)]
pub struct Supplies {
    /// Packages, charts and documents.
    pub www: PathBuf,
    /// Images.
    pub registry: PathBuf,
    /// The fingerprint of the key that signs the packages.
    pub fingerprint: String,
    /// Shared while they are used: another run with other supplies must not delete them.
    _lock: File,
}

const PREFIX: &str = "cluster-supplies-";

/// The file below a folder of supplies that is locked while a run uses them.
const LOCK: &str = "lock";

/// The path of the chart below the server's root.
pub const CHART: &str = "traefik.tgz";
/// That of Helm.
pub const HELM: &str = "helm.tar.gz";
/// That of the operator's definitions.
pub const DEFINITIONS: &str = "operator-crds.yaml";
/// That of the operator.
pub const OPERATOR: &str = "tigera-operator.yaml";

impl Supplies {
    /// The supplies of these programs, which are created if they do not exist. Others are deleted if no run uses
    /// them.
    ///
    /// # Errors
    ///
    /// When a program fails.
    pub fn create(
        cache: &Path,
        programs: &RealPrograms,
        image: &BaseImage,
        stand_in: &Path,
    ) -> Result<Self> {
        let inputs = [
            programs.folder.display().to_string(),
            image.root.display().to_string(),
            images::file_digest(stand_in)?,
            SOURCES.concat(),
        ];
        let name = format!("{PREFIX}{}", short_digest(inputs.join("\n").as_bytes()));
        let folder = cache.join(name);
        // Another run may be creating them.
        let creation = file_lock::lock(&cache.join("cluster-supplies.lock"))?;
        if !folder.exists() {
            remove_unused(cache)?;
            let new = folder.with_extension("new");
            write(programs, image, stand_in, &new)?;
            fs::rename(&new, &folder)?;
        }
        let fingerprint = fs::read_to_string(folder.join("fingerprint"))?;
        let lock = file_lock::share(&folder.join(LOCK))?;
        drop(creation);
        Ok(Self {
            www: folder.join("www"),
            registry: folder.join("registry"),
            fingerprint,
            _lock: lock,
        })
    }
}

/// Removes the supplies that no run uses, and what an interrupted run has left.
fn remove_unused(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let lock = path.join(LOCK);
        if name.starts_with(PREFIX) && (!lock.exists() || file_lock::is_free(&lock)) {
            fs::remove_dir_all(path)?;
        }
    }
    Ok(())
}

fn write(programs: &RealPrograms, image: &BaseImage, stand_in: &Path, folder: &Path) -> Result<()> {
    fs::create_dir_all(folder.join("www"))?;
    fs::write(folder.join("fingerprint"), packages::write(programs, image, folder)?)?;
    images::write(programs, image, stand_in, &folder.join("registry"))?;
    let www = folder.join("www");
    fs::write(www.join(DEFINITIONS), stand_in::definitions())?;
    fs::write(www.join(OPERATOR), stand_in::manifest())?;
    write_chart(&www.join(CHART))?;
    write_helm(programs, &www.join(HELM))?;
    File::create(folder.join(LOCK))?;
    Ok(())
}

/// A chart that reads the emitted values `deployment.replicas`, in the place of Traefik's.
fn write_chart(to: &Path) -> Result<()> {
    let mut chart = tar::Builder::new(GzEncoder::new(File::create(to)?, Compression::fast()));
    for (path, text) in [
        ("traefik/Chart.yaml", include_str!("chart/Chart.yaml")),
        ("traefik/templates/deployment.yaml", include_str!("chart/deployment.yaml")),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_mode(0o644);
        header.set_size(text.len().try_into()?);
        chart.append_data(&mut header, path, text.as_bytes())?;
    }
    chart.into_inner()?.finish()?;
    Ok(())
}

/// An archive like that of get.helm.sh.
fn write_helm(programs: &RealPrograms, to: &Path) -> Result<()> {
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(to)?, Compression::fast()));
    archive.append_path_with_name(programs.path("helm"), "linux-amd64/helm").context("helm")?;
    archive.into_inner()?.finish()?;
    Ok(())
}

/// The first digits of a SHA-256, for the names of folders.
#[must_use]
pub fn short_digest(bytes: &[u8]) -> String {
    hexadecimal(&Sha256::digest(bytes)).chars().take(12).collect()
}

/// Bytes as hexadecimal digits.
#[must_use]
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Only the supplies that a run uses remain.
    #[test]
    fn removes_unused_supplies() -> Result<()> {
        let cache = tempfile::tempdir()?;
        let create = |name: &str, files: &[&str]| -> Result<PathBuf> {
            let folder = cache.path().join(name);
            fs::create_dir(&folder)?;
            files.iter().try_for_each(|file| File::create(folder.join(file)).map(drop))?;
            Ok(folder)
        };
        let used = create("cluster-supplies-used", &[LOCK])?;
        create("cluster-supplies-unused", &[LOCK])?;
        create("cluster-supplies-interrupted.new", &["fingerprint"])?;
        create("cluster-image-other", &[])?;
        let _lock = file_lock::share(&used.join(LOCK))?;

        remove_unused(cache.path())?;

        let left = fs::read_dir(cache.path())?.map(|entry| Ok(entry?.file_name()));
        let mut names = left.collect::<Result<Vec<_>>>()?;
        names.sort();
        assert_eq!(names, ["cluster-image-other", "cluster-supplies-used"]);
        Ok(())
    }
}
