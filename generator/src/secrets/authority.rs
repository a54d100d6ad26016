//! The certificate authorities of the cluster. They are generated before the cluster, so that nodes
//! join without a secret in git. Names and extensions are those of kubeadm.

use std::fmt;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use super::certificate::{BACKDATED, Certificate, CertificateSubject, IssuedCertificate, Signer};
use super::pinned::StoredHash;
use super::secret::Secret;
use super::signing_key::SigningKey;
use super::store::{Found, Store, StoreError};
use meshwright_value::PublicKeyHash;

/// The lifetime of kubeadm's authorities (`caCertificateValidityPeriod`, 87600h).
const LIFETIME: Duration = Duration::days(3650);

/// A certificate authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authority {
    /// Signs the certificates of the API server, of kubelets and of users.
    Cluster,
    /// Signs the certificate with which the API server forwards requests to extension API servers.
    FrontProxy,
    /// Signs the certificates of etcd's members and clients.
    Etcd,
}

/// The state of an authority in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AuthorityState {
    /// There is neither certificate nor key.
    Missing,
    /// There is a key without a certificate, such as after an interrupted run.
    Uncertified,
    /// Certificate and key are valid and match.
    Complete,
    /// The files are encrypted, and no identity was given.
    Sealed,
    /// There is a certificate without a key.
    KeyMissing,
    /// The file does not contain the certificate of an authority.
    CertificateMalformed,
    /// The file does not contain a usable key.
    KeyMalformed,
    /// The certificate belongs to another key.
    Mismatch,
    /// The certificate expired at this time.
    Expired(OffsetDateTime),
}

/// The contents of the two files of an authority.
pub(super) struct AuthorityFiles {
    pub(super) certificate: Secret,
    pub(super) key: Secret,
}

impl Authority {
    /// All authorities, the cluster's first.
    pub(crate) const ALL: [Self; 3] = [Self::Cluster, Self::FrontProxy, Self::Etcd];

