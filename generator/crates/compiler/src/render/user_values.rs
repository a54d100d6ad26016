//! The values that the user has written for the chart of the Ingress controller. `helm` merges them below ours, which
//! it gets after them.

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::plan::Plan;
use crate::render::{ClusterRenderer, Output};

/// The registration.
pub(super) const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "user_values", outputs: &[VALUES], render };

const VALUES: Output = Output {
    path: "cluster/own/ingress/values.yaml",
    consumer: "helm, for the chart of the Ingress controller, below the other values",
};

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    let values = plan.ingress.as_ref().map(|ingress| &ingress.values);
    if let Some(values) = values.filter(|values| !values.is_empty()) {
        let about = "values of the user's own, which helm merges below those of Meshwright";
        artifacts.add(VALUES.path, YamlFile::new(about).document(values).finish());
    }
}
