//! `cluster/apply.sh`: applies `cluster/` to the cluster, in order. The program is the same for every
//! cluster; the differences are in the variables at its head.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::sources::{Checksum, ExternalFile};
use crate::plan::{Plan, calico as plan_calico, tunnel};
use crate::release;
use crate::render::{ClusterRenderer, Output};
use crate::render::{access, calico, hello, ingress_nginx, traefik};
use meshwright_value::IngressController;

/// The registration.
pub const RENDERER: ClusterRenderer = ClusterRenderer {
    id: "apply",
    outputs: &[Output { path: PATH, consumer: "bash, where kubectl is" }],
    render,
};

const PATH: &str = "cluster/apply.sh";

/// Absent values are empty.
#[derive(Serialize)]
struct ApplyView<'plan> {
    generated: &'static str,
    cluster: &'plan str,
    init: &'plan str,
    nodes: Vec<&'plan str>,
    bgp_secret: &'static str,
    tunnel_secret: &'static str,
    calico_objects: Vec<&'static str>,
    reflectors: Vec<&'plan str>,
    reflector_annotation: &'static str,
    reflector_id: String,
    ingress: &'static str,
    ingress_deployment: &'static str,
    ingress_pods: String,
    ingress_manifests: Vec<&'static str>,
    viewers: &'static str,
    hello: &'static str,
    left_over: Vec<LeftOver>,
    sources: Vec<SourceView>,
}

/// A namespace that an earlier topology may have created.
#[derive(Serialize)]
struct LeftOver {
    namespace: &'static str,
    command: String,
}

#[derive(Serialize)]
struct SourceView {
    name: &'static str,
    version: String,
    url: String,
    checksum: String,
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    artifacts.add(PATH, template::render("apply.sh", &ApplyView::of(plan)));
}

impl<'plan> ApplyView<'plan> {
    fn of(plan: &'plan Plan) -> Self {
        let workload = plan.ingress.workload;
        let labels = workload.pod_labels.iter().map(|(key, value)| format!("{key}={value}"));
        Self {
            generated: GENERATED,
            cluster: plan.name.as_str(),
            init: plan.init_node().name.as_str(),
            nodes: plan.nodes.iter().map(|node| node.name.as_str()).collect(),
            bgp_secret: file_if(plan.calico.bgp_password, plan_calico::BGP_SECRET_FILE),
            tunnel_secret: file_if(plan.tunnel.is_some(), tunnel::SECRET_FILE),
            calico_objects: calico::objects(plan).into_iter().map(below_cluster).collect(),
            reflectors: plan.calico.route_reflectors.iter().map(|node| node.as_str()).collect(),
            reflector_annotation: calico::CLUSTER_ID_ANNOTATION,
            reflector_id: calico::CLUSTER_ID.to_string(),
            ingress: plan.chart().name,
            ingress_deployment: workload.deployment,
            ingress_pods: labels.collect::<Vec<_>>().join(","),
            ingress_manifests: ingress_manifests(plan).into_iter().map(below_cluster).collect(),
            viewers: file_if(!plan.clients.is_empty(), below_cluster(access::BINDING.path)),
            hello: file_if(plan.hello.is_some(), below_cluster(hello::MANIFESTS.path)),
            left_over: left_overs(plan),
            sources: plan.sources().into_iter().map(SourceView::of).collect(),
        }
    }
}

impl SourceView {
    fn of(source: ExternalFile) -> Self {
        let checksum = match source.checksum {
            Checksum::Known(sha256) => sha256,
            Checksum::Published(url) => format!("published:{url}"),
            Checksum::Indexed(url) => format!("index:{url}"),
            Checksum::None => String::new(),
        };
        Self { name: source.name, version: source.version, url: source.url.to_string(), checksum }
    }
}

fn ingress_manifests(plan: &Plan) -> Vec<&'static str> {
    match plan.ingress.controller {
        IngressController::IngressNginx => ingress_nginx::manifests(plan),
        IngressController::Traefik => traefik::manifests(plan),
    }
}

/// The class of a chart that is uninstalled goes with it, and the next run puts it back.
fn left_overs(plan: &Plan) -> Vec<LeftOver> {
    let delete = |namespace| format!("kubectl delete namespace {namespace}");
    let apps = [(tunnel::NAMESPACE, plan.tunnel.is_some()), (hello::NAME, plan.hello.is_some())];
    let apps = apps.into_iter().filter(|(_, is_here)| !is_here);
    let apps = apps.map(|(namespace, _)| LeftOver { namespace, command: delete(namespace) });
    let charts = [release::INGRESS_NGINX.name, release::TRAEFIK.name];
    let charts = charts.into_iter().filter(|chart| *chart != plan.chart().name);
    let charts = charts.map(|namespace| LeftOver {
        namespace,
        command: format!(
            "helm uninstall {namespace} --namespace {namespace}, then {}, then this again",
            delete(namespace)
        ),
    });
    apps.chain(charts).collect()
}

fn file_if(exists: bool, file: &'static str) -> &'static str {
    if exists { file } else { "" }
}

/// The path of a file relative to `cluster/`, the folder of the script.
fn below_cluster(path: &'static str) -> &'static str {
    path.strip_prefix("cluster/").unwrap_or(path)
}
