//! Containers of a pod, and their volumes.

use std::collections::BTreeMap;

use serde::Serialize;

/// A container.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Container {
    /// Its name.
    pub name: &'static str,
    /// Its image.
    pub image: String,
    /// The arguments of the image's entry point.
    pub args: Vec<String>,
    /// The port on which it listens.
    pub ports: [ContainerPort; 1],
    /// Decides whether it gets requests.
    pub readiness_probe: Probe,
    /// Decides whether it is restarted.
    pub liveness_probe: Probe,
    /// Its requests and limits; no CPU limit, which would throttle it on an idle node.
    pub resources: Resources,
    /// Its privileges.
    pub security_context: SecurityContext,
    /// Its mounted volumes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub volume_mounts: Vec<VolumeMount>,
}

/// A port of a container.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ContainerPort {
    /// The name that Services and probes use.
    pub name: &'static str,
    /// Its number.
    pub container_port: u16,
}

/// An HTTP request that kubelet sends to check a container.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Probe {
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
    /// Requests a path every ten seconds; the probe fails after three failures in a row.
    #[must_use]
    pub(crate) const fn http(path: &'static str, port: &'static str) -> Self {
        let http_get = HttpGet { path, port };
        Self { http_get, period_seconds: 10, failure_threshold: 3 }
    }

    /// The same probe, which fails only after so many failures in a row.
    #[must_use]
    pub(crate) const fn failing_after(self, failure_threshold: u8) -> Self {
        Self { failure_threshold, ..self }
    }
}

/// The requests and limits of a container.
#[derive(Debug, Serialize)]
pub(crate) struct Resources {
    requests: BTreeMap<&'static str, String>,
    limits: BTreeMap<&'static str, String>,
}

impl Resources {
    /// The requested CPU and memory, and the memory limit.
    #[must_use]
    pub(crate) fn new(
        cpu: impl Into<String>,
        memory: impl Into<String>,
        most_memory: impl Into<String>,
    ) -> Self {
        Self {
            requests: BTreeMap::from([("cpu", cpu.into()), ("memory", memory.into())]),
            limits: BTreeMap::from([("memory", most_memory.into())]),
        }
    }
}

/// The privileges of a container: it can only change mounted volumes.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecurityContext {
    allow_privilege_escalation: bool,
    capabilities: Capabilities,
    read_only_root_filesystem: bool,
}

#[derive(Debug, Serialize)]
struct Capabilities {
    drop: [&'static str; 1],
}

impl SecurityContext {
    /// The settings that the Pod Security Standard `restricted` requires, and a read-only root file
    /// system.
    #[must_use]
    pub(crate) const fn restricted() -> Self {
        Self {
            allow_privilege_escalation: false,
            capabilities: Capabilities { drop: ["ALL"] },
            read_only_root_filesystem: true,
        }
    }
}

/// The mount of a volume in a container.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct VolumeMount {
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
pub(crate) enum Volume {
    /// From a ConfigMap.
    #[serde(rename_all = "camelCase")]
    ConfigMap {
        /// The name that mounts use.
        name: &'static str,
        /// The object.
        config_map: ConfigMapSource,
    },
    /// From a Secret.
    Secret {
        /// The name that mounts use.
        name: &'static str,
        /// The object.
        secret: SecretSource,
    },
}

/// A ConfigMap by its name.
#[derive(Debug, Serialize)]
pub(crate) struct ConfigMapSource {
    /// Its name.
    pub name: &'static str,
}

/// A Secret by its name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SecretSource {
    /// Its name.
    pub secret_name: &'static str,
}
