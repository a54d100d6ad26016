//! One identity has one value in all files: the endpoint, port and MTU of each machine, and the
//! cluster's own values in each `node.json`.

mod address;
mod owned;
mod port;
mod server;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;

use crate::finding::{FindingCode, ProofFinding};
use crate::model::link::{Link, LinkTunnel};
use crate::model::{MachineId, Model};
use crate::read::node_json::NodeJson;
use crate::read::tree::{CopyDifference, HostDifference};
use crate::read::wg_quick::WgPeer;
use crate::span::{FileId, FileLine, LineSpanned};
use meshwright_value::Endpoint;

/// Checks keys, addresses and ports: almost every packet depends on them, so a contradiction is reported
/// alone.
#[must_use]
pub(crate) fn first(model: &Model) -> Vec<ProofFinding> {
    let mut findings = model.key_findings.clone();
    findings.extend(address::check(model));
    findings.extend(port::check(model));
    findings.extend(server::check(model));
    findings.sort();
    findings.dedup();
    findings
}

/// Checks one machine.
pub(super) fn check(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let mut findings = endpoints(model, id);
    findings.extend(mtu(model, id));
    findings.extend(owned::check(model, id));
    if model.is_client(id) {
        findings.extend(model.client_files(id).differences.iter().cloned());
    }
    findings
}

/// Values that differ between two files of a node, unless the line of one is the cause of another
/// finding: an edited line is reported once.
pub(super) fn copies(model: &Model, blamed: &BTreeSet<FileLine>) -> Vec<ProofFinding> {
    let nodes = model.emitted.nodes.iter();
    let differences = nodes.flat_map(|node| &node.differences.own);
    let is_known = |place: FileLine| place.line != 0 && blamed.contains(&place);
    let is_new = |difference: &&CopyDifference| {
        difference.other == difference.finding.place || !is_known(difference.other)
    };
    differences.filter(is_new).map(|difference| difference.finding.clone()).collect()
}

/// Checks the values that all nodes share.
pub(super) fn shared(model: &Model) -> Vec<ProofFinding> {
    let mut findings = control_planes(model);
    findings.extend(of_cluster(model));
    findings.extend(alike(model, "kube-proxy's mode", |json| &json.proxy_mode));
    findings.extend(alike(model, "the scheduler", |json| &json.scheduler));
    findings.extend(sites(model));
    findings
}

/// The MTU of a site is the same in the `node.json` of all its nodes.
fn sites(model: &Model) -> Vec<ProofFinding> {
    let mut first_of: BTreeMap<&str, (&str, LineSpanned<u16>)> = BTreeMap::new();
    let mut findings = Vec::new();
    for node in &model.emitted.nodes {
        let json = &node.json.content;
        let Some((site, mtu)) = json.site.as_deref().zip(json.site_mtu) else { continue };
        let (name, first) = *first_of.entry(site).or_insert((&node.name, mtu));
        if first.value != mtu.value {
            let message = format!(
                "the MTU of the site {site} is {} here, and {} in nodes/{name}/node.json:{}",
                mtu.value, first.value, first.line
            );
            let place = node.json.file.line(mtu.line);
            findings.push(ProofFinding::new(FindingCode::FilesDisagree, place, message));
        }
    }
    findings
}

/// The cluster's name, version and endpoint in each `node.json` are those of the init node's kubeadm.yaml.
fn of_cluster(model: &Model) -> Vec<ProofFinding> {
    let (cluster, _) = model.cluster();
    let version = cluster.version.value.to_string();
    let endpoint = &cluster.endpoint;
    let of_kubeadm = |value, line| KubeadmValue { value, line };
    let name = of_kubeadm(cluster.name.as_str(), 0);
    let version = of_kubeadm(version.as_str(), cluster.version.line);
    let endpoint = of_kubeadm(endpoint.value.as_str(), endpoint.line);
    let mut findings = as_in_kubeadm(model, "the cluster's name", |json| &json.cluster, name);
    findings.extend(as_in_kubeadm(
        model,
        "the version of Kubernetes",
        |json| &json.version,
        version,
    ));
    findings.extend(as_in_kubeadm(
        model,
        "the API's name and port",
        |json| &json.api_endpoint,
        endpoint,
    ));
    findings
}

/// A value in the init node's kubeadm.yaml.
#[derive(Clone, Copy)]
struct KubeadmValue<'a> {
    value: &'a str,
    line: u32,
}

