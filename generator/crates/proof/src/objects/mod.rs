//! Files of objects: after a reader has judged what affects packets, each further key and value is compared,
//! as data, with what the caller of the proof expects for the facts that the tree states.

mod difference;
mod latitude;

use std::collections::BTreeMap;

use self::difference::Comparison;
pub use self::latitude::{FreeForm, LATITUDES, Latitude, LatitudeKind};
use crate::facts::{TreeFacts, TunnelFacts};
use crate::families::{Account, family};
use crate::finding::{FindingCode, ProofFinding};
use crate::fixed::{self, ExpectedFile, FixedTexts};
use crate::read::data;
use crate::span::{FileId, FileSpanned, TreePaths};

/// Compares the files with the expected ones. Names of the tunnel that contradict each other are reported
/// alone: all other differences follow from them.
pub(crate) fn compare(
    paths: &TreePaths,
    facts: &TreeFacts,
    texts: &FixedTexts,
    expected: &[ExpectedFile],
) -> Vec<ProofFinding> {
    let contradictions: Vec<_> = facts.objects.tunnel.iter().flat_map(names).collect();
    if !contradictions.is_empty() {
        return contradictions;
    }
    let by_path: BTreeMap<_, _> =
        expected.iter().map(|file| (file.path.as_str(), file.content.as_str())).collect();
    let mut findings = Vec::new();
    for (file, text) in texts {
        let path = paths.path(*file);
        let pattern = family(path, &facts.interface).map_or("", |family| family.pattern);
        match by_path.get(path) {
            Some(expected) => findings.extend(compare_file(*file, pattern, text, expected)),
            None => {
                let message =
                    "this file belongs to no host and no cluster with the facts of the other files";
                findings.push(ProofFinding::new(FindingCode::FileUnknown, file.whole(), message));
            }
        }
    }
    let has_objects = |file: &&ExpectedFile| {
        let family = family(&file.path, &facts.interface);
        family.is_some_and(|family| family.account == Account::Objects)
    };
    findings.extend(fixed::absent(paths, facts, expected.iter().filter(has_objects)));
    findings
}

/// Each rule of the tunnel is for the name of a record, and each record has its own rule: with a wildcard
/// for both, a request would arrive by another rule.
fn names(tunnel: &TunnelFacts) -> Vec<ProofFinding> {
    let missing = |names: &[FileSpanned<String>], others: &[FileSpanned<String>], what: &str| {
        let alone = names.iter().filter(|name| others.iter().all(|one| one.value != name.value));
        let finding = |name: &FileSpanned<String>| {
            let message = format!("{what} has the name {}", name.value);
            ProofFinding::new(FindingCode::ObjectDiffers, name.place, message)
        };
        alone.map(finding).collect::<Vec<_>>()
    };
    let mut findings = missing(&tunnel.hostnames, &tunnel.records, "no record of dns.zone");
    findings.extend(missing(&tunnel.records, &tunnel.hostnames, "no rule of cloudflared"));
    findings
}

fn compare_file(file: FileId, pattern: &str, text: &str, expected: &str) -> Vec<ProofFinding> {
    let finding = |line, message: String| {
        ProofFinding::new(FindingCode::ObjectDiffers, file.line(line), message)
    };
    match (data::read(text), data::read(expected)) {
        (Ok(found), Ok(expected)) => {
            let differences = Comparison::new(pattern).documents(&found, &expected);
            differences.into_iter().map(|one| finding(one.line, one.message)).collect()
        }
        (Err(unread), _) => {
            let place = file.line(unread.line);
            vec![ProofFinding::new(FindingCode::NotUnderstood, place, unread.message)]
        }
        (Ok(_), Err(unread)) => {
            let message = format!("the expected file is not understood: {}", unread.message);
            vec![finding(0, message)]
        }
    }
}
