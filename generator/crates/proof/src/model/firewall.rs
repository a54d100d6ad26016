//! The verdict of a host's firewall about one packet.

use super::address_class::{AddressClass, AddressClasses};
use super::packet::{ConntrackView, Packet};
use crate::read::nftables::{
    ChainPolicy, Hook, Interface, NO_INTERFACE, NftRule, NftVerdict, Ruleset,
};
use crate::space::{Dimension, Ranges, Region};

/// A ruleset, prepared for the address classes of one tree.
#[derive(Debug)]
pub struct NodeFirewall {
    /// The rules.
    pub ruleset: std::sync::Arc<Ruleset>,
    /// The group of each class: classes that no rule distinguishes share one.
    groups: Vec<u16>,
}

/// The decision about a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the packet is accepted.
    pub accepted: bool,
    /// The line of the rule or policy that decides; none if there is no chain at this hook.
    pub line: Option<u32>,
}

impl Decision {
    const UNSEEN: Self = Self { accepted: true, line: None };
}

/// A hook that a packet passes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// The hook.
    pub hook: Hook,
    /// The input interface.
    pub input: Option<Interface>,
    /// The output interface.
    pub output: Option<Interface>,
    /// The chains of this hook that are evaluated.
    pub priorities: Priorities,
}

/// Which chains of a hook are evaluated, by their priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priorities {
    /// All.
    All,
    /// Those before the destination is translated.
    BeforeTranslation,
    /// Those after it.
    AfterTranslation,
}

/// The priority at which destinations are translated (`NF_IP_PRI_NAT_DST`).
const TRANSLATION: i32 = -100;

impl Priorities {
    fn includes(self, priority: i32) -> bool {
        match self {
            Self::All => true,
            Self::BeforeTranslation => priority < TRANSLATION,
            Self::AfterTranslation => priority >= TRANSLATION,
        }
    }
}

impl NodeFirewall {
    /// Prepares a ruleset.
    #[must_use]
    pub fn new(ruleset: std::sync::Arc<Ruleset>, classes: &AddressClasses) -> Self {
        let mut distinguished: Vec<&Ranges> = Vec::new();
        for rule in ruleset.chains.iter().flat_map(|chain| &chain.rules) {
            for (dimension, ranges) in rule.region.iter() {
                if dimension.is_address4() && !distinguished.contains(&ranges) {
                    distinguished.push(ranges);
                }
            }
        }
        let mut known: Vec<Vec<bool>> = Vec::new();
        let mut group = |class| {
            let address = u32::from(classes.address(class)).into();
            let signature: Vec<_> =
                distinguished.iter().map(|ranges| ranges.contains(address)).collect();
            let position = known.iter().position(|other| *other == signature);
            let position = position.unwrap_or_else(|| {
                known.push(signature);
                known.len() - 1
            });
            u16::try_from(position).unwrap_or(u16::MAX)
        };
        let groups = classes.iter().map(&mut group).collect();
        Self { ruleset, groups }
    }

    /// The decision about a packet.
    #[must_use]
    pub fn judge(
        &self,
        passage: Passage,
        packet: &Packet,
        tracked: ConntrackView,
        classes: &AddressClasses,
    ) -> Decision {
        let classes_of = |interface: Option<Interface>| match interface {
            None => Ranges::one(NO_INTERFACE),
            Some(kind) => self.ruleset.interfaces.of(kind),
        };
        let [inputs, outputs] = [passage.input, passage.output].map(classes_of);
        let mut last = Decision::UNSEEN;
        for input in inputs.iter().flat_map(|(first, last)| first..=last) {
            for output in outputs.iter().flat_map(|(first, last)| first..=last) {
                let point = PacketPoint { interfaces: [input, output], packet, tracked, classes };
                last = self.judge_point(passage, &point);
                if !last.accepted {
                    return last;
                }
            }
        }
        last
    }

    /// The decision about a packet of one class of interfaces.
    pub(crate) fn judge_point(&self, passage: Passage, point: &PacketPoint<'_>) -> Decision {
        if !self.ruleset.families.contains(4) {
            return Decision::UNSEEN;
        }
        let mut bases: Vec<_> = self
            .ruleset
            .chains
            .iter()
            .filter_map(|chain| Some((chain.base.as_ref()?, chain)))
            .filter(|(base, _)| {
                base.hook == passage.hook && passage.priorities.includes(base.priority)
            })
            .collect();
        bases.sort_by_key(|(base, _)| base.priority);
        let mut last = Decision::UNSEEN;
        for (base, chain) in bases {
            let decided = self.chain(&chain.rules, point);
            last = decided.unwrap_or(Decision {
                accepted: base.policy == ChainPolicy::Accept,
                line: Some(base.line),
            });
            if !last.accepted {
                return last;
            }
        }
        last
    }

