//! kube-proxy reads its configurations: the one for `kubeadm init`, and the one of the patch.

use std::fs;
use std::io;
use std::path::Path;

use libtest_mimic::Failed;
use serde_json::Value;
use tempfile::TempDir;

use crate::consumer::{BrokenFile, ConsumerVerdict, TreeConsumer, need};
use crate::expect::expect_text;
use crate::kubeadm_init::{InitNode, compare_declared, yaml};
use crate::namespace::outside;
use crate::{render, testing};

/// The consumer.
pub(crate) const CONSUMER: TreeConsumer = TreeConsumer {
    name: "kube_proxy",
    tier: "api",
    needs: &[need("type kube-proxy", "no kube-proxy")],
    judge,
    broken: &[
        BrokenFile {
            name: "a_misspelt_key_of_the_patch",
            path: PATCH,
            original: "nodePortAddresses:",
            replacement: "nodePortAddress:",
            reason: r#"strict decoding error: unknown field \"nodePortAddress\""#,
        },
        BrokenFile {
            name: "a_misspelt_key_for_init",
            path: "nodes/alpha/kubeadm.yaml",
            original: "nodePortAddresses:",
            replacement: "nodePortAddress:",
            reason: r#"strict decoding error: unknown field \"nodePortAddress\""#,
        },
        BrokenFile {
            name: "an_unknown_mode",
            path: PATCH,
            original: "mode: nftables",
            replacement: "mode: nftable",
            reason: "must be iptables, ipvs, nftables or blank",
        },
        BrokenFile {
            name: "an_invalid_subnet",
            path: "nodes/alpha/kubeadm.yaml",
            original: "- 10.66.66.0/24",
            replacement: "- 10.66.66.0/33",
            reason: "must be a valid CIDR",
        },
        BrokenFile {
            name: "a_name_as_an_address",
            path: PATCH,
            original: "healthzBindAddress: 127.0.0.1:10256",
            replacement: "healthzBindAddress: localhost:10256",
            reason: "KubeProxyConfiguration.HealthzBindAddress",
        },
    ],
};

const PATCH: &str = "cluster/kube-proxy/kube-proxy.patch.yaml";

fn judge(tree: &Path) -> io::Result<ConsumerVerdict> {
    let config_map = yaml(&fs::read_to_string(tree.join(PATCH))?)?;
    let patch = config_map["data"]["config.conf"].as_str().unwrap_or_default();
    let init_node = InitNode::find(tree)?;
    let init = init_node.declared("KubeProxyConfiguration");
    for config in [yaml(patch)?, init.clone()] {
        if let ConsumerVerdict::Refused(reason) = load(&config)? {
            return Ok(ConsumerVerdict::Refused(reason));
        }
    }
    Ok(ConsumerVerdict::Accepted)
}

/// The timeout of IPVS reaches kube-proxy's own type.
pub(crate) fn reads_the_timeout_of_ipvs() -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let topology = fs::read_to_string(testing::repository().join("topology.toml"))?;
    let topology = topology.replacen("[kube_proxy]\n", "[kube_proxy]\ntcp_timeout = 86400\n", 1);
    let file = folder.path().join("topology.toml");
    fs::write(&file, topology)?;
    let tree = folder.path().join("out");
    render(&file, &tree);
    let patch = fs::read_to_string(tree.join(PATCH))?;
    expect_text(&patch, "      tcpTimeout: 24h0m0s\n")?;
    match judge(&tree)? {
        ConsumerVerdict::Accepted => Ok(()),
        ConsumerVerdict::Refused(reason) => Err(reason.into()),
    }
}

/// kube-proxy reads and checks the file as when it starts, and writes the result. For an unknown key it only
/// prints a message.
fn load(config: &Value) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        output=$(kube-proxy --config "$1" --write-config-to "$1.written" 2>&1) || { echo "$output"; exit 1; }
        ! grep -F 'Using lenient decoding' <<<"$output"
    "#;
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("config.conf");
    fs::write(&file, config.to_string())?;
    let done = outside(SCRIPT, &file)?;
    if !done.status.success() {
        return Ok(ConsumerVerdict::from_output(done));
    }
    let written = yaml(&fs::read_to_string(folder.path().join("config.conf.written"))?)?;
    let mut faults = Vec::new();
    compare_declared("kube-proxy", config, &written, &mut faults);
    Ok(if faults.is_empty() {
        ConsumerVerdict::Accepted
    } else {
        ConsumerVerdict::Refused(faults.join("\n"))
    })
}
