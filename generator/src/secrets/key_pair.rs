//! WireGuard key pairs: the private key is in the store, the public key in the topology.

use std::collections::BTreeMap;
use std::path::PathBuf;

use super::secret::Secret;
use super::store::{Found, Store, StoreError};
use super::wireguard::{PrivateKey, is_clamped};
use meshwright_compiler::topology::Topology;
use meshwright_compiler::topology::member::{Member, MemberKind, members};
use meshwright_value::{InterfaceName, Name, PublicKey};

/// The key pair of one member.
#[derive(Debug)]
pub(crate) struct KeyPair<'topology> {
    /// The member that has the key pair, with its public key in the topology.
    pub member: Member<'topology>,
    interface: &'topology InterfaceName,
}

/// The state of a key pair: the private key in the store, compared with the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyPairState {
    /// Neither key is there.
    Missing,
    /// The store has the private key of this public key, and the topology has no public key.
    Unpublished(PublicKey),
    /// Both keys are there and match.
    Complete,
    /// The topology has a public key, and the store has no private key for it.
    Elsewhere,
    /// The store has the private key of this public key, and the topology has another public key.
    Mismatch(PublicKey),
    /// The topology contains the private key instead of this public key.
    Published(PublicKey),
    /// The file in the store does not contain a key.
    Malformed,
    /// The file in the store is encrypted, and no identity was given.
    Sealed,
}

impl<'topology> KeyPair<'topology> {
    /// The key pairs of all members, in the order of [`members`].
    #[must_use]
    pub(crate) fn all(topology: &'topology Topology) -> Vec<Self> {
        let interface = &topology.wireguard.interface;
        members(topology).map(|member| Self { member, interface }).collect()
    }

    /// The key pairs of the members with this name. Names are unique once the topology has passed
    /// its rules.
    #[must_use]
    pub(crate) fn named(topology: &'topology Topology, name: &Name) -> Vec<Self> {
        let mut key_pairs = Self::all(topology);
        key_pairs.retain(|key_pair| key_pair.member.name == name);
        key_pairs
    }

    /// The path of the private key.
    #[must_use]
    pub(crate) fn path(&self, store: &Store) -> PathBuf {
        store.path(&self.file())
    }

    /// Compares the private key in the store with the public key in the topology.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn state(&self, store: &Store) -> Result<KeyPairState, StoreError> {
        let text = match store.find(&self.file())? {
            Found::Open(text) => text,
            Found::Sealed => return Ok(KeyPairState::Sealed),
            Found::Nothing if self.member.public_key.is_some() => {
                return Ok(KeyPairState::Elsewhere);
            }
            Found::Nothing => return Ok(KeyPairState::Missing),
        };
        let Some(private) = PrivateKey::parse(text.expose()) else {
            return Ok(KeyPairState::Malformed);
        };
        let public = private.public_key();
        Ok(match self.member.public_key {
            None => KeyPairState::Unpublished(public),
            Some(written) if written == public => KeyPairState::Complete,
            Some(written) if private.is_written_as(&written) => KeyPairState::Published(public),
            Some(_) => KeyPairState::Mismatch(public),
        })
    }

    /// Whether the public key in the topology may be a private key. This is decided without reading
    /// the store.
    #[must_use]
    pub(crate) fn may_be_published(&self) -> bool {
        self.member.public_key.is_some_and(|key| is_clamped(&key))
    }

    /// The public key that belongs to the key in the topology, if that is a private key.
    #[must_use]
    pub(crate) fn derived_public_key(&self) -> Option<PublicKey> {
        self.member.public_key.map(|key| PrivateKey::written_as(&key).public_key())
    }

    /// Generates the key pair, stores the private key and returns the public key.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or exists.
    pub(crate) fn generate(&self, store: &Store) -> Result<PublicKey, StoreError> {
        let private = PrivateKey::generate();
        store.create(&self.file(), private.line().expose())?;
        Ok(private.public_key())
    }

    /// Reads the private key.
    ///
    /// # Errors
    ///
    /// When the file is missing or cannot be read.
    pub(crate) fn read(&self, store: &Store) -> Result<Secret, StoreError> {
        store.require(&self.file())
    }

    pub(super) fn file(&self) -> String {
        key_file(self.member.kind, self.member.name.as_str(), self.interface)
    }

    /// The file of the key before the last rotation.
    pub(super) fn former_file(&self) -> String {
        let (folder, member) = (folder(self.member.kind), self.member.name);
        format!("{folder}/{member}/{}.former.key", self.interface)
    }
}

/// The path of every private key in the store that can be decrypted, by its public key. A member
/// that was renamed has its private key under the old name.
///
/// # Errors
///
/// When a folder cannot be read.
pub(crate) fn stored_key_pairs(
    interface: &InterfaceName,
    store: &Store,
) -> Result<BTreeMap<PublicKey, PathBuf>, StoreError> {
    let mut stored = BTreeMap::new();
    for kind in [MemberKind::Node, MemberKind::Client] {
        for name in store.folders(folder(kind))? {
            let file = key_file(kind, &name, interface);
            let Ok(Found::Open(text)) = store.find(&file) else { continue };
            let Some(private) = PrivateKey::parse(text.expose()) else { continue };
            stored.insert(private.public_key(), store.path(&file));
        }
    }
    Ok(stored)
}

fn key_file(kind: MemberKind, name: &str, interface: &InterfaceName) -> String {
    format!("{}/{name}/{interface}.key", folder(kind))
}

/// The folder in the store.
fn folder(kind: MemberKind) -> &'static str {
    match kind {
        MemberKind::Node => "nodes",
        MemberKind::Client => "clients",
    }
}
