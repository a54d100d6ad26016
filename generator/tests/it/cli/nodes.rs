//! Tests of `node add`, `node remove` and `node rename`.

use std::fs;

use super::{Place, stderr_only};
use crate::testing::{examples, repository};

const NEXT: &str = "next: `meshwright keys`, `meshwright generate`, then `meshwright plan`\n";

const HOME: &str = "\n[[nodes]]\nname = \"home\"\nid = 3\nrole = \"worker\"\nrelay = \"tokyo\"\n";

/// A place where tokyo is a relay, the `via` of a client and a route reflector.
fn with_uses() -> Place {
    let place = Place::complete();
    place.edit("\n[[clients]]\n", &format!("{HOME}\n[[clients]]\nvia = \"tokyo\" # near\n"));
    place
        .edit("[firewall]", "[calico]\nroute_reflectors = [\"hongkong\", \"tokyo\"]\n\n[firewall]");
    place
}

/// A place with three control planes, of which hongkong is the init node by default.
fn with_control_planes() -> Place {
    let place = Place::complete();
    place.edit("id = 2\nrole = \"worker\"", "id = 2\nrole = \"control-plane\"");
    let paris = "\n[[nodes]]\nname = \"paris\"\nid = 3\nrole = \"control-plane\"\n\
                 endpoint = \"203.0.113.30\"\n";
    place.edit("\n[[clients]]\n", &format!("{paris}\n[[clients]]\n"));
    assert_eq!(place.run(&["keys", "-q"]).0, Some(0));
    place
}

