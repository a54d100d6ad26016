//! Damaged trees: if a file is missing, truncated or not text, `prove` ends and reports its place.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]
#![expect(clippy::disallowed_methods, reason = "an environment variable sets the number of trees")]
#![expect(clippy::disallowed_types, reason = "a limit that only a hang exceeds, in no output")]

use std::collections::BTreeMap;
use std::io;
use std::time::{Duration, Instant};

use meshwright_proof::files::{TreeFiles, TreeReadError};
use meshwright_proof::finding::{FindingCode, ProofFinding};
use meshwright_proof::judge::{self, Proof};
use meshwright_proof::report::causes::causes;
use meshwright_proof::report::json::{self, WalkedFlows};

use crate::testing::{compile, render, repository};

/// Files by their paths, with bytes that need not be text.
#[derive(Clone)]
struct Bytes(BTreeMap<String, Vec<u8>>);

impl TreeFiles for Bytes {
    fn paths(&self) -> Result<Vec<String>, TreeReadError> {
        Ok(self.0.keys().cloned().collect())
    }

    fn read(&self, path: &str) -> Result<Vec<u8>, TreeReadError> {
        let missing =
            || TreeReadError { path: path.into(), source: io::ErrorKind::NotFound.into() };
        self.0.get(path).cloned().ok_or_else(missing)
    }
}

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
        let proof = judge::prove(&files).expect("files in memory can be read");
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
        json::proof(proof, WalkedFlows::All, &mut io::sink()).expect("a sink takes everything");
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
    machine && of_machines.contains(&name) || shared.contains(&path)
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

/// The number of trees that are damaged by seed; `MESHWRIGHT_DAMAGED_TREES` sets another.
const DAMAGED_TREES: u64 = 60;

/// The time for one tree, also for a test build on a busy machine.
const LONGEST: Duration = Duration::from_secs(10);

/// SplitMix64 (Steele et al. 2014): the same damage for the same seed.
struct DamageSeed(u64);

impl DamageSeed {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let number = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((number ^ (number >> 31)) % bound.max(1) as u64).unwrap_or_default()
    }
}

/// Cuts, flips, swaps or doubles parts of a file.
fn damaged(bytes: &[u8], seed: &mut DamageSeed) -> (&'static str, Vec<u8>) {
    let mut lines: Vec<Vec<u8>> =
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let [one, other] = [0, 0].map(|_: u8| seed.below(lines.len()));
    let [start, length] = [bytes.len(), 40].map(|bound| seed.below(bound));
    let end = (start + length + 1).min(bytes.len());
    match seed.below(8) {
        0 => ("cut off", bytes[..start].to_vec()),
        1 => ("cut out", [&bytes[..start], &bytes[end..]].concat()),
        2 => ("doubled", [&bytes[..end], &bytes[start..]].concat()),
        3 => {
            let mut flipped = bytes.to_vec();
            if let Some(byte) = flipped.get_mut(start) {
                *byte ^= 1 << seed.below(8);
            }
            ("flipped", flipped)
        }
        4 if !lines.is_empty() => {
            lines.swap(one, other);
            ("swapped lines", lines.concat())
        }
        5 if !lines.is_empty() => {
            lines.insert(other, lines[one].clone());
            ("doubled line", lines.concat())
        }
        6 if !lines.is_empty() => {
            lines.remove(one);
            ("removed line", lines.concat())
        }
        _ => ("braces", [&bytes[..start], b"{{{{", &bytes[start..]].concat()),
    }
}

#[test]
fn trees_that_are_damaged_by_seed_are_judged_in_time() {
    let trees: u64 = std::env::var("MESHWRIGHT_DAMAGED_TREES")
        .map_or(DAMAGED_TREES, |count| count.parse().expect("a number of trees"));
    let whole = Bytes::emitted("topology.toml");
    let paths: Vec<_> = whole.0.keys().filter(|path| is_representative(path)).collect();
    let (firewalls, others): (Vec<_>, Vec<_>) =
        paths.into_iter().partition(|path| path.ends_with("nftables.conf"));
    for number in 0..trees {
        let mut seed = DamageSeed(number);
        // Every third damage is one of a firewall: its reader is the largest.
        let from = if number % 3 == 0 { &firewalls } else { &others };
        let path = from[seed.below(from.len())];
        let (kind, bytes) = damaged(&whole.0[path], &mut seed);
        let begun = Instant::now();
        let proof = whole.proof_with(path, Some(bytes));
        let took = begun.elapsed();
        assert!(took < LONGEST, "seed {number}: {path} {kind} took {took:?}");
        let told = proof.causes().next().is_some() || !proof.failures.is_empty();
        assert!(proof.holds() || told, "seed {number}: {path} {kind} is refused without a cause");
    }
}
