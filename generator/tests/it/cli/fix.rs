//! Tests of `check --fix`: it applies only corrections with one solution and changes nothing else.

use super::{Place, TOPOLOGY, stderr_only};
use crate::reject::fixtures;
use meshwright::edit::correction;
use meshwright_compiler::diagnostic::Change;

use crate::testing::compile_text;

/// Host bits, upper case, a missing id and an MTU that does not fit, between comments.
fn with_mistakes() -> Place {
    let place = Place::with(TOPOLOGY);
    place.edit("[kube_proxy]", "[network]\nnode_subnet = \"10.66.66.1/24\" # ours\n\n[kube_proxy]");
    place.edit("name = \"tokyo\"\nid = 2\n", "name = \"Tokyo\" # 東\n");
    place
        .edit("[firewall]", "[wireguard]\n# of the old line\nmtu = 1450 # too large\n\n[firewall]");
    place
}

const PATCH: &str = "\
--- a/topology.toml
+++ b/topology.toml
@@ -4,7 +4,7 @@
 kubernetes_version = \"1.36.1\"
 
 [network]
-node_subnet = \"10.66.66.1/24\" # ours
+node_subnet = \"10.66.66.0/24\" # ours
 
 [kube_proxy]
 mode = \"nftables\"
@@ -14,7 +14,6 @@
 
 [wireguard]
 # of the old line
-mtu = 1450 # too large
 
 [firewall]
 ssh_from = [\"198.51.100.0/24\"]
@@ -27,10 +26,11 @@
 
 # 东京
 [[nodes]]
-name = \"Tokyo\" # 東
+name = \"tokyo\" # 東
 role = \"worker\"
 endpoint = \"203.0.113.20\"
 labels.zone = \"east\"
+id = 2
 
 [[clients]]
 id = 200
";

#[test]
fn dry_run_prints_the_patch_and_writes_nothing() {
    let place = with_mistakes();
    let before = place.tree();
    let (code, patch, stderr) = place.run(&["check", "--fix", "--dry-run"]);
    assert_eq!((code, patch.as_str()), (Some(1), PATCH), "{stderr}");
    let expected_message = "topology.toml: 4 corrections possible, nothing was written\n";
    assert!(stderr.starts_with(expected_message), "{stderr}");
    assert!(stderr.ends_with("topology.toml: 3 errors\n"), "of the unchanged file: {stderr}");
    assert_eq!(place.tree(), before);
}

#[test]
fn corrections_are_applied_in_place_and_once() {
    let place = with_mistakes();
    let (code, patch, stderr) = place.run(&["check", "--fix"]);
    assert_eq!((code, patch.as_str()), (Some(1), PATCH), "{stderr}");
    assert!(stderr.starts_with("topology.toml: 4 corrections made\n"), "{stderr}");
    assert!(stderr.contains("public-key-missing"), "remaining errors: {stderr}");
    let corrected = place.read("topology.toml");
    assert!(corrected.contains("# 东京") && corrected.ends_with("# the end\n"), "{corrected}");

    assert_eq!(place.run(&["keys"]).0, Some(0));
    let (code, patch, stderr) = place.run(&["check", "--fix"]);
    let nothing = "--fix has nothing to correct\n";
    assert_eq!((code, patch.as_str()), (Some(0), ""));
    assert!(stderr.starts_with(nothing), "{stderr}");
    let (_, json, patch) = with_mistakes().run(&["check", "--fix", "--format", "json"]);
    assert!(serde_json::from_str::<serde_json::Value>(&json).is_ok(), "{json}");
    assert!(patch.starts_with("--- a/topology.toml"), "{patch}");
}

#[test]
fn malformed_toml_is_not_changed() {
    let place = Place::with("[cluster\n");
    let before = place.tree();
    let (code, stdout, stderr) = place.run(&["check", "--fix"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.contains("error[toml-syntax]"), "{stderr}");
    assert_eq!(place.tree(), before);
    let dry = "error: the following required arguments were not provided:\n  --fix\n";
    let (code, _, stderr) = place.run(&["check", "--dry-run"]);
    assert!(code == stderr_only(2, "").0 && stderr.starts_with(dry), "{stderr}");
}

/// The correction of a finding removes the finding and causes no other error.
#[test]
fn every_correction_removes_its_finding() {
    let mut corrected = 0;
    for (name, text) in fixtures() {
        let compilation = compile_text(&name, text);
        let found = &compilation.report.diagnostics;
        let changes: Vec<&Change> = found.iter().filter_map(|one| one.change.as_ref()).collect();
        if changes.is_empty() {
            continue;
        }
        let (after, count) = correction::apply(&compilation.document, &changes);
        assert_eq!(count, changes.len(), "{name}");
        let left = compile_text(&name, after.clone()).report.diagnostics;
        assert_eq!(left, [], "{name} became\n{after}");
        corrected += 1;
    }
    assert!(corrected >= 10, "{corrected} fixtures offer a change");
}
