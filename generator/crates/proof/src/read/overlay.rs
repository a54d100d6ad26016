//! Manifests of the user's own. They are applied after all other objects, and the proof follows none of them: those
//! that can change what it proves are named.

use super::ParseError;
use super::data::{self, DataDocument, DataNode, DataScalar, DataValue};
use super::user_settings::UserSetting;

/// Kinds that change no packet, address or admission of other objects.
const HARMLESS: &[&str] = &[
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "HorizontalPodAutoscaler",
    "LimitRange",
    "Namespace",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PodDisruptionBudget",
    "PriorityClass",
    "ResourceQuota",
    "Role",
    "RoleBinding",
    "RuntimeClass",
    "ServiceAccount",
    "StorageClass",
];

/// Kinds with pods.
const WORKLOADS: &[&str] =
    &["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicaSet", "StatefulSet"];

/// Namespaces with objects of this tree, of Kubernetes or of Calico.
const RESERVED: &[&str] = &[
    "calico-apiserver",
    "calico-system",
    "cloudflared",
    "hello",
    "ingress-nginx",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "tigera-operator",
    "traefik",
];

/// Reads a file.
///
/// # Errors
///
/// When it is not YAML, or has no object.
pub(crate) fn read(text: &str) -> Result<Vec<UserSetting>, ParseError> {
    let mut documents = data::read(text)?;
    documents.retain(|one| !matches!(one.root.value, DataValue::Scalar(DataScalar::Null)));
    if documents.is_empty() {
        return Err(ParseError { line: 0, message: "it has no object".to_owned() });
    }
    documents.iter().map(object).collect()
}

fn object(document: &DataDocument) -> Result<UserSetting, ParseError> {
    let DataDocument { kind, name, root } = document;
    if kind.is_empty() || name.is_empty() {
        let message = "an object has no kind or no name".to_owned();
        return Err(ParseError { line: root.line, message });
    }
    let namespace = root.field("metadata").and_then(|metadata| metadata.field("namespace"));
    let namespace = namespace.and_then(DataNode::text);
    let shown = namespace.map(|namespace| format!(" in {namespace}")).unwrap_or_default();
    let inside = if kind == "Namespace" { Some(name.as_str()) } else { namespace };
    let (effect, line) = match inside.filter(|namespace| RESERVED.contains(namespace)) {
        Some(_) => (Some("it is beside objects of the cluster, or changes one"), root.line),
        None => effect(kind, root),
    };
    let text = format!("{kind} {name}{shown}: {}", effect.unwrap_or("it changes no packet"));
    Ok(UserSetting { text, line, is_harmless: effect.is_none() })
}

/// What an object can change, and the line of that.
fn effect(kind: &str, root: &DataNode) -> (Option<&'static str>, u32) {
    match kind {
        kind if HARMLESS.contains(&kind) => (None, root.line),
        kind if WORKLOADS.contains(&kind) => {
            let dangers = [
                ("hostNetwork", "its pods are in the network of the host"),
                ("hostPort", "its pods have a port of the host"),
                ("privileged", "its containers are privileged"),
                ("capabilities", "its containers have other capabilities"),
            ];
            let danger = |(key, effect)| Some((effect, find(root, key)?.line));
            let found = dangers.into_iter().find_map(danger);
            found.map_or((None, root.line), |(effect, line)| (Some(effect), line))
        }
        "Service" => {
            let spec = root.field("spec");
            let field = |key: &str| spec.and_then(|spec| spec.field(key));
            let other = field("type").filter(|kind| kind.text() != Some("ClusterIP"));
            let open = other.or(field("externalIPs")).or(field("loadBalancerIP"));
            open.map_or((None, root.line), |node| {
                (Some("it is reachable at addresses of nodes, or of a load balancer"), node.line)
            })
        }
        "Ingress" | "IngressClass" => {
            (Some("it takes part in requests from the Internet"), root.line)
        }
        kind if kind.ends_with("Policy") || kind.ends_with("WebhookConfiguration") => {
            (Some("it may drop or admit packets, or refuse or change objects"), root.line)
        }
        "BGPConfiguration" | "BGPFilter" | "BGPPeer" | "FelixConfiguration"
        | "GlobalNetworkSet" | "HostEndpoint" | "IPAMConfiguration" | "IPPool"
        | "IPReservation" | "Installation" | "Node" => {
            (Some("it changes the network of pods or nodes"), root.line)
        }
        _ => (Some("the proof does not know this kind"), root.line),
    }
}

