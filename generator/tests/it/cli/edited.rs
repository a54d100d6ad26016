//! Tests of the end of the verbs that edit the topology: whom to deliver to, in the words of `generate`.

use super::Place;

/// The lines of a summary among those on stderr.
fn summary(stderr: &str) -> String {
    let begins = ["first remove ", "deliver to: ", "new files for ", "no machine and no object "];
    let is_summary = |line: &&str| begins.iter().any(|begin| line.starts_with(begin));
    stderr.lines().filter(is_summary).map(|line| format!("{line}\n")).collect()
}

/// Each command, with its summary for nodes hongkong and tokyo and the client laptop.
const CASES: [(&[&str], &str); 8] = [
    (
        &["node", "add", "berlin", "--endpoint", "203.0.113.40"],
        "deliver to: hongkong (applies the cluster's objects), tokyo, berlin (new)\n\
         new files for the clients: laptop\n",
    ),
    (
        &["node", "remove", "tokyo"],
        "first remove from the cluster: tokyo\n\
         deliver to: hongkong (applies the cluster's objects)\n\
         new files for the clients: laptop\n",
    ),
    (
        &["node", "rename", "tokyo", "osaka"],
        "first remove from the cluster: tokyo\n\
         deliver to: hongkong (applies the cluster's objects), osaka (new)\n\
         new files for the clients: laptop\n",
    ),
    (
        &["client", "add", "phone"],
        "deliver to: hongkong, tokyo\n\
         new files for the clients: phone\n",
    ),
    (
        &["client", "remove", "laptop"],
        "deliver to: hongkong (applies the cluster's objects), tokyo\n",
    ),
    (&["upgrade", "--to", "1.36.2"], "deliver to: hongkong, tokyo\n"),
    (&["rotate", "tokyo"], "deliver to: hongkong, tokyo\nnew files for the clients: laptop\n"),
    (&["rotate", "--all"], "deliver to: hongkong, tokyo\nnew files for the clients: laptop\n"),
];

#[test]
fn the_end_is_the_summary_of_generate() {
    for (arguments, expected) in CASES {
        let place = Place::complete();
        assert_eq!(place.run(&["generate", "-q"]).0, Some(0));
        let before = place.tree();
        let (code, _, stderr) = place.run(&[arguments, &["--dry-run"]].concat());
        assert_eq!((code, summary(&stderr).as_str()), (Some(0), expected), "{arguments:?}");
        assert_eq!(place.tree(), before);
        let (code, _, stderr) = place.run(arguments);
        assert_eq!((code, summary(&stderr).as_str()), (Some(0), expected), "{arguments:?}");
        assert_eq!(place.run(&["keys", "-q"]).0, Some(0));
        let (code, _, stderr) = place.run(&["generate"]);
        assert_eq!((code, summary(&stderr).as_str()), (Some(0), expected), "{arguments:?}");
    }
}

/// A value that a running cluster cannot change is a warning before it is in any file of `out/`.
#[test]
fn what_a_running_cluster_cannot_change_is_a_warning() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate", "-q"]).0, Some(0));
    place.edit("kubernetes_version = \"1.36.1\"", "kubernetes_version = \"1.36.0\"");
    let (code, _, stderr) = place.run(&["client", "add", "phone", "--dry-run"]);
    assert_eq!(code, Some(0));
    assert!(stderr.contains("\nwarning[version-downgraded]: "), "{stderr}");
}
