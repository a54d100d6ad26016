//! Key pairs: the private half in the store, the public half in the topology.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;

use super::secret::Secret;
use super::store::{Error, Found, Store};
use super::wireguard::{PrivateKey, is_clamped};
use meshwright_compiler::route::Route;
use meshwright_compiler::topology::Topology;
use meshwright_value::{InterfaceName, Name, PublicKey};

/// What has a key pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A machine of the cluster.
    Node,
    /// Somebody's machine.
    Client,
}

/// Who a key pair belongs to, and what the topology says of it.
#[derive(Debug)]
pub(crate) struct Owner<'topology> {
    /// What it is.
    pub kind: Kind,
    /// Its name.
    pub name: &'topology Name,
    /// Its table in the topology.
    pub origin: &'topology Route,
    /// What the topology has.
    pub public_key: Option<PublicKey>,
    interface: &'topology InterfaceName,
}

/// How the two halves stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Neither is there.
    Missing,
    /// The private half is there, with this public one, and the topology has none.
    Unpublished(PublicKey),
    /// Both are there and belong together.
    Complete,
    /// The topology's public key was made elsewhere: the store has nothing of it.
    Elsewhere,
    /// The private half has this public one, and the topology another.
    Mismatch(PublicKey),
    /// The topology has the private half itself, whose public one is this.
    Published(PublicKey),
    /// The file in the store holds no key.
    Malformed,
    /// The private half is sealed, and there is no identity to look at it.
    Sealed,
}

impl<'topology> Owner<'topology> {
    /// All owners of a topology, nodes first, in its order.
    #[must_use]
    pub(crate) fn all(topology: &'topology Topology) -> Vec<Self> {
        let interface = &topology.wireguard.interface;
        let nodes = topology.nodes.iter().map(|node| Self {
            kind: Kind::Node,
            name: &node.name,
            origin: &node.origin,
            public_key: node.public_key,
            interface,
        });
        let clients = topology.clients.iter().map(|client| Self {
            kind: Kind::Client,
            name: &client.name,
            origin: &client.origin,
            public_key: client.public_key,
            interface,
        });
        nodes.chain(clients).collect()
    }

    /// The owner of that name; several where the rules would have refused it.
    #[must_use]
    pub(crate) fn named(topology: &'topology Topology, name: &Name) -> Vec<Self> {
        let mut owners = Self::all(topology);
        owners.retain(|owner| owner.name == name);
        owners
    }

    /// The path of its private key.
    #[must_use]
    pub(crate) fn path(&self, store: &Store) -> PathBuf {
        store.path(&self.file())
    }

    /// Compares the two halves.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn state(&self, store: &Store) -> Result<State, Error> {
        let text = match store.find(&self.file())? {
            Found::Open(text) => text,
            Found::Sealed => return Ok(State::Sealed),
            Found::Nothing if self.public_key.is_some() => return Ok(State::Elsewhere),
            Found::Nothing => return Ok(State::Missing),
        };
        let Some(private) = PrivateKey::parse(text.expose()) else { return Ok(State::Malformed) };
        let public = private.public_key();
        Ok(match self.public_key {
            None => State::Unpublished(public),
            Some(written) if written == public => State::Complete,
            Some(written) if private.is_written_as(&written) => State::Published(public),
            Some(_) => State::Mismatch(public),
        })
    }

    /// Whether the topology may have its private key for its public one: only such are worth a look
    /// into the store.
    #[must_use]
    pub(crate) fn may_be_published(&self) -> bool {
        self.public_key.is_some_and(|key| is_clamped(&key))
    }

    /// The public half of what the topology has for one, were it a private key.
    #[must_use]
    pub(crate) fn taken_for_private(&self) -> Option<PublicKey> {
        self.public_key.map(|key| PrivateKey::written_as(&key).public_key())
    }

    /// Makes a key pair, keeps the private half and returns the public one.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or is there already.
    pub(crate) fn make(&self, store: &Store) -> Result<PublicKey, Error> {
        let private = PrivateKey::generate();
        store.create(&self.file(), private.line().expose())?;
        Ok(private.public_key())
    }

    /// Reads its private key.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read.
    pub(crate) fn read(&self, store: &Store) -> Result<Secret, Error> {
        store.require(&self.file())
    }

    fn file(&self) -> String {
        self.kind.file(self.name.as_str(), self.interface)
    }
}

/// Where each private key of the store is that opens here, by its public half: whoever was renamed
/// left it under the old name.
///
/// # Errors
///
/// When a folder cannot be read.
pub(crate) fn kept(
    interface: &InterfaceName,
    store: &Store,
) -> Result<BTreeMap<PublicKey, PathBuf>, Error> {
    let mut kept = BTreeMap::new();
    for kind in [Kind::Node, Kind::Client] {
        for name in store.folders(kind.folder())? {
            let file = kind.file(&name, interface);
            let Ok(Found::Open(text)) = store.find(&file) else { continue };
            let Some(private) = PrivateKey::parse(text.expose()) else { continue };
            kept.insert(private.public_key(), store.path(&file));
        }
    }
    Ok(kept)
}

impl Kind {
    fn file(self, name: &str, interface: &InterfaceName) -> String {
        format!("{}/{name}/{interface}.key", self.folder())
    }

    /// Its folder in the store.
    fn folder(self) -> &'static str {
        match self {
            Self::Node => "nodes",
            Self::Client => "clients",
        }
    }
}

impl fmt::Display for Owner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            Kind::Node => "node",
            Kind::Client => "client",
        };
        write!(f, "{kind} {}", self.name)
    }
}
