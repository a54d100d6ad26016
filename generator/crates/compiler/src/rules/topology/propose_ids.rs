//! Proposes an id where the id of a node or client is missing.

use crate::diagnostic::{Diagnostic, Fix, LabelPlace, Problems};
use crate::route::{Route, Step};
use crate::topology::member::free_ids;
use crate::topology::{self, Topology};

/// Adds a fix with a free id to each diagnostic about a missing id. The reader of the
/// document reports a missing id, but only the whole topology shows which ids are free.
pub fn propose_ids(topology: &Topology, problems: &mut Problems) {
    let without_id = problems.iter_mut().filter_map(|found| Some((missing_id(found)?, found)));
    for ((route, found), id) in without_id.zip(free_ids(topology)) {
        let why = "no node or client has or had this id";
        found.finding = found.finding.clone().fix(Fix::insert(&route, id.to_string(), why));
    }
}

/// The place of the id, if a diagnostic reports a missing id of a node or client.
fn missing_id(found: &Diagnostic) -> Option<Route> {
    let Some(LabelPlace::Missing(route)) = found.finding.labels.first().map(|label| &label.place)
    else {
        return None;
    };
    let is_id = match route.steps() {
        [Step::Key(table), Step::Index(_), Step::Key(key)] => {
            matches!(table.as_ref(), "nodes" | "clients") && key == "id"
        }
        _ => false,
    };
    (found.code == topology::KEY_MISSING && is_id).then(|| route.clone())
}
