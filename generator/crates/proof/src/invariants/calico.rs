//! Pools, BGP and kube-proxy: one pool for each node, no further encapsulation, no public listener.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use crate::exposure::overlap;
use crate::finding::{FindingCode, ProofFinding};
use crate::model::Model;
use crate::read::calico::{EmittedPool, FelixDataplane};
use crate::read::kube_proxy::ProxyMode;
use crate::span::{FileId, FileLine};

pub(super) fn check(model: &Model) -> Vec<ProofFinding> {
    let mut findings = owners(model);
    findings.extend(shapes(model));
    findings.extend(bgp(model));
    findings.extend(settings(model));
    findings.extend(node_ports(model));
    findings
}

/// Each pool selects one node, and each node has one pool.
fn owners(model: &Model) -> Vec<ProofFinding> {
    let mut findings = Vec::new();
    let mut pool_of: BTreeMap<&str, FileLine> = BTreeMap::new();
    for (pool, file) in model.emitted.pools() {
        let place = file.line(pool.node_selector.line);
        let known = pool.node().filter(|name| model.find(name).is_some());
        let Some(name) = known else {
            let message = format!("the pool {} selects no node of the tree", pool.name);
            findings.push(ProofFinding::new(FindingCode::PoolMismatch, place, message));
            continue;
        };
        if pool_of.insert(name, place).is_some() {
            let message = format!("{name} has a second pool: {}", pool.name);
            findings.push(ProofFinding::new(FindingCode::PoolMismatch, place, message));
        }
    }
    for node in &model.emitted.nodes {
        if !pool_of.contains_key(node.name.as_str()) {
            let place = model.emitted.installation.file.whole();
            let message = format!("no pool selects {}: its pods get no address", node.name);
            findings.push(ProofFinding::new(FindingCode::PoolMismatch, place, message));
        }
    }
    findings
}

fn shapes(model: &Model) -> Vec<ProofFinding> {
    let (cluster, _) = model.cluster();
    let subnet = cluster.pod_subnet.value;
    let mut pools: Vec<_> = model.emitted.pools().collect();
    pools.sort_by_key(|(pool, _)| pool.cidr.value);
    let mut findings = Vec::new();
    for (pool, file) in &pools {
        let mut wrong = |line, message: String| {
            findings.push(ProofFinding::new(FindingCode::PoolShape, file.line(line), message));
        };
        let cidr = pool.cidr.value;
        if pool.encapsulated.value {
            wrong(
                pool.encapsulated.line,
                format!("packets of the pool {} are encapsulated again", pool.name),
            );
        }
        if pool.block_size.value != cidr.prefix_len() {
            let message = format!(
                "{} is split into blocks of /{}, which other nodes may take: the block size must be /{}",
                pool.name,
                pool.block_size.value,
                cidr.prefix_len()
            );
            wrong(pool.block_size.line, message);
        }
        if !subnet.contains(&cidr) || subnet == cidr {
            wrong(
                pool.cidr.line,
                format!("{cidr} is not a proper part of the pod subnet {subnet}"),
            );
        }
        if let Some(guard) = covered_guard(model, pool) {
            wrong(
                pool.cidr.line,
                format!("{cidr} covers the route guard {guard}: BIRD would export it"),
            );
        }
    }
    findings.extend(pools.windows(2).filter_map(|pair| overlapping(&pair[0], &pair[1])));
    findings
}

fn covered_guard(model: &Model, pool: &EmittedPool) -> Option<Ipv4Net> {
    let mut guards = model.emitted.guards.content.iter().map(|route| route.net);
    guards.find(|guard| pool.cidr.value.contains(guard))
}

fn overlapping(
    one: &(&EmittedPool, FileId),
    other: &(&EmittedPool, FileId),
) -> Option<ProofFinding> {
    let ((first, _), (second, file)) = (one, other);
    overlap(first.cidr.value, second.cidr.value).then(|| {
        let message = format!("{} and {} share addresses", first.name, second.name);
        ProofFinding::new(FindingCode::PoolMismatch, file.line(second.cidr.line), message)
    })
}

fn bgp(model: &Model) -> Vec<ProofFinding> {
    let bgp = &model.emitted.bgp;
    let mut findings = Vec::new();
    let mut wrong = |line, message: &str| {
        findings.push(ProofFinding::new(
            FindingCode::BgpMisconfigured,
            bgp.file.line(line),
            message,
        ));
    };
    if bgp.content.bind_mode.value != "NodeIP" {
        wrong(bgp.content.bind_mode.line, "BIRD listens on every address, also on public ones");
    }
    if bgp.content.listen_port.value != 179 {
        wrong(bgp.content.listen_port.line, "the firewall accepts BGP on port 179 only");
    }
    let reflecting = model.machines.iter().filter_map(|machine| machine.node.as_ref());
    let reflecting = reflecting.filter(|host| host.reflector).count();
    if !bgp.content.full_mesh.value && reflecting == 0 {
        wrong(bgp.content.full_mesh.line, "no node has a BGP session with another");
    }
    findings
}

