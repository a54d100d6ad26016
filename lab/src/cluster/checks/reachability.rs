//! Who reaches whom: pods, nodes, the laptop and an outsider try every address of a kind.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use anyhow::{Context as _, Result, bail, ensure};

use super::{CheckStep, ClusterCheck, none_failed};
use crate::cluster::founding::{Cluster, public_address};
use crate::cluster::stand_in::app;
use crate::cluster::workload::{self, NAMESPACE, NODE_PORT, SERVICE_PORT};
use crate::namespace::Namespace;
use crate::probe::{eventually, in_parallel};
use crate::scan::answering_ports;
use crate::server::reachable_targets;
use crate::underlay::outsider_address;

/// Who connects.
#[derive(Debug, Clone, Copy)]
pub enum Sender {
    /// A pod on every node, by `kubectl exec`.
    Pods,
    /// Every node.
    Nodes,
    /// The laptop.
    Laptop,
    /// A host on the Internet.
    Outsider,
}

/// What is called.
#[derive(Debug, Clone, Copy)]
pub enum Target {
    /// The pod of every node.
    Pods,
    /// The ClusterIP of the Service.
    Service,
    /// The Service's name.
    ServiceName,
    /// The NodePort at the mesh address of every node.
    NodePorts,
    /// The NodePort at the public addresses.
    PublicNodePorts,
    /// A port at the mesh address of every node.
    MeshPort(u16),
}

/// What must happen.
#[derive(Debug, Clone, Copy)]
pub enum Expected {
    /// The called pod answers; of a Service, one of its pods.
    Answer,
    /// No packet comes back: the port is neither open nor refused.
    Silence,
}

use CheckStep::{Procedure, Reach};
use Expected::{Answer, Silence};

/// The table.
pub const ALL: &[ClusterCheck] = &[
    ClusterCheck { name: "node-to-pod", step: Reach(Sender::Nodes, Target::Pods, Answer) },
    ClusterCheck {
        name: "cluster-ip-from-pods",
        step: Reach(Sender::Pods, Target::Service, Answer),
    },
    ClusterCheck {
        name: "cluster-ip-from-nodes",
        step: Reach(Sender::Nodes, Target::Service, Answer),
    },
    ClusterCheck { name: "dns", step: Reach(Sender::Pods, Target::ServiceName, Answer) },
    ClusterCheck {
        name: "node-ports-in-mesh",
        step: Reach(Sender::Nodes, Target::NodePorts, Answer),
    },
    ClusterCheck {
        name: "node-ports-closed-outside",
        step: Reach(Sender::Outsider, Target::PublicNodePorts, Silence),
    },
    ClusterCheck { name: "service-sees-pod-address", step: Procedure(service_sees_pod_address) },
    ClusterCheck { name: "public-tcp-ports-closed", step: Procedure(public_tcp_ports_closed) },
];

/// The laptop, over its own wg0.
pub const LAPTOP: &[ClusterCheck] = &[
    ClusterCheck { name: "laptop-reaches-pods", step: Reach(Sender::Laptop, Target::Pods, Answer) },
    ClusterCheck {
        name: "laptop-reaches-service",
        step: Reach(Sender::Laptop, Target::Service, Answer),
    },
    ClusterCheck {
        name: "laptop-node-ports-closed",
        step: Reach(Sender::Laptop, Target::NodePorts, Silence),
    },
    ClusterCheck {
        name: "laptop-kubelet-closed",
        step: Reach(Sender::Laptop, Target::MeshPort(10_250), Silence),
    },
    ClusterCheck {
        name: "laptop-etcd-closed",
        step: Reach(Sender::Laptop, Target::MeshPort(2379), Silence),
    },
    ClusterCheck {
        name: "laptop-bgp-closed",
        step: Reach(Sender::Laptop, Target::MeshPort(179), Silence),
    },
];

/// A called address, and the pods that may answer.
#[derive(Clone)]
struct CalledAddress {
    address: String,
    pods: BTreeSet<String>,
}

/// Each sender calls each target.
///
/// # Errors
///
/// Every pair with another result than the expected one.
pub(super) fn run(cluster: &Cluster, from: Sender, to: Target, expected: Expected) -> Result<()> {
    match expected {
        Answer => eventually(cluster.timeout, || {
            expect_answers(cluster, from, &called_addresses(cluster, to)?)
        }),
        Silence => expect_silence(cluster, from, &called_addresses(cluster, to)?),
    }
}

fn called_addresses(cluster: &Cluster, target: Target) -> Result<Vec<CalledAddress>> {
    let pods = workload::await_pods(cluster)?;
    let all: BTreeSet<_> = pods.iter().map(|pod| pod.name.clone()).collect();
    let service = |address: String| CalledAddress { address, pods: all.clone() };
    let on_nodes = |port: u16| -> Result<Vec<CalledAddress>> {
        let addresses = cluster.mesh_addresses()?;
        Ok(addresses.values().map(|address| service(format!("{address}:{port}"))).collect())
    };
    Ok(match target {
        Target::Pods => pods
            .iter()
            .map(|pod| CalledAddress {
                address: format!("{}:{}", pod.address, app::PORT),
                pods: BTreeSet::from([pod.name.clone()]),
            })
            .collect(),
        Target::Service => {
            let address = workload::cluster_ip(cluster, "app")?;
            vec![service(format!("{address}:{SERVICE_PORT}"))]
        }
        Target::ServiceName => {
            vec![service(format!("app.{NAMESPACE}.svc.cluster.local:{SERVICE_PORT}"))]
        }
        Target::NodePorts => on_nodes(NODE_PORT)?,
        Target::MeshPort(port) => on_nodes(port)?,
        Target::PublicNodePorts => {
            let public = cluster.machines.keys().filter_map(|node| public_address(node));
            public.map(|(address, _)| service(format!("{address}:{NODE_PORT}"))).collect()
        }
    })
}

