//! Deployments: the pods that they make, as far as others see them.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{Labels, Metadata, PortName, Selector, Source};
use crate::read::Unread;
use crate::span::{Fact, Place};

/// Pods that are alike.
#[derive(Debug)]
pub struct Workload {
    /// The name of what makes them.
    pub name: Fact<String>,
    /// Their namespace.
    pub namespace: String,
    /// How many there are.
    pub replicas: Fact<u32>,
    /// The labels that it knows its pods by.
    pub selector: Labels,
    /// Their labels.
    pub labels: Labels,
    /// Whether they use their node's addresses in place of own ones; the place is that of the key.
    pub host_network: Option<Fact<bool>>,
    /// What their containers listen on.
    pub ports: Vec<ContainerPort>,
    /// The ports that kubelet asks whether they are ready and alive.
    pub probes: Vec<Fact<PortName>>,
    /// The arguments of their program.
    pub args: Vec<Fact<String>>,
    /// What is mounted where.
    pub mounts: Vec<Mount>,
    /// What can be mounted.
    pub volumes: Vec<Volume>,
    /// Where it begins.
    pub place: Place,
}

/// A port of a container.
#[derive(Debug)]
pub struct ContainerPort {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its number.
    pub number: Fact<u16>,
}

/// A folder of a container.
#[derive(Debug)]
pub struct Mount {
    /// The volume.
    pub volume: String,
    /// Where it is.
    pub path: Fact<String>,
}

/// What a pod can mount.
#[derive(Debug)]
pub struct Volume {
    /// Its name within the pod.
    pub name: String,
    /// The ConfigMap whose texts are its files; otherwise it is of a Secret.
    pub settings: Option<Fact<String>>,
}

impl Workload {
    /// The number of a port, if a container has it.
    #[must_use]
    pub fn port(&self, wanted: &PortName) -> Option<&Fact<u16>> {
        let mut ports = self.ports.iter();
        let found = ports.find(|port| match wanted {
            PortName::Number(number) => port.number.value == *number,
            PortName::Name(name) => port.name.as_ref() == Some(name),
        });
        found.map(|port| &port.number)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeploymentSpec {
    replicas: Spanned<u32>,
    selector: Selector,
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    strategy: Option<IgnoredAny>,
    template: Template,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Template {
    metadata: TemplateMetadata,
    spec: PodSpec,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TemplateMetadata {
    labels: BTreeMap<String, Spanned<String>>,
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    annotations: Option<IgnoredAny>,
}

/// Keys that bind pods to some nodes are not known: each leg is proven for every node.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct PodSpec {
    host_network: Option<Spanned<bool>>,
    containers: Vec<Container>,
    #[serde(default)]
    volumes: Vec<PodVolume>,
    automount_service_account_token: Option<IgnoredAny>,
    enable_service_links: Option<IgnoredAny>,
    security_context: Option<IgnoredAny>,
    termination_grace_period_seconds: Option<IgnoredAny>,
    topology_spread_constraints: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct Container {
    name: String,
    image: IgnoredAny,
    #[serde(default)]
    args: Vec<Spanned<String>>,
    #[serde(default)]
    ports: Vec<DeclaredPort>,
    readiness_probe: Option<Probe>,
    liveness_probe: Option<Probe>,
    resources: Option<IgnoredAny>,
    security_context: Option<IgnoredAny>,
    #[serde(default)]
    volume_mounts: Vec<VolumeMount>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeclaredPort {
    name: Option<String>,
    container_port: Spanned<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read, so that any further key is noticed")]
struct Probe {
    http_get: HttpGet,
    period_seconds: Option<IgnoredAny>,
    failure_threshold: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpGet {
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    path: String,
    port: Spanned<PortName>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VolumeMount {
    name: String,
    mount_path: Spanned<String>,
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    read_only: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodVolume {
    name: String,
    config_map: Option<NamedSettings>,
    #[expect(dead_code, reason = "read, so that any further key is noticed")]
    secret: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NamedSettings {
    name: Spanned<String>,
}

pub(super) fn read(source: &Source<'_>) -> Result<Workload, Unread> {
    let (metadata, spec) = source.manifest::<DeploymentSpec>("apps/v1")?;
    let Metadata { name, namespace, .. } = metadata;
    let Template { metadata: template, spec: pods } = spec.template;
    let volumes = pods.volumes.into_iter().map(|volume| Volume {
        name: volume.name,
        settings: volume.config_map.map(|settings| source.fact(settings.name)),
    });
    let mut workload = Workload {
        name: source.fact(name),
        namespace: source.namespace(namespace),
        replicas: source.fact(spec.replicas),
        selector: source.labels(spec.selector.match_labels),
        labels: source.labels(template.labels),
        host_network: pods.host_network.map(|on| source.fact(on)),
        ports: Vec::new(),
        probes: Vec::new(),
        args: Vec::new(),
        mounts: Vec::new(),
        volumes: volumes.collect(),
        place: source.place(),
    };
    pods.containers.into_iter().for_each(|container| add(source, &mut workload, container));
    Ok(workload)
}

fn add(source: &Source<'_>, workload: &mut Workload, container: Container) {
    let ports = container.ports.into_iter();
    workload.ports.extend(
        ports.map(|port| ContainerPort {
            name: port.name,
            number: source.fact(port.container_port),
        }),
    );
    let probes = container.readiness_probe.into_iter().chain(container.liveness_probe);
    workload.probes.extend(probes.map(|probe| source.fact(probe.http_get.port)));
    workload.args.extend(container.args.into_iter().map(|argument| source.fact(argument)));
    let mounts = container.volume_mounts.into_iter();
    workload.mounts.extend(
        mounts.map(|mount| Mount { volume: mount.name, path: source.fact(mount.mount_path) }),
    );
}
