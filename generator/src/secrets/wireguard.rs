//! Private and preshared keys of WireGuard.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use x25519_dalek::StaticSecret;
use zeroize::Zeroizing;

use super::secret::Secret;
use meshwright_value::PublicKey;

/// The length of a key in base64.
const TEXT: usize = 44;
/// The size of the buffer for decoding, in bytes.
const DECODED: usize = TEXT / 4 * 3;

/// A Curve25519 private key. It is overwritten when dropped, cannot be copied, and is only exported as a
/// [`Secret`].
pub(super) struct PrivateKey(StaticSecret);

impl PrivateKey {
    /// A new key from the system's random numbers.
    pub(super) fn generate() -> Self {
        Self::clamped(random())
    }

    /// `wg genkey` clamps before it prints, x25519-dalek only when it multiplies. Without this, the file
    /// would differ from the output of `wg show` (`curve25519_clamp_secret` in wireguard-tools).
    fn clamped(mut bytes: Zeroizing<[u8; 32]>) -> Self {
        bytes[0] &= 248;
        bytes[31] = bytes[31] & 127 | 64;
        Self(StaticSecret::from(*bytes))
    }

    /// Parses the output of `wg genkey`; `None` if it is not a valid key.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        read(text).map(|bytes| Self(StaticSecret::from(*bytes)))
    }

    /// The public key.
    pub(super) fn public_key(&self) -> PublicKey {
        PublicKey::new(x25519_dalek::PublicKey::from(&self.0).to_bytes())
    }

    /// The key in the format of `wg genkey`: base64 and a newline.
    pub(super) fn line(&self) -> Secret {
        line(self.0.as_bytes())
    }

    /// The private key whose bytes were written as a public key.
    pub(super) fn written_as(public: &PublicKey) -> Self {
        Self(StaticSecret::from(*public.as_bytes()))
    }

    /// Whether this private key was written as a public key.
    pub(super) fn is_written_as(&self, public: &PublicKey) -> bool {
        self.0.as_bytes() == public.as_bytes()
    }
}

/// Whether a key has the clamped bits of a private key from `wg genkey`. One in sixteen public keys
/// has them, too.
pub(super) fn is_clamped(key: &PublicKey) -> bool {
    let bytes = key.as_bytes();
    bytes[0] & 7 == 0 && bytes[31] & 192 == 64
}

/// A key that two peers share. Like [`PrivateKey`], it is only exported as a [`Secret`].
pub(super) struct PresharedKey(Zeroizing<[u8; 32]>);

impl PresharedKey {
    /// A new key from the system's random numbers, with 256 random bits (`wg genpsk` is `wg genkey`
    /// without clamping).
    pub(super) fn generate() -> Self {
        Self(random())
    }

    /// Parses the output of `wg genpsk`; `None` if it is not a valid key.
    pub(super) fn parse(text: &[u8]) -> Option<Self> {
        read(text).map(Self)
    }

    /// The key in the format of `wg genpsk`.
    pub(super) fn line(&self) -> Secret {
        line(&self.0)
    }
}

/// 32 random bytes from the system.
pub(super) fn random() -> Zeroizing<[u8; 32]> {
    Zeroizing::new(StaticSecret::random().to_bytes())
}

/// 32 bytes in base64, and a newline.
fn line(key: &[u8; 32]) -> Secret {
    let mut line = vec![b'\n'; TEXT + 1];
    let written = STANDARD.encode_slice(key, &mut line[..TEXT]);
    debug_assert_eq!(written, Ok(TEXT), "32 bytes are 44 characters");
    Secret::new(line)
}

/// Parses 32 bytes in base64, with or without a newline.
fn read(text: &[u8]) -> Option<Zeroizing<[u8; 32]>> {
    let mut decoded = Zeroizing::new([0; DECODED]);
    let length = STANDARD.decode_slice(text.trim_ascii(), decoded.as_mut_slice()).ok()?;
    let mut bytes = Zeroizing::new([0; 32]);
    bytes.copy_from_slice(decoded.get(..length).filter(|key| key.len() == 32)?);
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The output of `wg pubkey` for 32 bytes of 0x01.
    const PUBLIC_OF_ONES: &str = "pOCSkrZRwni5dyxWn1+puxPZBrRqtoyd+dwrRAn4ogk=";

    #[test]
    fn derives_the_public_key_of_wg() {
        let line = STANDARD.encode([1; 32]);
        let public = PrivateKey::parse(line.as_bytes()).map(|key| key.public_key().to_string());
        assert_eq!(public.as_deref(), Some(PUBLIC_OF_ONES));
    }

    #[test]
    fn clamps_before_it_prints() {
        let key = PrivateKey::clamped(Zeroizing::new([0xff; 32]));
        let mut expected = [0xff; 32];
        (expected[0], expected[31]) = (0xf8, 0x7f);
        assert_eq!(key.line().expose(), format!("{}\n", STANDARD.encode(expected)).as_bytes());
        let ones = PrivateKey::clamped(Zeroizing::new([1; 32]));
        assert_eq!(ones.public_key().to_string(), PUBLIC_OF_ONES);
    }

    #[test]
    fn reads_back_what_it_prints() {
        let key = PrivateKey::generate();
        let again = PrivateKey::parse(key.line().expose()).map(|key| key.public_key());
        assert_eq!(again, Some(key.public_key()));
    }

    #[test]
    fn rejects_malformed_keys() {
        let (short, long) = (STANDARD.encode([1; 31]), STANDARD.encode([1; 33]));
        for text in ["", "hSDw", &short, &long, "not base64", &"A".repeat(90)] {
            assert!(PrivateKey::parse(text.as_bytes()).is_none(), "{text}");
        }
    }

    #[test]
    fn preshared_keys_differ() {
        let [one, other] =
            [PresharedKey::generate(), PresharedKey::generate()].map(|key| key.line());
        let again = read(one.expose()).map(|key| line(&key));
        assert!(again.is_some_and(|again| again.expose() == one.expose()));
        assert_ne!(one.expose(), other.expose());
    }
}
