//! `cluster/apply.sh`: applies `cluster/` to the cluster, in order. The program is the same for every
//! cluster; the differences are in the variables at its head.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::derive::label::ROUTE_REFLECTOR_LABEL;
use crate::derive::package_source::{self, CALICO_CRDS, CALICO_OPERATOR};
use crate::derive::taint;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::ingress::IngressWorkload;
use crate::plan::sources::{Checksum, ExternalFile, upstream};
use crate::plan::{NodePlan, Plan, calico as plan_calico, tunnel};
use crate::render::fixed::{FixedFacts, FixedNode};
use crate::render::{ClusterRenderer, Output};
use crate::render::{access, calico, hello, ingress_nginx, traefik};
use meshwright_value::{IngressController, Text as _, Version};

/// The registration.
pub(super) const RENDERER: ClusterRenderer = ClusterRenderer {
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
    control_planes: Vec<&'plan str>,
    registered: Vec<Registered<'plan>>,
    api: String,
    bgp_secret: &'static str,
    tunnel_secret: &'static str,
    calico_objects: Vec<&'static str>,
    reflectors: Vec<&'plan str>,
    reflector_label: &'static str,
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

/// What a node has in the cluster, in words without spaces.
#[derive(Clone, Serialize)]
struct Registered<'plan> {
    name: &'plan str,
    labels: String,
    taints: String,
}

impl<'plan> Registered<'plan> {
    /// The label of route reflectors is set beside their annotation.
    fn new<'label>(
        name: &'plan str,
        labels: impl Iterator<Item = &'label str>,
        taints: &[String],
    ) -> Self {
        let is_other = |label: &&str| label.split('=').next() != Some(ROUTE_REFLECTOR_LABEL);
        let labels = labels.filter(is_other).collect::<Vec<_>>().join(" ");
        Self { name, labels, taints: taints.join(" ") }
    }
}

/// A namespace that an earlier topology may have created.
#[derive(Serialize)]
struct LeftOver {
    namespace: &'static str,
    command: String,
}

#[derive(Clone, Serialize)]
struct SourceView {
    name: &'static str,
    version: String,
    url: String,
    checksum: String,
}

/// What the head of the script depends on.
struct ApplyFacts<'plan> {
    cluster: &'plan str,
    init: &'plan str,
    nodes: Vec<&'plan str>,
    control_planes: Vec<&'plan str>,
    registered: Vec<Registered<'plan>>,
    /// The API's name and its address on each node.
    api: String,
    reflectors: Vec<&'plan str>,
    bgp_password: bool,
    further_pools: bool,
    clients: bool,
    tunnel: bool,
    hello: bool,
    ingress: IngressController,
    sources: Vec<SourceView>,
}

/// The script for facts of other files.
pub(super) fn render_fixed(facts: &FixedFacts<'_>, artifacts: &mut ArtifactSet) {
    let founder = facts.nodes.iter().find(|node| node.initialises);
    let view = ApplyView::new(&ApplyFacts {
        cluster: facts.cluster,
        init: founder.map(|node| node.name).unwrap_or_default(),
        nodes: facts.nodes.iter().map(|node| node.name).collect(),
        control_planes: facts.control_planes().map(|node| node.name).collect(),
        registered: facts.nodes.iter().map(registered).collect(),
        api: format!("{} {}", facts.api_name, facts.api_address()),
        reflectors: facts.reflectors.clone(),
        bgp_password: facts.bgp_password,
        further_pools: facts.further_pools,
        clients: facts.clients,
        tunnel: facts.tunnel,
        hello: facts.hello,
        ingress: facts.ingress,
        sources: sources_of(facts),
    });
    artifacts.add(PATH, template::render("apply.sh", &view));
}

fn registered<'facts>(node: &FixedNode<'facts>) -> Registered<'facts> {
    let taints = taint::of_node(node.role, node.taints.map(<[String]>::to_vec));
    Registered::new(node.name, node.labels.iter().map(String::as_str), &taints)
}

/// The sources with the version of Calico, the URLs and the checksums that the script states, as far as
/// a topology can declare them.
fn sources_of(facts: &FixedFacts<'_>) -> Vec<SourceView> {
    let found = |name: &str| facts.sources.iter().find(|source| source.name == name);
    let declared_calico =
        found(CALICO_OPERATOR).and_then(|source| Version::parse(source.version).ok());
    let calico = declared_calico.unwrap_or_else(|| Version::new(0, 0, 0));
    let sources = upstream(facts.versions, calico, facts.ingress).into_iter().map(|external| {
        let source = SourceView::of(external);
        let Some(found) = found(source.name) else { return source };
        let is_digest =
            found.checksum.len() == 64 && found.checksum.chars().all(|c| c.is_ascii_hexdigit());
        let declared = found.url != source.url && (is_digest || found.checksum.is_empty());
        let pinned = is_digest && source.checksum.contains(':');
        let checksum = match declared || pinned {
            true => found.checksum.to_owned(),
            false => source.checksum,
        };
        // A version can be declared with its digest, and that of Calico only in `[calico]`.
        let is_declared = is_digest && declared && source.name != CALICO_CRDS;
        let is_version = Version::parse(found.version).is_ok();
        let version = match is_declared && is_version && source.name != CALICO_OPERATOR {
            true => found.version.to_owned(),
            false => source.version,
        };
        SourceView { url: found.url.to_owned(), version, checksum, ..source }
    });
    sources.collect()
}

fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    artifacts.add(PATH, template::render("apply.sh", &ApplyView::of(plan)));
}

impl<'plan> ApplyView<'plan> {
    fn of(plan: &'plan Plan) -> Self {
        let control_planes = plan.nodes.iter().filter(|node| node.is_control_plane());
        let registered = |node: &'plan NodePlan| {
            let labels = plan.node_labels_argument(node);
            Registered::new(node.name.as_str(), labels.split(','), &plan.node_taints(node))
        };
        Self::new(&ApplyFacts {
            cluster: plan.name.as_str(),
            init: plan.init_node().name.as_str(),
            nodes: plan.nodes.iter().map(|node| node.name.as_str()).collect(),
            control_planes: control_planes.map(|node| node.name.as_str()).collect(),
            registered: plan.nodes.iter().map(registered).collect(),
            api: format!("{} {}", plan.control_plane.endpoint.name(), plan.api_address()),
            reflectors: plan.calico.route_reflectors.iter().map(|node| node.as_str()).collect(),
            bgp_password: plan.calico.bgp_password,
            further_pools: !plan.pools().further.is_empty(),
            clients: !plan.clients.is_empty(),
            tunnel: plan.tunnel.is_some(),
            hello: plan.hello.is_some(),
            ingress: plan
                .ingress
                .as_ref()
                .map_or(IngressController::Absent, |ingress| ingress.controller),
            sources: plan.sources().into_iter().map(SourceView::of).collect(),
        })
    }

    fn new(facts: &ApplyFacts<'plan>) -> Self {
        let workload = IngressWorkload::of(facts.ingress);
        let labels = workload.iter().flat_map(|workload| workload.pod_labels);
        let labels = labels.map(|(key, value)| format!("{key}={value}"));
        let objects = calico::objects(facts.further_pools);
        let manifests = ingress_manifests(facts.ingress, facts.tunnel);
        Self {
            generated: GENERATED,
            cluster: facts.cluster,
            init: facts.init,
            nodes: facts.nodes.clone(),
            control_planes: facts.control_planes.clone(),
            registered: facts.registered.clone(),
            api: facts.api.clone(),
            bgp_secret: file_if(facts.bgp_password, plan_calico::BGP_SECRET_FILE),
            tunnel_secret: file_if(facts.tunnel, tunnel::SECRET_FILE),
            calico_objects: objects.into_iter().map(below_cluster).collect(),
            reflectors: facts.reflectors.clone(),
            reflector_label: ROUTE_REFLECTOR_LABEL,
            reflector_annotation: calico::CLUSTER_ID_ANNOTATION,
            reflector_id: calico::CLUSTER_ID.to_string(),
            ingress: package_source::chart(facts.ingress).unwrap_or_default(),
            ingress_deployment: workload.map_or("", |workload| workload.deployment),
            ingress_pods: labels.collect::<Vec<_>>().join(","),
            ingress_manifests: manifests.into_iter().map(below_cluster).collect(),
            viewers: file_if(facts.clients, below_cluster(access::BINDING.path)),
            hello: file_if(facts.hello, below_cluster(hello::MANIFESTS.path)),
            left_over: left_overs(facts),
            sources: facts.sources.clone(),
        }
    }
}

impl SourceView {
    fn of(source: ExternalFile) -> Self {
        let checksum = match source.checksum {
            Checksum::Known(sha256) => sha256,
            Checksum::Indexed(url) => format!("index:{url}"),
            Checksum::None => String::new(),
        };
        Self { name: source.name, version: source.version, url: source.url.to_string(), checksum }
    }
}

fn ingress_manifests(controller: IngressController, tunnel: bool) -> Vec<&'static str> {
    match controller {
        IngressController::IngressNginx => ingress_nginx::manifests(tunnel),
        IngressController::Traefik => traefik::manifests(tunnel),
        IngressController::Absent => Vec::new(),
    }
}

/// The class of a chart that is uninstalled goes with it, and the next run puts it back.
fn left_overs(facts: &ApplyFacts<'_>) -> Vec<LeftOver> {
    let delete = |namespace| format!("kubectl delete namespace {namespace}");
    let apps = [(tunnel::NAMESPACE, facts.tunnel), (hello::NAME, facts.hello)];
    let left_apps = apps
        .into_iter()
        .filter(|(_, is_here)| !is_here)
        .map(|(namespace, _)| LeftOver { namespace, command: delete(namespace) });
    let charts = [package_source::INGRESS_NGINX, package_source::TRAEFIK];
    let used = package_source::chart(facts.ingress);
    let unused_charts = charts.into_iter().filter(|chart| Some(*chart) != used);
    let left_charts = unused_charts.map(|namespace| LeftOver {
        namespace,
        command: format!(
            "helm uninstall {namespace} --namespace {namespace}, then {}, then this again",
            delete(namespace)
        ),
    });
    left_apps.chain(left_charts).collect()
}

fn file_if(exists: bool, file: &'static str) -> &'static str {
    if exists { file } else { "" }
}

/// The path of a file relative to `cluster/`, the folder of the script.
fn below_cluster(path: &'static str) -> &'static str {
    path.strip_prefix("cluster/").unwrap_or(path)
}
