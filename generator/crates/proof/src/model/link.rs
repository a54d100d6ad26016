//! Links between two machines that have each other as peers.

use super::underlay::{self, UnderlayAddresses, UnderlayCalls};
use super::{MachineId, Model, NONE};
use crate::finding::{FindingCode, ProofFinding};
use crate::read::wg_quick::WgPeer;
use crate::span::{FileLine, LineSpanned};
use meshwright_value::{Endpoint, Host};
use rayon::prelude::*;

/// The link of one machine to one peer.
#[derive(Debug, Clone)]
pub enum Link {
    /// Packets pass.
    Up(LinkTunnel),
    /// Packets do not pass.
    Down(Box<ProofFinding>),
}

/// A link that carries packets.
#[derive(Debug, Clone, Copy)]
pub struct LinkTunnel {
    /// The other machine.
    pub to: MachineId,
    /// The position of this machine among its peers.
    pub back: usize,
    /// The line of the endpoint that is called.
    pub endpoint: FileLine,
    /// The bytes that IP, UDP and WireGuard add to a packet.
    pub overhead: u16,
    /// The smallest MTU of the networks in which the two call each other, in bytes; none if no file has it.
    pub underlay: Option<u16>,
}

/// IPv4 20, UDP 8, WireGuard's data message 32 (protocol §5.4.6).
const OVERHEAD_V4: u16 = 60;
/// IPv6 40.
const OVERHEAD_V6: u16 = 80;

/// The links of all machines.
pub(super) fn all(model: &Model) -> Vec<Vec<Link>> {
    let ids: Vec<_> = model.ids().collect();
    let addresses = UnderlayAddresses::of(model);
    let positions = ids.par_iter().map(|id| positions_among_peers(model, *id));
    let listening = ids.par_iter().map(|id| listens(model, &addresses, *id));
    let builder = LinkBuilder {
        model,
        positions: positions.collect(),
        listening: listening.collect(),
        calls: UnderlayCalls::new(model, &addresses),
    };
    ids.par_iter().map(|id| builder.links(*id)).collect()
}

/// For each machine its position among the peers of `id`.
fn positions_among_peers(model: &Model, id: MachineId) -> Vec<u32> {
    let mut positions = vec![NONE; model.machines.len()];
    for (position, peer) in (0..).zip(&model.conf(id).peers) {
        if let Some(owner) = model.owner_of_key(&peer.public_key.value) {
            positions[owner.index()] = position;
        }
    }
    positions
}

/// Whether a machine can be called: it has a fixed port, and its firewall accepts packets to it.
fn listens(
    model: &Model,
    addresses: &UnderlayAddresses,
    id: MachineId,
) -> Result<(), ProofFinding> {
    let machine = model.machine(id);
    let name = &machine.name;
    if model.conf(id).listen_port.is_none() {
        let message = format!("{name} has no ListenPort: the kernel chooses any port");
        let place = machine.file.whole();
        return Err(ProofFinding::new(FindingCode::PeerUnreachable, place, message));
    }
    underlay::listening_fault(model, addresses, id).map_or(Ok(()), Err)
}

struct LinkBuilder<'a> {
    model: &'a Model,
    /// For each machine the result of [`positions_among_peers`].
    positions: Vec<Vec<u32>>,
    /// For each machine the result of [`listens`].
    listening: Vec<Result<(), ProofFinding>>,
    calls: UnderlayCalls<'a>,
}

/// One end of a link.
#[derive(Clone, Copy)]
struct LinkEnd<'a> {
    id: MachineId,
    peer: &'a WgPeer,
}

impl<'a> LinkBuilder<'a> {
    fn links(&self, id: MachineId) -> Vec<Link> {
        let peers = self.model.conf(id).peers.iter();
        peers
            .map(|peer| match self.link(LinkEnd { id, peer }) {
                Ok(tunnel) => Link::Up(tunnel),
                Err(finding) => Link::Down(Box::new(finding)),
            })
            .collect()
    }

    fn link(&self, near: LinkEnd<'a>) -> Result<LinkTunnel, ProofFinding> {
        let place = self.place(near.id, near.peer.public_key.line);
        let to = self.model.owner_of_key(&near.peer.public_key.value).ok_or_else(|| {
            let message = format!("no machine has the key {}", near.peer.public_key.value);
            ProofFinding::new(FindingCode::KeysDisagree, place, message)
        })?;
        let back = self.positions[to.index()][near.id.index()];
        if back == NONE {
            let message = format!("{} has no peer {}", self.name(to), self.name(near.id));
            return Err(ProofFinding::new(FindingCode::PeerMissing, self.place(to, 0), message));
        }
        let far = LinkEnd { id: to, peer: &self.model.conf(to).peers[back as usize] };
        for end in [near, far] {
            self.has_key(end.id)?;
        }
        self.agree_on_preshared_key(near, far)?;
        let call = self.call(near, far).or_else(|refused| match self.call(far, near) {
            Ok(call) => Ok(call),
            Err(also) => Err(refused.or(also)),
        });
        let call =
            call.map_err(|refused| refused.unwrap_or_else(|| self.unreachable(near, far)))?;
        let overhead = match call.value.host() {
            Host::V4(_) => OVERHEAD_V4,
            Host::V6(_) | Host::Name(_) => OVERHEAD_V6,
        };
        let underlay = self.underlay(near, far);
        Ok(LinkTunnel { to, back: back as usize, endpoint: call.place, overhead, underlay })
    }

