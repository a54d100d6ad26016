//! A host's routes: those that the kernel has from addresses, the emitted ones, and those that BIRD
//! will install from the pools of the others.

use ipnet::Ipv4Net;

use super::address_class::{Atom, Atoms};
use crate::read::routes::{Kind, Protocol, Route};
use crate::read::tree::{FromFile, Node};
use crate::read::wg_quick::{Allowed, Conf};
use crate::span::Place;

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Into the mesh.
    Mesh,
    /// To a pod of this host.
    Pod,
    /// Nowhere.
    Unreachable,
    /// Out by the default route.
    Public,
}

/// Who has made a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The kernel, from `Address` of wg0.conf.
    Address,
    /// A line of wg0.routes.
    Static,
    /// A line of guards.routes.
    Guard,
    /// BIRD, from the pool of another node.
    Bird,
    /// Calico, for the own pods.
    Calico,
    /// wg-quick, from `AllowedIPs`.
    WgQuick,
    /// The provider.
    Default,
}

/// The route that packets take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taken {
    /// Where it leads.
    pub way: Way,
    /// Who has made it.
    pub origin: Origin,
    /// The line that it comes from; none for the provider's.
    pub place: Option<Place>,
}

const DEFAULT: Taken = Taken { way: Way::Public, origin: Origin::Default, place: None };

/// What may be missing while a host boots, or when something on it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// wg0 is up.
    pub mesh: bool,
    /// BIRD has its routes.
    pub bird: bool,
    /// wg0.routes is loaded.
    pub statics: bool,
    /// guards.routes is loaded.
    pub guards: bool,
}

impl Circumstances {
    /// Everything runs.
    pub const WHOLE: Self = Self { mesh: true, bird: true, statics: true, guards: true };
    /// BIRD has no route: it was just started, or a peer is dead.
    pub const WITHOUT_BIRD: Self = Self { bird: false, ..Self::WHOLE };
}

/// For each atom the route that its packets take: [`Taken`] by its position.
#[derive(Debug)]
pub struct Table {
    taken: Vec<Taken>,
    of: Vec<u32>,
}

impl Table {
    /// The route of an atom.
    #[must_use]
    pub fn route(&self, atom: Atom) -> Taken {
        self.taken[self.of[atom.index()] as usize]
    }

    /// Longer prefixes win, then lesser metrics, then what is named first.
    fn of(mut routes: Vec<Candidate>, atoms: &Atoms) -> Self {
        routes.reverse();
        routes.sort_by_key(|route| (route.net.prefix_len(), std::cmp::Reverse(route.metric)));
        let mut of = vec![0; atoms.count()];
        let mut taken = vec![DEFAULT];
        for route in routes {
            of[atoms.range(route.net)].fill(u32::try_from(taken.len()).unwrap_or(u32::MAX));
            taken.push(route.taken);
        }
        Self { taken, of }
    }
}

struct Candidate {
    net: Ipv4Net,
    metric: u32,
    taken: Taken,
}

impl Candidate {
    fn new(net: Ipv4Net, metric: u32, way: Way, origin: Origin, place: Place) -> Self {
        Self { net, metric, taken: Taken { way, origin, place: Some(place) } }
    }
}

/// What BIRD tells a node of another's pods.
#[derive(Debug, Clone, Copy)]
pub(super) struct Advertised {
    /// The block.
    pub(super) net: Ipv4Net,
    /// The pool that it is.
    pub(super) place: Place,
    /// The next hop: the address of its node.
    pub(super) next_hop: Atom,
}

/// Everything that the routes of a node are made from.
pub(super) struct Sources<'a> {
    pub(super) node: &'a Node,
    pub(super) guards: &'a FromFile<Vec<Route>>,
    /// The node's own pools.
    pub(super) own: &'a [(Ipv4Net, Place)],
    /// The others'.
    pub(super) advertised: &'a [Advertised],
    pub(super) atoms: &'a Atoms,
}

impl Sources<'_> {
    pub(super) fn table(&self, circumstances: Circumstances) -> Table {
        let mut routes = self.kernel(circumstances);
        if circumstances.bird {
            let seen = Table::of(self.seen_by_bird(circumstances), self.atoms);
            routes.extend(self.advertised.iter().map(|block| {
                let way = seen.route(block.next_hop).way;
                Candidate::new(block.net, BIRD_METRIC, way, Origin::Bird, block.place)
            }));
        }
        Table::of(routes, self.atoms)
    }

    /// What the kernel has without BIRD.
    fn kernel(&self, circumstances: Circumstances) -> Vec<Candidate> {
        let mut routes = self.connected(circumstances);
        let own = self.own.iter();
        routes.extend(
            own.map(|(net, place)| Candidate::new(*net, 0, Way::Pod, Origin::Calico, *place)),
        );
        if circumstances.mesh {
            routes.extend(self.of_wg_quick());
        }
        if circumstances.mesh && circumstances.statics {
            routes.extend(emitted(&self.node.routes, Origin::Static));
        }
        if circumstances.guards {
            routes.extend(emitted(self.guards, Origin::Guard));
        }
        routes
    }

    /// What BIRD resolves next hops by: interfaces, and the routes that it learns. Those of `proto
    /// kernel` it does not learn (seen: 57 packets in clear).
    fn seen_by_bird(&self, circumstances: Circumstances) -> Vec<Candidate> {
        let mut routes = self.connected(circumstances);
        if circumstances.guards {
            let learned = self.guards.said.iter();
            let learned = learned.filter(|route| route.protocol == Protocol::Static);
            routes.extend(learned.map(|route| candidate(route, self.guards.file, Origin::Guard)));
        }
        if circumstances.mesh {
            routes.extend(self.of_wg_quick());
        }
        routes
    }

    fn connected(&self, circumstances: Circumstances) -> Vec<Candidate> {
        let conf = &self.node.conf;
        let address = conf.said.address.filter(|_| circumstances.mesh);
        let connected = address.map(|at| {
            let place = conf.file.line(at.line);
            Candidate::new(at.value.trunc(), 0, Way::Mesh, Origin::Address, place)
        });
        connected.into_iter().collect()
    }

    /// Without `Table = off`.
    fn of_wg_quick(&self) -> Vec<Candidate> {
        let conf = &self.node.conf;
        if conf.said.table_off.is_some() {
            return Vec::new();
        }
        let route = |allowed: &Allowed| {
            let place = conf.file.line(conf.said.line_of(*allowed));
            Candidate::new(allowed.net, 0, Way::Mesh, Origin::WgQuick, place)
        };
        conf.said.allowed.iter().map(route).collect()
    }
}

/// Calico's BIRD writes its routes with this metric (seen).
const BIRD_METRIC: u32 = 1024;

fn emitted(routes: &FromFile<Vec<Route>>, origin: Origin) -> impl Iterator<Item = Candidate> {
    routes.said.iter().map(move |route| candidate(route, routes.file, origin))
}

fn candidate(route: &Route, file: crate::span::File, origin: Origin) -> Candidate {
    let way = match route.kind {
        Kind::Mesh => Way::Mesh,
        Kind::Unreachable => Way::Unreachable,
    };
    Candidate::new(route.net, route.metric, way, origin, file.line(route.line))
}

/// The routes of a client: wg-quick's.
pub(super) fn of_client(conf: &FromFile<Conf>, atoms: &Atoms) -> Table {
    let route = |allowed: &Allowed| {
        let place = conf.file.line(conf.said.line_of(*allowed));
        Candidate::new(allowed.net, 0, Way::Mesh, Origin::WgQuick, place)
    };
    Table::of(conf.said.allowed.iter().map(route).collect(), atoms)
}
