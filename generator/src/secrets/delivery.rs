//! What `export` sends to one host: every file at its final path, as one tar.
//!
//! Plain ustar, root's by number, without times. Folders have entries only where they are ours alone:
//! an entry for `etc/` would give the host's `/etc` its mode (seen). The last entry is the marker with
//! the checksum of every other file: without it, or with another sum, the host takes nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use tar::{EntryType, Header};
use time::{Duration, OffsetDateTime};

use super::authority::{self, Authority};
use super::certificate::Subject;
use super::cluster_key::ServiceAccountKey;
use super::item::Item as _;
use super::key_pair::Owner;
use super::preshared::Pair;
use super::secret::Secret;
use super::store::{Error, Store};
use super::{kubeconfig, manifest};
use meshwright_compiler::out::Digest;
use meshwright_compiler::plan::host::{DISCOVERY_FILE, JOIN_CERTIFICATE, JOIN_KEY, WireGuard};
use meshwright_compiler::plan::{Node, Plan};
use meshwright_compiler::render::Rendering;
use meshwright_compiler::render::host_tree::{CLUSTER_FOLDER, MARKER, PKI_FOLDER, SECRETS_FOLDER};
use meshwright_compiler::topology::Topology;

/// How long a node may join with what it was given: enough for a first boot on the next morning,
/// short for what cannot be revoked.
const JOIN_LIFETIME: Duration = Duration::DAY;

/// The size of a block of a tar, in bytes.
const BLOCK: usize = 512;

/// Files by their paths without the leading slash.
#[derive(Default)]
pub(crate) struct Delivery {
    files: BTreeMap<String, File>,
}

struct File {
    mode: u32,
    content: Secret,
}

const PUBLIC: u32 = 0o644;
const PRIVATE: u32 = 0o600;
const PROGRAM: u32 = 0o755;

impl Delivery {
    /// The files of a node's host that are no secret. NixOS has them from its own configuration.
    pub(crate) fn public(rendering: &Rendering<'_>, node: &Node) -> Self {
        let mut delivery = Self::default();
        if node.os.is_nixos() {
            return delivery;
        }
        for (path, mode, content) in rendering.host_files(node) {
            delivery.add(&path, mode.bits(), content);
        }
        if node.id == rendering.plan().init_node().id {
            for (path, content) in rendering.cluster().iter() {
                delivery.add_of_cluster(path, content);
            }
        }
        delivery
    }

    /// What the init node applies; the rest of `out/` is no part of a cluster.
    fn add_of_cluster(&mut self, path: &str, content: &[u8]) {
        let Some(file) = path.strip_prefix("cluster/") else { return };
        let mode = if file == "apply.sh" { PROGRAM } else { PUBLIC };
        self.add(&format!("{CLUSTER_FOLDER}/{file}"), mode, content.to_vec());
    }

    /// The Secrets of the cluster as files of one folder.
    ///
    /// # Errors
    ///
    /// When what they hold is not in the store.
    pub(crate) fn manifests(plan: &Plan, store: &Store) -> Result<Self, Error> {
        let mut delivery = Self::default();
        for (file, content) in manifest::all(plan, store)? {
            delivery.add_secret(file, PRIVATE, content);
        }
        Ok(delivery)
    }

    /// Adds a node's secrets. A node that joins is given a credential, made at this moment and kept
    /// nowhere; returns when that ends.
    ///
    /// # Errors
    ///
    /// When one is not in the store.
    pub(crate) fn add_secrets(
        &mut self,
        topology: &Topology,
        plan: &Plan,
        node: &Node,
        store: &Store,
        now: OffsetDateTime,
    ) -> Result<Option<OffsetDateTime>, Error> {
        self.add_keys(topology, plan, node, store)?;
        if node.is_control_plane() {
            self.add_pki(store)?;
        }
        if node.id != plan.init_node().id {
            return self.add_join(plan, node, store, now).map(Some);
        }
        for (file, content) in manifest::all(plan, store)? {
            self.add_secret(&format!("{SECRETS_FOLDER}/{file}"), PRIVATE, content);
        }
        Ok(None)
    }

    fn add_keys(
        &mut self,
        topology: &Topology,
        plan: &Plan,
        node: &Node,
        store: &Store,
    ) -> Result<(), Error> {
        let interface = &plan.wireguard.interface;
        for owner in Owner::named(topology, &node.name) {
            let path = WireGuard::private_key_file(interface);
            self.add_secret(&path, PRIVATE, owner.read(store)?);
        }
        for peer in plan.peers(node) {
            for pair in Pair::of(plan, &node.name, std::slice::from_ref(&peer)) {
                let path = WireGuard::preshared_key_file(interface, peer.name());
                self.add_secret(&path, PRIVATE, pair.read(store)?);
            }
        }
        Ok(())
    }

