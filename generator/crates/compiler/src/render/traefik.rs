//! Traefik: the values of its chart, for its provider that reads ingress-nginx's class and
//! annotations.

mod values;

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::derive::package_source;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::manifest::{Manifest, ObjectFields, ObjectMeta};
use crate::plan::Plan;
use crate::plan::ingress::{CLASS, CLASS_CONTROLLER, IngressPlan};
use crate::render::ingress::{about_values, namespace_file, network_policy_file};
use crate::render::objects::ObjectValues;
use crate::render::{ClusterRenderer, Output};
use meshwright_value::IngressController;

/// Traefik, where it is the controller.
pub(super) const RENDERER: ClusterRenderer = ClusterRenderer {
    id: "traefik",
    outputs: &[NAMESPACE, VALUES, INGRESS_CLASS, NETWORK_POLICY],
    render,
};

const NAMESPACE: Output =
    Output { path: "cluster/traefik/namespace.yaml", consumer: "kubectl apply, before helm" };
const VALUES: Output =
    Output { path: "cluster/traefik/values.yaml", consumer: "helm, for the chart traefik" };
const INGRESS_CLASS: Output =
    Output { path: "cluster/traefik/ingressclass.yaml", consumer: "kubectl apply, before helm" };
const NETWORK_POLICY: Output =
    Output { path: "cluster/traefik/networkpolicy.yaml", consumer: "kubectl apply, before helm" };

/// The files that are applied before the chart is installed.
pub(super) fn manifests(tunnel: bool) -> Vec<&'static str> {
    let policy = tunnel.then_some(NETWORK_POLICY.path);
    [NAMESPACE.path, INGRESS_CLASS.path].into_iter().chain(policy).collect()
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    render_objects(&ObjectValues::of(plan), artifacts);
}

/// The files of this controller.
pub(super) fn render_objects(values: &ObjectValues<'_>, artifacts: &mut ArtifactSet) {
    let is_this = |ingress: &&IngressPlan| ingress.controller == IngressController::Traefik;
    let Some(ingress) = values.ingress.filter(is_this) else { return };
    let chart = YamlFile::new(&about_values(package_source::TRAEFIK, &values.versions.traefik));
    artifacts.add(NAMESPACE.path, namespace_file(ingress.workload));
    artifacts.add(VALUES.path, chart.document(&values::of(values, ingress)).finish());
    artifacts.add(INGRESS_CLASS.path, ingress_class_file());
    if let Some(policy) = network_policy_file(values, ingress) {
        artifacts.add(NETWORK_POLICY.path, policy);
    }
}

/// The chart's own class names Traefik's other provider as its controller.
fn ingress_class_file() -> Vec<u8> {
    let metadata = ObjectMeta::cluster(CLASS)
        .annotation("ingressclass.kubernetes.io/is-default-class", "true");
    let spec = IngressClassSpec { controller: CLASS_CONTROLLER };
    let class = Manifest {
        api_version: "networking.k8s.io/v1",
        kind: "IngressClass",
        fields: ObjectFields { metadata, spec },
    };
    YamlFile::new("the class of ingress-nginx, served by Traefik: apps stay as they are")
        .document(&class)
        .finish()
}

#[derive(Serialize)]
struct IngressClassSpec {
    controller: &'static str,
}
