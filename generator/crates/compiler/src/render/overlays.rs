//! The manifests that the user has written, byte for byte.

use crate::artifact::ArtifactSet;
use crate::plan::Plan;
use crate::render::{ClusterRenderer, Output};

/// The registration.
pub(super) const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "overlays", outputs: &[MANIFEST], render };

const MANIFEST: Output = Output {
    path: "cluster/overlays/<manifest>",
    consumer: "kubectl apply --server-side, after everything else",
};

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    for overlay in &plan.overlays {
        let path = MANIFEST.path.replace("<manifest>", overlay.name());
        artifacts.add(path, overlay.text().as_bytes().to_vec());
    }
}
