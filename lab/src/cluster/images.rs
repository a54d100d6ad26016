//! Container images of the real programs, as a registry serves them (OCI image and distribution specifications).

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::slice;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tar::{Builder, EntryType, Header};

use super::base_image::BaseImage;
use super::programs::RealPrograms;
use super::stand_in;
use super::supplies::hexadecimal;

/// The image of the pods of the checks.
pub const APP: &str = "docker.io/lab/app:1";

/// The image of the Ingress controller's pods.
pub const INGRESS: &str = "docker.io/lab/ingress:1";

/// The image of the pods of `meshwright test`: Debian's busybox, in the place of the official image.
pub const PROBE: &str = "docker.io/lab/probe:1";

/// The only program of [`PROBE`] that is used. The one that is linked statically cannot resolve names.
const BUSYBOX: &str = "/bin/busybox";

/// The media type of a manifest.
pub const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";

/// A path inside an image and the file on this machine.
type ImageFile = (String, PathBuf);

/// The folder of a registry: `blobs/<digest>` and `manifests/<registry>/<name>/<tag>`.
pub struct ImageStore<'folder> {
    folder: &'folder Path,
}

/// Writes all images of a cluster.
///
/// # Errors
///
/// When a program is missing.
pub fn write(
    programs: &RealPrograms,
    image: &BaseImage,
    stand_in: &Path,
    folder: &Path,
) -> Result<()> {
    fs::create_dir_all(folder.join("blobs"))?;
    let store = ImageStore { folder };
    let debian = store.add_root(&image.container)?;
    let pause = store
        .add_files(&[("/usr/local/bin/pause".to_owned(), stand_in.to_owned())])
        .map(|layer| [debian.clone(), layer])?;
    let etcd = ["etcd", "etcdctl", "etcdutl"]
        .map(|name| (format!("/usr/local/bin/{name}"), programs.path(name)));
    let etcd = store.add_files(&etcd)?;
    let coredns = store.add_files(&[("/coredns".to_owned(), programs.path("coredns"))])?;
    for kubernetes in [programs, &programs.previous()] {
        add_kubernetes(&store, kubernetes, &debian)?;
        store.add(&kubernetes.image("etcd")?, slice::from_ref(&etcd), None)?;
        let dns = kubernetes.image("coredns/coredns")?;
        store.add(&dns, slice::from_ref(&coredns), Some("/coredns"))?;
        store.add(&kubernetes.image("pause")?, &pause, Some("/usr/local/bin/pause"))?;
    }
    let app = store.add_files(&[("/usr/local/bin/app".to_owned(), stand_in.to_owned())])?;
    for name in [APP, INGRESS] {
        store.add(name, &[debian.clone(), app.clone()], Some("/usr/local/bin/app"))?;
    }
    let busybox = store.add_files(&[(BUSYBOX.to_owned(), PathBuf::from(BUSYBOX))])?;
    store.add(PROBE, &[debian.clone(), busybox], None)?;
    let calico = store.add_files(&[
        ("/usr/local/bin/operator".to_owned(), stand_in.to_owned()),
        ("/usr/local/bin/calico-node".to_owned(), stand_in.to_owned()),
        ("/usr/local/bin/kubectl".to_owned(), programs.path("kubectl")),
    ])?;
    store.add(stand_in::IMAGE, &[debian, calico], None)
}

/// The images that contain one program of Kubernetes and have its version.
fn add_kubernetes(
    store: &ImageStore<'_>,
    programs: &RealPrograms,
    debian: &ImageLayer,
) -> Result<()> {
    let version = programs.kubernetes_version()?;
    for name in ["kube-apiserver", "kube-controller-manager", "kube-scheduler", "kube-proxy"] {
        let program =
            store.add_files(&[(format!("/usr/local/bin/{name}"), programs.path(name))])?;
        let layers = match name {
            "kube-proxy" => vec![debian.clone(), program],
            _ => vec![program],
        };
        store.add(&format!("registry.k8s.io/{name}:v{version}"), &layers, None)?;
    }
    Ok(())
}

/// A layer: its digest and size.
#[derive(Debug, Clone)]
struct ImageLayer {
    digest: String,
    size: u64,
}

