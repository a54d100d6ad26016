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

/// The sources that decide what the folder contains: a change creates it again.
const SOURCES: &[&str] = &[
    include_str!("images.rs"),
    include_str!("packages.rs"),
    include_str!("supplies.rs"),
    include_str!("chart/deployment.yaml"),
    include_str!("../../../generator/tests/consumers/hosts/repository.sh"),
];

/// The folder that the file server serves.
#[derive(Debug, Clone)]
pub struct Supplies {
    /// Packages, charts and documents.
    pub www: PathBuf,
    /// Images.
    pub registry: PathBuf,
    /// The fingerprint of the key that signs the packages.
    pub fingerprint: String,
}

/// The path of the chart below the server's root.
pub const CHART: &str = "traefik.tgz";
/// That of Helm.
pub const HELM: &str = "helm.tar.gz";
/// That of the operator's definitions.
pub const DEFINITIONS: &str = "operator-crds.yaml";
/// That of the operator.
pub const OPERATOR: &str = "tigera-operator.yaml";

impl Supplies {
    /// The supplies of these programs, which are created if they do not exist. Older ones are deleted.
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
        let name = format!("cluster-supplies-{}", short_digest(inputs.join("\n").as_bytes()));
        let folder = cache.join(name);
        if !folder.exists() {
            remove_older(cache)?;
            let new = folder.with_extension("new");
            write(programs, image, stand_in, &new)?;
            fs::rename(&new, &folder)?;
        }
        let fingerprint = fs::read_to_string(folder.join("fingerprint"))?;
        Ok(Self { www: folder.join("www"), registry: folder.join("registry"), fingerprint })
    }
}

fn remove_older(cache: &Path) -> Result<()> {
    for entry in fs::read_dir(cache)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.starts_with("cluster-supplies-") {
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
    write_helm(programs, &www.join(HELM))
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
