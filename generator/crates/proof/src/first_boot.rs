//! `user-data.yaml` compared with the other files of its node: what a host is at its first boot, and what
//! the first delivery makes of it, must be the same.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::assumption::Assumption;
use crate::files::{TreeFiles, TreeReadError};
use crate::finding::{FindingCode, ProofFinding};
use crate::read::tree::EmittedNode;
use crate::read::user_data::{self, CarriedFile, UserData};
use crate::span::{FileId, FileLine, LineSpanned, TreePaths};
use meshwright_value::Os;

/// The tree, and which of its files were edited.
pub(crate) struct FirstBoots<'a> {
    /// The files.
    pub(crate) files: &'a dyn TreeFiles,
    /// Their paths.
    pub(crate) paths: &'a TreePaths,
    /// The interface.
    pub(crate) interface: &'a str,
    /// Files that differ from the manifest; none without a manifest.
    pub(crate) edited: Option<&'a [FileId]>,
    /// Files of the tree that do not exist, sorted.
    pub(crate) missing: &'a [String],
}

/// A file of a host.
#[derive(Debug)]
pub(crate) struct PlacedFile {
    file: FileId,
    bytes: PlacedBytes,
}

/// The bytes of a file of a host.
#[derive(Debug)]
enum PlacedBytes {
    /// It does not exist, which is reported already.
    Missing,
    /// It is read when it is compared: user-data carries few of the files of a large mesh.
    Unread,
    /// A file that all hosts have.
    Read(Vec<u8>),
}

/// Files by their paths on a host.
pub(crate) type PlacedFiles = BTreeMap<String, PlacedFile>;

/// The result for one node.
#[derive(Default)]
pub(crate) struct FirstBootCheck {
    pub(crate) findings: Vec<ProofFinding>,
    /// Texts of an earlier version: the node's own files were edited since.
    pub(crate) older: Vec<OlderText>,
}

/// A text in user-data that its own file does not have any more. The host has it from its first boot to its
/// first delivery.
pub(crate) struct OlderText {
    /// The file that was edited.
    pub(crate) own: FileId,
    /// The line in user-data on which the text begins.
    pub(crate) place: FileLine,
    bytes: Vec<u8>,
}

impl OlderText {
    /// What is assumed if the tree is proven with this text too.
    pub(crate) fn assumption(&self, paths: &TreePaths) -> Assumption {
        let path = paths.path(self.own);
        let text = format!(
            "until its first delivery, the host has this text instead of {path}: the tree is proven with it too"
        );
        Assumption::new(self.place, text)
    }
}

/// The tree as its hosts have it between their first boot and their first delivery.
pub(crate) struct BootedTree<'a> {
    files: &'a dyn TreeFiles,
    older: BTreeMap<&'a str, &'a OlderText>,
}

impl<'a> BootedTree<'a> {
    /// The tree with these texts.
    pub(crate) fn new(
        files: &'a dyn TreeFiles,
        paths: &'a TreePaths,
        older: &'a [OlderText],
    ) -> Self {
        let older = older.iter().map(|text| (paths.path(text.own), text));
        Self { files, older: older.collect() }
    }

    /// A fault of this tree, at the text that causes it.
    pub(crate) fn finding(&self, paths: &TreePaths, cause: &ProofFinding) -> Option<ProofFinding> {
        let own = self.older.get(paths.path(cause.place.file));
        let place = match own {
            Some(text) => text.place,
            // The text is one end of the fault, and the other one is blamed.
            None => self.older.values().next()?.place,
        };
        let message = format!(
            "until its first delivery, the host has this text, and with it: {} at {}: {}",
            cause.code,
            paths.show(cause.place),
            cause.message
        );
        Some(ProofFinding::new(FindingCode::FilesDisagree, place, message))
    }
}

impl TreeFiles for BootedTree<'_> {
    fn paths(&self) -> Result<Vec<String>, TreeReadError> {
        self.files.paths()
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError> {
        match self.older.get(path) {
            Some(text) => Ok(text.bytes.clone()),
            None => self.files.read(path),
        }
    }

    fn irregular(&self) -> Result<Vec<String>, TreeReadError> {
        self.files.irregular()
    }

    fn needs_manifest(&self) -> bool {
        self.files.needs_manifest()
    }

    fn is_executable(&self, path: &str) -> Result<bool, TreeReadError> {
        self.files.is_executable(path)
    }
}

/// Whether a file is the table of a first boot: it repeats what other files of its node have.
pub(crate) fn is_table(path: &str) -> bool {
    path.ends_with("/first-boot/nftables.conf")
}

/// The program of a host; at the first boot it is the smaller one.
const SCRIPT: &str = "/usr/local/sbin/meshwright-node";

