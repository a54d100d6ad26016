//! `user-data.yaml`: cloud-init's user-data of one node, the first boot of a Debian or Ubuntu host.
//!
//! It carries the files that a host uses before its first delivery, compressed in one script, since the files
//! are alike and each would be compressed alone. The script is an argument of `bootcmd`, which cloud-init runs
//! before it starts sshd, and before other units of the image on Ubuntu (`cloud-init.service`, observed with
//! cloud-init 22.4.2 and 25.1.4, 2026-11): the firewall is loaded then. `runcmd` is run minutes later.
//! It contains no secret: user-data stays readable through the metadata service for the machine's life.

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::render::host_files::FIRST_BOOT_SCRIPT;
use crate::render::host_tree::{self, FIREWALL, HostFile, SCRIPT};
use crate::render::nftables;
use crate::render::{NodeRenderer, NodeView, Output};
use meshwright_value::Name;

/// The registration.
pub(super) const RENDERER: NodeRenderer = NodeRenderer {
    id: "user_data",
    outputs: &[Output {
        path: "nodes/<node>/user-data.yaml",
        consumer: "cloud-init of Debian and Ubuntu, pasted as it is",
    }],
    render,
};

/// cloud-init's own keys (docs.cloud-init.io, "Module reference").
#[derive(Serialize)]
struct CloudConfig<'a> {
    hostname: &'a Name,
    /// Provider images that manage /etc/hosts rewrite it at each boot, and remove the API's name
    /// (kubesphere#5295).
    manage_etc_hosts: bool,
    /// One command, which cloud-init runs at each boot.
    bootcmd: [[&'a str; 4]; 1],
}

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    if let Some(user_data) = user_data(view, artifacts) {
        artifacts.add(view.path("user-data.yaml"), user_data);
    }
}

/// The user-data of a node whose other files are `artifacts`; a NixOS host has none.
pub(super) fn user_data(view: &NodeView<'_>, artifacts: &ArtifactSet) -> Option<Vec<u8>> {
    if view.node.os.is_nixos() {
        return None;
    }
    let mut files = host_tree::files(view, artifacts);
    files.retain(|file| !waits(&file.path));
    let firewall = view.path(nftables::FIRST_BOOT);
    for file in &mut files {
        match file.path.as_str() {
            SCRIPT => file.content = view.host.get(FIRST_BOOT_SCRIPT),
            FIREWALL => file.content = artifacts.get(&firewall),
            _ => {}
        }
    }
    Some(document(&view.node.name, &files))
}

fn document(name: &Name, files: &[HostFile<'_>]) -> Vec<u8> {
    let about = format!(
        "the first boot of {name}; this file contains no secret. To read it:\n\
         {READING}"
    );
    let script = packed(unpacking_script(files).as_bytes());
    let bootcmd = [["bash", "-c", RUNNING, &script]];
    let config = CloudConfig { hostname: name, manage_etc_hosts: false, bootcmd };
    YamlFile::cloud_config(&about).document(&config).finish()
}

/// Prints the script. `H4sI` is the start of each gzip file without a name (RFC 1952).
const READING: &str = "grep -o 'H4sI.*' user-data.yaml | base64 -d | gunzip";

/// Runs the script, which bash(1) has as `$0`.
const RUNNING: &str = "bash <(base64 -d <<<\"$0\" | gunzip)";

/// The line that ends each file in the script: no file contains it.
const END: &str = "MESHWRIGHT-END";

/// What the script contains before the files: it unpacks them into a folder. The program among them looks at this host
/// before it installs them.
const UNPACKING_HEAD: &str = r#"#!/bin/bash
set -eu
umask 022
folder=/var/lib/meshwright/first-boot
rm -rf $folder
put() {
  mkdir -p "$folder${2%/*}"
  cat >"$folder$2"
  chmod "$1" "$folder$2"
}
"#;

/// What the script contains after the files.
const UNPACKING_TAIL: &str = "exec bash $folder/usr/local/sbin/meshwright-node first-boot \"$@\"\n";

/// tar(1) would add a kilobyte of zeros to each file: the files would be farther apart than the 32 KiB
/// in which gzip looks for repetitions (RFC 1951).
fn unpacking_script(files: &[HostFile<'_>]) -> String {
    let mut script = UNPACKING_HEAD.to_owned();
    for file in files {
        let (mode, path) = (file.mode.octal(), &file.path);
        script.push_str(&format!("put {mode} {path} <<'{END}'\n{}{END}\n", text(file)));
    }
    script.push_str(UNPACKING_TAIL);
    script
}

fn text<'a>(file: &HostFile<'a>) -> &'a str {
    std::str::from_utf8(file.content).unwrap_or_else(|_| unreachable!("{} is text", file.path))
}

/// Compresses the script. The same bytes for the same script: gzip's header gets no time.
fn packed(content: &[u8]) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(content).and_then(|()| encoder.finish());
    STANDARD.encode(packed.unwrap_or_else(|fault| unreachable!("a Vec takes everything: {fault}")))
}

/// Files that a host does not use before its first delivery, which contains them.
const WAITS: &[&str] = &[
    "/etc/haproxy/",
    "/etc/kubernetes/",
    "/etc/meshwright/api-server/",
    "/etc/meshwright/hosts",
    "/etc/systemd/system/kubelet.service.d/",
    "/etc/systemd/system/meshwright-backup.",
    "/etc/systemd/system/meshwright-bootstrap.",
    "/etc/systemd/system/meshwright-metrics.",
    "/etc/systemd/system/meshwright-relays.",
    "/etc/systemd/system/meshwright-resolve.",
    "/etc/systemd/system/meshwright-watch.",
    "/etc/systemd/system/wg-quick@",
    "/etc/wireguard/",
];

/// Whether a file comes with the first delivery.
#[must_use]
pub(super) fn waits(path: &str) -> bool {
    WAITS.iter().any(|start| path.starts_with(start))
}

#[cfg(test)]
mod tests {
    use super::{document, waits};
    use crate::artifact::FileMode;
    use crate::render::host_tree::{HostFile, SCRIPT};
    use meshwright_value::{Name, Text as _};

    #[test]
    fn the_files_are_an_argument_of_the_only_command() {
        let file = HostFile {
            path: SCRIPT.to_owned(),
            mode: FileMode::Program,
            content: b"#!/bin/bash\n",
        };
        let written = document(&Name::parse("tokyo").unwrap(), &[file]);
        let text = String::from_utf8(written).unwrap();
        let (head, packed) = text.rsplit_once("H4sI").unwrap();
        let expected = r#"#cloud-config
# generated from topology.toml by meshwright; do not edit
# the first boot of tokyo; this file contains no secret. To read it:
# grep -o 'H4sI.*' user-data.yaml | base64 -d | gunzip
hostname: tokyo
manage_etc_hosts: false
bootcmd:
- - bash
  - -c
  - bash <(base64 -d <<<"$0" | gunzip)
  - "#;
        assert_eq!(head, expected);
        assert!(packed.ends_with('\n') && packed.lines().count() == 1, "{packed}");
    }

    #[test]
    fn files_of_the_mesh_and_of_kubeadm_wait() {
        for path in
            ["/etc/wireguard/wg0.conf", "/etc/kubernetes/kubeadm.yaml", "/etc/meshwright/hosts"]
        {
            assert!(waits(path), "{path}");
        }
        for path in ["/etc/meshwright/nftables.conf", "/etc/meshwright/node.env", SCRIPT] {
            assert!(!waits(path), "{path}");
        }
    }
}
