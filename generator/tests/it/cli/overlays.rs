//! Manifests beside the topology.

use std::fs;

use super::Place;

const OBJECT: &str = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n";

#[test]
fn manifests_are_carried_and_proven() {
    let place = Place::complete();
    fs::create_dir(place.path().join("overlays")).unwrap();
    place.write("overlays/10-a.yaml", OBJECT);
    place.write("overlays/20-b.yaml", &OBJECT.replace("ConfigMap", "IPPool"));
    place.write("overlays/README.md", "not a manifest\n");
    let (code, _, stderr) = place.run(&["generate"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(place.read("out/cluster/overlays/10-a.yaml"), OBJECT);
    let (code, table, stderr) = place.run(&["prove"]);
    assert_eq!(code, Some(0), "{stderr}");
    let named = "\nNot judged, because the proof does not know what it changes:\n  \
                 IPPool a: it changes the network of pods or nodes\n      cluster/overlays/20-b.yaml:1\n";
    assert!(table.ends_with(named), "{table}");

    fs::remove_file(place.path().join("overlays/20-b.yaml")).unwrap();
    let (code, _, stderr) = place.run(&["generate"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(!place.path().join("out/cluster/overlays/20-b.yaml").exists());
}

#[test]
fn all_that_cannot_be_carried_is_named_and_nothing_is_written() {
    let place = Place::complete();
    fs::create_dir_all(place.path().join("overlays/folder.yaml")).unwrap();
    place.write("overlays/a.yml", OBJECT);
    place.write("overlays/b.yaml", &format!("{OBJECT}---\nkind: [\n"));
    place.write("overlays/c.yaml", &OBJECT.replace("ConfigMap", "Secret"));
    let (code, _, stderr) = place.run(&["generate"]);
    assert_eq!(code, Some(2), "{stderr}");
    for named in [
        "overlays/a.yml: its name is not one such as `10-monitoring.yaml`",
        "overlays/b.yaml:",
        "overlays/c.yaml:1: a Secret must not be here",
        "overlays/folder.yaml: this is not a file",
    ] {
        assert!(stderr.contains(named), "{named}: {stderr}");
    }
    assert!(!place.path().join("out").exists());
}
