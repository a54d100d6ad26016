//! Certificates: those of the authorities as they are read, those of clients as they are made.

use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, Issuer, KeyUsagePurpose};
use time::{Duration, OffsetDateTime};
use x509_parser::pem::parse_x509_pem;

use super::secret::Secret;
use super::signing_key::SigningKey;
use meshwright_compiler::out::Digest;

/// How long before its making a certificate begins: a host's clock may be behind ours, and refuses
/// what is not valid yet (kubernetes#76714; kubeadm sets its own back by five minutes).
pub(super) const BACKDATED: Duration = Duration::HOUR;

/// A certificate that was read.
pub(crate) struct Certificate {
    der: Vec<u8>,
    /// SubjectPublicKeyInfo in DER.
    pub(super) public_key: Vec<u8>,
    /// When it ends.
    pub not_after: OffsetDateTime,
    /// Whether it may sign others.
    pub(super) is_authority: bool,
}

impl Certificate {
    /// Reads `CERTIFICATE` in PEM; `None` if it is none.
    pub(crate) fn parse(pem: &[u8]) -> Option<Self> {
        let (_, pem) = parse_x509_pem(pem).ok()?;
        if pem.label != "CERTIFICATE" {
            return None;
        }
        let parsed = pem.parse_x509().ok()?;
        Some(Self {
            public_key: parsed.public_key().raw.to_vec(),
            not_after: parsed.validity().not_after.to_datetime(),
            is_authority: parsed.is_ca(),
            der: pem.contents,
        })
    }

    /// What kubeadm pins as `--discovery-token-ca-cert-hash`: SHA-256 of the public key in DER.
    pub(crate) fn public_key_hash(&self) -> String {
        format!("sha256:{}", Digest::of(&self.public_key))
    }
}

/// Whom a client's certificate names. Kubernetes takes the common name for the user, and each
/// organization for a group.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    /// The user.
    pub user: &'a str,
    /// The group.
    pub group: &'a str,
}

/// A certificate with its private key, made just now.
pub(crate) struct ClientCertificate {
    /// In PEM.
    pub certificate: String,
    /// In PEM.
    pub key: Secret,
    /// When it ends.
    pub not_after: OffsetDateTime,
}

/// An authority that can sign.
pub(super) struct Signer {
    issuer: Issuer<'static, SigningKey>,
    not_after: OffsetDateTime,
}

impl Signer {
    /// Brings certificate and key together; `None` if the certificate is beyond the library.
    pub(super) fn new(certificate: &Certificate, key: SigningKey) -> Option<Self> {
        let issuer = Issuer::from_ca_cert_der(&certificate.der.as_slice().into(), key).ok()?;
        Some(Self { issuer, not_after: certificate.not_after })
    }

    /// Signs a new key for a client. It never outlives the authority.
    pub(super) fn client(
        &self,
        subject: Subject<'_>,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> ClientCertificate {
        let mut parameters = CertificateParams::default();
        parameters.not_before = now - BACKDATED;
        parameters.not_after = (now + lifetime).min(self.not_after);
        parameters.distinguished_name = rcgen::DistinguishedName::new();
        parameters.distinguished_name.push(DnType::OrganizationName, subject.group);
        parameters.distinguished_name.push(DnType::CommonName, subject.user);
        parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        parameters.use_authority_key_identifier_extension = true;
        let key = SigningKey::generate();
        let signed = parameters.signed_by(&key, &self.issuer);
        let signed = signed.unwrap_or_else(|fault| unreachable!("these parameters: {fault}"));
        ClientCertificate {
            certificate: signed.pem(),
            key: key.pem(),
            not_after: parameters.not_after,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Certificate;

    /// Made by `meshwright keys` for nobody.
    const AUTHORITY: &str = "\
-----BEGIN CERTIFICATE-----
MIIBhTCCASugAwIBAgIUH3hZigwXsH11o94QWwfxgjISem8wCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKa3ViZXJuZXRlczAeFw0yNjExMjQwODIyMzdaFw0zNjExMjEw
OTIyMzdaMBUxEzARBgNVBAMMCmt1YmVybmV0ZXMwWTATBgcqhkjOPQIBBggqhkjO
PQMBBwNCAAREgDr8Z6qcY1S0D+EugQsB+eA3DDroghbFmQVPfZewWMex5VBsUzMs
1c1t0n6iUKdGbmFnjrNBwQZNlq6rc1KTo1kwVzAVBgNVHREEDjAMggprdWJlcm5l
dGVzMA4GA1UdDwEB/wQEAwIChDAdBgNVHQ4EFgQUHoUBaZmMoE9f8/LcdSPw7wiC
NwAwDwYDVR0TAQH/BAUwAwEB/zAKBggqhkjOPQQDAgNIADBFAiAclA0ucuSuaBWD
ChN7OshPygYjzZ6n/DfRjmkpjGgJXQIhAPtUnDy4J6r7BCyleA2/NjGkYPYHWUGu
Cs1OxKQO7Rjg
-----END CERTIFICATE-----
";

    /// What `openssl x509 -pubkey -noout | openssl pkey -pubin -outform der | sha256sum` prints.
    const HASH: &str = "1e850169998ca04f5ff3f2dc7523f0ef08823700f0f42e94958e5defcbfcfd30";

    #[test]
    fn the_hash_is_that_of_openssl() {
        let certificate = Certificate::parse(AUTHORITY.as_bytes()).unwrap();
        assert_eq!(certificate.public_key_hash(), format!("sha256:{HASH}"));
        assert!(certificate.is_authority);
        assert_eq!(super::super::clock::minute(certificate.not_after), "2036-11-21 09:22 UTC");
    }

    #[test]
    fn refuses_what_is_no_certificate() {
        let key = AUTHORITY.replace("CERTIFICATE", "PRIVATE KEY");
        for text in ["", "-----BEGIN CERTIFICATE-----\n", &key, &AUTHORITY[..200]] {
            assert!(Certificate::parse(text.as_bytes()).is_none(), "{text}");
        }
    }
}
