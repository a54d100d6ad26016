//! Tests of `rotate`: the old key stays in the store until the rotation is finished.

use std::fs;

use super::sealed::{Reader, sealed_place};
use super::{OK, Place, TOPOLOGY, stderr_only};

const KEY: &str = "secrets/nodes/tokyo/wg0.key";
const FORMER: &str = "secrets/nodes/tokyo/wg0.former.key";

/// The public key of a member in the topology.
fn public_key(place: &Place, name: &str) -> String {
    let text = place.read("topology.toml");
    let table = text.split(&format!("\"{name}\"")).nth(1).expect("a table");
    let line = table.split("public_key = ").nth(1).expect("a key");
    line.lines().next().expect("a line").trim_matches('"').to_owned()
}

/// The message of the warning, on one line; none without it.
fn unfinished(place: &Place, arguments: &[&str]) -> Option<String> {
    let (code, _, stderr) = place.run(arguments);
    assert_eq!(code, Some(0), "{stderr}");
    let message = stderr.split("warning[rotation-unfinished]: ").nth(1)?.split("\n  -->").next()?;
    Some(message.split_whitespace().collect::<Vec<_>>().join(" "))
}

#[test]
fn the_old_key_is_kept_until_the_rotation_is_finished() {
    let place = Place::complete();
    let before = place.tree();
    let (text, old) = (place.read("topology.toml"), public_key(&place, "tokyo"));
    let private = place.read(KEY);
    let (code, patch, stderr) = place.run(&["rotate", "tokyo", "--dry-run"]);
    let preview = "dry run: node tokyo: key replaced\ntopology.toml: nothing was written\n";
    assert_eq!((code, stderr.as_str()), (Some(0), preview));
    assert!(
        patch.contains(&format!("-public_key = \"{old}\"\n+public_key = \"NEW\"\n")),
        "{patch}"
    );
    assert_eq!(place.tree(), before);

    let (code, _, stderr) = place.run(&["rotate", "tokyo"]);
    let new = public_key(&place, "tokyo");
    let done = format!(
        "topology.toml: node tokyo: {new}; the old key is {FORMER}\n\
         next: `meshwright generate`, then `meshwright plan`\n"
    );
    assert_eq!((code, stderr), (Some(0), done));
    assert_eq!(place.read("topology.toml"), text.replace(&old, &new));
    let tree = place.tree();
    assert_eq!(tree[FORMER], (0o600, private.clone().into_bytes()));
    assert!(tree[KEY].0 == 0o600 && tree[KEY].1 != private.as_bytes());
    let message = "the rotation of the key of node tokyo is not finished";
    for verb in [&["check"][..], &["generate"], &["keys"], &["keys", "--check"]] {
        assert_eq!(unfinished(&place, verb).as_deref(), Some(message), "{verb:?}");
    }
    let (_, tar, _) = place.run(&["export", "tokyo"]);
    assert!(tar.contains(&place.read(KEY)) && !tar.contains(&private));

    let again = "error: the last rotation of the key of node tokyo is not finished\n |\n \
                 = help: deliver as `meshwright plan` says, then run `meshwright rotate NAME \
                 --finish`\n";
    assert_eq!(place.run(&["rotate", "tokyo"]), stderr_only(2, again));
    assert_eq!(place.run(&["rotate", "--all"]), stderr_only(2, again));
    let preview = stderr_only(0, &format!("dry run: node tokyo: {FORMER} deleted\n"));
    assert_eq!(place.run(&["rotate", "tokyo", "--finish", "--dry-run"]), preview);
    assert!(place.path().join(FORMER).exists());
    let finished = stderr_only(0, &format!("node tokyo: {FORMER} deleted\n"));
    assert_eq!(place.run(&["rotate", "tokyo", "--finish"]), finished);
    assert!(!place.path().join(FORMER).exists());
    assert_eq!(place.run(&["check"]), stderr_only(0, OK));
    let nothing = stderr_only(0, "node tokyo: no rotation is unfinished\n");
    assert_eq!(place.run(&["rotate", "tokyo", "--finish"]), nothing);
}

