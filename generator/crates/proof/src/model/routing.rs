//! A host's routes: connected routes, emitted routes, and those that BIRD installs for the pools of
//! other nodes.

use ipnet::Ipv4Net;

use super::address_class::{AddressClass, AddressClasses};
use crate::read::routes::{EmittedRoute, RouteKind, RouteProtocol};
use crate::read::tree::{EmittedNode, FromFile};
use crate::read::wg_quick::{AllowedIp, WgConf};
use crate::span::FileLine;

/// The target of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteTarget {
    /// Into the mesh.
    Mesh,
    /// To a pod of this host.
    Pod,
    /// The kernel answers with an ICMP error.
    Unreachable,
    /// To the Internet, by the default route.
    Public,
}

/// The origin of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteOrigin {
    /// The kernel, from `Address` of wg0.conf.
    Address,
    /// A line of wg0.routes.
    Static,
    /// A line of guards.routes.
    Guard,
    /// BIRD, from the pool of another node.
    Bird,
    /// Calico, for the node's own pods.
    Calico,
    /// wg-quick, from `AllowedIPs`.
    WgQuick,
    /// The provider.
    Default,
}

/// The route that packets take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TakenRoute {
    /// Its target.
    pub target: RouteTarget,
    /// Its origin.
    pub origin: RouteOrigin,
    /// The line that sets it; none for the provider's default route.
    pub place: Option<FileLine>,
}

const DEFAULT: TakenRoute =
    TakenRoute { target: RouteTarget::Public, origin: RouteOrigin::Default, place: None };

/// The parts of a host that may be missing while it boots, or after a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteConditions {
    /// wg0 is up.
    pub mesh: bool,
    /// BIRD has installed its routes.
    pub bird: bool,
    /// wg0.routes is loaded.
    pub statics: bool,
    /// guards.routes is loaded.
    pub guards: bool,
}

impl RouteConditions {
    /// Everything runs.
    pub const WHOLE: Self = Self { mesh: true, bird: true, statics: true, guards: true };
    /// BIRD has no route: it has just started, or a peer is down.
    pub const WITHOUT_BIRD: Self = Self { bird: false, ..Self::WHOLE };
}

/// For each class the route of its packets: [`TakenRoute`] by its position.
#[derive(Debug, Clone)]
pub struct RouteTable {
    taken: Vec<TakenRoute>,
    route_of: Vec<u32>,
}

impl RouteTable {
    /// The route of a class.
    #[must_use]
    pub fn route(&self, class: AddressClass) -> TakenRoute {
        self.taken[self.route_of[class.index()] as usize]
    }

    /// Longer prefixes win, then lower metrics, then the first candidate.
    fn from_candidates(mut routes: Vec<CandidateRoute>, classes: &AddressClasses) -> Self {
        routes.reverse();
        routes.sort_by_key(|route| (route.net.prefix_len(), std::cmp::Reverse(route.metric)));
        let mut route_of = vec![0; classes.count()];
        let mut taken = vec![DEFAULT];
        for route in routes {
            route_of[classes.range(route.net)].fill(u32::try_from(taken.len()).unwrap_or(u32::MAX));
            taken.push(route.taken);
        }
        Self { taken, route_of }
    }
}

struct CandidateRoute {
    net: Ipv4Net,
    metric: u32,
    taken: TakenRoute,
}

impl CandidateRoute {
    fn new(
        net: Ipv4Net,
        metric: u32,
        target: RouteTarget,
        origin: RouteOrigin,
        place: FileLine,
    ) -> Self {
        Self { net, metric, taken: TakenRoute { target, origin, place: Some(place) } }
    }
}

/// A route that BIRD advertises to other nodes.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdvertisedPool {
    /// The block.
    pub(super) net: Ipv4Net,
    /// The line of the pool.
    pub(super) place: FileLine,
    /// The next hop: the address of its node.
    pub(super) next_hop: AddressClass,
}

/// The input of a node's routing table.
pub(super) struct RouteSources<'a> {
    pub(super) node: &'a EmittedNode,
    pub(super) guards: &'a FromFile<Vec<EmittedRoute>>,
    /// The node's own pools.
    pub(super) own: &'a [(Ipv4Net, FileLine)],
    /// The pools of other nodes.
    pub(super) advertised: &'a [AdvertisedPool],
    pub(super) classes: &'a AddressClasses,
}