/// A value of each `node.json`. If they all differ from kubeadm.yaml, that file is wrong; a single
/// `node.json` is wrong itself.
fn as_in_kubeadm(
    model: &Model,
    subject: &str,
    stated: fn(&NodeJson) -> &LineSpanned<String>,
    in_kubeadm: KubeadmValue<'_>,
) -> Vec<ProofFinding> {
    let others = alike(model, subject, stated);
    let nodes = &model.emitted.nodes;
    let first = nodes.iter().find(|node| stated(&node.json.content).value != in_kubeadm.value);
    let Some(node) = first.filter(|_| others.is_empty()) else { return others };
    let (_, kubeadm) = model.cluster();
    let json = stated(&node.json.content);
    let finding = |place, here: &str, there: &str, shown: &str| {
        let message = format!("{subject} is {here} here, and {there} in {shown}");
        vec![ProofFinding::new(FindingCode::FilesDisagree, place, message)]
    };
    if nodes.len() == 1 {
        let place = node.json.file.line(json.line);
        let shown = format!("nodes/{}/kubeadm.yaml", node.name);
        return finding(place, &json.value, in_kubeadm.value, &shown);
    }
    let shown = format!("nodes/{}/node.json:{}", node.name, json.line);
    finding(kubeadm.line(in_kubeadm.line), in_kubeadm.value, &json.value, &shown)
}

/// Files of `host/` that differ from `node.json`: if most nodes differ from one line, it is that line.
/// A file with another finding is left out: its reader says more.
pub(super) fn host(model: &Model, blamed: &BTreeSet<FileLine>) -> Vec<ProofFinding> {
    let nodes = &model.emitted.nodes;
    let files: BTreeSet<_> = blamed.iter().map(|place| place.file).collect();
    let is_new = |difference: &&HostDifference| !files.contains(&difference.in_host.place.file);
    let all = || nodes.iter().flat_map(|node| &node.differences.host).filter(is_new);
    let mut counts: BTreeMap<FileLine, BTreeSet<FileId>> = BTreeMap::new();
    for difference in all() {
        let files = counts.entry(difference.in_host.place).or_default();
        files.insert(difference.in_json.place.file);
    }
    let mut reported = BTreeSet::new();
    let mut findings = Vec::new();
    for difference in all() {
        let place = difference.in_host.place;
        if counts[&place].len() * 2 <= nodes.len() {
            findings.push(difference.in_json.clone());
        } else if reported.insert(place) {
            findings.push(difference.in_host.clone());
        }
    }
    // A line that has another value is seen twice: the value is there, and another one is missing.
    let with_lines = findings.iter().filter(|finding| finding.place.line != 0);
    let with_lines: BTreeSet<_> = with_lines.map(|finding| finding.place.file).collect();
    findings.retain(|finding| finding.place.line != 0 || !with_lines.contains(&finding.place.file));
    findings
}

/// A value that is the same in every `node.json`: that of most files is taken.
fn alike<T: Ord + Display>(
    model: &Model,
    subject: &str,
    value: impl Fn(&NodeJson) -> &LineSpanned<T>,
) -> Vec<ProofFinding> {
    let nodes = &model.emitted.nodes;
    let Some((majority, name, line)) = majority(model, &value) else { return Vec::new() };
    let others = nodes.iter().filter(|node| value(&node.json.content).value != *majority);
    let found = others.map(|node| {
        let stated = value(&node.json.content);
        let message = format!(
            "{subject} is {} here, and {majority} in nodes/{name}/node.json:{line}",
            stated.value
        );
        let place = node.json.file.line(stated.line);
        ProofFinding::new(FindingCode::FilesDisagree, place, message)
    });
    found.collect()
}

/// The value of most nodes, with the name and line of the first of them.
fn majority<'model, T: Ord>(
    model: &'model Model,
    value: impl Fn(&'model NodeJson) -> &'model LineSpanned<T>,
) -> Option<(&'model T, &'model str, u32)> {
    let mut votes: BTreeMap<&T, (usize, &str, u32)> = BTreeMap::new();
    for node in &model.emitted.nodes {
        let stated = value(&node.json.content);
        let vote = votes.entry(&stated.value).or_insert((0, &node.name, stated.line));
        vote.0 += 1;
    }
    let most = votes.iter().max_by_key(|(_, (count, ..))| *count)?;
    Some((*most.0, most.1.1, most.1.2))
}

