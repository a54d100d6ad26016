//! Tests of `graph`: its map is the one of the report's page, in three languages.

use super::{BINARY, Place, ended};
use crate::snapshot;
use crate::testing::repository;

/// An example with a site, machines behind NAT, and pairs that use a relay.
const EXAMPLE: &str = "examples/relay-and-site/topology.toml";

fn graph(format: &str) -> String {
    let place = Place::empty();
    let mut command = place.command(BINARY);
    command.args(["graph", "--format", format, "--topology"]).arg(repository().join(EXAMPLE));
    let (code, map, stderr) = ended(command.output().expect("the binary runs"));
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    map
}

#[test]
fn the_picture_is_that_of_the_page() {
    let place = Place::empty();
    let mut command = place.command(BINARY);
    command.args(["report", "--topology"]).arg(repository().join(EXAMPLE));
    let (_, page, _) = ended(command.output().expect("the binary runs"));
    let drawn = |text: &str| -> Vec<String> {
        let is_drawn = |line: &&str| line.contains("<title>") && !line.starts_with("<title>");
        text.lines().filter(is_drawn).map(str::to_owned).collect()
    };
    let picture = drawn(&graph("svg"));
    assert_eq!(picture, drawn(&page));
    for kind in ["tunnel internet", "tunnel site", "tunnel relay", "machine client"] {
        assert!(picture.iter().any(|line| line.contains(kind)), "{kind}: {picture:?}");
    }
}

#[test]
fn other_programs_get_the_same_map() {
    let (mermaid, dot) = (graph("mermaid"), graph("dot"));
    snapshot::settings().bind(|| {
        insta::assert_snapshot!("cli-graph-mermaid", mermaid);
        insta::assert_snapshot!("cli-graph-dot", dot);
    });
    let ways = |text: &str, ways: [&str; 2]| {
        text.lines().filter(|line| ways.iter().any(|way| line.contains(way))).count()
    };
    let lines = graph("svg").matches("<title>").count() - graph("svg").matches(" r=\"10\"").count();
    assert_eq!(ways(&dot, [" -- ", " -- "]), lines);
    assert_eq!(
        mermaid.lines().filter(|line| line.contains("- m") || line.contains("= m")).count(),
        lines
    );
}

/// The tunnels of a full mesh of 26 machines cover the picture.
#[test]
fn a_large_mesh_is_drawn_without_the_tunnels_over_the_internet() {
    let place = Place::complete();
    let nodes = (3..=25).map(|id| {
        format!("\n[[nodes]]\nname = \"n{id}\"\nid = {id}\nrole = \"worker\"\nendpoint = \"203.0.113.{}\"\n", id + 100)
    });
    place.edit("\n[[clients]]\n", &format!("{}\n[[clients]]\n", nodes.collect::<String>()));
    for verb in ["keys", "generate"] {
        assert_eq!(place.run(&[verb, "-q"]).0, Some(0));
    }
    let (code, map, _) = place.run(&["graph"]);
    assert_eq!(code, Some(0));
    let note = "only tunnels in local networks are drawn: there are too many others";
    assert_eq!(map.lines().nth(1), Some(format!("  %% {note}").as_str()));
    assert!(map.contains("m25([\"") && !map.contains("---"), "{map}");
}

#[test]
fn a_missing_directory_is_an_error() {
    let place = Place::complete();
    let (code, stdout, stderr) = place.run(&["graph"]);
    assert_eq!((code, stdout.as_str()), (Some(2), ""));
    assert!(stderr.starts_with("error: "), "{stderr}");
}
