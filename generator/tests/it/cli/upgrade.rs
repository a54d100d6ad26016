//! Tests of `upgrade`.

use super::{Place, stderr_only};

#[test]
fn only_the_version_changes() {
    let place = Place::complete();
    let (before, text) = (place.tree(), place.read("topology.toml"));
    let (code, patch, stderr) = place.run(&["upgrade", "--to", "1.36.2", "--dry-run"]);
    let nothing = "dry run: `kubernetes_version` changed from 1.36.1 to 1.36.2\n\
                   topology.toml: nothing was written\n";
    assert_eq!((code, stderr.as_str()), (Some(0), nothing));
    let lines = "-kubernetes_version = \"1.36.1\"\n+kubernetes_version = \"1.36.2\"\n";
    assert!(patch.contains(lines), "{patch}");
    assert_eq!(place.tree(), before);
    let written = "topology.toml: `kubernetes_version` changed from 1.36.1 to 1.36.2\n\
                   next: `meshwright generate`, then `meshwright plan`\n";
    assert_eq!(place.run(&["upgrade", "--to", "1.36.2"]), (Some(0), patch, written.to_owned()));
    assert_eq!(place.read("topology.toml"), text.replace("1.36.1", "1.36.2"));
    let again = stderr_only(0, "`kubernetes_version` is 1.36.2 already\n");
    assert_eq!(place.run(&["upgrade", "--to", "1.36.2"]), again);
}

/// A version of Calico that was not tested with the new version is a new warning.
#[test]
fn warnings_about_the_new_version_are_shown() {
    let place = Place::complete();
    let (code, _, stderr) = place.run(&["upgrade", "--to", "1.37.2", "--dry-run"]);
    assert!(
        code == Some(0) && stderr.contains("\nwarning[calico-kubernetes-untested]: "),
        "{stderr}"
    );
}

/// In the words of `plan`.
#[test]
fn versions_that_a_running_cluster_cannot_get_are_refused() {
    let place = Place::complete();
    let before = place.tree();
    let older = "error: `kubernetes_version` changes from 1.36.1 to 1.36.0: `kubeadm upgrade` refuses \
                 it, and etcd may have objects that the older API server cannot read\n |\n \
                 = help: keep the version, or restore a backup of etcd on new machines\n";
    assert_eq!(place.run(&["upgrade", "--to", "1.36.0"]), stderr_only(2, older));
    let skipped = "error: `kubernetes_version` changes from 1.36.1 to 1.38.0: `kubeadm upgrade` refuses \
                   it, and kubelets of the old version may not talk to the new API server\n |\n \
                   = help: upgrade to the next minor version first, on every node, and then to this \
                   one\n";
    assert_eq!(place.run(&["upgrade", "--to", "1.38.0"]), stderr_only(2, skipped));
    assert_eq!(place.run(&["upgrade"]).0, Some(2));
    assert_eq!(place.tree(), before);
}
