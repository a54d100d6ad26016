//! Preshared keys: one file for each pair of peers.

use std::fmt;

use super::item::Item;
use super::secret::Secret;
use super::wireguard::PresharedKey;
use meshwright_compiler::plan::Plan;
use meshwright_compiler::plan::mesh::Peer;
use meshwright_value::Name;

/// The folder in the store.
pub(crate) const FOLDER: &str = "preshared";

/// Two peers, sorted by name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PeerPair<'plan>([&'plan Name; 2]);

impl<'plan> PeerPair<'plan> {
    /// All pairs of a plan, in the order of their names; none if the topology does not enable preshared
    /// keys.
    #[must_use]
    pub(crate) fn all(plan: &'plan Plan) -> Vec<Self> {
        match plan.wireguard.preshared_keys {
            true => plan.pairs().into_iter().map(Self).collect(),
            false => Vec::new(),
        }
    }

    /// The pairs of one member with each of its peers.
    #[must_use]
    pub(crate) fn with_peers(
        plan: &'plan Plan,
        name: &'plan Name,
        peers: &[Peer<'plan>],
    ) -> Vec<Self> {
        match plan.wireguard.preshared_keys {
            true => peers.iter().map(|peer| Self::new(name, peer.name())).collect(),
            false => Vec::new(),
        }
    }

    fn new(one: &'plan Name, other: &'plan Name) -> Self {
        let mut pair = [one, other];
        pair.sort();
        Self(pair)
    }
}

impl Item for PeerPair<'_> {
    const NOUN: &'static str = "a preshared key";

    /// Names cannot contain `+`, so the file name is unique.
    fn file(&self) -> String {
        let [lesser, greater] = self.0;
        format!("{FOLDER}/{lesser}+{greater}.psk")
    }

    fn is_valid(secret: &Secret) -> bool {
        PresharedKey::parse(secret.expose()).is_some()
    }

    fn generate() -> Secret {
        PresharedKey::generate().line()
    }
}

impl fmt::Display for PeerPair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.0[0], self.0[1])
    }
}
