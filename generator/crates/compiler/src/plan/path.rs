//! The path of a packet from a pod of one node to a pod of another, as the peers of each node on it
//! define it. The picture in `out/README.md` shows it.

use crate::plan::mesh::PeerIdentity;
use crate::plan::{NodePlan, Plan};
use meshwright_value::Endpoint;

/// One node on the path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Station<'plan> {
    /// The node.
    pub node: &'plan NodePlan,
    /// The hop to the next node; `None` on the last node.
    pub hop: Option<Hop<'plan>>,
}

/// From one node to the next, through WireGuard.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hop<'plan> {
    /// The address it leaves from; `None` behind NAT.
    pub from: Option<&'plan Endpoint>,
    /// The endpoint of the next node; `None` if the next node must call first.
    pub to: Option<&'plan Endpoint>,
}

impl Plan {
    /// Each node on the path from a pod of one node to a pod of another; `None` if no peer has
    /// the address, or if the path is a loop.
    #[must_use]
    pub fn path<'plan>(
        &'plan self,
        from: &'plan NodePlan,
        to: &'plan NodePlan,
    ) -> Option<Vec<Station<'plan>>> {
        let mut path = Vec::new();
        let mut node = from;
        while node.id != to.id && path.len() < self.nodes.len() {
            let (next, hop) = self.hop(node, to)?;
            path.push(Station { node, hop: Some(hop) });
            node = next;
        }
        path.push(Station { node, hop: None });
        (node.id == to.id).then_some(path)
    }

    /// The next node is the peer whose AllowedIPs contain the pods of the last node.
    fn hop<'plan>(
        &'plan self,
        node: &'plan NodePlan,
        to: &NodePlan,
    ) -> Option<(&'plan NodePlan, Hop<'plan>)> {
        let mut peers = self.peers(node).into_iter();
        let (next, endpoint) = peers.find_map(|peer| match peer.identity {
            PeerIdentity::Node(next) if peer.allowed_ips.contains(&to.pod_subnet.net()) => {
                Some((next, peer.endpoint))
            }
            _ => None,
        })?;
        Some((next, Hop { from: next.location.endpoint_of(&node.location), to: endpoint }))
    }

    /// Two nodes that need no relay; two that can call each other, as far as there are two.
    #[must_use]
    pub fn direct_pair(&self) -> Option<[&NodePlan; 2]> {
        let mut public = self.nodes.iter().filter(|node| node.is_public());
        let first_two = public.next().zip(public.next()).map(|(one, other)| [one, other]);
        first_two.or_else(|| self.pair(|one, other| self.relay(one, other).is_none()))
    }

    /// Two nodes that reach each other through a relay, if there are any.
    #[must_use]
    pub fn relayed_pair(&self) -> Option<[&NodePlan; 2]> {
        self.pair(|one, other| self.relay(one, other).is_some())
    }

    /// The first two nodes, by id, of which this is true.
    fn pair(&self, is_wanted: impl Fn(&NodePlan, &NodePlan) -> bool) -> Option<[&NodePlan; 2]> {
        let hidden = self.nodes.iter().enumerate().filter(|(_, node)| !node.is_public());
        let mut pairs = hidden.flat_map(|(position, hidden)| {
            self.nodes[..position].iter().map(move |other| [other, hidden])
        });
        pairs.find(|[one, other]| is_wanted(one, other))
    }
}
