//! The decision of a firewall about a set of packets, and a cache of decisions.

use super::Walker;
use crate::admission::DecidedRegion;
use crate::model::firewall::{PacketAddresses, Passage};
use crate::model::packet::PacketPayload;
use crate::model::payload_set::{self, PayloadSet};
use crate::space::{Dimension, Region};

/// The decision about a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct SetDecision {
    /// Those that pass; none if none passes.
    pub admitted: Option<PayloadSet>,
    /// One that does not pass, if there is one.
    pub dropped: Option<DroppedPayload>,
    /// The line that admits the set's sample, or another if it does not pass.
    pub line: Option<u32>,
}

/// A payload that a firewall drops.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct DroppedPayload {
    pub payload: PacketPayload,
    pub line: Option<u32>,
}

/// A cache of decisions: a table in which each key has one slot, and a new entry replaces the old.
#[derive(Debug)]
pub(super) struct DecisionCache(Vec<Option<(usize, u128, SetDecision)>>);

const PLACES: usize = 1 << 12;

impl Default for DecisionCache {
    fn default() -> Self {
        Self(vec![None; PLACES])
    }
}

/// Multiplication mixes the bits upwards (Fibonacci hashing).
fn slot(firewall: usize, key: u128) -> usize {
    let folded = (key as u64) ^ ((key >> 64) as u64) ^ (firewall as u64) << 7;
    (folded.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 52) as usize
}

impl Walker<'_> {
    /// The decision of a firewall about a set.
    pub(super) fn decide(
        &mut self,
        firewall: usize,
        passage: Passage,
        addresses: PacketAddresses,
        payloads: PayloadSet,
    ) -> SetDecision {
        let key = self.model.firewalls[firewall].key(passage, addresses, payloads);
        let slot = slot(firewall, key);
        if let Some((known, other, decision)) = self.memo.0[slot]
            && known == firewall
            && other == key
        {
            return decision;
        }
        let decision = self.compute(firewall, passage, addresses, payloads);
        self.memo.0[slot] = Some((firewall, key, decision));
        decision
    }

    fn compute(
        &mut self,
        firewall: usize,
        passage: Passage,
        addresses: PacketAddresses,
        payloads: PayloadSet,
    ) -> SetDecision {
        let sample = self.sets.sample(payloads);
        let regions = self.sets.regions(payloads);
        let firewall = &self.model.firewalls[firewall];
        let decided = firewall.decide(passage, addresses, regions, &self.model.classes);
        let line = nearest(&decided.admitted, sample).and_then(|one| one.line);
        let dropped = nearest(&decided.dropped, sample).map(|one| DroppedPayload {
            payload: payload_set::witness(&one.region, sample),
            line: one.line,
        });
        let admitted = match (decided.admitted.is_empty(), dropped) {
            (true, _) => None,
            (false, None) => Some(payloads),
            (false, Some(_)) => Some(self.admitted(&decided.admitted, sample)),
        };
        SetDecision { admitted, dropped, line }
    }

    /// The set of these packets. Packets of several interfaces of one kind are the same set.
    fn admitted(&mut self, regions: &[DecidedRegion], sample: PacketPayload) -> PayloadSet {
        let interfaces = [Dimension::InInterface, Dimension::OutInterface];
        let mut payloads: Vec<Region> = Vec::new();
        for one in regions {
            let region = one.region.clone().without(&interfaces);
            if !payloads.contains(&region) {
                payloads.push(region);
            }
        }
        let nearest = nearest(regions, sample)
            .map_or(sample, |one| payload_set::witness(&one.region, sample));
        self.sets.set(payloads, nearest)
    }
}

/// The region that holds the sample, otherwise the first.
fn nearest(regions: &[DecidedRegion], sample: PacketPayload) -> Option<&DecidedRegion> {
    let holding = regions.iter().find(|one| payload_set::holds(&one.region, sample));
    holding.or_else(|| regions.first())
}
