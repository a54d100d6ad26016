//! `node.env`: the settings of a node for the script on its host.

use std::net::Ipv4Addr;

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::packages::{self, AptPackages, DeclaredApt};
use crate::render::fixed::{FixedFacts, FixedNode};
use crate::render::{NodeRenderer, NodeView, Output};
use meshwright_value::delivery::delivery_command;
use meshwright_value::{Arch, Os, ProxyMode, Role, Scheduler, SnapshotCount};

/// The registration.
pub(super) const RENDERER: NodeRenderer = NodeRenderer {
    id: "node_env",
    outputs: &[Output {
        path: "nodes/<node>/node.env",
        consumer: "meshwright-node, as /etc/meshwright/node.env",
    }],
    render,
};

#[derive(Serialize)]
struct NodeEnvView<'plan> {
    generated: &'static str,
    cluster: &'plan str,
    name: &'plan str,
    role: Role,
    os: Os,
    interface: &'plan str,
    address: Ipv4Addr,
    interface_address: String,
    mtu: u16,
    control_planes: String,
    api_name: &'plan str,
    api_address: Ipv4Addr,
    proxy_mode: ProxyMode,
    scheduler: Scheduler,
    bootstrap: &'static str,
    apply: &'static str,
    delivery: String,
    /// Absent on workers.
    kept_snapshots: Option<u16>,
    /// The port on which sshd must listen; empty if no address may use SSH.
    ssh_port: String,
    /// Absent on NixOS, where the script does not install packages.
    packages: Option<AptPackages>,
    arch: Arch,
    distribution_packages: String,
}

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    let NodeView { plan, node, .. } = view;
    let kubernetes = plan.host_kubernetes(node);
    let control_planes: Vec<_> =
        kubernetes.control_planes.iter().map(Ipv4Addr::to_string).collect();
    let env = NodeEnvView {
        generated: GENERATED,
        cluster: plan.name.as_str(),
        name: node.name.as_str(),
        role: node.role,
        os: node.os,
        interface: plan.wireguard.interface.as_str(),
        address: node.address,
        interface_address: plan.interface_address(node),
        mtu: plan.wireguard.mtu.value,
        control_planes: control_planes.join(" "),
        api_name: plan.control_plane.endpoint.name().as_str(),
        api_address: plan.api_address(),
        proxy_mode: kubernetes.proxy_mode,
        scheduler: kubernetes.scheduler,
        bootstrap: kubernetes.bootstrap,
        apply: if kubernetes.applies_manifests { "yes" } else { "no" },
        delivery: plan.delivery_command(node),
        kept_snapshots: kubernetes.kept_snapshots.map(SnapshotCount::get),
        ssh_port: plan
            .firewall
            .admitted_ssh_port(node)
            .map(|port| port.to_string())
            .unwrap_or_default(),
        packages: plan.apt(node),
        arch: node.arch,
        distribution_packages: plan.distribution_packages().join(" "),
    };
    artifacts.add(view.path("node.env"), template::render("node.env", &env));
}

/// The file of one node for facts of its other files.
pub(super) fn render_fixed(
    facts: &FixedFacts<'_>,
    node: &FixedNode<'_>,
    artifacts: &mut ArtifactSet,
) {
    let control_planes = facts.control_planes();
    let addresses: Vec<_> = control_planes.map(|node| node.address.to_string()).collect();
    let declared = node.packages.as_ref();
    let declared = declared.and_then(|found| {
        DeclaredApt::of(facts.versions, found, node.os, facts.kubernetes_version)
    });
    let packages = declared.and_then(|declared| {
        packages::apt(facts.versions, node.os, facts.kubernetes_version, &declared)
    });
    let env = NodeEnvView {
        generated: GENERATED,
        cluster: facts.cluster,
        name: node.name,
        role: node.role,
        os: node.os,
        interface: facts.interface,
        address: node.address,
        interface_address: format!("{}/{}", node.address, node.prefix_len),
        mtu: node.mtu,
        control_planes: addresses.join(" "),
        api_name: facts.api_name,
        api_address: facts.api_address(),
        proxy_mode: facts.proxy_mode,
        scheduler: node.scheduler,
        bootstrap: if node.initialises { "init" } else { "join" },
        apply: if node.applies_manifests { "yes" } else { "no" },
        delivery: delivery_command(node.name, node.ssh_port, node.ssh_user, node.ssh_host),
        kept_snapshots: node.kept_snapshots,
        ssh_port: if node.ssh_admitted { node.ssh_port.to_string() } else { String::new() },
        packages,
        arch: node.arch,
        distribution_packages: packages::distribution_packages(addresses.len() > 1).join(" "),
    };
    let path = format!("nodes/{}/node.env", node.name);
    artifacts.add(path, template::render("node.env", &env));
}
