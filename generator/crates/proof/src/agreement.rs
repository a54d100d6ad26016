//! Two interpreters read a ruleset: [`NodeFirewall::judge`] decides about one packet, and
//! [`exposure::admitted`] computes all packets that pass. Both must agree for every packet.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use crate::exposure;
use crate::model::address_class::{AddressClass, AddressClasses};
use crate::model::firewall::{NodeFirewall, PacketPoint, Passage, Priorities};
use crate::model::packet::{ConntrackState, ConntrackView, Packet, PacketPayload};
use crate::read::nftables::{self, Hook, Interface, NO_INTERFACE};
use crate::space::{Dimension, Ranges, Region};

/// Addresses of packets: inside and outside of every set in [`CONDITIONS`].
const ADDRESSES: [[u8; 4]; 5] =
    [[10, 0, 0, 0], [10, 0, 0, 2], [10, 0, 0, 3], [10, 96, 0, 9], [192, 0, 2, 1]];

const PORTS: [u16; 4] = [0, 15, 22, 80];

const STATES: [ConntrackState; 5] = [
    ConntrackState::Invalid,
    ConntrackState::New,
    ConntrackState::Established,
    ConntrackState::Related,
    ConntrackState::Untracked,
];

const HOOKS: [Hook; 5] =
    [Hook::Prerouting, Hook::Input, Hook::Forward, Hook::Output, Hook::Postrouting];

const CONDITIONS: &[&str] = &[
    "iifname \"wg0\"",
    "iifname != { \"lo\", \"wg0\" }",
    "iifname \"eth0\"",
    "oifname \"cali*\"",
    "oifname != \"wg0\"",
    "ip saddr 10.0.0.0/31",
    "ip saddr != 10.0.0.2",
    "ip daddr { 10.0.0.2, 10.96.0.0/16 }",
    "ip daddr @known",
    "ip6 saddr fd00::/8",
    "tcp dport 22",
    "udp dport 10-20",
    "th sport 80",
    "tcp dport != 22",
    "meta l4proto { tcp, udp }",
    "meta l4proto != icmp",
    "icmp type echo-request",
    "icmpv6 type echo-request",
    "ct state established,related",
    "ct state new",
    "ct status dnat",
    "ct original ip daddr 10.96.0.0/16",
];

/// Chains that rules can jump to. A chain jumps only to those after it: nft refuses circles.
const JUMPED_TO: usize = 3;

/// A rule of the chain at this position among those that are jumped to; a base chain is before all.
fn rule(position: Option<usize>) -> impl Strategy<Value = String> {
    let conditions = prop::collection::vec(select(CONDITIONS), 0..3);
    let first = position.map_or(0, |position| position + 1);
    let jumps = (first..JUMPED_TO).map(|target| format!("jump chain{target}"));
    let plain = ["accept", "drop", "return", "counter"].map(str::to_owned);
    let verdicts: Vec<_> = plain.into_iter().chain(jumps).collect();
    (conditions, select(verdicts))
        .prop_map(|(conditions, verdict)| format!("    {} {verdict}\n", conditions.join(" ")))
}

fn rules(position: Option<usize>) -> impl Strategy<Value = String> {
    prop::collection::vec(rule(position), 0..5).prop_map(|rules| rules.concat())
}

fn base_chain(number: usize) -> impl Strategy<Value = String> {
    let head = (select(&HOOKS[..]), -2..3_i32, select(&["accept", "drop"][..]));
    (head, rules(None)).prop_map(move |((hook, priority, policy), rules)| {
        let hook = hook.name();
        format!(
            "  chain base{number} {{\n    type filter hook {hook} priority {priority}; policy {policy};\n{rules}  }}\n"
        )
    })
}

fn jumped_to(position: usize) -> impl Strategy<Value = String> {
    rules(Some(position))
        .prop_map(move |rules| format!("  chain chain{position} {{\n{rules}  }}\n"))
}

