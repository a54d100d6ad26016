//! `host/`: the files that have the same bytes on every Debian or Ubuntu node. The files of one node are
//! in `nodes/<node>/`; [`crate::render::host_tree`] has the place of each file on a host.

use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::derive::mirror;
use crate::encode::GENERATED;
use crate::encode::template;
use crate::plan::Plan;
use crate::plan::host::{self, GUARD_ROUTE, HostsEntry, LoadBalancer, POD_ROUTE};
use crate::render::fixed::FixedFacts;
use crate::render::{ClusterRenderer, Output, host_tree};
use meshwright_value::Url;

/// The registration.
pub(super) const RENDERER: ClusterRenderer =
    ClusterRenderer { id: "host_files", outputs: &OUTPUTS, render };

/// The files that need more than a template and the view of all hosts.
const SPECIAL: [Output; 4] = [
    Output { path: SCRIPT, consumer: "bash, as /usr/local/sbin/meshwright-node" },
    Output {
        path: FIRST_BOOT_SCRIPT,
        consumer: "bash, as /usr/local/sbin/meshwright-node until the first delivery",
    },
    Output {
        path: "host/containerd/certs.d/<registry>/hosts.toml",
        consumer: "containerd, where a registry has mirrors",
    },
    Output { path: HAPROXY, consumer: "haproxy, where there are several control planes" },
];

/// The other files: path, consumer and template of each.
const TEMPLATED: [(&str, &str, &str); 23] = [
    ("host/guards.routes", "ip -batch, by meshwright-guards.service", "guards.routes"),
    ("host/hosts", "meshwright-node, for /etc/hosts", "hosts"),
    ("host/modules-load.conf", "systemd-modules-load", "modules-load.conf"),
    ("host/sysctl.conf", "systemd-sysctl", "sysctl.conf"),
    ("host/networkd.conf", "systemd-networkd", "networkd.conf"),
    ("host/network-manager.conf", "NetworkManager", "network-manager.conf"),
    ("host/needrestart.conf", "needrestart", "needrestart.conf"),
    ("host/containerd/config.toml", "containerd", "containerd.toml"),
    ("host/systemd/meshwright-backup.service", "systemd", "meshwright-backup.service"),
    ("host/systemd/meshwright-backup.timer", "systemd", "meshwright-backup.timer"),
    ("host/systemd/meshwright-bootstrap.service", "systemd", "meshwright-bootstrap.service"),
    ("host/systemd/meshwright-firewall.service", "systemd", "meshwright-firewall.service"),
    ("host/systemd/meshwright-guards.service", "systemd", "meshwright-guards.service"),
    ("host/systemd/meshwright-metrics.service", "systemd", "meshwright-metrics.service"),
    ("host/systemd/meshwright-metrics.timer", "systemd", "meshwright-metrics.timer"),
    ("host/systemd/meshwright-prepare.service", "systemd", "meshwright-prepare.service"),
    ("host/systemd/meshwright-relays.service", "systemd", "meshwright-relays.service"),
    ("host/systemd/meshwright-resolve.service", "systemd", "meshwright-resolve.service"),
    ("host/systemd/meshwright-resolve.timer", "systemd", "meshwright-resolve.timer"),
    ("host/systemd/meshwright-watch.service", "systemd", "meshwright-watch.service"),
    ("host/systemd/meshwright-watch.timer", "systemd", "meshwright-watch.timer"),
    ("host/systemd/kubelet.service.d/20-meshwright.conf", "systemd", "kubelet-drop-in.conf"),
    (
        "host/systemd/wg-quick@<interface>.service.d/meshwright.conf",
        "systemd",
        "wg-quick-drop-in.conf",
    ),
];

const OUTPUTS: [Output; SPECIAL.len() + TEMPLATED.len()] = outputs();

/// A constant, since a registration is one; hence the loops.
const fn outputs() -> [Output; SPECIAL.len() + TEMPLATED.len()] {
    let mut outputs = [SPECIAL[0]; SPECIAL.len() + TEMPLATED.len()];
    let mut position = 0;
    while position < outputs.len() {
        outputs[position] = match position < SPECIAL.len() {
            true => SPECIAL[position],
            false => {
                let (path, consumer, _) = TEMPLATED[position - SPECIAL.len()];
                Output { path, consumer }
            }
        };
        position += 1;
    }
    outputs
}

