//! The addresses of the control plane in kubeadm's files, `hosts` and haproxy.cfg: mesh addresses, and
//! no others.

use std::net::{Ipv4Addr, SocketAddrV4};

use crate::finding::{FindingCode, ProofFinding};
use crate::model::{MachineId, Model};
use crate::read::kubeadm::KubeadmConf;
use crate::read::tree::FromFile;
use crate::span::{FileLine, LineSpanned};

/// The API server's port (kubeadm's default), which clients call by the API's name.
const API: u16 = 6443;

/// Compares the node's own address with the listening addresses in its files.
pub(super) fn check(model: &Model, id: MachineId) -> Vec<ProofFinding> {
    let Some(node) = model.files(id) else { return Vec::new() };
    let own = model.classes.address(model.machine(id).address);
    let mut findings = Vec::new();
    let mut finds = |code, place, message| findings.push(ProofFinding::new(code, place, message));
    let kubelet = node.kubelet.content.address;
    if kubelet.value != own {
        let message =
            format!("kubelet of {} listens on {}, not on {own}", node.name, kubelet.value);
        finds(FindingCode::ListensEverywhere, node.kubelet.file.line(kubelet.line), message);
    }
    let kubeadm = &node.kubeadm;
    match &node.api_server {
        Some(patch) if patch.content.value != own => {
            let message = format!(
                "the API server of {} listens on {}, not on {own}",
                node.name, patch.content.value
            );
            finds(FindingCode::ListensEverywhere, patch.file.line(patch.content.line), message);
        }
        None if kubeadm.content.advertised.is_some() => {
            let message = format!(
                "no patch binds the API server of {}: it listens on every address",
                node.name
            );
            finds(FindingCode::ListensEverywhere, kubeadm.file.whole(), message);
        }
        _ => {}
    }
    let (cluster, _) = model.cluster();
    let upgrade = &node.upgrade;
    if upgrade.content.value != cluster.version.value {
        let message = format!(
            "{} is upgraded to Kubernetes {}, the cluster has {}",
            node.name, upgrade.content.value, cluster.version.value
        );
        finds(FindingCode::FilesDisagree, upgrade.file.line(upgrade.content.line), message);
    }
    findings.extend(port_check(model, &node.name, kubeadm));
    findings
}

/// kubeadm's preflight check of the API server's port tests every address, since the server's own address
/// comes by a patch: where haproxy listens on it, kubeadm must ignore the check, or it never initialises or
/// joins the control plane (observed with kubeadm 1.37.2, 2026-11: `[ERROR Port-6443]`).
fn port_check(model: &Model, name: &str, kubeadm: &FromFile<KubeadmConf>) -> Option<ProofFinding> {
    let conf = &kubeadm.content;
    let has_port = |bind: &LineSpanned<SocketAddrV4>| bind.value.port() == API;
    let haproxy = model.emitted.haproxy.as_ref()?;
    let check = format!("Port-{API}");
    // The names are case-insensitive.
    let ignores = conf.ignored_checks.iter().any(|known| known.value.eq_ignore_ascii_case(&check));
    if conf.advertised.is_none() || ignores || !haproxy.content.binds.iter().any(has_port) {
        return None;
    }
    let message = format!(
        "kubeadm of {name} stops: haproxy listens on port {API}, and ignorePreflightErrors has no {check}"
    );
    let near = conf.ignored_checks.first().map_or(conf.name.line, |first| first.line);
    Some(ProofFinding::new(FindingCode::FilesDisagree, kubeadm.file.line(near), message))
}

/// Checks the files that all nodes share: addresses of names and of the API.
pub(super) fn shared(model: &Model) -> Vec<ProofFinding> {
    let mut findings = names(model);
    findings.extend(api_name(model));
    findings.extend(load_balancer(model));
    findings.extend(founders(model));
    findings
}

/// One node initialises the cluster: a second one would make a second cluster, with its own etcd.
fn founders(model: &Model) -> Vec<ProofFinding> {
    let founders = model.emitted.nodes.iter().filter_map(|node| {
        let line = node.kubeadm.content.initialises?;
        Some((node.name.as_str(), node.kubeadm.file.line(line)))
    });
    let founders: Vec<_> = founders.collect();
    if founders.len() < 2 {
        return Vec::new();
    }
    let names: Vec<_> = founders.iter().map(|(name, _)| *name).collect();
    let message = format!("{} initialise a cluster each", names.join(" and "));
    let finding = |(_, place): &(&str, FileLine)| {
        ProofFinding::new(FindingCode::FilesDisagree, *place, message.as_str())
    };
    founders.iter().map(finding).collect()
}

