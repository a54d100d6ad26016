//! ingress-nginx: the values of its chart.
//!
//! The chart has no schema: `helm` accepts any key without an error, so a test compares each of our keys
//! with the chart's own values. Keys that are not set here keep the chart's default.

mod values;

use crate::artifact::ArtifactSet;
use crate::derive::package_source;
use crate::encode::yaml::YamlFile;
use crate::plan::Plan;
use crate::plan::ingress::IngressPlan;
use crate::render::ingress::{about_values, namespace_file, network_policy_file};
use crate::render::objects::ObjectValues;
use crate::render::{ClusterRenderer, Output};
use meshwright_value::IngressController;

/// ingress-nginx, where it is the controller.
pub(super) const RENDERER: ClusterRenderer =
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

/// The files that are applied before the chart is installed.
pub(super) fn manifests(tunnel: bool) -> Vec<&'static str> {
    let policy = tunnel.then_some(NETWORK_POLICY.path);
    [NAMESPACE.path].into_iter().chain(policy).collect()
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    render_objects(&ObjectValues::of(plan), artifacts);
}

/// The files of this controller.
pub(super) fn render_objects(values: &ObjectValues<'_>, artifacts: &mut ArtifactSet) {
    let is_this = |ingress: &&IngressPlan| ingress.controller == IngressController::IngressNginx;
    let Some(ingress) = values.ingress.filter(is_this) else { return };
    let chart =
        YamlFile::new(&about_values(package_source::INGRESS_NGINX, &values.versions.ingress_nginx));
    artifacts.add(NAMESPACE.path, namespace_file(ingress.workload));
    artifacts.add(VALUES.path, chart.document(&values::of(values, ingress)).finish());
    if let Some(policy) = network_policy_file(values, ingress) {
        artifacts.add(NETWORK_POLICY.path, policy);
    }
}
