//! The parts that both Ingress controllers share: their namespace, the allowed connections, the spreading
//! of their pods, and their installation.

use serde::Serialize;

use crate::encode::yaml::YamlFile;
use crate::kubernetes::manifest::{Manifest, ObjectFields, ObjectMeta, namespace};
use crate::kubernetes::network_policy::{
    LabelSelector, NetworkPolicyEgressRule, NetworkPolicyIngressRule, NetworkPolicyPeer,
    NetworkPolicyPort, NetworkPolicySpec, default_deny, network_policy,
};
use crate::kubernetes::workload::{SpreadConstraint, spread};
use crate::plan::control_plane::API_PORT;
use crate::plan::ingress::{ControllerRelease, IngressPlan, IngressWorkload};
use crate::plan::tunnel;
use crate::render::objects::ObjectValues;

/// Where ingress-nginx's admission webhook listens (`controller.admissionWebhooks.port`).
const WEBHOOK_PORT: u16 = 8443;

/// A feature of a chart that is turned on or off.
#[derive(Serialize)]
pub(super) struct Toggle {
    pub(super) enabled: bool,
}

/// The namespace of the controller.
pub(super) fn namespace_file(workload: IngressWorkload) -> Vec<u8> {
    YamlFile::new("the namespace of the Ingress controller")
        .document(&namespace(workload.namespace))
        .finish()
}

const ABOUT_POLICY: &str = "\
the controller trusts the headers of a request about its visitor: only cloudflared may send requests.
It calls API servers, and apps on pods and nodes, but nothing outside of the cluster.
Metrics stay closed: policies are additive, so allow your monitoring with your own policy";

/// The policy that allows cloudflared only; none without a tunnel, where no header is trusted.
pub(super) fn network_policy_file(
    values: &ObjectValues<'_>,
    ingress: &IngressPlan,
) -> Option<Vec<u8>> {
    values.tunnel?;
    let workload = ingress.workload;
    let cloudflared = NetworkPolicyPeer::pods(tunnel::NAMESPACE, [tunnel::POD_LABEL]);
    let mut admitted = vec![NetworkPolicyIngressRule {
        from: vec![cloudflared],
        ports: vec![NetworkPolicyPort::tcp(workload.http_port)],
    }];
    admitted.extend(webhook_callers(ingress));
    let metadata = ObjectMeta::namespaced("admit-cloudflared", workload.namespace);
    let policy = network_policy(metadata, pods(workload), admitted, Some(called(values)));
    let file = YamlFile::new(ABOUT_POLICY).document(&policy);
    let file = match ingress.has_webhook() {
        // The chart's jobs, which make the webhook's certificate, call an API server.
        true => file.document(&jobs(values, workload)),
        false => file,
    };
    Some(file.document(&default_deny(workload.namespace)).finish())
}

/// An app may be a pod in the network of its host, which has the address of its node, as an API server has.
fn called(values: &ObjectValues<'_>) -> Vec<NetworkPolicyEgressRule> {
    let nodes = NetworkPolicyPeer::addresses(values.node_subnet.to_string(), &[]);
    let to = vec![NetworkPolicyPeer::every_pod(), nodes];
    vec![NetworkPolicyEgressRule { to, ports: Vec::new() }]
}

/// An API server calls from its node's mesh address, which no pod has.
fn webhook_callers(ingress: &IngressPlan) -> Option<NetworkPolicyIngressRule> {
    let addresses = ingress.webhook_callers.iter();
    let callers =
        addresses.map(|address| NetworkPolicyPeer::addresses(format!("{address}/32"), &[]));
    let ports = vec![NetworkPolicyPort::tcp(WEBHOOK_PORT)];
    ingress.has_webhook().then(|| NetworkPolicyIngressRule { from: callers.collect(), ports })
}

fn jobs(
    values: &ObjectValues<'_>,
    workload: IngressWorkload,
) -> Manifest<ObjectFields<'static, NetworkPolicySpec>> {
    let nodes = NetworkPolicyPeer::addresses(values.node_subnet.to_string(), &[]);
    let ports = vec![NetworkPolicyPort::tcp(API_PORT)];
    let rule = NetworkPolicyEgressRule { to: vec![nodes], ports };
    let metadata = ObjectMeta::namespaced("webhook-jobs", workload.namespace);
    let jobs = LabelSelector::new([("app.kubernetes.io/component", "admission-webhook")]);
    network_policy(metadata, jobs, Vec::new(), Some(vec![rule]))
}

fn pods(workload: IngressWorkload) -> LabelSelector {
    LabelSelector::new(workload.pod_labels.iter().copied())
}

/// How the controller's pods are spread.
pub(super) fn spread_constraints(workload: IngressWorkload) -> Vec<SpreadConstraint> {
    spread(&pods(workload))
}

/// The head of a values file: the command that uses it.
pub(super) fn about_values(name: &str, release: &ControllerRelease) -> String {
    let ControllerRelease { repository, version, .. } = release;
    format!(
        "values of the chart {name} {version}\n\n  helm upgrade --install {name} {name} \
         --repo {repository} \\\n    --version {version} --namespace {name} --values values.yaml"
    )
}
