//! The steps of a packet on its path, each with the line that decides it.

use crate::model::MachineId;
use crate::model::packet::Packet;
use crate::model::routing::TakenRoute;
use crate::read::nftables::Hook;
use crate::span::FileLine;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHop {
    /// The machine.
    pub machine: MachineId,
    /// The packet after the step.
    pub packet: Packet,
    /// The step.
    pub step: HopStep,
    /// The line that decides it; none if no emitted file decides it.
    pub place: Option<FileLine>,
}

/// The kinds of steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HopStep {
    /// The packet is sent.
    Sent(FlowEnd),
    /// kube-proxy chose one of a Service's pods.
    Translated,
    /// Its source became the host's address.
    Masqueraded,
    /// conntrack restored both addresses, because the packet is an answer.
    Restored,
    /// The host found a route.
    Routed(TakenRoute),
    /// The firewall admitted it.
    Admitted(Hook),
    /// WireGuard found the peer whose `AllowedIPs` contain the destination.
    Encrypted {
        /// That peer.
        to: MachineId,
        /// The line of the endpoint by which one end calls the other.
        endpoint: FileLine,
        /// Its size on the underlay, in bytes.
        size: u16,
    },
    /// WireGuard decrypted it, because the sender's `AllowedIPs` contain the source.
    Decrypted {
        /// The sender.
        from: MachineId,
    },
    /// It arrived.
    Delivered(FlowEnd),
}

/// An end of a flow on a machine: its sender or its receiver.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FlowEnd {
    /// A process of the host.
    Host,
    /// A pod.
    Pod,
    /// A host on the Internet.
    Internet,
    /// A machine of a network behind this machine.
    Network,
}
