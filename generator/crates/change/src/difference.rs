//! What a change means for people: values, reachability and public sides before and after it.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::state::ChangeStates;
use crate::tree::ComparedTree;
use meshwright_proof::exposure;
use meshwright_proof::facts::{NodeFacts, ServedNameFacts};
use meshwright_proof::matrix::flows_of;
use meshwright_value::Role;

/// One value that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ValueDifference {
    /// The machine, or `cluster`.
    pub subject: String,
    /// The name of the value.
    pub value: &'static str,
    /// The value before; none if there was none.
    pub before: Option<String>,
    /// The value after; none if there is none any more.
    pub after: Option<String>,
}

/// Flows that arrive before or after the change only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ReachDifference {
    /// The sender.
    pub from: String,
    /// The receiver.
    pub to: String,
    /// The flows that arrive after the change only.
    pub new: Vec<&'static str>,
    /// The flows that arrive before the change only.
    pub gone: Vec<&'static str>,
}

/// What the public side of a node accepts before or after the change only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ExposureDifference {
    /// The node.
    pub node: String,
    /// The packets that it accepts after the change only.
    pub opened: Vec<String>,
    /// The packets that it accepts before the change only.
    pub closed: Vec<String>,
}

/// The values that differ, those of the cluster first.
#[must_use]
pub fn values(old: &ComparedTree, new: &ComparedTree) -> Vec<ValueDifference> {
    let mut differences = compare("cluster", &cluster_values(old), &cluster_values(new));
    let names: BTreeSet<_> = old.nodes().chain(new.nodes()).collect();
    for name in names {
        let values = |tree: &ComparedTree| {
            tree.node(name).map(|node| node_values(tree, node)).unwrap_or_default()
        };
        differences.extend(compare(&format!("node {name}"), &values(old), &values(new)));
    }
    let clients: BTreeSet<_> = old.clients().chain(new.clients()).collect();
    for name in clients {
        let values = |tree: &ComparedTree| client_values(tree, name);
        differences.extend(compare(&format!("client {name}"), &values(old), &values(new)));
    }
    differences
}

/// Values by their name.
type NamedValues = BTreeMap<&'static str, String>;

fn compare(subject: &str, old: &NamedValues, new: &NamedValues) -> Vec<ValueDifference> {
    let names: BTreeSet<_> = old.keys().chain(new.keys()).collect();
    let differing = names.into_iter().filter(|name| old.get(*name) != new.get(*name));
    let difference = |name: &&'static str| ValueDifference {
        subject: subject.to_owned(),
        value: name,
        before: old.get(name).cloned(),
        after: new.get(name).cloned(),
    };
    differing.map(difference).collect()
}

/// A public name, with its Service if it has one of its own.
fn public_name(name: &ServedNameFacts) -> String {
    let hostname = &name.hostname.value;
    match &name.service {
        Some(service) => format!("{hostname} to {service}"),
        None => hostname.clone(),
    }
}

fn cluster_values(tree: &ComparedTree) -> NamedValues {
    let facts = &tree.facts;
    let objects = &facts.objects;
    let (cluster, _) = tree.model.cluster();
    let mut values = NamedValues::from([
        ("name", facts.cluster.clone()),
        ("kubernetes_version", facts.kubernetes_version.to_string()),
        ("api_endpoint", facts.endpoint.clone()),
        ("interface", facts.interface.clone()),
        ("proxy_mode", facts.proxy_mode.to_string()),
        ("scheduler", objects.scheduler.to_string()),
        ("pod_subnet", objects.pod_subnet.to_string()),
        ("node_subnet", objects.node_subnet.to_string()),
        ("service_subnet", cluster.service_subnet.value.to_string()),
        ("dns_domain", objects.dns_domain.clone()),
        ("as_number", objects.as_number.to_string()),
        ("dataplane", objects.dataplane.to_string()),
        ("pod_mtu", objects.pod_mtu.to_string()),
        ("bgp_password", facts.bgp_password.to_string()),
        ("route_reflectors", facts.reflectors.join(", ")),
        ("ingress controller", facts.ingress.to_string()),
        ("init", tree.init().unwrap_or_default().to_owned()),
    ]);
    if let Some(controller) = &objects.controller {
        values.insert("ingress image", controller.image.clone());
        values.insert("ingress replicas", controller.replicas.to_string());
    }
    if let Some(tunnel) = &objects.tunnel {
        let mut names: Vec<_> = tunnel.names.iter().map(public_name).collect();
        names.sort_unstable();
        values.insert("tunnel", tunnel.id.clone());
        values.insert("tunnel replicas", tunnel.replicas.to_string());
        values.insert("public names", names.join(", "));
    }
    if let Some(hello) = &objects.hello {
        values.insert("hello", hello.clone());
    }
    for source in &facts.sources {
        let name = match source.name.as_str() {
            "calico" => "calico version",
            "helm" => "helm version",
            _ => "version of an external file",
        };
        values.insert(name, source.version.clone());
    }
    values
}