/// `control_planes` of each `node.json` are the addresses of the control planes: a node waits for an
/// answer from them before it joins.
fn control_planes(model: &Model) -> Vec<ProofFinding> {
    let runs =
        |id: &MachineId| model.machine(*id).node.as_ref().is_some_and(|host| host.control_plane);
    let address = |id: MachineId| model.classes.address(model.machine(id).address);
    let expected: BTreeMap<_, _> = model
        .nodes()
        .filter(runs)
        .map(|id| (address(id), model.machine(id).name.as_str()))
        .collect();
    let mut findings = Vec::new();
    for node in &model.emitted.nodes {
        let stated = &node.json.content.control_planes;
        let strangers: Vec<_> =
            stated.iter().filter(|stated| !expected.contains_key(&stated.value)).collect();
        for stranger in &strangers {
            let place = node.json.file.line(stranger.line);
            let message = format!("{} is not the address of a control plane", stranger.value);
            findings.push(ProofFinding::new(FindingCode::FilesDisagree, place, message));
        }
        let missing = expected.iter().filter(|(address, _)| {
            strangers.is_empty() && !stated.iter().any(|stated| stated.value == **address)
        });
        for (address, name) in missing {
            let place = node.json.file.line(node.json.content.control_planes_line);
            let message = format!("the control plane {name} at {address} is missing");
            findings.push(ProofFinding::new(FindingCode::FilesDisagree, place, message));
        }
    }
    findings
}

/// An MTU of `node.json` that differs from that of `wg0.conf`: with it, encrypted packets must fit into
/// the underlays, and the largest packets of pods into the interface.
fn mtu(model: &Model, id: MachineId) -> Option<ProofFinding> {
    let files = model.files(id)?;
    let stated = files.json.content.mtu;
    let configured =
        files.conf.content.mtu.filter(|configured| configured.value != stated.value)?;
    let tunnels = model.machine(id).links.iter().filter_map(|link| match link {
        Link::Up(tunnel) => Some(tunnel),
        Link::Down(_) => None,
    });
    let fits = |tunnel: &LinkTunnel| {
        let smallest = tunnel.underlay.unwrap_or(u16::MAX);
        stated.value.saturating_add(tunnel.overhead) <= smallest
    };
    let is_too_large = !tunnels.into_iter().all(fits);
    let pods = model.emitted.installation.content.mtu;
    let is_too_small = stated.value < pods.value;
    let reason = match (is_too_large, is_too_small) {
        (true, _) => "encrypted packets of that size do not fit into the underlay".to_owned(),
        (_, true) => format!("packets of pods have {} bytes", pods.value),
        _ => return None,
    };
    let message = format!(
        "the MTU is {} here, and {} in nodes/{}/{}.conf:{}: {reason}",
        stated.value, configured.value, files.name, model.emitted.interface, configured.line
    );
    let place = files.json.file.line(stated.line);
    Some(ProofFinding::new(FindingCode::PacketTooLarge, place, message))
}

/// Each endpoint is one of the machine that is called, also at the end whose calls are not needed, and
/// if `node.json` alone has it.
fn endpoints(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let conf = model.conf(id).peers.iter();
    let configured = conf.filter_map(|peer| {
        let (endpoint, place) = endpoint(model, id, peer)?;
        Some((&peer.public_key.value, endpoint, place))
    });
    let files = model.files(id).into_iter();
    let stated = files.flat_map(|files| {
        let further = files.differences.further_endpoints.iter();
        further.map(|(key, endpoint)| (key, &endpoint.value, files.json.file.line(endpoint.line)))
    });
    let wrong = configured.chain(stated).filter_map(|(key, endpoint, place)| {
        let called = model.owner_of_key(key)?;
        let name = &model.machine(called).name;
        let message = format!("the endpoint of {name} is not {endpoint}");
        let finding = || ProofFinding::new(FindingCode::PeerUnreachable, place, message);
        model.network_of(endpoint, id, called).is_none().then(finding)
    });
    wrong.collect()
}

/// `Endpoint`, or the line of `wg0.endpoints` for a peer without one.
fn endpoint<'model>(
    model: &'model Model,
    id: MachineId,
    peer: &'model WgPeer,
) -> Option<(&'model Endpoint, FileLine)> {
    if let Some(endpoint) = &peer.endpoint {
        return Some((&endpoint.value, model.machine(id).file.line(endpoint.line)));
    }
    let named = model.files(id)?.endpoints.as_ref()?;
    let key = peer.public_key.value;
    let (_, endpoint) = named.content.iter().find(|(known, _)| *known == key)?;
    Some((&endpoint.value, named.file.line(endpoint.line)))
}