fn nftables_conf() -> impl Strategy<Value = String> {
    let bases = [0, 1, 2].map(base_chain);
    let others = std::array::from_fn::<_, JUMPED_TO, _>(jumped_to);
    (select(&["inet", "ip", "ip6"][..]), bases, others).prop_map(|(family, bases, others)| {
        let set =
            "  set known {\n    type ipv4_addr\n    elements = { 10.0.0.3, 192.0.2.1 }\n  }\n";
        format!(
            "table {family} t\ndelete table {family} t\ntable {family} t {{\n{set}{}{}}}\n",
            bases.concat(),
            others.concat()
        )
    })
}

fn payload() -> impl Strategy<Value = PacketPayload> {
    let fields = (select(&[1_u8, 6, 17, 58][..]), select(&PORTS[..]), select(&PORTS[..]));
    (fields, select(&[0_u8, 8, 128][..])).prop_map(
        |((protocol, source_port, destination_port), icmp_type)| PacketPayload {
            protocol,
            source_port,
            destination_port,
            icmp_type,
        },
    )
}

fn interface(hook_has_it: bool) -> impl Strategy<Value = Option<Interface>> {
    let all = [Interface::Loopback, Interface::Mesh, Interface::Pod, Interface::Public];
    select(all.to_vec()).prop_map(move |interface| hook_has_it.then_some(interface))
}

/// A hook, with the interfaces that the kernel knows there.
fn passage() -> impl Strategy<Value = Passage> {
    select(&HOOKS[..]).prop_flat_map(|hook| {
        let has_input = matches!(hook, Hook::Prerouting | Hook::Input | Hook::Forward);
        let has_output = matches!(hook, Hook::Forward | Hook::Output | Hook::Postrouting);
        (interface(has_input), interface(has_output)).prop_map(move |(input, output)| Passage {
            hook,
            input,
            output,
            priorities: Priorities::All,
        })
    })
}

fn address_classes() -> AddressClasses {
    let cuts = ADDRESSES.iter().map(|address| u32::from_be_bytes(*address));
    AddressClasses::from_cuts(cuts.collect())
}

fn address() -> impl Strategy<Value = AddressClass> {
    select(&ADDRESSES[..]).prop_map(|address| address_classes().class_of(address.into()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn one_packet_passes_exactly_where_all_packets_that_pass_contain_it(
        text in nftables_conf(),
        passage in passage(),
        addresses in (address(), address(), address()),
        payload in payload(),
        state in select(&STATES[..]),
        translated in any::<bool>(),
    ) {
        let ruleset = nftables::read(&text, "wg0").expect("a ruleset that nft takes");
        let classes = address_classes();
        let firewall = NodeFirewall::new(Arc::new(ruleset), &classes);
        let (source, destination, original) = addresses;
        let packet = Packet { source, destination, payload, size: 0 };
        let tracked = ConntrackView { state, translated, original };
        let number = |interface: Option<Interface>| {
            let classes = interface.map(|kind| firewall.ruleset.interfaces.of(kind));
            classes.map_or(NO_INTERFACE, |classes| classes.iter().map(|(_, last)| last).max().unwrap_or_default())
        };
        let interfaces = [number(passage.input), number(passage.output)];
        let start = Region::everything()
            .within(Dimension::InInterface, &Ranges::one(interfaces[0]))
            .within(Dimension::OutInterface, &Ranges::one(interfaces[1]));
        let admitted = exposure::admitted(&firewall.ruleset, passage.hook, vec![start]);
        let point = PacketPoint { interfaces, packet: &packet, tracked, classes: &classes };
        let decision = firewall.judge_point(passage, &point);
        let containing: Vec<_> = admitted
            .iter()
            .filter(|one| point.is_in(&one.region))
            .map(|one| one.line)
            .collect();
        let expected = if decision.accepted { vec![decision.line] } else { Vec::new() };
        prop_assert_eq!(containing, expected, "{}\n{:?}", text, packet);
    }
}
