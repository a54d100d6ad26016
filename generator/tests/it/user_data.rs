//! User-data against the rest of the tree: the same bytes, at the places and with the modes that
//! hosts have, and none of the mistakes that `cloud-init schema` lets through (unknown keys at the
//! top, keys given twice).

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use meshwright_compiler::artifact::Tree;
use meshwright_compiler::plan::{NodePlan, Plan};
use meshwright_compiler::render::Rendering;
use meshwright_compiler::render::host_tree;
use serde_json::Value;
use tempfile::TempDir;

use crate::proof::{Files, emitted, prove};
use crate::testing::{compile, compile_text, read as read_folder, repository, topologies};

const FIRST_BOOT_SCRIPT: &str = "host/first-boot/meshwright-node";

/// A file of a host: its mode, its text.
type HostFile = (String, String);

/// The largest first boot of a small mesh: three nodes with mirrors, packages and a client.
#[test]
fn three_nodes_with_mirrors_packages_and_a_client_fit() {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let path = folder.path().join("topology.toml");
    fs::write(&path, LARGE_FIRST_BOOT).expect("writable");
    let plan = compile(&path).plan.expect("it is accepted");
    let rendering = Rendering::new(&plan);
    for (position, node) in plan.nodes.iter().enumerate() {
        let own = texts(&rendering, position + 1);
        let user_data = &own[&format!("nodes/{}/user-data.yaml", node.name)];
        let (size, limit) = (user_data.len(), node.provider.user_data_limit);
        assert_eq!(limit, 16_384);
        assert!(size <= limit, "{}: {size} bytes", node.name);
    }
}

/// What grows with the mesh comes with the first delivery.
#[test]
fn the_first_boot_of_a_large_mesh_fits() {
    let mut text = "[cluster]\nname = \"orbit\"\nkubernetes_version = \"1.37.2\"\n".to_owned();
    for id in 1_u8..=200 {
        let role = if id <= 3 { "control-plane" } else { "worker" };
        let key = STANDARD.encode([id; 32]);
        text.push_str(&format!(
            "\n[[nodes]]\nname = \"node{id}\"\nid = {id}\nrole = \"{role}\"\nendpoint = \"203.0.113.{id}\"\npublic_key = \"{key}\"\n"
        ));
    }
    let plan = compile_text("topology.toml", text).plan.expect("it is accepted");
    let rendering = Rendering::new(&plan);
    for node in [1, 200] {
        let own = texts(&rendering, node);
        let user_data = &own[&format!("nodes/node{node}/user-data.yaml")];
        assert!(user_data.len() <= 16_384, "node{node}: {} bytes", user_data.len());
    }
}

/// The table of the first boot has fewer rules: none of them may be one that closes the public side.
#[test]
fn the_first_boot_has_the_public_side_of_its_node() {
    let sides = |files: &Files| -> Vec<String> {
        let proof = prove(files);
        let is_of_public_side = |code: &str| code.starts_with("public-side-");
        let findings = proof.findings.iter().filter(|one| is_of_public_side(&one.code.to_string()));
        findings.map(|one| format!("{} {}", one.code, proof.paths.show(one.place))).collect()
    };
    let mut judged = 0;
    for topology in topologies() {
        let whole = emitted(&topology);
        let first_boots =
            whole.iter().filter(|(path, _)| path.ends_with("/first-boot/nftables.conf"));
        let mut booted = whole.clone();
        for (path, table) in first_boots {
            judged += 1;
            booted.insert(path.replace("first-boot/", ""), table.clone());
        }
        assert_eq!(sides(&booted), [""; 0], "{topology}");
    }
    assert!(judged > 20, "only {judged} nodes have a first boot");
    let mut open = emitted("topology.toml");
    let table = open["nodes/tokyo/first-boot/nftables.conf"].clone();
    let widened =
        table.replacen("    counter comment \"closed\"\n", "    tcp dport 8080 accept\n", 1);
    open.insert("nodes/tokyo/nftables.conf".to_owned(), widened);
    assert_eq!(sides(&open), ["public-side-open nodes/tokyo/nftables.conf:39"]);
}

const LARGE_FIRST_BOOT: &str = r#"
[cluster]
name = "orbit"
kubernetes_version = "1.37.2"

[firewall]
ssh_from = ["198.51.100.0/24", "2001:db8:1::/48"]

[images]
mirrors = { "registry.k8s.io" = ["https://mirror.example.com/k8s", "https://second.example.com/k8s"], "quay.io" = ["https://mirror.example.com/quay"], "docker.io" = ["https://mirror.example.com/docker"] }

[packages]
kubernetes_apt = "https://mirror.example.com/kubernetes"
containerd_apt = "https://mirror.example.com/docker"
fingerprints = ["0123456789ABCDEF0123456789ABCDEF01234567"]

[[nodes]]
name = "frankfurt"
id = 1
role = "control-plane"
os = "debian-13"
endpoint = "203.0.113.1"
public_key = "NayNjZtB0ZqbX60CIQ/1v3Ik0eXLEZODZiEgAx6Mr0o="

[[nodes]]
name = "amsterdam"
id = 2
role = "control-plane"
os = "ubuntu-24.04"
endpoint = "dynamic.example.com"
public_key = "MIUzNygZnLcBRFP5PZ8sy1C+o1jlqvh3UxOeNQRjjDc="
open_ports = ["80/tcp", "443/tcp"]

[[nodes]]
name = "luxembourg"
id = 3
role = "control-plane"
os = "debian-12"
endpoint = "203.0.113.3"
public_key = "+qqV9YSJ4Y3Pm2GeQ+8/ehhMhYM+RLc0ve88tv8rbS4="

