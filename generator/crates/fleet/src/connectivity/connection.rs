//! The connections that are tried, and what must happen.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

use serde::Serialize;

use super::objects::{self, BLOCK, POD_PORT, SERVICE_PORT};
use crate::machine::FleetMachine;
use meshwright_value::Endpoints;

/// The ports of a node that must be closed on its public side, and that are open in the mesh: BGP, etcd for clients
/// and for peers, the API server, and kubelet.
const PUBLIC_PORTS: [u16; 5] = [179, 2379, 2380, 6443, 10_250];

/// The metadata services of providers: of most of them, of Alibaba Cloud, and of Azure.
const METADATA: [Ipv4Addr; 3] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(168, 63, 129, 16),
];

/// A kind of connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum TestedFlow {
    /// The pod of a node calls the pod of each node.
    PodToPod,
    /// The same, with as much data as fills packets of every MTU.
    FullSizePackets,
    /// A pod calls the Service by its name: cluster DNS, ClusterIP, and a pod of some node.
    PodToService,
    /// A node calls the pod of each node.
    NodeToPod,
    /// A node calls the ClusterIP of the Service.
    NodeToService,
    /// A node calls the NodePort of the Service at the mesh address of each node.
    NodeToNodePort,
    /// A pod calls a name of the Internet.
    PodToInternet,
    /// A pod calls the metadata services of providers, which must not answer.
    PodToMetadata,
    /// A node calls the public address of each other node, at ports that must be closed there.
    NodeToPublicPort,
    /// The machine that runs the test calls each public name.
    PublicName,
}

impl TestedFlow {
    /// Every kind, in the order of the report.
    pub const ALL: [Self; 10] = [
        Self::PodToPod,
        Self::FullSizePackets,
        Self::PodToService,
        Self::NodeToPod,
        Self::NodeToService,
        Self::NodeToNodePort,
        Self::PodToInternet,
        Self::PodToMetadata,
        Self::NodeToPublicPort,
        Self::PublicName,
    ];

    /// Who calls; none for the machine that runs the test.
    #[must_use]
    pub fn caller(self) -> Option<CallerKind> {
        match self {
            Self::PodToPod
            | Self::FullSizePackets
            | Self::PodToService
            | Self::PodToInternet
            | Self::PodToMetadata => Some(CallerKind::Pod),
            Self::NodeToPod
            | Self::NodeToService
            | Self::NodeToNodePort
            | Self::NodeToPublicPort => Some(CallerKind::Node),
            Self::PublicName => None,
        }
    }

    /// Its words in the report.
    #[must_use]
    pub fn description(self) -> &'static str {
        match self {
            Self::PodToPod => "pod to pod",
            Self::FullSizePackets => "pod to pod, full-size packets",
            Self::PodToService => "pod to Service, by name",
            Self::NodeToPod => "node to pod",
            Self::NodeToService => "node to Service",
            Self::NodeToNodePort => "node to NodePort in the mesh",
            Self::PodToInternet => "pod to Internet",
            Self::PodToMetadata => "pod to metadata, closed",
            Self::NodeToPublicPort => "node to public port, closed",
            Self::PublicName => "public name",
        }
    }
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CallerKind {
    /// The pod of a node.
    Pod,
    /// A node.
    Node,
}

/// What the caller asks for, and what must happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// An HTTP server answers with the name of one of these nodes.
    Name(BTreeSet<String>),
    /// An HTTP server sends the whole block.
    Block,
    /// A server answers, whatever it is.
    Answer,
    /// No connection is accepted.
    Closed,
}

/// A connection that is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestedConnection {
    /// Its kind.
    pub flow: TestedFlow,
    /// The node that calls, or whose pod calls.
    pub from: String,
    /// What is called, in the words of the report.
    pub to: String,
    /// The called host.
    pub host: String,
    /// The called TCP port.
    pub port: u16,
    /// What must happen.
    pub expected: Expectation,
}

/// A node of the test.
#[derive(Debug, Clone)]
pub struct TestedNode {
    /// Where it is reached.
    pub machine: FleetMachine,
    /// Whether it has kubectl's credential.
    pub is_control_plane: bool,
    /// Its address in the mesh.
    pub mesh_address: Ipv4Addr,
    /// Its public addresses; none behind NAT.
    pub endpoints: Option<Endpoints>,
}

/// A ready pod of the test.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestPod {
    /// Its node.
    pub node: String,
    /// Its name.
    pub name: String,
    /// Its address.
    pub address: Ipv4Addr,
}

/// What was created in the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TestedObjects {
    /// The pods that are ready.
    pub pods: Vec<TestPod>,
    /// The nodes without a ready pod, each with the reason.
    pub without_pod: Vec<(String, String)>,
    /// The ClusterIP of the Service.
    pub cluster_ip: Ipv4Addr,
    /// The NodePort of the Service.
    pub node_port: u16,
}

