//! Refuses a setting of a program of Kubernetes that Meshwright or kubeadm sets, and on which other files rely.

use crate::check::{Findings, Rule, Scope, Theme};
use crate::diagnostic::{Finding, LabelPlace, Severity};
use crate::route::Route;
use crate::topology::{KubeletSetting, Topology};
use meshwright_value::component::{Component, is_named};

pub(super) const RULE: Rule<Topology> = Rule {
    code: "kubeadm-setting-owned",
    severity: Severity::Error,
    theme: Theme::ControlPlane,
    summary: "a setting of Kubernetes is one that other files rely on",
    explain: "\
`[kubeadm]` adds arguments to the programs of the control plane, and fields to the configuration of kubelet. \
Some of them are not free: other emitted files rely on their values, or kubeadm sets them for each node. An API \
server with another `bind-address` listens on the public side; with another `service-cluster-ip-range`, the \
firewall and WireGuard drop the packets of Services; with `anonymous-auth=false`, kubelet's probes fail and the \
API server is restarted for ever.

The label names the reason. Remove the setting, or write the key of `topology.toml` that the help names.

Sources: kubeadm's `getAPIServerCommand`, `getControllerManagerCommand` and `getSchedulerCommand` in \
cmd/kubeadm/app/phases/controlplane/manifests.go, `getEtcdCommand` in phases/etcd/local.go, and \
componentconfigs/kubelet.go, of Kubernetes 1.37.2.",
    scope: Scope::Present,
    check,
};

/// Settings with one reason. A name that ends in `*` is that of all settings that begin with it.
struct Owned {
    names: &'static [&'static str],
    reason: &'static str,
    help: &'static str,
}

const REMOVE: &str = "remove it";

const fn owned(names: &'static [&'static str], reason: &'static str) -> Owned {
    Owned { names, reason, help: REMOVE }
}

const GATES: Owned = Owned {
    names: &["feature-gates", "featureGates"],
    reason: "all programs of Kubernetes get the same gates",
    help: "write the gates in `[kubeadm.feature_gates]`",
};

const CERTIFICATES: &str = "kubeadm sets it, with the certificates and kubeconfigs of this cluster";
const LOOPBACK: &str = "on another address it would listen on the public side";

const API_SERVER: &[Owned] = &[
    GATES,
    owned(
        &["advertise-address", "bind-address"],
        "each API server has the mesh address of its own node",
    ),
    owned(&["secure-port"], "the firewall, haproxy and all kubeconfigs use port 6443"),
    Owned {
        names: &["service-cluster-ip-range"],
        reason: "WireGuard, Calico and the firewall use the same subnet",
        help: "write `service_subnet` in `[network]`",
    },
    owned(
        &["service-node-port-range", "kubernetes-service-node-port"],
        "the firewall of a node is proven for the NodePorts 30000-32767",
    ),
    owned(
        &[
            "client-ca-file",
            "etcd-cafile",
            "etcd-certfile",
            "etcd-keyfile",
            "etcd-prefix",
            "etcd-servers",
            "kubelet-client-*",
            "proxy-client-*",
            "requestheader-*",
            "service-account-key-file",
            "service-account-signing-*",
            "tls-cert-file",
            "tls-private-key-file",
        ],
        CERTIFICATES,
    ),
    owned(
        &["kubelet-preferred-address-types", "egress-selector-config-file"],
        "the API server calls kubelets at their mesh addresses",
    ),
    owned(
        &["authorization-config", "authorization-mode"],
        "kubeadm and kubelets need the modes Node and RBAC",
    ),
    owned(
        &["anonymous-auth"],
        "kubelet's probes and haproxy ask for /livez and /readyz without credentials",
    ),
    owned(&["allow-privileged"], "the pods of Calico and kube-proxy are privileged"),
    owned(
        &["endpoint-reconciler-type"],
        "the Service `kubernetes` has the addresses of all API servers",
    ),
];

const CONTROLLER_MANAGER: &[Owned] = &[
    GATES,
    owned(&["bind-address", "secure-port"], LOOPBACK),
    owned(
        &["allocate-node-cidrs", "cidr-allocator-type", "cluster-cidr", "node-cidr-mask-*"],
        "Calico's pools assign the addresses of pods",
    ),
    Owned {
        names: &["service-cluster-ip-range"],
        reason: "WireGuard, Calico and the firewall use the same subnet",
        help: "write `service_subnet` in `[network]`",
    },
    owned(
        &[
            "*kubeconfig",
            "client-ca-file",
            "cluster-signing-cert-file",
            "cluster-signing-key-file",
            "requestheader-*",
            "root-ca-file",
            "service-account-private-key-file",
        ],
        CERTIFICATES,
    ),
    owned(&["leader-elect"], "only one of several controller managers may act"),
];

const SCHEDULER: &[Owned] = &[
    GATES,
    owned(&["bind-address", "secure-port"], LOOPBACK),
    owned(&["*kubeconfig", "client-ca-file", "requestheader-*"], CERTIFICATES),
    owned(&["leader-elect"], "only one of several schedulers may act"),
];

const ETCD: &[Owned] = &[
    Owned {
        names: &["election-timeout", "heartbeat-interval"],
        reason: "they follow from the distance of the control planes",
        help: "write `round_trip_ms` in `[control_plane]`",
    },
    owned(
        &["advertise-client-urls", "initial-*", "listen-*", "name"],
        "each member of etcd has the mesh address of its own node",
    ),
    owned(&["data-dir", "wal-dir"], "kubeadm mounts /var/lib/etcd"),
    owned(
        &[
            "*cert-file",
            "*key-file",
            "*trusted-ca-file",
            "*client-cert-auth",
            "auto-tls",
            "peer-auto-tls",
        ],
        CERTIFICATES,
    ),
    owned(&["discovery*"], "kubeadm gives each member the list of all members"),
    owned(&["force-new-cluster"], "it removes all other members at each start"),
];

