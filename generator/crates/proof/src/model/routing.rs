//! A host's routes: those that the kernel has from addresses, the emitted ones, and those that BIRD
//! will install from the pools of the others.

use ipnet::Ipv4Net;

use super::address_class::{AddressClass, AddressClasses};
use crate::read::routes::{EmittedRoute, RouteKind, RouteProtocol};
use crate::read::tree::{EmittedNode, FromFile};
use crate::read::wg_quick::{AllowedIp, WgConf};
use crate::span::FileLine;

/// Where a route leads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteTarget {
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
pub enum RouteOrigin {
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
pub struct TakenRoute {
    /// Where it leads.
    pub target: RouteTarget,
    /// Who has made it.
    pub origin: RouteOrigin,
    /// The line that it comes from; none for the provider's.
    pub place: Option<FileLine>,
}

const DEFAULT: TakenRoute =
    TakenRoute { target: RouteTarget::Public, origin: RouteOrigin::Default, place: None };

/// What may be missing while a host boots, or when something on it fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RouteConditions {
    /// wg0 is up.
    pub mesh: bool,
    /// BIRD has its routes.
    pub bird: bool,
    /// wg0.routes is loaded.
    pub statics: bool,
    /// guards.routes is loaded.
    pub guards: bool,
}

impl RouteConditions {
    /// Everything runs.
    pub const WHOLE: Self = Self { mesh: true, bird: true, statics: true, guards: true };
    /// BIRD has no route: it was just started, or a peer is dead.
    pub const WITHOUT_BIRD: Self = Self { bird: false, ..Self::WHOLE };
}

/// For each atom the route that its packets take: [`TakenRoute`] by its position.
#[derive(Debug)]
pub struct RouteTable {
    taken: Vec<TakenRoute>,
    route_of: Vec<u32>,
}

impl RouteTable {
    /// The route of an atom.
    #[must_use]
    pub fn route(&self, class: AddressClass) -> TakenRoute {
        self.taken[self.route_of[class.index()] as usize]
    }

    /// Longer prefixes win, then lesser metrics, then what is named first.
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

/// What BIRD tells a node of another's pods.
#[derive(Debug, Clone, Copy)]
pub(super) struct AdvertisedPool {
    /// The block.
    pub(super) net: Ipv4Net,
    /// The pool that it is.
    pub(super) place: FileLine,
    /// The next hop: the address of its node.
    pub(super) next_hop: AddressClass,
}

/// Everything that the routes of a node are made from.
pub(super) struct RouteSources<'a> {
    pub(super) node: &'a EmittedNode,
    pub(super) guards: &'a FromFile<Vec<EmittedRoute>>,
    /// The node's own pools.
    pub(super) own: &'a [(Ipv4Net, FileLine)],
    /// The others'.
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

    /// What the kernel has without BIRD.
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

    /// What BIRD resolves next hops by: interfaces, and the routes that it learns. Those of `proto
    /// kernel` it does not learn (seen: 57 packets in clear).
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

    /// Without `Table = off`.
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

/// Calico's BIRD writes its routes with this metric (seen).
const BIRD_METRIC: u32 = 1024;

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
