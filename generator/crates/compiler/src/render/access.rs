//! `cluster/access.yaml`: the permissions of kubeconfigs with the role view.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::manifest::{Manifest, ObjectMeta};
use crate::kubernetes::rbac::{self, Binding, RoleRef};
use crate::plan::Plan;
use crate::plan::access::{VIEWERS, VIEWERS_ROLE};
use crate::render::{ClusterRenderer, Output};

/// The registration.
pub(super) const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "access", outputs: &[BINDING], render };

pub(super) const BINDING: Output = Output {
    path: "cluster/access.yaml",
    consumer: "kubectl apply, for `meshwright kubeconfig --role view`",
};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RbacGroup {
    api_group: &'static str,
    kind: &'static str,
    name: &'static str,
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    if !plan.clients.is_empty() {
        render_fixed(artifacts);
    }
}

/// The binding, which is the same for every cluster with clients.
pub(super) fn render_fixed(artifacts: &mut ArtifactSet) {
    let fields = Binding {
        metadata: ObjectMeta::cluster(VIEWERS),
        role_ref: RoleRef::new("ClusterRole", VIEWERS_ROLE),
        subjects: [RbacGroup { api_group: rbac::GROUP, kind: "Group", name: VIEWERS }],
    };
    let binding = Manifest { api_version: rbac::API_VERSION, kind: "ClusterRoleBinding", fields };
    let about =
        "the group in kubeconfigs with the role view; delete this object to revoke all of them";
    artifacts.add(BINDING.path, YamlFile::new(about).document(&binding).finish());
}
