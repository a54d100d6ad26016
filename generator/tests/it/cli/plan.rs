//! Tests of `plan`: where the old tree comes from, output formats and exit codes.

use std::fs;

use serde_json::Value;

use super::Place;
use crate::json_schema;
use meshwright_change::report::schema;

/// A tree that is committed.
fn committed() -> Place {
    let place = Place::complete();
    assert_eq!(place.run(&["generate"]).0, Some(0));
    place.git(&["init", "-q"]);
    place.git(&["add", "topology.toml", "out"]);
    place.git(&["commit", "-q", "-m", "first"]);
    place
}

/// A committed tree, and a change of it on disk.
fn changed(old: &str, new: &str) -> Place {
    let place = committed();
    place.edit(old, new);
    assert_eq!(place.run(&["generate"]).0, Some(0));
    place
}

fn parse_json(stdout: &str) -> Value {
    let document = serde_json::from_str(stdout).expect("one JSON document");
    assert_eq!(json_schema::faults(&schema::document(), &document), [""; 0], "{stdout}");
    document
}

const NOTHING: &str = "no machine and no object of the cluster changes\n";

#[test]
fn a_committed_tree_needs_no_step() {
    let place = committed();
    assert_eq!(place.run(&["plan"]), (Some(0), NOTHING.to_owned(), String::new()));
    let (_, stdout, _) = place.run(&["plan", "--format", "json"]);
    assert_eq!(parse_json(&stdout)["steps"], Value::Array(Vec::new()));
}

#[test]
fn a_change_is_planned_from_the_last_commit_and_from_a_directory() {
    let place = changed("203.0.113.10", "203.0.113.11");
    let (code, from_commit, stderr) = place.run(&["plan"]);
    assert_eq!((code, stderr.as_str()), (Some(1), ""), "{from_commit}");
    let step = "  1. deliver to tokyo\n        meshwright export tokyo | ssh ";
    assert!(from_commit.contains(step), "{from_commit}");
    assert!(
        from_commit.contains("node hongkong: endpoint 203.0.113.10 → 203.0.113.11"),
        "{from_commit}"
    );
    place.git(&["worktree", "add", "-q", "delivered", "HEAD"]);
    assert_eq!(place.run(&["plan", "--from", "delivered/out"]).1, from_commit);
}

/// Changes that were committed are compared too.
#[test]
fn an_older_revision_is_compared() {
    let place = changed("ssh_from = [\"198.51.100.0/24\"]", "ssh_from = [\"198.51.100.0/25\"]");
    let (code, uncommitted, _) = place.run(&["plan"]);
    assert_eq!(code, Some(0), "{uncommitted}");
    place.git(&["commit", "-q", "-a", "-m", "second"]);
    assert_eq!(place.run(&["plan"]).1, NOTHING);
    assert_eq!(place.run(&["plan", "--from", "HEAD~1"]), (Some(0), uncommitted, String::new()));
}

#[test]
fn a_tree_that_no_machine_has_is_installed() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate"]).0, Some(0));
    let (code, stdout, _) = place.run(&["plan", "--new", "--format", "json"]);
    let document = parse_json(&stdout);
    let actions = document["steps"].as_array().expect("steps").iter();
    let actions: Vec<_> = actions
        .map(|step| format!("{} {}", step["action"], step["machine"]).replace('"', ""))
        .collect();
    let expected = [
        "create-node hongkong",
        "deliver hongkong",
        "create-node tokyo",
        "deliver tokyo",
        "install-client laptop",
    ];
    assert_eq!((code, actions), (Some(0), expected.map(str::to_owned).to_vec()));
}

#[test]
fn a_value_that_a_running_cluster_cannot_change_is_refused_in_every_format() {
    let place = changed("name = \"tokyo\"\nid = 2", "name = \"tokyo\"\nid = 3");
    let (code, human, _) = place.run(&["plan"]);
    assert_eq!(code, Some(1));
    assert!(
        human.contains("  node-renumbered (node tokyo: id): tokyo changes its address"),
        "{human}"
    );
    let (_, json, _) = place.run(&["plan", "--format", "json"]);
    let document = parse_json(&json);
    assert_eq!(document["refusals"][0]["code"], "node-renumbered");
    assert_eq!(document["proven"], Value::Null);
    let (_, github, _) = place.run(&["plan", "--format", "github"]);
    assert!(github.starts_with("::error title=node-renumbered::node tokyo: id: "), "{github}");
    let (_, markdown, _) = place.run(&["plan", "--format", "markdown"]);
    assert!(markdown.contains("- **node-renumbered**, node tokyo: id: "), "{markdown}");
}