/// The first value under a key anywhere in an object that is not false and not empty.
fn find<'a>(node: &'a DataNode, key: &str) -> Option<&'a DataNode> {
    match &node.value {
        DataValue::Map(fields) => {
            let own = fields.get(key).filter(|value| is_set(value));
            own.or_else(|| fields.values().find_map(|value| find(value, key)))
        }
        DataValue::List(items) => items.iter().find_map(|item| find(item, key)),
        DataValue::Scalar(_) => None,
    }
}

fn is_set(node: &DataNode) -> bool {
    !matches!(&node.value, DataValue::Scalar(DataScalar::Switch(false) | DataScalar::Null))
}

#[cfg(test)]
mod tests {
    use super::read;

    /// What is said about one object, with the line; none if it is harmless.
    fn named(kind: &str, rest: &str) -> Option<(String, u32)> {
        let text = format!("# a\n---\napiVersion: v1\nkind: {kind}\nmetadata:\n  name: a\n{rest}");
        let read = read(&text).unwrap();
        assert_eq!(read.len(), 1, "{text}");
        let setting = &read[0];
        (!setting.is_harmless).then(|| (setting.text.clone(), setting.line))
    }

    #[test]
    fn what_can_change_the_proof_is_named() {
        let table = [
            ("ConfigMap", "", None),
            ("Service", "spec: {type: ClusterIP}\n", None),
            ("Deployment", "spec: {template: {spec: {hostNetwork: false}}}\n", None),
            (
                "ConfigMap",
                "  namespace: kube-system\n",
                Some((
                    "ConfigMap a in kube-system: it is beside objects of the cluster, or changes one",
                    3,
                )),
            ),
            (
                "Service",
                "spec:\n  type: NodePort\n",
                Some((
                    "Service a: it is reachable at addresses of nodes, or of a load balancer",
                    8,
                )),
            ),
            (
                "Service",
                "spec:\n  externalIPs: [203.0.113.1]\n",
                Some((
                    "Service a: it is reachable at addresses of nodes, or of a load balancer",
                    8,
                )),
            ),
            (
                "DaemonSet",
                "spec:\n  template:\n    spec:\n      hostNetwork: true\n",
                Some(("DaemonSet a: its pods are in the network of the host", 10)),
            ),
            (
                "Pod",
                "spec:\n  containers:\n  - ports:\n    - hostPort: 80\n",
                Some(("Pod a: its pods have a port of the host", 10)),
            ),
            (
                "NetworkPolicy",
                "",
                Some((
                    "NetworkPolicy a: it may drop or admit packets, or refuse or change objects",
                    3,
                )),
            ),
            ("IPPool", "", Some(("IPPool a: it changes the network of pods or nodes", 3))),
            ("Widget", "", Some(("Widget a: the proof does not know this kind", 3))),
        ];
        for (kind, rest, expected) in table {
            let expected = expected.map(|(text, line)| (text.to_owned(), line));
            assert_eq!(named(kind, rest), expected, "{kind} {rest}");
        }
    }

    #[test]
    fn a_file_without_an_object_is_refused() {
        assert_eq!(read("# a\n").unwrap_err().message, "it has no object");
        assert_eq!(read("kind: Pod\n").unwrap_err().message, "an object has no kind or no name");
    }
}
