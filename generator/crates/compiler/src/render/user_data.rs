//! `user-data.yaml`: cloud-init's user-data of one node, the first boot of a Debian or Ubuntu host.
//!
//! It writes the host's files to their final paths, then runs `meshwright-node prepare`. It contains
//! no secret: user-data stays readable through the metadata service for the machine's life. Files that
//! exceed the provider's limit are left to `export`, which delivers every file anyway.

use std::borrow::Cow;
use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Serialize;

use crate::artifact::ArtifactSet;
use crate::encode::yaml::YamlFile;
use crate::render::host_files::FIRST_BOOT_SCRIPT;
use crate::render::host_tree::{self, HostFile, OWNER, SCRIPT};
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
    write_files: Vec<WriteFile<'a>>,
    /// One command: runcmd has no `set -e`, and continues after a failure.
    runcmd: [[&'static str; 2]; 1],
}

#[derive(Serialize)]
struct WriteFile<'a> {
    path: &'a str,
    owner: &'static str,
    /// A string: YAML 1.1 reads 0644 as a number, which cloud-init's schema refuses.
    permissions: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    encoding: Option<&'static str>,
    content: Cow<'a, str>,
    /// The maximum size of the entry, in bytes.
    #[serde(skip)]
    size: usize,
}

/// The document of one node.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct UserData {
    /// Its bytes.
    pub document: Vec<u8>,
    /// The paths of files that did not fit: `export` delivers them.
    pub left_out: Vec<String>,
}

fn render(view: &NodeView<'_>, artifacts: &mut ArtifactSet) {
    if let Some(user_data) = user_data(view, artifacts) {
        artifacts.add(view.path("user-data.yaml"), user_data.document);
    }
}

/// The user-data of a node whose other files are `artifacts`; a NixOS host has none.
pub(super) fn user_data(view: &NodeView<'_>, artifacts: &ArtifactSet) -> Option<UserData> {
    if view.node.os.is_nixos() {
        return None;
    }
    let mut files = host_tree::files(view, artifacts);
    for script in files.iter_mut().filter(|file| file.path == SCRIPT) {
        script.content = view.host.get(FIRST_BOOT_SCRIPT);
    }
    let limit = view.node.provider.user_data_limit;
    Some(document(&view.node.name, &files, view.packed_script, limit))
}

/// Compresses a file as cloud-init unpacks it. The same bytes for the same file: gzip's header gets
/// no time.
pub(super) fn packed(content: &[u8]) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(content).and_then(|()| encoder.finish());
    STANDARD.encode(packed.unwrap_or_else(|fault| unreachable!("a Vec takes everything: {fault}")))
}

/// The document within `limit` bytes: all files in plain text; if that is too large, with the script and
/// the largest files compressed; if that is still too large, without some files.
fn document(name: &Name, files: &[HostFile<'_>], packed_script: &str, limit: usize) -> UserData {
    let mut about = format!("the first boot of {name}; this file contains no secret");
    let mut carried: Vec<_> = files.iter().map(WriteFile::of).collect();
    if size(&carried) > limit {
        pack_script(&mut carried, packed_script);
    }
    pack_largest(&mut carried, limit);
    let left_out = leave_out(&mut carried, limit);
    if !left_out.is_empty() {
        about.push_str(&format!(
            "\n`export` delivers these files, which exceed the provider's {limit} bytes:\n  "
        ));
        about.push_str(&left_out.join("\n  "));
    }
    let config = CloudConfig {
        hostname: name,
        manage_etc_hosts: false,
        write_files: carried,
        runcmd: [[SCRIPT, "prepare"]],
    };
    UserData {
        document: YamlFile::cloud_config(&about).document(&config).finish(),
        left_out: left_out.into_iter().map(str::to_owned).collect(),
    }
}

/// The script is the largest file of a small mesh; its plain text is in `host/first-boot/`.
fn pack_script<'a>(carried: &mut [WriteFile<'a>], packed: &'a str) {
    for file in carried.iter_mut().filter(|file| file.path == SCRIPT) {
        file.carry_packed(packed.into());
    }
}

/// The minimum size of a file to compress, in bytes.
const WORTH_PACKING: usize = 256;

/// Text with keys compresses to a fourth at best: above this multiple of the limit, compression takes
/// long in a large mesh and does not suffice.
const HOPELESS: usize = 4;

/// Packs one file after the other, the largest first, until all fit.
fn pack_largest(carried: &mut [WriteFile<'_>], limit: usize) {
    if size(carried) > HOPELESS * limit {
        return;
    }
    while size(carried) > limit {
        let in_clear = carried.iter_mut().filter(|file| file.encoding.is_none());
        let packable = in_clear.filter(|file| file.content.len() >= WORTH_PACKING);
        let Some(largest) = packable.max_by_key(|file| file.size) else { break };
        largest.carry_packed(packed(largest.content.as_bytes()).into());
    }
}

/// Removes files that may be delivered later, until the rest fits, and returns their paths.
fn leave_out<'a>(carried: &mut Vec<WriteFile<'a>>, limit: usize) -> Vec<&'a str> {
    let mut left_out = Vec::new();
    let mut total = size(carried);
    while total > limit {
        let ranked = carried.iter().map(leave_out_rank).enumerate();
        let first = ranked.filter(|(_, rank)| rank.is_some()).max_by_key(|(_, rank)| *rank);
        let Some((position, _)) = first else { break };
        let WriteFile { path, size, .. } = carried.remove(position);
        total = total - size + COMMENT + path.len();
        left_out.push(path);
    }
    left_out.sort_unstable();
    left_out
}

