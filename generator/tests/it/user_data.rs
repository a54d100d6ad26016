//! User-data against the rest of the tree: the same bytes, at the places and with the modes that
//! hosts have, and none of the mistakes that `cloud-init schema` lets through (unknown keys at the
//! top, keys given twice, relative paths).

#![expect(clippy::expect_used, reason = "clippy exempts only functions under #[test]")]

use std::collections::BTreeMap;
use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use meshwright_compiler::artifact::Tree;
use meshwright_compiler::plan::{NodePlan, Plan};
use meshwright_compiler::render::Rendering;
use meshwright_compiler::render::host_tree;
use serde_json::Value;

use crate::testing::{compile, repository, topologies};

const FIRST_BOOT_SCRIPT: &str = "host/first-boot/meshwright-node";

/// A file of a host: who owns it, its mode, its text.
type HostFile = (String, String, String);

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
    let left_out: Vec<_> = user_data.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
    let mut expected = BTreeMap::new();
    for (artifact, text) in cluster.iter().chain(own) {
        let Some(path) = host_tree::place(artifact, &node.name, &plan.wireguard.interface) else {
            continue;
        };
        // The whole script comes with the first delivery.
        let text = if path == host_tree::SCRIPT { &cluster[FIRST_BOOT_SCRIPT] } else { text };
        let mode = host_tree::mode(&path).octal();
        expected.insert(path, ("root:root".to_owned(), mode.to_owned(), text.clone()));
    }
    for path in left_out {
        assert!(expected.remove(path).is_some(), "{}: no {path} was left out", node.name);
    }
    assert_eq!(read(user_data, node), expected, "{}", node.name);
    true
}

/// The files of user-data; it holds nothing else but a hostname and one command.
pub(crate) fn read(user_data: &str, node: &NodePlan) -> BTreeMap<String, HostFile> {
    let Value::Object(mut config) = serde_saphyr::from_str(user_data).expect("YAML, each key once")
    else {
        unreachable!("user-data is a mapping")
    };
    let files = config.remove("write_files").expect("files");
    let rest = serde_json::json!({
        "hostname": node.name.as_str(),
        "manage_etc_hosts": false,
        "runcmd": [["/usr/local/sbin/meshwright-node", "prepare"]],
    });
    assert_eq!(Value::Object(config), rest);
    files.as_array().expect("a list").iter().map(read_file).collect()
}

fn read_file(file: &Value) -> (String, HostFile) {
    let Value::Object(mut file) = file.clone() else { unreachable!("a file is a mapping") };
    let mut take = |key: &str| match file.remove(key) {
        Some(Value::String(value)) => value,
        value => unreachable!("{key} is {value:?}"),
    };
    let [path, owner, mode, content] = ["path", "owner", "permissions", "content"].map(&mut take);
    assert!(path.starts_with('/') && !path.contains("/../"), "{path}");
    let encoding = file.remove("encoding");
    assert!(file.is_empty(), "{path} has {file:?}");
    let content = match encoding {
        None => content,
        Some(encoding) => {
            assert_eq!(encoding, "gz+b64");
            unpacked(&content)
        }
    };
    (path, (owner, mode, content))
}

fn unpacked(content: &str) -> String {
    let packed = STANDARD.decode(content).expect("base64");
    let mut text = String::new();
    GzDecoder::new(&*packed).read_to_string(&mut text).expect("gzip");
    text
}
