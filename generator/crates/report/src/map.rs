//! The map of the mesh: machines on a circle, with the tunnels between them.

use std::f64::consts::TAU;

use meshwright_proof::model::{MachineId, Model, PairPath};
use serde::Serialize;

/// Half of the width of the picture, in its own units.
const CENTRE: (f64, f64) = (400.0, 300.0);
/// The half axes of the ellipse: names need more room at the sides.
const RADIUS: (f64, f64) = (270.0, 230.0);
/// Up to so many machines the tunnels of the full mesh are drawn; with more of them they cover the picture.
const FULL_MESH: usize = 24;

/// The picture.
#[derive(Debug, Serialize)]
pub(crate) struct MapView {
    machines: Vec<MapMachine>,
    tunnels: Vec<MapTunnel>,
    /// Whether tunnels over the Internet were left out.
    is_reduced: bool,
}

#[derive(Debug, Serialize)]
struct MapMachine {
    name: String,
    kind: &'static str,
    x: String,
    y: String,
    label_x: String,
    label_y: String,
    anchor: &'static str,
}

#[derive(Debug, Serialize)]
struct MapTunnel {
    kind: &'static str,
    title: String,
    x1: String,
    y1: String,
    x2: String,
    y2: String,
}

/// Draws the picture. Machines of one site are neighbours on the circle.
pub(crate) fn draw(model: &Model) -> MapView {
    let mut order: Vec<_> = model.ids().collect();
    order.sort_by_key(|id| (model.is_client(*id), model.site(*id).map(str::to_owned)));
    let places = places(&order, model.machines.len());
    let machines = order.iter().map(|id| machine(model, *id, places[id.index()]));
    let is_reduced = model.machines.len() > FULL_MESH;
    let mut tunnels = Vec::new();
    for from in model.ids() {
        for to in model.ids().filter(|to| from < *to) {
            let Some(kind) = tunnel_kind(model, from, to) else { continue };
            if is_reduced && kind == "internet" {
                continue;
            }
            let [(x1, y1), (x2, y2)] = [from, to].map(|id| places[id.index()]);
            let [one, other] = [from, to].map(|id| &model.machine(id).name);
            tunnels.push(MapTunnel {
                kind,
                title: format!("{one} ↔ {other}: {}", tunnel_text(kind)),
                x1: number(x1),
                y1: number(y1),
                x2: number(x2),
                y2: number(y2),
            });
        }
    }
    MapView { machines: machines.collect(), tunnels, is_reduced }
}

/// The place of each machine, by its position in the model.
fn places(order: &[MachineId], count: usize) -> Vec<(f64, f64)> {
    let mut places = vec![CENTRE; count];
    for (position, id) in order.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "fewer than 2⁵² machines")]
        let angle = TAU * (position as f64 / count as f64 - 0.25);
        places[id.index()] =
            (RADIUS.0.mul_add(angle.cos(), CENTRE.0), RADIUS.1.mul_add(angle.sin(), CENTRE.1));
    }
    places
}

/// A direct tunnel between two machines; none if their packets take a relay, or do not pass.
fn tunnel_kind(model: &Model, from: MachineId, to: MachineId) -> Option<&'static str> {
    match model.path(from, to) {
        PairPath::Internet => Some("internet"),
        PairPath::Site(_) => Some("site"),
        PairPath::Relay(_) | PairPath::None => None,
    }
}

fn tunnel_text(kind: &str) -> &'static str {
    if kind == "site" { "in the local network of their site" } else { "over the Internet" }
}

fn machine(model: &Model, id: MachineId, (x, y): (f64, f64)) -> MapMachine {
    let is_right = x > CENTRE.0 + 1.0;
    let is_left = x < CENTRE.0 - 1.0;
    let (anchor, shift) = match (is_left, is_right) {
        (true, _) => ("end", -16.0),
        (_, true) => ("start", 16.0),
        _ => ("middle", 0.0),
    };
    let below = match (is_left || is_right, y < CENTRE.1) {
        (true, _) => 5.0,
        (false, true) => -18.0,
        (false, false) => 28.0,
    };
    MapMachine {
        name: model.machine(id).name.clone(),
        kind: kind(model, id),
        x: number(x),
        y: number(y),
        label_x: number(x + shift),
        label_y: number(y + below),
        anchor,
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

fn number(value: f64) -> String {
    format!("{value:.1}")
}