/// The program of every host.
pub(super) const SCRIPT: &str = "host/meshwright-node";

/// The parts of it in user-data: `prepare`, and the start of the first delivery, which brings the whole
/// program. So the smallest user-data has room for the firewall.
pub(super) const FIRST_BOOT_SCRIPT: &str = "host/first-boot/meshwright-node";

const HAPROXY: &str = "host/haproxy.cfg";

/// The parts of the program, in their order.
const SCRIPT_PARTS: [&str; 18] = [
    "head",
    "common",
    "inspect",
    "prepare",
    "receive",
    "mesh",
    "relays",
    "authority",
    "state",
    "deliver",
    "confirm",
    "bootstrap",
    "backup",
    "restore",
    "status",
    "records",
    "metrics",
    "main",
];

/// The parts of the program in user-data.
const FIRST_BOOT_PARTS: [&str; 5] =
    ["first-boot-head", "common", "inspect", "prepare", "first-boot"];

#[derive(Serialize)]
struct HostFilesView<'plan> {
    generated: &'static str,
    interface: &'plan str,
    pod_route: String,
    protocol: &'static str,
    metric: u32,
    subnets: Vec<String>,
    modules: Vec<String>,
    sysctl: Vec<SysctlView>,
    hosts: Vec<HostsLineView>,
    sandbox_image: String,
    file_patterns: Vec<&'static str>,
    folder_patterns: Vec<&'static str>,
}

#[derive(Serialize)]
struct SysctlView {
    name: &'static str,
    value: &'static str,
}

#[derive(Serialize)]
struct HostsLineView {
    address: String,
    names: String,
}

#[derive(Serialize)]
struct LoadBalancerView<'plan> {
    generated: &'static str,
    #[serde(flatten)]
    balancer: LoadBalancer<'plan>,
}

#[derive(Serialize)]
struct MirrorsView<'plan> {
    generated: &'static str,
    registry: &'plan str,
    mirrors: Vec<MirrorView<'plan>>,
}

#[derive(Serialize)]
struct MirrorView<'plan> {
    url: &'plan str,
    override_path: bool,
}

impl<'plan> MirrorView<'plan> {
    fn of(url: &'plan str) -> Self {
        Self { url, override_path: mirror::names_api_root(url) }
    }
}

pub(super) fn render(plan: &Plan, artifacts: &mut ArtifactSet) {
    render_view(&HostFilesView::of(plan), artifacts);
    if let Some(balancer) = plan.load_balancer() {
        let view = LoadBalancerView { generated: GENERATED, balancer };
        artifacts.add(HAPROXY, template::render("haproxy.cfg", &view));
    }
    for (registry, mirrors) in plan.containerd().mirrors {
        let urls: Vec<_> = mirrors.iter().map(Url::as_str).collect();
        render_registry(registry.as_str(), &urls, artifacts);
    }
}

/// The files that depend on neither subnets nor names of hosts.
pub(super) fn render_fixed(facts: &FixedFacts<'_>, artifacts: &mut ArtifactSet) {
    let Some(founder) = facts.nodes.iter().find(|node| node.initialises) else { return };
    let repository = facts.image_repository;
    let view = HostFilesView {
        modules: host::kernel_modules(facts.proxy_mode, founder.scheduler),
        sandbox_image: host::sandbox_image(
            repository,
            facts.versions.kubernetes.pause.of(facts.kubernetes_version),
        ),
        ..HostFilesView::without_addresses(facts.interface)
    };
    render_view(&view, artifacts);
    for (registry, mirrors) in founder.mirrors {
        let urls: Vec<_> = mirrors.iter().map(String::as_str).collect();
        render_registry(registry, &urls, artifacts);
    }
}

fn render_view(view: &HostFilesView<'_>, artifacts: &mut ArtifactSet) {
    artifacts.add(SCRIPT, script(&SCRIPT_PARTS, view));
    artifacts.add(FIRST_BOOT_SCRIPT, condense(&script(&FIRST_BOOT_PARTS, view)));
    for (path, _, name) in TEMPLATED {
        artifacts.add(path.replace("<interface>", view.interface), template::render(name, view));
    }
}

fn render_registry(registry: &str, mirrors: &[&str], artifacts: &mut ArtifactSet) {
    artifacts.add(registry_path(registry), registry_hosts(registry, mirrors));
}

