//! Every file of every example's tree is accounted for: without it, without its content, with a garbled line
//! or with one line less, the tree is refused, or the change is on a short list with its reason.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use walkdir::WalkDir;

use crate::proof::{Files, prove};
use crate::testing::{repository, topologies};
use meshwright_proof::families::family;

/// One change of one file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Damage {
    Deleted,
    Emptied,
    /// This line, from 0, is replaced by other bytes.
    Garbled(usize),
    /// This line, from 0, is gone.
    WithoutLine(usize),
}

/// Changes that leave the tree sound, by family and by the text of the line; an empty text is every change.
const SOUND: &[(&str, &str, &str)] = &[
    ("README.md", "", "only people read it; `prove` names it as edited"),
    (
        "manifest.json",
        "\"",
        "only the next `generate` reads it; files that it does not list are edited",
    ),
    ("", "#", "a comment"),
    ("", "\n", "an empty line"),
    ("cluster/cloudflared/dns.zone", ";", "a comment"),
    ("host/haproxy.cfg", "balance roundrobin", "it is haproxy's default"),
    ("host/haproxy.cfg", "user haproxy", "haproxy then keeps the user that starts it"),
    ("host/haproxy.cfg", "group haproxy", "haproxy then keeps the group that starts it"),
    ("host/haproxy.cfg", "log ", "haproxy then writes no log"),
    ("host/haproxy.cfg", "mode tcp", "it is haproxy's default"),
    ("host/haproxy.cfg", "timeout ", "haproxy warns, and waits for ever"),
    ("host/haproxy.cfg", "option httpchk", "the check is a TLS handshake"),
    ("host/haproxy.cfg", "http-check expect", "each answer of 2xx or 3xx is then good"),
    ("nodes/<node>/<interface>.endpoints", "", "the peer calls this node"),
    ("nodes/<node>/node.json", "\"", "only NixOS reads it, and this host is not one"),
    ("nodes/<node>/nftables.conf", "pod to client", "no flow from a pod to a client is followed"),
    ("nodes/<node>/<interface>.conf", "PersistentKeepalive", "the other end sends keepalives"),
    ("nodes/<node>/nftables.conf", "auto-merge", "no two elements of the set overlap"),
    (
        "nodes/<node>/kubeadm.yaml",
        "controlPlaneComponentHealthCheck",
        "kubeadm's default is shorter",
    ),
    ("nodes/<node>/kubeadm.yaml", "discovery: 10m0s", "kubeadm's default is shorter"),
    ("nodes/<node>/kubeadm.yaml", "etcdAPICall", "kubeadm's default is shorter"),
    ("nodes/<node>/kubeadm.yaml", "tlsBootstrap", "kubeadm's default is shorter"),
    ("nodes/<node>/kubeadm.yaml", "bindPort: 6443", "it is kubeadm's default"),
    ("nodes/<node>/kubeadm.yaml", "encryptionAlgorithm", "every algorithm is accepted"),
    ("nodes/<node>/kubeadm.yaml", "  - k8s-api", "kubeadm adds the endpoint's name"),
    ("nodes/<node>/kubeadm.yaml", "  - \"10.", "kubeadm adds the advertised address"),
    ("nodes/<node>/kubeadm.yaml", "scheduler: rr", "it is kube-proxy's default"),
    ("nodes/<node>/kubeadm.yaml", "strictARP", "it is kube-proxy's default"),
    ("nodes/<node>/kubeadm.yaml", "excludeCIDRs", "it is kube-proxy's default"),
    ("cluster/kube-proxy/kube-proxy.patch.yaml", "scheduler: rr", "it is kube-proxy's default"),
    ("cluster/kube-proxy/kube-proxy.patch.yaml", "strictARP", "it is kube-proxy's default"),
    ("cluster/kube-proxy/kube-proxy.patch.yaml", "excludeCIDRs", "it is kube-proxy's default"),
    ("cluster/calico/installation.yaml", "variant: Calico", "it is the operator's default"),
    ("cluster/calico/installation.yaml", "assignmentMode", "it is the operator's default"),
    ("cluster/calico/installation.yaml", "disable", "it is the operator's default"),
    ("cluster/calico/ipam.yaml", "maxBlocksPerHost", "it is Calico's default"),
    ("cluster/calico/bgp.yaml", "logSeverityScreen", "it is Calico's default"),
];

/// The committed tree of a topology, with its manifest.
fn committed(topology: &str) -> Files {
    let out = repository().join(topology).with_file_name("out");
    let files = WalkDir::new(&out).into_iter().map(|entry| entry.expect("it can be listed"));
    let files = files.filter(|entry| entry.file_type().is_file());
    let named = files.map(|entry| {
        let path = entry.path().strip_prefix(&out).expect("it is below").display().to_string();
        (path, fs::read_to_string(entry.path()).expect("each file is text"))
    });
    named.collect()
}

