//! [`admission`] decides about sets of packets. A second interpreter decides about one packet, as nft
//! describes it: rule after rule. Both must agree for every packet.

use std::sync::Arc;

use proptest::prelude::*;
use proptest::sample::select;

use crate::admission::{self, Priorities};
use crate::model::address_class::{AddressClass, AddressClasses};
use crate::model::firewall::{NodeFirewall, PacketAddresses, Passage};
use crate::model::packet::{ConntrackState, ConntrackView, PacketPayload};
use crate::read::nftables::{self, Hook, Interface, NO_INTERFACE};
use crate::read::nftables::{ChainPolicy, NftRule, NftVerdict, Ruleset};
use crate::space::{Dimension, Ranges, Region};

/// The decision about one packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct PacketDecision {
    accepted: bool,
    line: Option<u32>,
}

/// One packet at a hook.
#[derive(Debug, Clone, Copy)]
struct HookedPacket {
    hook: Hook,
    interfaces: [u128; 2],
    addresses: PacketAddresses,
    payload: PacketPayload,
    state: ConntrackState,
    before_conntrack: bool,
}

impl HookedPacket {
    /// None for what conntrack or the family does not have: no condition matches it.
    fn value(&self, dimension: Dimension) -> Option<u128> {
        let classes = address_classes();
        let address = |class| Some(u128::from(u32::from(classes.address(class))));
        let PacketAddresses { source, destination, tracked } = self.addresses;
        let payload = self.payload;
        match dimension {
            Dimension::Family => Some(4),
            Dimension::Protocol => Some(payload.protocol.into()),
            Dimension::SourcePort => Some(payload.source_port.into()),
            Dimension::DestinationPort => Some(payload.destination_port.into()),
            Dimension::IcmpType => Some(payload.icmp_type.into()),
            Dimension::Source4 => address(source),
            Dimension::Destination4 => address(destination),
            Dimension::Source6 | Dimension::Destination6 => None,
            Dimension::State if self.before_conntrack => Some(ConntrackState::Invalid as u128),
            Dimension::State => Some(self.state as u128),
            Dimension::Translated if self.before_conntrack => Some(0),
            Dimension::Translated => Some(tracked.translated.into()),
            Dimension::Original4 if self.before_conntrack => None,
            Dimension::Original4 => address(tracked.original),
            Dimension::InInterface => Some(self.interfaces[0]),
            Dimension::OutInterface => Some(self.interfaces[1]),
        }
    }

    fn matches(&self, rule: &NftRule) -> bool {
        let mut conditions = rule.region.iter();
        conditions.all(|(dimension, ranges)| {
            self.value(dimension).is_some_and(|value| ranges.contains(value))
        })
    }

    fn chain(&self, ruleset: &Ruleset, rules: &[NftRule]) -> Option<PacketDecision> {
        for rule in rules.iter().filter(|rule| self.matches(rule)) {
            let decided = |accepted| Some(PacketDecision { accepted, line: Some(rule.line) });
            match rule.verdict {
                None => {}
                Some(NftVerdict::Accept) => return decided(true),
                Some(NftVerdict::Drop | NftVerdict::Masquerade) => return decided(false),
                Some(NftVerdict::Return) => return None,
                Some(NftVerdict::Goto(target)) => {
                    return self.chain(ruleset, &ruleset.chains[target].rules);
                }
                Some(NftVerdict::Jump(target)) => {
                    let decision = self.chain(ruleset, &ruleset.chains[target].rules);
                    if decision.is_some() {
                        return decision;
                    }
                }
            }
        }
        None
    }