/// A host and a TCP port on the Internet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct InternetTarget {
    /// A DNS name or an address.
    pub host: String,
    /// A port at which a server answers HTTP, or closes the connection.
    pub port: u16,
}

/// All connections between pods and nodes.
#[must_use]
pub fn connections(
    nodes: &[TestedNode],
    objects: &TestedObjects,
    dns_domain: &str,
    internet: &InternetTarget,
) -> Vec<TestedConnection> {
    let mut connections = Connections {
        objects,
        any_pod: Expectation::Name(objects.pods.iter().map(|pod| pod.node.clone()).collect()),
        all: Vec::new(),
    };
    let service = format!("{}.{}.svc.{dns_domain}", objects::NAME, objects::NAMESPACE);
    for pod in &objects.pods {
        connections.add_of_pod(pod, &service, internet);
    }
    for node in nodes {
        connections.add_of_node(node, nodes);
    }
    connections.all
}

/// The connections so far.
struct Connections<'test> {
    objects: &'test TestedObjects,
    /// What a Service answers.
    any_pod: Expectation,
    all: Vec<TestedConnection>,
}

impl Connections<'_> {
    fn add(
        &mut self,
        flow: TestedFlow,
        [from, to]: [&str; 2],
        host: &impl ToString,
        port: u16,
        expected: &Expectation,
    ) {
        self.all.push(TestedConnection {
            flow,
            from: from.to_owned(),
            to: to.to_owned(),
            host: host.to_string(),
            port,
            expected: expected.clone(),
        });
    }

    fn add_of_pod(&mut self, caller: &TestPod, service: &str, internet: &InternetTarget) {
        let from = caller.node.as_str();
        for TestPod { node, address, .. } in &self.objects.pods {
            let name = Expectation::Name([node.clone()].into());
            self.add(TestedFlow::PodToPod, [from, node], address, POD_PORT, &name);
            let block = Expectation::Block;
            self.add(TestedFlow::FullSizePackets, [from, node], address, POD_PORT, &block);
        }
        let any = self.any_pod.clone();
        self.add(TestedFlow::PodToService, [from, "Service"], &service, SERVICE_PORT, &any);
        let InternetTarget { host, port } = internet;
        let answer = Expectation::Answer;
        self.add(TestedFlow::PodToInternet, [from, "Internet"], host, *port, &answer);
        for address in METADATA {
            let ends = [from, "metadata"];
            self.add(TestedFlow::PodToMetadata, ends, &address, 80, &Expectation::Closed);
        }
    }

    fn add_of_node(&mut self, caller: &TestedNode, nodes: &[TestedNode]) {
        let TestedObjects { pods, cluster_ip, node_port, .. } = self.objects;
        let from = caller.machine.name.as_str();
        for TestPod { node, address, .. } in pods {
            let name = Expectation::Name([node.clone()].into());
            self.add(TestedFlow::NodeToPod, [from, node], address, POD_PORT, &name);
        }
        let any = self.any_pod.clone();
        self.add(TestedFlow::NodeToService, [from, "Service"], cluster_ip, SERVICE_PORT, &any);
        for TestedNode { machine, mesh_address, .. } in nodes {
            let ends = [from, &machine.name];
            self.add(TestedFlow::NodeToNodePort, ends, mesh_address, *node_port, &any);
        }
        let others = nodes.iter().filter(|node| node.machine.name != caller.machine.name);
        for (node, endpoints) in others.filter_map(|node| Some((node, node.endpoints.as_ref()?))) {
            let host = endpoints.called_by(caller.endpoints.as_ref()).host();
            for port in PUBLIC_PORTS.into_iter().chain([*node_port]) {
                let ends = [from, &node.machine.name];
                self.add(TestedFlow::NodeToPublicPort, ends, &host, port, &Expectation::Closed);
            }
        }
    }
}

/// What a caller has seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Seen {
    /// The text of an HTTP server, or the number of bytes of the block.
    Text(String),
    /// A connection was accepted.
    Connected,
    /// No answer, with the reason of the program.
    Silence(String),
}

impl Expectation {
    /// Whether this is what must happen.
    #[must_use]
    pub fn is_met(&self, seen: &Seen) -> bool {
        match (self, seen) {
            (Self::Name(names), Seen::Text(text)) => names.contains(text),
            (Self::Block, Seen::Text(text)) => *text == BLOCK.to_string(),
            (Self::Answer, Seen::Text(_) | Seen::Connected) | (Self::Closed, Seen::Silence(_)) => {
                true
            }
            (Self::Name(_) | Self::Block, Seen::Connected | Seen::Silence(_))
            | (Self::Answer, Seen::Silence(_))
            | (Self::Closed, Seen::Text(_) | Seen::Connected) => false,
        }
    }
}