#[test]
fn lost_flows_are_annotations() {
    let place = changed("203.0.113.10", "203.0.113.11");
    let (code, github, _) = place.run(&["plan", "--format", "github"]);
    assert_eq!(code, Some(1));
    assert!(
        github
            .starts_with("::error title=flows are lost::step 2 (deliver to hongkong): lost until"),
        "{github}"
    );
}

/// Nothing is planned from a tree that is not there, or to one that does not work.
#[test]
fn a_plan_needs_two_whole_trees() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate"]).0, Some(0));
    let ended = |arguments: &[&str]| {
        let (code, stdout, stderr) = place.run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{stderr}");
        stderr
    };
    let stderr = ended(&["plan"]);
    assert!(stderr.starts_with("error: git: not a git repository"), "{stderr}");
    place.git(&["init", "-q"]);
    place.git(&["commit", "-q", "--allow-empty", "-m", "empty"]);
    let stderr = ended(&["plan"]);
    assert!(stderr.starts_with("error: HEAD has no out\n"), "{stderr}");
    assert!(stderr.contains("if no machine has anything yet, use --new"), "{stderr}");
    for revision in ["nothing", "-h", "--output=x"] {
        let stderr = ended(&["plan", &format!("--from={revision}")]);
        assert!(stderr.starts_with(&format!("error: {revision} is not a revision of")), "{stderr}");
    }
    assert!(!place.path().join("x").exists());
    let path = "out/nodes/hongkong/wg0.conf";
    let whole = place.read(path);
    place.write(path, &whole.replace(", 10.244.2.0/24", ""));
    let stderr = ended(&["plan", "--new"]);
    assert!(stderr.starts_with("error: out/ is not proven, so there is no plan"), "{stderr}");
    place.write(path, "MTU\n");
    let stderr = ended(&["plan", "--new"]);
    assert!(
        stderr.starts_with("error: out cannot be compared: nodes/hongkong/wg0.conf:1: "),
        "{stderr}"
    );
    fs::remove_dir_all(place.path().join("out")).expect("a directory");
    let stderr = ended(&["plan", "--new"]);
    assert!(stderr.starts_with("error: cannot read out"), "{stderr}");
}

/// The last lines of `generate`.
fn last_lines(place: &Place) -> String {
    let (code, _, stderr) = place.run(&["generate"]);
    assert_eq!(code, Some(0), "{stderr}");
    let (_, lines) = stderr.split_once(" unchanged\n").expect("a summary");
    lines.to_owned()
}

const NEXT: &str =
    "next: `meshwright plan` compares out/ with the last commit, and prints the steps in order\n";

#[test]
fn generate_ends_with_whom_to_deliver_to() {
    let place = committed();
    // Only a file of the cluster's objects.
    place.edit("[ingress]", "[ingress]\nreplicas = 1");
    let applies = "deliver to: hongkong (applies the cluster's objects)\n";
    assert_eq!(last_lines(&place), format!("{applies}{NEXT}"));
    // An endpoint: its own node.json, and the files of its peers.
    place.edit("203.0.113.20", "203.0.113.21");
    let all = "deliver to: hongkong, tokyo\nnew files for the clients: laptop\n";
    assert_eq!(last_lines(&place), format!("{all}{NEXT}"));
    place.edit("# the end", "# the last line");
    assert_eq!(place.run(&["generate"]).2, "out/ is up to date (69 files)\n");
}

#[test]
fn generate_warns_about_what_a_running_cluster_cannot_change() {
    let place = committed();
    place.edit("name = \"tokyo\"\nid = 2", "name = \"tokyo\"\nid = 3");
    let (code, _, stderr) = place.run(&["generate", "--dry-run"]);
    assert_eq!(code, Some(0), "{stderr}");
    let warning = "warning[node-renumbered]: tokyo changes its address from 10.66.66.2 to\n";
    assert!(stderr.starts_with(warning), "{stderr}");
    assert!(stderr.contains("id = 3\n   |      ^ a running cluster keeps it\n"), "{stderr}");
}