const KUBELET: &[Owned] = &[
    GATES,
    owned(&["address"], "kubelet listens on the mesh address of its own node"),
    owned(&["port"], "the API server and the firewall use port 10250"),
    owned(&["readOnlyPort"], "everyone in the mesh could read all pods at this port"),
    owned(&["healthzBindAddress", "healthzPort"], LOOPBACK),
    Owned {
        names: &["clusterDNS", "clusterDomain"],
        reason: "they follow from the subnet and the domain of Services",
        help: "write `service_subnet` or `dns_domain` in `[network]`",
    },
    owned(&["cgroupDriver"], "containerd has the driver `systemd`"),
    owned(
        &["authentication", "authorization", "rotateCertificates"],
        "kubeadm sets it: kubelet asks the API server who may call it",
    ),
    owned(
        &["staticPodPath", "staticPodURL", "staticPodURLHeader"],
        "the control plane runs from it",
    ),
    owned(&["containerRuntimeEndpoint", "imageServiceEndpoint"], "containerd is the runtime"),
    owned(
        &["enableServer", "registerNode", "runOnce"],
        "the node would not be a node of the cluster",
    ),
    Owned {
        names: &["registerWithTaints"],
        reason: "apply.sh sets the taints of each node",
        help: "write `taints` of the node",
    },
    owned(&["podCIDR"], "Calico's pools assign the addresses of pods"),
    owned(
        &["hairpinMode", "makeIPTablesUtilChains"],
        "Calico and kube-proxy program the packet filter",
    ),
    owned(&["kind", "apiVersion"], "kubeadm writes the head of the document"),
];

/// Plugins of admission that must stay: without the first, a stolen node can change others; the second keeps pods from
/// taking addresses of other nodes; without the others, no pod gets its token or its priority.
const ADMISSION: [&str; 4] =
    ["NodeRestriction", "ValidatingAdmissionPolicy", "ServiceAccount", "Priority"];

fn check(topology: &Topology, findings: &mut Findings) {
    for component in Component::ALL {
        arguments(topology, component, findings);
    }
    for KubeletSetting { field, at, .. } in topology.kubelet_settings() {
        findings.extend(find(KUBELET, field, &format!("kubelet's `{field}`"), &at));
    }
}

fn arguments(topology: &Topology, component: Component, findings: &mut Findings) {
    let owned = match component {
        Component::ApiServer => API_SERVER,
        Component::ControllerManager => CONTROLLER_MANAGER,
        Component::Scheduler => SCHEDULER,
        Component::Etcd => ETCD,
    };
    let program = component.program();
    for (name, value) in topology.kubeadm.arguments(component) {
        let at = topology.kubeadm.place_of(component, name);
        let what = format!("the argument `{name}` of {program}");
        findings.extend(find(owned, name.as_str(), &what, &at));
        if component == Component::ApiServer {
            let plugins: Vec<_> = value.texts().flat_map(|text| text.split(',')).collect();
            findings.extend(admission(name.as_str(), &plugins, &at));
        }
    }
}

fn find(table: &[Owned], name: &str, what: &str, at: &Route) -> Option<Finding> {
    let owned = table.iter().find(|owned| owned.names.iter().any(|one| is_named(one, name)))?;
    let message = format!("{what} is not free");
    let finding = Finding::at_place(message, LabelPlace::Key(at.clone()), owned.reason);
    Some(finding.help(owned.help))
}

/// A list replaces kubeadm's own.
fn admission(name: &str, plugins: &[&str], at: &Route) -> Option<Finding> {
    match name {
        "enable-admission-plugins" if !plugins.contains(&"NodeRestriction") => {
            let message = "the API server needs the admission plugin `NodeRestriction`";
            let finding = Finding::new(message, at, "this list replaces kubeadm's, which has it");
            Some(finding.help("add `NodeRestriction` to the list"))
        }
        "disable-admission-plugins" => {
            let needed = ADMISSION.iter().find(|needed| plugins.contains(needed))?;
            let message = format!("the API server needs the admission plugin `{needed}`");
            let finding = Finding::new(message, at, "turned off here");
            Some(finding.help(format!("remove `{needed}` from the list")))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::{API_SERVER, CONTROLLER_MANAGER, ETCD, KUBELET, Owned, SCHEDULER};
    use meshwright_value::component::{self, Component, is_named};

    /// A name that no program has protects nothing.
    #[test]
    fn each_owned_name_is_one_of_its_program() {
        let of = |component: Component| component.arguments().collect::<Vec<_>>();
        let fields = component::kubelet_fields().map(|(field, _)| field);
        let fields: Vec<_> = fields.chain(["kind", "apiVersion"]).collect();
        let tables: [(&[Owned], Vec<&str>); 5] = [
            (API_SERVER, of(Component::ApiServer)),
            (CONTROLLER_MANAGER, of(Component::ControllerManager)),
            (SCHEDULER, of(Component::Scheduler)),
            (ETCD, of(Component::Etcd)),
            (KUBELET, fields),
        ];
        for (table, known) in tables {
            for pattern in table.iter().flat_map(|owned| owned.names) {
                let is_gate = pattern.to_lowercase().replace('-', "") == "featuregates";
                let is_known = known.iter().any(|name| is_named(pattern, name));
                assert!(is_known || is_gate, "{pattern}");
            }
        }
    }
}