fn settings(model: &Model) -> Vec<ProofFinding> {
    let installation = &model.emitted.installation;
    let proxy = &model.emitted.kube_proxy;
    // Of the characters of interface names, RE2 interprets `.` and `+` (its syntax.txt).
    let escaped = model.emitted.interface.replace('.', "\\.").replace('+', "\\+");
    let expected = format!("^{escaped}$");
    let mut findings = Vec::new();
    let mut wrong =
        |code, place, message: String| findings.push(ProofFinding::new(code, place, message));
    let interface = &installation.content.interface;
    if interface.value != expected {
        let place = installation.file.line(interface.line);
        let message = format!(
            "Calico takes the node's address from `{}`, not from `{expected}`",
            interface.value
        );
        wrong(FindingCode::BgpMisconfigured, place, message);
    }
    let felix = &model.emitted.felix;
    if felix.content.mtu_interface.value != expected {
        let place = felix.file.line(felix.content.mtu_interface.line);
        wrong(
            FindingCode::PacketTooLarge,
            place,
            format!("Felix takes MTUs from other interfaces than `{expected}`"),
        );
    }
    if !installation.content.bgp.value {
        let place = installation.file.line(installation.content.bgp.line);
        wrong(FindingCode::BgpMisconfigured, place, "BIRD does not run".to_owned());
    }
    let affinity = &model.emitted.strict_affinity;
    if !affinity.content.value {
        let place = affinity.file.line(affinity.content.line);
        wrong(
            FindingCode::PoolShape,
            place,
            "a node may borrow addresses from another node's block".to_owned(),
        );
    }
    let mode = proxy.content.mode;
    let fits = match installation.content.dataplane.value {
        FelixDataplane::Nftables => mode.value == ProxyMode::Nftables,
        FelixDataplane::Iptables => mode.value != ProxyMode::Nftables,
    };
    if !fits {
        let place = installation.file.line(installation.content.dataplane.line);
        wrong(
            FindingCode::DataplaneMismatch,
            place,
            "Calico and kube-proxy program the host in different ways".into(),
        );
    }
    let healthz = &proxy.content.healthz;
    if !healthz.value.starts_with("127.") {
        let place = proxy.file.line(healthz.line);
        wrong(
            FindingCode::ListensEverywhere,
            place,
            "kube-proxy answers health checks outside of the host".into(),
        );
    }
    let (cluster, file) = model.cluster();
    if cluster.kube_proxy.mode.value != mode.value {
        let place = file.line(cluster.kube_proxy.mode.line);
        wrong(
            FindingCode::FilesDisagree,
            place,
            "kube-proxy starts in a mode that differs from the patch".into(),
        );
    }
    findings
}

/// NodePorts are served at the nodes' addresses in the mesh, and at no other: an empty
/// `nodePortAddresses` means every address of the host in the modes `iptables` and `ipvs`
/// (kube-proxy 1.37, pkg/proxy/apis/config/types.go). `kubeadm init` reads one configuration, and
/// the patch of the ConfigMap replaces it.
fn node_ports(model: &Model) -> Vec<ProofFinding> {
    let (cluster, init_file) = model.cluster();
    let patch = &model.emitted.kube_proxy;
    let mut findings = Vec::new();
    for (conf, file) in [(&patch.content, patch.file), (&cluster.kube_proxy, init_file)] {
        let subnets = &conf.node_port_addresses;
        let mut report = |code, message| {
            findings.push(ProofFinding::new(code, file.line(subnets.line), message));
        };
        if subnets.value.is_empty() {
            let message =
                "kube-proxy serves NodePorts at every address of a host, also at public ones";
            report(FindingCode::ListensEverywhere, message.to_owned());
            continue;
        }
        let mesh: Vec<_> = model
            .nodes()
            .filter_map(|id| model.conf(id).address)
            .map(|address| address.value.trunc())
            .collect();
        for subnet in &subnets.value {
            if !mesh.iter().any(|mesh| mesh.contains(subnet)) {
                let message = format!("kube-proxy serves NodePorts in {subnet}, outside the mesh");
                report(FindingCode::ListensEverywhere, message);
            }
        }
        for id in model.nodes() {
            let machine = model.machine(id);
            let address = model.classes.address(machine.address);
            if !subnets.value.iter().any(|subnet| subnet.contains(&address)) {
                let message = format!(
                    "kube-proxy serves no NodePort at {address}, the address of {}",
                    machine.name
                );
                report(FindingCode::NodePortUnserved, message);
            }
        }
        let serves = |mesh: &Ipv4Net| subnets.value.iter().any(|subnet| subnet.contains(mesh));
        if let Some(mesh) = mesh.iter().find(|mesh| !serves(mesh)).filter(|_| findings.is_empty()) {
            let message = format!(
                "kube-proxy does not serve NodePorts in all of {mesh}: a later node can have any address of it"
            );
            let place = file.line(subnets.line);
            findings.push(ProofFinding::new(FindingCode::NodePortUnserved, place, message));
        }
    }
    findings
}