#[test]
fn all_keys_of_the_store_are_replaced() {
    let place = Place::complete();
    let names = ["hongkong", "tokyo", "laptop"];
    let before = names.map(|name| public_key(&place, name));
    fs::remove_dir_all(place.path().join("secrets/clients")).expect("a folder");
    let (code, _, stderr) = place.run(&["rotate", "--all"]);
    let kept = "client laptop: its private key is not in the store; its public key is kept\n";
    assert!(code == Some(0) && stderr.starts_with(kept), "{stderr}");
    let after = names.map(|name| public_key(&place, name));
    let is_kept: Vec<_> = before.iter().zip(&after).map(|(old, new)| old == new).collect();
    assert_eq!(is_kept, [false, false, true]);
    let message = "the rotation of the key of node hongkong, node tokyo is not finished";
    assert_eq!(unfinished(&place, &["check"]).as_deref(), Some(message));
    let alone = "error: the private key of client laptop is not in secrets/clients/laptop/wg0.key\n |\n \
                 = help: its owner generates a new key pair, and you write its `public_key`\n";
    assert_eq!(place.run(&["rotate", "laptop"]), stderr_only(2, alone));
    assert_eq!(place.run(&["rotate", "--all", "--finish", "-q"]), stderr_only(0, ""));
    assert_eq!(unfinished(&place, &["check"]), None);
}

/// The key files are written first. The next run continues where a killed one has ended.
#[test]
fn an_interrupted_rotation_is_completed() {
    let place = Place::complete();
    let text = place.read("topology.toml");
    let old = place.read(KEY);
    fs::rename(place.path().join(KEY), place.path().join(FORMER)).expect("renamed");
    let interrupted = "error: the rotation of node tokyo was interrupted\n |\n \
                       = help: run `meshwright rotate tokyo`, which completes it\n";
    assert_eq!(place.run(&["rotate", "tokyo", "--finish"]), stderr_only(2, interrupted));
    assert_eq!(place.run(&["rotate", "tokyo", "-q"]).0, Some(0));
    assert_eq!(place.run(&["keys", "--check", "-q"]).0, Some(0));
    let (rotated, new) = (place.read("topology.toml"), place.read(KEY));

    place.write("topology.toml", &text);
    assert_eq!(place.run(&["rotate", "tokyo", "--finish"]), stderr_only(2, interrupted));
    assert_eq!(place.run(&["rotate", "tokyo", "-q"]).0, Some(0));
    assert_eq!((place.read("topology.toml"), place.read(KEY)), (rotated, new));
    assert_eq!(place.read(FORMER), old);
}

#[test]
fn wrong_names_and_missing_keys_are_refused() {
    let place = Place::with(TOPOLOGY);
    let without = "error: node tokyo has no key pair that can be replaced\n |\n \
                   = help: run `meshwright keys`\n";
    assert_eq!(place.run(&["rotate", "tokyo"]), stderr_only(2, without));
    let absent = "error: there is no node or client `paris`\n |\n \
                  = help: name one of the topology, or use --all\n";
    assert_eq!(place.run(&["rotate", "paris"]), stderr_only(2, absent));
    let before = place.tree();
    for arguments in [&["rotate"][..], &["rotate", "tokyo", "--all"]] {
        assert_eq!(place.run(arguments).0, Some(2), "{arguments:?}");
    }
    assert_eq!(place.tree(), before);
}

/// A new key needs no identity. Whether the old one may be deleted is not known without one.
#[test]
fn keys_of_an_encrypted_store_are_replaced() {
    let (place, me) = sealed_place();
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    let old = me.open(&place)["nodes/tokyo/wg0.key"].clone();
    assert_eq!(place.run(&["rotate", "tokyo", "-q"]).0, Some(0));
    let opened = me.open(&place);
    assert_eq!(opened["nodes/tokyo/wg0.former.key"], old);
    assert_ne!(opened["nodes/tokyo/wg0.key"], old);
    let closed = "error: secrets/nodes/tokyo/wg0.key.age is encrypted, and no identity was given\n |\n \
                  = help: name the file of your age or SSH key with --identity\n";
    assert_eq!(place.run(&["rotate", "tokyo", "--finish"]), stderr_only(2, closed));

    let you = Reader::new("you.txt", &place);
    place.edit(&me.recipient(), &you.recipient());
    assert_eq!(place.run(&["recrypt", "-q", "-i", me.file]).0, Some(0));
    assert_eq!(you.open(&place), opened);
    let finish = ["rotate", "tokyo", "--finish", "-q", "-i", you.file];
    assert_eq!(place.run(&finish), stderr_only(0, ""));
    assert!(!you.open(&place).contains_key("nodes/tokyo/wg0.former.key"));
}
