//! Encryption of the store with age (<https://age-encryption.org/v1>) for the recipients in the
//! topology. Files are armored: they are text in git, and `age -d` and agenix read them.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor, IdentityFile, ssh, x25519};
use zeroize::Zeroizing;

use super::secret::Secret;
use meshwright_value::Recipient;

/// The recipients that can decrypt the store.
pub(crate) struct Recipients {
    keys: Vec<Box<dyn age::Recipient + Send>>,
    /// One per line, as `age -R` reads them.
    pub lines: String,
}

impl Recipients {
    /// Parses the recipients in a topology.
    ///
    /// # Errors
    ///
    /// The positions of recipients that cannot be used.
    pub(crate) fn new(written: &[Recipient]) -> Result<Self, Vec<usize>> {
        let parsed: Vec<_> = written.iter().map(|one| recipient(one.as_str())).collect();
        let unusable: Vec<_> =
            (0..parsed.len()).filter(|position| parsed[*position].is_none()).collect();
        if !unusable.is_empty() {
            return Err(unusable);
        }
        let lines = written.iter().map(|recipient| format!("{recipient}\n")).collect();
        Ok(Self { keys: parsed.into_iter().flatten().collect(), lines })
    }

    /// Encrypts a secret for all recipients.
    pub(super) fn seal(&self, secret: &[u8]) -> Result<Vec<u8>, String> {
        let keys = self.keys.iter().map(|key| &**key as &dyn age::Recipient);
        let encryptor = Encryptor::with_recipients(keys).map_err(|fault| fault.to_string())?;
        let write = |encryptor: Encryptor| {
            let armor = ArmoredWriter::wrap_output(Vec::new(), Format::AsciiArmor)?;
            let mut writer = encryptor.wrap_output(armor)?;
            writer.write_all(secret)?;
            writer.finish()?.finish()
        };
        write(encryptor).map_err(|fault| fault.to_string())
    }
}

/// A native age key or an SSH key. A plugin recipient is not supported: it needs its program to encrypt.
fn recipient(text: &str) -> Option<Box<dyn age::Recipient + Send>> {
    if let Ok(key) = text.parse::<x25519::Recipient>() {
        return Some(Box::new(key));
    }
    let key: ssh::Recipient = text.parse().ok()?;
    Some(Box::new(key))
}

/// The identities that decrypt the store, from files as for `age -i`.
#[derive(Default)]
pub(crate) struct Identities(Vec<Box<dyn age::Identity>>);

/// Why a file cannot be decrypted.
pub(super) enum DecryptFailure {
    /// It is encrypted for other recipients.
    OtherRecipients,
    /// It is damaged, or not encrypted with age.
    Damaged(String),
}

/// Why an identity file cannot be used. The message never contains its content.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// The system cannot read it.
    #[error("cannot read the identity {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// It is not an identity, or protected by a passphrase.
    #[error("{} {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// The reason, which continues the path.
        reason: &'static str,
    },
}

impl Identities {
    /// Reads identity files.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or contains no usable identity.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, IdentityError> {
        let mut identities = Self::default();
        for path in paths {
            identities.0.extend(read(path)?);
        }
        Ok(identities)
    }

    /// Whether no identity was given.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Decrypts a file, armored or not.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Secret, DecryptFailure> {
        let open = || -> Result<Secret, DecryptError> {
            let decryptor = Decryptor::new(ArmoredReader::new(sealed))?;
            let identities = self.0.iter().map(|identity| &**identity);
            let mut reader = decryptor.decrypt(identities)?;
            // The ciphertext is longer than the plaintext: the buffer never grows.
            let mut secret = Zeroizing::new(Vec::with_capacity(sealed.len()));
            reader.read_to_end(&mut secret)?;
            Ok(secret.into())
        };
        open().map_err(|fault| match fault {
            DecryptError::NoMatchingKeys => DecryptFailure::OtherRecipients,
            // The input is in memory, so an I/O error means that it ends too early.
            DecryptError::InvalidHeader | DecryptError::UnknownFormat | DecryptError::Io(_) => {
                DecryptFailure::Damaged(
                    "it is not a complete file that age has encrypted".to_owned(),
                )
            }
            fault => DecryptFailure::Damaged(fault.to_string()),
        })
    }
}

/// Whether a file is encrypted with age, armored or not.
pub(super) fn is_sealed(bytes: &[u8]) -> bool {
    PROTECTED.iter().any(|head| bytes.starts_with(head))
}

/// The first bytes of a file that is encrypted with age. An identity file is encrypted only with a
/// passphrase.
const PROTECTED: [&[u8]; 2] = [b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----"];

/// The identities in one file: lines with native age keys, or one SSH key.
fn read(path: &Path) -> Result<Vec<Box<dyn age::Identity>>, IdentityError> {
    let text = super::store::read_small(path)
        .map_err(|source| IdentityError::Read { path: path.to_owned(), source })?;
    let unusable = |reason| IdentityError::Unusable { path: path.to_owned(), reason };
    if is_sealed(&text) {
        return Err(unusable("is protected by a passphrase"));
    }
    if text.starts_with(b"-----BEGIN") {
        return match ssh::Identity::from_buffer(text.as_slice(), None) {
            Ok(identity @ ssh::Identity::Unencrypted(_)) => Ok(vec![Box::new(identity)]),
            Ok(ssh::Identity::Encrypted(_)) => Err(unusable("is protected by a passphrase")),
            _ => Err(unusable("does not contain an SSH key that can decrypt")),
        };
    }
    let native = IdentityFile::from_buffer(text.as_slice())
        .ok()
        .and_then(|file| file.into_identities().ok())
        .filter(|identities| !identities.is_empty())
        .ok_or_else(|| unusable("does not contain an identity"))?;
    Ok(native.into_iter().map(|identity| identity as Box<dyn age::Identity>).collect())
}
