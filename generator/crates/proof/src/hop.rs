//! The steps of a packet on its way, each with the line that decides it.

use crate::model::MachineId;
use crate::model::packet::Packet;
use crate::model::routing::TakenRoute;
use crate::read::nftables::Hook;
use crate::span::FileLine;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PacketHop {
    /// Where it happens.
    pub machine: MachineId,
    /// The packet, after it.
    pub packet: Packet,
    /// What happens.
    pub step: HopStep,
    /// The line that decides it; none where nothing emitted does.
    pub place: Option<FileLine>,
}

/// What happens to a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HopStep {
    /// It is sent.
    Sent(Party),
    /// kube-proxy chose one of a Service's pods.
    Translated,
    /// Its source became that of the host.
    Masqueraded,
    /// conntrack took both back, since it is an answer.
    Restored,
    /// The host found a route.
    Routed(TakenRoute),
    /// The firewall let it through.
    Admitted(Hook),
    /// WireGuard found the peer whose `AllowedIPs` hold the destination.
    Encrypted {
        /// That peer.
        to: MachineId,
        /// Where one end finds the other.
        endpoint: FileLine,
        /// Its size on the underlay, in bytes.
        size: u16,
    },
    /// WireGuard took it out, since the sender's `AllowedIPs` hold the source.
    Decrypted {
        /// The sender.
        from: MachineId,
    },
    /// It has arrived.
    Delivered(Party),
}

/// Who sends, or receives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Party {
    /// A process of the host.
    Host,
    /// A pod.
    Pod,
    /// Somebody on the Internet.
    Internet,
}
