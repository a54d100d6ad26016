//! Digests and fingerprints: downloads and emitted files are compared with them.

use std::fmt;

use serde::{Deserialize, Deserializer, de};
use sha2::Digest as _;

use super::string::{serialize_as_displayed, string_type};
use super::{Form, Malformed, Text, checked};

string_type! {
    /// The fingerprint of an OpenPGP v4 key: 40 hex digits in upper case (RFC 4880 §12.2).
    pub struct Fingerprint;
}

/// A SHA-256 digest; as text 64 hex digits in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Sha256([u8; 32]);

impl Sha256 {
    /// The digest of these bytes.
    #[must_use]
    pub fn compute(bytes: &[u8]) -> Self {
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// The digest's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

/// The hash of a public key in DER (SubjectPublicKeyInfo, RFC 5280 §4.1); as text `sha256:` and 64 hex
/// digits, as in kubeadm's `--discovery-token-ca-cert-hash`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKeyHash(Sha256);

impl PublicKeyHash {
    /// The hash of a public key in DER.
    #[must_use]
    pub fn compute(public_key: &[u8]) -> Self {
        Self(Sha256::compute(public_key))
    }
}

/// What a public key's hash begins with.
const HASH_PREFIX: &str = "sha256:";

impl fmt::Display for PublicKeyHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{HASH_PREFIX}{}", self.0)
    }
}

serialize_as_displayed!(PublicKeyHash);

impl fmt::Display for Sha256 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

serialize_as_displayed!(Sha256);

impl<'de> Deserialize<'de> for Sha256 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|fault| de::Error::custom(fault.message))
    }
}

impl Text for Fingerprint {
    const EXPECTED: &'static str =
        "an OpenPGP fingerprint such as `9DC858229FC7DD38854AE2D88D81803C0EBFCD88`";
    const FORM: Form = Form::Pattern(r"^ *([0-9A-Fa-f] *){40}$");

    /// Accepts the groups of four that gpg(1) prints.
    fn parse(text: &str) -> Result<Self, Malformed> {
        let digits = text.replace(' ', "").to_ascii_uppercase();
        check_hex(&digits, 40, text).map(|()| Self(digits)).map_err(|fault| {
            fault.help("write the whole fingerprint, as `gpg --show-keys` prints it")
        })
    }
}

impl Text for Sha256 {
    const EXPECTED: &'static str = "a SHA-256 digest such as `e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`";
    const FORM: Form = Form::Pattern(r"^[0-9a-f]{64}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let check = |text: &str| {
            check_hex(text, 64, text)?;
            match text.bytes().any(|byte| byte.is_ascii_uppercase()) {
                true => Err(Malformed::new(format!("`{text}` is in upper case"), "upper case")),
                false => Ok(()),
            }
        };
        let corrected = |text: &str| {
            let lower_case = text.trim().to_ascii_lowercase();
            lower_case.strip_prefix("sha256:").unwrap_or(&lower_case).to_owned()
        };
        let digits = checked(text, check, corrected)?;
        let mut bytes = [0; 32];
        for (byte, pair) in bytes.iter_mut().zip(digits.as_bytes().chunks(2)) {
            *byte = pair.iter().fold(0, |value, digit| value << 4 | hex_value(*digit));
        }
        Ok(Self(bytes))
    }
}

impl Text for PublicKeyHash {
    const EXPECTED: &'static str = "the hash of a public key such as `sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855`";
    const FORM: Form = Form::Pattern(r"^sha256:[0-9a-f]{64}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let Some(digits) = text.strip_prefix(HASH_PREFIX) else {
            let message = format!("`{text}` does not begin with `{HASH_PREFIX}`");
            let refused = Malformed::new(message, "not the hash of a public key");
            return Err(match Sha256::parse(text) {
                Ok(digest) => refused.suggest(Self(digest)),
                Err(_) => refused.help(HASH_WRITTEN_BY),
            });
        };
        Sha256::parse(digits).map(Self).map_err(|mut fault| {
            fault.help = Some(HASH_WRITTEN_BY.to_owned());
            fault.suggestion = None;
            fault
        })
    }
}

const HASH_WRITTEN_BY: &str = "remove the line: `meshwright keys` writes it again";

/// The value of a hex digit in lower case.
const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'a'..=b'f' => digit - b'a' + 10,
        _ => digit & 0xf,
    }
}

fn check_hex(digits: &str, length: usize, text: &str) -> Result<(), Malformed> {
    let label = format!("expected {length} hex digits");
    match digits.chars().find(|c| !c.is_ascii_hexdigit()) {
        Some(c) => {
            Err(Malformed::new(format!("`{text}` has `{c}`, which is not a hex digit"), label))
        }
        None if digits.len() != length => {
            Err(Malformed::new(format!("`{text}` has {} hex digits", digits.len()), label))
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, means, refuses};

    const DOCKER: &str = "9DC858229FC7DD38854AE2D88D81803C0EBFCD88";
    const EMPTY: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn takes_hex() {
        accepts::<Fingerprint>(&[
            (DOCKER, DOCKER),
            ("9dc8 5822 9fc7 dd38 854a  e2d8 8d81 803c 0ebf cd88", DOCKER),
        ]);
        accepts::<Sha256>(&[(EMPTY, EMPTY)]);
    }

    #[test]
    fn holds_hashes_to_the_form_of_kubeadm() {
        let hash = format!("sha256:{EMPTY}");
        accepts::<PublicKeyHash>(&[(&hash, &hash)]);
        assert_eq!(PublicKeyHash::compute(b"").to_string(), hash);
        means::<PublicKeyHash>(&[(EMPTY, &hash)]);
        let again = "remove the line: `meshwright keys` writes it again";
        refuses::<PublicKeyHash>(&[
            (
                "md5:00",
                "`md5:00` does not begin with `sha256:`",
                "not the hash of a public key",
                again,
            ),
            ("sha256:00", "`00` has 2 hex digits", "expected 64 hex digits", again),
        ]);
    }

    #[test]
    fn refuses_the_rest() {
        refuses::<Fingerprint>(&[(
            "8D81803C0EBFCD88",
            "`8D81803C0EBFCD88` has 16 hex digits",
            "expected 40 hex digits",
            "write the whole fingerprint, as `gpg --show-keys` prints it",
        )]);
        let (upper, prefixed) = (EMPTY.to_uppercase(), format!("sha256:{EMPTY}"));
        let suggestion = format!("did you mean `{EMPTY}`?");
        let not_hex = format!("`{prefixed}` has `s`, which is not a hex digit");
        refuses::<Sha256>(&[
            (&upper, &format!("`{upper}` is in upper case"), "upper case", &suggestion),
            (&prefixed, &not_hex, "expected 64 hex digits", &suggestion),
        ]);
    }
}
