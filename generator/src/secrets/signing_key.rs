//! The keys of certificates and tokens. Generated keys are ECDSA over P-256.

use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _};
use zeroize::Zeroize as _;

use super::secret::Secret;
use meshwright_value::PublicKeyHash;

/// A private key in PKCS #8. The text form inside rcgen is overwritten when dropped; the copy inside
/// `ring` is not.
pub(super) struct SigningKey(KeyPair);

impl SigningKey {
    /// A new key from the system's random numbers.
    pub(super) fn generate() -> Self {
        let pair = KeyPair::generate();
        Self(pair.unwrap_or_else(|fault| unreachable!("no random numbers: {fault}")))
    }

    /// Parses `PRIVATE KEY` in PEM; `None` if it is not a valid key, or of a type that kubeadm rejects.
    /// kubeadm accepts RSA and ECDSA (`TryLoadKeyFromDisk` in its pkiutil).
    pub(super) fn parse(pem: &Secret) -> Option<Self> {
        let pair = KeyPair::from_pem(pem.text()?).ok().map(Self)?;
        (pair.0.algorithm() != &PKCS_ED25519).then_some(pair)
    }

    /// The key in PKCS #8, the format of `openssl genpkey`, which client-go reads (`ParsePrivateKeyPEM`
    /// in its keyutil).
    pub(super) fn pem(&self) -> Secret {
        Secret::new(self.0.serialize_pem().into_bytes())
    }

    /// The public key in PEM.
    pub(super) fn public_pem(&self) -> String {
        self.0.public_key_pem()
    }

    /// The public key in DER, as in certificates (SubjectPublicKeyInfo, RFC 5280 §4.1).
    pub(super) fn public_der(&self) -> Vec<u8> {
        self.0.subject_public_key_info()
    }

    /// The hash of the public key, which is not a secret.
    pub(super) fn public_hash(&self) -> PublicKeyHash {
        PublicKeyHash::compute(&self.public_der())
    }
}

impl Drop for SigningKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl rcgen::PublicKeyData for SigningKey {
    fn der_bytes(&self) -> &[u8] {
        self.0.der_bytes()
    }

    fn algorithm(&self) -> &'static rcgen::SignatureAlgorithm {
        self.0.algorithm()
    }
}

impl rcgen::SigningKey for SigningKey {
    fn sign(&self, message: &[u8]) -> Result<Vec<u8>, rcgen::Error> {
        self.0.sign(message)
    }
}
