//! Deployments: the properties of their pods that affect packets.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_saphyr::Spanned;

use super::{MetadataYaml, ObjectLabels, ObjectSource, PortReference, SelectorYaml};
use crate::read::ParseError;
use crate::span::{FileLine, FileSpanned};

/// The pods of one Deployment.
#[derive(Debug, Clone)]
pub struct EmittedWorkload {
    /// The Deployment's name.
    pub name: FileSpanned<String>,
    /// Their namespace.
    pub namespace: String,
    /// How many there are.
    pub replicas: FileSpanned<u32>,
    /// The labels by which the Deployment selects its pods.
    pub selector: ObjectLabels,
    /// Their labels.
    pub labels: ObjectLabels,
    /// Whether they use their node's addresses instead of their own.
    pub host_network: Option<FileSpanned<bool>>,
    /// The ports of their containers.
    pub ports: Vec<WorkloadPort>,
    /// The ports of kubelet's probes.
    pub probes: Vec<FileSpanned<PortReference>>,
    /// The arguments of their program.
    pub args: Vec<FileSpanned<String>>,
    /// The mounted volumes.
    pub mounts: Vec<WorkloadMount>,
    /// The volumes.
    pub volumes: Vec<WorkloadVolume>,
    /// Its first line.
    pub place: FileLine,
}

/// A port of a container.
#[derive(Debug, Clone)]
pub struct WorkloadPort {
    /// Its name, if it has one.
    pub name: Option<String>,
    /// Its number.
    pub number: FileSpanned<u16>,
}

/// A mounted folder of a container.
#[derive(Debug, Clone)]
pub struct WorkloadMount {
    /// The volume.
    pub volume: String,
    /// Its path.
    pub path: FileSpanned<String>,
}

/// A volume of a pod.
#[derive(Debug, Clone)]
pub struct WorkloadVolume {
    /// Its name within the pod.
    pub name: String,
    /// The ConfigMap whose texts are its files; none for a Secret.
    pub settings: Option<FileSpanned<String>>,
}

impl EmittedWorkload {
    /// The number of a port, if a container has it.
    #[must_use]
    pub fn port(&self, wanted: &PortReference) -> Option<&FileSpanned<u16>> {
        let mut ports = self.ports.iter();
        let found = ports.find(|port| match wanted {
            PortReference::Number(number) => port.number.value == *number,
            PortReference::Name(name) => port.name.as_ref() == Some(name),
        });
        found.map(|port| &port.number)
    }

    /// The argument after a flag.
    #[must_use]
    pub fn argument_of(&self, flag: &str) -> Option<&FileSpanned<String>> {
        let position = self.args.iter().position(|argument| argument.value == flag)?;
        self.args.get(position + 1)
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct DeploymentSpecYaml {
    replicas: Spanned<u32>,
    selector: SelectorYaml,
    #[expect(dead_code, reason = "read so that an unknown key is an error")]
    strategy: Option<IgnoredAny>,
    template: PodTemplateYaml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodTemplateYaml {
    metadata: PodTemplateMetadataYaml,
    spec: PodSpecYaml,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodTemplateMetadataYaml {
    labels: BTreeMap<String, Spanned<String>>,
    #[expect(dead_code, reason = "read so that an unknown key is an error")]
    annotations: Option<IgnoredAny>,
}

/// Keys that bind pods to nodes are refused, because each connection is proven for every node.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct PodSpecYaml {
    host_network: Option<Spanned<bool>>,
    containers: Vec<ContainerYaml>,
    #[serde(default)]
    volumes: Vec<PodVolumeYaml>,
    automount_service_account_token: Option<IgnoredAny>,
    enable_service_links: Option<IgnoredAny>,
    security_context: Option<IgnoredAny>,
    termination_grace_period_seconds: Option<IgnoredAny>,
    topology_spread_constraints: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct ContainerYaml {
    name: String,
    image: IgnoredAny,
    #[serde(default)]
    args: Vec<Spanned<String>>,
    #[serde(default)]
    ports: Vec<ContainerPortYaml>,
    readiness_probe: Option<ContainerProbeYaml>,
    liveness_probe: Option<ContainerProbeYaml>,
    resources: Option<IgnoredAny>,
    security_context: Option<IgnoredAny>,
    #[serde(default)]
    volume_mounts: Vec<VolumeMountYaml>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct ContainerPortYaml {
    name: Option<String>,
    container_port: Spanned<u16>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
#[expect(dead_code, reason = "read so that an unknown key is an error")]
struct ContainerProbeYaml {
    http_get: HttpGetYaml,
    period_seconds: Option<IgnoredAny>,
    failure_threshold: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HttpGetYaml {
    #[expect(dead_code, reason = "read so that an unknown key is an error")]
    path: String,
    port: Spanned<PortReference>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct VolumeMountYaml {
    name: String,
    mount_path: Spanned<String>,
    #[expect(dead_code, reason = "read so that an unknown key is an error")]
    read_only: Option<bool>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct PodVolumeYaml {
    name: String,
    config_map: Option<ConfigMapNameYaml>,
    #[expect(dead_code, reason = "read so that an unknown key is an error")]
    secret: Option<IgnoredAny>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConfigMapNameYaml {
    name: Spanned<String>,
}

pub(super) fn read(source: &ObjectSource<'_>) -> Result<EmittedWorkload, ParseError> {
    let (metadata, spec) = source.manifest::<DeploymentSpecYaml>("apps/v1")?;
    let MetadataYaml { name, namespace, .. } = metadata;
    let PodTemplateYaml { metadata: template, spec: pods } = spec.template;
    let volumes = pods.volumes.into_iter().map(|volume| WorkloadVolume {
        name: volume.name,
        settings: volume.config_map.map(|settings| source.with_place(settings.name)),
    });
    let mut workload = EmittedWorkload {
        name: source.with_place(name),
        namespace: source.namespace(namespace),
        replicas: source.with_place(spec.replicas),
        selector: source.labels(spec.selector.match_labels),
        labels: source.labels(template.labels),
        host_network: pods.host_network.map(|on| source.with_place(on)),
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

fn add(source: &ObjectSource<'_>, workload: &mut EmittedWorkload, container: ContainerYaml) {
    let ports = container.ports.into_iter();
    workload.ports.extend(ports.map(|port| WorkloadPort {
        name: port.name,
        number: source.with_place(port.container_port),
    }));
    let probes = container.readiness_probe.into_iter().chain(container.liveness_probe);
    workload.probes.extend(probes.map(|probe| source.with_place(probe.http_get.port)));
    workload.args.extend(container.args.into_iter().map(|argument| source.with_place(argument)));
    let mounts = container.volume_mounts.into_iter();
    workload.mounts.extend(mounts.map(|mount| WorkloadMount {
        volume: mount.name,
        path: source.with_place(mount.mount_path),
    }));
}
