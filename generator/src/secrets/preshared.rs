//! Preshared keys: one file for each pair of peers, in the store alone.

use std::fmt;
use std::path::PathBuf;

use super::store::{Error, Store};
use super::wireguard::PresharedKey;
use crate::plan::Plan;
use crate::value::Name;

/// Its files in the store.
pub(crate) const FOLDER: &str = "preshared";

/// Two peers, the lesser name first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Pair<'plan>([&'plan Name; 2]);

/// What the store has of a pair's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Missing,
    /// The key.
    Complete,
    /// A file that holds no key.
    Malformed,
}

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

    /// The path of its key.
    #[must_use]
    pub(crate) fn path(&self, store: &Store) -> PathBuf {
        store.path(&self.file())
    }

    /// What the store has of its key.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn state(&self, store: &Store) -> Result<State, Error> {
        Ok(match store.read(&self.file())? {
            None => State::Missing,
            Some(text) if PresharedKey::parse(&text).is_some() => State::Complete,
            Some(_) => State::Malformed,
        })
    }

    /// Makes its key.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or is there already.
    pub(crate) fn make(&self, store: &Store) -> Result<(), Error> {
        store.create(&self.file(), PresharedKey::generate().line().as_slice())
    }

    /// A name may hold two hyphens, but no plus: no two pairs share a file.
    fn file(&self) -> String {
        let [lesser, greater] = self.0;
        format!("{FOLDER}/{lesser}+{greater}.psk")
    }
}

impl fmt::Display for Pair<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} and {}", self.0[0], self.0[1])
    }
}