impl ImageStore<'_> {
    /// Adds an image.
    fn add(&self, name: &str, layers: &[ImageLayer], entrypoint: Option<&str>) -> Result<()> {
        let path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
        let mut process = json!({ "Env": [path] });
        if let Some(program) = entrypoint {
            process["Entrypoint"] = json!([program]);
        }
        let digests: Vec<_> = layers.iter().map(|layer| &layer.digest).collect();
        let config = json!({
            "architecture": "amd64", "os": "linux", "config": process,
            "rootfs": { "type": "layers", "diff_ids": digests },
        });
        let (config_digest, config_size) = self.add_json(&config)?;
        let described = layers.iter().map(|layer| {
            json!({
                "mediaType": "application/vnd.oci.image.layer.v1.tar",
                "digest": layer.digest, "size": layer.size,
            })
        });
        let manifest = json!({
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": "application/vnd.oci.image.config.v1+json",
                "digest": config_digest, "size": config_size,
            },
            "layers": described.collect::<Vec<_>>(),
        });
        let (digest, _) = self.add_json(&manifest)?;
        let (repository, tag) = name.rsplit_once(':').context("a name without a tag")?;
        let folder = self.folder.join("manifests").join(repository);
        fs::create_dir_all(&folder)?;
        fs::write(folder.join(tag), digest)?;
        Ok(())
    }

    fn add_json(&self, value: &Value) -> Result<(String, u64)> {
        let bytes = value.to_string().into_bytes();
        let digest = format!("sha256:{}", hexadecimal(&Sha256::digest(&bytes)));
        fs::write(self.blob(&digest), &bytes)?;
        Ok((digest, bytes.len().try_into()?))
    }

    fn blob(&self, digest: &str) -> PathBuf {
        self.folder.join("blobs").join(digest)
    }

    /// A layer with these files.
    fn add_files(&self, files: &[ImageFile]) -> Result<ImageLayer> {
        self.add_layer(|layer| {
            let mut folders = BTreeSet::new();
            for folder in ["/tmp", "/etc", "/run"] {
                add_folder(layer, Path::new(folder), &mut folders)?;
            }
            for (path, source) in files {
                let parent = Path::new(path).parent().context("a folder")?;
                add_folder(layer, parent, &mut folders)?;
                let mut file = File::open(source).with_context(|| source.display().to_string())?;
                let mut header = header(EntryType::Regular, 0o755, file.metadata()?.len());
                layer.append_data(&mut header, path.trim_start_matches('/'), &mut file)?;
            }
            Ok(())
        })
    }

    /// A layer with a whole root file system.
    fn add_root(&self, root: &Path) -> Result<ImageLayer> {
        self.add_layer(|layer| Ok(layer.append_dir_all(".", root)?))
    }

    fn add_layer(
        &self,
        fill: impl FnOnce(&mut Builder<io::BufWriter<HashingWriter>>) -> Result<()>,
    ) -> Result<ImageLayer> {
        let scratch = tempfile::NamedTempFile::new_in(self.folder.join("blobs"))?;
        let writer =
            HashingWriter { file: scratch.as_file().try_clone()?, hash: Sha256::new(), size: 0 };
        let mut layer = Builder::new(io::BufWriter::with_capacity(1 << 20, writer));
        layer.follow_symlinks(false);
        fill(&mut layer)?;
        let written = layer.into_inner()?.into_inner()?;
        let digest = format!("sha256:{}", hexadecimal(&written.hash.finalize()));
        scratch.persist(self.blob(&digest))?;
        Ok(ImageLayer { digest, size: written.size })
    }
}

/// With the folders above it.
fn add_folder<W: Write>(
    layer: &mut Builder<W>,
    folder: &Path,
    added: &mut BTreeSet<PathBuf>,
) -> Result<()> {
    if folder == Path::new("/") || !added.insert(folder.to_owned()) {
        return Ok(());
    }
    if let Some(parent) = folder.parent() {
        add_folder(layer, parent, added)?;
    }
    let mode = if folder == Path::new("/tmp") { 0o1777 } else { 0o755 };
    let path = folder.strip_prefix("/")?;
    layer.append_data(&mut header(EntryType::Directory, mode, 0), path, io::empty())?;
    Ok(())
}

fn header(kind: EntryType, mode: u32, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_size(size);
    header
}

#[derive(Debug)]
struct HashingWriter {
    file: File,
    hash: Sha256,
    size: u64,
}

impl Write for HashingWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.hash.update(&bytes[..written]);
        self.size += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// The digest of a file.
///
/// # Errors
///
/// When it cannot be read.
pub fn file_digest(path: &Path) -> Result<String> {
    let mut file = File::open(path).with_context(|| path.display().to_string())?;
    let mut hash = Sha256::new();
    let mut buffer = vec![0; 1 << 20];
    loop {
        let length = file.read(&mut buffer)?;
        if length == 0 {
            return Ok(hexadecimal(&hash.finalize()));
        }
        hash.update(&buffer[..length]);
    }
}