    fn decide(mut self, ruleset: &Ruleset) -> PacketDecision {
        let mut last = PacketDecision { accepted: true, line: None };
        if !ruleset.families.contains(4) {
            return last;
        }
        let hook = self.hook;
        let based = ruleset.chains.iter().filter_map(|chain| Some((chain.base.as_ref()?, chain)));
        let mut bases: Vec<_> = based.filter(|(base, _)| base.hook == hook).collect();
        bases.sort_by_key(|(base, _)| base.priority);
        for (base, chain) in bases {
            let tracks = matches!(hook, Hook::Prerouting | Hook::Output);
            self.before_conntrack = tracks && base.priority < -200;
            let accepted = base.policy == ChainPolicy::Accept;
            let policy = PacketDecision { accepted, line: Some(base.line) };
            last = self.chain(ruleset, &chain.rules).unwrap_or(policy);
            if !last.accepted {
                return last;
            }
        }
        last
    }
}

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
    "meta l4proto { tcp, udp } th sport 80",
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
    let priorities = select(&[-300, -200, -100, -5, 0, 110][..]);
    let head = (select(&HOOKS[..]), priorities, select(&["accept", "drop"][..]));
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
    #![proptest_config(ProptestConfig { cases: 500, max_global_rejects: 50_000, ..ProptestConfig::default() })]

    #[test]
    fn each_packet_of_a_set_is_decided_like_one_packet(
        text in nftables_conf(),
        passage in passage(),
        addresses in (address(), address(), address()),
        payload in payload(),
        state in select(&STATES[..]),
        translated in any::<bool>(),
    ) {
        let read = nftables::read(&text, "wg0");
        // nft refuses fields of two protocols in one rule, and so does the reader.
        prop_assume!(read.is_ok());
        let ruleset = read.expect("it is assumed above");
        let classes = address_classes();
        let firewall = NodeFirewall::new(Arc::new(ruleset), &classes).unwrap();
        let (source, destination, original) = addresses;
        let tracked = ConntrackView { translated, original };
        let addresses = PacketAddresses { source, destination, tracked };
        let before_conntrack = false;
        let number = |interface: Option<Interface>| {
            let classes = interface.map(|kind| firewall.ruleset.interfaces.of(kind));
            let last = classes.and_then(|classes| classes.iter().map(|(_, last)| last).max());
            last.unwrap_or(NO_INTERFACE)
        };
        let interfaces = [number(passage.input), number(passage.output)];
        let hook = passage.hook;
        let packet = HookedPacket { hook, interfaces, addresses, payload, state, before_conntrack };
        let decision = packet.decide(&firewall.ruleset);
        let one = |value: u128| Ranges::one(value);
        let payload_region = Region::everything()
            .within(Dimension::Protocol, &one(payload.protocol.into()))
            .within(Dimension::SourcePort, &one(payload.source_port.into()))
            .within(Dimension::DestinationPort, &one(payload.destination_port.into()))
            .within(Dimension::IcmpType, &one(payload.icmp_type.into()))
            .within(Dimension::State, &one(state as u128));
        let point = [
            (Dimension::Family, 4),
            (Dimension::Source4, u32::from(classes.address(source)).into()),
            (Dimension::Destination4, u32::from(classes.address(destination)).into()),
            (Dimension::Original4, u32::from(classes.address(original)).into()),
            (Dimension::Translated, translated.into()),
            (Dimension::InInterface, interfaces[0]),
            (Dimension::OutInterface, interfaces[1]),
        ];
        let whole = point.iter().fold(payload_region.clone(), |region, (dimension, value)| {
            region.within(*dimension, &one(*value))
        });
        let many = vec![Region::everything()];
        let of_everything = admission::admit(&firewall.ruleset, passage.hook.into(), many);
        let of_payload = firewall.decide(passage, addresses, &[payload_region], &classes);
        let lines = |regions: &[admission::DecidedRegion]| -> Vec<_> {
            let holding = regions.iter().filter(|one| !one.region.intersect(&whole).is_empty());
            holding.map(|one| one.line).collect()
        };
        for decided in [of_everything, of_payload] {
            let (admitted, dropped) = (lines(&decided.admitted), lines(&decided.dropped));
            let (wanted, other) =
                if decision.accepted { (admitted, dropped) } else { (dropped, admitted) };
            prop_assert_eq!(wanted, vec![decision.line], "{}\n{:?}", text, packet);
            prop_assert_eq!(other, vec![], "{}\n{:?}", text, packet);
        }
    }
}
