//! The secrets that a cluster has once: the key of its service accounts, the BGP password, and the keys that encrypt
//! Secrets in etcd.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::item::Item;
use super::pinned::StoredHash;
use super::secret::Secret;
use super::signing_key::SigningKey;
use super::store::{Found, Store, StoreError};
use super::wireguard::random;
use meshwright_value::PublicKeyHash;

/// The key that signs the tokens of service accounts. All control planes share it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ServiceAccountKey;

impl ServiceAccountKey {
    /// The public key in PEM, with which API servers verify tokens; `None` if the key is not valid.
    pub(super) fn public_pem(key: &Secret) -> Option<String> {
        SigningKey::parse(key).map(|key| key.public_pem())
    }

    /// Generates the key, writes its file and returns the hash of the public key.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or exists.
    pub(crate) fn generate_in(store: &Store) -> Result<PublicKeyHash, StoreError> {
        let key = SigningKey::generate();
        store.create(&Self.file(), key.pem().expose())?;
        Ok(key.public_hash())
    }

    /// The hash of the public key in the store.
    pub(super) fn stored_hash(store: &Store) -> Result<StoredHash, StoreError> {
        Ok(match store.find(&Self.file())? {
            Found::Nothing => StoredHash::Missing,
            Found::Sealed => StoredHash::Sealed,
            Found::Open(key) => SigningKey::parse(&key)
                .map_or(StoredHash::Unreadable, |key| StoredHash::Read(key.public_hash())),
        })
    }
}

impl Item for ServiceAccountKey {
    const NOUN: &'static str = "a private key";

    fn file(&self) -> String {
        "cluster/pki/sa.key".to_owned()
    }

    fn is_valid(secret: &Secret) -> bool {
        SigningKey::parse(secret).is_some()
    }

    fn generate() -> Secret {
        SigningKey::generate().pem()
    }
}

impl fmt::Display for ServiceAccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("service accounts")
    }
}

/// The password of the BGP sessions (TCP MD5, RFC 2385).
#[derive(Debug, Clone, Copy)]
pub(crate) struct BgpPassword;

/// The limit of the kernel, in bytes (`TCP_MD5SIG_MAXKEYLEN` in linux/tcp.h).
const LONGEST_PASSWORD: usize = 80;

impl Item for BgpPassword {
    const NOUN: &'static str = "a BGP password";

    fn file(&self) -> String {
        "cluster/bgp-password".to_owned()
    }

    /// BIRD's configuration has the password in quotes and has no escape for a quote.
    fn is_valid(secret: &Secret) -> bool {
        let password = secret.line();
        (1..=LONGEST_PASSWORD).contains(&password.len())
            && password.iter().all(|byte| byte.is_ascii_graphic() && !b"\"\\".contains(byte))
    }

    /// 256 bits, encoded as letters, digits, `-` and `_`.
    fn generate() -> Secret {
        let mut line = vec![b'\n'; 44];
        let written = URL_SAFE_NO_PAD.encode_slice(*random(), &mut line[..43]);
        debug_assert_eq!(written, Ok(43), "32 bytes are 43 characters");
        Secret::new(line)
    }
}

impl fmt::Display for BgpPassword {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BGP")
    }
}

/// The keys with which API servers encrypt Secrets in etcd: a line of base64 for each. The first one encrypts, and all
/// decrypt, as in Kubernetes' EncryptionConfiguration.
#[derive(Debug, Clone, Copy)]
pub(crate) struct EncryptionKeys;

/// The length of a key of XSalsa20-Poly1305 in bytes: `secretbox` of Kubernetes.
const KEY_LENGTH: usize = 32;

impl EncryptionKeys {
    /// The keys; none if the bytes are something else.
    pub(super) fn parse(secret: &Secret) -> Option<Vec<Secret>> {
        let lines = secret.expose().split(|byte| *byte == b'\n');
        let lines = lines.map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
        let keys: Option<Vec<_>> = lines.map(Self::key).collect();
        keys.filter(|keys| !keys.is_empty())
    }

    fn key(line: &[u8]) -> Option<Secret> {
        let mut key = vec![0; KEY_LENGTH + 1];
        let length = STANDARD.decode_slice(line, &mut key).ok()?;
        key.truncate(length);
        (length == KEY_LENGTH).then(|| Secret::new(key))
    }
}

impl Item for EncryptionKeys {
    const NOUN: &'static str = "keys of 32 bytes in base64, one on each line";

    fn file(&self) -> String {
        "cluster/encryption.keys".to_owned()
    }

    fn is_valid(secret: &Secret) -> bool {
        Self::parse(secret).is_some()
    }

    /// One key.
    fn generate() -> Secret {
        let mut line = vec![b'\n'; 45];
        let written = STANDARD.encode_slice(*random(), &mut line[..44]);
        debug_assert_eq!(written, Ok(44), "32 bytes are 44 characters");
        Secret::new(line)
    }
}

impl fmt::Display for EncryptionKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets in etcd")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_passwords_that_bird_and_the_kernel_accept() {
        let longest = "x".repeat(80);
        let table = [
            ("hunter2", true),
            ("hunter2\n", true),
            (longest.as_str(), true),
            ("", false),
            ("two words", false),
            ("quo\"te", false),
            ("back\\slash", false),
            ("pässword", false),
        ];
        for (password, is_valid) in table {
            let secret = Secret::new(password.as_bytes().to_vec());
            assert_eq!(BgpPassword::is_valid(&secret), is_valid, "{password}");
        }
        assert!(!BgpPassword::is_valid(&Secret::new((longest + "x").into_bytes())));
        assert!(BgpPassword::is_valid(&BgpPassword::generate()));
    }

    #[test]
    fn encryption_keys_have_32_bytes() {
        let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
        let table = [
            (key.to_owned(), Some(1)),
            (format!("{key}\n"), Some(1)),
            (format!("{key}\n\n  {key}\n"), Some(2)),
            (String::new(), None),
            ("AAECAw==\n".to_owned(), None),
            (format!("{key}\nnot base64\n"), None),
            ("AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g".to_owned(), None),
        ];
        for (text, count) in table {
            let keys = EncryptionKeys::parse(&Secret::new(text.clone().into_bytes()));
            assert_eq!(keys.map(|keys| keys.len()), count, "{text:?}");
        }
        assert!(EncryptionKeys::is_valid(&EncryptionKeys::generate()));
    }
}
