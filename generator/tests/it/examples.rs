//! The committed trees are exactly those that `generate` writes: same files, same bytes, and no other
//! file.

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use meshwright_compiler::out::{self, MANIFEST, Options};
use meshwright_compiler::render::Rendering;
use meshwright_value::Sha256;
use serde_json::{Value, json};

use crate::testing::{self, compile, examples, human, render, repository};

#[test]
fn committed_trees_are_what_their_topologies_give() {
    for example in examples() {
        let topology = repository().join(&example);
        let out = topology.with_file_name("out");
        let remedy = format!("run `meshwright -t {example} generate` and commit it");
        assert_eq!(drift(&topology, &out), [""; 0], "{remedy}");
    }
}

/// The differences between a folder and the tree of a topology: those that `generate --check` reports,
/// and each file that is only on disk.
fn drift(topology: &Path, folder: &Path) -> Vec<String> {
    let compiled = compile(topology);
    assert_eq!(human(&compiled), "", "{} is not clean", topology.display());
    let plan = compiled.plan.expect("a clean topology has a plan");
    let rendered = render(&plan);
    let changes =
        out::compare(&Rendering::new(&plan), folder, Options::default()).expect("a whole tree");
    let lists =
        [("added", changes.added), ("changed", changes.changed), ("removed", changes.removed)];
    let listed = lists
        .into_iter()
        .flat_map(|(kind, paths)| paths.into_iter().map(move |path| format!("{kind} {path}")));
    let obstacles = changes.obstacles.into_keys().map(|path| format!("in the way {path}"));
    let on_disk = testing::read(folder).into_iter();
    let files = on_disk.filter(|(_, entry)| entry.bytes.is_some()).map(|(path, _)| path);
    let foreign = files.filter(|path| path != MANIFEST && !rendered.contains_key(path));
    listed.chain(obstacles).chain(foreign.map(|path| format!("foreign {path}"))).collect()
}

/// Changes a generated folder.
type TreeDamage = fn(&Path);

/// Each kind of difference is found in a copy that has it.
#[test]
fn a_difference_is_reported() {
    let topology = repository().join("examples/minimal/topology.toml");
    let plan = compile(&topology).plan.expect("it is accepted");
    let cases: [(TreeDamage, &[&str]); 6] = [
        (|_| (), &[]),
        (|out| append(&out.join("host/hosts")), &["changed host/hosts", "in the way host/hosts"]),
        (|out| fs::remove_file(out.join("host/hosts")).expect("removed"), &["added host/hosts"]),
        (|out| append(&out.join("host/notes")), &["foreign host/notes"]),
        (leave_stale, &["changed manifest.json", "removed host/old", "foreign host/old"]),
        (forget_mode, &["changed cluster/apply.sh"]),
    ];
    for (damage, expected) in cases {
        let folder = tempfile::tempdir().expect("a folder");
        out::write(&Rendering::new(&plan), folder.path(), Options::default()).expect("written");
        damage(folder.path());
        assert_eq!(drift(&topology, folder.path()), expected);
    }
}

fn append(file: &Path) {
    let text = fs::read_to_string(file).unwrap_or_default();
    fs::write(file, text + "\n").expect("written");
}

/// A file that an earlier run wrote, and that is no longer rendered.
fn leave_stale(out: &Path) {
    fs::write(out.join("host/old"), "old\n").expect("written");
    let manifest = out.join(MANIFEST);
    let text = fs::read_to_string(&manifest).expect("readable");
    let mut document: Value = serde_json::from_str(&text).expect("JSON");
    document["files"]["host/old"] = Sha256::compute(b"old\n").to_string().into();
    fs::write(&manifest, document.to_string()).expect("written");
}

fn forget_mode(out: &Path) {
    let plain = fs::Permissions::from_mode(0o644);
    fs::set_permissions(out.join("cluster/apply.sh"), plain).expect("set");
}

/// Calico's Installation accepts 25 pools (`maxItems` in its CRD). Each pool of a further node is an
/// object with the same properties.
#[test]
fn pools_without_room_in_the_installation_are_objects() {
    let topology = repository().join("generator/fixtures/accept/large-calico.toml");
    let compiled = compile(&topology);
    assert_eq!(human(&compiled), "");
    let plan = compiled.plan.expect("it is accepted");
    let files = render(&plan);
    let documents = |path: &str| -> Vec<Value> {
        let text = std::str::from_utf8(&files[path]).expect("text");
        text.split("---\n").map(|text| serde_saphyr::from_str(text).expect("YAML")).collect()
    };
    let installation = &documents("cluster/calico/installation.yaml")[0];
    let inside = installation["spec"]["calicoNetwork"]["ipPools"].as_array().expect("a list");
    assert_eq!(inside.len(), 25);
    // Calico's API server, which takes the other pools, runs on the control plane.
    assert_eq!(inside[24]["name"], "pods-bird27");

    let further = documents("cluster/calico/ip-pools.yaml");
    let last = json!({
        "apiVersion": "projectcalico.org/v3",
        "kind": "IPPool",
        "metadata": { "name": "pods-bird26" },
        "spec": {
            "cidr": "10.244.26.0/24",
            "blockSize": 24,
            "ipipMode": "Never",
            "vxlanMode": "Never",
            "natOutgoing": true,
            "nodeSelector": "kubernetes.io/hostname == 'bird26'",
            "allowedUses": ["Workload"],
        },
    });
    assert_eq!(further.last(), Some(&last));
    let inside = inside.iter().map(|pool| [&pool["name"], &pool["cidr"]]);
    let further = further.iter().map(|pool| [&pool["metadata"]["name"], &pool["spec"]["cidr"]]);
    let pools: BTreeMap<_, _> =
        inside.chain(further).map(|[name, cidr]| (text(name), text(cidr))).collect();
    let expected =
        plan.nodes.iter().map(|node| (format!("pods-{}", node.name), node.pod_subnet.to_string()));
    assert_eq!(pools, expected.collect());
}

fn text(value: &Value) -> String {
    value.as_str().expect("a string").to_owned()
}
