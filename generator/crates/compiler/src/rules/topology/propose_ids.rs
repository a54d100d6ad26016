//! Proposes ids: the reader of the document reports an id that is missing, and only the whole
//! topology knows which ids are free.

use crate::diagnostic::{Diagnostic, Fix, Place, Problems};
use crate::route::{Route, Step};
use crate::topology::member::free_ids;
use crate::topology::{self, Topology};

/// Gives each missing id the number that it can have: only the whole topology knows which are free.
pub fn propose_ids(topology: &Topology, problems: &mut Problems) {
    let missing = problems.iter_mut().filter_map(|found| Some((missing_id(found)?, found)));
    for ((route, found), id) in missing.zip(free_ids(topology)) {
        let why = "nobody has or had this number";
        found.finding = found.finding.clone().fix(Fix::insert(&route, id.to_string(), why));
    }
}

/// The id of a node or client that a diagnostic misses.
fn missing_id(found: &Diagnostic) -> Option<Route> {
    let Some(Place::Missing(route)) = found.finding.labels.first().map(|label| &label.place) else {
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
