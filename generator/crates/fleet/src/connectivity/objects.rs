//! The objects of the test: a pod on every node, and a Service for them.

use serde_json::{Value, json};

/// The namespace of all objects. Deleting it deletes them.
pub const NAMESPACE: &str = "meshwright-test";

/// The name of the DaemonSet, of the Service and of the label.
pub const NAME: &str = "probe";

/// The port of the HTTP server in each pod.
pub const POD_PORT: u16 = 8080;

/// The port of the Service.
pub const SERVICE_PORT: u16 = 80;

/// The size of the file that fills packets of every MTU, in bytes.
pub const BLOCK: u32 = 256 * 1024;

/// The command of a pod: busybox is the only program that is needed.
fn serve() -> String {
    format!(
        "busybox printf '%s\\n' \"$NODE\" >/www/name && \
         busybox dd if=/dev/zero of=/www/block bs=1024 count={} 2>/dev/null && \
         exec busybox httpd -f -p {POD_PORT} -h /www",
        BLOCK / 1024
    )
}

/// All objects, as one List.
#[must_use]
pub fn list(image: &str) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "List",
        "items": [namespace(), daemon_set(image), service()],
    })
}

fn namespace() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Namespace",
        "metadata": {
            "name": NAMESPACE,
            "labels": { "pod-security.kubernetes.io/enforce": "restricted" },
        },
    })
}

/// Nodes with taints, control planes too, are tested like the others.
fn daemon_set(image: &str) -> Value {
    let container = json!({
        "name": NAME,
        "image": image,
        "command": ["busybox", "sh", "-c", serve()],
        "env": [{ "name": "NODE", "valueFrom": { "fieldRef": { "fieldPath": "spec.nodeName" } } }],
        "ports": [{ "containerPort": POD_PORT }],
        "readinessProbe": { "httpGet": { "path": "/name", "port": POD_PORT }, "periodSeconds": 2 },
        "resources": {
            "requests": { "cpu": "10m", "memory": "16Mi" },
            "limits": { "memory": "64Mi" },
        },
        "securityContext": {
            "allowPrivilegeEscalation": false,
            "capabilities": { "drop": ["ALL"] },
            "readOnlyRootFilesystem": true,
        },
        "volumeMounts": [{ "name": "www", "mountPath": "/www" }],
    });
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": { "name": NAME, "namespace": NAMESPACE },
        "spec": {
            "selector": { "matchLabels": { "app": NAME } },
            "template": {
                "metadata": { "labels": { "app": NAME } },
                "spec": {
                    "automountServiceAccountToken": false,
                    "enableServiceLinks": false,
                    "tolerations": [{ "operator": "Exists" }],
                    "terminationGracePeriodSeconds": 1,
                    "securityContext": {
                        "runAsNonRoot": true,
                        "runAsUser": 65534,
                        "runAsGroup": 65534,
                        "fsGroup": 65534,
                        "seccompProfile": { "type": "RuntimeDefault" },
                    },
                    "containers": [container],
                    "volumes": [{ "name": "www", "emptyDir": { "sizeLimit": "4Mi" } }],
                },
            },
        },
    })
}

/// A Service with a ClusterIP and a NodePort that Kubernetes selects.
fn service() -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": { "name": NAME, "namespace": NAMESPACE },
        "spec": {
            "type": "NodePort",
            "selector": { "app": NAME },
            "ports": [{ "port": SERVICE_PORT, "targetPort": POD_PORT }],
        },
    })
}
