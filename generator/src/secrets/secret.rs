//! Bytes that nothing prints.

use zeroize::Zeroizing;

/// The content of one secret. It is overwritten when dropped, and has neither `Debug`, `Display` nor
/// `Serialize`: what wants to show it must say so, with [`Secret::expose`].
pub(crate) struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Takes the bytes over. They should have been written into a buffer of the right size: one that
    /// grows leaves copies behind.
    pub(crate) fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for what writes them to their place or reads a key out of them.
    pub(crate) fn expose(&self) -> &[u8] {
        &self.0
    }

    /// The bytes without the newline that ends a file.
    pub(crate) fn line(&self) -> &[u8] {
        self.0.trim_ascii()
    }

    /// The bytes as text; none if they are not UTF-8.
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
    fn nothing_prints_it() {
        lacks!(Secret: Debug, Display, Serialize, Clone);
        lacks!(super::super::signing_key::SigningKey: Debug, Display, Serialize, Clone);
        lacks!(super::super::wireguard::PrivateKey: Debug, Display, Serialize, Clone);
        lacks!(super::super::wireguard::PresharedKey: Debug, Display, Serialize, Clone);
        lacks!(super::super::tunnel::Credential: Debug, Display, Clone);
    }

    #[test]
    fn a_line_is_without_its_newline() {
        let secret = Secret::new(b"hunter2\n".to_vec());
        assert_eq!((secret.line(), secret.expose()), (&b"hunter2"[..], &b"hunter2\n"[..]));
    }
}
