//! The connectors.

use std::collections::BTreeMap;

use serde::Serialize;

use super::configuration::{
    self, CONFIG_MAP, CREDENTIALS, EDGE_IP_VERSION, FILE, METRICS_PORT, metrics_address,
};
use crate::kubernetes::container::{
    ConfigMapSource, Container, ContainerPort, Probe, Resources, SecretSource, SecurityContext,
    Volume, VolumeMount,
};
use crate::kubernetes::manifest::{Manifest, ObjectFields, ObjectMeta};
use crate::kubernetes::network_policy::LabelSelector;
use crate::kubernetes::workload::{DeploymentSpec, Workload, deployment};
use crate::plan::tunnel::{NAMESPACE, POD_LABEL, SECRET, TunnelPlan, secret_key};
use meshwright_value::{Sha256, TunnelMode};

const NAME: &str = "cloudflared";

const CONFIG_FOLDER: &str = "/etc/cloudflared/config";

/// The failures in a row of a probe every ten seconds.
const TEN_MINUTES: u8 = 60;

/// Seconds; more than the 30 that cloudflared gives requests to end (`grace-period`).
const GRACE_PERIOD: u16 = 45;

pub(super) fn deployment_of(
    tunnel: &TunnelPlan,
) -> Manifest<ObjectFields<'static, DeploymentSpec>> {
    // cloudflared reads its file only at its start: a changed file must replace the pods.
    let checksum = configuration::text(tunnel)
        .map(|text| ("checksum/config", Sha256::compute(text.as_bytes()).to_string()));
    let (volumes, volume_mounts) = files(tunnel);
    let workload = Workload {
        replicas: tunnel.connectors.replicas,
        label: POD_LABEL,
        annotations: checksum.into_iter().collect::<BTreeMap<_, _>>(),
        grace_period: Some(GRACE_PERIOD),
        container: Container {
            name: NAME,
            image: tunnel.image.to_string(),
            args: arguments(tunnel),
            ports: [ContainerPort { name: "metrics", container_port: METRICS_PORT }],
            readiness_probe: Probe::http("/ready", "metrics"),
            // `/ready` fails while no edge is connected. A short outage there restarts no connector, and one that
            // has lost the edge for ten minutes is started again: some do not find it again by themselves.
            liveness_probe: Probe::http("/ready", "metrics").failing_after(TEN_MINUTES),
            resources: Resources::new(
                format!("{}m", tunnel.connectors.cpu_request),
                "64Mi",
                format!("{}Mi", tunnel.connectors.memory_limit),
            ),
            security_context: SecurityContext::restricted(),
            volume_mounts,
        },
        volumes,
    };
    deployment(ObjectMeta::namespaced(NAME, NAMESPACE), workload)
}

/// The flags of `tunnel` come before its subcommand. A secret is a file, never a variable.
fn arguments(tunnel: &TunnelPlan) -> Vec<String> {
    let credential = format!("{CREDENTIALS}/{}", secret_key(tunnel.mode));
    let config = format!("{CONFIG_FOLDER}/{FILE}");
    let metrics = metrics_address();
    let protocol = configuration::protocol(tunnel);
    let arguments = match tunnel.mode {
        TunnelMode::Local => vec!["tunnel", "--config", &config, "run"],
        TunnelMode::Remote => {
            let mut arguments =
                vec!["tunnel", "--metrics", &metrics, "--edge-ip-version", EDGE_IP_VERSION];
            arguments.extend(protocol.iter().flat_map(|protocol| ["--protocol", protocol]));
            arguments.extend(["run", "--token-file", &credential]);
            arguments
        }
    };
    arguments.into_iter().map(str::to_owned).collect()
}

fn files(tunnel: &TunnelPlan) -> (Vec<Volume>, Vec<VolumeMount>) {
    let mount = |name, mount_path| VolumeMount { name, mount_path, read_only: true };
    let secret =
        Volume::Secret { name: "credentials", secret: SecretSource { secret_name: SECRET } };
    let config =
        Volume::ConfigMap { name: "config", config_map: ConfigMapSource { name: CONFIG_MAP } };
    let secret = (secret, mount("credentials", CREDENTIALS));
    match tunnel.mode {
        TunnelMode::Local => [(config, mount("config", CONFIG_FOLDER)), secret].into_iter().unzip(),
        TunnelMode::Remote => [secret].into_iter().unzip(),
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct DisruptionBudgetSpec {
    max_unavailable: u8,
    selector: LabelSelector,
    /// A connector that is not ready does not prevent the drain of a node.
    unhealthy_pod_eviction_policy: &'static str,
}

pub(super) fn disruption_budget() -> Manifest<ObjectFields<'static, DisruptionBudgetSpec>> {
    let spec = DisruptionBudgetSpec {
        max_unavailable: 1,
        selector: LabelSelector::new([POD_LABEL]),
        unhealthy_pod_eviction_policy: "AlwaysAllow",
    };
    let fields = ObjectFields { metadata: ObjectMeta::namespaced(NAME, NAMESPACE), spec };
    Manifest { api_version: "policy/v1", kind: "PodDisruptionBudget", fields }
}
