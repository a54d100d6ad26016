//! The files of a tree, and those that are missing.

use std::collections::BTreeMap;

use super::ingress::{OF_TUNNEL, TUNNEL};
use crate::families::FAMILIES;

/// The folders of a tree.
pub(super) struct TreeLayout {
    pub(super) interface: String,
    pub(super) nodes: Vec<String>,
    pub(super) clients: Vec<String>,
    /// The files of each folder; files outside of these folders have the empty name.
    pub(super) folders: BTreeMap<String, Vec<String>>,
}

/// The files outside of the folders of machines that a reader needs.
pub(super) const SHARED: [&str; 10] = [
    "host/guards.routes",
    "cluster/calico/installation.yaml",
    "cluster/calico/bgp.yaml",
    "cluster/calico/felix.yaml",
    "cluster/calico/ipam.yaml",
    "cluster/kube-proxy/kube-proxy.patch.yaml",
    "host/systemd/meshwright-firewall.service",
    "host/meshwright-node",
    "host/hosts",
    "cluster/apply.sh",
];
/// The patch of kubelet's configuration, below a node's folder.
pub(super) const KUBELET: &str = "patches/kubeletconfiguration0+merge.yaml";
/// The patch of a control plane's API server.
pub(super) const API_SERVER: &str = "patches/kube-apiserver0+json.yaml";
/// Values of the user's own for the chart of the Ingress controller.
pub(super) const USER_VALUES: &str = "cluster/own/ingress/values.yaml";
/// The folder of the user's own manifests.
pub(super) const OVERLAYS: &str = "cluster/overlays/";
/// The file of trees with several control planes.
pub(super) const HAPROXY: &str = "host/haproxy.cfg";
/// The pools that do not fit into `installation.yaml`.
pub(super) const FURTHER_POOLS: &str = "cluster/calico/ip-pools.yaml";

impl TreeLayout {
    pub(super) fn from_paths(paths: &[String]) -> Self {
        let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for path in paths {
            let folder = owner(path).unwrap_or_default().to_owned();
            folders.entry(folder).or_default().push(path.clone());
        }
        let named = |kind: &str| {
            let names = folders.keys().filter_map(|folder| folder.strip_prefix(kind));
            names.map(str::to_owned).collect::<Vec<_>>()
        };
        let (nodes, clients) = (named("nodes/"), named("clients/"));
        Self { interface: interface(paths), nodes, clients, folders }
    }

    /// The required files that this tree does not have.
    pub(super) fn missing(&self) -> Vec<String> {
        let Self { interface, nodes, clients, .. } = self;
        let families = FAMILIES.iter().flat_map(|family| family.needed(interface, nodes, clients));
        let of_tunnel = OF_TUNNEL.iter().filter(|_| self.has_tunnel());
        let needed = families.chain(of_tunnel.map(|path| (*path).to_owned()));
        needed.filter(|path| !self.contains(path)).collect()
    }

    fn has_tunnel(&self) -> bool {
        self.folders.get("").is_some_and(|files| files.iter().any(|file| file.starts_with(TUNNEL)))
    }

    pub(super) fn contains(&self, path: &str) -> bool {
        let folder = self.folders.get(owner(path).unwrap_or_default());
        folder.is_some_and(|files| files.iter().any(|file| file == path))
    }
}

/// `nodes/<node>` or `clients/<client>`
fn owner(path: &str) -> Option<&str> {
    let (kind, rest) = path.split_once('/')?;
    let (name, _) = rest.split_once('/')?;
    ["nodes", "clients"].contains(&kind).then(|| &path[..kind.len() + 1 + name.len()])
}

/// The name of the interface, from the name of `<interface>.routes`.
fn interface(paths: &[String]) -> String {
    let routes = paths.iter().filter(|path| path.starts_with("nodes/"));
    let names = routes.filter_map(|path| path.strip_suffix(".routes")?.rsplit('/').next());
    names.min().unwrap_or("wg0").to_owned()
}
