//! docs/hardening.md: each control that is on has its text in a file of `out/`, and the page names the line.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::fmt::Write as _;
use std::fs;

use crate::docs::assert_part_committed;
use crate::testing::repository;

/// A control of a guide.
struct Control {
    name: &'static str,
    /// The numbers of the CIS Kubernetes Benchmark 1.12; empty for none.
    cis: &'static str,
    /// The chapter of the Kubernetes Hardening Guide 1.2 of NSA and CISA; empty for none.
    nsa: &'static str,
    state: State,
}

/// Whether a cluster has it.
enum State {
    /// A file of `out/` and a text in it.
    On(&'static str, &'static str),
    /// A program sets it without a file of ours: who.
    ByProgram(&'static str),
    /// A secret, which no file of `out/` has: where it is.
    InDelivery(&'static str),
    /// The reason why not.
    NotTaken(&'static str),
}

use State::{ByProgram, InDelivery, NotTaken, On};

const fn control(
    name: &'static str,
    cis: &'static str,
    nsa: &'static str,
    state: State,
) -> Control {
    Control { name, cis, nsa, state }
}

const KUBEADM: &str = "nodes/hongkong/kubeadm.yaml";
const KUBELET: &str = "nodes/tokyo/patches/kubeletconfiguration0+merge.yaml";
const ADMISSION: &str = "nodes/hongkong/api-server/admission.yaml";
const AUDIT: &str = "nodes/hongkong/api-server/audit.yaml";
const PODS: &str = "Pod security";
const NETWORK: &str = "Network separation";
const ACCESS: &str = "Authentication";
const LOGS: &str = "Audit logging";

const CONTROLS: &[Control] = &[
    control(
        "the API server listens on the mesh only",
        "",
        NETWORK,
        On("nodes/hongkong/patches/kube-apiserver0+json.yaml", "--bind-address=10.66.66.1"),
    ),
    control(
        "kubelet listens on the mesh only",
        "",
        NETWORK,
        On(KUBELET, "address: \"10.66.66.2\""),
    ),
    control(
        "requests without a credential: health only",
        "1.2.1",
        ACCESS,
        On("nodes/hongkong/api-server/authentication.yaml", "- path: /livez"),
    ),
    control("Secrets are encrypted in etcd", "1.2.27", NETWORK, On(KUBEADM, "/encryption.yaml")),
    control(
        "their key, `secretbox`",
        "1.2.28",
        NETWORK,
        InDelivery("/etc/meshwright/api-server/encryption.yaml of each control plane, 0600"),
    ),
    control("audit log", "1.2.16", LOGS, On(KUBEADM, "/audit.log")),
    control(
        "audit log: 30 days, 10 files, 100 MB each",
        "1.2.17 to 1.2.19",
        LOGS,
        On(KUBEADM, "name: audit-log-maxage"),
    ),
    control("audit policy", "3.2.1", LOGS, On(AUDIT, "- level: Metadata")),
    control("audit policy: reads of Secrets", "3.2.2", LOGS, On(AUDIT, "    - secrets")),
    control(
        "Pod Security `baseline` by default",
        "5.2.1 to 5.2.5",
        PODS,
        On(ADMISSION, "enforce: baseline"),
    ),
    control(
        "Pod Security `restricted`: warnings",
        "5.2.6",
        PODS,
        On(ADMISSION, "warn: restricted"),
    ),
    control(
        "Pod Security `restricted` in our namespaces",
        "5.2.2 to 5.2.12",
        PODS,
        On("cluster/cloudflared/namespace.yaml", "pod-security.kubernetes.io/enforce: restricted"),
    ),
    control("seccomp by default", "4.2.14, 5.7.2", PODS, On(KUBELET, "seccompDefault: true")),
    control("kubelet has no read-only port", "4.2.4", ACCESS, On(KUBELET, "readOnlyPort: 0")),
    control(
        "kubelet's client certificate is renewed",
        "4.2.10",
        ACCESS,
        On(KUBELET, "rotateCertificates: true"),
    ),
    control("ciphers of kubelet", "4.2.12", NETWORK, On(KUBELET, "tlsCipherSuites:")),
    control("TLS 1.2 of kubelet", "", NETWORK, On(KUBELET, "tlsMinVersion: VersionTLS12")),
    control("ciphers of the API server", "1.2.29", NETWORK, On(KUBEADM, "name: tls-cipher-suites")),
    control("TLS 1.2 of the API server", "", NETWORK, On(KUBEADM, "value: VersionTLS12")),
    control("ciphers of etcd", "", NETWORK, On(KUBEADM, "name: cipher-suites")),
    control("TLS 1.2 of etcd", "", NETWORK, On(KUBEADM, "value: TLS1.2")),
    control(
        "no profiling of API server, controller manager, scheduler",
        "1.2.15, 1.3.2, 1.4.1",
        "",
        On(KUBEADM, "name: profiling"),
    ),
    control(
        "no token of a service account where none is used",
        "5.1.5, 5.1.6",
        ACCESS,
        On("cluster/hello/hello.yaml", "automountServiceAccountToken: false"),
    ),
    control(
        "NetworkPolicies of cloudflared: what it needs, and nothing for other pods",
        "5.3.2",
        NETWORK,
        On("cluster/cloudflared/cloudflared.yaml", "name: default-deny"),
    ),
    control(
        "NetworkPolicies of the Ingress controller, with a tunnel",
        "5.3.2",
        NETWORK,
        On("cluster/ingress-nginx/networkpolicy.yaml", "name: default-deny"),
    ),
    control(
        "NetworkPolicies of the echo app",
        "5.3.2",
        NETWORK,
        On("cluster/hello/hello.yaml", "name: default-deny"),
    ),
    control(
        "no pod reaches the metadata service of a cloud",
        "",
        NETWORK,
        On("cluster/calico/metadata.policy.yaml", "action: Deny"),
    ),
    control(
        "controller manager and scheduler listen on loopback",
        "1.3.7, 1.4.2",
        NETWORK,
        ByProgram("kubeadm"),
    ),
    control(
        "authorization by Node and RBAC; NodeRestriction",
        "1.2.6 to 1.2.8, 1.2.14",
        ACCESS,
        ByProgram("kubeadm"),
    ),
    control(
        "kubelet: no anonymous requests, authorization by the API server",
        "4.2.1 to 4.2.3",
        ACCESS,
        ByProgram("kubeadm"),
    ),
    control("TLS with client certificates for etcd", "2.1 to 2.7", NETWORK, ByProgram("kubeadm")),
    control(
        "kubelet's server certificate is signed by the cluster",
        "1.2.5, 4.2.9, 4.2.11",
        NETWORK,
        NotTaken(
            "requests for it need someone who approves them; the API server calls kubelet through WireGuard, which \
             authenticates the node",
        ),
    ),
    control(
        "AlwaysPullImages",
        "1.2.11",
        PODS,
        NotTaken(
            "a node could not start a pod while its registry does not answer; write `enable-admission-plugins` if \
             tenants share nodes",
        ),
    ),
    control(
        "DenyServiceExternalIPs",
        "1.2.3",
        NETWORK,
        NotTaken("it would refuse Services that exist; write `enable-admission-plugins`"),
    ),
    control(
        "EventRateLimit",
        "1.2.9",
        "",
        NotTaken("the limits depend on the load of the cluster, and the plugin is alpha"),
    ),
    control(
        "a limit for processes of a pod",
        "4.2.13",
        PODS,
        NotTaken("the number depends on what runs; write `podPidsLimit` in `[kubeadm.kubelet]`"),
    ),
    control(
        "tokens of service accounts end after an hour",
        "1.2.30",
        ACCESS,
        NotTaken(
            "programs that do not read their token again would stop; write \
             `service-account-extend-token-expiration = false`",
        ),
    ),
    control(
        "a threshold for the removal of ended pods",
        "1.3.1",
        "",
        NotTaken("the default of 12500 is a threshold; write `terminated-pod-gc-threshold`"),
    ),
    control(
        "kubelet without `--hostname-override`",
        "4.2.7",
        "",
        NotTaken("an image may reset the host's name, and the credential is for this one"),
    ),
    control(
        "etcd's folder belongs to the user etcd",
        "1.1.12",
        "",
        NotTaken("etcd runs as root in its static pod, as kubeadm creates it"),
    ),
    control(
        "a NetworkPolicy in every namespace",
        "5.3.2",
        NETWORK,
        NotTaken("the flows of your own apps are not known here: write policies in `overlays/`"),
    ),
];

#[test]
fn the_table_of_controls_names_lines_of_the_output() {
    let mut table =
        "| control | CIS | NSA/CISA | state | where, or why not |\n|---|---|---|---|---|\n"
            .to_owned();
    for Control { name, cis, nsa, state } in CONTROLS {
        let (word, reason) = match state {
            On(path, text) => ("on", place(path, text)),
            ByProgram(program) => ("on", format!("set by {program}")),
            InDelivery(place) => ("on", (*place).to_owned()),
            NotTaken(reason) => ("not taken", (*reason).to_owned()),
        };
        let _ = writeln!(table, "| {name} | {cis} | {nsa} | {word} | {reason} |");
    }
    assert_part_committed("docs/hardening.md", "controls", table.trim_end());
}

/// The first line of a file of `out/` with a text, as a link.
fn place(path: &str, text: &str) -> String {
    let content = fs::read_to_string(repository().join("out").join(path)).expect("a file of out/");
    let line = (1..).zip(content.lines()).find(|(_, line)| line.contains(text));
    let (line, _) = line.ok_or_else(|| format!("{path} has no `{text}`")).expect("a control");
    format!("[{path}:{line}](../out/{path}#L{line})")
}
