//! The cluster's certificate authorities, made before the cluster so that nodes join without a
//! secret in git: the names and extensions are those that kubeadm would have chosen.

use std::fmt;
use std::path::PathBuf;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyUsagePurpose, SanType,
};
use time::{Duration, OffsetDateTime};

use super::certificate::{BACKDATED, Certificate, ClientCertificate, Signer, Subject};
use super::secret::Secret;
use super::signing_key::SigningKey;
use super::store::{Error, Found, Store};

/// As long as kubeadm's own (`caCertificateValidityPeriod`, 87600h).
const LIFETIME: Duration = Duration::days(3650);

/// One authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Authority {
    /// Signs for the API server, kubelets and people.
    Cluster,
    /// Signs for the API server when it speaks to extension API servers for somebody.
    FrontProxy,
    /// Signs for etcd's members and clients.
    Etcd,
}

/// What the store has of an authority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    /// Neither half.
    Missing,
    /// A key whose certificate is still to be made, such as after an interruption.
    Uncertified,
    /// Both halves, which belong together.
    Complete,
    /// Sealed files, and no identity to look into them.
    Sealed,
    /// A certificate without its key.
    KeyMissing,
    /// A certificate that is none, or no authority's.
    CertificateMalformed,
    /// A key that is none.
    KeyMalformed,
    /// A certificate of another key.
    Mismatch,
    /// A certificate that has ended.
    Expired(OffsetDateTime),
}

/// An authority's two halves, as files have them.
pub(super) struct Pair {
    pub(super) certificate: Secret,
    pub(super) key: Secret,
}

impl Authority {
    /// All of them, the cluster's own first.
    pub(crate) const ALL: [Self; 3] = [Self::Cluster, Self::FrontProxy, Self::Etcd];

    /// The subject's common name (kubeadm, `certs/certlist.go`).
    pub(crate) const fn common_name(self) -> &'static str {
        match self {
            Self::Cluster => "kubernetes",
            Self::FrontProxy => "front-proxy-ca",
            Self::Etcd => "etcd-ca",
        }
    }

    /// Its certificate below `/etc/kubernetes/pki`, and below `cluster/pki` of the store.
    pub(super) const fn certificate_file(self) -> &'static str {
        match self {
            Self::Cluster => "ca.crt",
            Self::FrontProxy => "front-proxy-ca.crt",
            Self::Etcd => "etcd/ca.crt",
        }
    }

    /// Its key, as [`Authority::certificate_file`].
    pub(super) const fn key_file(self) -> &'static str {
        match self {
            Self::Cluster => "ca.key",
            Self::FrontProxy => "front-proxy-ca.key",
            Self::Etcd => "etcd/ca.key",
        }
    }

    /// The path of its certificate, for messages.
    pub(crate) fn certificate_path(self, store: &Store) -> PathBuf {
        store.path(&in_store(self.certificate_file()))
    }

    /// The path of its key, for messages.
    pub(crate) fn key_path(self, store: &Store) -> PathBuf {
        store.path(&in_store(self.key_file()))
    }

    /// Compares the two halves with each other and with the clock.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn state(self, store: &Store, now: OffsetDateTime) -> Result<State, Error> {
        let certificate = store.find(&in_store(self.certificate_file()))?;
        let key = store.find(&in_store(self.key_file()))?;
        Ok(match (certificate, key) {
            (Found::Nothing, Found::Nothing) => State::Missing,
            (Found::Nothing, _) => State::Uncertified,
            (_, Found::Nothing) => State::KeyMissing,
            (Found::Open(certificate), Found::Open(key)) => {
                judge(&Pair { certificate, key }, now).err().unwrap_or(State::Complete)
            }
            _ => State::Sealed,
        })
    }

    /// Makes what is missing of it: the key first, since a certificate can be made of it again.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub(crate) fn make(self, store: &Store, now: OffsetDateTime) -> Result<(), Error> {
        let file = in_store(self.key_file());
        let key = match store.read(&file)? {
            Some(kept) => SigningKey::parse(&kept)
                .ok_or_else(|| Error::Unusable { path: self.key_path(store) })?,
            None => {
                let made = SigningKey::generate();
                store.create(&file, made.pem().expose())?;
                made
            }
        };
        let certificate = self.certify(&key, now);
        store.create(&in_store(self.certificate_file()), certificate.as_bytes())
    }

    /// A certificate of its own key. `keyEncipherment`, which kubeadm sets whatever the key, is left
    /// out: it is not for elliptic curves (RFC 5480 §3).
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

    /// The common name once more, as kubeadm has it (`NewSelfSignedCACert` of client-go's cert).
    fn alternative_names(self) -> Vec<SanType> {
        let name = self.common_name().try_into().map(SanType::DnsName);
        vec![name.unwrap_or_else(|fault| unreachable!("{}: {fault}", self.common_name()))]
    }

    /// Reads both halves.
    ///
    /// # Errors
    ///
    /// When one is not there or cannot be read.
    pub(super) fn read(self, store: &Store) -> Result<Pair, Error> {
        Ok(Pair {
            certificate: store.require(&in_store(self.certificate_file()))?,
            key: store.require(&in_store(self.key_file()))?,
        })
    }

    /// Signs a new key for a client, and returns its certificate with that of the authority.
    ///
    /// # Errors
    ///
    /// When a half is not there or cannot sign.
    pub(crate) fn sign(
        self,
        store: &Store,
        subject: Subject<'_>,
        lifetime: Duration,
        now: OffsetDateTime,
    ) -> Result<(Secret, ClientCertificate), Error> {
        let pair = self.read(store)?;
        let unusable = |_| Error::Unusable { path: self.key_path(store) };
        let credential = judge(&pair, now).map_err(unusable)?.client(subject, lifetime, now);
        Ok((pair.certificate, credential))
    }

    /// The hash of its public key, which is no secret; none while that cannot be read.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn public_key_hash(self, store: &Store) -> Result<Option<String>, Error> {
        let Found::Open(certificate) = store.find(&in_store(self.certificate_file()))? else {
            return Ok(None);
        };
        let certificate = Certificate::parse(certificate.expose());
        Ok(certificate.map(|certificate| certificate.public_key_hash()))
    }
}

fn judge(pair: &Pair, now: OffsetDateTime) -> Result<Signer, State> {
    let certificate = Certificate::parse(pair.certificate.expose());
    let certificate = certificate.filter(|certificate| certificate.is_authority);
    let certificate = certificate.ok_or(State::CertificateMalformed)?;
    let key = SigningKey::parse(&pair.key).ok_or(State::KeyMalformed)?;
    if key.public_der() != certificate.public_key {
        return Err(State::Mismatch);
    }
    if certificate.not_after <= now {
        return Err(State::Expired(certificate.not_after));
    }
    Signer::new(&certificate, key).ok_or(State::CertificateMalformed)
}

fn in_store(file: &str) -> String {
    format!("{FOLDER}/{file}")
}

/// Its files in the store.
pub(crate) const FOLDER: &str = "cluster/pki";

impl fmt::Display for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.common_name())
    }
}