    /// The first verdict of a chain; none if the packet reaches its end.
    fn chain(&self, rules: &[NftRule], point: &PacketPoint<'_>) -> Option<Decision> {
        for rule in rules.iter().filter(|rule| point.is_in(&rule.region)) {
            match rule.verdict {
                None => {}
                // A packet above the limit is not accepted here.
                Some(NftVerdict::Accept) if rule.partial => {}
                Some(NftVerdict::Accept) => {
                    return Some(Decision { accepted: true, line: Some(rule.line) });
                }
                Some(NftVerdict::Drop) => {
                    return Some(Decision { accepted: false, line: Some(rule.line) });
                }
                Some(NftVerdict::Return) => return None,
                Some(NftVerdict::Goto(target)) => {
                    return self.chain(&self.ruleset.chains[target].rules, point);
                }
                Some(NftVerdict::Jump(target)) => {
                    let rules = &self.ruleset.chains[target].rules;
                    if let Some(decision) = self.chain(rules, point) {
                        return Some(decision);
                    }
                }
            }
        }
        None
    }

    /// Whether a rule distinguishes two ports, as source or as destination.
    #[must_use]
    pub fn distinguishes(&self, one: u16, other: u16) -> bool {
        let rules = self.ruleset.chains.iter().flat_map(|chain| &chain.rules);
        let mut ranges = rules.flat_map(|rule| rule.region.iter());
        ranges.any(|(dimension, ranges)| {
            let of_ports = [Dimension::SourcePort, Dimension::DestinationPort];
            of_ports.contains(&dimension)
                && ranges.contains(one.into()) != ranges.contains(other.into())
        })
    }

    /// The properties that rules distinguish, packed: packets with the same key get the same decision.
    #[must_use]
    pub fn key(&self, passage: Passage, packet: &Packet, tracked: ConntrackView) -> u128 {
        let group = |class: AddressClass| u128::from(self.groups[class.index()]);
        let interface = |interface: Option<Interface>| interface.map_or(7, |one| one as u128);
        let payload = packet.payload;
        let fields = [
            (passage.hook as u128, 3),
            (passage.priorities as u128, 2),
            (interface(passage.input), 3),
            (interface(passage.output), 3),
            (tracked.state as u128, 3),
            (tracked.translated.into(), 1),
            (payload.protocol.into(), 8),
            (payload.source_port.into(), 16),
            (payload.destination_port.into(), 16),
            (payload.icmp_type.into(), 8),
            (group(packet.source), 16),
            (group(packet.destination), 16),
            (group(tracked.original), 16),
        ];
        fields.into_iter().fold(0, |packed, (field, bits)| packed << bits | field)
    }
}

/// One packet as a point in the space of all packets.
pub(crate) struct PacketPoint<'a> {
    /// The numbers of the interfaces that it comes in and leaves by.
    pub(crate) interfaces: [u128; 2],
    pub(crate) packet: &'a Packet,
    pub(crate) tracked: ConntrackView,
    pub(crate) classes: &'a AddressClasses,
}

impl PacketPoint<'_> {
    /// Whether a region contains the packet.
    pub(crate) fn is_in(&self, region: &Region) -> bool {
        region.iter().all(|(dimension, ranges)| {
            self.coordinate(dimension).is_some_and(|coordinate| ranges.contains(coordinate))
        })
    }

    /// None for IPv6 addresses: the packet is one of IPv4.
    fn coordinate(&self, dimension: Dimension) -> Option<u128> {
        let address = |class| u128::from(u32::from(self.classes.address(class)));
        let Packet { source, destination, payload, .. } = *self.packet;
        Some(match dimension {
            Dimension::Family => 4,
            Dimension::Protocol => payload.protocol.into(),
            Dimension::SourcePort => payload.source_port.into(),
            Dimension::DestinationPort => payload.destination_port.into(),
            Dimension::IcmpType => payload.icmp_type.into(),
            Dimension::Source4 => address(source),
            Dimension::Destination4 => address(destination),
            Dimension::Source6 | Dimension::Destination6 => return None,
            Dimension::State => self.tracked.state as u128,
            Dimension::Translated => self.tracked.translated.into(),
            Dimension::Original4 => address(self.tracked.original),
            Dimension::InInterface => self.interfaces[0],
            Dimension::OutInterface => self.interfaces[1],
        })
    }
}

/// A cache of decisions: a table in which each key has one slot, and a new entry replaces the old.
#[derive(Debug)]
pub struct DecisionCache(Vec<Option<(usize, u128, Decision)>>);

const PLACES: usize = 1 << 12;

impl Default for DecisionCache {
    fn default() -> Self {
        Self(vec![None; PLACES])
    }
}

impl DecisionCache {
    /// The cached decision for a key of a firewall, or the result of `make`.
    pub fn get_or_decide(
        &mut self,
        firewall: usize,
        key: u128,
        make: impl FnOnce() -> Decision,
    ) -> Decision {
        // Multiplication mixes the bits upwards (Fibonacci hashing).
        let folded = (key as u64) ^ ((key >> 64) as u64) ^ (firewall as u64) << 7;
        let place = (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize;
        match self.0[place] {
            Some((known, other, decision)) if known == firewall && other == key => decision,
            _ => {
                let decision = make();
                self.0[place] = Some((firewall, key, decision));
                decision
            }
        }
    }
}