fn damaged(files: &Files, path: &str, damage: Damage) -> Files {
    let mut changed = files.clone();
    let text = changed.remove(path).expect("it is in the tree");
    let mut lines: Vec<_> = text.split_inclusive('\n').collect();
    match damage {
        Damage::Deleted => return changed,
        Damage::Emptied => lines.clear(),
        Damage::Garbled(line) => lines[line] = "\u{1}x7~{]\u{fffd}\"'%\n",
        Damage::WithoutLine(line) => drop(lines.remove(line)),
    }
    changed.insert(path.to_owned(), lines.concat());
    changed
}

/// Why a change leaves the tree sound.
fn reason(pattern: &str, text: &str, damage: Damage) -> Option<&'static str> {
    let line = match damage {
        Damage::WithoutLine(line) => text.split_inclusive('\n').nth(line)?,
        _ => "",
    };
    let is_here = |part: &str| match part {
        "" => true,
        "\n" => line == "\n",
        "#" => line.trim_start().starts_with('#'),
        part => line.contains(part),
    };
    let is_of = |family: &str| family.is_empty() || family == pattern;
    let known = SOUND.iter().find(|(family, part, _)| is_of(family) && is_here(part));
    let without_manifest = pattern == "manifest.json" && damage == Damage::Deleted;
    known.map(|(_, _, reason)| *reason).or(without_manifest.then_some("no file is read from it"))
}

/// One path of each family, the last one of the tree.
fn of_each_family(files: &Files) -> BTreeMap<&'static str, &String> {
    let interface = files.keys().find_map(|path| path.strip_suffix(".routes")?.split('/').nth(2));
    let interface = interface.expect("a node has routes");
    let pattern = |path: &str| family(path, interface).expect(path).pattern;
    files.keys().map(|path| (pattern(path), path)).collect()
}

/// A change that the proof accepts and the list does not contain.
fn accepted(
    topology: &str,
    files: &Files,
    pattern: &str,
    path: &str,
    damage: Damage,
) -> Option<String> {
    let changed = damaged(files, path, damage);
    let text = &files[path];
    let is_comments = text.lines().all(|line| line.starts_with('#'));
    let is_changed = changed.get(path) != Some(text) && !(is_comments && damage == Damage::Emptied);
    if !is_changed || reason(pattern, text, damage).is_some() || !prove(&changed).holds() {
        return None;
    }
    let line = match damage {
        Damage::WithoutLine(line) => text.lines().nth(line).unwrap_or_default(),
        _ => "",
    };
    Some(format!("{topology}: {path}: {damage:?} `{line}`"))
}

#[test]
fn a_file_that_is_deleted_emptied_or_garbled_is_refused() {
    let mut all = Vec::new();
    let examples = topologies().into_iter().filter(|topology| !topology.contains("fixtures"));
    for (position, topology) in examples.enumerate() {
        let files = committed(&topology);
        for (pattern, path) in of_each_family(&files) {
            let middle = files[path].lines().count() / 2;
            if files[path].is_empty() {
                continue;
            }
            // Most families are in each tree: every second tree has two of the changes, the others one.
            let damages = [Damage::Deleted, Damage::Emptied, Damage::Garbled(middle)];
            for damage in damages.into_iter().skip(position % 2).step_by(2) {
                all.extend(accepted(&topology, &files, pattern, path, damage));
            }
        }
    }
    assert_eq!(all, [""; 0], "not refused");
}

/// A file of 20 lines has three of them deleted, one at a time; the seed is fixed.
#[test]
fn a_line_that_is_deleted_is_refused() {
    let mut all = Vec::new();
    let mut seed: u64 = 16;
    let mut next = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(seed >> 33).unwrap_or(0) % below.max(1)
    };
    for topology in ["topology.toml", "examples/high-availability/topology.toml"] {
        let files = committed(topology);
        for (pattern, path) in of_each_family(&files) {
            let count = files[path].lines().count();
            let lines: BTreeSet<_> = (0..3.min(count)).map(|_| next(count)).collect();
            for line in lines {
                let damage = Damage::WithoutLine(line);
                all.extend(accepted(topology, &files, pattern, path, damage));
            }
        }
    }
    assert_eq!(all, [""; 0], "not refused");
}

#[test]
fn a_file_that_no_program_reads_is_refused() {
    let files = committed("topology.toml");
    for path in ["cluster/calico/deny.yaml", "host/99-sysctl.conf", "nodes/tokyo/wg1.conf", "x"] {
        let mut further = files.clone();
        further.insert(path.to_owned(), "kind: GlobalNetworkPolicy\n".to_owned());
        let proof = prove(&further);
        let causes: Vec<_> = proof.causes().collect();
        let message = "no program of the cluster reads a file of this path";
        assert_eq!(causes.len(), 1, "{path}: {causes:?}");
        assert_eq!(causes[0].message, message, "{path}");
        assert_eq!(proof.paths.show(causes[0].place), path);
        assert_eq!(proof.edited.len(), 1, "{path} is not in the manifest");
    }
}
