//! What the proof says of changes that nobody listed: each line of every wg0.conf, nftables.conf and
//! pool taken away, and a list of alterations wherever they find something.
//!
//! `cargo run --release -p lab --example mutations [TOPOLOGY]` prints one line a change: the verdict,
//! the change, and the cause. The lab's own broken trees come first.

#![expect(clippy::print_stdout, reason = "it prints")]

use std::path::Path;

use anyhow::Result;
use lab::mutants::{self, IN_NO_FILE};
use lab::scenario::repository;
use lab::tree::Tree;
use meshwright::proof::finding::Finding;
use meshwright::proof::judge::{self, Proof};

/// What is put in the place of what, line by line.
const ALTERATIONS: &[(&str, &str)] = &[
    ("/24", "/25"),
    ("/32", "/31"),
    ("10.244.", "10.245."),
    ("10.66.66.", "10.66.67."),
    ("51820", "51821"),
    ("203.0.113.10", "203.0.113.11"),
    ("MTU = 1412", "MTU = 1500"),
    ("PersistentKeepalive = 25", "PersistentKeepalive = 0"),
    ("policy drop", "policy accept"),
    (" drop", " accept"),
    (" accept", " drop"),
    ("iifname", "oifname"),
    ("saddr", "daddr"),
    ("daddr", "saddr"),
    ("@clients", "@nodes"),
    ("@nodes", "@clients"),
    ("tcp", "udp"),
    ("priority filter - 5", "priority filter + 5"),
    ("established,related", "new"),
    ("blockSize: 24", "blockSize: 26"),
    ("encapsulation: None", "encapsulation: IPIP"),
    ("natOutgoing: Enabled", "natOutgoing: Disabled"),
];

fn main() -> Result<()> {
    let topology = std::env::args().nth(1).unwrap_or_else(|| "topology.toml".to_owned());
    for mutant in mutants::ALL.iter().filter(|mutant| !IN_NO_FILE.contains(&mutant.name)) {
        tell(&mutant.tree()?, mutant.name);
    }
    for harmless in mutants::HARMLESS {
        tell(&harmless.tree()?, harmless.name);
    }
    let whole = Tree::as_written(&repository().join(Path::new(&topology)))?;
    let judged = |path: &&String| {
        let name = path.rsplit('/').next().unwrap_or_default();
        ["wg0.conf", "nftables.conf", "installation.yaml", "ip-pools.yaml"].contains(&name)
    };
    let (mut changes, mut refused) = (0, 0);
    for path in whole.files.keys().filter(judged) {
        for (number, line) in (1..).zip(whole.files[path].lines()) {
            for (what, changed) in changes_of(line) {
                let mut tree = whole.clone();
                tree.files.insert(path.clone(), with_line(&whole.files[path], number, changed));
                changes += 1;
                refused += usize::from(tell(&tree, &format!("{path}:{number} {what}: {line}")));
            }
        }
    }
    println!("{refused} of {changes} changes of {topology} are refused");
    Ok(())
}

/// The line gone, and the line altered.
fn changes_of(line: &str) -> Vec<(String, Option<String>)> {
    let altered = ALTERATIONS
        .iter()
        .filter(|(from, _)| line.contains(from))
        .map(|(from, to)| (format!("`{from}` becomes `{to}`"), Some(line.replacen(from, to, 1))));
    std::iter::once(("gone".to_owned(), None)).chain(altered).collect()
}

fn with_line(text: &str, number: usize, changed: Option<String>) -> String {
    let lines = (1..).zip(text.lines()).filter_map(|(at, line)| match &changed {
        _ if at != number => Some(line.to_owned()),
        changed => changed.clone(),
    });
    lines.map(|line| line + "\n").collect()
}

/// Prints the verdict, and says whether it was a refusal.
fn tell(tree: &Tree, change: &str) -> bool {
    let Ok(proof) = judge::prove(&tree.files) else { return false };
    match cause(&proof) {
        None => println!("holds    {change}"),
        Some(finding) => {
            let place = proof.paths.show(finding.place);
            println!(
                "refused  {change}\n           {}: {} ({place})",
                finding.code, finding.message
            );
        }
    }
    !proof.holds()
}

fn cause(proof: &Proof) -> Option<&Finding> {
    proof.failures.first().map(|failure| &failure.finding).or(proof.findings.first())
}
