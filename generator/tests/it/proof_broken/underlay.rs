//! The MTU between a host and the Internet is a field of `node.json`, and never read from a comment.

use super::{Change, EXAMPLE, changed};
use crate::proof::{Files, emitted, prove};
use meshwright_proof::finding::FindingCode;

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
