//! The MTUs between a host and the Internet, and in its site, are fields of `node.json`, and never read from a
//! comment.

use std::collections::BTreeSet;

use super::packets::HOMES;
use super::{Change, EXAMPLE, changed};
use crate::proof::{Files, emitted, prove};
use meshwright_proof::finding::{FindingCode, ProofFinding};

const NODE_JSON: &str = "nodes/tokyo/node.json";

fn with_underlay(files: &Files, underlay_mtu: &'static str) -> Files {
    changed(files, NODE_JSON, &Change::Replace("\"underlay_mtu\": 1500", underlay_mtu))
}

#[test]
fn a_missing_underlay_mtu_is_a_finding_with_a_line() {
    let line = Change::Replace("    \"underlay_mtu\": 1500,\n", "");
    let proof = prove(&changed(&emitted(EXAMPLE), NODE_JSON, &line));
    let first = proof.findings.first().expect("a finding");
    assert_eq!(first.code, FindingCode::NotUnderstood);
    assert_eq!(first.message, "missing field `underlay_mtu`");
    let place = proof.paths.show(first.place);
    assert!(place.starts_with("nodes/tokyo/node.json:"), "{place}");
}

#[test]
fn packets_that_are_larger_than_the_underlay_are_refused_with_and_without_comments() {
    let mut files = with_underlay(&emitted(EXAMPLE), "\"underlay_mtu\": 1460");
    for with_comments in [true, false] {
        if !with_comments {
            let confs = files.iter_mut().filter(|(path, _)| path.ends_with("wg0.conf"));
            for (_, text) in confs {
                let lines = text.lines().map(|line| if line.starts_with('#') { "" } else { line });
                *text = lines.collect::<Vec<_>>().join("\n");
            }
        }
        let proof = prove(&files);
        let codes: Vec<_> = proof.failures.iter().map(|failure| failure.finding.code).collect();
        assert!(codes.contains(&FindingCode::PacketTooLarge), "{with_comments}: {codes:?}");
        let messages: Vec<_> =
            proof.failures.iter().map(|failure| failure.finding.message.as_str()).collect();
        assert!(messages.iter().all(|message| message.contains("1460")), "{messages:?}");
    }
}

const NEIGHBOURS: [&str; 2] = ["nodes/mill/node.json", "nodes/silo/node.json"];

/// The tree whose nodes `mill` and `silo` call each other in their site, with another line in some of them.
fn with_site_mtu(paths: &[&str], line: &'static str) -> Files {
    let change = Change::Replace("    \"site_mtu\": 1450,\n", line);
    paths.iter().fold(emitted(HOMES), |files, path| changed(&files, path, &change))
}

/// 1370 bytes become 1430 over IPv4.
#[test]
fn packets_that_are_larger_than_the_network_of_their_site_are_refused() {
    let holds = prove(&with_site_mtu(&NEIGHBOURS, "    \"site_mtu\": 1430,\n"));
    assert!(holds.holds());
    let proof = prove(&with_site_mtu(&NEIGHBOURS, "    \"site_mtu\": 1429,\n"));
    let findings: BTreeSet<_> = proof.failures.iter().map(|failure| &failure.finding).collect();
    let shown: Vec<_> = findings.iter().map(|one| proof.paths.show(one.place)).collect();
    assert_eq!(shown, ["nodes/mill/wg0.conf:8", "nodes/silo/wg0.conf:8"]);
    let of_site = |one: &&ProofFinding| {
        one.code == FindingCode::PacketTooLarge && one.message.contains("MTU is 1429")
    };
    assert!(findings.iter().all(of_site), "{findings:?}");
}

#[test]
fn the_mtu_of_a_site_is_in_the_files_of_all_its_nodes_and_the_same() {
    let cases = [
        ("", FindingCode::NotUnderstood, "the site barn needs a `site_mtu`"),
        (
            "    \"site_mtu\": 1500,\n",
            FindingCode::FilesDisagree,
            "the MTU of the site barn is 1500 here, and 1450 in nodes/mill/node.json:17",
        ),
    ];
    for (line, code, message) in cases {
        let proof = prove(&with_site_mtu(&NEIGHBOURS[1..], line));
        let found: Vec<_> = proof.causes().map(|one| (one.code, one.message.as_str())).collect();
        assert_eq!(found, [(code, message)]);
    }
}
