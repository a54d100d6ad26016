//! `WireGuard`'s public keys.

use std::fmt;

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};

use super::string::serialize_as_displayed;
use super::{Form, Malformed, Text};

/// A Curve25519 public key, written in base64 as wg(8) prints it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PublicKey([u8; 32]);

impl PublicKey {
    /// The key with these bytes.
    #[must_use]
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The key's bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Text for PublicKey {
    const EXPECTED: &'static str =
        "a public key such as `hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=`";
    const FORM: Form = Form::Pattern(r"^[A-Za-z0-9+/]{43}=$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let bytes = STANDARD.decode(text).map_err(|error| no_base64(text, error))?;
        let length = bytes.len();
        match <[u8; 32]>::try_from(bytes) {
            Ok(bytes) if bytes == [0; 32] => {
                Err(refusal(text, "is 32 zero bytes")
                    .help("generate the key with `meshwright keys`"))
            }
            Ok(bytes) => Ok(Self(bytes)),
            Err(_) => Err(refusal(text, &format!("is {length} bytes long, a key is 32"))),
        }
    }
}

fn refusal(text: &str, fault: &str) -> Malformed {
    Malformed::new(format!("`{text}` {fault}"), "not a valid key")
}

fn no_base64(text: &str, error: DecodeError) -> Malformed {
    let fault = match error {
        DecodeError::InvalidByte(offset, _) => {
            let foreign = text.get(offset..).and_then(|rest| rest.chars().next()).unwrap_or('=');
            format!("has the character `{foreign}`, which is not base64 there")
        }
        DecodeError::InvalidLastSymbol { .. } => {
            "ends in bits that are not part of a key".to_owned()
        }
        _ => format!("is {} characters long, a key is 44", text.chars().count()),
    };
    let refused = refusal(text, &fault);
    match corrected(text) {
        Some(suggestion) => refused.suggest(suggestion),
        None => refused.help("copy it again, or generate it with `meshwright keys`"),
    }
}

/// Corrects mistakes of copying: missing padding, or surrounding space.
fn corrected(text: &str) -> Option<PublicKey> {
    let padded = format!("{}=", text.trim().trim_end_matches('='));
    let bytes = STANDARD.decode(padded).ok()?;
    bytes.try_into().ok().map(PublicKey)
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

serialize_as_displayed!(PublicKey);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, means, refuses};

    const KEY: &str = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";

    #[test]
    fn takes_what_wg_prints() {
        accepts::<PublicKey>(&[(KEY, KEY)]);
        assert_eq!(PublicKey::parse(KEY).unwrap().as_bytes()[..2], [0x85, 0x20]);
    }

    #[test]
    fn refuses_the_rest() {
        let copy = "copy it again, or generate it with `meshwright keys`";
        let zero = format!("{}=", "A".repeat(43));
        refuses::<PublicKey>(&[
            (
                "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo",
                "`hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo` is 43 characters long, a key is 44",
                "not a valid key",
                "did you mean `hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=`?",
            ),
            (
                "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmp=",
                "`hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmp=` ends in bits that are not part of a key",
                "not a valid key",
                copy,
            ),
            (
                "hSDw…",
                "`hSDw…` has the character `…`, which is not base64 there",
                "not a valid key",
                copy,
            ),
            ("hSDw", "`hSDw` is 3 bytes long, a key is 32", "not a valid key", ""),
            ("", "`` is 0 bytes long, a key is 32", "not a valid key", ""),
            (
                &zero,
                &format!("`{zero}` is 32 zero bytes"),
                "not a valid key",
                "generate the key with `meshwright keys`",
            ),
        ]);
        means::<PublicKey>(&[(&KEY[..43], KEY), (&format!(" {KEY}"), KEY), (&KEY[..40], "")]);
    }
}
