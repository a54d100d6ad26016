//! Pairs of nodes that the walk cannot distinguish are walked once. One wrong value in one of many nodes is
//! still found, with its line.

use std::collections::BTreeMap;

use crate::mesh;
use crate::proof::{Files, emitted_from, prove};
use crate::testing::compile_text;

/// One edit of a file of `node30`.
struct EditOfOne {
    file: &'static str,
    from: &'static str,
    to: &'static str,
    /// The causes of failed flows, each with its place.
    failures: &'static [&'static str],
}

const EDITS: &[EditOfOne] = &[
    // To the pods of node7, and from them.
    EditOfOne {
        file: "wg0.conf",
        from: ", 10.128.7.0/24",
        to: "",
        failures: &[
            "no-peer-for-address nodes/node30/wg0.conf:60",
            "source-refused nodes/node30/wg0.conf:60",
        ],
    },
    EditOfOne {
        file: "wg0.conf",
        from: "MTU = 1420",
        to: "MTU = 1441",
        failures: &["packet-too-large nodes/node30/wg0.conf:8"],
    },
    EditOfOne {
        file: "wg0.routes",
        from: "route replace 10.128.7.0/24 dev wg0 proto kernel metric 512\n",
        to: "",
        failures: &["pods-wait-for-bgp nodes/node30/wg0.routes"],
    },
    // From the pods of node30, with the policy of the chain.
    EditOfOne {
        file: "nftables.conf",
        from: "    iifname \"cali*\" accept\n    ct state",
        to: "    ct state",
        failures: &["firewall-drops nodes/node30/nftables.conf:89"],
    },
    EditOfOne {
        file: "nftables.conf",
        from: "    iifname \"wg0\" accept\n    # Weak",
        to: "    ip saddr 10.64.0.7 tcp dport 10250 drop\n    iifname \"wg0\" accept\n    # Weak",
        failures: &["firewall-drops nodes/node30/nftables.conf:61"],
    },
];

fn failures(files: &Files) -> Vec<String> {
    let proof = prove(files);
    let causes = proof.failures.iter().map(|failure| {
        let finding = &failure.finding;
        format!("{} {}", finding.code, proof.paths.show(finding.place))
    });
    let mut causes: Vec<_> = causes.collect();
    causes.sort_unstable();
    causes
}

#[test]
fn a_wrong_value_in_one_of_sixty_nodes_is_found() {
    let whole = emitted_from(compile_text("mesh.toml", mesh::topology(1..=60)));
    let mut expected = BTreeMap::new();
    let mut found = BTreeMap::new();
    for EditOfOne { file, from, to, failures: wanted } in EDITS {
        let mut files = whole.clone();
        let path = format!("nodes/node30/{file}");
        let text = &whole[&path];
        assert_eq!(text.matches(from).count(), 1, "{path}: {from}");
        files.insert(path, text.replace(from, to));
        let name = format!("{file}: {from}");
        found.insert(name.clone(), failures(&files));
        expected.insert(name, wanted.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>());
    }
    assert_eq!(found, expected);
}
