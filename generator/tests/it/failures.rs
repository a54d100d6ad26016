//! Single failures: the table agrees with the ordinary proof of files from which the failing machine, or the peers
//! across a network, were removed by hand; and each kind of loss that no example has.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeSet;
use std::fmt::Write as _;

use meshwright_proof::failure::{self, ApiEffect, Failure, FailureEffect, LostNetwork, NameEffect};
use meshwright_proof::judge::Proof;
use meshwright_proof::matrix::flows_of;
use meshwright_proof::model::Model;
use meshwright_proof::report::failure as report;

use crate::proof::{Files, emitted, emitted_from, prove};
use crate::testing::{compile_text, examples, repository};

/// An example in which pairs have two relays.
const HOUSES: &str = "examples/high-availability/topology.toml";

/// A flow from one machine to another.
type NamedFlow = (String, String, &'static str);

fn model(proof: &Proof) -> &Model {
    proof.model.as_ref().expect("a network")
}

fn effects(proof: &Proof) -> Vec<FailureEffect> {
    failure::effects(model(proof), &proof.ingress.requests)
}

/// The effect of the failure with this name in the table.
fn effect(files: &Files, name: &str) -> FailureEffect {
    let proof = prove(files);
    let model = model(&proof);
    let mut effects = effects(&proof).into_iter();
    effects.find(|one| report::name(model, &one.failure) == name).expect("it is in the table")
}

/// A NodePort leads to pods of all nodes, so it fails in other pairs than the one whose way is lost.
fn is_between_two(flow: &str) -> bool {
    !flow.ends_with("node-port")
}

fn lost_flows(effect: &FailureEffect) -> BTreeSet<NamedFlow> {
    let flows = effect.lost.iter().flat_map(|pair| {
        flows_of(pair.flows).map(|flow| (pair.from.clone(), pair.to.clone(), flow.name))
    });
    flows.filter(|(_, _, flow)| is_between_two(flow)).collect()
}

/// The files with which the ordinary proof sees the failure: each end of a tunnel that it cuts lacks the other end. The
/// file of a client states what it asks for and stays whole: the other end does not know it.
fn without(files: &Files, model: &Model, failure: &Failure) -> Files {
    let mut files = files.clone();
    for from in model.ids() {
        for to in model.ids() {
            let site = |id| model.site(id);
            let has_endpoint = |id| {
                let files = model.files(id).map(|files| &files.json.content);
                files.is_some_and(|json| json.public_endpoints().next().is_some())
            };
            let is_cut = match failure {
                Failure::Machine(off) => [from, to].contains(off),
                Failure::SiteNetwork(name) => [from, to].map(site) == [Some(name.as_str()); 2],
                Failure::Uplink(name) => {
                    let inside = [from, to].map(|id| site(id) == Some(name) && !has_endpoint(id));
                    inside[0] != inside[1]
                }
            };
            if is_cut && !model.is_client(from) {
                remove_peer(&mut files, &model.machine(from).name, &model.machine(to).name);
            }
        }
    }
    if let Failure::Machine(off) = failure {
        use_next_relays(&mut files, &model.machine(*off).name);
    }
    files
}

/// Gives the addresses that the peer of a relay had to the peer of the next relay, as the lists have it.
fn use_next_relays(files: &mut Files, off: &str) {
    let lists = files.iter().filter(|(path, _)| path.ends_with(".relays"));
    let lists: Vec<_> = lists.map(|(path, text)| (path.clone(), text.clone())).collect();
    for (path, list) in lists {
        let conf = path.replace(".relays", ".conf");
        let lines: Vec<Vec<_>> = list.lines().map(|line| line.split('\t').collect()).collect();
        for pair in lines.windows(2).filter(|pair| pair[0][0] == pair[1][0] && pair[0][3] == off) {
            let key = format!("PublicKey = {}\nAllowedIPs = ", pair[1][5]);
            let more = format!("{key}{}, ", pair[0][2].replace(',', ", "));
            let text = files[&conf].replace(&key, &more);
            files.insert(conf.clone(), text);
        }
    }
}

/// Removes the section of a peer, and the lines that name its key.
fn remove_peer(files: &mut Files, machine: &str, peer: &str) {
    let folder = format!("nodes/{machine}/");
    let mut own = files.iter().filter(|(path, _)| path.starts_with(&folder));
    let conf = own.find(|(_, text)| text.contains("\n[Interface]\n")).expect("a configuration");
    let (path, conf) = (conf.0.clone(), conf.1.clone());
    let heading = format!("# {peer}\n[Peer]\n");
    let Some(section) = conf.split("\n\n").find(|section| section.starts_with(&heading)) else {
        return;
    };
    let key = section.lines().find_map(|line| line.strip_prefix("PublicKey = ")).expect("a key");
    let without_key = |text: &str| -> String {
        text.lines().filter(|line| !line.contains(key)).map(|line| format!("{line}\n")).collect()
    };
    let sections = conf.split("\n\n").filter(|one| *one != section);
    let rest = sections.collect::<Vec<_>>().join("\n\n");
    let named = path.replace(".conf", ".endpoints");
    if let Some(text) = files.get(&named).map(|text| without_key(text)) {
        files.insert(named, text);
    }
    files.insert(path, without_key(&rest));
}

/// For each failure of each example: the flows that the ordinary proof misses in files without that machine are the
/// flows of the table.
#[test]
fn the_ordinary_proof_of_edited_files_loses_the_same_flows() {
    let mut failures_with_losses = 0;
    for topology in examples() {
        let files = emitted(&topology);
        let whole = prove(&files);
        let model = model(&whole);
        for effect in effects(&whole) {
            let name = report::name(model, &effect.failure);
            let proof = prove(&without(&files, model, &effect.failure));
            let seen = proof.model.as_ref();
            let seen = seen.unwrap_or_else(|| panic!("{topology}, {name}: {:?}", proof.findings));
            let is_off = |id| effect.failure == Failure::Machine(id);
            let failing = proof.failures.iter().flat_map(|failure| &failure.listed);
            let others = failing.filter(|flow| !is_off(flow.from) && !is_off(flow.to));
            let flows = others.map(|flow| {
                let name = |id| seen.machine(id).name.clone();
                (name(flow.from), name(flow.to), flow.flow.name)
            });
            let flows: BTreeSet<_> = flows.filter(|(_, _, flow)| is_between_two(flow)).collect();
            assert_eq!(flows, lost_flows(&effect), "{topology}: {name}");
            failures_with_losses += usize::from(!flows.is_empty());
        }
    }
    assert!(failures_with_losses > 6, "{failures_with_losses} failures lose flows");
}

/// The pairs of nodes that one relay connects, as issue 22 counts them.
#[test]
fn the_pairs_with_one_relay_are_counted() {
    let with_one_relay = std::fs::read_to_string(repository().join(HOUSES))
        .expect("the example")
        .replace("relay = [\"vienna\", \"prague\"]", "relay = \"vienna\"")
        .replace("relay = [\"prague\", \"vienna\"]", "relay = \"prague\"");
    let trees = [
        (emitted("examples/relay-and-site/topology.toml"), Some("4 of 20")),
        (emitted_from(compile_text("topology.toml", with_one_relay)), Some("10 of 42")),
        // Each of these ten pairs has a second relay.
        (emitted(HOUSES), None),
    ];
    for (files, counted) in trees {
        let proof = prove(&files);
        let table = report::table(model(&proof), &effects(&proof));
        let found = table.lines().find(|line| line.contains("have one relay"));
        let expected = counted.map(|pairs| {
            format!("  {pairs} ordered pairs of nodes have one relay, and no way without it.")
        });
        assert_eq!(found, expected.as_deref(), "{table}");
    }
}

/// A topology of these nodes: name, role, endpoint or other keys.
fn nodes(nodes: &[(&str, &str, &str)]) -> Files {
    let mut text = "\
[cluster]
name = \"homes\"
kubernetes_version = \"1.36.3\"
[control_plane]
endpoint = \"api.homes.internal\"
round_trip_ms = 20
[kube_proxy]
mode = \"nftables\"
[ingress]
controller = \"traefik\"
replicas = 1
[cloudflare_tunnel]
id = \"0c8e3a52-6c0f-4a5e-9f0e-0d1b4c1f2a3b\"
hostnames = [\"app.example.net\"]
[firewall]
ssh_from = [\"198.51.100.0/24\", \"192.168.0.0/16\"]
[[sites]]
name = \"barn\"
subnet = \"192.168.50.0/24\"
"
    .to_owned();
    for (id, (name, role, keys)) in (1..).zip(nodes) {
        let key = meshwright_value::PublicKey::new([id; 32]);
        writeln!(
            text,
            "[[nodes]]\nname = \"{name}\"\nid = {id}\nrole = \"{role}\"\npublic_key = \"{key}\"\n{keys}"
        )
        .expect("a String takes everything");
    }
    emitted_from(compile_text("topology.toml", text))
}

const CONTROL: &str = "control-plane";

fn api(all: usize, left: usize) -> ApiEffect {
    ApiEffect { all, left, quorum: all / 2 + 1, cut_off: Vec::new(), misdirected: Vec::new() }
}

/// etcd needs more than half of its members: of one none may fail, of two none, of three one.
#[test]
fn the_majority_of_etcd_is_counted() {
    let public =
        ["endpoint = \"203.0.113.1\"", "endpoint = \"203.0.113.2\"", "endpoint = \"203.0.113.3\""];
    for (controls, answers) in [(1, false), (2, false), (3, true)] {
        let names = ["alpha", "beta", "gamma"];
        let all = (0..3).map(|node| {
            let role = if node < controls { CONTROL } else { "worker" };
            (names[node], role, public[node])
        });
        let found = effect(&nodes(&all.collect::<Vec<_>>()), "alpha").api.expect("an effect");
        assert_eq!(found, api(controls, controls - 1));
        assert_eq!(found.has_quorum(), answers, "{controls}");
    }
}

/// No control plane fails, and etcd has no majority: its members met through the worker only.
#[test]
fn a_relay_of_control_planes_takes_the_majority_with_it() {
    let files = nodes(&[
        ("paris", "worker", "endpoint = \"203.0.113.1\""),
        ("attic", CONTROL, "relay = \"paris\""),
        ("mill", CONTROL, "relay = \"paris\""),
    ]);
    let found = effect(&files, "paris");
    assert_eq!(found.api, Some(api(2, 1)));
    let lost: Vec<_> = found.lost.iter().map(|pair| [&*pair.from, &*pair.to]).collect();
    assert_eq!(lost, [["attic", "mill"], ["mill", "attic"]]);
}

/// The nodes of a site run on without the API, and Kubernetes starts their pods elsewhere.
#[test]
fn the_uplink_of_a_site_cuts_its_nodes_off_the_api() {
    let files = nodes(&[
        ("vienna", CONTROL, "endpoint = \"203.0.113.1\""),
        ("mill", "worker", "site = \"barn\"\nlan_endpoint = \"192.168.50.4\""),
        ("silo", "worker", "site = \"barn\"\nlan_endpoint = \"192.168.50.5\""),
    ]);
    let cut_off = ["mill", "silo"].map(str::to_owned).to_vec();
    let found = effect(&files, "the uplink of barn");
    assert_eq!(found.api, Some(ApiEffect { cut_off, ..api(1, 1) }));
    // Each of the two meets the other in the LAN.
    let pairs: BTreeSet<_> = found.lost.iter().map(|pair| [&*pair.from, &*pair.to]).collect();
    let expected = [["mill", "vienna"], ["silo", "vienna"], ["vienna", "mill"], ["vienna", "silo"]];
    assert_eq!(pairs, expected.into());
    assert_eq!(effect(&files, "the LAN of barn").api, None);
}

/// The only node without a taint: a control plane keeps pods out.
#[test]
fn pods_of_the_last_node_without_a_taint_start_nowhere() {
    let two = [
        ("alpha", CONTROL, "endpoint = \"203.0.113.1\""),
        ("beta", "worker", "endpoint = \"203.0.113.2\""),
    ];
    let found = effect(&nodes(&two), "beta");
    assert!(found.strands_pods);
    let gone = ["cloudflared", "traefik"].map(str::to_owned).to_vec();
    let name = |gone| NameEffect {
        hostname: "app.example.net".to_owned(),
        gone,
        is_between_lost_pairs: false,
    };
    assert_eq!(found.names, [name(gone)]);
    assert_eq!(effect(&nodes(&two), "alpha").names, []);

    // With a third node, the only pod of traefik can have run on each of the two.
    let third = ("gamma", "worker", "endpoint = \"203.0.113.3\"");
    let three = nodes(&[two[0], two[1], third]);
    for worker in ["beta", "gamma"] {
        let found = effect(&three, worker);
        assert!(!found.strands_pods);
        assert_eq!(found.names, [name(vec!["traefik".to_owned()])]);
    }
}

/// A node and a server: each forwards to networks that nothing else forwards to.
#[test]
fn networks_are_lost_with_the_machine_that_forwards() {
    let files = emitted("examples/server-and-lan/topology.toml");
    let network = |network: &str, machines: &[&str]| LostNetwork {
        network: network.to_owned(),
        machines: machines.iter().map(|name| (*name).to_owned()).collect(),
    };
    // attic is in the LAN itself.
    let lan = network("lan (192.168.178.0/24)", &["berlin", "oslo", "laptop"]);
    assert_eq!(effect(&files, "home").networks, [lan]);
    let behind_storage = ["attic", "berlin", "home", "oslo", "laptop"];
    let networks = ["tapes (10.20.30.0/24)", "management (10.20.31.0/24)"];
    let expected = networks.map(|name| network(name, &behind_storage));
    assert_eq!(effect(&files, "storage").networks, expected);
}
