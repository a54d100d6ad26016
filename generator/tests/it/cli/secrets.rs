//! The store: preshared keys, names that changed, and what is not built yet.

use std::fs;

use super::{Place, TOPOLOGY, told};

/// The names of the preshared keys.
fn pairs(place: &Place) -> Vec<String> {
    let names = place.tree().into_keys();
    names.filter_map(|path| Some(path.strip_prefix("secrets/preshared/")?.to_owned())).collect()
}

fn preshared() -> String {
    TOPOLOGY.replace("[kube_proxy]", "[wireguard]\npreshared_keys = true\n\n[kube_proxy]")
}

#[test]
fn each_pair_of_peers_has_a_preshared_key() {
    let place = Place::with(&preshared());
    let (code, _, stderr) = place.run(&["keys"]);
    let end = "secrets/preshared: 3 preshared keys made\nnext: `meshwright generate`\n";
    assert_eq!((code, &stderr[stderr.len() - end.len()..]), (Some(0), end));
    let expected = ["hongkong+laptop.psk", "hongkong+tokyo.psk", "laptop+tokyo.psk"];
    assert_eq!(pairs(&place), expected);
    let before = place.tree();
    assert_eq!(before["secrets/preshared"].0, 0o700);
    for name in expected {
        let (mode, key) = &before[&format!("secrets/preshared/{name}")];
        let key = String::from_utf8(key.clone()).expect("text");
        assert_eq!((*mode, key.len(), key.ends_with("=\n")), (0o600, 45, true));
    }
    let complete = told(0, "keys are complete: 2 nodes, 1 client, 3 preshared keys\n");
    assert_eq!(place.run(&["keys"]), complete);
    assert_eq!(place.run(&["keys", "--check"]), complete);
    assert_eq!(place.tree(), before);
}

/// Two nodes behind NAT are no peers of each other, and clients of neither.
#[test]
fn preshared_keys_follow_the_pairs() {
    let place = Place::with(&preshared());
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
    let before = place.tree();
    let behind_nat = |name: &str, id: u32| {
        format!("[[nodes]]\nname = \"{name}\"\nid = {id}\nrole = \"worker\"\nrelay = \"tokyo\"\n\n")
    };
    let added = behind_nat("home", 3) + &behind_nat("office", 4);
    place.edit("[[clients]]", &format!("{added}[[clients]]"));
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
    let expected = [
        "home+hongkong.psk",
        "home+tokyo.psk",
        "hongkong+laptop.psk",
        "hongkong+office.psk",
        "hongkong+tokyo.psk",
        "laptop+tokyo.psk",
        "office+tokyo.psk",
    ];
    assert_eq!(pairs(&place), expected);
    let after = place.tree();
    for (path, was) in before.iter().filter(|(path, _)| path.starts_with("secrets/")) {
        assert!(after[path] == *was, "{path}");
    }

    fs::remove_file(place.path().join("secrets/preshared/home+tokyo.psk")).expect("a key");
    let missing = "keys are missing:\n  home and tokyo: no preshared key\nrun `meshwright keys`\n";
    assert_eq!(place.run(&["keys", "--check"]), told(1, missing));
    let made = "secrets/preshared: 1 preshared key made\nnext: `meshwright generate`\n";
    assert_eq!(place.run(&["keys"]), told(0, made));
}

#[test]
fn a_preshared_key_that_is_none_is_named() {
    let place = Place::with(&preshared());
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
    place.write("secrets/preshared/hongkong+tokyo.psk", "cut sh");
    let before = place.tree();
    let report = "error[preshared-key-malformed]: secrets/preshared/hongkong+tokyo.psk holds no \
                  preshared key\n --> topology.toml:7:18\n  |\n\
                  7 | preshared_keys = true\n  |                  ^^^^ asks for one\n  |\n  \
                  = help: put back what `wg genpsk` has printed, or move the file away\n\n\
                  topology.toml: 1 error\n";
    assert_eq!(place.run(&["keys"]), told(1, report));
    assert_eq!(place.tree(), before);
}

#[test]
fn the_key_of_a_renamed_node_is_found() {
    let place = Place::complete();
    place.edit("name = \"tokyo\"", "name = \"osaka\"");
    let before = place.tree();
    let command = "mkdir -p secrets/nodes/osaka && mv secrets/nodes/tokyo/wg0.key secrets/nodes/osaka/wg0.key";
    let found = format!(
        "node osaka: its private key is in the store under an old name:\n  {command}\n\
         keys are complete: 2 nodes, 1 client\n"
    );
    assert_eq!(place.run(&["keys"]), told(0, &found));
    assert_eq!(place.tree(), before);
    let moved = place.command("sh").args(["-c", command]).status().expect("sh runs");
    assert!(moved.success());
    assert_eq!(place.run(&["keys"]), told(0, "keys are complete: 2 nodes, 1 client\n"));
}

/// Both keys are 44 characters of base64. No verb takes the private one for public, none prints it,
/// and nothing is written that holds it.
#[test]
fn a_private_key_in_the_topology_is_told() {
    let place = Place::complete();
    let private = place.read("secrets/nodes/tokyo/wg0.key");
    let private = private.trim();
    let topology = place.read("topology.toml");
    let tokyo = topology.split("name = \"tokyo\"").nth(1).expect("a node");
    let public = tokyo.split("public_key = \"").nth(1).and_then(|rest| rest.split('"').next());
    place.edit(public.expect("a key"), private);
    let before = place.tree();
    for arguments in [&["check"] as &[_], &["generate"], &["keys", "--check"], &["keys"]] {
        let (code, stdout, stderr) = place.run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
        assert_eq!(stderr.matches("error[private-key-published]").count(), 1, "{stderr}");
        assert!(stderr.contains(&format!("write public_key = \"{}\"", public.expect("a key"))));
        assert!(!stderr.contains(private), "{arguments:?} printed it");
    }
    assert_eq!(place.tree(), before);
}
