//! What docs/hardening.md lists, on the machines.

use super::access::{CommandOutput, CommandPlace};
use super::{CheckStep, ClusterCheck};

use CheckStep::Command;
use CommandOutput::{Contains, Is};

/// The table.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck {
        name: "health-without-credential",
        step: Command(CommandPlace::EveryNode, HEALTH, Is("200 200")),
    },
    ClusterCheck {
        name: "api-without-credential",
        step: Command(CommandPlace::EveryNode, API, Is("401 401")),
    },
    ClusterCheck {
        name: "privileged-pod-refused",
        step: Command(CommandPlace::ControlPlane, PRIVILEGED, Contains(VIOLATION)),
    },
    ClusterCheck {
        name: "secret-encrypted-in-etcd",
        step: Command(CommandPlace::ControlPlane, SECRET, Is("encrypted")),
    },
    ClusterCheck {
        name: "request-in-audit-log",
        step: Command(CommandPlace::ControlPlane, AUDIT, Is("1")),
    },
    ClusterCheck {
        name: "container-has-a-filter",
        step: Command(CommandPlace::EveryNode, SECCOMP, Is("filtered")),
    },
];

/// Prints the HTTP status of two paths of the API, called without a credential. The machines have no curl.
macro_rules! statuses_of {
    ($first:literal, $second:literal) => {
        concat!(
            r#". /etc/meshwright/node.env
code() {
  printf 'GET %s HTTP/1.0\r\n\r\n' "$1" | openssl s_client -quiet -connect "$MESHWRIGHT_API_NAME:6443" 2>/dev/null |
    sed -n '1s/^HTTP[^ ]* \([0-9]*\).*/\1/p'
}
"#,
            "echo $(code ", $first, ") $(code ", $second, ")",
        )
    };
}

const HEALTH: &str = statuses_of!("/livez", "/readyz");

const API: &str = statuses_of!("/api", "/api/v1/namespaces/kube-public/configmaps/cluster-info");

const PRIVILEGED: &str =
    "kubectl run privileged --image=app --privileged --dry-run=server 2>&1 || true";

const VIOLATION: &str = r#"violates PodSecurity "baseline:latest": privileged"#;

/// A ConfigMap is found where a Secret must not be.
const SECRET: &str = r#"object() { kubectl create "$@" --dry-run=client --output yaml | kubectl apply --filename - >/dev/null; }
in_etcd() { grep --recursive --quiet --text --fixed-strings "$1" /var/lib/etcd/member; }
object configmap canary --from-literal=key=canary-of-the-configmap
object secret generic canary --from-literal=key=canary-of-the-secret
in_etcd canary-of-the-configmap || echo no ConfigMap
if in_etcd canary-of-the-secret; then echo plain; else echo encrypted; fi"#;

/// The API server of this node is called, and not the load balancer.
const AUDIT: &str = r#". /etc/meshwright/node.env
name=audited-$(date +%N)
kubectl --server="https://$MESHWRIGHT_ADDRESS:6443" create configmap "$name" >/dev/null
grep '"verb":"create"' /var/log/kubernetes/audit/audit.log | grep -c "\"name\":\"$name\"""#;

/// The machine has filters of its own, as a container of systemd-nspawn: a pod has one more.
const SECCOMP: &str = r#"filters() { sed -n 's/^Seccomp_filters:[[:space:]]*//p' "/proc/$(pgrep -xo "$1")/status"; }
if [ "$(filters app)" -gt "$(filters kubelet)" ]; then echo filtered; else echo "$(filters app)"; fi"#;
