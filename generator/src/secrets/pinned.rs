//! The keys whose public hashes are in `[cluster]` of the topology: authorities, and the key of the
//! service accounts. A store with another key belongs to another cluster, or was changed by someone.

use std::fmt;
use std::path::PathBuf;

use super::authority::Authority;
use super::cluster_key::ServiceAccountKey;
use super::item::Item as _;
use super::store::{Store, StoreError};
use meshwright_compiler::route::Route;
use meshwright_compiler::topology::Cluster;
use meshwright_value::PublicKeyHash;

/// A key whose public hash is in the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PinnedKey {
    /// The key of an authority.
    Authority(Authority),
    /// The key that signs the tokens of service accounts.
    ServiceAccounts,
}

/// A key in the store, compared with the hash in the topology.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PinState {
    /// Neither is there.
    Missing,
    /// The store has the key of this hash, and the topology has no hash.
    Unwritten(PublicKeyHash),
    /// Both are there and match.
    Complete,
    /// The topology has a hash, and the store has no key.
    Elsewhere,
    /// The store has the key of another hash than the topology.
    Replaced,
    /// The file is encrypted, and no identity was given.
    Sealed,
    /// The file contains something else, which is another fault.
    Unreadable,
}

/// The public hash of a key in the store.
pub(super) enum StoredHash {
    /// There is no file.
    Missing,
    /// The hash.
    Read(PublicKeyHash),
    /// The file is encrypted, and no identity was given.
    Sealed,
    /// The file contains something else.
    Unreadable,
}

impl PinnedKey {
    /// The key of `[cluster]` with its hash.
    pub(crate) const fn key(self) -> &'static str {
        match self {
            Self::Authority(Authority::Cluster) => "ca_hash",
            Self::Authority(Authority::FrontProxy) => "front_proxy_ca_hash",
            Self::Authority(Authority::Etcd) => "etcd_ca_hash",
            Self::ServiceAccounts => "service_account_key_hash",
        }
    }

    /// The place of its hash in the topology.
    pub(crate) fn route(self) -> Route {
        Route::root().key("cluster").key(self.key())
    }

    /// The path of its file, for messages.
    pub(crate) fn path(self, store: &Store) -> PathBuf {
        match self {
            Self::Authority(authority) => authority.certificate_path(store),
            Self::ServiceAccounts => ServiceAccountKey.path(store),
        }
    }

    /// The hash in the topology.
    pub(crate) const fn written(self, cluster: &Cluster) -> Option<PublicKeyHash> {
        match self {
            Self::Authority(Authority::Cluster) => cluster.ca_hash,
            Self::Authority(Authority::FrontProxy) => cluster.front_proxy_ca_hash,
            Self::Authority(Authority::Etcd) => cluster.etcd_ca_hash,
            Self::ServiceAccounts => cluster.service_account_key_hash,
        }
    }

    /// Compares the key in the store with the hash in the topology.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn state(self, cluster: &Cluster, store: &Store) -> Result<PinState, StoreError> {
        let stored = match self {
            Self::Authority(authority) => authority.stored_hash(store)?,
            Self::ServiceAccounts => ServiceAccountKey::stored_hash(store)?,
        };
        Ok(match (stored, self.written(cluster)) {
            (StoredHash::Missing, None) => PinState::Missing,
            (StoredHash::Missing, Some(_)) => PinState::Elsewhere,
            (StoredHash::Sealed, _) => PinState::Sealed,
            (StoredHash::Unreadable, _) => PinState::Unreadable,
            (StoredHash::Read(stored), None) => PinState::Unwritten(stored),
            (StoredHash::Read(stored), Some(written)) if stored == written => PinState::Complete,
            (StoredHash::Read(_), Some(_)) => PinState::Replaced,
        })
    }
}

impl fmt::Display for PinnedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Authority(authority) => authority.fmt(f),
            Self::ServiceAccounts => ServiceAccountKey.fmt(f),
        }
    }
}
