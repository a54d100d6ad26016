//! Tests of `client add` and `client remove`: they edit the topology in place, or not at all.

use super::{Place, json, stderr_only};

const ADD: [&str; 7] = ["client", "add", "phone", "--reach", "nodes,services", "--via", "tokyo"];

const TABLE: &str = "\n[[clients]]\nname = \"phone\"\nid = 201\nvia = \"tokyo\"\n\
                     reach = [\"nodes\", \"services\"]\n";

const NEXT: &str = "next: `meshwright keys`, `meshwright generate`, then `meshwright plan`\n";

#[test]
fn a_client_is_added_behind_the_last_one() {
    let place = Place::complete();
    let (before, text) = (place.tree(), place.read("topology.toml"));
    let (code, patch, stderr) = place.run(&[&ADD[..], &["--dry-run"]].concat());
    let nothing = "dry run: client phone added with id 201\ntopology.toml: nothing was written\n";
    assert_eq!((code, stderr.as_str()), (Some(0), nothing));
    let added: String = TABLE.lines().map(|line| format!("+{line}\n")).collect();
    assert!(patch.ends_with(&format!(" # the end\n{added}")), "{patch}");
    assert_eq!(place.tree(), before);

    let added = format!("topology.toml: client phone added with id 201\n{NEXT}");
    assert_eq!(place.run(&ADD), (Some(0), patch, added));
    assert_eq!(place.read("topology.toml"), format!("{text}{TABLE}"));
    for verb in ["keys", "generate"] {
        assert_eq!(place.run(&[verb, "-q"]), stderr_only(0, ""));
    }
}

/// The id of a removed client is never given to another one.
#[test]
fn a_removed_client_leaves_its_id() {
    let place = Place::complete();
    let text = place.read("topology.toml");
    assert_eq!(place.run(&[&ADD[..], &["-q"]].concat()).0, Some(0));
    assert_eq!(place.run(&["keys", "-q"]).0, Some(0));
    let (code, _, stderr) = place.run(&["client", "remove", "phone"]);
    let removed = "topology.toml: client phone removed, and its id 201 retired\n\
                   next: `meshwright generate`, then `meshwright plan`\n";
    assert_eq!((code, stderr.as_str()), (Some(0), removed));
    let retired = text.replacen("\n\n[kube_proxy]", "\nretired_ids = [201]\n\n[kube_proxy]", 1);
    assert_eq!(place.read("topology.toml"), retired);
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    let (_, _, stderr) = place.run(&["client", "add", "tablet"]);
    let deliveries = "deliver to: hongkong, tokyo\nnew files for the clients: tablet\n";
    let added = format!("topology.toml: client tablet added with id 202\n{deliveries}{NEXT}");
    assert_eq!(stderr, added);
    let (_, _, stderr) = place.run(&["client", "remove", "tablet"]);
    assert!(stderr.starts_with("topology.toml: client tablet removed, and its id 202"), "{stderr}");
    assert!(place.read("topology.toml").contains("\nretired_ids = [201, 202]\n"));
    let absent = "error: there is no client `tablet`\n |\n = help: the topology has: laptop\n";
    assert_eq!(place.run(&["client", "remove", "tablet"]), stderr_only(2, absent));
}

#[test]
fn a_topology_with_an_error_is_not_written() {
    let place = Place::complete();
    let before = place.tree();
    let refused: [(&[&str], &str); 4] = [
        (&["laptop"], "error[name-duplicate]: the name `laptop` is used twice\n"),
        (&["phone", "--via", "home"], "error[client-via-unknown]: "),
        (&["phone", "--id", "2"], "error[id-duplicate]: "),
        (&["phone", "--id", "255"], "error[id-outside-subnet]: "),
    ];
    for (arguments, title) in refused {
        let (code, stdout, stderr) = place.run(&[&["client", "add"], arguments].concat());
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{stderr}");
        assert!(stderr.starts_with(title), "{stderr}");
        assert!(stderr.ends_with("topology.toml: nothing was written\n"), "{stderr}");
    }
    for (arguments, title) in [
        (
            &["Phone"][..],
            "error: invalid value 'Phone' for '<NAME>': `Phone` has the character `P`",
        ),
        (
            &["phone", "--id", "x"],
            "error: invalid value 'x' for '--id <ID>': expected an id from 1",
        ),
        (&["phone", "--reach", "pod"], "error: invalid value 'pod' for '--reach <WHAT>': "),
    ] {
        let (code, _, stderr) = place.run(&[&["client", "add"], arguments].concat());
        assert!(code == Some(2) && stderr.starts_with(title), "{stderr}");
    }
    assert_eq!(place.tree(), before);

    // An error that was there before is reported where it is.
    place.edit("id = 2\n", "id = 1\n");
    let (code, stdout, stderr) = place.run(&["client", "remove", "laptop"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with("error[id-duplicate]: "), "{stderr}");
}

#[test]
fn other_formats_print_one_document() {
    let place = Place::complete();
    let (code, stdout, stderr) = place.run(&[&ADD[..], &["--format", "json"]].concat());
    assert_eq!((code, json(&stdout)), (Some(0), (Vec::new(), None)));
    assert!(stderr.starts_with("--- a/topology.toml\n"), "{stderr}");
    let (code, stdout, _) = place.run(&["client", "add", "phone", "--format", "json"]);
    assert_eq!((code, json(&stdout).0), (Some(1), vec!["name-duplicate".to_owned()]));
}