/// Paths that a host does not use before its first delivery.
const WAITS: [&str; 8] = [
    "/etc/haproxy/",
    "/etc/kubernetes/",
    "/etc/meshwright/hosts",
    "/etc/systemd/system/kubelet.service.d/",
    "/etc/systemd/system/meshwright-bootstrap.",
    "/etc/systemd/system/meshwright-resolve.",
    "/etc/systemd/system/wg-quick@",
    "/etc/wireguard/",
];

/// The file with the highest rank is left out first: first the largest files for kubeadm and the mesh,
/// then those of the firewall. `prepare` needs all other files.
fn leave_out_rank(file: &WriteFile<'_>) -> Option<(bool, usize)> {
    let is_below = |folder: &str| file.path.starts_with(folder);
    let waits = WAITS.iter().any(|start| is_below(start));
    let is_optional = is_below("/etc/meshwright/") && file.path != "/etc/meshwright/node.env";
    (waits || is_optional).then_some((waits, file.size))
}

/// The maximum size of a document with these files, in bytes.
fn size(files: &[WriteFile<'_>]) -> usize {
    /// Comments, hostname and command.
    const REST: usize = 400;
    REST + files.iter().map(|file| file.size).sum::<usize>()
}

/// The bytes of a comment line beside its path: `#   ` and the line break.
const COMMENT: usize = 5;

impl<'a> WriteFile<'a> {
    fn of(file: &'a HostFile<'_>) -> Self {
        let content = std::str::from_utf8(file.content)
            .unwrap_or_else(|_| unreachable!("{} is text", file.path));
        let (path, permissions) = (&file.path, file.mode.octal());
        let mut carried =
            Self { path, owner: OWNER, permissions, encoding: None, content: "".into(), size: 0 };
        carried.carry(content.into());
        carried
    }

    /// Each line is indented, and the keys are lines of their own: 82 bytes of them with `encoding`.
    fn carry(&mut self, content: Cow<'a, str>) {
        const INDENT: usize = 4;
        const KEYS: usize = 82;
        self.size = KEYS + self.path.len() + content.len() + INDENT * content.lines().count();
        self.content = content;
    }

    fn carry_packed(&mut self, packed: Cow<'a, str>) {
        self.carry(packed);
        self.encoding = Some("gz+b64");
    }
}

#[cfg(test)]
mod tests {
    use super::{UserData, document};
    use crate::artifact::FileMode;
    use crate::render::host_tree::{HostFile, SCRIPT};
    use meshwright_value::{Name, Text};

    fn file(path: &str, content: &'static str) -> HostFile<'static> {
        let mode = if path == SCRIPT { FileMode::Program } else { FileMode::Plain };
        HostFile { path: path.to_owned(), mode, content: content.as_bytes() }
    }

    fn rendered(files: &[HostFile<'_>], limit: usize) -> (String, Vec<String>) {
        let name = Name::parse("tokyo").unwrap();
        let UserData { document, left_out } = document(&name, files, "H4sI", limit);
        (String::from_utf8(document).unwrap(), left_out)
    }

    #[test]
    fn files_that_fit_are_plain_text() {
        let files = [file("/etc/wireguard/wg0.conf", "a\n\n# b\n"), file(SCRIPT, "#!/bin/bash\n")];
        let expected = "\
#cloud-config
# generated from topology.toml by meshwright; do not edit
# the first boot of tokyo; this file contains no secret
hostname: tokyo
manage_etc_hosts: false
write_files:
- path: /etc/wireguard/wg0.conf
  owner: root:root
  permissions: \"0644\"
  content: |
    a

    # b
- path: /usr/local/sbin/meshwright-node
  owner: root:root
  permissions: \"0755\"
  content: |
    #!/bin/bash
runcmd:
- - /usr/local/sbin/meshwright-node
  - prepare
";
        assert_eq!(rendered(&files, 1000), (expected.to_owned(), vec![]));
    }

    /// Each limit with the files that are left out; below the last limit, no further file can be.
    #[test]
    fn files_that_do_not_fit_are_compressed_then_left_out() {
        let ten = "0123456789\n0123456789\n0123456789\n0123456789\n0123456789\n";
        let files = [
            file("/etc/kubernetes/kubeadm.yaml", ten),
            file("/etc/meshwright/nftables.conf", ten),
            file("/etc/meshwright/node.env", ten),
            file("/etc/systemd/system/a.service", ten),
            file("/etc/wireguard/wg0.conf", ten),
            file("/etc/wireguard/wg0.routes", "0\n"),
            file(SCRIPT, ten),
        ];
        let table: &[(usize, &[&str])] = &[
            (1619, &[]),
            (1618, &[]),
            (1500, &["/etc/kubernetes/kubeadm.yaml"]),
            (1300, &["/etc/kubernetes/kubeadm.yaml", "/etc/wireguard/wg0.conf"]),
            (
                1200,
                &[
                    "/etc/kubernetes/kubeadm.yaml",
                    "/etc/wireguard/wg0.conf",
                    "/etc/wireguard/wg0.routes",
                ],
            ),
            (
                0,
                &[
                    "/etc/kubernetes/kubeadm.yaml",
                    "/etc/meshwright/nftables.conf",
                    "/etc/wireguard/wg0.conf",
                    "/etc/wireguard/wg0.routes",
                ],
            ),
        ];
        for (limit, expected) in table {
            let (document, left_out) = rendered(&files, *limit);
            let listed: Vec<_> =
                document.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
            assert_eq!(listed, left_out, "at {limit} bytes");
            assert_eq!(left_out, *expected, "at {limit} bytes");
            assert_eq!(document.contains("encoding: gz+b64"), *limit < 1619, "at {limit} bytes");
            assert!(*limit == 0 || document.len() <= *limit, "{} of {limit}", document.len());
        }
    }
}