impl RouteSources<'_> {
    pub(super) fn table(&self, circumstances: RouteConditions) -> RouteTable {
        let mut routes = self.kernel(circumstances);
        if circumstances.bird {
            let seen = RouteTable::from_candidates(self.seen_by_bird(circumstances), self.classes);
            routes.extend(self.advertised.iter().map(|block| {
                let target = seen.route(block.next_hop).target;
                CandidateRoute::new(block.net, BIRD_METRIC, target, RouteOrigin::Bird, block.place)
            }));
        }
        RouteTable::from_candidates(routes, self.classes)
    }

    /// The routes without BIRD.
    fn kernel(&self, circumstances: RouteConditions) -> Vec<CandidateRoute> {
        let mut routes = self.connected(circumstances);
        let own = self.own.iter();
        routes.extend(own.map(|(net, place)| {
            CandidateRoute::new(*net, 0, RouteTarget::Pod, RouteOrigin::Calico, *place)
        }));
        if circumstances.mesh {
            routes.extend(self.wg_quick_routes());
        }
        if circumstances.mesh && circumstances.statics {
            routes.extend(emitted(&self.node.routes, RouteOrigin::Static));
        }
        if circumstances.guards {
            routes.extend(emitted(self.guards, RouteOrigin::Guard));
        }
        routes
    }

    /// The routes by which BIRD resolves next hops: those of interfaces, and those that it learns. It
    /// does not learn `proto kernel` (observed with Calico 3.32.1, 2026-11: 57 packets left unencrypted).
    fn seen_by_bird(&self, circumstances: RouteConditions) -> Vec<CandidateRoute> {
        let mut routes = self.connected(circumstances);
        if circumstances.guards {
            let learned = self.guards.content.iter();
            let learned = learned.filter(|route| route.protocol == RouteProtocol::Static);
            routes.extend(
                learned.map(|route| candidate(route, self.guards.file, RouteOrigin::Guard)),
            );
        }
        if circumstances.mesh {
            routes.extend(self.wg_quick_routes());
        }
        routes
    }

    fn connected(&self, circumstances: RouteConditions) -> Vec<CandidateRoute> {
        let conf = &self.node.conf;
        let address = conf.content.address.filter(|_| circumstances.mesh);
        let connected = address.map(|at| {
            let place = conf.file.line(at.line);
            CandidateRoute::new(at.value.trunc(), 0, RouteTarget::Mesh, RouteOrigin::Address, place)
        });
        connected.into_iter().collect()
    }

    /// The routes that wg-quick adds without `Table = off`.
    fn wg_quick_routes(&self) -> Vec<CandidateRoute> {
        let conf = &self.node.conf;
        if conf.content.table_off.is_some() {
            return Vec::new();
        }
        let route = |allowed: &AllowedIp| {
            let place = conf.file.line(conf.content.line_of(*allowed));
            CandidateRoute::new(allowed.net, 0, RouteTarget::Mesh, RouteOrigin::WgQuick, place)
        };
        conf.content.allowed.iter().map(route).collect()
    }
}

/// The metric of routes that Calico's BIRD installs (observed with Calico 3.32.1, 2026-11).
pub(crate) const BIRD_METRIC: u32 = 1024;

fn emitted(
    routes: &FromFile<Vec<EmittedRoute>>,
    origin: RouteOrigin,
) -> impl Iterator<Item = CandidateRoute> {
    routes.content.iter().map(move |route| candidate(route, routes.file, origin))
}

fn candidate(
    route: &EmittedRoute,
    file: crate::span::FileId,
    origin: RouteOrigin,
) -> CandidateRoute {
    let target = match route.kind {
        RouteKind::Mesh => RouteTarget::Mesh,
        RouteKind::Unreachable => RouteTarget::Unreachable,
    };
    CandidateRoute::new(route.net, route.metric, target, origin, file.line(route.line))
}

/// The routes of a client: wg-quick's.
pub(super) fn client_table(conf: &FromFile<WgConf>, classes: &AddressClasses) -> RouteTable {
    let route = |allowed: &AllowedIp| {
        let place = conf.file.line(conf.content.line_of(*allowed));
        CandidateRoute::new(allowed.net, 0, RouteTarget::Mesh, RouteOrigin::WgQuick, place)
    };
    RouteTable::from_candidates(conf.content.allowed.iter().map(route).collect(), classes)
}
