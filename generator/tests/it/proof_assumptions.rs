//! The assumptions of a proof: what no file shows is listed, each with a line that exists.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeSet;

use meshwright_proof::report::human;

use crate::proof::{Files, emitted, emitted_from, prove};
use crate::testing::{compile_text, topologies};

const NAMES_AND_IPV6: &str = r#"
[cluster]
name = "rock"
kubernetes_version = "1.36.3"

[[nodes]]
name = "alpha"
id = 1
role = "control-plane"
endpoint = "alpha.example.net"
public_key = "ZlDkiVgY9Ry958l5TI/X+61m2MSXSbdMTEJNGj/ScxY="

[[nodes]]
name = "beta"
id = 2
role = "worker"
endpoint = "[2001:db8::2]:51820"
public_key = "yuwRUDzkgw37NMjpm6nPxDHAFHb+JukXpdalI+Q7xjU="

[[nodes]]
name = "zeta"
id = 3
role = "worker"
public_key = "+qqV9YSJ4Y3Pm2GeQ+8/ehhMhYM+RLc0ve88tv8rbS4="
"#;

fn line_of(files: &Files, path: &str, line: u32) -> String {
    let text = files.get(path).expect("a file of the tree");
    let found = (line as usize).checked_sub(1).map(|position| text.lines().nth(position));
    found.map_or_else(String::new, |found| found.expect("a line of the file").trim().to_owned())
}

/// Each assumption of a tree: its sentence, its file, and the text of its line.
fn assumed(files: &Files) -> Vec<(String, String, String)> {
    let proof = prove(files);
    assert!(proof.holds(), "{:?}", proof.causes().collect::<Vec<_>>());
    let listed = proof.assumptions.iter().map(|one| {
        let path = proof.paths.path(one.place.file).to_owned();
        let line = line_of(files, &path, one.place.line);
        (one.text.clone(), path, line)
    });
    listed.collect()
}

#[test]
fn names_address_families_and_routers_are_assumed() {
    let files = emitted_from(compile_text("topology.toml", NAMES_AND_IPV6.to_owned()));
    let assumed = assumed(&files);
    let expected = [
        (
            "the name alpha.example.net resolves to the public address of alpha",
            "nodes/beta/",
            "alpha.example.net:51820",
        ),
        ("the endpoint on this line, and its owner, have IPv6", "nodes/", "[2001:db8::2]:51820"),
        ("arrives at the peer's ListenPort", "nodes/beta/", "alpha.example.net:51820"),
        ("arrives at the peer's ListenPort", "nodes/", "[2001:db8::2]:51820"),
        (
            "a NAT router of this machine keeps a mapping",
            "nodes/zeta/wg0.conf",
            "PersistentKeepalive",
        ),
        ("packets of 1492 bytes pass between this machine", "nodes/zeta/wg0.conf", "MTU = "),
        ("has the private key of the public key", "nodes/alpha/wg0.conf", "PostUp = wg set"),
        ("programs call from the ports 32768-60999", "host/sysctl.conf", ""),
        ("NodePorts are 30000-32767", "nodes/alpha/kubeadm.yaml", ""),
        ("BIRD listens on port 179", "cluster/calico/bgp.yaml", ""),
        ("RFC 6890", "host/guards.routes", ""),
        ("and to which only their default route leads", "nodes/beta/", "alpha.example.net:51820"),
        ("kube-proxy translates Services", "cluster/kube-proxy/kube-proxy.patch.yaml", "mode:"),
    ];
    for (text, path, line) in expected {
        let is_meant = |one: &&(String, String, String)| {
            one.0.contains(text) && one.1.starts_with(path) && one.2.contains(line)
        };
        assert_eq!(assumed.iter().filter(is_meant).count(), 1, "{text}: {assumed:#?}");
    }
    let ipv4 = assumed.iter().filter(|(text, ..)| text.contains("IPv4")).count();
    assert_eq!(ipv4, 0, "no endpoint is an IPv4 address");
}

/// No file has the firewall of a machine that is not a node.
#[test]
fn the_firewall_of_a_server_is_assumed() {
    let servers = emitted("examples/server-and-lan/topology.toml");
    let accepts = |one: &(String, String, String)| one.0.contains("what nodes and pods send to it");
    let found: Vec<_> = assumed(&servers).into_iter().filter(accepts).collect();
    let places: Vec<_> =
        found.iter().map(|(_, path, line)| (path.as_str(), line.as_str())).collect();
    let expected = [
        ("clients/metrics/wg0.conf", "ListenPort = 51820"),
        ("clients/storage/wg0.conf", "ListenPort = 51999"),
    ];
    assert_eq!(places, expected);
}

/// The address of a name is known if `hosts` has it: no resolver is asked.
#[test]
fn a_named_endpoint_that_hosts_leads_into_the_mesh_is_a_loop() {
    let mut files = emitted_from(compile_text("topology.toml", NAMES_AND_IPV6.to_owned()));
    let hosts = files.get_mut("host/hosts").expect("a file");
    // `endpoint-name-taken` refuses a topology with such a name.
    hosts.push_str("10.66.66.1 alpha.example.net\n");
    let line = hosts.lines().count();
    let proof = prove(&files);
    let findings = proof.failures.iter().map(|failure| &failure.finding);
    let shown: BTreeSet<_> = findings
        .map(|one| format!("{}: {}: {}", proof.paths.show(one.place), one.code, one.message))
        .collect();
    let expected = format!(
        "host/hosts:{line}: routing-loop: alpha.example.net is an endpoint, and has the address \
         10.66.66.1 here: WireGuard's packets do not leave the host"
    );
    assert!(shown.contains(&expected), "{shown:#?}");
}

#[test]
fn each_assumption_is_listed_once_and_equal_ones_are_grouped() {
    for topology in topologies() {
        let files = emitted(&topology);
        let assumed = assumed(&files);
        let sentences: BTreeSet<_> = assumed.iter().map(|(text, ..)| text.as_str()).collect();
        let proof = prove(&files);
        let unique: BTreeSet<_> = proof.assumptions.iter().collect();
        assert_eq!(unique.len(), proof.assumptions.len(), "{topology}");
        let table = human::table(&proof);
        let (_, listed) =
            table.split_once("\nAssumed, because no file shows it:\n").expect(&topology);
        // What is not judged comes after an empty line.
        let listed = listed.split("\n\n").next().unwrap_or_default();
        assert_eq!(listed.lines().count(), 2 * sentences.len(), "{topology}: {listed}");
    }
}
