//! The cluster's own Secrets as manifests. They are applied from a host or a laptop, and never lie
//! in `out/`.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use super::cluster_key::BgpPassword;
use super::item::Item as _;
use super::secret::Secret;
use super::store::{Error, Store};
use super::tunnel::Credential;
use meshwright_compiler::encode::yaml;
use meshwright_compiler::kubernetes::manifest::{Manifest, ObjectMeta};
use meshwright_compiler::plan::Plan;
use meshwright_compiler::plan::calico::{self, BGP_SECRET, BGP_SECRET_FILE, BGP_SECRET_KEY};
use meshwright_compiler::plan::tunnel::{self, secret_key};

/// More than any manifest or kubeconfig has: a buffer that grows leaves copies behind.
const ROOM: usize = 64 * 1024;

/// A secret in base64, on its way into a document. The one form that can be serialised.
pub(super) struct Encoded(Zeroizing<String>);

impl Encoded {
    pub(super) fn new(secret: &[u8]) -> Self {
        Self(Zeroizing::new(STANDARD.encode(secret)))
    }
}

impl Serialize for Encoded {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

/// A document that holds secrets.
pub(super) fn document(about: &str, value: &impl Serialize) -> Secret {
    let mut text = String::with_capacity(ROOM);
    text.push_str(&format!("# {about}\n"));
    yaml::append(value, &mut text);
    Secret::new(text.into_bytes())
}

#[derive(Serialize)]
struct OpaqueSecret {
    metadata: ObjectMeta<'static>,
    #[serde(rename = "type")]
    kind: &'static str,
    data: BTreeMap<&'static str, Encoded>,
}

/// The Secrets that a plan needs, by the names of their files.
///
/// # Errors
///
/// When what they hold is not in the store.
pub(crate) fn all(plan: &Plan, store: &Store) -> Result<Vec<(&'static str, Secret)>, Error> {
    let mut manifests = Vec::new();
    if plan.calico.bgp_password {
        let password = BgpPassword.read(store)?;
        let metadata = ObjectMeta::namespaced(BGP_SECRET, calico::NAMESPACE);
        let manifest = secret(metadata, BGP_SECRET_KEY, password.line());
        manifests.push((BGP_SECRET_FILE, manifest));
    }
    if let Some(tunnel) = &plan.tunnel {
        let credential = Credential::read(store)?.in_form_of(tunnel.mode);
        let metadata = ObjectMeta::namespaced(tunnel::SECRET, tunnel::NAMESPACE);
        let manifest = secret(metadata, secret_key(tunnel.mode), credential.expose());
        manifests.push((tunnel::SECRET_FILE, manifest));
    }
    Ok(manifests)
}

fn secret(metadata: ObjectMeta<'static>, key: &'static str, value: &[u8]) -> Secret {
    let data = BTreeMap::from([(key, Encoded::new(value))]);
    let fields = OpaqueSecret { metadata, kind: "Opaque", data };
    document(
        "made by meshwright; holds a secret, keep it out of git",
        &Manifest { api_version: "v1", kind: "Secret", fields },
    )
}
