//! The tar archive that `export` sends to one host: every file at its final path.
//!
//! The format is ustar; all entries belong to uid 0 and have no time. Only folders that belong to
//! Meshwright have an entry: an entry for `etc/` would change the mode of the host's `/etc` (observed
//! with GNU tar 1.35, 2026-11). The last entry is the marker, which contains the checksum of every
//! other file. The host rejects a delivery without a marker or with a wrong checksum.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use tar::{EntryType, Header};
use time::{Duration, OffsetDateTime};

use super::authority::{Authority, AuthorityFiles};
use super::certificate::CertificateSubject;
use super::cluster_key::ServiceAccountKey;
use super::item::Item as _;
use super::key_pair::KeyPair;
use super::preshared::PeerPair;
use super::secret::Secret;
use super::store::{Store, StoreError};
use super::{encryption, kubeconfig, manifest};
use crate::file;
use meshwright_compiler::artifact::FileMode;
use meshwright_compiler::plan::hardening::ApiServerFile;
use meshwright_compiler::plan::host::{DISCOVERY_FILE, HostWireGuard, JOIN_CERTIFICATE, JOIN_KEY};
use meshwright_compiler::plan::{NodePlan, Plan};
use meshwright_compiler::render::Rendering;
use meshwright_compiler::render::host_tree::{self, MARKER, PKI_FOLDER, SECRETS_FOLDER};
use meshwright_compiler::topology::Topology;
use meshwright_value::Sha256;

/// The lifetime of a join credential. It is long enough for a first boot on the next day, and short
/// because the credential cannot be revoked.
const JOIN_LIFETIME: Duration = Duration::DAY;

/// The size of a tar block, in bytes.
const BLOCK: usize = 512;

/// Files by their absolute paths without the leading slash.
#[derive(Default)]
pub(crate) struct Delivery {
    files: BTreeMap<String, DeliveredFile>,
}

struct DeliveredFile {
    mode: FileMode,
    content: Secret,
}

impl Delivery {
    /// The public files of a node. A NixOS host has them from its own configuration.
    pub(crate) fn public(rendering: &Rendering<'_>, node: &NodePlan) -> Self {
        let mut delivery = Self::default();
        if node.os.is_nixos() {
            return delivery;
        }
        for (path, _, content) in rendering.host_files(node) {
            delivery.add(&path, content);
        }
        if node.id == rendering.plan().init_node().id {
            for (path, content) in rendering.cluster().iter() {
                // The rest of `out/` is not delivered.
                if let Some(place) = host_tree::place_of_object_file(path) {
                    delivery.add(&place, content.to_vec());
                }
            }
        }
        delivery
    }

    /// The Kubernetes Secrets of the cluster, one file each.
    ///
    /// # Errors
    ///
    /// When a secret is not in the store.
    pub(crate) fn manifests(plan: &Plan, store: &Store) -> Result<Self, StoreError> {
        let mut delivery = Self::default();
        for (file, content) in manifest::all(plan, store)? {
            let delivered = DeliveredFile { mode: FileMode::Private, content };
            delivery.files.insert(file.to_owned(), delivered);
        }
        Ok(delivery)
    }

    /// Adds the secrets of a node.
    ///
    /// # Errors
    ///
    /// When a secret is not in the store.
    pub(crate) fn add_secrets(
        &mut self,
        topology: &Topology,
        plan: &Plan,
        node: &NodePlan,
        store: &Store,
    ) -> Result<(), StoreError> {
        self.add_keys(topology, plan, node, store)?;
        if node.is_control_plane() {
            self.add_pki(store)?;
            if plan.control_plane.api_server_files.contains(&ApiServerFile::Encryption) {
                let file = encryption::configuration(store, plan.control_plane.encrypts_secrets)?;
                self.add_secret(&ApiServerFile::Encryption.path(), file);
            }
        }
        if node.id == plan.init_node().id {
            for (file, content) in manifest::all(plan, store)? {
                self.add_secret(&format!("{SECRETS_FOLDER}/{file}"), content);
            }
        }
        Ok(())
    }