fn expect_answers(cluster: &Cluster, from: Sender, targets: &[CalledAddress]) -> Result<()> {
    let mut failures = Vec::new();
    for (sender, answers) in call(cluster, from, targets)? {
        for (target, answer) in targets.iter().zip(answers) {
            let pod = answer.split(' ').next().unwrap_or_default();
            if !target.pods.contains(pod) {
                failures.push(format!("{sender} to {}: {answer}", target.address));
            }
        }
    }
    none_failed(failures)
}

/// Each sender with the answer of each target.
fn call(
    cluster: &Cluster,
    from: Sender,
    targets: &[CalledAddress],
) -> Result<Vec<(String, Vec<String>)>> {
    if matches!(from, Sender::Pods) {
        return call_from_pods(cluster, targets);
    }
    let mut called = Vec::new();
    for (name, namespace) in namespaces(cluster, from)? {
        let answers = namespace.enter(|| {
            let one = |target: &CalledAddress| {
                app::get(&target.address).unwrap_or_else(|error| format!("error: {error:#}"))
            };
            Ok(targets.iter().map(one).collect())
        })?;
        called.push((name, answers));
    }
    Ok(called)
}

fn namespaces(cluster: &Cluster, from: Sender) -> Result<Vec<(String, Namespace)>> {
    match from {
        Sender::Laptop => Ok(vec![("laptop".to_owned(), cluster.laptop.namespace.clone())]),
        Sender::Outsider => Ok(vec![("outsider".to_owned(), cluster.outsider.clone())]),
        Sender::Nodes => {
            let machines = cluster.machines.iter();
            machines.map(|(name, machine)| Ok((name.clone(), machine.namespace()?))).collect()
        }
        Sender::Pods => bail!("the network of a pod is entered by kubectl exec"),
    }
}

fn expect_silence(cluster: &Cluster, from: Sender, targets: &[CalledAddress]) -> Result<()> {
    let parsed = targets.iter().map(|target| Ok(target.address.parse::<SocketAddr>()?));
    let addresses = parsed.collect::<Result<Vec<_>>>()?;
    ensure!(!addresses.is_empty(), "nothing to call");
    let mut failures = Vec::new();
    for (name, namespace) in namespaces(cluster, from)? {
        let answered = reachable_targets(&namespace, &addresses)?;
        failures.extend(answered.iter().map(|address| format!("{address} answers {name}")));
    }
    none_failed(failures)
}

fn call_from_pods(
    cluster: &Cluster,
    targets: &[CalledAddress],
) -> Result<Vec<(String, Vec<String>)>> {
    let addresses: Vec<_> = targets.iter().map(|target| target.address.as_str()).collect();
    let mut called = Vec::new();
    for pod in workload::await_pods(cluster)? {
        let line =
            format!("exec --namespace {NAMESPACE} {} -- app get {}", pod.name, addresses.join(" "));
        let printed = cluster.kubectl(&line)?;
        let answers = printed.lines().zip(&addresses).map(|(line, address)| {
            line.strip_prefix(&format!("{address} ")).unwrap_or(line).to_owned()
        });
        let answers: Vec<_> = answers.collect();
        ensure!(answers.len() == addresses.len(), "{}: {printed}", pod.name);
        called.push((pod.name, answers));
    }
    Ok(called)
}

/// kube-proxy masquerades no pod: a pod that answers over the Service sees the address of the pod that calls.
fn service_sees_pod_address(cluster: &mut Cluster) -> Result<()> {
    let pods = workload::await_pods(cluster)?;
    // Several calls: some are answered by a pod of another node.
    let once = called_addresses(cluster, Target::Service)?;
    let service: Vec<_> = std::iter::repeat_n(once, 4).flatten().collect();
    eventually(cluster.timeout, || {
        let mut failures = Vec::new();
        for (sender, answers) in call_from_pods(cluster, &service)? {
            let caller = pods.iter().find(|pod| pod.name == sender).context("a new pod")?;
            for answer in answers {
                let (pod, peer) = answer.split_once(' ').context("no answer")?;
                // A pod that the Service sends to itself must be masqueraded.
                if pod != sender && peer != caller.address.to_string() {
                    failures.push(format!("{pod} sees {peer}, not {} of {sender}", caller.address));
                }
            }
        }
        none_failed(failures)
    })
}

/// SSH must answer, which also shows that the scan works.
fn public_tcp_ports_closed(cluster: &mut Cluster) -> Result<()> {
    let public = cluster.machines.keys().filter_map(|node| public_address(node));
    let targets: Vec<IpAddr> = public.flat_map(|(v4, v6)| [v4.into(), v6.into()]).collect();
    ensure!(!targets.is_empty(), "no public address");
    let scanned = in_parallel(&targets, |target| {
        match answering_ports(&cluster.outsider, outsider_address(*target), *target) {
            Ok(answered) if answered == BTreeSet::from([SSH]) => None,
            Ok(answered) => Some(format!("{target} answers on {answered:?}")),
            Err(error) => Some(format!("{error:#}")),
        }
    });
    none_failed(scanned.into_iter().flatten().collect())
}

const SSH: u16 = 22;
