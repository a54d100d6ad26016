//! Encryption of the store with age (<https://age-encryption.org/v1>): to the recipients of the
//! topology, armored, so that a file is text in git and `age -d` and agenix read it.

use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use age::armor::{ArmoredReader, ArmoredWriter, Format};
use age::{DecryptError, Decryptor, Encryptor, IdentityFile, ssh, x25519};
use zeroize::Zeroizing;

use super::secret::Secret;
use meshwright_value::Recipient;

/// Who can open what is sealed.
pub(crate) struct Recipients {
    keys: Vec<Box<dyn age::Recipient + Send>>,
    /// One a line, as `age -R` reads them.
    pub lines: String,
}

impl Recipients {
    /// The recipients that a topology names.
    ///
    /// # Errors
    ///
    /// The positions of those that nothing can be encrypted to.
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

    /// Encrypts a secret to all of them.
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

/// A key of age's own, or of SSH. Those of plugins need their program to encrypt.
fn recipient(text: &str) -> Option<Box<dyn age::Recipient + Send>> {
    if let Ok(key) = text.parse::<x25519::Recipient>() {
        return Some(Box::new(key));
    }
    let key: ssh::Recipient = text.parse().ok()?;
    Some(Box::new(key))
}

/// What opens the sealed store: identity files, as `age -i` takes them.
#[derive(Default)]
pub(crate) struct Identities(Vec<Box<dyn age::Identity>>);

/// Why a sealed file does not open.
pub(super) enum Closed {
    /// It is encrypted to others.
    ToOthers,
    /// It is not what it was.
    Broken(String),
}

/// Why a file is no identity. Its content is not repeated.
#[derive(Debug, thiserror::Error)]
pub(crate) enum IdentityError {
    /// The system's word.
    #[error("cannot read the identity {}: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// It is something else, or protected.
    #[error("{} {reason}", path.display())]
    Unusable {
        /// The file.
        path: PathBuf,
        /// Why.
        reason: &'static str,
    },
}

impl Identities {
    /// Reads identity files.
    ///
    /// # Errors
    ///
    /// When one cannot be read, or holds none that can be used.
    pub(crate) fn read(paths: &[PathBuf]) -> Result<Self, IdentityError> {
        let mut identities = Self::default();
        for path in paths {
            identities.0.extend(read(path)?);
        }
        Ok(identities)
    }

    /// Whether there is none.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Decrypts what was sealed, armored or not.
    pub(super) fn open(&self, sealed: &[u8]) -> Result<Secret, Closed> {
        let open = || -> Result<Secret, DecryptError> {
            let decryptor = Decryptor::new(ArmoredReader::new(sealed))?;
            let identities = self.0.iter().map(|identity| &**identity);
            let mut reader = decryptor.decrypt(identities)?;
            // What is sealed is longer than what was: the buffer never grows.
            let mut secret = Zeroizing::new(Vec::with_capacity(sealed.len()));
            reader.read_to_end(&mut secret)?;
            Ok(secret.into())
        };
        open().map_err(|fault| match fault {
            DecryptError::NoMatchingKeys => Closed::ToOthers,
            // Out of memory nothing is read wrongly: it ends too early.
            DecryptError::InvalidHeader | DecryptError::UnknownFormat | DecryptError::Io(_) => {
                Closed::Broken("it is no whole file that age has encrypted".to_owned())
            }
            fault => Closed::Broken(fault.to_string()),
        })
    }
}

/// How a file begins that age has encrypted itself; an identity is that with a passphrase.
const PROTECTED: [&[u8]; 2] = [b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----"];

/// The identities in one file: lines of age's own, or one SSH key.
fn read(path: &Path) -> Result<Vec<Box<dyn age::Identity>>, IdentityError> {
    let text = super::store::read_small(path)
        .map_err(|source| IdentityError::Read { path: path.to_owned(), source })?;
    let unusable = |reason| IdentityError::Unusable { path: path.to_owned(), reason };
    let is_protected = PROTECTED.iter().any(|head| text.starts_with(head));
    if is_protected {
        return Err(unusable("is protected by a passphrase"));
    }
    if text.starts_with(b"-----BEGIN") {
        return match ssh::Identity::from_buffer(text.as_slice(), None) {
            Ok(identity @ ssh::Identity::Unencrypted(_)) => Ok(vec![Box::new(identity)]),
            Ok(ssh::Identity::Encrypted(_)) => Err(unusable("is protected by a passphrase")),
            _ => Err(unusable("holds no SSH key that can decrypt")),
        };
    }
    let native = IdentityFile::from_buffer(text.as_slice())
        .ok()
        .and_then(|file| file.into_identities().ok())
        .filter(|identities| !identities.is_empty());
    let native = native.ok_or_else(|| unusable("holds no identity"))?;
    Ok(native.into_iter().map(|identity| identity as Box<dyn age::Identity>).collect())
}
