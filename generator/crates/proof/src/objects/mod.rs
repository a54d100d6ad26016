//! Files of objects: after a reader has judged what affects packets, each further key and value is compared,
//! as data, with what the caller of the proof expects for the facts that the tree states.

mod difference;
mod latitude;

use self::difference::Comparison;
pub use self::latitude::{FreeForm, LATITUDES, Latitude, LatitudeKind};
use crate::facts::{TreeFacts, TunnelFacts};
use crate::families::Account;
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
    let belongs = |account| account == Account::Objects;
    fixed::compare_each(paths, facts, (texts, expected), belongs, |file, family, text, content| {
        let pattern = family.map_or("", |family| family.pattern);
        compare_file(file, pattern, text, content)
    })
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
    let hostnames: Vec<_> = tunnel.names.iter().map(|name| name.hostname.clone()).collect();
    let mut findings = missing(&hostnames, &tunnel.records, "no DNS record");
    findings.extend(missing(&tunnel.records, &hostnames, "no rule of cloudflared"));
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