fn script(parts: &[&str], view: &HostFilesView<'_>) -> String {
    parts.iter().map(|part| template::render(&format!("meshwright-node.{part}"), view)).collect()
}

/// Removes comments, indentation and empty lines. Comments are a fourth of a script, and compress least.
/// Directives of shellcheck and the head are kept.
fn condense(script: &str) -> String {
    let (head, body) = script.split_once("\n\n").unwrap_or_default();
    let is_comment = |line: &str| line.starts_with("# ") && !line.starts_with("# shellcheck ");
    let lines = body.split_inclusive('\n').map(str::trim_start);
    let body = lines.filter(|line| !line.is_empty() && !is_comment(line));
    format!("{head}\n\n{}", body.collect::<String>())
}

impl<'plan> HostFilesView<'plan> {
    fn of(plan: &'plan Plan) -> Self {
        let guards = plan.route_guards();
        Self {
            subnets: guards.subnets.iter().map(ToString::to_string).collect(),
            modules: plan.kernel_modules(),
            hosts: plan.hosts().iter().map(HostsLineView::from_entry).collect(),
            sandbox_image: plan.containerd().sandbox_image,
            ..Self::without_addresses(plan.wireguard.interface.as_str())
        }
    }

    /// What depends on the interface alone.
    fn without_addresses(interface: &'plan str) -> Self {
        let sysctl = host::sysctl().into_iter();
        Self {
            generated: GENERATED,
            interface,
            pod_route: format!("proto {} metric {}", POD_ROUTE.protocol, POD_ROUTE.metric),
            protocol: GUARD_ROUTE.protocol,
            metric: GUARD_ROUTE.metric,
            subnets: Vec::new(),
            modules: Vec::new(),
            sysctl: sysctl.map(|(name, value)| SysctlView { name, value }).collect(),
            hosts: Vec::new(),
            sandbox_image: String::new(),
            file_patterns: host_tree::file_patterns(),
            folder_patterns: host_tree::folder_patterns(),
        }
    }
}

impl HostsLineView {
    fn from_entry(entry: &HostsEntry<'_>) -> Self {
        Self { address: entry.address.to_string(), names: entry.names.join(" ") }
    }
}

/// A port is spelt `_5000_` in a path: containerd tries that path first (`hostDirectory` of its
/// `remotes/docker/config`), and some file systems do not allow a colon.
fn registry_path(registry: &str) -> String {
    let folder = match registry.split_once(':') {
        Some((host, port)) => format!("{host}_{port}_"),
        None => registry.to_owned(),
    };
    format!("host/containerd/certs.d/{folder}/hosts.toml")
}

/// Without `server`, containerd falls back to the registry itself, and knows the host of docker.io.
fn registry_hosts(registry: &str, mirrors: &[&str]) -> String {
    let mirrors = mirrors.iter().copied().map(MirrorView::of).collect();
    let view = MirrorsView { generated: GENERATED, registry, mirrors };
    template::render("registry-hosts.toml", &view)
}

#[cfg(test)]
mod tests {
    use super::{registry_hosts, registry_path};

    #[test]
    fn a_registry_has_the_folder_that_containerd_looks_for() {
        let table = [
            ("docker.io", "host/containerd/certs.d/docker.io/hosts.toml"),
            ("localhost:5000", "host/containerd/certs.d/localhost_5000_/hosts.toml"),
        ];
        for (registry, path) in table {
            assert_eq!(registry_path(registry), path);
        }
    }

    #[test]
    fn mirrors_are_tried_in_order() {
        let mirrors = [
            "https://b.example.com",
            "http://a.example.com:5000/k8s",
            "https://harbor.example.com/v2/k8s",
        ];
        let expected = "\
# generated from topology.toml by meshwright; do not edit
# Mirrors of registry.k8s.io, tried in this order, then the registry itself.

[host.\"https://b.example.com\"]
capabilities = [\"pull\", \"resolve\"]

[host.\"http://a.example.com:5000/k8s\"]
capabilities = [\"pull\", \"resolve\"]

[host.\"https://harbor.example.com/v2/k8s\"]
capabilities = [\"pull\", \"resolve\"]
override_path = true
";
        assert_eq!(registry_hosts("registry.k8s.io", &mirrors), expected);
    }
}
