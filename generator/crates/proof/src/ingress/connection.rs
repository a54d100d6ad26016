//! The connections of a request, walked between all nodes: pods may run on any node.

use std::collections::BTreeMap;

use super::policy::CalledPort;
use crate::finding::ProofFinding;
use crate::flows::{Flow, FlowTarget, FlowVerdict, ServicePorts};
use crate::model::packet::PacketPayload;
use crate::model::payload_set::{FlowPayloads, TargetPort};
use crate::model::{MachineId, Model};
use crate::walk::Walker;

/// One connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum IngressConnection {
    /// From a pod to the Internet.
    Internet(PacketPayload),
    /// From a pod through a Service to a pod.
    Service {
        /// The port of the Service.
        port: u16,
        /// The port of its pods.
        target: u16,
    },
    /// From a pod to a pod.
    Pod {
        /// The port.
        port: u16,
    },
}

impl IngressConnection {
    pub(super) const fn edge(called: CalledPort) -> Self {
        let CalledPort { protocol, port } = called;
        Self::Internet(if protocol == 17 {
            PacketPayload::udp(port)
        } else {
            PacketPayload::tcp(port)
        })
    }

    /// The flow that differs only in its ports.
    fn alike(self) -> Option<&'static Flow> {
        Flow::find(match self {
            Self::Internet(_) => "pod-internet",
            Self::Service { .. } => "pod-service",
            Self::Pod { .. } => "pod-pod",
        })
    }

    /// The flow.
    #[must_use]
    pub fn flow(self) -> Option<Flow> {
        let target = match self {
            Self::Internet(payload) => FlowTarget::Internet(FlowPayloads::only(payload)),
            Self::Service { port, target } => FlowTarget::Service(ServicePorts {
                called: FlowPayloads::only(PacketPayload::tcp(port)),
                target: TargetPort::Only(target),
            }),
            Self::Pod { port } => FlowTarget::Pod(FlowPayloads::only(PacketPayload::tcp(port))),
        };
        self.alike().map(|flow| flow.with_target(target))
    }
}

/// Connections that were walked between all nodes.
pub(super) struct ConnectionProofs<'a> {
    walker: Walker<'a>,
    /// Whether a flow is proven between all nodes.
    proven: &'a dyn Fn(&str) -> bool,
    known: BTreeMap<IngressConnection, Option<ProofFinding>>,
}

impl<'a> ConnectionProofs<'a> {
    pub(super) fn new(model: &'a Model, proven: &'a dyn Fn(&str) -> bool) -> Self {
        Self { walker: Walker::new(model), proven, known: BTreeMap::new() }
    }

    /// The cause, if a connection fails between any two nodes.
    pub(super) fn walk(&mut self, connection: IngressConnection) -> Option<ProofFinding> {
        if let Some(known) = self.known.get(&connection) {
            return known.clone();
        }
        let stopped =
            if self.is_proven(connection) { None } else { self.first_that_fails(connection) };
        self.known.insert(connection, stopped.clone());
        stopped
    }

    /// The similar flow proves every port of Services, of pods and of the Internet.
    fn is_proven(&self, connection: IngressConnection) -> bool {
        connection.alike().is_some_and(|flow| (self.proven)(flow.name))
    }

    fn first_that_fails(&mut self, connection: IngressConnection) -> Option<ProofFinding> {
        let flow = connection.flow()?;
        let model = self.walker.model();
        let pairs = model.nodes().flat_map(|from| model.nodes().map(move |to| (from, to)));
        let mut applicable = pairs.filter(|(from, to)| flow.applies(model, *from, *to));
        applicable.find_map(|(from, to)| match flow.prove(&mut self.walker, from, to) {
            FlowVerdict::Delivered => None,
            FlowVerdict::Stopped(stopped) => Some(stopped.finding(model)),
        })
    }
}

/// Nodes for the pods of a picture. kubeadm keeps pods from control planes, so they are used only if
/// there are no others.
#[must_use]
pub(super) fn nodes_of_picture(model: &Model) -> Vec<MachineId> {
    let takes_pods =
        |id: &MachineId| model.machine(*id).node.as_ref().is_some_and(|host| !host.control_plane);
    let workers: Vec<_> = model.nodes().filter(takes_pods).collect();
    if workers.is_empty() { model.nodes().collect() } else { workers }
}
