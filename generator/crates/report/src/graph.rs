//! The map in the languages of programs that draw graphs.

use std::fmt::Write as _;

use crate::map::{MapMachine, MapTunnel, MeshMap, TunnelWay};

/// A flowchart for mermaid, which GitHub and GitLab draw in Markdown.
pub(crate) fn mermaid(map: &MeshMap<'_>) -> String {
    let mut text = String::from("flowchart LR\n");
    text.push_str(&reduction(map, "  %%"));
    for site in sites(map) {
        let (at, name) = site;
        if let Some(name) = name {
            push(&mut text, format_args!("  subgraph s{at}[\"site {}\"]", html(name)));
        }
        let indent = if name.is_some() { "    " } else { "  " };
        for (position, machine) in of_site(map, name) {
            let label = html(&label(machine).join("\n")).replace('\n', "<br>");
            let (open, close) = mermaid_shape(machine.kind);
            push(&mut text, format_args!("{indent}m{position}{open}\"{label}\"{close}"));
        }
        if name.is_some() {
            push(&mut text, format_args!("  end"));
        }
    }
    for MapTunnel { ends: [from, to], way } in &map.tunnels {
        let line = match way {
            TunnelWay::Internet => format!("  m{from} --- m{to}"),
            TunnelWay::Site => format!("  m{from} === m{to}"),
            TunnelWay::Relay(_) => format!("  m{from} -. \"{}\" .- m{to}", html(&way.text())),
        };
        push(&mut text, format_args!("{line}"));
    }
    text
}

/// A graph for Graphviz (<https://graphviz.org/doc/info/lang.html>).
pub(crate) fn dot(map: &MeshMap<'_>) -> String {
    let mut text = format!("graph {} {{\n  layout=circo;\n  node [shape=box];\n", id(map.cluster));
    text.push_str(&reduction(map, "  //"));
    for (at, name) in sites(map) {
        if let Some(name) = name {
            let label = id(&format!("site {name}"));
            push(&mut text, format_args!("  subgraph cluster_{at} {{\n    label={label};"));
        }
        let indent = if name.is_some() { "    " } else { "  " };
        for (_, machine) in of_site(map, name) {
            let label = id(&label(machine).join("\n"));
            let shape = dot_shape(machine.kind);
            push(&mut text, format_args!("{indent}{} [label={label}, {shape}];", id(machine.name)));
        }
        if name.is_some() {
            push(&mut text, format_args!("  }}"));
        }
    }
    for MapTunnel { ends, way } in &map.tunnels {
        let [from, to] = ends.map(|end| id(map.machines[end].name));
        let style = match way {
            TunnelWay::Internet => String::new(),
            TunnelWay::Site => " [style=bold]".to_owned(),
            TunnelWay::Relay(_) => format!(" [style=dashed, label={}]", id(&way.text())),
        };
        push(&mut text, format_args!("  {from} -- {to}{style};"));
    }
    text.push_str("}\n");
    text
}

/// A comment, if tunnels were left out.
fn reduction(map: &MeshMap<'_>, comment: &str) -> String {
    match map.is_reduced {
        true => format!(
            "{comment} only tunnels in local networks are drawn: there are too many others\n"
        ),
        false => String::new(),
    }
}

/// The sites, each with a number; none for machines that are in no site.
fn sites<'model>(map: &MeshMap<'model>) -> Vec<(usize, Option<&'model str>)> {
    let mut names: Vec<_> = map.machines.iter().map(|machine| machine.site).collect();
    names.sort_unstable();
    names.dedup();
    names.into_iter().enumerate().collect()
}

fn of_site<'map, 'model>(
    map: &'map MeshMap<'model>,
    site: Option<&'model str>,
) -> impl Iterator<Item = (usize, &'map MapMachine<'model>)> {
    map.machines.iter().enumerate().filter(move |(_, machine)| machine.site == site)
}

/// The lines in the box of a machine. The box of a site has the site's name.
fn label(machine: &MapMachine<'_>) -> Vec<String> {
    let facts = MapMachine { site: None, address: machine.address.clone(), ..*machine }.facts();
    [machine.name.to_owned()].into_iter().chain(facts).collect()
}

fn mermaid_shape(kind: &str) -> (&'static str, &'static str) {
    match kind {
        "control-plane" => ("[[", "]]"),
        "client" => ("([", "])"),
        _ => ("[", "]"),
    }
}

fn dot_shape(kind: &str) -> &'static str {
    match kind {
        "control-plane" => "peripheries=2",
        "client" => "style=rounded",
        _ => "style=solid",
    }
}

/// A text within quotes of mermaid, which have no escapes but those of HTML.
fn html(text: &str) -> String {
    text.replace('&', "#amp;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}

/// A quoted string of Graphviz.
fn id(text: &str) -> String {
    let escaped = text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
    format!("\"{escaped}\"")
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // A string cannot fail.
    let _ = writeln!(text, "{line}");
}
