//! kube-proxy reads its configuration: the one that `kubeadm init` is given, and the one that a patch
//! puts in its place.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use crate::consumer::{Broken, TreeConsumer, Verdict, need};
use crate::kubeadm_init::{Founder, covers, yaml};
use crate::namespace::outside;

/// The judge.
pub(crate) const CONSUMER: TreeConsumer = TreeConsumer {
    name: "kube_proxy",
    tier: "api",
    needs: &[need("type kube-proxy", "no kube-proxy")],
    judge,
    broken: &[
        Broken {
            name: "a_key_of_the_patch_misspelt",
            path: PATCH,
            sound: "nodePortAddresses:",
            unsound: "nodePortAddress:",
            reason: r#"strict decoding error: unknown field \"nodePortAddress\""#,
        },
        Broken {
            name: "a_key_for_init_misspelt",
            path: "nodes/alpha/kubeadm.yaml",
            sound: "nodePortAddresses:",
            unsound: "nodePortAddress:",
            reason: r#"strict decoding error: unknown field \"nodePortAddress\""#,
        },
        Broken {
            name: "a_mode_that_is_none",
            path: PATCH,
            sound: "mode: nftables",
            unsound: "mode: nftable",
            reason: "must be iptables, ipvs, nftables or blank",
        },
        Broken {
            name: "a_subnet_that_is_none",
            path: "nodes/alpha/kubeadm.yaml",
            sound: "- 10.66.66.0/24",
            unsound: "- 10.66.66.0/33",
            reason: "must be a valid CIDR",
        },
        Broken {
            name: "a_name_as_an_address",
            path: PATCH,
            sound: "healthzBindAddress: 127.0.0.1:10256",
            unsound: "healthzBindAddress: localhost:10256",
            reason: "KubeProxyConfiguration.HealthzBindAddress",
        },
    ],
};

const PATCH: &str = "cluster/kube-proxy/kube-proxy.patch.yaml";

fn judge(tree: &Path) -> io::Result<Verdict> {
    let patch = yaml(&fs::read_to_string(tree.join(PATCH))?)?;
    let patch = patch["data"]["config.conf"].as_str().unwrap_or_default();
    let founder = Founder::find(tree)?;
    let init = founder.declared("KubeProxyConfiguration");
    for asked in [yaml(patch)?, init.clone()] {
        if let Verdict::Refused(reason) = load(&asked)? {
            return Ok(Verdict::Refused(reason));
        }
    }
    Ok(Verdict::Accepted)
}

/// It reads and checks the file as when it starts, and writes what it made of it. A key that it does
/// not know it only mentions.
fn load(asked: &Value) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        said=$(kube-proxy --config "$1" --write-config-to "$1.written" 2>&1) || { echo "$said"; exit 1; }
        ! grep -F 'Using lenient decoding' <<<"$said"
    "#;
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("config.conf");
    fs::write(&file, asked.to_string())?;
    let done = outside(SCRIPT, &file)?;
    if !done.status.success() {
        return Ok(Verdict::of(done));
    }
    let written = yaml(&fs::read_to_string(folder.path().join("config.conf.written"))?)?;
    let mut faults = Vec::new();
    covers("kube-proxy", asked, &written, &mut faults);
    Ok(if faults.is_empty() { Verdict::Accepted } else { Verdict::Refused(faults.join("\n")) })
}
