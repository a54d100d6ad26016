//! Walks all flows of one sender, and skips those that a pair with the same properties has shown.

use std::collections::BTreeMap;

use crate::flows::{self, Flow, FlowVerdict};
use crate::model::pair_view::PairViews;
use crate::model::{MachineId, Model};
use crate::walk::Walker;

/// How many parts of the senders each processor walks, so that none waits long for the last part.
const PARTS_OF_EACH: usize = 4;

/// How many senders one part has, so that all processors share the work.
pub(crate) fn senders_of_part(senders: usize) -> usize {
    let parts = PARTS_OF_EACH * rayon::current_num_threads();
    senders.div_ceil(parts).max(1)
}

/// Walks flows between pairs, and remembers those that were proven.
pub(crate) struct PairWalk<'model> {
    walker: Walker<'model>,
    alike: AlikePairs<'model>,
}

/// One flow that was walked.
pub(crate) struct WalkedFlow {
    /// Its position in [`flows::all`].
    pub(crate) number: usize,
    /// The flow.
    pub(crate) flow: &'static Flow,
    /// The receiver.
    pub(crate) to: MachineId,
    /// The verdict, if it is not the expected one.
    pub(crate) unexpected: Option<FlowVerdict>,
}

/// Pairs of nodes that the walk cannot distinguish, by their view, with the flows that were proven between
/// one of them: one bit for each flow of [`flows::all`].
struct AlikePairs<'model> {
    views: PairViews<'model>,
    proven: BTreeMap<Box<[u32]>, u64>,
}

/// The most views that are kept. Meshes of one kind of nodes have a few; with all nodes different, no
/// pair is like another.
const MOST_VIEWS: usize = 1 << 12;

impl AlikePairs<'_> {
    /// The flows that were proven between a pair like this one; none if the pair has no view.
    fn of(&mut self, from: MachineId, to: MachineId) -> Option<&mut u64> {
        let view = self.views.read(from, to)?;
        if !self.proven.contains_key(view) {
            if self.proven.len() == MOST_VIEWS {
                self.proven.clear();
            }
            self.proven.insert(view.into(), 0);
        }
        self.proven.get_mut(view)
    }
}

impl<'model> PairWalk<'model> {
    pub(crate) fn new(model: &'model Model) -> Self {
        let alike = AlikePairs { views: PairViews::new(model), proven: BTreeMap::new() };
        Self { walker: Walker::new(model), alike }
    }

    pub(crate) fn model(&self) -> &'model Model {
        self.walker.model()
    }

    /// Walks the flows of one sender to all machines. A flow that was proven between a pair like this one is
    /// not walked again; one that failed is walked for each pair, because each has its own line.
    pub(crate) fn row(&mut self, from: MachineId, mut walked: impl FnMut(WalkedFlow)) {
        let model = self.walker.model();
        for to in model.ids() {
            let mut nothing_known = 0;
            let proven = self.alike.of(from, to).unwrap_or(&mut nothing_known);
            for (number, flow) in flows::all().enumerate() {
                if !flow.applies(model, from, to) {
                    continue;
                }
                let shift = u32::try_from(number).unwrap_or(u32::MAX);
                let own_bit = if flow.stays_in_pair() { 1_u64.checked_shl(shift) } else { None };
                let bit = own_bit.unwrap_or_default();
                if *proven & bit != 0 {
                    debug_assert!(flow.is_proven(&mut self.walker, from, to), "{}", flow.name);
                    walked(WalkedFlow { number, flow, to, unexpected: None });
                    continue;
                }
                let verdict = flow.prove(&mut self.walker, from, to);
                let holds = flow.holds(model, from, verdict);
                if holds {
                    *proven |= bit;
                }
                walked(WalkedFlow { number, flow, to, unexpected: (!holds).then_some(verdict) });
            }
        }
    }
}
