//! The packets of a request's connections, between all nodes: pods may run on any of them.

use std::collections::BTreeMap;

use super::policy::Called;
use crate::finding::Finding;
use crate::flows::{Flow, Target, Verdict};
use crate::model::packet::Payload;
use crate::model::{MachineId, Model};
use crate::walk::Walker;

/// One connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Leg {
    /// From a pod to the Internet.
    Internet(Payload),
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

impl Leg {
    pub(super) const fn edge(called: Called) -> Self {
        let Called { protocol, port } = called;
        Self::Internet(if protocol == 17 { Payload::udp(port) } else { Payload::tcp(port) })
    }

    /// The flow that is like it, but for its ports.
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
            Self::Internet(payload) => Target::Internet(payload),
            Self::Service { port, target } => Target::Service { port, target },
            Self::Pod { port } => Target::Pod(Payload::tcp(port)),
        };
        self.alike().map(|flow| flow.to(target))
    }
}

/// Legs that were walked, between all nodes.
pub(super) struct Legs<'a> {
    walker: Walker<'a>,
    /// Whether a flow is proven between all nodes.
    proven: &'a dyn Fn(&str) -> bool,
    known: BTreeMap<Leg, Option<Finding>>,
}

impl<'a> Legs<'a> {
    pub(super) fn new(model: &'a Model, proven: &'a dyn Fn(&str) -> bool) -> Self {
        Self { walker: Walker::new(model), proven, known: BTreeMap::new() }
    }

    /// Why a leg fails between two nodes, if it fails between any.
    pub(super) fn walk(&mut self, leg: Leg) -> Option<Finding> {
        if let Some(known) = self.known.get(&leg) {
            return known.clone();
        }
        let stopped = if self.is_proven(leg) { None } else { self.first_that_fails(leg) };
        self.known.insert(leg, stopped.clone());
        stopped
    }

    /// A pair's packets differ from those of the flow that is like this leg in nothing but their ports:
    /// where no firewall tells these apart, what was proven for one between all pairs is proven for the
    /// other, and is not walked again.
    fn is_proven(&self, leg: Leg) -> bool {
        let Some(alike) = leg.alike().filter(|flow| (self.proven)(flow.name)) else { return false };
        let same = |a, b| {
            let mut firewalls = self.walker.model().firewalls.iter();
            !firewalls.any(|firewall| firewall.tells_apart(a, b))
        };
        match (leg, alike.target) {
            (Leg::Service { port, target }, Target::Service { port: known, target: listens }) => {
                same(port, known) && same(target, listens)
            }
            (Leg::Pod { port }, Target::Pod(payload)) => same(port, payload.destination_port),
            _ => false,
        }
    }

    fn first_that_fails(&mut self, leg: Leg) -> Option<Finding> {
        let flow = leg.flow()?;
        let model = self.walker.model();
        let pairs = model.nodes().flat_map(|from| model.nodes().map(move |to| (from, to)));
        let mut pairs = pairs.filter(|(from, to)| flow.applies(model, *from, *to));
        pairs.find_map(|(from, to)| match flow.prove(&mut self.walker, from, to) {
            Verdict::Delivered => None,
            Verdict::Stopped(stopped) => Some(stopped.finding(model)),
        })
    }
}

/// Nodes for the stations of a picture, as different as there are: those without a control plane, which
/// kubeadm keeps pods from.
#[must_use]
pub(super) fn nodes_of_picture(model: &Model) -> Vec<MachineId> {
    let takes_pods =
        |id: &MachineId| model.machine(*id).node.as_ref().is_some_and(|host| !host.control_plane);
    let workers: Vec<_> = model.nodes().filter(takes_pods).collect();
    if workers.is_empty() { model.nodes().collect() } else { workers }
}
