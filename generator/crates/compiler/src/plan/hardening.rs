//! What is stricter than the defaults of Kubernetes, kubeadm and etcd. docs/hardening.md has the whole list, and the
//! reason for what is not on it.

use serde_json::{Value, json};

use super::settings::Argument;
use crate::topology::settings::Settings;
use crate::topology::{Hardening, Kubeadm};
use meshwright_value::component::Component;

/// The folder on a control plane with the files that its API server reads.
pub const API_SERVER_FOLDER: &str = "/etc/meshwright/api-server";

/// The folder on a control plane in which its API server writes the audit log.
pub const AUDIT_FOLDER: &str = "/var/log/kubernetes/audit";

/// A file that the API server reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ApiServerFile {
    /// The levels of Pod Security for namespaces without labels.
    Admission,
    /// The requests that are written to the audit log.
    Audit,
    /// The paths that need no credential.
    Authentication,
    /// The keys that encrypt Secrets in etcd. A secret: it comes with the delivery, and is not in the output.
    Encryption,
}

impl ApiServerFile {
    /// All files, by name.
    pub const ALL: [Self; 4] =
        [Self::Admission, Self::Audit, Self::Authentication, Self::Encryption];

    /// Its name in the folder.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Admission => "admission.yaml",
            Self::Audit => "audit.yaml",
            Self::Authentication => "authentication.yaml",
            Self::Encryption => "encryption.yaml",
        }
    }

    /// Its path on a control plane.
    #[must_use]
    pub fn path(self) -> String {
        format!("{API_SERVER_FOLDER}/{}", self.name())
    }
}

/// Key exchange with forward secrecy, and ciphers that authenticate. TLS 1.3, which has no others, is not affected. The
/// certificates of kubeadm are ECDSA; those that kubelet makes for itself are RSA.
const CIPHERS: [&str; 6] = [
    "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
];

/// The arguments of a program, besides those that the user has written.
pub(super) fn arguments(
    hardening: &Hardening,
    kubeadm: &Kubeadm,
    component: Component,
) -> Vec<Argument> {
    let mut arguments = match component {
        Component::ApiServer => api_server(hardening, kubeadm),
        Component::ControllerManager | Component::Scheduler => vec![argument("profiling", "false")],
        Component::Etcd => {
            vec![
                argument("cipher-suites", CIPHERS.join(",")),
                argument("tls-min-version", "TLS1.2"),
            ]
        }
    };
    let written = kubeadm.arguments(component);
    arguments.retain(|argument| written.keys().all(|name| name.as_str() != argument.name));
    arguments
}

/// The API server refuses AuthenticationConfiguration beside `anonymous-auth` and `oidc-*` (`Validate` in its
/// pkg/kubeapiserver/options/authentication.go, 1.37.2). The audit log keeps at most 1.1 GB, and less because rotated
/// files are compressed: sizes are in MB, the age in days (CIS Kubernetes Benchmark 1.2.17 to 1.2.19).
fn api_server(hardening: &Hardening, kubeadm: &Kubeadm) -> Vec<Argument> {
    let mut arguments = vec![
        argument("profiling", "false"),
        argument("tls-cipher-suites", CIPHERS.join(",")),
        argument("tls-min-version", "VersionTLS12"),
        argument("encryption-provider-config", ApiServerFile::Encryption.path()),
        argument("encryption-provider-config-automatic-reload", "true"),
    ];
    if hardening.audit_log {
        arguments.extend([
            argument("audit-log-compress", "true"),
            argument("audit-log-maxage", "30"),
            argument("audit-log-maxbackup", "10"),
            argument("audit-log-maxsize", "100"),
            argument("audit-log-path", format!("{AUDIT_FOLDER}/audit.log")),
            argument("audit-policy-file", ApiServerFile::Audit.path()),
        ]);
    }
    if hardening.pod_security {
        let file = ApiServerFile::Admission.path();
        arguments.push(argument("admission-control-config-file", file));
    }
    let mut written = kubeadm.arguments(Component::ApiServer).keys();
    let has_other_authentication =
        written.any(|name| name.as_str() == "anonymous-auth" || name.as_str().starts_with("oidc-"));
    if hardening.anonymous_health_only && !has_other_authentication {
        arguments.push(argument("authentication-config", ApiServerFile::Authentication.path()));
    }
    arguments
}

fn argument(name: &str, value: impl Into<String>) -> Argument {
    Argument { name: name.to_owned(), value: value.into() }
}

/// The fields of kubelet's configuration. `readOnlyPort` and `rotateCertificates` are the defaults of kubeadm and of the
/// file's format; they are written because scanners read the file.
pub(super) fn kubelet() -> Settings {
    let fields = [
        ("readOnlyPort", Value::from(0)),
        ("rotateCertificates", Value::from(true)),
        ("seccompDefault", Value::from(true)),
        ("tlsCipherSuites", json!(CIPHERS)),
        ("tlsMinVersion", Value::from("VersionTLS12")),
    ];
    let none = Settings::default();
    fields.into_iter().fold(none, |settings, (field, value)| settings.with(field, value))
}

/// Whether the API servers have our file with the keys that encrypt Secrets, and no other one.
#[must_use]
pub fn has_own_encryption(kubeadm: &Kubeadm) -> bool {
    let mut written = kubeadm.arguments(Component::ApiServer).keys();
    written.all(|name| name.as_str() != "encryption-provider-config")
}

/// Whether a file is named by an argument of the API server.
pub(super) fn is_named(file: ApiServerFile, arguments: &[Argument]) -> bool {
    let path = file.path();
    arguments.iter().any(|argument| argument.value == path)
}
