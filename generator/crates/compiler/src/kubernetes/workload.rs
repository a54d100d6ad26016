//! Workloads: Deployments of one container each, as restricted as Kubernetes can make them.

use std::collections::BTreeMap;

use serde::Serialize;

use super::container::{Container, Volume};
use super::manifest::{Labels, Manifest, ObjectFields, ObjectMeta};
use super::network_policy::LabelSelector;
use meshwright_value::Replicas;

/// `DeploymentSpec` (apps/v1).
#[derive(Debug, Serialize)]
pub(crate) struct DeploymentSpec {
    replicas: Replicas,
    selector: LabelSelector,
    strategy: DeploymentStrategy,
    template: PodTemplateSpec,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DeploymentStrategy {
    r#type: &'static str,
    rolling_update: RollingUpdate,
}

/// A new pod is ready before an old one is stopped.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct RollingUpdate {
    max_surge: u8,
    max_unavailable: u8,
}

#[derive(Debug, Serialize)]
struct PodTemplateSpec {
    metadata: PodMetadata,
    spec: PodSpec,
}

#[derive(Debug, Serialize)]
struct PodMetadata {
    labels: Labels,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    annotations: BTreeMap<&'static str, String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PodSpec {
    automount_service_account_token: bool,
    /// Service links are variables such as `TUNNEL_PORT`, which programs read as their own.
    enable_service_links: bool,
    security_context: PodSecurityContext,
    #[serde(skip_serializing_if = "Option::is_none")]
    termination_grace_period_seconds: Option<u16>,
    topology_spread_constraints: Vec<SpreadConstraint>,
    containers: [Container; 1],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    volumes: Vec<Volume>,
}

/// One replica a node, and the zones even: as far as there are nodes and zones.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SpreadConstraint {
    max_skew: u8,
    topology_key: &'static str,
    when_unsatisfiable: &'static str,
    label_selector: LabelSelector,
    /// Only pods of one revision count; otherwise an update is placed around the pods that it replaces.
    match_label_keys: [&'static str; 1],
}

/// Spreads the pods of a Deployment over nodes and zones.
#[must_use]
pub(crate) fn spread(pods: &LabelSelector) -> Vec<SpreadConstraint> {
    let keys = ["kubernetes.io/hostname", "topology.kubernetes.io/zone"];
    let constraint = |topology_key| SpreadConstraint {
        max_skew: 1,
        topology_key,
        when_unsatisfiable: "ScheduleAnyway",
        label_selector: pods.clone(),
        match_label_keys: ["pod-template-hash"],
    };
    keys.into_iter().map(constraint).collect()
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct PodSecurityContext {
    run_as_non_root: bool,
    run_as_user: u32,
    run_as_group: u32,
    seccomp_profile: SeccompProfile,
}

#[derive(Debug, Serialize)]
struct SeccompProfile {
    r#type: &'static str,
}

/// The user `nonroot` of distroless images; every user except root would work.
const NONROOT: u32 = 65532;

/// The differences between our Deployments.
pub(crate) struct Workload {
    /// The number of pods.
    pub replicas: Replicas,
    /// The label of its pods, used by selectors.
    pub label: (&'static str, &'static str),
    /// Annotations of its pods; a change replaces the pods.
    pub annotations: BTreeMap<&'static str, String>,
    /// Seconds between the request to stop and the kill; Kubernetes' 30 when absent.
    pub grace_period: Option<u16>,
    /// Its container.
    pub container: Container,
    /// The volumes of its pods.
    pub volumes: Vec<Volume>,
}

/// A Deployment.
#[must_use]
pub(crate) fn deployment(
    metadata: ObjectMeta<'static>,
    workload: Workload,
) -> Manifest<ObjectFields<'static, DeploymentSpec>> {
    let pods = LabelSelector::new([workload.label]);
    let template = PodTemplateSpec {
        metadata: PodMetadata {
            labels: Labels::from([workload.label]),
            annotations: workload.annotations,
        },
        spec: PodSpec {
            automount_service_account_token: false,
            enable_service_links: false,
            security_context: PodSecurityContext {
                run_as_non_root: true,
                run_as_user: NONROOT,
                run_as_group: NONROOT,
                seccomp_profile: SeccompProfile { r#type: "RuntimeDefault" },
            },
            termination_grace_period_seconds: workload.grace_period,
            topology_spread_constraints: spread(&pods),
            containers: [workload.container],
            volumes: workload.volumes,
        },
    };
    let rolling_update = RollingUpdate { max_surge: 1, max_unavailable: 0 };
    let spec = DeploymentSpec {
        replicas: workload.replicas,
        selector: pods,
        strategy: DeploymentStrategy { r#type: "RollingUpdate", rolling_update },
        template,
    };
    Manifest { api_version: "apps/v1", kind: "Deployment", fields: ObjectFields { metadata, spec } }
}
