//! The order in which parts take over: the one that loses the fewest flows in the states between.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, BinaryHeap};

use crate::state::{ChangeStates, Losses, TakenParts};
use meshwright_proof::finding::ProofFinding;

/// One part, and the state in which it is the last one that has taken over.
#[derive(Debug)]
pub struct OrderedPart {
    /// Its position in [`ChangeStates::parts`].
    pub part: usize,
    /// The state.
    pub state: TakenParts,
    /// The flows that this state loses.
    pub losses: Losses,
}

/// An order of all parts.
#[derive(Debug)]
pub struct PartOrder {
    /// The parts, first to last.
    pub parts: Vec<OrderedPart>,
    /// How many states were walked to find it.
    pub walked: usize,
    /// Whether no other order loses less. Of many parts, not every order is tried.
    pub is_best: bool,
}

/// How many states that lose flows are walked before the rest of the order is the usual one. All states of seven parts
/// are fewer.
const LOSING_STATES: usize = 128;

/// How many flows are walked in these states together, so that a large mesh does not wait for minutes. The flows of
/// [`LOSING_STATES`] states of 20 nodes are fewer.
const LOSING_FLOWS: u64 = 1_000_000;

/// A state that can be reached, first the one that loses the least; of several, the one with the most parts, and
/// then the usual order.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct ReachedState {
    /// The flows that are lost in all states up to this one.
    lost: u64,
    missing: usize,
    path: Vec<usize>,
    /// Whether the flows that this state itself loses are counted.
    is_walked: bool,
}

struct OrderSearch<'states> {
    states: &'states ChangeStates<'states>,
    walked: BTreeMap<TakenParts, Losses>,
}

/// Finds the order.
///
/// # Errors
///
/// When the files of a state do not form a network.
pub fn find(states: &ChangeStates<'_>) -> Result<PartOrder, Vec<ProofFinding>> {
    let mut search = OrderSearch { states, walked: BTreeMap::new() };
    let (path, is_best) = search.path()?;
    let mut state = TakenParts::none(states.parts.len());
    let mut parts = Vec::new();
    for part in path {
        state = state.with(&[part]);
        let losses = search.losses(&state)?.clone();
        parts.push(OrderedPart { part, state: state.clone(), losses });
    }
    Ok(PartOrder { parts, walked: search.walked.len(), is_best })
}

impl OrderSearch<'_> {
    /// Dijkstra's algorithm over states. A state is walked when it is the next one, so that an order that loses
    /// nothing is found with its own states alone.
    fn path(&mut self) -> Result<(Vec<usize>, bool), Vec<ProofFinding>> {
        let count = self.states.parts.len();
        let affordable = LOSING_FLOWS / self.states.required_flows().max(1);
        let most_losing = LOSING_STATES.min(usize::try_from(affordable).unwrap_or(usize::MAX));
        let start = ReachedState { lost: 0, missing: count, path: Vec::new(), is_walked: true };
        let mut reached = BinaryHeap::from([Reverse(start)]);
        let mut expanded = BTreeSet::new();
        let mut losing = 0;
        while let Some(Reverse(mut next)) = reached.pop() {
            let state = TakenParts::none(count).with(&next.path);
            if expanded.contains(&state) {
                continue;
            }
            if !next.is_walked && losing > most_losing {
                return Ok((self.usual_from(next.path), false));
            }
            if !next.is_walked {
                let lost = count_of(self.losses(&state)?);
                (next.lost, next.is_walked) = (next.lost + lost, true);
                if lost > 0 {
                    losing += 1;
                    reached.push(Reverse(next));
                    continue;
                }
            }
            if next.missing == 0 {
                return Ok((next.path, true));
            }
            for part in self.states.next(&state) {
                let path = [next.path.as_slice(), &[part]].concat();
                let missing = next.missing - 1;
                let lost = next.lost;
                reached.push(Reverse(ReachedState { lost, missing, path, is_walked: false }));
            }
            expanded.insert(state);
        }
        Ok((self.usual_from(Vec::new()), false))
    }

    /// The rest of a path in the usual order.
    fn usual_from(&self, mut path: Vec<usize>) -> Vec<usize> {
        let count = self.states.parts.len();
        while path.len() < count {
            let state = TakenParts::none(count).with(&path);
            let next = self.states.next(&state).first().copied();
            let Some(part) = next.or_else(|| state.missing().next()) else { break };
            path.push(part);
        }
        path
    }

    fn losses(&mut self, state: &TakenParts) -> Result<&Losses, Vec<ProofFinding>> {
        if !self.walked.contains_key(state) {
            let losses = self.states.losses(state)?;
            self.walked.insert(state.clone(), losses);
        }
        Ok(&self.walked[state])
    }
}

/// How many flows are lost.
#[must_use]
pub fn count_of(losses: &Losses) -> u64 {
    losses.iter().map(|pair| u64::from(pair.flows.count_ones())).sum()
}
