//! All causes of a proof, each once.

use std::collections::BTreeMap;

use crate::finding::ProofFinding;
use crate::ingress;
use crate::judge::{FlowFailure, Proof};

/// A cause, and the flows that fail because of it.
#[derive(Debug)]
pub struct Cause<'proof> {
    /// The cause.
    pub finding: &'proof ProofFinding,
    /// How many flows between machines fail because of it.
    pub failed: u64,
    /// The flows and public names that fail because of it, as text; may be empty.
    pub effect: String,
}

/// All causes: those of the most flows first, then those that no packet shows.
#[must_use]
pub fn causes(proof: &Proof) -> Vec<Cause<'_>> {
    let with_packet = proof.failures.iter().map(|failure| Cause {
        finding: &failure.finding,
        failed: failure.count,
        effect: failed_flows(proof, failure),
    });
    let without_packet = proof.causes().map(|finding| Cause {
        finding,
        failed: 0,
        effect: failed_names(proof, finding),
    });
    let mut found: Vec<Cause<'_>> = Vec::new();
    let mut known: BTreeMap<&ProofFinding, usize> = BTreeMap::new();
    for cause in with_packet.chain(without_packet) {
        match known.get(cause.finding) {
            Some(position) => found[*position].add(&cause),
            None => {
                known.insert(cause.finding, found.len());
                found.push(cause);
            }
        }
    }
    found
}

impl Cause<'_> {
    /// Adds the effects of an equal finding.
    fn add(&mut self, other: &Self) {
        self.failed += other.failed;
        if self.effect.is_empty() {
            self.effect.clone_from(&other.effect);
        } else if !self.effect.contains(&other.effect) {
            self.effect = format!("{}; {}", self.effect, other.effect);
        }
    }
}

/// The public names that fail because of a cause.
fn failed_names(proof: &Proof, finding: &ProofFinding) -> String {
    let failed = proof.ingress.requests.iter().filter(|request| {
        let stopped = request.stopped.as_ref();
        stopped.is_some_and(|other| (other.code, other.place) == (finding.code, finding.place))
    });
    let names: Vec<_> = failed.map(|request| request.hostname.as_str()).collect();
    match names.is_empty() {
        true => String::new(),
        false => format!("{} fails for {}", ingress::FLOW, names.join(", ")),
    }
}

fn failed_flows(proof: &Proof, failure: &FlowFailure) -> String {
    let (Some(model), Some(first)) = (&proof.model, failure.listed.first()) else {
        return String::new();
    };
    let [from, to] = [first.from, first.to].map(|id| model.machine(id).name.as_str());
    let others = match failure.count - 1 {
        0 => String::new(),
        1 => ", and 1 more flow".to_owned(),
        more => format!(", and {more} more flows"),
    };
    format!("{} fails from {from} to {to}{others}", first.flow.name)
}
