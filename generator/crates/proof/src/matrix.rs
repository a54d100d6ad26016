//! Which flows hold between which machines, so that two networks can be compared.

use std::collections::{BTreeMap, BTreeSet};

use rayon::prelude::*;

use crate::cause::FlowInstance;
use crate::finding::ProofFinding;
use crate::flows::{self, Flow};
use crate::model::{MachineId, Model};
use crate::pairs::{self, PairWalk};
use crate::trace;
use crate::walk::Walker;

/// The flows between two machines: one bit for each flow of [`flows::all`], by its position.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct PairFlows {
    /// The flows that are sent, or must be blocked, between the two.
    pub applying: u64,
    /// Those of them that have the expected verdict.
    pub holding: u64,
    /// Those of them whose packets arrive.
    pub arriving: u64,
}

/// Flows from one machine to another that hold in one network, and do not in another one.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct LostFlows {
    /// The sender.
    pub from: String,
    /// The receiver.
    pub to: String,
    /// The flows: one bit for each of [`flows::all`].
    pub flows: u64,
}

/// The flows between all machines of a network.
#[derive(Debug, Clone)]
pub struct FlowMatrix {
    names: BTreeMap<String, usize>,
    /// By sender, then by receiver.
    pairs: Vec<PairFlows>,
}

impl FlowMatrix {
    /// Walks all flows of a network.
    ///
    /// A flow beyond the 64th has no bit; a test of this module holds their number.
    #[must_use]
    pub fn of(model: &Model) -> Self {
        let senders: Vec<_> = model.ids().collect();
        let parts = senders.par_chunks(pairs::senders_of_part(senders.len())).map(|senders| {
            let mut walk = PairWalk::new(model);
            senders.iter().flat_map(|from| row(&mut walk, *from)).collect::<Vec<_>>()
        });
        let pairs = parts.collect::<Vec<_>>().concat();
        let names = model.ids().map(|id| (model.machine(id).name.clone(), id.index())).collect();
        Self { names, pairs }
    }

    /// The flows from one machine to another; none if one of them is not in this network.
    #[must_use]
    pub fn pair(&self, from: &str, to: &str) -> PairFlows {
        let positions = self.names.get(from).zip(self.names.get(to));
        let position = positions.map(|(from, to)| from * self.names.len() + to);
        position.and_then(|position| self.pairs.get(position)).copied().unwrap_or_default()
    }

    /// Whether a machine is in this network.
    #[must_use]
    pub fn contains(&self, machine: &str) -> bool {
        self.names.contains_key(machine)
    }

    /// The flows that hold in `before` and apply here, and do not hold here; sorted by sender and receiver.
    #[must_use]
    pub fn lost_since(&self, before: &Self) -> Vec<LostFlows> {
        let pairs = before.names().flat_map(|from| before.names().map(move |to| (from, to)));
        let lost = pairs.filter_map(|(from, to)| {
            let now = self.pair(from, to);
            let flows = before.pair(from, to).holding & now.applying & !now.holding;
            (flows != 0).then(|| LostFlows { from: from.to_owned(), to: to.to_owned(), flows })
        });
        lost.collect()
    }

    /// The names of all machines, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.names.keys().map(String::as_str)
    }
}

/// The flows of one bit set.
pub fn flows_of(bits: u64) -> impl Iterator<Item = &'static Flow> {
    flows::all()
        .enumerate()
        .filter(move |(number, _)| bits >> number & 1 == 1)
        .map(|(_, flow)| flow)
}

/// The bit of a flow, by its name; 0 if there is none.
pub(crate) fn bit_of(name: &str) -> u64 {
    let number = flows::all().position(|flow| flow.name == name);
    number.map_or(0, |number| 1 << number)
}

fn row(walk: &mut PairWalk<'_>, from: MachineId) -> Vec<PairFlows> {
    let model = walk.model();
    let mut row = vec![PairFlows::default(); model.machines.len()];
    walk.row(from, |walked| {
        let bit = 1 << walked.number;
        let pair = &mut row[walked.to.index()];
        pair.applying |= bit;
        let holds = walked.unexpected.is_none();
        if holds {
            pair.holding |= bit;
        }
        if holds == walked.flow.is_to_arrive(model, from) {
            pair.arriving |= bit;
        }
    });
    row
}

/// A NodePort of a node leads to pods of all nodes. If only the way from there to the pod of a third node is lost, it
/// is counted for that pair, and not for the one that calls the NodePort, which has no flows then.
pub fn attribute_node_ports(lost: &mut [LostFlows]) {
    let (node_ports, to_pods) = (bit_of("node-port") | bit_of("pod-node-port"), bit_of("node-pod"));
    let cut: BTreeSet<_> = lost
        .iter()
        .filter(|pair| pair.flows & to_pods != 0)
        .map(|pair| pair.from.clone())
        .collect();
    let is_indirect =
        |pair: &&mut LostFlows| pair.flows & !node_ports == 0 && cut.contains(&pair.to);
    lost.iter_mut().filter(is_indirect).for_each(|pair| pair.flows = 0);
}

/// Why a flow between two machines has another verdict than the expected one; none if it has that one, or if
/// one of the machines is not there.
#[must_use]
pub fn cause_of(model: &Model, flow: &'static Flow, from: &str, to: &str) -> Option<ProofFinding> {
    let (from, to) = (model.find(from)?, model.find(to)?);
    trace::walk(&mut Walker::with_log(model), FlowInstance { flow, from, to }).cause
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_flow_has_a_bit() {
        assert!(flows::all().count() <= 64);
        let of_all = flows_of(u64::MAX).map(|flow| flow.name).collect::<Vec<_>>();
        assert_eq!(of_all, flows::all().map(|flow| flow.name).collect::<Vec<_>>());
    }
}
