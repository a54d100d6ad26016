//! The path of one packet between two parties, step by step.

use std::net::Ipv4Addr;

use crate::cause::{self, FlowInstance};
use crate::finding::ProofFinding;
use crate::flows::{Flow, FlowTarget, FlowVerdict, NetworkRange};
use crate::hop::{FlowEnd, PacketHop};
use crate::model::address_class::AddressClass;
use crate::model::{MachineId, Model};
use crate::walk::Walker;

/// The source or destination of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceEnd {
    /// The machine; none for the Internet.
    pub machine: Option<MachineId>,
    /// The sender or receiver on it.
    pub party: FlowEnd,
    /// The address in a network behind it, if this is the receiver.
    pub address: Option<AddressClass>,
}

impl TraceEnd {
    /// Reads `tokyo`, `pod@tokyo`, `internet`, or an address in a network behind a machine.
    ///
    /// # Errors
    ///
    /// When there is no such machine or network; the message lists the known ones.
    pub fn parse(text: &str, model: &Model) -> Result<Self, String> {
        if text == "internet" {
            return Ok(Self { machine: None, party: FlowEnd::Internet, address: None });
        }
        if let Ok(address) = text.parse() {
            return Self::in_network(address, model);
        }
        let (name, party) = match text.strip_prefix("pod@") {
            Some(name) => (name, FlowEnd::Pod),
            None => (text, FlowEnd::Host),
        };
        let found = model.find(name).filter(|id| party == FlowEnd::Host || !model.is_client(*id));
        let known = || {
            let nodes = model.nodes().map(|id| model.machine(id).name.as_str());
            nodes.collect::<Vec<_>>().join(", ")
        };
        let unknown = || format!("there is no node `{name}` in the tree, only {}", known());
        Ok(Self { machine: Some(found.ok_or_else(unknown)?), party, address: None })
    }

    fn in_network(address: Ipv4Addr, model: &Model) -> Result<Self, String> {
        let class = model.classes.class_of(address);
        let known = || {
            let nets = model.networks.iter().map(|network| network.net.to_string());
            match nets.collect::<Vec<_>>().join(", ") {
                nets if nets.is_empty() => {
                    format!("the tree has no network that contains {address}")
                }
                nets => format!("no network of the tree contains {address}, only {nets}"),
            }
        };
        let network = model.network_of_class(class).ok_or_else(known)?;
        Ok(Self { machine: Some(network.via), party: FlowEnd::Network, address: Some(class) })
    }

    /// A flow to this receiver: of a network, to this address only.
    #[must_use]
    pub fn narrow(&self, flow: &Flow) -> Flow {
        match (flow.target, self.address) {
            (FlowTarget::Network(_, payloads), Some(class)) => {
                flow.with_target(FlowTarget::Network(NetworkRange::Address(class), payloads))
            }
            _ => *flow,
        }
    }
}

/// The probe of a flow that decides its verdict: the first that fails, otherwise the last one.
#[derive(Debug)]
pub struct PacketTrace {
    /// The flow.
    pub flow: &'static str,
    /// The machine that sends the packet.
    pub from: MachineId,
    /// The machine that it is sent to.
    pub to: MachineId,
    /// The steps of the packet, then those of its answer.
    pub hops: Vec<PacketHop>,
    /// The verdict.
    pub verdict: FlowVerdict,
    /// Whether the packet has to arrive.
    pub is_to_arrive: bool,
    /// The end of a packet that does not arrive.
    pub stopped: Option<ProofFinding>,
    /// The cause that `prove` reports; none if the verdict is the expected one.
    pub cause: Option<ProofFinding>,
}

/// The default flow between two parties.
#[must_use]
pub fn usual_flow(model: &Model, from: TraceEnd, to: TraceEnd) -> Option<&'static Flow> {
    let is_client = |end: TraceEnd| end.machine.is_some_and(|id| model.is_client(id));
    let is_closed = |end: TraceEnd| {
        let network = end.address.and_then(|class| model.network_of_class(class));
        network.is_some_and(|network| !network.pods)
    };
    let client = is_client(from);
    let name = match (from.party, to.party) {
        (FlowEnd::Host, FlowEnd::Pod) if client => "client-pod",
        (FlowEnd::Host, FlowEnd::Host) if client => "client-api",
        (FlowEnd::Host, FlowEnd::Pod) => "node-pod",
        (FlowEnd::Host, FlowEnd::Host) => "node-kubelet",
        (FlowEnd::Pod, FlowEnd::Pod) => "pod-pod",
        (FlowEnd::Pod, FlowEnd::Host) if is_client(to) => "pod-client",
        (FlowEnd::Pod, FlowEnd::Host) => "pod-kubelet",
        (FlowEnd::Pod, FlowEnd::Internet) => "pod-internet",
        (FlowEnd::Host, FlowEnd::Network) if client => "client-network",
        (FlowEnd::Host, FlowEnd::Network) => "node-network",
        (FlowEnd::Pod, FlowEnd::Network) if is_closed(to) => "pod-network-closed",
        (FlowEnd::Pod, FlowEnd::Network) => "pod-network",
        _ => return None,
    };
    Flow::find(name)
}

/// Walks a flow between two machines as `prove` does.
#[must_use]
pub fn trace(model: &Model, flow: &Flow, from: MachineId, to: MachineId) -> PacketTrace {
    FlowTracer::new(model).trace(flow, from, to)
}

/// Walks many flows of one network, and keeps what the firewalls decided.
pub struct FlowTracer<'model>(Walker<'model>);

impl<'model> FlowTracer<'model> {
    /// A tracer that has walked nothing.
    #[must_use]
    pub fn new(model: &'model Model) -> Self {
        Self(Walker::with_log(model))
    }

    /// [`trace`] of one flow.
    pub fn trace(&mut self, flow: &Flow, from: MachineId, to: MachineId) -> PacketTrace {
        walk(&mut self.0, FlowInstance { flow, from, to })
    }
}

/// Walks with a walker that records the steps.
pub(crate) fn walk(walker: &mut Walker<'_>, instance: FlowInstance<'_>) -> PacketTrace {
    let model = walker.model();
    let FlowInstance { flow, from, to } = instance;
    let verdict = flow.prove(walker, from, to);
    let stopped = match verdict {
        FlowVerdict::Delivered => None,
        FlowVerdict::Stopped(stopped) => Some(stopped.finding(model)),
    };
    let fails = !flow.holds(model, from, verdict);
    PacketTrace {
        flow: flow.name,
        from,
        to,
        hops: walker.hops(),
        verdict,
        is_to_arrive: flow.is_to_arrive(model, from),
        stopped,
        cause: fails.then(|| cause::of(model, &instance, verdict)),
    }
}
