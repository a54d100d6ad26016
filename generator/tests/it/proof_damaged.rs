//! Damaged trees: if a file is missing, truncated or not text, `prove` ends and reports its place.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeMap;
use std::io;

use meshwright_proof::finding::{FindingCode, ProofFinding};
use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::causes::causes;
use meshwright_proof::report::json::{self, WalkedFlows};

use crate::testing::{compile, render, repository};

/// Files by their paths, with bytes that need not be text.
#[derive(Clone)]
struct Bytes(BTreeMap<String, Vec<u8>>);

impl Bytes {
    fn emitted(topology: &str) -> Self {
        let compiled = compile(&repository().join(topology));
        Self(render(&compiled.plan.expect("the topology compiles")))
    }

    /// The proof of the tree in which one file has other bytes, or is missing.
    fn proof_with(&self, path: &str, bytes: Option<Vec<u8>>) -> Proof {
        let mut files = self.clone();
        match bytes {
            Some(bytes) => files.0.insert(path.to_owned(), bytes),
            None => files.0.remove(path),
        };
        let proof = judge::prove(&files.0).expect("files in memory can be read");
        assert_reported(&proof, &files);
        proof
    }
}

/// Every finding has an existing line, and all reports can be written.
fn assert_reported(proof: &Proof, files: &Bytes) {
    let failures = proof.failures.iter().map(|failure| &failure.finding);
    for finding in failures.chain(proof.causes()) {
        let path = proof.paths.path(finding.place.file);
        let lines =
            files.0.get(path).map_or(0, |bytes| String::from_utf8_lossy(bytes).lines().count());
        // The fault of a file that ends too early is in the line after its last.
        let line = finding.place.line as usize;
        assert!(line <= lines + 1, "{path}: {finding:?} of {lines} lines");
        assert!(!finding.message.is_empty(), "{finding:?}");
    }
    assert!(!causes(proof).is_empty() || proof.holds());
    // With a model the report has every step of every flow: that takes long and tests nothing more.
    if proof.model.is_none() {
        json::proof(proof, WalkedFlows::All, None, &mut io::sink())
            .expect("a sink takes everything");
    }
}

/// The files of one machine of each kind, and those of no machine.
fn is_representative(path: &str) -> bool {
    let (kind, rest) = path.split_once('/').unwrap_or(("", path));
    match kind {
        "nodes" => rest.starts_with("hongkong/"),
        "clients" => rest.starts_with("laptop/"),
        _ => true,
    }
}

/// The files that a proof needs.
fn is_needed(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    let of_machines = ["wg0.conf", "wg0.routes", "nftables.conf", "kubeadm.yaml", "node.json"];
    let shared = [
        "host/guards.routes",
        "host/meshwright-node",
        "host/systemd/meshwright-firewall.service",
        "cluster/calico/installation.yaml",
        "cluster/calico/bgp.yaml",
        "cluster/calico/felix.yaml",
        "cluster/calico/ipam.yaml",
        "cluster/kube-proxy/kube-proxy.patch.yaml",
    ];
    let machine = path.starts_with("nodes/") || path.starts_with("clients/");
    // The table of the first boot is compared with one that is expected.
    let is_compared = path.contains("/first-boot/");
    machine && of_machines.contains(&name) && !is_compared || shared.contains(&path)
}

fn finding_of<'a>(proof: &'a Proof, path: &str) -> Option<&'a ProofFinding> {
    proof.findings.iter().find(|finding| proof.paths.path(finding.place.file) == path)
}

#[test]
fn a_missing_file_is_named() {
    let whole = Bytes::emitted("topology.toml");
    let mut needed = 0;
    for path in whole.0.keys().filter(|path| is_representative(path)) {
        let proof = whole.proof_with(path, None);
        // Without its only file a client does not exist, and other files that name it are refused.
        if path.starts_with("clients/") {
            assert!(!proof.holds(), "{path}");
        } else if is_needed(path) {
            needed += 1;
            let found = finding_of(&proof, path).map(|finding| (finding.code, finding.place.line));
            assert_eq!(found, Some((FindingCode::FileMissing, 0)), "{path}");
        }
    }
    assert_eq!(needed, 5 + 8);
}

#[test]
fn a_file_of_garbage_is_refused() {
    let whole = Bytes::emitted("topology.toml");
    let garbage: [&[u8]; 2] = [b"\xff\xfe\0", b"]]]{{{ %%% <<<\n"];
    for path in whole.0.keys().filter(|path| is_representative(path)) {
        for bytes in garbage {
            let proof = whole.proof_with(path, Some(bytes.to_vec()));
            // Only one line of the script is read. If it is missing, the finding reports that.
            let code = match path.as_str() {
                "host/meshwright-node" if bytes[0] != 0xff => FindingCode::UnitMisbehaves,
                _ => FindingCode::NotUnderstood,
            };
            let found = finding_of(&proof, path).map(|finding| finding.code);
            assert!(!is_needed(path) || found == Some(code), "{path}, {bytes:?}: {found:?}");
        }
    }
}

#[test]
fn a_truncated_file_is_reported() {
    let whole = Bytes::emitted("topology.toml");
    let read =
        |path: &str| is_representative(path) && (is_needed(path) || path.starts_with("cluster/"));
    for (path, bytes) in whole.0.iter().filter(|(path, _)| read(path)) {
        let lines = bytes.split(|byte| *byte == b'\n').count();
        let half_of_last = bytes.len().saturating_sub(bytes.len() / lines.max(1) / 2 + 1);
        for length in [0, bytes.len() / 2, half_of_last] {
            let proof = whole.proof_with(path, Some(bytes[..length].to_vec()));
            let holds = proof.holds() || !is_needed(path) || length > 0;
            let is_reported = finding_of(&proof, path).is_some() || !proof.failures.is_empty();
            assert!(holds || is_reported, "{path}: {length} bytes are enough");
        }
    }
}
