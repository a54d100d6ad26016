//! A delivery whose credential for joining has expired, as if it had been exported long ago.

use std::fs;

use anyhow::Result;
use rcgen::{
    CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

use super::delivery_archive;
use super::workspace::Workspace;

/// When the credential has expired, as the host prints it.
pub const EXPIRY: &str = "2025-01-02T00:00:00Z";

/// The delivery with another certificate for its key: of the same authority, for the same user, and valid for a day
/// of the past.
///
/// # Errors
///
/// When the delivery has no credential.
pub fn expire(workspace: &Workspace, node: &str, delivery: &[u8]) -> Result<Vec<u8>> {
    let authority = fs::read_to_string(workspace.path("secrets/cluster/pki/ca.crt"))?;
    let signer =
        KeyPair::from_pem(&fs::read_to_string(workspace.path("secrets/cluster/pki/ca.key"))?)?;
    let issuer = Issuer::from_ca_cert_pem(&authority, signer)?;
    let key = KeyPair::from_pem(&delivery_archive::file(delivery, "etc/kubernetes/join.key")?)?;
    let mut parameters = CertificateParams::default();
    parameters.not_before = date_time_ymd(2025, 1, 1);
    parameters.not_after = date_time_ymd(2025, 1, 2);
    parameters.distinguished_name = DistinguishedName::new();
    parameters.distinguished_name.push(DnType::OrganizationName, "system:nodes");
    parameters.distinguished_name.push(DnType::CommonName, format!("system:node:{node}"));
    parameters.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    parameters.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    let expired = parameters.signed_by(&key, &issuer)?.pem();
    delivery_archive::edit(delivery, "etc/kubernetes/join.crt", |_| Ok(expired))
}
