//! The flows of a cluster, each with its expected verdict.

mod between;
mod clients;
mod hosts;
mod networks;
mod outside;
mod pods;
mod probes;
mod services;

pub use self::probes::{FlowProbe, probes};
use crate::hop::FlowEnd;
use crate::model::address_class::AddressClass;
use crate::model::packet::PacketPayload;
use crate::model::payload_set::{FlowPayloads, Reach, TargetPort};
use crate::model::{MachineId, Model};
use crate::walk::{Arrival, Journey, StoppedPacket, Walker};
use meshwright_value::Reach as ClientTarget;

/// One kind of flow.
#[derive(Debug, Clone, Copy)]
pub struct Flow {
    /// The name that the command line and JSON use.
    pub name: &'static str,
    /// A description.
    pub about: &'static str,
    /// The sender.
    pub sender: FlowEnd,
    /// The target.
    pub target: FlowTarget,
    /// The expected verdict.
    pub expected: Expected,
    /// Whether it is proven between two machines.
    between: fn(&Model, MachineId, MachineId) -> bool,
}

/// How many flows of one kind are proven, and how many fail.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FlowCount {
    /// Their packets take the expected path.
    pub proven: u64,
    /// At least one packet does not.
    pub failed: u64,
}

/// The target of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowTarget {
    /// The host, at its address in the mesh.
    Host(FlowPayloads),
    /// The host without its sshd, which is closed to nodes unless the topology opens it to them.
    HostOfNodes(PacketPayload),
    /// sshd of the host.
    Ssh,
    /// A pod.
    Pod(FlowPayloads),
    /// The address of a Service whose endpoint is a pod.
    Service(ServicePorts),
    /// The address of a Service whose endpoint is the host, such as `kubernetes` in `default`.
    ServiceOfHost(ServicePorts),
    /// A NodePort of the host that leads to a pod, on this host or another.
    NodePort,
    /// A pod, while BIRD has no routes.
    PodWithoutBgp(FlowPayloads),
    /// The services of clouds for their hosts, such as the metadata service.
    HostServices(FlowPayloads),
    /// Networks behind the machine.
    Network(NetworkRange, FlowPayloads),
    /// A host on the Internet.
    Internet(FlowPayloads),
    /// The same, and DNS and time among the services of clouds for their hosts (AWS, Azure, GCP).
    InternetAndResolver(FlowPayloads),
}

/// Which addresses of the networks behind a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NetworkRange {
    /// All of them.
    All,
    /// Those of networks that pods may reach.
    OpenToPods,
    /// Those of all other networks.
    ClosedToPods,
    /// One address.
    Address(AddressClass),
}

/// The ports of a Service.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServicePorts {
    /// The packets to the Service.
    pub called: FlowPayloads,
    /// The port of its endpoints.
    pub target: TargetPort,
}

/// The expected verdict of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expected {
    /// It arrives, and its answer comes back.
    Delivered,
    /// It does not arrive.
    Blocked,
    /// Delivered if the client's AllowedIPs contain the address, otherwise blocked.
    AsAsked,
}

/// The verdict of a flow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FlowVerdict {
    /// The packet and its answer arrived.
    Delivered,
    /// It stopped.
    Stopped(StoppedPacket),
}

/// A port of a program in a pod.
const APP: u16 = 8080;

/// kube-apiserver's default `--service-node-port-range`, first and last (kube-apiserver(8), 1.37).
pub(crate) const NODE_PORTS: (u16, u16) = (30_000, 32_767);

/// QUIC and HTTP/2 to Cloudflare's edge (Cloudflare, "Tunnel with firewall").
pub const EDGE: u16 = 7844;

/// Services of pods, with any port of any protocol: cluster DNS, those of this tree, and all others.
const SERVICE: FlowTarget = FlowTarget::Service(ServicePorts {
    called: FlowPayloads::to_ports(PacketPayload::tcp(80), 1, u16::MAX),
    target: TargetPort::Any(APP),
});

/// Every NodePort, of a Service with any port.
const TO_NODE_PORT: ServicePorts = ServicePorts {
    called: FlowPayloads::to_ports(PacketPayload::tcp(NODE_PORTS.0), NODE_PORTS.0, NODE_PORTS.1),
    target: TargetPort::Any(APP),
};

