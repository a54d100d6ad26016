//! Rotation of a WireGuard key: the new key takes the place of the old one. The old one stays in the store,
//! so that the rotation can be taken back, until its owner says that the new one is delivered everywhere.

use std::path::PathBuf;

use super::fault::{ROTATION_UNFINISHED, warning};
use super::key_pair::{KeyPair, KeyPairState};
use super::store::{Store, StoreError};
use meshwright_compiler::diagnostic::{Diagnostic, Finding};
use meshwright_compiler::topology::Topology;
use meshwright_value::PublicKey;

/// What can be done with the key of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RotationState {
    /// The key can be replaced.
    Ready,
    /// The store has the new key and the old one, and the topology has the new one.
    Unfinished,
    /// A run was interrupted: the store has the old key, and the topology too.
    Interrupted,
    /// The store has no key of this member.
    WithoutKey,
    /// The topology has no public key of this member, or another one: `keys` reports it.
    Unpublished,
}

impl KeyPair<'_> {
    /// The state of a rotation.
    ///
    /// # Errors
    ///
    /// When the store cannot be read. An encrypted key is compared with the topology only if there is an old
    /// one, and needs an identity then.
    pub(crate) fn rotation(&self, store: &Store) -> Result<RotationState, StoreError> {
        let has_former = self.has_former_key(store);
        Ok(match self.state(store)? {
            KeyPairState::Sealed if has_former => {
                return Err(StoreError::NoIdentity { path: self.path(store) });
            }
            KeyPairState::Complete if has_former => RotationState::Unfinished,
            KeyPairState::Elsewhere | KeyPairState::Mismatch(_) if has_former => {
                RotationState::Interrupted
            }
            KeyPairState::Complete => RotationState::Ready,
            KeyPairState::Sealed if self.member.public_key.is_some() => RotationState::Ready,
            KeyPairState::Elsewhere => RotationState::WithoutKey,
            _ => RotationState::Unpublished,
        })
    }

    /// Replaces the private key, or completes an interrupted replacement; returns the public key.
    ///
    /// # Errors
    ///
    /// When a file cannot be read or written.
    pub(crate) fn rotate(&self, store: &Store) -> Result<PublicKey, StoreError> {
        if !self.has_former_key(store) {
            store.rename(&self.file(), &self.former_file())?;
        }
        match self.state(store)? {
            KeyPairState::Mismatch(public) => Ok(public),
            _ => self.generate(store),
        }
    }

    /// Deletes the old key.
    ///
    /// # Errors
    ///
    /// When the file cannot be deleted.
    pub(crate) fn delete_former_key(&self, store: &Store) -> Result<(), StoreError> {
        store.delete(&self.former_file())
    }

    /// Whether the old key is in the store.
    pub(crate) fn has_former_key(&self, store: &Store) -> bool {
        self.former_path(store).exists()
    }

    /// The path of the old key.
    pub(crate) fn former_path(&self, store: &Store) -> PathBuf {
        store.path(&self.former_file())
    }
}

/// The warning about rotations that are not finished.
pub(crate) fn warnings(topology: &Topology, store: &Store) -> Option<Diagnostic> {
    let key_pairs = KeyPair::all(topology);
    let unfinished: Vec<_> =
        key_pairs.iter().filter(|key_pair| key_pair.has_former_key(store)).collect();
    let first = unfinished.first()?;
    let names: Vec<_> = unfinished.iter().map(|key_pair| key_pair.member.to_string()).collect();
    let message = format!("the rotation of the key of {} is not finished", names.join(", "));
    let at = first.member.origin.key("public_key");
    let help = "deliver to every member that the plan names, then run `meshwright rotate NAME --finish`, \
                which deletes the old key";
    let finding = Finding::new(message, &at, "the store still has the key before this one");
    Some(warning(ROTATION_UNFINISHED, finding.help(help)))
}
