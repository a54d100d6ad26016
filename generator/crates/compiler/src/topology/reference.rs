//! The reference of `topology.toml`, made from the tables themselves: `docs/topology.md`.

use serde::Serialize;
use serde_json::Value;

use super::{
    AccessRule, Allow, Backup, Bootstrap, Calico, Client, CloudflareTunnel, Cluster, ControlPlane,
    Firewall, Hardening, Hello, HostnameRule, Images, Ingress, KubeProxy, Kubeadm, Lint, Network,
    Node, PackageSource, Packages, RoutedNetwork, Secrets, Site, Topology, WireGuard,
};
use crate::encode::template;

/// One key of a table.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) name: &'static str,
    /// Its doc comment.
    pub(super) about: &'static str,
    /// The description of its values, with the article.
    pub(super) expected: &'static str,
    /// Whether an absent key is a fault.
    pub(super) required: bool,
    /// Its default; `None` if `about` describes it, or if an absent key is a fault.
    pub(super) default: fn() -> Option<Value>,
    /// The JSON Schema of its value.
    pub(super) schema: fn() -> Value,
}

/// Whether a table with these keys has a required key.
pub(super) const fn has_required(keys: &[Key]) -> bool {
    match keys {
        [] => false,
        [key, rest @ ..] => key.required || has_required(rest),
    }
}

/// Tables by the header that users write.
const TABLES: &[(&str, &[Key])] = &[
    ("[cluster]", Cluster::KEYS),
    ("[network]", Network::KEYS),
    ("[wireguard]", WireGuard::KEYS),
    ("[control_plane]", ControlPlane::KEYS),
    ("[kubeadm]", Kubeadm::KEYS),
    ("[hardening]", Hardening::KEYS),
    ("[kube_proxy]", KubeProxy::KEYS),
    ("[calico]", Calico::KEYS),
    ("[ingress]", Ingress::KEYS),
    ("[cloudflare_tunnel]", CloudflareTunnel::KEYS),
    ("[[cloudflare_tunnel.rules]]", HostnameRule::KEYS),
    ("[cloudflare_tunnel.rules.access]", AccessRule::KEYS),
    ("[hello]", Hello::KEYS),
    ("[firewall]", Firewall::KEYS),
    ("[images]", Images::KEYS),
    ("[packages]", Packages::KEYS),
    ("[packages.sources.<name>]", PackageSource::KEYS),
    ("[bootstrap]", Bootstrap::KEYS),
    ("[backup]", Backup::KEYS),
    ("[secrets]", Secrets::KEYS),
    ("[lint]", Lint::KEYS),
    ("[[lint.allow]]", Allow::KEYS),
    ("[[sites]]", Site::KEYS),
    ("[[networks]]", RoutedNetwork::KEYS),
    ("[[nodes]]", Node::KEYS),
    ("[[clients]]", Client::KEYS),
    ("the top level", Topology::KEYS),
];

/// The tables that have a key of that name, beside one with these keys; none if that one is not of a topology.
pub(super) fn tables_with(key: &str, beside: &[Key]) -> Vec<&'static str> {
    let names = |keys: &'static [Key]| keys.iter().map(|key| key.name);
    if !TABLES.iter().any(|(_, keys)| names(keys).eq(beside.iter().map(|key| key.name))) {
        return Vec::new();
    }
    let tables = TABLES.iter().filter(|(_, keys)| keys.iter().any(|known| known.name == key));
    tables.map(|(header, _)| *header).collect()
}

#[derive(Serialize)]
struct View {
    tables: Vec<TableView>,
}

#[derive(Serialize)]
struct TableView {
    header: &'static str,
    keys: Vec<KeyView>,
}

#[derive(Serialize)]
struct KeyView {
    name: &'static str,
    about: &'static str,
    expected: &'static str,
    required: bool,
    /// As TOML, which has the same form.
    default: Option<String>,
}

/// The reference as Markdown.
#[must_use]
pub fn markdown() -> String {
    let tables = TABLES
        .iter()
        .filter(|(header, _)| header.starts_with('['))
        .map(|(header, keys)| TableView { header, keys: keys.iter().map(key_view).collect() })
        .collect();
    template::render("topology.md", &View { tables })
}

fn key_view(key: &Key) -> KeyView {
    let Key { name, about, expected, required, default, .. } = *key;
    let text = default().map(|default| default.to_string());
    KeyView { name, about: about.trim(), expected, required, default: text }
}

#[cfg(test)]
mod tests {
    use super::{TABLES, Topology};

    #[test]
    fn each_table_of_the_topology_is_in_the_reference() {
        let documented = |key: &str| {
            let headers = [format!("[{key}]"), format!("[[{key}]]")];
            TABLES.iter().any(|(header, _)| headers.iter().any(|own| own == header))
        };
        let missing: Vec<_> =
            Topology::KEYS.iter().map(|key| key.name).filter(|key| !documented(key)).collect();
        assert_eq!(missing, [""; 0]);
    }
}
