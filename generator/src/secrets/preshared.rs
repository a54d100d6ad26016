//! Preshared keys: one file for each pair of peers, in the store alone.

use std::fmt;

use super::item::Item;
use super::secret::Secret;
use super::wireguard::PresharedKey;
use meshwright_compiler::plan::Plan;
use meshwright_compiler::plan::mesh::Peer;
use meshwright_value::Name;

/// Its files in the store.
pub(crate) const FOLDER: &str = "preshared";

/// Two peers, the lesser name first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair<'plan>([&'plan Name; 2]);

impl<'plan> Pair<'plan> {
    /// The pairs of a plan that have a preshared key, in the order of their names; none where the
    /// topology asks for none.
    #[must_use]
    pub(crate) fn all(plan: &'plan Plan) -> Vec<Self> {
        match plan.wireguard.preshared_keys {
            true => plan.pairs().into_iter().map(Self).collect(),
            false => Vec::new(),
        }
    }

    /// The pairs of one peer.
    #[must_use]
    pub(crate) fn of(plan: &'plan Plan, name: &'plan Name, peers: &[Peer<'plan>]) -> Vec<Self> {
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

impl Item for Pair<'_> {
    const NOUN: &'static str = "a preshared key";

    /// A name may hold two hyphens, but no plus: no two pairs share a file.
    fn file(&self) -> String {
        let [lesser, greater] = self.0;
        format!("{FOLDER}/{lesser}+{greater}.psk")
    }

    fn is_sound(secret: &Secret) -> bool {
        PresharedKey::parse(secret.expose()).is_some()
    }

    fn generate() -> Secret {
        PresharedKey::generate().line()
    }
}

impl fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.0[0], self.0[1])
    }
}
