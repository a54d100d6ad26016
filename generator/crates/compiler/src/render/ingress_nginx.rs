//! ingress-nginx: the values of its chart.
//!
//! The chart has no schema: `helm` takes any key without a word, so a test holds each of ours against
//! the chart's own values. What is not named here stays the chart's default.

mod values;

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::plan::Plan;
use crate::release;
use crate::render::ingress::{about_values, namespace_file, network_policy_file};
use crate::render::{ClusterRenderer, Output};
use meshwright_value::IngressController;

/// ingress-nginx, where it is the controller.
pub const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "ingress_nginx", outputs: &[NAMESPACE, VALUES, NETWORK_POLICY], render };

const NAMESPACE: Output =
    Output { path: "cluster/ingress-nginx/namespace.yaml", consumer: "kubectl apply, before helm" };
const VALUES: Output = Output {
    path: "cluster/ingress-nginx/values.yaml",
    consumer: "helm, for the chart ingress-nginx",
};
const NETWORK_POLICY: Output = Output {
    path: "cluster/ingress-nginx/networkpolicy.yaml",
    consumer: "kubectl apply, before helm",
};

/// What is applied before the chart is installed.
pub(super) fn manifests(plan: &Plan) -> Vec<&'static str> {
    let policy = plan.tunnel.is_some().then_some(NETWORK_POLICY.path);
    [NAMESPACE.path].into_iter().chain(policy).collect()
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    if plan.ingress.controller != IngressController::IngressNginx {
        return;
    }
    let values = YamlFile::new(&about_values(release::INGRESS_NGINX));
    artifacts.add(NAMESPACE.path, namespace_file(plan));
    artifacts.add(VALUES.path, values.document(&values::of(plan)).finish());
    if let Some(policy) = network_policy_file(plan) {
        artifacts.add(NETWORK_POLICY.path, policy);
    }
}