impl FirstBoots<'_> {
    /// The files that all hosts have.
    pub(crate) fn shared(&self) -> Result<PlacedFiles, TreeReadError> {
        let mut shared = self.placed("host/", place_of_host_file);
        for placed in shared.values_mut() {
            if matches!(placed.bytes, PlacedBytes::Unread) {
                let path = self.paths.path(placed.file);
                placed.bytes = PlacedBytes::Read(self.files.read(path)?);
            }
        }
        Ok(shared)
    }

    /// Compares the user-data of one node, if it has one.
    pub(crate) fn check(
        &self,
        node: &EmittedNode,
        shared: &PlacedFiles,
    ) -> Result<FirstBootCheck, TreeReadError> {
        let mut check = FirstBootCheck::default();
        let path = format!("nodes/{}/user-data.yaml", node.name);
        let is_nixos = node.host.content.os == Os::Nixos;
        let mut finds = |code, place, message: String| {
            check.findings.push(ProofFinding::new(code, place, message));
        };
        let Some(file) = self.paths.find(&path).filter(|_| self.exists(&path)) else {
            // A missing file that the manifest lists is reported with its path.
            if !is_nixos && self.edited.is_some() && self.paths.find(&path).is_none() {
                let message = format!("{path} is missing: this host is set up by cloud-init");
                finds(FindingCode::FileMissing, node.json.file.whole(), message);
            }
            return Ok(check);
        };
        if is_nixos {
            let message = "a NixOS host reads no user-data".to_owned();
            finds(FindingCode::FileUnknown, file.whole(), message);
            return Ok(check);
        }
        let bytes = self.files.read(&path)?;
        let Ok(text) = String::from_utf8(bytes) else {
            finds(FindingCode::NotUnderstood, file.whole(), "it is not UTF-8".to_owned());
            return Ok(check);
        };
        match user_data::read(&text) {
            Ok(user_data) => {
                let folder = format!("nodes/{}/", node.name);
                let own = self.placed(&folder, |file| place_of_node_file(file, self.interface));
                self.compare(&node.name, file, &user_data, (&own, shared), &mut check)?;
            }
            Err(unread) => {
                finds(FindingCode::NotUnderstood, file.line(unread.line), unread.message);
            }
        }
        Ok(check)
    }

    fn exists(&self, path: &str) -> bool {
        self.missing.binary_search_by(|known| known.as_str().cmp(path)).is_err()
    }

    /// The files of a folder that have a place on a host.
    fn placed(&self, folder: &str, place: impl Fn(&str) -> Option<String>) -> PlacedFiles {
        let placed = self.paths.below(folder).filter_map(|(file, path)| {
            let is_here = self.exists(path);
            let bytes = if is_here { PlacedBytes::Unread } else { PlacedBytes::Missing };
            Some((place(&path[folder.len()..])?, PlacedFile { file, bytes }))
        });
        placed.collect()
    }

    fn compare(
        &self,
        name: &str,
        file: FileId,
        user_data: &UserData,
        (own, shared): (&PlacedFiles, &PlacedFiles),
        check: &mut FirstBootCheck,
    ) -> Result<(), TreeReadError> {
        let disagrees = |line, message: String| {
            ProofFinding::new(FindingCode::FilesDisagree, file.line(line), message)
        };
        let hostname = &user_data.hostname;
        if hostname.value != name {
            let message = format!("the hostname is {}, not {name}", hostname.value);
            check.findings.push(disagrees(hostname.line, message));
        }
        let mut expected: BTreeMap<_, _> =
            own.iter().chain(shared).map(|(path, file)| (path.as_str(), file)).collect();
        for carried in &user_data.files {
            let LineSpanned { value: path, line } = &carried.path;
            let Some(own) = expected.remove(path.as_str()) else {
                // Without a manifest, the file may be one that was removed.
                if self.edited.is_some() {
                    let message = format!("{path} is not a file of this host, or is written twice");
                    check.findings.push(disagrees(*line, message));
                }
                continue;
            };
            let permissions = &carried.permissions;
            if permissions.value != mode(path) {
                let message = format!("the mode of {path} is {}", mode(path));
                check.findings.push(disagrees(permissions.line, message));
            }
            self.compare_content(file, carried, own, check)?;
        }
        let unwritten = expected
            .iter()
            .filter(|(path, own)| !waits(path) && !matches!(own.bytes, PlacedBytes::Missing));
        for (path, _) in unwritten {
            let message = format!("{path} is not in it, and the host needs it at its first boot");
            check.findings.push(disagrees(0, message));
        }
        Ok(())
    }

    /// The bytes of a file of a host; none if it does not exist.
    fn bytes_of<'file>(
        &self,
        placed: &'file PlacedFile,
    ) -> Result<Option<Cow<'file, [u8]>>, TreeReadError> {
        match &placed.bytes {
            PlacedBytes::Missing => Ok(None),
            PlacedBytes::Unread => {
                let bytes = self.files.read(self.paths.path(placed.file))?;
                Ok(Some(Cow::Owned(bytes)))
            }
            PlacedBytes::Read(bytes) => Ok(Some(Cow::Borrowed(bytes))),
        }
    }

    /// A file of the node that was edited alone is newer than its copy.
    fn compare_content(
        &self,
        file: FileId,
        carried: &CarriedFile,
        own: &PlacedFile,
        check: &mut FirstBootCheck,
    ) -> Result<(), TreeReadError> {
        let LineSpanned { value: bytes, line } = &carried.content;
        let Some(own_bytes) = self.bytes_of(own)?.filter(|own| **own != **bytes) else {
            return Ok(());
        };
        let was_edited = |file: FileId, edited: &[FileId]| edited.binary_search(&file).is_ok();
        let is_copy_older = self
            .edited
            .is_none_or(|edited| was_edited(own.file, edited) && !was_edited(file, edited));
        let (path, place) = (self.paths.path(own.file), file.line(*line));
        if is_copy_older {
            check.older.push(OlderText { own: own.file, place, bytes: bytes.clone() });
            return Ok(());
        }
        let message = format!(
            "{} differs from {path}, line {}",
            carried.path.value,
            differing(bytes, &own_bytes)
        );
        check.findings.push(ProofFinding::new(FindingCode::FilesDisagree, place, message));
        Ok(())
    }
}

