//! Trees with one fault: each change of a file of the Ingress path or the control plane is refused at its line,
//! or is harmless.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

mod app;
mod control_plane;
mod controller;
mod families;
mod firewall_syntax;
mod first_boot;
mod identity;
mod interfaces;
mod networks;
mod objects;
mod packets;
mod relays;
mod subnets;
mod trace;
mod tunnel;
mod underlay;
mod volumes;

use std::collections::BTreeMap;

use crate::proof::{Files, emitted, prove};
use meshwright_proof::report::causes::causes;

const EXAMPLE: &str = "topology.toml";
/// With Traefik, and no wildcard.
const CONTROL_PLANES: &str = "examples/high-availability/topology.toml";

/// One change.
#[derive(Clone, Copy)]
enum Change {
    /// The first occurrence of a text becomes another.
    Replace(&'static str, &'static str),
    /// The file is gone.
    Remove,
}

/// A change that must be refused.
#[derive(Clone, Copy)]
struct Broken {
    name: &'static str,
    topology: &'static str,
    file: &'static str,
    change: Change,
    /// The code and the message that stand first.
    cause: &'static str,
    place: &'static str,
}

/// A change that does no harm.
struct Harmless {
    name: &'static str,
    topology: &'static str,
    file: &'static str,
    change: Change,
}

/// The trees that are changed, each made once.
fn whole() -> BTreeMap<&'static str, Files> {
    [EXAMPLE, CONTROL_PLANES, packets::HOMES, packets::SERVERS]
        .map(|topology| (topology, emitted(topology)))
        .into()
}

fn changed(files: &Files, file: &str, change: &Change) -> Files {
    let mut files = files.clone();
    let text = files.remove(file).expect(file);
    if let Change::Replace(from, to) = change {
        assert!(text.contains(from), "{file} has no `{from}`");
        files.insert(file.to_owned(), text.replacen(from, to, 1));
    }
    files
}

#[test]
fn what_breaks_a_tree_is_refused_at_its_line() {
    let whole = whole();
    let mut others = Vec::new();
    for broken in ALL.iter().copied().flatten() {
        let proof = prove(&changed(&whole[broken.topology], broken.file, &broken.change));
        let failed = proof.failures.iter().map(|failure| &failure.finding);
        let first = proof.causes().chain(failed).next();
        let cause = first.map_or_else(
            || ("holds".to_owned(), String::new()),
            |first| (format!("{}: {}", first.code, first.message), proof.paths.show(first.place)),
        );
        if proof.holds() || cause != (broken.cause.to_owned(), broken.place.to_owned()) {
            others.push((broken.name, cause));
        }
    }
    assert_eq!(others, [], "other verdicts than expected");
}

#[test]
fn what_does_no_harm_is_let_through() {
    let whole = whole();
    let others = [
        interfaces::HARMLESS,
        firewall_syntax::HARMLESS,
        packets::HARMLESS,
        families::HARMLESS,
        objects::HARMLESS,
    ];
    for harmless in HARMLESS.iter().chain(others.into_iter().flatten()) {
        let proof = prove(&changed(&whole[harmless.topology], harmless.file, &harmless.change));
        assert!(proof.holds(), "{}:\n{:#?}", harmless.name, causes(&proof));
    }
}

const ALL: &[&[Broken]] = &[
    firewall_syntax::BROKEN,
    interfaces::BROKEN,
    tunnel::BROKEN,
    controller::BROKEN,
    app::BROKEN,
    packets::BROKEN,
    networks::BROKEN,
    control_plane::BROKEN,
    families::BROKEN,
    objects::BROKEN,
    relays::BROKEN,
];

const HARMLESS: &[Harmless] = &[
    Harmless {
        name: "replicas3",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace("replicas: 2", "replicas: 3"),
    },
    Harmless {
        name: "ingress-host-wild",
        topology: EXAMPLE,
        file: "cluster/hello/hello.yaml",
        change: Change::Replace("host: hello.example.com", "host: helo.example.com"),
    },
    Harmless {
        name: "case-of-keys",
        topology: EXAMPLE,
        file: "nodes/home/wg0.conf",
        change: Change::Replace("AllowedIPs", "allowedips"),
    },
    Harmless {
        name: "case-of-sections",
        topology: EXAMPLE,
        file: "nodes/home/wg0.conf",
        change: Change::Replace("[Peer]", "[PEER]"),
    },
    Harmless {
        name: "client-dns",
        topology: EXAMPLE,
        file: "clients/laptop/wg0.conf",
        change: Change::Replace("# DNS =", "DNS ="),
    },
    Harmless {
        name: "client-table-auto",
        topology: EXAMPLE,
        file: "clients/laptop/wg0.conf",
        change: Change::Replace("MTU =", "Table = auto\nMTU ="),
    },
    Harmless {
        name: "other-interval",
        topology: EXAMPLE,
        file: "nodes/home/node.json",
        change: Change::Replace("\"persistent_keepalive\": 25", "\"persistent_keepalive\": 20"),
    },
    Harmless {
        name: "no-endpoint-in-wg0.conf",
        topology: EXAMPLE,
        file: "nodes/frankfurt/wg0.conf",
        change: Change::Replace("Endpoint = 198.51.100.20:51820\n", ""),
    },
    Harmless {
        name: "smaller-mtu-in-wg0.conf",
        topology: EXAMPLE,
        file: "nodes/home/wg0.conf",
        change: Change::Replace("MTU = 1412", "MTU = 1412 # bytes"),
    },
];
