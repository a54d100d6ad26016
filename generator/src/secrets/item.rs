//! Secrets that are generated, and validated by their own bytes.

use std::fmt::Display;
use std::path::PathBuf;

use super::secret::Secret;
use super::store::{Found, Store, StoreError};

/// The state of a secret in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SecretState {
    /// There is no file.
    Missing,
    /// The file contains the secret.
    Complete,
    /// The file is encrypted, and no identity was given.
    Sealed,
    /// The file contains something else.
    Malformed,
}

/// A secret with its own file. `Display` prints its owner.
pub(crate) trait Item: Display {
    /// The kind of secret, with its article.
    const NOUN: &'static str;

    /// Its file in the store.
    fn file(&self) -> String;

    /// Whether these bytes are such a secret.
    fn is_valid(secret: &Secret) -> bool;

    /// A new secret.
    fn generate() -> Secret;

    /// Its path, for messages.
    fn path(&self, store: &Store) -> PathBuf {
        store.path(&self.file())
    }

    /// Reads and validates the file.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    fn state(&self, store: &Store) -> Result<SecretState, StoreError> {
        Ok(match store.find(&self.file())? {
            Found::Nothing => SecretState::Missing,
            Found::Sealed => SecretState::Sealed,
            Found::Open(secret) if Self::is_valid(&secret) => SecretState::Complete,
            Found::Open(_) => SecretState::Malformed,
        })
    }

    /// Generates the secret and writes its file.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or exists.
    fn write_new(&self, store: &Store) -> Result<(), StoreError> {
        store.create(&self.file(), Self::generate().expose())
    }

    /// Reads the secret.
    ///
    /// # Errors
    ///
    /// When the file is missing or cannot be read.
    fn read(&self, store: &Store) -> Result<Secret, StoreError> {
        store.require(&self.file())
    }
}
