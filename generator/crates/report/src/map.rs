//! The map of the mesh: machines, and the tunnels between them. The page and the pictures of `graph` draw the same map.

use meshwright_proof::model::{MachineId, Model, PairPath};

/// Up to so many machines the tunnels of the full mesh are drawn; with more of them they cover the picture.
const FULL_MESH: usize = 24;

/// The map.
pub(crate) struct MeshMap<'model> {
    pub(crate) cluster: &'model str,
    /// Machines of one site are neighbours; clients are last.
    pub(crate) machines: Vec<MapMachine<'model>>,
    pub(crate) tunnels: Vec<MapTunnel>,
    /// Whether there are too many machines: then only tunnels in local networks are on the map.
    pub(crate) is_reduced: bool,
}

pub(crate) struct MapMachine<'model> {
    pub(crate) name: &'model str,
    /// What it is, in one word.
    pub(crate) kind: &'static str,
    pub(crate) address: String,
    pub(crate) site: Option<&'model str>,
    pub(crate) is_behind_nat: bool,
}

/// The way between two machines, by their positions on the map.
pub(crate) struct MapTunnel {
    pub(crate) ends: [usize; 2],
    pub(crate) way: TunnelWay,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TunnelWay {
    Internet,
    Site,
    /// No tunnel of its own: the relay forwards, or one of several.
    Relay(String),
}

impl TunnelWay {
    /// In one word.
    pub(crate) fn word(&self) -> &'static str {
        match self {
            Self::Internet => "internet",
            Self::Site => "site",
            Self::Relay(_) => "relay",
        }
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        match self {
            Self::Internet => "over the Internet".to_owned(),
            Self::Site => "in the local network of their site".to_owned(),
            Self::Relay(relay) => format!("through {relay}"),
        }
    }
}

impl MapMachine<'_> {
    /// What is known about it, for people.
    pub(crate) fn facts(&self) -> Vec<String> {
        let site = self.site.map(|site| format!("site {site}"));
        let nat = self.is_behind_nat.then(|| "behind NAT".to_owned());
        let always = [kind_text(self.kind).to_owned(), self.address.clone()];
        always.into_iter().chain(site).chain(nat).collect()
    }
}

impl<'model> MeshMap<'model> {
    pub(crate) fn new(model: &'model Model) -> Self {
        let mut order: Vec<_> = model.ids().collect();
        order.sort_by_key(|id| (model.is_client(*id), model.site(*id).map(str::to_owned)));
        let is_reduced = order.len() > FULL_MESH;
        let mut tunnels = Vec::new();
        for (position, from) in order.iter().enumerate() {
            for (other, to) in order.iter().enumerate().skip(position + 1) {
                let Some(way) = way(model, *from, *to) else { continue };
                if !is_reduced || way == TunnelWay::Site {
                    tunnels.push(MapTunnel { ends: [position, other], way });
                }
            }
        }
        let machines = order.iter().map(|id| machine(model, *id)).collect();
        Self { cluster: cluster(model).0, machines, tunnels, is_reduced }
    }
}

/// The way of packets between two machines; none if they do not pass.
fn way(model: &Model, from: MachineId, to: MachineId) -> Option<TunnelWay> {
    match model.path(from, to) {
        PairPath::Internet => Some(TunnelWay::Internet),
        PairPath::Site(_) => Some(TunnelWay::Site),
        PairPath::Relay(relay) => Some(TunnelWay::Relay(model.relay_names(from, to, relay))),
        PairPath::None => None,
    }
}

fn machine(model: &Model, id: MachineId) -> MapMachine<'_> {
    let machine = model.machine(id);
    let files = model.files(id).map(|files| &files.json.content);
    MapMachine {
        name: &machine.name,
        kind: kind(model, id),
        address: model.classes.address(machine.address).to_string(),
        site: model.site(id),
        is_behind_nat: files.is_some_and(|json| json.public_endpoints().next().is_none()),
    }
}

/// What a machine is, in one word.
pub(crate) fn kind(model: &Model, id: MachineId) -> &'static str {
    match &model.machine(id).node {
        None => "client",
        Some(node) if node.control_plane => "control-plane",
        Some(_) => "worker",
    }
}

/// The word of [`kind`], for people.
pub(crate) fn kind_text(kind: &'static str) -> &'static str {
    if kind == "control-plane" { "control plane" } else { kind }
}

/// The name of the cluster and its version of Kubernetes, as the init node states them.
pub(crate) fn cluster(model: &Model) -> (&str, &str) {
    let init = model.nodes().find_map(|id| {
        let files = model.files(id)?;
        files.kubeadm.content.cluster.as_ref().map(|_| &files.json.content)
    });
    init.map_or(("", ""), |json| (&json.cluster.value, &json.version.value))
}
