//! Properties of every plan and tree, tested with random topologies.

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::collections::BTreeMap;
use std::fmt::Write as _;

use meshwright_compiler::plan::mesh::PeerIdentity;
use meshwright_compiler::plan::{NodePlan, Plan};
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, proptest,
};
use proptest::sample::SizeRange;

use crate::testing::{Rendered, compile_text, human, render};

/// The properties of a node that vary in a random topology.
#[derive(Debug, Clone)]
struct RandomNode {
    id: u32,
    public: bool,
    site: Option<u8>,
    underlay_mtu: u16,
}

fn host() -> impl Strategy<Value = RandomNode> {
    let site = proptest::option::of(0..3_u8);
    (1..200_u32, any::<bool>(), site, 1380..1501_u16)
        .prop_map(|(id, public, site, underlay_mtu)| RandomNode { id, public, site, underlay_mtu })
}

/// One public node with id 250, so that there is a control plane and a relay, and random others
/// with distinct ids.
fn hosts(others: impl Into<SizeRange>) -> impl Strategy<Value = Vec<RandomNode>> {
    proptest::collection::vec(host(), others).prop_map(|hosts| {
        let hosts: BTreeMap<_, _> = hosts.into_iter().map(|host| (host.id, host)).collect();
        let anchor = RandomNode { id: 250, public: true, site: None, underlay_mtu: 1500 };
        hosts.into_values().chain([anchor]).collect()
    })
}

const HEAD: &str = r#"
[cluster]
name = "random"
kubernetes_version = "1.36.3"
[kube_proxy]
mode = "nftables"
[ingress]
controller = "traefik"
[firewall]
ssh_from = ["198.51.100.0/24"]
"#;

fn topology(hosts: &[RandomNode]) -> String {
    let mut text = HEAD.to_owned();
    for host in hosts {
        write_node(&mut text, host).expect("a String takes everything");
    }
    let client = key(4000);
    write!(text, "[[clients]]\nname = \"laptop\"\nid = 254\npublic_key = \"{client}\"\n")
        .expect("a String takes everything");
    text
}

fn write_node(text: &mut String, host: &RandomNode) -> std::fmt::Result {
    let RandomNode { id, public, site, underlay_mtu } = host;
    let role = if *id == 250 { "control-plane" } else { "worker" };
    writeln!(text, "[[nodes]]\nname = \"n{id}\"\nid = {id}\nrole = \"{role}\"")?;
    writeln!(text, "public_key = \"{}\"\nunderlay_mtu = {underlay_mtu}", key(*id))?;
    match public {
        true => writeln!(text, "endpoint = \"203.0.113.{id}\"")?,
        false => writeln!(text, "relay = \"n250\"")?,
    }
    match site {
        Some(site) => {
            writeln!(text, "site = \"lan{site}\"\nlan_endpoint = \"192.168.{site}.{id}\"")
        }
        None => Ok(()),
    }
}

/// A public key that no other id has. Any 32 bytes are one.
fn key(id: u32) -> String {
    let mut bytes = [7; 32];
    bytes[..4].copy_from_slice(&id.to_be_bytes());
    meshwright_value::PublicKey::new(bytes).to_string()
}

fn with_plan<T>(hosts: &[RandomNode], judge: impl FnOnce(&Plan) -> T) -> T {
    let compiled = compile_text("random.toml", topology(hosts));
    let plan = compiled.plan.as_ref();
    judge(plan.unwrap_or_else(|| unreachable!("not clean:\n{}", human(&compiled))))
}

fn files(hosts: &[RandomNode]) -> Rendered {
    let compiled = compile_text("random.toml", topology(hosts));
    render(&compiled.plan.unwrap_or_else(|| unreachable!("not clean")))
}