#[test]
fn a_node_with_both_address_families_is_added() {
    let place = Place::complete();
    let add = ["node", "add", "berlin", "--endpoint", "203.0.113.40,[2001:db8::40]:51821"];
    assert_eq!(place.run(&[&add[..], &["-q"]].concat()).0, Some(0));
    let array = "endpoint = [\"203.0.113.40\", \"[2001:db8::40]:51821\"]\n";
    assert!(place.read("topology.toml").contains(array));
    let (code, _, stderr) =
        place.run(&["node", "add", "rome", "--endpoint", "203.0.113.41,203.0.113.42"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("`203.0.113.41` and `203.0.113.42` are both IPv4"), "{stderr}");
    let node = "tokyo=203.0.113.10,debian-12,2001:db8::10";
    assert_eq!(place.run(&["init", "-t", "new.toml", "--node", node, "-q"]).0, Some(0));
    let array = "endpoint = [\"203.0.113.10\", \"2001:db8::10\"]\n";
    assert!(place.read("new.toml").contains(array), "{}", place.read("new.toml"));
}

#[test]
fn a_node_is_added_behind_the_last_one() {
    let place = Place::complete();
    let (before, text) = (place.tree(), place.read("topology.toml"));
    let add = [
        "node",
        "add",
        "berlin",
        "--endpoint",
        "203.0.113.40",
        "--provider",
        "hetzner",
        "--os",
        "ubuntu-24.04",
    ];
    let (code, patch, stderr) = place.run(&[&add[..], &["--dry-run"]].concat());
    let nothing = "dry run: node berlin added with id 3\ntopology.toml: nothing was written\n";
    assert_eq!((code, stderr.as_str()), (Some(0), nothing));
    assert_eq!(place.tree(), before);
    let added = format!("topology.toml: node berlin added with id 3\n{NEXT}");
    assert_eq!(place.run(&add), (Some(0), patch, added));
    let table = "\n[[nodes]]\nname = \"berlin\"\nid = 3\nrole = \"worker\"\nprovider = \"hetzner\"\n\
                 os = \"ubuntu-24.04\"\nendpoint = \"203.0.113.40\"\n";
    let expected = text.replace("\n[[clients]]\n", &format!("{table}\n[[clients]]\n"));
    assert_eq!(place.read("topology.toml"), expected);
    for verb in ["keys", "generate"] {
        assert_eq!(place.run(&[verb, "-q"]), stderr_only(0, ""));
    }
    let (_, _, stderr) = place.run(&["node", "add", "home", "--relay", "berlin"]);
    assert!(stderr.starts_with("topology.toml: node home added with id 4\n"), "{stderr}");
    let written = place.read("topology.toml");
    assert!(written.contains("name = \"home\"\nid = 4\nrole = \"worker\"\nrelay = \"berlin\"\n"));
}

#[test]
fn a_node_is_added_with_two_relays_and_one_of_them_is_renamed() {
    let place = Place::complete();
    let add = ["node", "add", "home", "--relay", "hongkong,tokyo", "-q"];
    assert_eq!(place.run(&add).0, Some(0));
    assert!(place.read("topology.toml").contains("relay = [\"hongkong\", \"tokyo\"]\n"));
    let (code, _, stderr) = place.run(&["node", "remove", "tokyo"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: node tokyo is in use: `relay` of node home"), "{stderr}");
    assert_eq!(place.run(&["node", "rename", "tokyo", "osaka"]).0, Some(0));
    assert!(place.read("topology.toml").contains("relay = [\"hongkong\", \"osaka\"]\n"));
}

/// In every form in which the examples are written.
#[test]
fn what_is_added_and_removed_leaves_only_its_id() {
    for example in examples() {
        let text = fs::read_to_string(repository().join(&example)).expect("readable");
        let place = Place::with(&text);
        let id = if text.contains("\nid = 5\n") { "50" } else { "5" };
        let add = ["node", "add", "zurich", "--endpoint", "203.0.113.199", "--id", id, "-q"];
        assert_eq!(place.run(&add).0, Some(0), "{example}");
        assert_eq!(place.run(&["node", "remove", "zurich", "-q"]).0, Some(0), "{example}");
        let left = place.read("topology.toml");
        let is_retired = |line: &&str| line.starts_with("retired_ids = ");
        assert!(left.lines().any(|line| is_retired(&line)), "{example}");
        let other = |text: &str| -> Vec<String> {
            text.split_inclusive('\n').filter(|line| !is_retired(line)).map(str::to_owned).collect()
        };
        assert_eq!(other(&left), other(&text), "{example}");
    }
}

/// The comment right above a table is about it, and goes with it.
#[test]
fn a_removed_node_leaves_its_id() {
    let place = Place::complete();
    let text = place.read("topology.toml");
    let (code, patch, stderr) = place.run(&["node", "remove", "tokyo"]);
    let removed = "topology.toml: node tokyo removed, and its id 2 retired\n\
                   next: `meshwright generate`, then `meshwright plan`\n";
    assert_eq!((code, stderr.as_str()), (Some(0), removed));
    assert!(patch.contains("-# 东京\n-[[nodes]]\n-name = \"tokyo\"\n"), "{patch}");
    let table = text.find("# 东京\n").expect("tokyo")..text.find("[[clients]]").expect("laptop");
    let mut expected = text;
    expected.replace_range(table, "");
    let expected = expected.replacen("\n\n[kube_proxy]", "\nretired_ids = [2]\n\n[kube_proxy]", 1);
    assert_eq!(place.read("topology.toml"), expected);
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    let (_, _, stderr) = place.run(&["node", "add", "tokyo", "--endpoint", "203.0.113.20"]);
    let deliveries = "deliver to: hongkong (applies the cluster's objects), tokyo (new)\n\
                      new files for the clients: laptop\n";
    let added = format!("topology.toml: node tokyo added with id 3\n{deliveries}{NEXT}");
    assert_eq!(stderr, added);
}

#[test]
fn a_node_that_the_cluster_needs_is_not_removed() {
    let place = with_uses();
    let before = place.tree();
    let only = "error: node hongkong is the only control plane; node hongkong is in use: \
                `route_reflectors` of [calico]\n |\n = help: add another control plane first, and \
                wait until it has joined; name another node there first\n";
    assert_eq!(place.run(&["node", "remove", "hongkong"]), stderr_only(2, only));
    let used = "error: node tokyo is in use: `relay` of node home, `via` of client laptop, \
                `route_reflectors` of [calico]\n |\n = help: name another node there first\n";
    assert_eq!(place.run(&["node", "remove", "tokyo"]), stderr_only(2, used));
    let absent = "error: there is no node `laptop`\n |\n \
                  = help: the topology has: hongkong, tokyo, home\n";
    assert_eq!(place.run(&["node", "remove", "laptop"]), stderr_only(2, absent));
    let other = "error: node home is not the init node, so `init` does not change\n |\n \
                 = help: leave `--init` out\n";
    let arguments = ["node", "remove", "home", "--init", "tokyo"];
    assert_eq!(place.run(&arguments), stderr_only(2, other));
    assert_eq!(place.tree(), before);
}

#[test]
fn the_init_node_is_removed_if_another_one_is_named() {
    let place = with_control_planes();
    let before = place.tree();
    let init = "error: node hongkong is the init node\n |\n \
                = help: name another control plane that has joined with `--init`\n";
    assert_eq!(place.run(&["node", "remove", "hongkong"]), stderr_only(2, init));
    assert_eq!(place.run(&["node", "rename", "hongkong", "macau"]), stderr_only(2, init));
    let (code, _, stderr) = place.run(&["node", "remove", "hongkong", "--init", "laptop"]);
    assert_eq!(code, Some(1));
    assert!(stderr.contains("\nerror[control-plane-init-unknown]: "), "{stderr}");
    assert!(stderr.ends_with("topology.toml: nothing was written\n"), "{stderr}");
    assert_eq!(place.tree(), before);

    let (code, _, stderr) = place.run(&["node", "remove", "hongkong", "--init", "tokyo"]);
    let head = "topology.toml: node hongkong removed, and its id 1 retired\n\
                topology.toml: tokyo is the init node\n";
    assert!(code == Some(0) && stderr.starts_with(head), "{stderr}");
    assert!(stderr.contains("\nwarning[control-plane-even]: "), "new warnings are shown: {stderr}");
    let text = place.read("topology.toml");
    assert!(text.ends_with("# the end\n\n[control_plane]\ninit = \"tokyo\"\n"), "{text}");
    let (code, patch, _) = place.run(&["node", "remove", "tokyo", "--init", "paris", "--dry-run"]);
    assert_eq!(code, Some(0));
    assert!(patch.contains("-init = \"tokyo\"\n+init = \"paris\"\n"), "{patch}");
    assert!(patch.contains("-retired_ids = [1]\n+retired_ids = [1, 2]\n"), "{patch}");
}

/// A rename is the removal of one node and the addition of another, and what names the node follows.
#[test]
fn a_renamed_node_is_another_one() {
    let place = with_uses();
    assert_eq!(place.run(&["keys", "-q"]).0, Some(0));
    let text = place.read("topology.toml");
    let (code, _, stderr) = place.run(&["node", "rename", "tokyo", "osaka"]);
    let lines = [
        "node tokyo removed, and its id 2 retired",
        "node osaka added with id 4, without a public key",
        "`relay` of node home names osaka",
        "`via` of client laptop names osaka",
        "`route_reflectors` of [calico] names osaka",
        "a running node cannot be renamed: tokyo is drained, reset and deleted, and osaka joins; local \
         volumes of its pods are lost",
    ];
    let lines: String = lines.iter().map(|line| format!("topology.toml: {line}\n")).collect();
    assert_eq!((code, stderr), (Some(0), format!("{lines}{NEXT}")));
    let key = text.lines().skip_while(|line| *line != "name = \"tokyo\"");
    let key = key.into_iter().find(|line| line.starts_with("public_key")).expect("a key");
    let expected = text
        .replace(&format!("{key}\n"), "")
        .replace("id = 2\n", "id = 4\n")
        .replace("\"tokyo\"", "\"osaka\"")
        .replacen("\n\n[kube_proxy]", "\nretired_ids = [2]\n\n[kube_proxy]", 1);
    assert_eq!(place.read("topology.toml"), expected);
}

#[test]
fn the_plan_of_a_renamed_node_loses_nothing() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate", "-q"]).0, Some(0));
    place.git(&["init", "-q"]);
    place.git(&["add", "topology.toml", "out"]);
    place.git(&["commit", "-q", "-m", "first"]);
    for arguments in
        [&["node", "rename", "tokyo", "osaka", "-q"][..], &["keys", "-q"], &["generate", "-q"]]
    {
        assert_eq!(place.run(arguments).0, Some(0), "{arguments:?}");
    }
    let (code, plan, stderr) = place.run(&["plan"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""), "{plan}");
    assert!(plan.contains("remove tokyo from the cluster\n        kubectl drain tokyo "), "{plan}");
    assert!(plan.ends_with(": nothing is lost\n"), "{plan}");
}
