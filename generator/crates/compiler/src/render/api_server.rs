//! The files that the API server of a control plane reads. The one with the keys that encrypt Secrets is not among them:
//! it comes with the delivery.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::kubernetes::manifest::Manifest;
use crate::plan::hardening::ApiServerFile;
use crate::render::fixed::FixedFacts;
use crate::render::{NodeRenderer, NodeView, Output};

/// The files of each control plane.
pub(super) const RENDERER: NodeRenderer =
    NodeRenderer { id: "api_server", outputs: OUTPUTS, render };

const OUTPUTS: &[Output] = &[
    Output {
        path: "nodes/<node>/api-server/admission.yaml",
        consumer: "the API server, for Pod Security",
    },
    Output {
        path: "nodes/<node>/api-server/audit.yaml",
        consumer: "the API server, for its audit log",
    },
    Output {
        path: "nodes/<node>/api-server/authentication.yaml",
        consumer: "the API server, for requests without a credential",
    },
];

/// The group and version of the API server's own configuration; `v1` of AuthenticationConfiguration since 1.34.
const API_VERSION: &str = "apiserver.config.k8s.io/v1";

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    if view.node.is_control_plane() {
        add(&view.node.name.to_string(), &view.plan.control_plane.api_server_files, artifacts);
    }
}

/// The files of the control planes of a tree with these facts.
pub(super) fn render_fixed(facts: &FixedFacts<'_>, artifacts: &mut ArtifactSet) {
    let is_named = |file: &ApiServerFile| facts.api_server_files.contains(&file.name());
    let files: Vec<_> = ApiServerFile::ALL.into_iter().filter(is_named).collect();
    for node in facts.control_planes() {
        add(node.name, &files, artifacts);
    }
}

fn add(node: &str, files: &[ApiServerFile], artifacts: &mut ArtifactSet) {
    for file in files {
        let content = match file {
            ApiServerFile::Admission => admission(),
            ApiServerFile::Audit => audit_policy(),
            ApiServerFile::Authentication => authentication(),
            ApiServerFile::Encryption => continue,
        };
        artifacts.add(format!("nodes/{node}/api-server/{}", file.name()), content);
    }
}

/// Namespaces whose pods need the host: Kubernetes' own, and those of Calico. The operator labels the latter, but a
/// cluster must also start if the label comes after the pods.
const EXEMPT: [&str; 3] = ["calico-system", "kube-system", "tigera-operator"];

fn admission() -> Vec<u8> {
    let configuration = Manifest {
        api_version: "pod-security.admission.config.k8s.io/v1",
        kind: "PodSecurityConfiguration",
        fields: PodSecurity {
            defaults: PodSecurityDefaults {
                enforce: "baseline",
                enforce_version: "latest",
                audit: "restricted",
                audit_version: "latest",
                warn: "restricted",
                warn_version: "latest",
            },
            exemptions: PodSecurityExemptions {
                usernames: [],
                runtime_classes: [],
                namespaces: EXEMPT,
            },
        },
    };
    let plugins = [AdmissionPlugin { name: "PodSecurity", configuration }];
    let about = "Pod Security of namespaces without labels; a label of a namespace replaces it";
    YamlFile::new(about)
        .document(&Manifest {
            api_version: API_VERSION,
            kind: "AdmissionConfiguration",
            fields: Admission { plugins },
        })
        .finish()
}

#[derive(Serialize)]
struct Admission {
    plugins: [AdmissionPlugin; 1],
}

#[derive(Serialize)]
struct AdmissionPlugin {
    name: &'static str,
    configuration: Manifest<PodSecurity>,
}

#[derive(Serialize)]
struct PodSecurity {
    defaults: PodSecurityDefaults,
    exemptions: PodSecurityExemptions,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case")]
struct PodSecurityDefaults {
    enforce: &'static str,
    enforce_version: &'static str,
    audit: &'static str,
    audit_version: &'static str,
    warn: &'static str,
    warn_version: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PodSecurityExemptions {
    usernames: [&'static str; 0],
    runtime_classes: [&'static str; 0],
    namespaces: [&'static str; 3],
}

/// haproxy and kubelet ask for /readyz and /livez; /healthz is their older form.
const HEALTH: [&str; 3] = ["/healthz", "/livez", "/readyz"];

fn authentication() -> Vec<u8> {
    let conditions = HEALTH.map(|path| PathCondition { path });
    let anonymous = Anonymous { enabled: true, conditions };
    let about = "without a credential, only the health of the API server is answered";
    YamlFile::new(about)
        .document(&Manifest {
            api_version: API_VERSION,
            kind: "AuthenticationConfiguration",
            fields: Authentication { anonymous },
        })
        .finish()
}

#[derive(Serialize)]
struct Authentication {
    anonymous: Anonymous,
}

#[derive(Serialize)]
struct Anonymous {
    enabled: bool,
    conditions: [PathCondition; 3],
}

#[derive(Serialize)]
struct PathCondition {
    path: &'static str,
}

/// Who did what, without the contents of requests: these would have Secrets and tokens. Most requests are about health,
/// events and leases, or are reads of the cluster's own programs: these are left out, but not reads of Secrets. The first
/// rule that matches counts.
fn audit_policy() -> Vec<u8> {
    let group = |group, resources: &[&'static str]| {
        vec![GroupResources { group, resources: resources.to_vec() }]
    };
    let rules = [
        AuditRule {
            non_resource_urls: vec!["/healthz*", "/livez*", "/readyz*", "/version"],
            ..AuditRule::at("None")
        },
        AuditRule {
            resources: group("", &["secrets", "serviceaccounts/token"]),
            ..AuditRule::at("Metadata")
        },
        AuditRule {
            resources: [group("", &["events"]), group("events.k8s.io", &["events"])].concat(),
            ..AuditRule::at("None")
        },
        AuditRule { resources: group("coordination.k8s.io", &["leases"]), ..AuditRule::at("None") },
        AuditRule {
            users: vec![
                "system:apiserver",
                "system:kube-controller-manager",
                "system:kube-scheduler",
            ],
            verbs: vec!["get", "list", "watch"],
            ..AuditRule::at("None")
        },
        AuditRule {
            user_groups: vec!["system:nodes", "system:serviceaccounts:kube-system"],
            verbs: vec!["get", "list", "watch"],
            ..AuditRule::at("None")
        },
        AuditRule::at("Metadata"),
    ];
    let fields = AuditPolicy { omit_stages: ["RequestReceived"], omit_managed_fields: true, rules };
    YamlFile::new("who did what; the contents of requests are not logged, since they have secrets")
        .document(&Manifest { api_version: "audit.k8s.io/v1", kind: "Policy", fields })
        .finish()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditPolicy {
    omit_stages: [&'static str; 1],
    omit_managed_fields: bool,
    rules: [AuditRule; 7],
}

/// `PolicyRule` (audit.k8s.io/v1).
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AuditRule {
    level: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    users: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    user_groups: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    verbs: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    resources: Vec<GroupResources>,
    #[serde(rename = "nonResourceURLs", skip_serializing_if = "Vec::is_empty")]
    non_resource_urls: Vec<&'static str>,
}

impl AuditRule {
    /// A rule for all requests.
    const fn at(level: &'static str) -> Self {
        Self {
            level,
            users: Vec::new(),
            user_groups: Vec::new(),
            verbs: Vec::new(),
            resources: Vec::new(),
            non_resource_urls: Vec::new(),
        }
    }
}

#[derive(Clone, Serialize)]
struct GroupResources {
    group: &'static str,
    resources: Vec<&'static str>,
}
