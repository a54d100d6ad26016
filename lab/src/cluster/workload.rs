//! The pods and Services that the checks use: one pod on every node, a Service with a ClusterIP and one with a
//! NodePort.

use std::net::Ipv4Addr;

use anyhow::{Context as _, Result, ensure};
use serde_json::{Value, json};

use super::founding::Cluster;
use super::images;
use super::stand_in::app;
use crate::probe::eventually;

/// The namespace of the pods.
pub const NAMESPACE: &str = "lab";

/// The port of the Service.
pub const SERVICE_PORT: u16 = 80;

/// The port of the Service on every node.
pub const NODE_PORT: u16 = 30_080;

/// A pod of the checks.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClusterPod {
    /// Its name, which its server answers.
    pub name: String,
    /// Its node.
    pub node: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// Creates the pods and Services, and waits until a pod on every node is ready.
///
/// # Errors
///
/// When a pod is not ready in time.
pub fn create(cluster: &Cluster) -> Result<()> {
    let objects =
        [namespace(), daemon_set(), service("app", None), service("app-node", Some(NODE_PORT))];
    let text: String = objects.iter().map(|object| format!("---\n{object}\n")).collect();
    let script = "KUBECONFIG=/etc/kubernetes/admin.conf kubectl apply --filename -";
    cluster.machine(&cluster.control_plane)?.feed(script, text.as_bytes())?;
    await_pods(cluster).map(drop)
}

/// The pods, as soon as there is a ready one on every machine of the cluster.
///
/// # Errors
///
/// When one is not ready in time.
pub fn await_pods(cluster: &Cluster) -> Result<Vec<ClusterPod>> {
    let waited = eventually(cluster.timeout, || {
        let pods = ready_pods(cluster)?;
        let missing: Vec<_> = cluster
            .machines
            .keys()
            .filter(|node| !pods.iter().any(|pod| pod.node == **node))
            .collect();
        ensure!(missing.is_empty(), "no ready pod on {missing:?}");
        Ok(pods)
    });
    waited.map_err(|error| {
        let described =
            cluster.kubectl("describe pods --namespace lab; kubectl get pods -A -o wide");
        error.context(described.unwrap_or_default())
    })
}

fn ready_pods(cluster: &Cluster) -> Result<Vec<ClusterPod>> {
    let printed = cluster.kubectl("get pods --namespace lab --selector app=app --output json")?;
    let list: Value = serde_json::from_str(&printed)?;
    let mut pods = Vec::new();
    for pod in list["items"].as_array().context("no items")? {
        let conditions = pod["status"]["conditions"].as_array();
        let ready = conditions
            .into_iter()
            .flatten()
            .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
        if ready && pod["metadata"]["deletionTimestamp"].is_null() {
            let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
            pods.push(ClusterPod {
                name: text(&pod["metadata"]["name"]),
                node: text(&pod["spec"]["nodeName"]),
                address: text(&pod["status"]["podIP"]).parse()?,
            });
        }
    }
    pods.sort();
    Ok(pods)
}

/// The ClusterIP of the Service.
///
/// # Errors
///
/// When it does not exist.
pub fn cluster_ip(cluster: &Cluster, service: &str) -> Result<Ipv4Addr> {
    let path = "jsonpath={.spec.clusterIP}";
    let line = format!("get service {service} --namespace {NAMESPACE} --output {path}");
    Ok(cluster.kubectl(&line)?.trim().parse()?)
}

/// One more Service for the same pods, to see whether every node learns of it.
///
/// # Errors
///
/// When the API server refuses it.
pub fn create_service(cluster: &Cluster, name: &str) -> Result<Ipv4Addr> {
    let script = "KUBECONFIG=/etc/kubernetes/admin.conf kubectl apply --filename -";
    let text = service(name, None).to_string();
    cluster.machine(&cluster.control_plane)?.feed(script, text.as_bytes())?;
    cluster_ip(cluster, name)
}

fn namespace() -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } })
}

fn service(name: &str, node_port: Option<u16>) -> Value {
    let mut port = json!({ "port": SERVICE_PORT, "targetPort": app::PORT });
    if let Some(number) = node_port {
        port["nodePort"] = json!(number);
    }
    json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": name, "namespace": NAMESPACE },
        "spec": {
            "type": if node_port.is_some() { "NodePort" } else { "ClusterIP" },
            "selector": { "app": "app" },
            "ports": [port],
        },
    })
}

/// Control planes too: every node must carry pods.
fn daemon_set() -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "DaemonSet",
        "metadata": { "name": "app", "namespace": NAMESPACE },
        "spec": {
            "selector": { "matchLabels": { "app": "app" } },
            "template": {
                "metadata": { "labels": { "app": "app" } },
                "spec": {
                    "tolerations": [{ "operator": "Exists" }],
                    "terminationGracePeriodSeconds": 1,
                    "containers": [{ "name": "app", "image": images::APP }],
                },
            },
        },
    })
}
