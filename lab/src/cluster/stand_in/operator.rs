//! Calico's operator: creates calico-node when there is an Installation, serves the kinds of Calico's API, and
//! reports what `apply.sh` waits for.

#![expect(clippy::print_stdout, reason = "the log of the pod")]

use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use super::api::ApiClient;
use super::node::{CNI_BIN, CNI_NET, RUN};

/// The namespace of calico-node, which the emitted Role names.
pub(super) const NAMESPACE: &str = "calico-system";

/// The annotation by which calico-node publishes the address of its node.
pub(super) const ADDRESS_ANNOTATION: &str = "projectcalico.org/IPv4Address";

/// The image of all programs of this module.
pub const IMAGE: &str = "quay.io/lab/calico:1";

/// The kinds of Calico's API that the product emits: kind, plural, and whether it has a namespace.
const KINDS: &[(&str, &str)] = &[
    ("BGPConfiguration", "bgpconfigurations"),
    ("FelixConfiguration", "felixconfigurations"),
    ("GlobalNetworkPolicy", "globalnetworkpolicies"),
    ("IPAMConfiguration", "ipamconfigurations"),
    ("Tier", "tiers"),
];

const INTERVAL: Duration = Duration::from_secs(1);

/// The file `calico-crds`: the kinds of the operator's own API.
#[must_use]
pub fn definitions() -> String {
    let kinds = [
        ("Installation", "installations"),
        ("APIServer", "apiservers"),
        ("TigeraStatus", "tigerastatuses"),
    ];
    let documents =
        kinds.map(|(kind, plural)| definition("operator.tigera.io", "v1", kind, plural));
    documents.map(|document| format!("---\n{document}\n")).concat()
}

/// The file `calico-operator`.
#[must_use]
pub fn manifest() -> String {
    let namespace = "tigera-operator";
    let documents = [
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": namespace } }),
        json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": namespace, "namespace": namespace },
        }),
        json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
            "metadata": { "name": namespace },
            "roleRef": {
                "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "cluster-admin",
            },
            "subjects": [{ "kind": "ServiceAccount", "name": namespace, "namespace": namespace }],
        }),
        json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": namespace, "namespace": namespace },
            "spec": {
                "replicas": 1,
                "selector": { "matchLabels": { "name": namespace } },
                "template": {
                    "metadata": { "labels": { "name": namespace } },
                    "spec": {
                        "serviceAccountName": namespace,
                        "hostNetwork": true,
                        "tolerations": [{ "operator": "Exists" }],
                        "terminationGracePeriodSeconds": 1,
                        "containers": [{
                            "name": namespace, "image": IMAGE, "command": ["/usr/local/bin/operator"],
                        }],
                    },
                },
            },
        }),
    ];
    documents.map(|document| format!("---\n{document}\n")).concat()
}

/// A definition that accepts every field: `consumers` compares the emitted objects with Calico's own.
fn definition(group: &str, version: &str, kind: &str, plural: &str) -> Value {
    json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": { "name": format!("{plural}.{group}") },
        "spec": {
            "group": group,
            "scope": "Cluster",
            "names": { "kind": kind, "plural": plural, "singular": kind.to_lowercase() },
            "versions": [{
                "name": version, "served": true, "storage": true,
                "schema": { "openAPIV3Schema": {
                    "type": "object", "x-kubernetes-preserve-unknown-fields": true,
                } },
            }],
        },
    })
}

pub(super) fn run() -> Result<()> {
    let api = ApiClient::start("/tmp/api")?;
    let mut last = String::new();
    loop {
        let state =
            reconcile(&api).map_or_else(|error| format!("{error:#}"), |()| "done".to_owned());
        if state != last {
            println!("{state}");
            last = state;
        }
        thread::sleep(INTERVAL);
    }
}

fn reconcile(api: &ApiClient) -> Result<()> {
    let installation = "/apis/operator.tigera.io/v1/installations/default";
    api.get(installation)?.context("waiting for an Installation")?;
    let workload = format!("/apis/apps/v1/namespaces/{NAMESPACE}/daemonsets/calico-node");
    if api.get(&workload)?.is_none() {
        create_calico_node(api, &workload)?;
    }
    let found = api.get(&workload)?.context("no calico-node")?;
    let ready = found["status"]["numberReady"].as_u64().unwrap_or_default();
    let desired = found["status"]["desiredNumberScheduled"].as_u64().unwrap_or_default();
    if ready > 0 {
        serve_calico_api(api)?;
        report(api, "apiserver", true)?;
    }
    report(api, "calico", desired > 0 && ready == desired)
}

