//! Warnings about the files of the store: git, modes, recipients and leftovers of killed runs.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt as _;

use super::sealed::{Reader, sealed_place};
use super::{Place, stderr_only};

/// The codes of the warnings in a report.
fn warnings(stderr: &str) -> Vec<&str> {
    let parts = stderr.split("warning[").skip(1);
    parts.filter_map(|part| part.split(']').next()).collect()
}

/// The warnings of each command that looks at the store. None changes the exit code.
fn assert_warned(place: &Place, expected: &[&str]) {
    for command in [&["check"][..], &["generate"], &["keys", "--check"], &["keys"]] {
        let (code, _, stderr) = place.run(command);
        assert_eq!(
            (code, warnings(&stderr).as_slice()),
            (Some(0), expected),
            "{command:?}: {stderr}"
        );
    }
}

#[test]
fn a_store_that_git_takes() {
    let place = Place::complete();
    place.git(&["init", "-q"]);
    place.git(&["add", "."]);
    assert_warned(&place, &[]);
    let out = place.tree();
    place.write("secrets/.gitignore", "");
    assert_warned(&place, &["store-in-git"]);
    let (_, _, stderr) = place.run(&["check"]);
    let message = "warning[store-in-git]: secrets/clients/laptop/wg0.key and 11 more are not\n                       \
                   ignored by git, and not encrypted\n";
    assert!(stderr.starts_with(message), "{stderr}");

    place.write("secrets/.gitignore", "*\n");
    place.git(&["add", "--force", "secrets/nodes/tokyo/wg0.key"]);
    let (_, _, stderr) = place.run(&["check"]);
    let message =
        "warning[store-in-git]: secrets/nodes/tokyo/wg0.key is in git, without encryption\n";
    assert!(stderr.starts_with(message), "{stderr}");
    let (code, json, _) = place.run(&["check", "--strict", "--format", "json"]);
    assert!(code == Some(1) && json.contains("\"code\": \"store-in-git\""), "{json}");
    let (_, commands, _) = place.run(&["check", "--format", "github"]);
    assert!(commands.starts_with("::warning file=topology.toml,"), "{commands}");

    // The environment changes no output.
    let before: Vec<_> = out.iter().filter(|(path, _)| path.starts_with("out/")).collect();
    let after = place.tree();
    assert!(!before.is_empty() && before.into_iter().all(|(path, file)| after[path] == *file));

    place.edit(
        "[firewall]",
        "[[lint.allow]]\ncode = \"store-in-git\"\nreason = \"a test\"\n\n[firewall]",
    );
    assert_warned(&place, &[]);
    place.git(&["rm", "-q", "--cached", "secrets/nodes/tokyo/wg0.key"]);
    assert_warned(&place, &[]);
}

#[test]
fn a_store_that_is_open() {
    let place = Place::complete();
    let file = place.path().join("secrets/nodes/tokyo/wg0.key");
    for (path, mode) in [(file, 0o640), (place.path().join("secrets"), 0o755)] {
        let before = fs::metadata(&path).expect("it exists").permissions();
        fs::set_permissions(&path, Permissions::from_mode(mode)).expect("ours");
        assert_warned(&place, &["store-open"]);
        fs::set_permissions(&path, before).expect("ours");
    }
    assert_warned(&place, &[]);
}

#[test]
fn an_encrypted_store_with_plain_files() {
    let (place, me) = sealed_place();
    assert_eq!(place.run(&["keys", "-q"]).0, Some(0));
    let check = |expected: &[&str]| {
        let (_, _, stderr) = place.run(&["check"]);
        let of_store = |code: &&str| code.starts_with("store-");
        let found: Vec<_> = warnings(&stderr).into_iter().filter(of_store).collect();
        assert_eq!(found, expected, "{stderr}");
    };
    check(&[]);
    // A checkout of git opens the modes of encrypted files.
    let sealed = place.path().join("secrets/cluster/bgp-password.age");
    fs::set_permissions(sealed, Permissions::from_mode(0o644)).expect("ours");
    check(&[]);
    let plain = place.path().join("secrets/cluster/bgp-password");
    place.write("secrets/cluster/bgp-password", "hunter2hunter2\n");
    fs::set_permissions(plain, Permissions::from_mode(0o600)).expect("ours");
    check(&["store-files-plain"]);
    fs::remove_file(place.path().join("secrets/cluster/bgp-password")).expect("ours");

    let other = Reader::new("other.txt", &place);
    let text = place.read("topology.toml");
    let keys: Vec<_> = [&me, &other].map(|reader| format!("\"{}\"", reader.recipient())).into();
    place.write("topology.toml", &text.replace(&keys[0], &keys.join(", ")));
    check(&["store-outdated"]);
}

#[test]
fn temporary_files_of_a_killed_run() {
    let place = Place::complete();
    let files = ["secrets/.meshwright-a1", "secrets/nodes/tokyo/.meshwright-b2", ".meshwright-c3"];
    for file in files {
        place.write(file, "a secret");
    }
    for command in [&["check"][..], &["generate", "-q"], &["keys", "--check"]] {
        let (code, _, stderr) = place.run(command);
        assert_eq!((code, warnings(&stderr)), (Some(0), vec!["store-leftover"]), "{stderr}");
    }
    let removed =
        files.map(|file| format!("{file}: removed, a temporary file of an interrupted run\n"));
    let stderr = removed.concat() + "keys are complete: 2 nodes, 1 client\n";
    assert_eq!(place.run(&["keys"]), stderr_only(0, &stderr.replace("\n.mesh", "\n./.mesh")));
    assert!(!place.tree().keys().any(|path| path.contains(".meshwright-")));
    assert_warned(&place, &[]);
}
