//! Containers: what runs in a pod, and the files it is given.

use serde::Serialize;

use super::manifest::Labels;

/// A container.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Container {
    /// Its name.
    pub name: &'static str,
    /// What it runs.
    pub image: &'static str,
    /// The arguments of the image's entry point.
    pub args: Vec<String>,
    /// Where it listens.
    pub ports: [ContainerPort; 1],
    /// Whether it gets requests.
    pub readiness_probe: Probe,
    /// Whether it is restarted.
    pub liveness_probe: Probe,
    /// What it needs; no limit of CPU, which would stop it with CPU to spare.
    pub resources: Resources,
    /// What it may do.
    pub security_context: SecurityContext,
    /// The files it is given.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
}

/// A port of a container.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ContainerPort {
    /// What Services and probes call it.
    pub name: &'static str,
    /// Its number.
    pub container_port: u16,
}

/// A question over HTTP that kubelet asks.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Probe {
    http_get: HttpGet,
    period_seconds: u8,
    failure_threshold: u8,
}

#[derive(Debug, Serialize)]
struct HttpGet {
    path: &'static str,
    port: &'static str,
}

impl Probe {
    /// Asks for a path every ten seconds; the third failure in a row counts.
    #[must_use]
    pub const fn http(path: &'static str, port: &'static str) -> Self {
        let http_get = HttpGet { path, port };
        Self { http_get, period_seconds: 10, failure_threshold: 3 }
    }
}

/// What a container needs.
#[derive(Debug, Serialize)]
pub struct Resources {
    requests: Labels,
    limits: Labels,
}

impl Resources {
    /// A share of CPU and of memory, and the most memory.
    #[must_use]
    pub fn new(cpu: &'static str, memory: &'static str, most_memory: &'static str) -> Self {
        Self {
            requests: Labels::from([("cpu", cpu), ("memory", memory)]),
            limits: Labels::from([("memory", most_memory)]),
        }
    }
}

/// A container that can change nothing but what is mounted.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityContext {
    allow_privilege_escalation: bool,
    capabilities: Capabilities,
    read_only_root_filesystem: bool,
}

#[derive(Debug, Serialize)]
struct Capabilities {
    drop: [&'static str; 1],
}

impl SecurityContext {
    /// What the Pod Security Standard `restricted` asks for, and a root file system that cannot be
    /// written.
    #[must_use]
    pub const fn restricted() -> Self {
        Self {
            allow_privilege_escalation: false,
            capabilities: Capabilities { drop: ["ALL"] },
            read_only_root_filesystem: true,
        }
    }
}

/// Where a volume appears.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VolumeMount {
    /// The volume.
    pub name: &'static str,
    /// The folder.
    pub mount_path: &'static str,
    /// Whether the container can write there.
    pub read_only: bool,
}

/// Files from an object of the same namespace.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Volume {
    /// From a ConfigMap.
    #[serde(rename_all = "camelCase")]
    ConfigMap {
        /// What mounts call it.
        name: &'static str,
        /// The object.
        config_map: ConfigMapSource,
    },
    /// From a Secret.
    Secret {
        /// What mounts call it.
        name: &'static str,
        /// The object.
        secret: SecretSource,
    },
}

/// Which ConfigMap.
#[derive(Debug, Serialize)]
pub struct ConfigMapSource {
    /// Its name.
    pub name: &'static str,
}

/// Which Secret, and what of it.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecretSource {
    /// Its name.
    pub secret_name: &'static str,
}