    /// The subject's common name (kubeadm, `certs/certlist.go`).
    pub(crate) const fn common_name(self) -> &'static str {
        match self {
            Self::Cluster => "kubernetes",
            Self::FrontProxy => "front-proxy-ca",
            Self::Etcd => "etcd-ca",
        }
    }

    /// The path of the certificate below `/etc/kubernetes/pki`, and below `cluster/pki` in the store.
    pub(super) const fn certificate_file(self) -> &'static str {
        match self {
            Self::Cluster => "ca.crt",
            Self::FrontProxy => "front-proxy-ca.crt",
            Self::Etcd => "etcd/ca.crt",
        }
    }

    /// The path of the key, relative to the same folders as [`Authority::certificate_file`].
    pub(super) const fn key_file(self) -> &'static str {
        match self {
            Self::Cluster => "ca.key",
            Self::FrontProxy => "front-proxy-ca.key",
            Self::Etcd => "etcd/ca.key",
        }
    }

    /// The path of the certificate, for messages.
    pub(crate) fn certificate_path(self, store: &Store) -> PathBuf {
        store.path(&in_store(self.certificate_file()))
    }

    /// The path of the key, for messages.
    pub(crate) fn key_path(self, store: &Store) -> PathBuf {
        store.path(&in_store(self.key_file()))
    }

    /// Compares certificate and key with each other and with the clock.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn state(
        self,
        store: &Store,
        now: OffsetDateTime,
    ) -> Result<AuthorityState, StoreError> {
        let certificate = store.find(&in_store(self.certificate_file()))?;
        let key = store.find(&in_store(self.key_file()))?;
        Ok(match (certificate, key) {
            (Found::Nothing, Found::Nothing) => AuthorityState::Missing,
            (Found::Nothing, _) => AuthorityState::Uncertified,
            (_, Found::Nothing) => AuthorityState::KeyMissing,
            (Found::Open(certificate), Found::Open(key)) => {
                parse_signer(&AuthorityFiles { certificate, key }, now)
                    .err()
                    .unwrap_or(AuthorityState::Complete)
            }
            _ => AuthorityState::Sealed,
        })
    }

    /// Generates the missing files, and returns the hash of the public key. The key is written first: the
    /// certificate can be issued again from it.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(crate) fn generate(
        self,
        store: &Store,
        now: OffsetDateTime,
    ) -> Result<PublicKeyHash, StoreError> {
        let file = in_store(self.key_file());
        let key = match store.read(&file)? {
            Some(stored) => SigningKey::parse(&stored)
                .ok_or_else(|| StoreError::Unusable { path: self.key_path(store) })?,
            None => {
                let generated = SigningKey::generate();
                store.create(&file, generated.pem().expose())?;
                generated
            }
        };
        let certificate = self.certify(&key, now);
        store.create(&in_store(self.certificate_file()), certificate.as_bytes())?;
        Ok(key.public_hash())
    }

    /// A self-signed certificate. kubeadm sets `keyEncipherment` for every type of key; it is omitted
    /// here, because it is not allowed for elliptic curves (RFC 5480 §3).
    fn certify(self, key: &SigningKey, now: OffsetDateTime) -> String {
        let mut parameters = CertificateParams::default();
        parameters.not_before = now - BACKDATED;
        parameters.not_after = now + LIFETIME;
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, self.common_name());
        parameters.subject_alt_names = self.alternative_names();
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        parameters.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyCertSign];
        let signed = parameters.self_signed(key);
        signed.unwrap_or_else(|fault| unreachable!("these parameters: {fault}")).pem()
    }

    /// The common name again, as in kubeadm (`NewSelfSignedCACert` in client-go's cert package).
    fn alternative_names(self) -> Vec<SanType> {
        let name = self.common_name().try_into().map(SanType::DnsName);
        vec![name.unwrap_or_else(|fault| unreachable!("{}: {fault}", self.common_name()))]
    }

    /// Reads both files.
    ///
    /// # Errors
    ///
    /// When one is missing or cannot be read.
    pub(super) fn read(self, store: &Store) -> Result<AuthorityFiles, StoreError> {
        Ok(AuthorityFiles {
            certificate: store.require(&in_store(self.certificate_file()))?,
            key: store.require(&in_store(self.key_file()))?,
        })
    }

    /// Issues a certificate with a new key for a client; returns the certificate of the authority, too.
    ///
    /// # Errors
    ///
    /// When a file is missing, or the authority cannot sign.
    pub(crate) fn sign(
        self,
        store: &Store,
        subject: CertificateSubject<'_>,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<(Secret, IssuedCertificate), StoreError> {
        let files = self.read(store)?;
        let unusable = |_| StoreError::Unusable { path: self.key_path(store) };
        let signer = parse_signer(&files, now).map_err(unusable)?;
        Ok((files.certificate, signer.issue(subject, lifetime, now)))
    }

    /// The hash of the public key in the store: of the certificate, or of the key if a certificate has to
    /// be issued for it.
    pub(super) fn stored_hash(self, store: &Store) -> Result<StoredHash, StoreError> {
        let hash = match store.find(&in_store(self.certificate_file()))? {
            Found::Sealed => return Ok(StoredHash::Sealed),
            Found::Open(certificate) => {
                Certificate::parse(certificate.expose()).map(|parsed| parsed.public_key_hash())
            }
            Found::Nothing => match store.find(&in_store(self.key_file()))? {
                Found::Nothing => return Ok(StoredHash::Missing),
                Found::Sealed => return Ok(StoredHash::Sealed),
                Found::Open(key) => SigningKey::parse(&key).map(|parsed| parsed.public_hash()),
            },
        };
        Ok(hash.map_or(StoredHash::Unreadable, StoredHash::Read))
    }
}

fn parse_signer(files: &AuthorityFiles, now: OffsetDateTime) -> Result<Signer, AuthorityState> {
    let certificate = Certificate::parse(files.certificate.expose())
        .filter(|parsed| parsed.is_authority)
        .ok_or(AuthorityState::CertificateMalformed)?;
    let key = SigningKey::parse(&files.key).ok_or(AuthorityState::KeyMalformed)?;
    if key.public_der() != certificate.public_key {
        return Err(AuthorityState::Mismatch);
    }
    if certificate.not_after <= now {
        return Err(AuthorityState::Expired(certificate.not_after));
    }
    Signer::new(&certificate, key).ok_or(AuthorityState::CertificateMalformed)
}

fn in_store(file: &str) -> String {
    format!("{FOLDER}/{file}")
}

/// The folder in the store.
pub(crate) const FOLDER: &str = "cluster/pki";

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.common_name())
    }
}
