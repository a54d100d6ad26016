//! One identity with two values: keys, ports, addresses and settings that differ between two files, in
//! one place or in several as a renderer would write them.

use std::collections::BTreeSet;

use super::{Change, EXAMPLE, changed};
use crate::proof::{Files, emitted, emitted_from, prove};
use crate::testing::{compile_text, repository};

/// A tree in which a value is wrong in some of its files.
struct MisstatedIdentity {
    name: &'static str,
    /// File, text, and the text that replaces its first occurrence.
    changes: &'static [(&'static str, &'static str, &'static str)],
    /// Each finding: code, place and message.
    findings: &'static [&'static str],
}

fn misstated(files: &Files, changes: &[(&'static str, &'static str, &'static str)]) -> Files {
    changes.iter().fold(files.clone(), |files, (file, from, to)| {
        changed(&files, file, &Change::Replace(from, to))
    })
}

fn findings(files: &Files) -> Vec<String> {
    let proof = prove(files);
    let failures = proof.failures.iter().map(|failure| &failure.finding);
    let found = failures.chain(proof.causes());
    let shown = found.map(|finding| {
        let place = proof.paths.show(finding.place);
        format!("{} {place}: {}", finding.code, finding.message)
    });
    // Their order depends on how many flows each one stops.
    let sorted: BTreeSet<_> = shown.collect();
    sorted.into_iter().collect()
}

#[test]
fn a_value_that_differs_between_two_files_is_refused_at_its_lines() {
    let whole = emitted(EXAMPLE);
    let mut wrong = Vec::new();
    for case in MISSTATED {
        let found = findings(&misstated(&whole, case.changes));
        if found != case.findings {
            wrong.push((case.name, found));
        }
        assert!(!case.findings.is_empty(), "{}: it has no finding", case.name);
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

/// The topology can name a port that a router forwards, and then no file shows that it does.
#[test]
fn a_router_that_forwards_another_port_is_an_assumption() {
    let topology = std::fs::read_to_string(repository().join(EXAMPLE)).expect("readable");
    let forwarded = topology.replace("\"198.51.100.20\"", "\"198.51.100.20:4500\"");
    assert_ne!(forwarded, topology);
    let files = emitted_from(compile_text("topology.toml", forwarded));
    let proof = prove(&files);
    assert!(proof.holds(), "{:#?}", findings(&files));
    let assumed = proof
        .assumptions
        .iter()
        .map(|one| format!("{}: {}", proof.paths.show(one.place), one.text));
    let wanted = "nodes/tokyo/node.json:12: a router forwards UDP port 4500 of 198.51.100.20 to port 51820 of tokyo";
    assert_eq!(assumed.filter(|text| text.contains("forwards UDP")).collect::<Vec<_>>(), [wanted]);
}

const MISSTATED: &[MisstatedIdentity] = &[
    MisstatedIdentity {
        name: "key of a peer in all files of one node",
        changes: &[
            (
                "nodes/home/wg0.conf",
                "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
                "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
            ),
            (
                "nodes/home/node.json",
                "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
                "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
            ),
            (
                "nodes/home/wg0.peers",
                "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
                "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
            ),
        ],
        findings: &[
            "keys-disagree nodes/home/node.json:30: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/tokyo/node.json:11",
            "keys-disagree nodes/home/wg0.conf:24: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/tokyo/node.json:11",
        ],
    },
    MisstatedIdentity {
        name: "key of a peer in wg0.conf alone",
        changes: &[(
            "nodes/home/wg0.conf",
            "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
            "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
        )],
        findings: &[
            "keys-disagree nodes/home/wg0.conf:24: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/tokyo/node.json:11",
        ],
    },
    MisstatedIdentity {
        name: "key of a peer in node.json alone",
        changes: &[(
            "nodes/home/node.json",
            "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
            "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
        )],
        findings: &[
            "keys-disagree nodes/home/node.json:30: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/tokyo/node.json:11",
        ],
    },
    MisstatedIdentity {
        name: "key of a peer in wg0.peers alone",
        changes: &[(
            "nodes/home/wg0.peers",
            "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
            "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
        )],
        findings: &[
            "keys-disagree nodes/home/wg0.peers:2: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/home/node.json:30",
        ],
    },
    MisstatedIdentity {
        name: "own key in node.json",
        changes: &[(
            "nodes/tokyo/node.json",
            "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
            "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
        )],
        findings: &[
            "keys-disagree nodes/tokyo/node.json:11: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/frankfurt/node.json:30",
        ],
    },
    MisstatedIdentity {
        name: "own key and that in one other node",
        changes: &[
            (
                "nodes/tokyo/node.json",
                "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
                "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
            ),
            (
                "nodes/home/wg0.conf",
                "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
                "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
            ),
            (
                "nodes/home/node.json",
                "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
                "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
            ),
            (
                "nodes/home/wg0.peers",
                "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
                "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
            ),
        ],
        findings: &[
            "keys-disagree nodes/home/node.json:30: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/frankfurt/node.json:30",
            "keys-disagree nodes/home/wg0.conf:24: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/frankfurt/node.json:30",
            "keys-disagree nodes/tokyo/node.json:11: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/frankfurt/node.json:30",
        ],
    },
    MisstatedIdentity {
        name: "keys of two peers exchanged in wg0.conf",
        changes: &[
            ("nodes/home/wg0.conf", "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=", "@"),
            (
                "nodes/home/wg0.conf",
                "kWwo44g3s4m3cMGFBkFeexbZ3r7psMqJRwNK8U2QtW8=",
                "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
            ),
            ("nodes/home/wg0.conf", "@", "kWwo44g3s4m3cMGFBkFeexbZ3r7psMqJRwNK8U2QtW8="),
        ],
        findings: &[
            "keys-disagree nodes/home/wg0.conf:24: the key of tokyo is kWwo44g3s4m3cMGFBkFeexbZ3r7psMqJRwNK8U2QtW8= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/tokyo/node.json:11",
            "keys-disagree nodes/home/wg0.conf:31: the key of frankfurt is kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= here, and kWwo44g3s4m3cMGFBkFeexbZ3r7psMqJRwNK8U2QtW8= in nodes/frankfurt/node.json:11",
        ],
    },
    MisstatedIdentity {
        name: "a peer's key in a client's file",
        changes: &[(
            "clients/laptop/wg0.conf",
            "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
            "aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=",
        )],
        findings: &[
            "keys-disagree clients/laptop/wg0.conf:22: the key of tokyo is aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= here, and kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU= in nodes/tokyo/node.json:11",
        ],
    },
    MisstatedIdentity {
        name: "port in wg0.conf and the firewall",
        changes: &[
            ("nodes/tokyo/wg0.conf", "ListenPort = 51820", "ListenPort = 51821"),
            ("nodes/tokyo/nftables.conf", "udp dport 51820", "udp dport 51821"),
        ],
        findings: &[
            "files-disagree nodes/tokyo/wg0.conf:6: WireGuard's port is 51821 here, and 51820 in nodes/tokyo/node.json:13",
        ],
    },
    MisstatedIdentity {
        name: "port in all files of its node",
        changes: &[
            ("nodes/tokyo/wg0.conf", "ListenPort = 51820", "ListenPort = 51821"),
            ("nodes/tokyo/nftables.conf", "udp dport 51820", "udp dport 51821"),
            ("nodes/tokyo/node.json", "\"listen_port\": 51820", "\"listen_port\": 51821"),
        ],
        findings: &[
            "peer-unreachable clients/laptop/wg0.conf:24: the endpoint of tokyo is not 198.51.100.20:51820",
            "peer-unreachable nodes/frankfurt/wg0.conf:26: the endpoint of tokyo is not 198.51.100.20:51820",
            "peer-unreachable nodes/home/wg0.conf:26: the endpoint of tokyo is not 198.51.100.20:51820",
            "peer-unreachable nodes/hongkong/wg0.conf:19: the endpoint of tokyo is not 198.51.100.20:51820",
        ],
    },
    MisstatedIdentity {
        name: "port that one caller calls",
        changes: &[
            ("nodes/home/wg0.conf", "198.51.100.20:51820", "198.51.100.20:51821"),
            ("nodes/home/node.json", "198.51.100.20:51820", "198.51.100.20:51821"),
        ],
        findings: &[
            "peer-unreachable nodes/home/wg0.conf:26: the endpoint of tokyo is not 198.51.100.20:51821",
        ],
    },
    MisstatedIdentity {
        name: "endpoint of another machine",
        changes: &[
            ("nodes/frankfurt/wg0.conf", "198.51.100.20:51820", "203.0.113.10:51820"),
            ("nodes/frankfurt/node.json", "198.51.100.20:51820", "203.0.113.10:51820"),
        ],
        findings: &[
            "peer-unreachable nodes/frankfurt/wg0.conf:26: the endpoint of tokyo is not 203.0.113.10:51820",
        ],
    },
    MisstatedIdentity {
        name: "a port that a client calls",
        changes: &[("clients/laptop/wg0.conf", "198.51.100.20:51820", "198.51.100.20:51821")],
        findings: &[
            "peer-unreachable clients/laptop/wg0.conf:24: the endpoint of tokyo is not 198.51.100.20:51821",
        ],
    },
    MisstatedIdentity {
        name: "address in node.json",
        changes: &[("nodes/home/node.json", "\"10.66.66.4/24\"", "\"10.66.66.40/24\"")],
        findings: &[
            "files-disagree nodes/home/node.json:10: the address is 10.66.66.40/24 here, and 10.66.66.4/24 in nodes/home/wg0.conf:5",
        ],
    },
    MisstatedIdentity {
        name: "prefix of the address in node.json",
        changes: &[("nodes/home/node.json", "\"10.66.66.4/24\"", "\"10.66.66.4/32\"")],
        findings: &[
            "files-disagree nodes/home/node.json:10: the address is 10.66.66.4/32 here, and 10.66.66.4/24 in nodes/home/wg0.conf:5",
        ],
    },
    MisstatedIdentity {
        name: "AllowedIPs in node.json",
        changes: &[(
            "nodes/home/node.json",
            "\"10.66.66.2/32\",\n          \"10.244.2.0/24\"",
            "\"10.66.66.2/32\"",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:32: the AllowedIPs of tokyo are 10.66.66.2/32 here, and 10.66.66.2/32, 10.244.2.0/24 in nodes/home/wg0.conf:25",
        ],
    },
    MisstatedIdentity {
        name: "wider AllowedIPs in node.json",
        changes: &[(
            "nodes/home/node.json",
            "\"10.244.3.0/24\"",
            "\"10.244.3.0/24\",\n          \"10.244.9.0/24\"",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:42: the AllowedIPs of frankfurt are 10.66.66.3/32, 10.244.3.0/24, 10.244.9.0/24 here, and 10.66.66.3/32, 10.244.3.0/24 in nodes/home/wg0.conf:32",
        ],
    },
    MisstatedIdentity {
        name: "wider AllowedIPs in wg0.conf",
        changes: &[("nodes/home/wg0.conf", "10.244.3.0/24", "10.244.3.0/24, 10.244.9.0/24")],
        findings: &[
            "address-unowned nodes/home/wg0.conf:32: 10.244.9.0/24 contains addresses that frankfurt does not have: its AllowedIPs are single machines and whole pools",
        ],
    },
    MisstatedIdentity {
        name: "addresses in wg0.peers",
        changes: &[("nodes/home/wg0.peers", "10.66.66.2\t", "10.66.66.2,10.66.66.9\t")],
        findings: &[
            "files-disagree nodes/home/wg0.peers:2: tokyo carries 10.66.66.2, 10.66.66.9 here, and 10.66.66.2 in nodes/home/node.json",
        ],
    },
    MisstatedIdentity {
        name: "a peer that node.json does not have",
        changes: &[(
            "nodes/home/node.json",
            ",\n      {\n        \"name\": \"frankfurt\",\n        \"public_key\": \"kWwo44g3s4m3cMGFBkFeexbZ3r7psMqJRwNK8U2QtW8=\",\n        \"allowed_ips\": [\n          \"10.66.66.3/32\",\n          \"10.244.3.0/24\"\n        ],\n        \"endpoint\": \"192.0.2.30:51820\",\n        \"persistent_keepalive\": 25\n      }",
            "",
        )],
        findings: &[
            "files-disagree nodes/home/node.json: there is no peer frankfurt: it is in nodes/home/wg0.conf:31",
        ],
    },
    MisstatedIdentity {
        name: "a peer that wg0.peers does not have",
        changes: &[(
            "nodes/home/wg0.peers",
            "node\ttokyo\tkxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=\t10.66.66.2\t-\n",
            "",
        )],
        findings: &[
            "files-disagree nodes/home/wg0.peers: there is no line of tokyo: nodes/home/node.json has that peer",
        ],
    },
    MisstatedIdentity {
        name: "a further key of node.json",
        changes: &[("nodes/home/node.json", "\"mtu\": 1412", "\"fwmark\": 1, \"mtu\": 1412")],
        findings: &[
            "not-understood nodes/home/node.json:13: unknown field `fwmark`, expected one of `interface`, `address`, `public_key`, `endpoint`, `ipv6_endpoint`, `lan_endpoint`, `site`, `listen_port`, `mtu`, `underlay_mtu`, `site_mtu`, `private_key_file`, `peers`",
        ],
    },
    MisstatedIdentity {
        name: "no keepalive in node.json",
        changes: &[("nodes/home/node.json", ",\n        \"persistent_keepalive\": 25", "")],
        findings: &[
            "keepalive-missing nodes/home/node.json:18: no keepalives are sent to hongkong, and one every 25 s in nodes/home/wg0.conf:17",
        ],
    },
    MisstatedIdentity {
        name: "endpoint in node.json",
        changes: &[("nodes/home/node.json", "\"198.51.100.20:51820\"", "\"198.51.100.21:51820\"")],
        findings: &[
            "files-disagree nodes/home/node.json:35: the endpoint of tokyo is 198.51.100.21:51820 here, and 198.51.100.20:51820 in nodes/home/wg0.conf:26",
        ],
    },
    MisstatedIdentity {
        name: "no endpoint in node.json",
        changes: &[(
            "nodes/home/node.json",
            "\"endpoint\": \"198.51.100.20:51820\",\n        ",
            "",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:29: tokyo has no endpoint here, and one in nodes/home/wg0.conf:26",
        ],
    },
    MisstatedIdentity {
        name: "private key's file",
        changes: &[("nodes/home/wg0.conf", "/etc/wireguard/wg0.key", "/etc/wireguard/wg0.kez")],
        findings: &[
            "private-key-missing nodes/home/wg0.conf:13: the private key's file is /etc/wireguard/wg0.kez, not /etc/wireguard/wg0.key: a delivery writes the private key there",
        ],
    },
    MisstatedIdentity {
        name: "private key's file in node.json",
        changes: &[("nodes/home/node.json", "/etc/wireguard/wg0.key", "/etc/wireguard/wg1.key")],
        findings: &[
            "files-disagree nodes/home/node.json:15: the private key's file is /etc/wireguard/wg1.key, not /etc/wireguard/wg0.key: a delivery writes the private key there",
        ],
    },
    MisstatedIdentity {
        name: "a preshared key without a peer",
        changes: &[(
            "nodes/home/wg0.conf",
            "# hongkong",
            "PostUp = wg set %i peer aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw= preshared-key /etc/wireguard/wg0.psk/rome\n# hongkong",
        )],
        findings: &[
            "preshared-keys-disagree nodes/home/wg0.conf:15: no peer has the key aD6POR/AUE3nSSrk1AyzlGaYSsqS4inB5x+tNAloZUw=: `wg set` adds one without addresses",
        ],
    },
    MisstatedIdentity {
        name: "no MTU",
        changes: &[("nodes/home/wg0.conf", "MTU = 1412\n", "\n")],
        findings: &[
            "files-disagree nodes/home/wg0.conf: there is no MTU: wg-quick derives one from the default route, and nodes/home/node.json:13 has 1412",
        ],
    },
    MisstatedIdentity {
        name: "a pod route that wg0.routes does not have",
        changes: &[(
            "nodes/home/node.json",
            "\"10.244.3.0/24\"\n    ]",
            "\"10.244.3.0/24\",\n      \"10.244.9.0/24\"\n    ]",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:57: a route to 10.244.9.0/24 is here, and not in nodes/home/wg0.routes",
        ],
    },
    MisstatedIdentity {
        name: "a pod route that node.json does not have",
        changes: &[(
            "nodes/home/node.json",
            "\"10.244.2.0/24\",\n      \"10.244.3.0/24\"\n    ]",
            "\"10.244.3.0/24\"\n    ]",
        )],
        findings: &[
            "files-disagree nodes/home/wg0.routes:4: a route to 10.244.2.0/24 is here, and not in nodes/home/node.json",
        ],
    },
    MisstatedIdentity {
        name: "metric of the pod routes",
        changes: &[("nodes/home/node.json", "\"metric\": 512", "\"metric\": 1")],
        findings: &[
            "files-disagree nodes/home/node.json:52: the routes have the protocol kernel and the metric 1 here, and kernel and 512 in nodes/home/wg0.routes:3",
        ],
    },
    MisstatedIdentity {
        name: "a guard that node.json does not have",
        changes: &[("nodes/home/node.json", "\"10.244.0.0/16\",\n      ", "")],
        findings: &[
            "files-disagree nodes/home/node.json: the guard of 10.244.0.0/16 proto static metric 4294967295 is in host/guards.routes:3, and not here",
        ],
    },
    MisstatedIdentity {
        name: "a kernel parameter in node.json",
        changes: &[(
            "nodes/home/node.json",
            "\"net.ipv4.ip_forward\": \"1\"",
            "\"net.ipv4.ip_forward\": \"0\"",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:98: the parameter net.ipv4.ip_forward = 0 is here, and not in host/sysctl.conf",
        ],
    },
    MisstatedIdentity {
        name: "a kernel parameter of all hosts",
        changes: &[("host/sysctl.conf", "net.ipv4.ip_forward = 1", "net.ipv4.ip_forward = 0")],
        findings: &[
            "file-differs host/sysctl.conf:11: `net.ipv4.ip_forward = 0` differs from `net.ipv4.ip_forward = 1`",
        ],
    },
    MisstatedIdentity {
        name: "a kernel module in node.json",
        changes: &[("nodes/home/node.json", "    \"wireguard\"\n", "    \"wireguards\"\n")],
        findings: &[
            "files-disagree nodes/home/node.json:86: the module wireguards is here, and not in host/modules-load.conf",
        ],
    },
    MisstatedIdentity {
        name: "a kernel module of all hosts",
        changes: &[("host/modules-load.conf", "nf_conntrack\n", "")],
        findings: &["file-differs host/modules-load.conf:7: `overlay` differs from `nf_conntrack`"],
    },
    MisstatedIdentity {
        name: "a name of hosts in node.json",
        changes: &[(
            "nodes/home/node.json",
            "\"address\": \"10.66.66.3\"",
            "\"address\": \"10.66.66.30\"",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:123: the name 10.66.66.30 frankfurt is here, and not in host/hosts",
        ],
    },
    MisstatedIdentity {
        name: "the sandbox image in node.json",
        changes: &[("nodes/home/node.json", "pause:3.10.2", "pause:3.9")],
        findings: &[
            "files-disagree nodes/home/node.json:136: the sandbox image registry.k8s.io/pause:3.9 is here, and not in host/containerd/config.toml",
        ],
    },
    MisstatedIdentity {
        name: "the role in node.json",
        changes: &[("nodes/home/node.json", "\"worker\"", "\"control-plane\"")],
        findings: &[
            "files-disagree nodes/home/node.json:5: the role is control-plane here, and worker in nodes/home/kubeadm.yaml",
        ],
    },
    MisstatedIdentity {
        name: "the name in node.json",
        changes: &[("nodes/home/node.json", "\"name\": \"home\"", "\"name\": \"house\"")],
        findings: &[
            "files-disagree nodes/home/node.json:4: the name is house, not home: the node's folder has that name",
        ],
    },
    MisstatedIdentity {
        name: "bootstrap in node.json",
        changes: &[("nodes/home/node.json", "\"join\"", "\"init\"")],
        findings: &[
            "files-disagree nodes/home/node.json:141: the bootstrap is init here, and join in nodes/home/kubeadm.yaml",
        ],
    },
    MisstatedIdentity {
        name: "a label in node.json",
        changes: &[(
            "nodes/home/node.json",
            "\"topology.kubernetes.io/zone\": \"home\"",
            "\"topology.kubernetes.io/zone\": \"attic\"",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:149: the label topology.kubernetes.io/zone=attic is here, and topology.kubernetes.io/zone=home in nodes/home/kubeadm.yaml",
        ],
    },
    MisstatedIdentity {
        name: "a control plane in node.json",
        changes: &[(
            "nodes/home/node.json",
            "\"control_planes\": [\n      \"10.66.66.1\"",
            "\"control_planes\": [\n      \"10.66.66.2\"",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:144: 10.66.66.2 is not the address of a control plane",
        ],
    },
    MisstatedIdentity {
        name: "kube-proxy's mode in node.json",
        changes: &[(
            "nodes/home/node.json",
            "\"proxy_mode\": \"ipvs\"",
            "\"proxy_mode\": \"nftables\"",
        )],
        findings: &[
            "files-disagree nodes/home/node.json:152: kube-proxy's mode is nftables here, and ipvs in nodes/frankfurt/node.json:158",
        ],
    },
    MisstatedIdentity {
        name: "the version in node.json",
        changes: &[("nodes/home/node.json", "\"version\": \"1.37.2\"", "\"version\": \"1.37.1\"")],
        findings: &[
            "files-disagree nodes/home/node.json:140: the version of Kubernetes is 1.37.1 here, and 1.37.2 in nodes/frankfurt/node.json:146",
        ],
    },
    MisstatedIdentity {
        name: "the MTU in node.env",
        changes: &[("nodes/home/node.env", "MESHWRIGHT_MTU=1412", "MESHWRIGHT_MTU=1500")],
        findings: &[
            "file-differs nodes/home/node.env:9: `MESHWRIGHT_MTU=1500` differs from `MESHWRIGHT_MTU=1412`",
        ],
    },
    MisstatedIdentity {
        name: "a package source in node.env",
        changes: &[("nodes/tokyo/node.env", "1.37.2-*", "1.36.0-*")],
        findings: &[
            "file-differs nodes/tokyo/node.env:24: `MESHWRIGHT_KUBERNETES_VERSION='1.36.0-*'` differs from `MESHWRIGHT_KUBERNETES_VERSION='1.37.2-*'`",
        ],
    },
    MisstatedIdentity {
        name: "an unknown operating system",
        changes: &[("nodes/home/node.json", "\"os\": \"nixos\"", "\"os\": \"nix\"")],
        findings: &["not-understood nodes/home/node.json:6: `nix` is not understood"],
    },
    MisstatedIdentity {
        name: "an MTU in node.json that the underlay does not carry",
        changes: &[("nodes/home/node.json", "\"mtu\": 1412", "\"mtu\": 1500")],
        findings: &[
            "packet-too-large nodes/home/node.json:13: the MTU is 1500 here, and 1412 in nodes/home/wg0.conf:8: encrypted packets of that size do not fit into the underlay",
        ],
    },
    MisstatedIdentity {
        name: "an MTU in node.json below that of pods",
        changes: &[("nodes/home/node.json", "\"mtu\": 1412", "\"mtu\": 1300")],
        findings: &[
            "packet-too-large nodes/home/node.json:13: the MTU is 1300 here, and 1412 in nodes/home/wg0.conf:8: packets of pods have 1412 bytes",
        ],
    },
    MisstatedIdentity {
        name: "a client's further address",
        changes: &[
            ("nodes/tokyo/wg0.conf", "10.66.66.200/32", "10.66.66.200/31"),
            ("nodes/tokyo/node.json", "\"10.66.66.200/32\"", "\"10.66.66.200/31\""),
            ("nodes/tokyo/wg0.peers", "10.66.66.200", ""),
        ],
        findings: &[
            "address-unowned nodes/tokyo/wg0.conf:38: 10.66.66.200/31 contains addresses that laptop does not have: its AllowedIPs are 10.66.66.200/32",
        ],
    },
    MisstatedIdentity {
        name: "a second address of a client",
        changes: &[
            ("nodes/tokyo/wg0.conf", "10.66.66.200/32", "10.66.66.200/32, 10.66.66.201/32"),
            (
                "nodes/tokyo/node.json",
                "\"10.66.66.200/32\"",
                "\"10.66.66.200/32\",\n          \"10.66.66.201/32\"",
            ),
            ("nodes/tokyo/wg0.peers", "10.66.66.200", "10.66.66.200,10.66.66.201"),
        ],
        findings: &[
            "address-unowned nodes/tokyo/wg0.conf:38: 10.66.66.201/32 contains addresses that laptop does not have: its AllowedIPs are 10.66.66.200/32",
        ],
    },
    MisstatedIdentity {
        name: "a node's further address",
        changes: &[
            ("nodes/tokyo/wg0.conf", "10.66.66.4/32", "10.66.66.4/31"),
            ("nodes/tokyo/node.json", "\"10.66.66.4/32\"", "\"10.66.66.4/31\""),
            ("nodes/tokyo/wg0.peers", "10.66.66.4", ""),
        ],
        findings: &[
            "address-unowned nodes/tokyo/wg0.conf:32: 10.66.66.4/31 contains addresses that home does not have: its AllowedIPs are single machines and whole pools",
        ],
    },
    MisstatedIdentity {
        name: "a node's larger pod block",
        changes: &[
            ("nodes/tokyo/wg0.conf", "10.244.4.0/24", "10.244.4.0/23"),
            ("nodes/tokyo/node.json", "\"10.244.4.0/24\"", "\"10.244.4.0/23\""),
        ],
        findings: &[
            "address-unowned nodes/tokyo/wg0.conf:32: 10.244.4.0/23 contains addresses that home does not have: its AllowedIPs are single machines and whole pools",
        ],
    },
    MisstatedIdentity {
        name: "a client with Table = off",
        changes: &[("clients/laptop/wg0.conf", "MTU = ", "Table = off\nMTU = ")],
        findings: &[
            "leaves-in-clear clients/laptop/wg0.conf:6: with `Table = off` wg-quick adds no routes: packets for the mesh take the default route",
        ],
    },
    MisstatedIdentity {
        name: "DNS of a node",
        changes: &[("nodes/home/wg0.conf", "MTU = 1412", "DNS = 10.96.0.10\nMTU = 1412")],
        findings: &[
            "not-understood nodes/home/wg0.conf:8: `DNS` would replace the resolver of the host and of its pods",
        ],
    },
    MisstatedIdentity {
        name: "all ports moved, and no endpoint",
        changes: &[
            ("nodes/hongkong/wg0.conf", "ListenPort = 51820", "ListenPort = 51821"),
            ("nodes/hongkong/node.json", "\"listen_port\": 51820", "\"listen_port\": 51821"),
            ("nodes/hongkong/nftables.conf", "udp dport 51820", "udp dport 51821"),
            ("nodes/tokyo/wg0.conf", "ListenPort = 51820", "ListenPort = 51821"),
            ("nodes/tokyo/node.json", "\"listen_port\": 51820", "\"listen_port\": 51821"),
            ("nodes/tokyo/nftables.conf", "udp dport 51820", "udp dport 51821"),
            ("nodes/frankfurt/wg0.conf", "ListenPort = 51820", "ListenPort = 51821"),
            ("nodes/frankfurt/node.json", "\"listen_port\": 51820", "\"listen_port\": 51821"),
            ("nodes/frankfurt/nftables.conf", "udp dport 51820", "udp dport 51821"),
            ("nodes/home/wg0.conf", "ListenPort = 51820", "ListenPort = 51821"),
            ("nodes/home/node.json", "\"listen_port\": 51820", "\"listen_port\": 51821"),
            ("nodes/home/nftables.conf", "udp dport 51820", "udp dport 51821"),
        ],
        findings: &[
            "peer-unreachable clients/laptop/wg0.conf:17: the endpoint of hongkong is not 203.0.113.10:51820",
            "peer-unreachable clients/laptop/wg0.conf:24: the endpoint of tokyo is not 198.51.100.20:51820",
            "peer-unreachable clients/laptop/wg0.conf:31: the endpoint of frankfurt is not 192.0.2.30:51820",
            "peer-unreachable nodes/frankfurt/wg0.conf:19: the endpoint of hongkong is not 203.0.113.10:51820",
            "peer-unreachable nodes/frankfurt/wg0.conf:26: the endpoint of tokyo is not 198.51.100.20:51820",
            "peer-unreachable nodes/home/wg0.conf:19: the endpoint of hongkong is not 203.0.113.10:51820",
            "peer-unreachable nodes/home/wg0.conf:26: the endpoint of tokyo is not 198.51.100.20:51820",
            "peer-unreachable nodes/home/wg0.conf:33: the endpoint of frankfurt is not 192.0.2.30:51820",
            "peer-unreachable nodes/hongkong/wg0.conf:19: the endpoint of tokyo is not 198.51.100.20:51820",
            "peer-unreachable nodes/hongkong/wg0.conf:26: the endpoint of frankfurt is not 192.0.2.30:51820",
            "peer-unreachable nodes/tokyo/wg0.conf:19: the endpoint of hongkong is not 203.0.113.10:51820",
            "peer-unreachable nodes/tokyo/wg0.conf:26: the endpoint of frankfurt is not 192.0.2.30:51820",
        ],
    },
    MisstatedIdentity {
        name: "a larger MTU in all of a node",
        changes: &[
            ("nodes/home/wg0.conf", "MTU = 1412", "MTU = 1440"),
            ("nodes/home/node.json", "\"mtu\": 1412", "\"mtu\": 1440"),
        ],
        findings: &[
            "file-differs nodes/home/node.env:9: `MESHWRIGHT_MTU=1412` differs from `MESHWRIGHT_MTU=1440`",
            "packet-too-large nodes/home/wg0.conf:8: 1440 bytes become 1500 in WireGuard, and the underlay's MTU is 1492: every packet would be sent as two fragments",
        ],
    },
    MisstatedIdentity {
        name: "address in wg0.conf",
        changes: &[("nodes/home/wg0.conf", "10.66.66.4/24", "10.66.66.40/24")],
        findings: &[
            "files-disagree nodes/home/wg0.conf:5: the address of home is 10.66.66.40 here, and 10.66.66.4 in nodes/home/kubeadm.yaml:13",
        ],
    },
    MisstatedIdentity {
        name: "prefix of the address in wg0.conf",
        changes: &[("nodes/home/wg0.conf", "10.66.66.4/24", "10.66.66.4/32")],
        findings: &[
            "no-route nodes/home/wg0.conf:5: home has the address 10.66.66.4/32, and this prefix does not contain all machines",
        ],
    },
    MisstatedIdentity {
        name: "address of a client",
        changes: &[("clients/laptop/wg0.conf", "10.66.66.200", "10.66.66.201")],
        findings: &[
            "files-disagree clients/laptop/wg0.conf:5: the address of laptop is 10.66.66.201 here, and 10.66.66.200 in nodes/frankfurt/wg0.conf:38",
        ],
    },
    MisstatedIdentity {
        name: "port in wg0.conf alone",
        changes: &[("nodes/tokyo/wg0.conf", "ListenPort = 51820", "ListenPort = 51821")],
        findings: &[
            "files-disagree nodes/tokyo/wg0.conf:6: WireGuard's port is 51821 here, and 51820 in nodes/tokyo/node.json:13",
        ],
    },
    MisstatedIdentity {
        name: "port in node.json alone",
        changes: &[("nodes/tokyo/node.json", "\"listen_port\": 51820", "\"listen_port\": 51821")],
        findings: &[
            "files-disagree nodes/tokyo/node.json:13: WireGuard's port is 51821 here, and 51820 in nodes/tokyo/wg0.conf:6",
        ],
    },
    MisstatedIdentity {
        name: "an endpoint of another machine in node.json, and none in wg0.conf",
        changes: &[
            ("nodes/hongkong/wg0.conf", "Endpoint = 198.51.100.20:51820\n", ""),
            ("nodes/hongkong/node.json", "198.51.100.20:51820", "192.0.2.30:51820"),
        ],
        findings: &[
            "peer-unreachable nodes/hongkong/node.json:25: the endpoint of tokyo is not 192.0.2.30:51820",
        ],
    },
    MisstatedIdentity {
        name: "no private key",
        changes: &[(
            "nodes/home/wg0.conf",
            "PostUp = wg set %i private-key /etc/wireguard/wg0.key\n",
            "",
        )],
        findings: &[
            "private-key-missing nodes/home/wg0.conf: no PostUp line loads the private key of home",
        ],
    },
    MisstatedIdentity {
        name: "a repository in node.json",
        changes: &[("nodes/tokyo/node.json", "\"1.37.2-*\"", "\"1.36.0-*\"")],
        findings: &[
            "files-disagree nodes/tokyo/node.json:168: 1.36.0-* is here, and MESHWRIGHT_KUBERNETES_VERSION in nodes/tokyo/node.env:24 is 1.37.2-*",
        ],
    },
    MisstatedIdentity {
        name: "the cluster's name in all node.json",
        changes: &[
            ("nodes/tokyo/node.json", "\"cluster\": \"atlas\"", "\"cluster\": \"atlantis\""),
            ("nodes/home/node.json", "\"cluster\": \"atlas\"", "\"cluster\": \"atlantis\""),
            ("nodes/hongkong/node.json", "\"cluster\": \"atlas\"", "\"cluster\": \"atlantis\""),
            ("nodes/frankfurt/node.json", "\"cluster\": \"atlas\"", "\"cluster\": \"atlantis\""),
        ],
        findings: &[
            "files-disagree nodes/hongkong/kubeadm.yaml: the cluster's name is atlas here, and atlantis in nodes/frankfurt/node.json:3",
        ],
    },
];