[[clients]]
name = "laptop"
id = 200
public_key = "0mMYuhc9Bsyr4+mPZUgehwndu7BqVcpP5i7yKIyGjFo="
"#;

#[test]
fn user_data_of_every_example_is_the_tree_itself() {
    let mut judged = 0;
    for topology in topologies() {
        let plan = compile(&repository().join(topology)).plan.expect("it is accepted");
        let rendering = Rendering::new(&plan);
        let cluster = texts(&rendering, 0);
        for (position, node) in plan.nodes.iter().enumerate() {
            let own = texts(&rendering, position + 1);
            judged += usize::from(judge(&plan, node, &cluster, &own));
        }
    }
    assert!(judged > 20, "only {judged} nodes have user-data");
}

pub(crate) fn texts(rendering: &Rendering<'_>, part: usize) -> BTreeMap<String, String> {
    let artifacts = rendering.render(part);
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("artifacts are text");
    artifacts.iter().map(|(path, bytes)| (path.to_owned(), text(bytes))).collect()
}

/// Compares the user-data of a node with its files. Returns whether the node has user-data.
fn judge(
    plan: &Plan,
    node: &NodePlan,
    cluster: &BTreeMap<String, String>,
    own: &BTreeMap<String, String>,
) -> bool {
    let user_data = own.get(&format!("nodes/{}/user-data.yaml", node.name));
    assert_eq!(user_data.is_none(), node.os.is_nixos(), "{}", node.name);
    let Some(user_data) = user_data else { return false };
    assert!(user_data.len() <= node.provider.user_data_limit, "{}: too large", node.name);
    assert_eq!(user_data.lines().next(), Some("#cloud-config"));
    let mut expected = BTreeMap::new();
    for (artifact, text) in cluster.iter().chain(own) {
        let Some(path) = host_tree::place(artifact, &node.name, &plan.wireguard.interface) else {
            continue;
        };
        if COMES_WITH_THE_DELIVERY.iter().any(|start| path.starts_with(start)) {
            continue;
        }
        // The whole script and the whole firewall come with the first delivery.
        let text = match path.as_str() {
            host_tree::SCRIPT => &cluster[FIRST_BOOT_SCRIPT],
            host_tree::FIREWALL => &own[&format!("nodes/{}/first-boot/nftables.conf", node.name)],
            _ => text,
        };
        let mode = host_tree::mode(&path).octal();
        expected.insert(path, (mode.to_owned(), text.clone()));
    }
    assert_eq!(read(user_data, node), expected, "{}", node.name);
    true
}

/// Files that `prepare` does not use.
const COMES_WITH_THE_DELIVERY: &[&str] = &[
    "/etc/haproxy/",
    "/etc/kubernetes/",
    "/etc/meshwright/api-server/",
    "/etc/meshwright/hosts",
    "/etc/systemd/system/kubelet.service.d/",
    "/etc/systemd/system/meshwright-backup.",
    "/etc/systemd/system/meshwright-bootstrap.service",
    "/etc/systemd/system/meshwright-metrics.",
    "/etc/systemd/system/meshwright-relays.",
    "/etc/systemd/system/meshwright-resolve.",
    "/etc/systemd/system/meshwright-watch.",
    "/etc/systemd/system/wg-quick@",
    "/etc/wireguard/",
];

/// The files of user-data; it holds nothing else but a hostname and one command.
pub(crate) fn read(user_data: &str, node: &NodePlan) -> BTreeMap<String, HostFile> {
    let Value::Object(config) = serde_saphyr::from_str(user_data).expect("YAML, each key once")
    else {
        unreachable!("user-data is a mapping")
    };
    let packed = config["bootcmd"][0][3].as_str().expect("a word");
    let expected = serde_json::json!({
        "hostname": node.name.as_str(),
        "manage_etc_hosts": false,
        "bootcmd": [["bash", "-c", "bash <(base64 -d <<<\"$0\" | gunzip)", packed]],
    });
    assert_eq!(Value::Object(config.clone()), expected);
    let head = "# grep -o 'H4sI.*' user-data.yaml | base64 -d | gunzip\n";
    assert!(user_data.contains(head) && packed.starts_with("H4sI"), "{}", node.name);
    written_by(&unpacked(packed))
}

/// The files that bash(1) writes when it runs the script, in another folder.
fn written_by(script: &str) -> BTreeMap<String, HostFile> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let begin = "exec bash $folder/usr/local/sbin/meshwright-node first-boot \"$@\"\n";
    let unpacking = script.strip_suffix(begin).expect("it begins").replacen(
        "folder=/var/lib/meshwright/first-boot\n",
        &format!("folder={}\n", folder.path().display()),
        1,
    );
    let done = Command::new("bash").args(["-c", &unpacking]).status().expect("bash");
    assert!(done.success(), "{unpacking}");
    let written = read_folder(folder.path()).into_iter();
    let files = written.filter_map(|(path, entry)| {
        let metadata = fs::metadata(folder.path().join(&path)).expect("it exists");
        let mode = format!("{:04o}", metadata.permissions().mode() & 0o7777);
        let text = String::from_utf8(entry.bytes?).expect("text");
        Some((format!("/{path}"), (mode, text)))
    });
    files.collect()
}

fn unpacked(content: &str) -> String {
    let packed = STANDARD.decode(content).expect("base64");
    let mut text = String::new();
    GzDecoder::new(&*packed).read_to_string(&mut text).expect("gzip");
    text
}
