//! The verdict of a host's firewall about packets between two classes of addresses.

use std::collections::BTreeMap;

use super::address_class::{AddressClass, AddressClasses};
use super::packet::ConntrackView;
use super::payload_set::PayloadSet;
use crate::admission::{self, Admission, CommonValues, HookChains, Priorities};
use crate::read::nftables::{Hook, Interface, NO_INTERFACE, NftChain, Ruleset};
use crate::space::{Dimension, Ranges, Region};

/// A ruleset, prepared for the address classes of one tree.
#[derive(Debug, Clone)]
pub struct NodeFirewall {
    /// The rules.
    pub ruleset: std::sync::Arc<Ruleset>,
    /// The group of each class: classes that no rule distinguishes share one.
    groups: Vec<u16>,
}

/// Rules that divide addresses or packets into more parts than are examined.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooManyParts {
    /// The line of the rule with which there are too many.
    pub(super) line: u32,
    /// What they divide.
    pub(super) of: &'static str,
}

/// The most groups of addresses of one firewall. The emitted rules distinguish about ten; a set of any size
/// is one.
const MOST_GROUPS: usize = 256;

/// The group of each class, or the line of the rule with which there are too many.
fn groups(ruleset: &Ruleset, classes: &AddressClasses) -> Result<Vec<u16>, u32> {
    let mut groups = vec![0_u16; classes.count()];
    let mut count = 1;
    let mut seen: Vec<&Ranges> = Vec::new();
    for rule in ruleset.chains.iter().flat_map(|chain| &chain.rules) {
        for (dimension, ranges) in rule.region.iter() {
            if !dimension.is_address4() || seen.contains(&ranges) {
                continue;
            }
            let earlier = count;
            count = divide(&mut groups, classes, ranges);
            if count > MOST_GROUPS {
                return Err(rule.line);
            }
            if count > earlier {
                seen.push(ranges);
            }
        }
    }
    Ok(groups)
}

/// Divides each group into the classes inside and outside of some ranges, and returns the number of groups.
fn divide(groups: &mut [u16], classes: &AddressClasses, ranges: &Ranges) -> usize {
    let mut numbers = BTreeMap::new();
    for (group, class) in groups.iter_mut().zip(classes.iter()) {
        let is_inside = ranges.contains(u32::from(classes.address(class)).into());
        let next = u16::try_from(numbers.len()).unwrap_or(u16::MAX);
        *group = *numbers.entry((*group, is_inside)).or_insert(next);
    }
    numbers.len()
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
    ///
    /// # Errors
    ///
    /// When its rules divide addresses or packets into more parts than are examined.
    pub fn new(
        ruleset: std::sync::Arc<Ruleset>,
        classes: &AddressClasses,
    ) -> Result<Self, TooManyParts> {
        if let Some(line) = admission::too_complex(&ruleset) {
            return Err(TooManyParts { line, of: "packets" });
        }
        let groups =
            groups(&ruleset, classes).map_err(|line| TooManyParts { line, of: "addresses" })?;
        Ok(Self { ruleset, groups })
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
        let Passage { hook, priorities, .. } = passage;
        let chains = HookChains { hook, priorities };
        self.evaluate(passage, addresses, payloads, classes, |regions, common| {
            admission::admit_alike(&self.ruleset, chains, regions, common)
        })
    }

    /// The line that masquerades all of these packets at postrouting.
    #[must_use]
    pub(crate) fn masquerades(
        &self,
        passage: Passage,
        addresses: PacketAddresses,
        payloads: &[Region],
        classes: &AddressClasses,
    ) -> Option<u32> {
        if !self.ruleset.chains.iter().any(NftChain::is_nat) {
            return None;
        }
        self.evaluate(passage, addresses, payloads, classes, |regions, common| {
            admission::masquerades(&self.ruleset, regions, common)
        })
    }

    fn evaluate<R>(
        &self,
        passage: Passage,
        addresses: PacketAddresses,
        payloads: &[Region],
        classes: &AddressClasses,
        by: impl FnOnce(Vec<Region>, CommonValues<'_>) -> R,
    ) -> R {
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
        by(payloads.iter().map(between).collect(), &common)
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
