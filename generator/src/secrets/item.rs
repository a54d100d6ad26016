//! One secret that its own bytes judge, and that is made without asking anyone.

use std::fmt::Display;
use std::path::PathBuf;

use super::secret::Secret;
use super::store::{Error, Found, Store};

/// What the store has of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Missing,
    /// The secret.
    Complete,
    /// A sealed file, and no identity to look into it.
    Sealed,
    /// A file that holds something else.
    Malformed,
}

/// A secret with a file of its own. It displays as its owner.
pub(crate) trait Item: Display {
    /// What it is, with its article.
    const NOUN: &'static str;

    /// Its file in the store.
    fn file(&self) -> String;

    /// Whether the file holds such a secret.
    fn is_sound(secret: &Secret) -> bool;

    /// A new one.
    fn generate() -> Secret;

    /// Its path, for messages.
    fn path(&self, store: &Store) -> PathBuf {
        store.path(&self.file())
    }

    /// What the store has of it.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn state(&self, store: &Store) -> Result<State, Error> {
        Ok(match store.find(&self.file())? {
            Found::Nothing => State::Missing,
            Found::Sealed => State::Sealed,
            Found::Open(secret) if Self::is_sound(&secret) => State::Complete,
            Found::Open(_) => State::Malformed,
        })
    }

    /// Makes it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or is there already.
    fn make(&self, store: &Store) -> Result<(), Error> {
        store.create(&self.file(), Self::generate().expose())
    }

    /// Reads it.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read.
    fn read(&self, store: &Store) -> Result<Secret, Error> {
        store.require(&self.file())
    }
}
