//! The cluster from the places from which people use it: the nodes, and the laptop with its kubeconfig.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use super::{CheckStep, ClusterCheck, none_failed};
use crate::cluster::founding::Cluster;
use crate::cluster::laptop::{self, KUBECONFIG};
use crate::cluster::stand_in::app;
use crate::probe::eventually;

/// Where a command runs.
#[derive(Debug, Clone, Copy)]
pub enum CommandPlace {
    /// On a control plane, with the credential of the administrator.
    ControlPlane,
    /// On every node.
    EveryNode,
    /// On the laptop, with its kubeconfig.
    Laptop,
}

/// What a command must print.
#[derive(Debug, Clone, Copy)]
pub enum CommandOutput {
    /// Exactly this text, apart from space at its ends.
    Is(&'static str),
    /// A text that contains this one.
    Contains(&'static str),
    /// The same, but the command runs once.
    ContainsAtOnce(&'static str),
}

use CheckStep::{Command, Procedure};
use CommandOutput::{Contains, ContainsAtOnce, Is};

/// The table.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck {
        name: "apply-ended",
        step: Command(CommandPlace::ControlPlane, APPLY_LOG, Contains("meshwright: done; ")),
    },
    ClusterCheck {
        name: "apply-again-changes-nothing",
        step: Command(
            CommandPlace::ControlPlane,
            APPLY,
            ContainsAtOnce("meshwright: done; 0 changes"),
        ),
    },
    ClusterCheck {
        name: "no-failed-unit",
        step: Command(CommandPlace::EveryNode, FAILED_UNITS, Is("")),
    },
    ClusterCheck {
        name: "status-has-no-next-step",
        step: Command(CommandPlace::EveryNode, STATUS, Contains("nothing is left")),
    },
    ClusterCheck { name: "laptop-kubeconfig", step: Procedure(laptop_kubeconfig) },
    ClusterCheck {
        name: "laptop-logs",
        step: Command(CommandPlace::Laptop, LAPTOP_LOGS, Contains(app::LISTENING)),
    },
];

const APPLY_LOG: &str = "journalctl --unit meshwright-bootstrap --output cat --no-pager";
const APPLY: &str = "/etc/meshwright/cluster/apply.sh";
const STATUS: &str = "meshwright-node status && echo nothing is left";
const LAPTOP_LOGS: &str = "logs --namespace lab --selector app=app --prefix";

/// The image of Debian has no modules to load: the unit fails on a machine without a kernel.
const FAILED_UNITS: &str =
    "systemctl --failed --plain --no-legend | grep -v systemd-modules-load.service || true";

/// Runs a command until it prints what is expected.
pub(super) fn run(
    cluster: &Cluster,
    place: CommandPlace,
    command: &str,
    output: CommandOutput,
) -> Result<()> {
    let attempt = || {
        let mut failures = Vec::new();
        for (name, printed) in print(cluster, place, command)? {
            let expected = match output {
                Is(text) => printed.trim() == text,
                Contains(text) | ContainsAtOnce(text) => printed.contains(text),
            };
            if !expected {
                failures.push(format!("{name}: `{command}` printed {printed:?}, not {output:?}"));
            }
        }
        none_failed(failures)
    };
    match output {
        ContainsAtOnce(_) => attempt(),
        Is(_) | Contains(_) => eventually(cluster.timeout, attempt),
    }
}

fn print(cluster: &Cluster, place: CommandPlace, command: &str) -> Result<Vec<(String, String)>> {
    match place {
        CommandPlace::ControlPlane => {
            let node = cluster.control_plane.clone();
            let script = format!("export KUBECONFIG=/etc/kubernetes/admin.conf; {command}");
            Ok(vec![(node.clone(), cluster.machine(&node)?.run(&script)?)])
        }
        CommandPlace::EveryNode => {
            let machines = cluster.machines.iter();
            machines.map(|(name, machine)| Ok((name.clone(), machine.run(command)?))).collect()
        }
        CommandPlace::Laptop => Ok(vec![("laptop".to_owned(), laptop_kubectl(cluster, command)?)]),
    }
}

/// The laptop sees the cluster.
fn laptop_kubeconfig(cluster: &mut Cluster) -> Result<()> {
    connect_laptop(cluster)?;
    eventually(cluster.timeout, || {
        let printed = laptop_kubectl(cluster, "get nodes --output name")?;
        let expected: String =
            cluster.mesh_addresses()?.keys().map(|node| format!("node/{node}\n")).collect();
        ensure!(printed == expected, "{printed:?}, not {expected:?}");
        Ok(())
    })
}

/// A filter may have left out the check that gives the laptop its files. After a power cut of the control plane, its
/// old session is not valid there: WireGuard starts a new one 15 s after the first packet without an answer (whitepaper,
/// section 6.5, `KEEPALIVE_TIMEOUT + REKEY_TIMEOUT`), and kubectl gives a connection up after 30 s.
pub(super) fn require_laptop(cluster: &mut Cluster) -> Result<()> {
    if cluster.laptop.run(&["wg", "show", "wg0"]).is_err() {
        return laptop_kubeconfig(cluster);
    }
    eventually(cluster.timeout, || laptop_kubectl(cluster, "get --raw /readyz").map(drop))?;
    cluster.report("the laptop reaches the API");
    Ok(())
}

/// The commands of out/README.md for a client, which has no other configuration: its own wg0 carries everything.
fn connect_laptop(cluster: &Cluster) -> Result<()> {
    // The commands never replace a file.
    let folder = tempfile::tempdir_in(cluster.folder())?;
    let (conf, kubeconfig) = (folder.path().join("wg0.conf"), folder.path().join("kubeconfig"));
    let path = |file: &std::path::Path| file.to_str().map(str::to_owned).context("UTF-8");
    cluster.workspace.meshwright(&["export", "--client", "laptop", "--to", &path(&conf)?])?;
    cluster.workspace.meshwright(&["kubeconfig", "laptop", "--to", &path(&kubeconfig)?])?;
    let laptop = &cluster.laptop;
    if laptop.run(&["ip", "link", "show", "wg0"]).is_ok() {
        laptop.run(&["wg-quick", "down", "wg0"])?;
    }
    laptop.write("/etc/wireguard/wg0.conf", &fs::read_to_string(&conf)?)?;
    laptop.write(KUBECONFIG, &fs::read_to_string(&kubeconfig)?)?;
    laptop.run(&["wg-quick", "up", "wg0"]).map(drop)
}

/// docs/secrets.md: a kubeconfig can name any control plane.
pub(super) fn laptop_calls(cluster: &Cluster, node: &str) -> Result<()> {
    connect_laptop(cluster)?;
    let name = cluster.workspace.tree()?.plan.name.clone();
    let addresses = cluster.mesh_addresses()?;
    let address = addresses.get(node).with_context(|| format!("no node {node}"))?;
    let line = format!("kubectl config set-cluster {name} --server https://{address}:6443");
    laptop::run(cluster, &line)?;
    eventually(cluster.timeout, || laptop_kubectl(cluster, "get nodes")).map(drop)
}

fn laptop_kubectl(cluster: &Cluster, line: &str) -> Result<String> {
    let kubectl = cluster.datacentre.programs.path("kubectl");
    let kubectl = kubectl.to_str().context("UTF-8")?;
    let words = [kubectl, "--kubeconfig", KUBECONFIG].into_iter().chain(line.split(' '));
    cluster.laptop.run(&words.collect::<Vec<_>>())
}
