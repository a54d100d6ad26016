//! The verdict of a host's firewall about packets between two classes of addresses.

use super::address_class::{AddressClass, AddressClasses};
use super::packet::ConntrackView;
use super::payload_set::PayloadSet;
use crate::admission::{self, Admission, HookChains, Priorities};
use crate::read::nftables::{Hook, Interface, NO_INTERFACE, Ruleset};
use crate::space::{Dimension, Ranges, Region};

/// A ruleset, prepared for the address classes of one tree.
#[derive(Debug)]
pub struct NodeFirewall {
    /// The rules.
    pub ruleset: std::sync::Arc<Ruleset>,
    /// The group of each class: classes that no rule distinguishes share one.
    groups: Vec<u16>,
}

/// A hook that packets pass.
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

/// The addresses of packets at a hook.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketAddresses {
    /// The source.
    pub source: AddressClass,
    /// The destination.
    pub destination: AddressClass,
    /// What the host's conntrack knows.
    pub tracked: ConntrackView,
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

    /// The decision about packets with these addresses and every payload of the regions.
    #[must_use]
    pub(crate) fn decide(
        &self,
        passage: Passage,
        addresses: PacketAddresses,
        payloads: &[Region],
        classes: &AddressClasses,
    ) -> Admission {
        let PacketAddresses { source, destination, tracked } = addresses;
        let numbers = |known: Option<Interface>| match known {
            Some(kind) => self.ruleset.interfaces.of(kind),
            None => Ranges::one(NO_INTERFACE),
        };
        let (input, output) = (numbers(passage.input), numbers(passage.output));
        let single = |ranges: &Ranges| ranges.first().filter(|_| ranges.len() == 1);
        let address = |class| Some(u128::from(u32::from(classes.address(class))));
        let common = |dimension| match dimension {
            Dimension::Family => Some(4),
            Dimension::Source4 => address(source),
            Dimension::Destination4 => address(destination),
            Dimension::Original4 => address(tracked.original),
            Dimension::Translated => Some(tracked.translated.into()),
            Dimension::InInterface => single(&input),
            Dimension::OutInterface => single(&output),
            _ => None,
        };
        let between = |region: &Region| {
            let mut region = region.clone();
            for (dimension, ranges) in
                [(Dimension::InInterface, &input), (Dimension::OutInterface, &output)]
            {
                if single(ranges).is_none() {
                    region = region.within(dimension, ranges);
                }
            }
            region
        };
        let Passage { hook, priorities, .. } = passage;
        let regions = payloads.iter().map(between).collect();
        admission::admit_alike(&self.ruleset, HookChains { hook, priorities }, regions, &common)
    }

    /// The group of a class: no rule distinguishes the addresses of one group.
    #[must_use]
    pub fn group(&self, class: AddressClass) -> u16 {
        self.groups[class.index()]
    }

    /// The properties that rules distinguish, packed: sets with the same key get the same decision.
    #[must_use]
    pub fn key(&self, passage: Passage, addresses: PacketAddresses, payloads: PayloadSet) -> u128 {
        let group = |class| u128::from(self.group(class));
        let interface = |interface: Option<Interface>| interface.map_or(7, |one| one as u128);
        let PacketAddresses { source, destination, tracked } = addresses;
        let fields = [
            (passage.hook as u128, 3),
            (passage.priorities as u128, 3),
            (interface(passage.input), 3),
            (interface(passage.output), 3),
            (tracked.translated.into(), 1),
            (payloads.number().into(), 32),
            (group(source), 16),
            (group(destination), 16),
            (group(tracked.original), 16),
        ];
        fields.into_iter().fold(0, |packed, (field, bits)| packed << bits | field)
    }
}