    /// A handshake of either end changes the path of both directions (WireGuard's whitepaper, section 2.1,
    /// "roaming"), so packets have to fit into the networks of both calls.
    fn underlay(&self, near: LinkEnd<'a>, far: LinkEnd<'a>) -> Option<u16> {
        let model = self.model;
        let of_call = |(caller, called): (LinkEnd<'a>, LinkEnd<'a>)| {
            let call = self.endpoint(caller)?;
            let network = model.network_of(call.value, caller.id, called.id)?;
            [caller, called].into_iter().filter_map(|end| model.network_mtu(end.id, network)).min()
        };
        [(near, far), (far, near)].into_iter().filter_map(of_call).min()
    }

    fn has_key(&self, id: MachineId) -> Result<(), ProofFinding> {
        if self.model.conf(id).private_key.is_some() {
            return Ok(());
        }
        let message = format!("no PostUp line loads the private key of {}", self.name(id));
        Err(ProofFinding::new(FindingCode::PrivateKeyMissing, self.place(id, 0), message))
    }

    /// Each end loads the pair's preshared key from a file that has the name of the other end.
    fn agree_on_preshared_key(
        &self,
        near: LinkEnd<'_>,
        far: LinkEnd<'_>,
    ) -> Result<(), ProofFinding> {
        let [mine, theirs] = [near, far].map(|end| self.preshared(end));
        for (end, other, found) in [(near, far, &mine), (far, near, &theirs)] {
            let expected = format!(
                "/etc/wireguard/{}.psk/{}",
                self.model.emitted.interface,
                self.name(other.id)
            );
            if let Some(found) = found.as_ref().filter(|found| found.value != expected) {
                let message = format!(
                    "the preshared key with {} is in the file {expected}",
                    self.name(other.id)
                );
                let place = self.place(end.id, found.line);
                return Err(ProofFinding::new(FindingCode::PresharedKeysDisagree, place, message));
            }
        }
        let (one_sided, with, without) = match (&mine, &theirs) {
            (Some(found), None) => (found, near, far),
            (None, Some(found)) => (found, far, near),
            _ => return Ok(()),
        };
        let message =
            format!("{} loads no preshared key for {}", self.name(without.id), self.name(with.id));
        let place = self.place(with.id, one_sided.line);
        Err(ProofFinding::new(FindingCode::PresharedKeysDisagree, place, message))
    }

    fn preshared(&self, end: LinkEnd<'_>) -> Option<LineSpanned<&'a str>> {
        let key = end.peer.public_key.value;
        let mut loaded = self.model.conf(end.id).preshared.iter();
        let found = loaded.find(|preshared| preshared.public_key == key)?;
        Some(LineSpanned { value: found.path.as_str(), line: found.line })
    }

    /// Whether one end can call the other. The error is none if it has no endpoint.
    fn call(
        &self,
        caller: LinkEnd<'a>,
        called: LinkEnd<'a>,
    ) -> Result<CallTarget<'a>, Option<ProofFinding>> {
        let call = self.endpoint(caller).ok_or(None)?;
        let fault =
            |message| Some(ProofFinding::new(FindingCode::PeerUnreachable, call.place, message));
        if self.model.network_of(call.value, caller.id, called.id).is_none() {
            let message = format!("the endpoint of {} is not {}", self.name(called.id), call.value);
            return Err(fault(message));
        }
        if self.model.lacks_family(call.value, caller.id, called.id) {
            let [from, to] = [caller, called].map(|end| self.name(end.id));
            let message =
                format!("{from} has only an IPv6 address, and calls {to} at its IPv4 address");
            return Err(fault(message));
        }
        if let Err(finding) = &self.listening[called.id.index()] {
            return Err(Some(finding.clone()));
        }
        match self.calls.fault(caller.id, call.value) {
            None => Ok(call),
            Some(finding) => Err(Some(finding)),
        }
    }

    /// `Endpoint`, or the line of `wg0.endpoints` for a peer without one.
    fn endpoint(&self, end: LinkEnd<'a>) -> Option<CallTarget<'a>> {
        if let Some(endpoint) = &end.peer.endpoint {
            let place = self.place(end.id, endpoint.line);
            return Some(CallTarget { value: &endpoint.value, place });
        }
        let named = self.model.files(end.id)?.endpoints.as_ref()?;
        let key = end.peer.public_key.value;
        let (_, endpoint) = named.content.iter().find(|(known, _)| *known == key)?;
        Some(CallTarget { value: &endpoint.value, place: named.file.line(endpoint.line) })
    }

    fn unreachable(&self, near: LinkEnd<'_>, far: LinkEnd<'_>) -> ProofFinding {
        let message = format!(
            "neither {} nor {} has an endpoint for the other",
            self.name(near.id),
            self.name(far.id)
        );
        let place = self.place(near.id, near.peer.public_key.line);
        ProofFinding::new(FindingCode::PeerUnreachable, place, message)
    }

    fn name(&self, id: MachineId) -> &'a str {
        &self.model.machine(id).name
    }

    fn place(&self, id: MachineId, line: u32) -> FileLine {
        self.model.machine(id).file.line(line)
    }
}

struct CallTarget<'a> {
    value: &'a Endpoint,
    place: FileLine,
}