/// The API as the Service `kubernetes` in the namespace `default` (kube-apiserver's own controller sets
/// its port to 443).
const API_SERVICE: FlowTarget =
    FlowTarget::ServiceOfHost(ServicePorts { called: to_tcp(443), target: TargetPort::Only(6443) });

const API: FlowTarget = FlowTarget::Host(to_tcp(6443));
const KUBELET: FlowTarget = FlowTarget::Host(to_tcp(10_250));
const BGP: FlowTarget = FlowTarget::Host(to_tcp(179));
const ETCD: FlowTarget = FlowTarget::Host(to_tcp(2379));

const fn to_tcp(port: u16) -> FlowPayloads {
    FlowPayloads::only(PacketPayload::tcp(port))
}

/// Every packet to a pod.
const EVERY_TO_APP: FlowPayloads = FlowPayloads::every(PacketPayload::tcp(APP));

/// All flows, in the order in which they are reported.
pub fn all() -> impl Iterator<Item = &'static Flow> + Clone {
    KINDS.iter().copied().flatten()
}

const KINDS: &[&[Flow]] =
    &[hosts::FLOWS, pods::FLOWS, services::FLOWS, outside::FLOWS, clients::FLOWS, networks::FLOWS];

impl Flow {
    /// A flow by its name.
    #[must_use]
    pub fn find(name: &str) -> Option<&'static Self> {
        all().find(|flow| flow.name == name)
    }

    /// The same flow with another target.
    #[must_use]
    pub const fn with_target(self, target: FlowTarget) -> Self {
        Self { target, ..self }
    }

    /// Whether it is proven between two machines.
    #[must_use]
    pub fn applies(&self, model: &Model, from: MachineId, to: MachineId) -> bool {
        (self.between)(model, from, to)
    }

    /// Whether its packets between two nodes meet only addresses of these nodes, of Services and of the nodes'
    /// public sides: a [`PairViews`](crate::model::pair_view::PairViews) has every property that decides about them.
    #[must_use]
    pub(crate) const fn stays_in_pair(&self) -> bool {
        let is_in_pair = match self.target {
            FlowTarget::Host(_)
            | FlowTarget::HostOfNodes(_)
            | FlowTarget::Ssh
            | FlowTarget::Pod(_)
            | FlowTarget::PodWithoutBgp(_)
            | FlowTarget::Service(_)
            | FlowTarget::ServiceOfHost(_) => true,
            // A third node, a node's cloud, and all public addresses.
            FlowTarget::NodePort
            | FlowTarget::Network(..)
            | FlowTarget::HostServices(_)
            | FlowTarget::Internet(_)
            | FlowTarget::InternetAndResolver(_) => false,
        };
        // What a client asks for depends on all nodes. The addresses of a network are in no view.
        is_in_pair
            && !matches!(self.expected, Expected::AsAsked)
            && !matches!(self.sender, FlowEnd::Network)
    }

    /// Which of its packets have to arrive. If none may arrive, one that does is a fault.
    #[must_use]
    pub fn reach(&self, model: &Model, from: MachineId) -> Reach {
        if self.is_to_arrive(model, from) { Reach::Every } else { Reach::Any }
    }

    /// Whether this verdict is the expected one.
    #[must_use]
    pub fn holds(&self, model: &Model, from: MachineId, verdict: FlowVerdict) -> bool {
        (verdict == FlowVerdict::Delivered) == self.is_to_arrive(model, from)
    }

    /// Whether it has the expected verdict between two machines.
    pub(crate) fn is_proven(
        &self,
        walker: &mut Walker<'_>,
        from: MachineId,
        to: MachineId,
    ) -> bool {
        let verdict = self.prove(walker, from, to);
        self.holds(walker.model(), from, verdict)
    }

    /// Whether its packets have to arrive; otherwise they have to be stopped.
    #[must_use]
    pub fn is_to_arrive(&self, model: &Model, from: MachineId) -> bool {
        match self.expected {
            Expected::Delivered => true,
            Expected::Blocked => false,
            Expected::AsAsked => self.is_asked_for(model, from),
        }
    }

    /// Whether the AllowedIPs of a client's file contain the target of this flow. One node means
    /// all nodes, and the pods of one node for all pods. The file of a client that is called contains all nodes, so
    /// `node.json` states what it may reach.
    #[must_use]
    pub fn is_asked_for(&self, model: &Model, client: MachineId) -> bool {
        let client = model.machine(client);
        if let Some(server) = &client.server {
            return self.client_target().is_some_and(|target| server.reach.contains(&target));
        }
        let asks = |class| client.peer(class).is_some();
        match self.client_target() {
            Some(ClientTarget::Nodes) => {
                model.nodes().any(|node| asks(model.machine(node).address))
            }
            Some(ClientTarget::Pods) => model.nodes().any(|node| {
                let host = model.machine(node).node.as_ref();
                host.is_some_and(|host| host.pods.iter().copied().any(asks))
            }),
            Some(ClientTarget::Services) => model.services().any(asks),
            Some(ClientTarget::Networks) => {
                let mut nets = model.networks.iter().map(|network| network.net);
                nets.any(|net| model.classes.within(net).any(asks))
            }
            None => false,
        }
    }

    /// What a client needs to be allowed to reach the target; none for targets that no client reaches.
    const fn client_target(&self) -> Option<ClientTarget> {
        match self.target {
            FlowTarget::Host(_) | FlowTarget::Ssh | FlowTarget::NodePort => {
                Some(ClientTarget::Nodes)
            }
            FlowTarget::Pod(_) | FlowTarget::PodWithoutBgp(_) => Some(ClientTarget::Pods),
            FlowTarget::Service(_) | FlowTarget::ServiceOfHost(_) => Some(ClientTarget::Services),
            FlowTarget::Network(..) => Some(ClientTarget::Networks),
            FlowTarget::HostOfNodes(_)
            | FlowTarget::HostServices(_)
            | FlowTarget::Internet(_)
            | FlowTarget::InternetAndResolver(_) => None,
        }
    }

    /// Proves it between two machines, for every address that their pods can have, and for each mode in
    /// which a Service is translated. A walker that records steps keeps those of the probe that decides,
    /// and those of the first if all have the expected verdict.
    pub fn prove(&self, walker: &mut Walker<'_>, from: MachineId, to: MachineId) -> FlowVerdict {
        let model = walker.model();
        let is_to_arrive = self.is_to_arrive(model, from);
        let mut last = FlowVerdict::Delivered;
        let all = probes(model, self, from, to);
        for one in &all {
            drop(walker.hops());
            last = self.send(walker, one, is_to_arrive);
            // The first probe with an unexpected verdict decides.
            if (last == FlowVerdict::Delivered) != is_to_arrive {
                return last;
            }
        }
        if let [first, _, ..] = &all[..]
            && walker.records_steps()
        {
            drop(walker.hops());
            last = self.send(walker, first, is_to_arrive);
        }
        last
    }

    /// If no packet may arrive, the first one decides: a lost answer does not close a port.
    fn send(&self, walker: &mut Walker<'_>, probe: &FlowProbe, is_to_arrive: bool) -> FlowVerdict {
        let FlowProbe { journey, expected_arrival } = probe;
        let sent = match is_to_arrive {
            true => there_and_back(walker, journey, *expected_arrival),
            false => there(walker, journey, *expected_arrival),
        };
        match sent {
            Ok(()) => FlowVerdict::Delivered,
            Err(stopped) => FlowVerdict::Stopped(stopped),
        }
    }
}

fn there(
    walker: &mut Walker<'_>,
    journey: &Journey,
    expected_arrival: Arrival,
) -> Result<(), StoppedPacket> {
    let arrival = walker.send(journey)?;
    at_the_end(arrival, journey, expected_arrival)
}

/// Sends a packet, its answer, and the next packet: rules may accept the first packet of a connection
/// and drop later ones.
fn there_and_back(
    walker: &mut Walker<'_>,
    journey: &Journey,
    expected_arrival: Arrival,
) -> Result<(), StoppedPacket> {
    there(walker, journey, expected_arrival)?;
    walker.answer(journey, expected_arrival)?;
    let arrival = walker.send_more(journey)?;
    at_the_end(arrival, journey, expected_arrival)
}

fn at_the_end(
    arrival: Arrival,
    journey: &Journey,
    expected_arrival: Arrival,
) -> Result<(), StoppedPacket> {
    match arrival == expected_arrival {
        true => Ok(()),
        false => {
            Err(StoppedPacket::elsewhere(journey.packet, arrival.machine, expected_arrival.machine))
        }
    }
}