fn address(model: &Model, id: MachineId) -> Ipv4Addr {
    model.classes.address(model.machine(id).address)
}

fn control_planes(model: &Model) -> Vec<MachineId> {
    let controls =
        |id: &MachineId| model.machine(*id).node.as_ref().is_some_and(|host| host.control_plane);
    model.nodes().filter(controls).collect()
}

/// Each node's name has its address.
fn names(model: &Model) -> Vec<ProofFinding> {
    let hosts = &model.emitted.hosts;
    let mut findings = Vec::new();
    for id in model.nodes() {
        let (name, own) = (&model.machine(id).name, address(model, id));
        let known = hosts.content.iter().find(|host| host.name == *name);
        let (line, message) = match known {
            Some(host) if host.address == own => continue,
            Some(host) => {
                (host.line, format!("{name} has the address {own}, not {}", host.address))
            }
            None => (0, format!("{name} has no line")),
        };
        findings.push(ProofFinding::new(
            FindingCode::FilesDisagree,
            hosts.file.line(line),
            message,
        ));
    }
    findings
}

/// The API's name has the address of the only control plane, or that of haproxy on each host.
fn api_name(model: &Model) -> Option<ProofFinding> {
    let (cluster, _) = model.cluster();
    let endpoint = &cluster.endpoint.value;
    let name = endpoint.rsplit_once(':').map_or(endpoint.as_str(), |(name, _)| name);
    let expected = match control_planes(model)[..] {
        [one] => address(model, one),
        _ => Ipv4Addr::LOCALHOST,
    };
    let hosts = &model.emitted.hosts;
    let known = hosts.content.iter().find(|host| host.name == name);
    let (line, message) = match known {
        Some(host) if host.address == expected => return None,
        Some(host) => {
            (host.line, format!("{name} has the address {}, not {expected}", host.address))
        }
        None => (0, format!("the API's name {name} has no line: no host can resolve it")),
    };
    Some(ProofFinding::new(FindingCode::FilesDisagree, hosts.file.line(line), message))
}

/// haproxy listens on loopback only, and forwards to every control plane and to no other server.
fn load_balancer(model: &Model) -> Vec<ProofFinding> {
    let controls = control_planes(model);
    let Some(haproxy) = &model.emitted.haproxy else {
        let message = "several control planes, but no haproxy.cfg: the API's name has no server";
        let place = model.emitted.hosts.file.whole();
        let missing = (controls.len() > 1)
            .then(|| ProofFinding::new(FindingCode::FileMissing, place, message));
        return missing.into_iter().collect();
    };
    let mut findings = Vec::new();
    let mut finds = |code, line, message| {
        findings.push(ProofFinding::new(code, haproxy.file.line(line), message));
    };
    let local = SocketAddrV4::new(Ipv4Addr::LOCALHOST, API);
    if haproxy.content.binds.is_empty() {
        finds(FindingCode::FilesDisagree, 0, format!("haproxy does not listen on {local}"));
    }
    for bind in haproxy.content.binds.iter().filter(|bind| bind.value != local) {
        let message = format!("haproxy listens on {}, not on {local} alone", bind.value);
        finds(FindingCode::ListensEverywhere, bind.line, message);
    }
    let expected: Vec<_> =
        controls.iter().map(|id| SocketAddrV4::new(address(model, *id), API)).collect();
    let servers = haproxy.content.servers.iter();
    let strangers: Vec<_> = servers.filter(|server| !expected.contains(&server.value)).collect();
    for server in &strangers {
        let message = format!("{} is not the address of a control plane", server.value);
        finds(FindingCode::FilesDisagree, server.line, message);
    }
    for (id, wanted) in controls.iter().zip(&expected) {
        let led_to = haproxy.content.servers.iter().any(|server| server.value == *wanted);
        // One wrong line is reported once.
        if !led_to && strangers.is_empty() {
            let name = &model.machine(*id).name;
            finds(
                FindingCode::FilesDisagree,
                0,
                format!("haproxy has no server for {name} at {wanted}"),
            );
        }
    }
    findings
}
