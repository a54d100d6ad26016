//! Collects the facts of a tree from the modelled files.

use ipnet::Ipv4Net;

use super::{EmittedNode, EmittedTree};
use crate::facts::{NodeFacts, ObjectFacts, TreeFacts};
use crate::read::kube_proxy;
use meshwright_value::{ProxyMode, Role};

impl TreeFacts {
    /// The facts; none if the tree has no init node, or an interface without address or MTU: both are
    /// findings of their readers.
    #[must_use]
    pub fn from_tree(emitted: &EmittedTree) -> Option<Self> {
        let (init, cluster) = emitted
            .nodes
            .iter()
            .find_map(|node| Some((node, node.kubeadm.content.cluster.as_ref()?)))?;
        let founders = emitted.nodes.iter().filter(|node| node.kubeadm.content.cluster.is_some());
        if founders.count() > 1 {
            return None;
        }
        let order = |name: &str| {
            emitted.hosts.content.iter().position(|host| host.name == name).unwrap_or(usize::MAX)
        };
        let mut nodes: Vec<_> =
            emitted.nodes.iter().map(NodeFacts::from_node).collect::<Option<_>>()?;
        nodes.sort_by_key(|node| order(&node.name));
        let reflector = emitted.bgp.content.reflectors.as_ref().map(|label| &label.value);
        let reflects = |node: &&EmittedNode| {
            reflector.is_some_and(|label| node.kubeadm.content.labels.contains(label))
        };
        let reflectors = emitted.nodes.iter().filter(reflects);
        Some(Self {
            interface: emitted.interface.clone(),
            cluster: cluster.name.clone(),
            kubernetes_version: cluster.version.value,
            image_repository: cluster.image_repository.clone(),
            endpoint: cluster.endpoint.value.clone(),
            api_server_files: cluster.api_server_files.clone(),
            proxy_mode: proxy_mode(emitted.kube_proxy.content.mode.value),
            source: init.kubeadm.file,
            reflectors: reflectors.map(|node| node.name.clone()).collect(),
            nodes,
            bgp_password: emitted.bgp.content.password,
            further_pools: emitted.further_pools.is_some(),
            clients: !emitted.clients.is_empty(),
            tunnel: emitted.ingress.tunnel.is_some(),
            hello: emitted.has_hello,
            ingress: emitted.controller,
            sources: emitted.sources.content.clone(),
            objects: ObjectFacts::from_tree(emitted, init, cluster)?,
        })
    }
}

const fn proxy_mode(mode: kube_proxy::ProxyMode) -> ProxyMode {
    match mode {
        kube_proxy::ProxyMode::Ipvs => ProxyMode::Ipvs,
        kube_proxy::ProxyMode::Iptables => ProxyMode::Iptables,
        kube_proxy::ProxyMode::Nftables => ProxyMode::Nftables,
    }
}

impl NodeFacts {
    fn from_node(node: &EmittedNode) -> Option<Self> {
        let configured = node.conf.content.address?.value;
        let kubeadm = &node.kubeadm.content;
        // Of three files, the one that differs is wrong: `node.env` repeats both values.
        let (env, json) = (&node.env.content, &node.json.content);
        let address = env.address.filter(|one| *one == json.address).unwrap_or(configured);
        let mtu = env.mtu.filter(|one| *one == json.mtu.value);
        Some(Self {
            name: node.name.clone(),
            role: if kubeadm.advertised.is_some() { Role::ControlPlane } else { Role::Worker },
            initialises: kubeadm.initialises.is_some(),
            address: address.addr(),
            prefix_len: address.prefix_len(),
            mtu: mtu.or(node.conf.content.mtu.map(|mtu| mtu.value))?,
            labels: kubeadm.labels.clone(),
            taints: kubeadm.taints.clone(),
            host: node.host.content.clone(),
            ssh_host: ssh_host(node),
            networks_elsewhere: networks_elsewhere(node),
            env: node.env.content.clone(),
        })
    }
}

/// A placeholder behind NAT, where only the owner knows the address.
fn ssh_host(node: &EmittedNode) -> String {
    let endpoint = node.json.content.endpoint.as_ref();
    let at_endpoint = || endpoint.map(|endpoint| endpoint.value.host().to_string());
    let named = node.host.content.ssh_host.clone();
    named.or_else(at_endpoint).unwrap_or_else(|| "HOST".to_owned())
}

/// The networks that a node reaches through the mesh: it neither forwards to them nor is in their LAN.
fn networks_elsewhere(node: &EmittedNode) -> Vec<Ipv4Net> {
    let json = &node.json.content;
    let elsewhere = json.networks.iter().filter(|network| {
        let is_of_site = network.site.is_some() && network.site == json.site;
        network.via != node.name && !is_of_site
    });
    elsewhere.map(|network| network.subnet).collect()
}
