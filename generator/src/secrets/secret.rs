//! Bytes that cannot be printed by accident.

use zeroize::Zeroizing;

/// The content of one secret. It is overwritten when dropped, and implements neither `Debug`, `Display`
/// nor `Serialize`: only [`Secret::expose`] gives access to the bytes.
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes. They must come from a buffer that did not grow: growing leaves copies in memory.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, to write a file or to parse a key.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes without the newline at the end.
    pub(crate) fn line(&self) -> &[u8] {
        self.0.trim_ascii()
    }

    /// The bytes as text; `None` if they are not UTF-8.
    pub(crate) fn text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl From<Zeroizing<Vec<u8>>> for Secret {
    fn from(bytes: Zeroizing<Vec<u8>>) -> Self {
        Self(bytes)
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use serde::Serialize;

    use super::Secret;

    /// Fails to compile if one of the traits is implemented: the call could then mean two impls.
    macro_rules! lacks {
        ($type:ty: $($trait:path),+) => { $({
            trait Ambiguous<Kind> { fn probe() {} }
            struct Implemented;
            impl<T: ?Sized> Ambiguous<()> for T {}
            impl<T: ?Sized + $trait> Ambiguous<Implemented> for T {}
            <$type as Ambiguous<_>>::probe();
        })+ };
    }

    #[test]
    fn secrets_cannot_be_printed_or_cloned() {
        lacks!(Secret: Debug, Display, Serialize, Clone);
        lacks!(super::super::signing_key::SigningKey: Debug, Display, Serialize, Clone);
        lacks!(super::super::wireguard::PrivateKey: Debug, Display, Serialize, Clone);
        lacks!(super::super::wireguard::PresharedKey: Debug, Display, Serialize, Clone);
        lacks!(super::super::tunnel::TunnelCredential: Debug, Display, Clone);
    }

    #[test]
    fn line_omits_the_newline() {
        let secret = Secret::new(b"hunter2\n".to_vec());
        assert_eq!((secret.line(), secret.expose()), (&b"hunter2"[..], &b"hunter2\n"[..]));
    }
}