/// Calico's API server runs in the pod network, so its kinds are served when calico-node works.
fn serve_calico_api(api: &ApiClient) -> Result<()> {
    for (kind, plural) in KINDS {
        let document = definition("projectcalico.org", "v3", kind, plural);
        let path = definition_path(&format!("{plural}.projectcalico.org"));
        if api.get(&path)?.is_none() {
            api.apply(&path, &document)?;
        }
    }
    Ok(())
}

fn definition_path(name: &str) -> String {
    format!("/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{name}")
}

fn report(api: &ApiClient, component: &str, available: bool) -> Result<()> {
    let path = format!("/apis/operator.tigera.io/v1/tigerastatuses/{component}");
    let status = if available { "True" } else { "False" };
    let known = api.get(&path)?.map(|known| known["status"]["conditions"][0]["status"].clone());
    if known == Some(json!(status)) {
        return Ok(());
    }
    let object = json!({
        "apiVersion": "operator.tigera.io/v1",
        "kind": "TigeraStatus",
        "metadata": { "name": component },
        "status": { "conditions": [{ "type": "Available", "status": status }] },
    });
    api.apply(&path, &object)
}

fn create_calico_node(api: &ApiClient, workload: &str) -> Result<()> {
    let rbac = "/apis/rbac.authorization.k8s.io/v1";
    let objects = [
        (format!("/api/v1/namespaces/{NAMESPACE}"), namespace()),
        (format!("/api/v1/namespaces/{NAMESPACE}/serviceaccounts/calico-node"), service_account()),
        (format!("{rbac}/clusterroles/calico-node"), role()),
        (format!("{rbac}/clusterrolebindings/calico-node"), role_binding()),
        (workload.to_owned(), daemon_set()),
    ];
    objects.iter().try_for_each(|(path, object)| api.apply(path, object))
}

fn namespace() -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } })
}

fn service_account() -> Value {
    json!({
        "apiVersion": "v1", "kind": "ServiceAccount",
        "metadata": { "name": "calico-node", "namespace": NAMESPACE },
    })
}

/// Without Secrets: the emitted Role permits the one of the BGP password.
fn role() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole",
        "metadata": { "name": "calico-node" },
        "rules": [
            { "apiGroups": [""], "resources": ["nodes"], "verbs": ["get", "list", "patch"] },
            { "apiGroups": ["operator.tigera.io"], "resources": ["installations"], "verbs": ["get"] },
            { "apiGroups": ["projectcalico.org"], "resources": ["*"], "verbs": ["get", "list"] },
        ],
    })
}

fn role_binding() -> Value {
    json!({
        "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding",
        "metadata": { "name": "calico-node" },
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "calico-node",
        },
        "subjects": [
            { "kind": "ServiceAccount", "name": "calico-node", "namespace": NAMESPACE },
        ],
    })
}

fn daemon_set() -> Value {
    let host_folders = [("cni-bin", CNI_BIN), ("cni-net", CNI_NET), ("run", RUN)];
    let volumes = host_folders.map(|(name, path)| {
        json!({ "name": name, "hostPath": { "path": path, "type": "DirectoryOrCreate" } })
    });
    let mounts = host_folders.map(|(name, path)| json!({ "name": name, "mountPath": path }));
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": { "name": "calico-node", "namespace": NAMESPACE },
        "spec": {
            "selector": { "matchLabels": { "k8s-app": "calico-node" } },
            "template": {
                "metadata": { "labels": { "k8s-app": "calico-node" } },
                "spec": {
                    "serviceAccountName": "calico-node",
                    "hostNetwork": true,
                    "priorityClassName": "system-node-critical",
                    "tolerations": [{ "operator": "Exists" }],
                    "terminationGracePeriodSeconds": 1,
                    "volumes": volumes,
                    "containers": [{
                        "name": "calico-node", "image": IMAGE,
                        "command": ["/usr/local/bin/calico-node"],
                        "env": [{
                            "name": "NODENAME",
                            "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } },
                        }],
                        "securityContext": { "privileged": true },
                        "readinessProbe": {
                            "exec": { "command": ["/usr/local/bin/calico-node", "ready"] },
                            "periodSeconds": 2,
                        },
                        "volumeMounts": mounts,
                    }],
                },
            },
        },
    })
}
