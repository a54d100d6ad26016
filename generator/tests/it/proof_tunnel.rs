//! The proof over every protocol of the tunnel: cloudflared's policy admits what the protocol needs, and requests are
//! followed through these connections alone.

#![expect(clippy::expect_used, reason = "a test may stop if its input is missing")]

use std::fs;

use crate::proof::{Files, emitted_from, prove};
use crate::testing::{compile_text, repository};

const FILE: &str = "cluster/cloudflared/cloudflared.yaml";
const UDP: &str = "    - protocol: UDP\n      port: 7844\n";
const TCP: &str = "    - protocol: TCP\n      port: 7844\n";

/// With the rules in git, and with those at Cloudflare.
const TOPOLOGIES: [(&str, &str); 2] = [
    ("topology.toml", "    protocol: PROTOCOL\n"),
    ("examples/one-machine/topology.toml", "        - --protocol\n        - PROTOCOL\n"),
];

fn with(topology: &str, settings: &str) -> Files {
    let text = fs::read_to_string(repository().join(topology)).expect("it exists");
    let table = "[cloudflare_tunnel]\n";
    assert!(text.contains(table), "{topology} has no tunnel");
    let text = text.replacen(table, &format!("{table}{settings}"), 1);
    emitted_from(compile_text("topology.toml", text))
}

#[test]
fn each_protocol_has_its_connections() {
    for (topology, place) in TOPOLOGIES {
        for (protocol, udp, broken) in [
            ("auto", true, "UDP port 7844"),
            ("quic", true, "UDP port 7844"),
            ("http2", false, "TCP port 7844"),
        ] {
            let files = with(topology, &format!("protocol = \"{protocol}\"\n"));
            let text = &files[FILE];
            let stated = text.contains(&place.replace("PROTOCOL", protocol));
            assert_eq!(stated, protocol != "auto", "{topology}: {protocol}:\n{text}");
            assert_eq!(text.contains(UDP), udp, "{topology}: {protocol}:\n{text}");
            let proof = prove(&files);
            assert!(proof.holds(), "{:?}", proof.causes().collect::<Vec<_>>());
            let needed = if udp { UDP } else { TCP };
            let closed = text.replacen(needed, &needed.replace("7844", "7845"), 1);
            let proof = prove(&Files::from_iter(
                files.clone().into_iter().chain([(FILE.to_owned(), closed)]),
            ));
            let causes: Vec<_> = proof.causes().map(|cause| cause.message.clone()).collect();
            let expected = format!("drops packets from cloudflared to Cloudflare's edge, {broken}");
            assert!(causes.iter().any(|cause| cause.contains(&expected)), "{protocol}: {causes:?}");
        }
    }
}

#[test]
fn the_resources_are_those_of_the_topology() {
    let files = with("topology.toml", "memory_limit_mib = 1024\ncpu_request_millis = 250\n");
    let text = &files[FILE];
    for line in ["            cpu: 250m\n", "            memory: 1024Mi\n"] {
        assert!(text.contains(line), "no {line}:\n{text}");
    }
    let proof = prove(&files);
    assert!(proof.holds(), "{:?}", proof.causes().collect::<Vec<_>>());
}