    fn add_keys(
        &mut self,
        topology: &Topology,
        plan: &Plan,
        node: &NodePlan,
        store: &Store,
    ) -> Result<(), StoreError> {
        let interface = &plan.wireguard.interface;
        for key_pair in KeyPair::named(topology, &node.name) {
            let path = HostWireGuard::private_key_file(interface);
            self.add_secret(&path, key_pair.read(store)?);
        }
        for peer in plan.peers(node) {
            for pair in PeerPair::with_peers(plan, &node.name, std::slice::from_ref(&peer)) {
                let path = HostWireGuard::preshared_key_file(interface, peer.name());
                self.add_secret(&path, pair.read(store)?);
            }
        }
        Ok(())
    }

    fn add_pki(&mut self, store: &Store) -> Result<(), StoreError> {
        for authority in Authority::ALL {
            let AuthorityFiles { certificate, key } = authority.read(store)?;
            let path = |file| format!("{PKI_FOLDER}/{file}");
            self.add_secret(&path(authority.certificate_file()), certificate);
            self.add_secret(&path(authority.key_file()), key);
        }
        let key = ServiceAccountKey.read(store)?;
        let unusable = || StoreError::Unusable { path: ServiceAccountKey.path(store) };
        let public = ServiceAccountKey::public_pem(&key).ok_or_else(unusable)?;
        self.add(&format!("{PKI_FOLDER}/sa.pub"), public.into_bytes());
        self.add_secret(&format!("{PKI_FOLDER}/sa.key"), key);
        Ok(())
    }