/// The number of the first line that differs.
fn differing(one: &[u8], other: &[u8]) -> usize {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    other[..same].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// Files that a host uses only after its first delivery, which contains them, and the beginnings of their paths.
const WAITS: [&str; 12] = [
    "/etc/haproxy/",
    "/etc/kubernetes/",
    "/etc/meshwright/hosts",
    "/etc/systemd/system/kubelet.service.d/",
    "/etc/systemd/system/meshwright-backup.",
    "/etc/systemd/system/meshwright-bootstrap.",
    "/etc/systemd/system/meshwright-relays.",
    "/etc/systemd/system/meshwright-resolve.",
    "/etc/systemd/system/meshwright-metrics.",
    "/etc/systemd/system/meshwright-watch.",
    "/etc/systemd/system/wg-quick@",
    "/etc/wireguard/",
];

/// Whether a file is one of them.
fn waits(path: &str) -> bool {
    WAITS.iter().any(|start| path.starts_with(start))
}

/// The place on a host of a file of `nodes/<node>/`, at its first boot.
fn place_of_node_file(file: &str, interface: &str) -> Option<String> {
    let is_of_interface = file.strip_prefix(interface).is_some_and(|kind| kind.starts_with('.'));
    match file {
        "first-boot/nftables.conf" => Some("/etc/meshwright/nftables.conf".to_owned()),
        "node.env" => Some("/etc/meshwright/node.env".to_owned()),
        "kubeadm.yaml" | "upgrade.yaml" => Some(format!("/etc/kubernetes/{file}")),
        _ if file.starts_with("patches/") => Some(format!("/etc/kubernetes/{file}")),
        _ if is_of_interface => Some(format!("/etc/wireguard/{file}")),
        _ => None,
    }
}

/// The place on a host of a file of `host/`, at its first boot.
fn place_of_host_file(file: &str) -> Option<String> {
    let place = match file {
        "meshwright-node" => return None,
        "first-boot/meshwright-node" => SCRIPT.to_owned(),
        "guards.routes" | "hosts" => format!("/etc/meshwright/{file}"),
        "modules-load.conf" => "/etc/modules-load.d/meshwright.conf".to_owned(),
        "sysctl.conf" => "/etc/sysctl.d/90-meshwright.conf".to_owned(),
        "networkd.conf" => "/etc/systemd/networkd.conf.d/meshwright.conf".to_owned(),
        "network-manager.conf" => "/etc/NetworkManager/conf.d/meshwright.conf".to_owned(),
        "needrestart.conf" => "/etc/needrestart/conf.d/meshwright.conf".to_owned(),
        "haproxy.cfg" => "/etc/haproxy/haproxy.cfg".to_owned(),
        _ if file.starts_with("containerd/") => format!("/etc/{file}"),
        _ => format!("/etc/systemd/system/{}", file.strip_prefix("systemd/")?),
    };
    Some(place)
}

/// The mode of a file on a host: wg-quick(8) warns if others can read its configuration.
fn mode(path: &str) -> &'static str {
    match path {
        SCRIPT => "0755",
        _ if path.starts_with("/etc/wireguard/") && path.ends_with(".conf") => "0600",
        _ => "0644",
    }
}