/// Whether `from` can send to the address of `to`: which peer takes it.
fn peer_towards<'plan>(
    plan: &'plan Plan,
    from: &'plan NodePlan,
    to: &NodePlan,
) -> Option<&'plan NodePlan> {
    let peers = plan.peers(from);
    let peer =
        peers.iter().find(|peer| peer.allowed_ips.iter().any(|net| net.contains(&to.address)));
    match peer?.identity {
        PeerIdentity::Node(node) => Some(node),
        PeerIdentity::Client(_) => None,
    }
}

proptest! {
    // Each case renders a whole mesh at least once; the default of 256 cases takes four times as long.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_pair_meets_the_same_way_in_both_directions(hosts in hosts(0..12)) {
        with_plan(&hosts, |plan| {
            for a in &plan.nodes {
                for b in plan.nodes.iter().filter(|b| b.id != a.id) {
                    let there = peer_towards(plan, a, b).expect("a way there");
                    let back = peer_towards(plan, b, a).expect("a way back");
                    let direct = there.id == b.id && back.id == a.id;
                    let relayed = there.id == back.id && there.id != a.id && there.id != b.id;
                    prop_assert!(direct || relayed, "{} to {}: {} and {}", a.name, b.name, there.name, back.name);
                    let called = a.location.connects(&b.location);
                    prop_assert_eq!(direct, called);
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn allowed_ips_of_one_interface_are_disjoint(hosts in hosts(0..12)) {
        with_plan(&hosts, |plan| {
            for node in &plan.nodes {
                let peers = plan.peers(node);
                let all: Vec<_> = peers.iter().flat_map(|peer| &peer.allowed_ips).collect();
                for (position, one) in all.iter().enumerate() {
                    for other in &all[position + 1..] {
                        prop_assert!(!one.contains(*other) && !other.contains(*one), "{one} and {other}");
                    }
                }
            }
            Ok(())
        })?;
    }

    #[test]
    fn mtu_fits_every_underlay_and_is_no_smaller_than_needed(hosts in hosts(0..12)) {
        let smallest = hosts.iter().map(|host| host.underlay_mtu).min();
        with_plan(&hosts, |plan| {
            prop_assert_eq!(Some(plan.wireguard.mtu.value + 80), smallest);
            Ok(())
        })?;
    }

    #[test]
    fn the_order_of_nodes_changes_no_byte(hosts in hosts(0..8).prop_flat_map(|hosts| {
        (Just(hosts.clone()), Just(hosts).prop_shuffle())
    })) {
        let (ordered, shuffled) = hosts;
        prop_assert_eq!(files(&ordered), files(&shuffled));
    }

    #[test]
    fn a_further_node_changes_no_other_address(hosts in hosts(1..10)) {
        let with = |plan: &Plan| {
            let nodes = plan.nodes.iter();
            nodes.map(|node| (node.name.clone(), (node.address, node.pod_subnet))).collect::<BTreeMap<_, _>>()
        };
        let all = with_plan(&hosts, with);
        let fewer = with_plan(&hosts[1..], with);
        for (name, addresses) in fewer {
            prop_assert_eq!(all[&name], addresses);
        }
    }
}

proptest! {
    #[test]
    fn any_text_gets_a_report(text in any::<String>()) {
        let compiled = compile_text("random.toml", text);
        prop_assert!(compiled.plan.is_none());
        prop_assert!(!human(&compiled).is_empty());
    }

    #[test]
    fn any_bytes_in_a_valid_topology_get_a_report_or_a_plan(
        (position, bytes) in (0..900_usize, proptest::collection::vec(any::<u8>(), 0..6))
    ) {
        let mut text = topology(&[RandomNode { id: 250, public: true, site: None, underlay_mtu: 1500 }]).into_bytes();
        let position = position.min(text.len());
        let end = (position + bytes.len()).min(text.len());
        text.splice(position..end, bytes);
        let compiled = compile_text("random.toml", String::from_utf8_lossy(&text).into_owned());
        prop_assert!(compiled.plan.is_some() || !human(&compiled).is_empty());
    }
}