    fn add_pki(&mut self, store: &Store) -> Result<(), Error> {
        for authority in Authority::ALL {
            let authority::Pair { certificate, key } = authority.read(store)?;
            let place = |file| format!("{PKI_FOLDER}/{file}");
            self.add_secret(&place(authority.certificate_file()), PUBLIC, certificate);
            self.add_secret(&place(authority.key_file()), PRIVATE, key);
        }
        let key = ServiceAccountKey.read(store)?;
        let unusable = || Error::Unusable { path: ServiceAccountKey.path(store) };
        let public = ServiceAccountKey::public_pem(&key).ok_or_else(unusable)?;
        self.add(&format!("{PKI_FOLDER}/sa.pub"), PUBLIC, public.into_bytes());
        self.add_secret(&format!("{PKI_FOLDER}/sa.key"), PRIVATE, key);
        Ok(())
    }

    fn add_join(
        &mut self,
        plan: &Plan,
        node: &Node,
        store: &Store,
        now: OffsetDateTime,
    ) -> Result<OffsetDateTime, Error> {
        let user = kubeconfig::join_user(&node.name);
        let subject = Subject { user: &user, group: kubeconfig::JOIN_GROUP };
        let (authority, credential) =
            Authority::Cluster.sign(store, subject, JOIN_LIFETIME, now)?;
        let discovery = kubeconfig::discovery(plan, authority.expose());
        self.add_secret(DISCOVERY_FILE, PRIVATE, discovery);
        self.add(JOIN_CERTIFICATE, PUBLIC, credential.certificate.into_bytes());
        self.add_secret(JOIN_KEY, PRIVATE, credential.key);
        Ok(credential.not_after)
    }

    fn add(&mut self, path: &str, mode: u32, content: Vec<u8>) {
        self.add_secret(path, mode, Secret::new(content));
    }

    fn add_secret(&mut self, path: &str, mode: u32, content: Secret) {
        let path = path.trim_start_matches('/').to_owned();
        self.files.insert(path, File { mode, content });
    }

    /// How many files there are, and how many of them only root may read.
    pub(crate) fn count(&self) -> (usize, usize) {
        let private = self.files.values().filter(|file| file.mode == PRIVATE);
        (self.files.len(), private.count())
    }

    /// Adds the marker and packs everything. `head` says in one line what is delivered to whom.
    ///
    /// # Errors
    ///
    /// The path that is too long for a tar.
    pub(crate) fn marked(self, head: &str) -> Result<Secret, String> {
        let marker = File { mode: PRIVATE, content: Secret::new(self.marker(head).into_bytes()) };
        pack(&self.files, Some((MARKER.trim_start_matches('/'), marker)))
    }

    /// Packs everything without a marker.
    ///
    /// # Errors
    ///
    /// The path that is too long for a tar.
    pub(crate) fn unmarked(self) -> Result<Secret, String> {
        pack(&self.files, None)
    }

    /// Whom it is for, then what sha256sum(1) prints of every file.
    fn marker(&self, head: &str) -> String {
        let mut marker = format!("# {head}\n");
        for (path, file) in &self.files {
            let sum = Digest::of(file.content.expose());
            // A String takes whatever is written.
            let _ = writeln!(marker, "{sum}  {path}");
        }
        marker
    }
}

/// The folders of these files that are ours alone, with their modes.
fn folders<'a>(paths: impl Iterator<Item = &'a str>) -> BTreeMap<String, u32> {
    let parents = |path: &'a str| path.match_indices('/').map(move |(end, _)| &path[..end]);
    let folders: BTreeSet<_> = paths.flat_map(parents).collect();
    let own = folders.into_iter().filter_map(|folder| Some((folder.to_owned(), mode_of(folder)?)));
    own.collect()
}

/// The mode of a folder that is ours alone.
fn mode_of(folder: &str) -> Option<u32> {
    let is_preshared = folder.starts_with("etc/wireguard/") && folder.ends_with(".psk");
    let is_secret = folder == SECRETS_FOLDER.trim_start_matches('/') || is_preshared;
    let is_own = folder == "etc/meshwright"
        || folder.starts_with("etc/meshwright/")
        || folder == "etc/kubernetes/patches";
    match is_secret {
        true => Some(0o700),
        false => is_own.then_some(0o755),
    }
}

fn pack(files: &BTreeMap<String, File>, last: Option<(&str, File)>) -> Result<Secret, String> {
    let files = files.iter().map(|(path, file)| (path.as_str(), file));
    let last = last.as_ref().map(|(path, file)| (*path, file));
    let files: Vec<_> = files.chain(last).collect();
    let folders = folders(files.iter().map(|(path, _)| *path));
    let blocks = |file: &File| 1 + file.content.expose().len().div_ceil(BLOCK);
    let blocks: usize = files.iter().map(|(_, file)| blocks(file)).sum();
    let room = (blocks + folders.len() + 2) * BLOCK;
    let mut archive = tar::Builder::new(Vec::with_capacity(room));
    for (folder, mode) in &folders {
        append(&mut archive, EntryType::Directory, &format!("{folder}/"), *mode, &[])?;
    }
    for (path, File { mode, content }) in files {
        append(&mut archive, EntryType::Regular, path, *mode, content.expose())?;
    }
    Ok(Secret::new(archive.into_inner().unwrap_or_else(|fault| unreachable!("memory: {fault}"))))
}

/// ustar has room for a name of 100 bytes behind a folder of 155: the registry of a mirror can be
/// longer than that.
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