fn node_values(tree: &ComparedTree, node: &NodeFacts) -> NamedValues {
    let role = if node.role == Role::ControlPlane { "control-plane" } else { "worker" };
    let mut values = NamedValues::from([
        ("address", node.address.to_string()),
        ("arch", node.host.arch.to_string()),
        ("mtu", node.mtu.to_string()),
        ("os", node.host.os.to_string()),
        ("role", role.to_owned()),
        ("ssh_port", node.host.ssh_port.to_string()),
    ]);
    let key = tree.key(&node.name).map(|key| key.to_string());
    values.extend(key.map(|key| ("public_key", key)));
    let pools = tree.facts.objects.pools.iter().chain(&tree.facts.objects.further_pools);
    let pools = pools.filter(|pool| pool.node == node.name).map(|pool| pool.net.to_string());
    let pools = pools.collect::<Vec<_>>().join(", ");
    if !pools.is_empty() {
        values.insert("pods", pools);
    }
    let files = tree.emitted().nodes.iter().find(|files| files.name == node.name);
    if let Some(files) = files {
        let json = &files.json.content;
        let endpoint = |place: Option<&meshwright_value::Endpoint>| place.map(ToString::to_string);
        let public = json.endpoint.as_ref().map(|endpoint| &endpoint.value);
        let lan = json.lan_endpoint.as_ref().map(|endpoint| &endpoint.value);
        let ipv6 = json.ipv6_endpoint.as_ref().map(|endpoint| &endpoint.value);
        values.extend(endpoint(public).map(|text| ("endpoint", text)));
        values.extend(endpoint(ipv6).map(|text| ("ipv6_endpoint", text)));
        values.extend(endpoint(lan).map(|text| ("lan_endpoint", text)));
        values.extend(json.site.clone().map(|site| ("site", site)));
        values.insert("listen_port", json.listen_port.value.to_string());
        values.insert("labels", files.kubeadm.content.labels.join(", "));
    }
    values
}

fn client_values(tree: &ComparedTree, name: &str) -> NamedValues {
    let Some(id) = tree.model.find(name) else { return NamedValues::new() };
    let conf = tree.model.conf(id);
    let mut values = NamedValues::new();
    values.extend(conf.address.map(|address| ("address", address.value.addr().to_string())));
    values.extend(tree.key(name).map(|key| ("public_key", key.to_string())));
    values.extend(conf.listen_port.map(|port| ("listen_port", port.value.to_string())));
    let mut allowed: Vec<_> = conf.allowed.iter().map(|one| one.net).collect();
    allowed.sort_unstable();
    let allowed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    values.insert("allowed_ips", allowed.join(", "));
    values
}

/// The pairs whose flows differ; sorted by sender and receiver.
#[must_use]
pub fn reachability(states: &ChangeStates<'_>) -> Vec<ReachDifference> {
    let (before, after) = (&states.before, &states.after);
    let names: BTreeSet<_> = before.names().chain(after.names()).collect();
    let mut differences = Vec::new();
    for from in &names {
        for to in &names {
            let [old, new] = [before, after].map(|matrix| matrix.pair(from, to).arriving);
            if old == new {
                continue;
            }
            let named = |bits| flows_of(bits).map(|flow| flow.name).collect();
            differences.push(ReachDifference {
                from: (*from).to_owned(),
                to: (*to).to_owned(),
                new: named(new & !old),
                gone: named(old & !new),
            });
        }
    }
    differences
}

/// The nodes whose public sides differ, in the order of their names.
#[must_use]
pub fn public_sides(old: &ComparedTree, new: &ComparedTree) -> Vec<ExposureDifference> {
    let names: BTreeSet<_> = old.nodes().chain(new.nodes()).collect();
    let admitted = |tree: &ComparedTree, name: &str| -> BTreeSet<String> {
        let id = tree.model.find(name);
        id.map(|id| exposure::admitted(&tree.model, id)).unwrap_or_default().into_iter().collect()
    };
    let differences = names.into_iter().map(|name| {
        let (before, after) = (admitted(old, name), admitted(new, name));
        ExposureDifference {
            node: name.to_owned(),
            opened: after.difference(&before).cloned().collect(),
            closed: before.difference(&after).cloned().collect(),
        }
    });
    differences.filter(|one| !one.opened.is_empty() || !one.closed.is_empty()).collect()
}
