//! The map as SVG: machines on an ellipse, with the ways between them.

use std::f64::consts::TAU;

use serde::Serialize;

use crate::map::{MapMachine, MapTunnel, MeshMap, kind_text};
use crate::template;

const TEMPLATE: &str = include_str!("../templates/map.svg.j2");

/// The colors and lines of the map.
pub(crate) const STYLE: &str = include_str!("../templates/map.css");

/// The middle of the ellipse, in the units of the picture.
const CENTRE: (f64, f64) = (400.0, 300.0);
/// The half axes of the ellipse: names need more room at the sides.
const RADIUS: (f64, f64) = (270.0, 230.0);
/// The height of the ellipse with its names.
const HEIGHT: u32 = 600;
/// The height of a line of the legend.
const LEGEND_LINE: u32 = 24;

#[derive(Serialize)]
struct PictureView<'a> {
    /// Whether it is a file of its own, with its style and its legend.
    alone: bool,
    height: u32,
    about: String,
    style: &'static str,
    tunnels: Vec<LineView>,
    machines: Vec<MachineView<'a>>,
    legend: Vec<LegendView>,
}

#[derive(Serialize)]
struct MachineView<'a> {
    name: &'a str,
    kind: &'static str,
    title: String,
    x: String,
    y: String,
    label_x: String,
    label_y: String,
    anchor: &'static str,
}

#[derive(Serialize)]
struct LineView {
    kind: &'static str,
    title: String,
    x1: String,
    y1: String,
    x2: String,
    y2: String,
}

#[derive(Serialize)]
struct LegendView {
    is_machine: bool,
    kind: &'static str,
    text: &'static str,
    x: u32,
    y: u32,
}

/// The kinds of lines on a map, each with its text in a legend.
pub(crate) fn line_kinds(map: &MeshMap<'_>) -> Vec<(&'static str, &'static str)> {
    let all = [
        ("internet", "tunnel over the Internet"),
        ("site", "tunnel in the local network of a site"),
        ("relay", "pair that uses a relay"),
    ];
    let is_drawn = |kind: &str| map.tunnels.iter().any(|tunnel| tunnel.way.word() == kind);
    all.into_iter().filter(|(kind, _)| is_drawn(kind)).collect()
}

/// The picture inside of a page, which has the style and a legend.
pub(crate) fn inside(map: &MeshMap<'_>) -> String {
    let about = "The machines and the WireGuard tunnels between them; the table of machines has the same facts";
    render(map, about.to_owned(), false)
}

/// The picture as a file of its own.
pub(crate) fn alone(map: &MeshMap<'_>) -> String {
    let about = match map.is_reduced {
        true => format!("The machines of {}; tunnels over the Internet are not drawn", map.cluster),
        false => format!("The machines of {} and the WireGuard tunnels between them", map.cluster),
    };
    render(map, about, true)
}

fn render(map: &MeshMap<'_>, about: String, alone: bool) -> String {
    let places: Vec<_> =
        (0..map.machines.len()).map(|position| place(position, map.machines.len())).collect();
    let legend = if alone { legend(map) } else { Vec::new() };
    let view = PictureView {
        alone,
        height: legend.last().map_or(HEIGHT, |entry| entry.y + LEGEND_LINE),
        about,
        style: STYLE,
        tunnels: map.tunnels.iter().map(|tunnel| line(map, tunnel, &places)).collect(),
        machines: map.machines.iter().zip(&places).map(|(one, at)| machine(one, *at)).collect(),
        legend,
    };
    template::render("map.svg", TEMPLATE, &view)
}

/// The place of a machine on the ellipse, from the top on.
fn place(position: usize, count: usize) -> (f64, f64) {
    #[expect(clippy::cast_precision_loss, reason = "fewer than 2⁵² machines")]
    let angle = TAU * (position as f64 / count as f64 - 0.25);
    (RADIUS.0.mul_add(angle.cos(), CENTRE.0), RADIUS.1.mul_add(angle.sin(), CENTRE.1))
}

fn line(map: &MeshMap<'_>, tunnel: &MapTunnel, places: &[(f64, f64)]) -> LineView {
    let [(x1, y1), (x2, y2)] = tunnel.ends.map(|end| places[end]);
    let [one, other] = tunnel.ends.map(|end| map.machines[end].name);
    LineView {
        kind: tunnel.way.word(),
        title: format!("{one} ↔ {other}: {}", tunnel.way.text()),
        x1: number(x1),
        y1: number(y1),
        x2: number(x2),
        y2: number(y2),
    }
}

fn machine<'a>(machine: &MapMachine<'a>, (x, y): (f64, f64)) -> MachineView<'a> {
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
    MachineView {
        name: machine.name,
        kind: machine.kind,
        title: format!("{}: {}", machine.name, machine.facts().join(", ")),
        x: number(x),
        y: number(y),
        label_x: number(x + shift),
        label_y: number(y + below),
        anchor,
    }
}

/// The kinds of machines in one column, and those of lines in the other.
fn legend(map: &MeshMap<'_>) -> Vec<LegendView> {
    let kinds = ["control-plane", "worker", "client"].into_iter();
    let kinds = kinds.filter(|kind| map.machines.iter().any(|machine| machine.kind == *kind));
    let machines = (0..).zip(kinds.map(|kind| (kind, kind_text(kind))));
    let machines = machines.map(|(row, (kind, text))| (true, 200, row, kind, text));
    let lines = (0..).zip(line_kinds(map)).map(|(row, (kind, text))| (false, 400, row, kind, text));
    let mut entries: Vec<_> = machines
        .chain(lines)
        .map(|(is_machine, x, row, kind, text)| LegendView {
            is_machine,
            kind,
            text,
            x,
            y: HEIGHT + LEGEND_LINE * row,
        })
        .collect();
    entries.sort_by_key(|entry| (entry.y, entry.x));
    entries
}

fn number(value: f64) -> String {
    format!("{value:.1}")
}