    /// Adds a new credential with which the node joins the cluster, and returns its time of expiry. It is
    /// not stored.
    ///
    /// # Errors
    ///
    /// When the authority is not in the store.
    pub(crate) fn add_join(
        &mut self,
        plan: &Plan,
        node: &NodePlan,
        store: &Store,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, StoreError> {
        let user = kubeconfig::join_user(&node.name);
        let subject = CertificateSubject { user: &user, group: kubeconfig::JOIN_GROUP };
        let (authority, credential) =
            Authority::Cluster.sign(store, subject, JOIN_LIFETIME, now)?;
        let discovery = kubeconfig::discovery(plan, authority.expose());
        self.add_secret(DISCOVERY_FILE, discovery);
        self.add(JOIN_CERTIFICATE, credential.certificate.into_bytes());
        self.add_secret(JOIN_KEY, credential.key);
        Ok(credential.not_after)
    }

    fn add(&mut self, path: &str, content: Vec<u8>) {
        self.add_secret(path, Secret::new(content));
    }

    fn add_secret(&mut self, path: &str, content: Secret) {
        let file = DeliveredFile { mode: host_tree::mode(path), content };
        self.files.insert(path.trim_start_matches('/').to_owned(), file);
    }

    /// The checksum of each file, by its path without a leading slash.
    pub(crate) fn sums(&self) -> BTreeMap<String, Sha256> {
        let sum = |(path, file): (&String, &DeliveredFile)| {
            (path.clone(), Sha256::compute(file.content.expose()))
        };
        self.files.iter().map(sum).collect()
    }

    /// The number of files, and how many of them only root can read.
    pub(crate) fn count(&self) -> (usize, usize) {
        let private = self.files.values().filter(|file| file.mode == FileMode::Private);
        (self.files.len(), private.count())
    }

    /// The first line of a delivery's marker.
    pub(crate) fn head(plan: &Plan, node: &NodePlan) -> String {
        format!("meshwright delivery for {} of {}", node.name, plan.name)
    }

    /// The head with the time of the export: a host refuses a delivery that is older than its last one.
    pub(crate) fn dated_head(plan: &Plan, node: &NodePlan, now: OffsetDateTime) -> String {
        format!("{}\n# exported {}", Self::head(plan, node), now.unix_timestamp())
    }

    /// Writes all files below a folder, readable by this user only.
    ///
    /// # Errors
    ///
    /// When a file exists or cannot be written.
    pub(crate) fn write_below(&self, folder: &Path) -> io::Result<()> {
        for (path, delivered) in &self.files {
            let file = folder.join(path);
            fs::create_dir_all(file.parent().unwrap_or(folder))?;
            file::create_private(&file, delivered.content.expose())?;
        }
        Ok(())
    }

    /// The archive with the marker. `head` is one line with the content and the receiver.
    ///
    /// # Errors
    ///
    /// The path that is too long for ustar.
    pub(crate) fn marked(self, head: &str) -> Result<Secret, String> {
        let content = Secret::new(self.marker(head).into_bytes());
        let marker = DeliveredFile { mode: host_tree::mode(MARKER), content };
        pack(&self.files, Some((MARKER.trim_start_matches('/'), marker)))
    }

    /// The archive without a marker.
    ///
    /// # Errors
    ///
    /// The path that is too long for ustar.
    pub(crate) fn unmarked(self) -> Result<Secret, String> {
        pack(&self.files, None)
    }

    /// The head, then the line of sha256sum(1) for every file.
    fn marker(&self, head: &str) -> String {
        let mut marker = format!("# {head}\n");
        for (path, file) in &self.files {
            let sum = Sha256::compute(file.content.expose());
            // Writing to a String cannot fail.
            let _ = writeln!(marker, "{sum}  {path}");
        }
        marker
    }
}

/// The folders of these files that belong to Meshwright, with their modes.
fn own_folders<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeMap<String, u32> {
    let parents = |path: &'a str| path.match_indices('/').map(move |(end, _)| &path[..end]);
    let folders: BTreeSet<_> = paths.flat_map(parents).collect();
    let own = folders.into_iter().filter_map(|folder| {
        let mode = host_tree::folder_mode(&format!("/{folder}/"))?;
        Some((folder.to_owned(), mode))
    });
    own.collect()
}

fn pack(
    files: &BTreeMap<String, DeliveredFile>,
    last: Option<(&str, DeliveredFile)>,
) -> Result<Secret, String> {
    let last_entry = last.as_ref().map(|(path, file)| (*path, file));
    let entries: Vec<_> =
        files.iter().map(|(path, file)| (path.as_str(), file)).chain(last_entry).collect();
    let folders = own_folders(entries.iter().map(|(path, _)| *path));
    let count_blocks = |file: &DeliveredFile| 1 + file.content.expose().len().div_ceil(BLOCK);
    let blocks: usize = entries.iter().map(|(_, file)| count_blocks(file)).sum();
    let room = (blocks + folders.len() + 2) * BLOCK;
    let mut archive = tar::Builder::new(Vec::with_capacity(room));
    for (folder, mode) in &folders {
        append(&mut archive, EntryType::Directory, &format!("{folder}/"), *mode, &[])?;
    }
    for (path, DeliveredFile { mode, content }) in entries {
        append(&mut archive, EntryType::Regular, path, mode.bits(), content.expose())?;
    }
    Ok(Secret::new(archive.into_inner().unwrap_or_else(|fault| unreachable!("memory: {fault}"))))
}

/// ustar limits a file name to 100 bytes and its folder to 155. The path of a registry mirror can
/// exceed these limits.
fn append(
    archive: &mut tar::Builder<Vec<u8>>,
    kind: EntryType,
    path: &str,
    mode: u32,
    content: &[u8],
) -> Result<(), String> {
    let mut header = Header::new_ustar();
    header.set_path(path).map_err(|_| path.to_owned())?;
    header.set_entry_type(kind);
    header.set_mode(mode);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    header.set_cksum();
    archive.append(&header, content).unwrap_or_else(|fault| unreachable!("memory: {fault}"));
    Ok(())
}
