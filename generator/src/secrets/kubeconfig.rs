//! kubeconfigs: the one with which a node joins, and those of people.

use std::net::Ipv4Addr;

use serde::Serialize;

use super::certificate::{ClientCertificate, Subject};
use super::manifest::{Encoded, document};
use super::secret::Secret;
use meshwright_compiler::plan::Plan;
use meshwright_compiler::plan::control_plane::API_PORT;
use meshwright_compiler::plan::host::{JOIN_CERTIFICATE, JOIN_KEY};
use meshwright_value::Name;

/// The group whose kubelets may ask for a certificate, and get it by themselves: kubeadm binds it at
/// init (`NodeBootstrapTokenAuthGroup` in its constants; seen).
pub(super) const JOIN_GROUP: &str = "system:bootstrappers:kubeadm:default-node-token";

/// The user in a node's join credential.
pub(super) fn join_user(node: &Name) -> String {
    format!("meshwright:join:{node}")
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Config<'a, User> {
    api_version: &'static str,
    kind: &'static str,
    clusters: [Named<ClusterEntry<'a>>; 1],
    contexts: [Named<ContextEntry<'a>>; 1],
    #[serde(rename = "current-context")]
    current_context: String,
    users: [Named<UserEntry<User>>; 1],
}

#[derive(Serialize)]
struct Named<Entry> {
    name: String,
    #[serde(flatten)]
    entry: Entry,
}

#[derive(Serialize)]
struct ClusterEntry<'a> {
    cluster: Cluster<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Cluster<'a> {
    certificate_authority_data: &'a Encoded,
    server: &'a str,
}

#[derive(Serialize)]
struct ContextEntry<'a> {
    context: Context<'a>,
}

#[derive(Serialize)]
struct Context<'a> {
    cluster: &'a str,
    user: &'a str,
}

#[derive(Serialize)]
struct UserEntry<User> {
    user: User,
}

/// A certificate and its key as files; kubeadm embeds them when it joins.
#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Files {
    client_certificate: &'static str,
    client_key: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct Embedded {
    client_certificate_data: Encoded,
    client_key_data: Encoded,
}

fn config<User: Serialize>(
    about: &str,
    cluster: &str,
    server: &str,
    authority: &[u8],
    (name, user): (&str, User),
) -> Secret {
    let authority = Encoded::new(authority);
    let context = format!("{name}@{cluster}");
    let entry =
        ClusterEntry { cluster: Cluster { certificate_authority_data: &authority, server } };
    let config = Config {
        api_version: "v1",
        kind: "Config",
        clusters: [Named { name: cluster.to_owned(), entry }],
        contexts: [Named {
            name: context.clone(),
            entry: ContextEntry { context: Context { cluster, user: name } },
        }],
        current_context: context,
        users: [Named { name: name.to_owned(), entry: UserEntry { user } }],
    };
    document(about, &config)
}

/// `discovery.conf`: kubeadm trusts the authority in it, and joins with the credential beside it.
pub(super) fn discovery(plan: &Plan, authority: &[u8]) -> Secret {
    let files = Files { client_certificate: JOIN_CERTIFICATE, client_key: JOIN_KEY };
    let server = format!("https://{}", plan.control_plane.endpoint);
    let about = "made by meshwright: where the cluster is and whom to trust; see kubeadm.yaml";
    config(about, plan.name.as_str(), &server, authority, ("join", files))
}

/// What somebody may do with a kubeconfig.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Role {
    /// All permissions: the group that kubeadm binds to `cluster-admin` since 1.29. Unlike
    /// `system:masters`, it can be revoked by deleting the binding.
    Admin,
    /// Read objects in all namespaces, except Secrets; no access to objects outside namespaces
    View,
}

impl Role {
    /// The group in the certificate.
    pub(crate) const fn group(self) -> &'static str {
        match self {
            Self::Admin => "kubeadm:cluster-admins",
            Self::View => meshwright_compiler::plan::access::VIEWERS,
        }
    }
}

/// Whom a client's kubeconfig names.
pub(crate) fn subject<'a>(client: &'a Name, role: Role) -> Subject<'a> {
    Subject { user: client.as_str(), group: role.group() }
}

/// A client's kubeconfig. It calls a control plane by its mesh address, which the API server's
/// certificate holds: the laptop's `/etc/hosts` need not know the API's name.
pub(crate) fn of_client(
    plan: &Plan,
    client: &Name,
    authority: &[u8],
    credential: &ClientCertificate,
) -> Secret {
    let embedded = Embedded {
        client_certificate_data: Encoded::new(credential.certificate.as_bytes()),
        client_key_data: Encoded::new(credential.key.expose()),
    };
    let server = server(plan.init_node().address);
    let about = format!("{client} at {}; the key is inside: for this one person alone", plan.name);
    config(&about, plan.name.as_str(), &server, authority, (client.as_str(), embedded))
}

fn server(address: Ipv4Addr) -> String {
    format!("https://{address}:{API_PORT}")
}
