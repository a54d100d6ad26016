//! `user-data.yaml`: cloud-init's user-data of one node, the first boot of a Debian or Ubuntu host.
//!
//! It writes the host's files to their final paths, then runs `meshwright-node prepare`. It contains
//! no secret: user-data stays readable through the metadata service for the machine's life. Where the
//! files exceed the provider's limit as clear text, one compressed script carries all of them, since the
//! files are alike and each would be compressed alone. What still exceeds the limit is left to
//! `export`, which delivers every file anyway.

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
    runcmd: [&'a [&'a str]; 1],
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
    Some(document(&view.node.name, &files, view.node.provider.user_data_limit))
}

/// The document within `limit` bytes.
fn document(name: &Name, files: &[HostFile<'_>], limit: usize) -> UserData {
    if size(files) <= limit {
        let document = document_in_clear(name, files);
        if document.len() <= limit {
            return UserData { document, left_out: Vec::new() };
        }
    }
    let mut carried: Vec<_> = files.iter().collect();
    let mut left_out = Vec::new();
    leave_out(&mut carried, &mut left_out, HOPELESS * limit);
    loop {
        let document = packed_document(name, &carried, &left_out, limit);
        let before = carried.len();
        if document.len() > limit {
            // The rest compresses as well as the whole, more or less.
            let fitting = size(carried.iter().copied()) * limit / document.len();
            leave_out(&mut carried, &mut left_out, fitting);
        }
        if carried.len() == before {
            return UserData {
                document,
                left_out: left_out.into_iter().map(str::to_owned).collect(),
            };
        }
    }
}

fn size<'a>(files: impl IntoIterator<Item = &'a HostFile<'a>>) -> usize {
    files.into_iter().map(|file| file.content.len()).sum()
}

fn about(name: &Name) -> String {
    format!("the first boot of {name}; this file contains no secret")
}

fn document_in_clear(name: &Name, files: &[HostFile<'_>]) -> Vec<u8> {
    let write_files = files.iter().map(|file| WriteFile {
        path: &file.path,
        owner: OWNER,
        permissions: file.mode.octal(),
        encoding: None,
        content: text(file).into(),
    });
    let runcmd = [[SCRIPT, "prepare"].as_slice()];
    cloud_config(name, &about(name), write_files.collect(), runcmd)
}

fn packed_document(
    name: &Name,
    files: &[&HostFile<'_>],
    left_out: &[&str],
    limit: usize,
) -> Vec<u8> {
    let mut about = about(name);
    if !left_out.is_empty() {
        about.push_str(&format!(
            "\n`export` delivers these files, which exceed the provider's {limit} bytes:\n  "
        ));
        about.push_str(&left_out.join("\n  "));
    }
    let script = WriteFile {
        path: UNPACKING_SCRIPT,
        owner: OWNER,
        permissions: "0700".to_owned(),
        encoding: Some("gz+b64"),
        content: packed(unpacking_script(files).as_bytes()).into(),
    };
    cloud_config(name, &about, vec![script], [[UNPACKING_SCRIPT].as_slice()])
}

fn cloud_config(
    name: &Name,
    about: &str,
    write_files: Vec<WriteFile<'_>>,
    runcmd: [&[&str]; 1],
) -> Vec<u8> {
    let config = CloudConfig { hostname: name, manage_etc_hosts: false, write_files, runcmd };
    YamlFile::cloud_config(about).document(&config).finish()
}

/// The script that carries the files of a host.
const UNPACKING_SCRIPT: &str = "/usr/local/sbin/meshwright-first-boot";

/// The line that ends each file in the script: no file contains it.
const END: &str = "MESHWRIGHT-END";

/// cloud-init runs it again on a machine that was made from a copy of another one's disk.
const UNPACKING_HEAD: &str = r#"#!/bin/bash
# Writes the files of the first boot, then prepares this host. It keeps what a delivery has written.
set -eu
put() {
  mkdir -p "${2%/*}"
  cat >"$2"
  chmod "$1" "$2"
}
if [ ! -e /etc/meshwright/delivery ]; then
"#;
const UNPACKING_TAIL: &str = "fi\nexec /usr/local/sbin/meshwright-node prepare\n";

/// tar(1) would add a kilobyte of zeros to each file: the files would be farther apart than the 32 KiB
/// in which gzip looks for repetitions (RFC 1951).
fn unpacking_script(files: &[&HostFile<'_>]) -> String {
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

/// Compresses a file as cloud-init unpacks it. The same bytes for the same file: gzip's header gets
/// no time.
fn packed(content: &[u8]) -> String {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    let packed = encoder.write_all(content).and_then(|()| encoder.finish());
    STANDARD.encode(packed.unwrap_or_else(|fault| unreachable!("a Vec takes everything: {fault}")))
}

/// Text with keys compresses to a fourth at best: above this multiple of the limit, compression takes
/// long in a large mesh and does not suffice.
const HOPELESS: usize = 4;

/// Moves the paths of files that may be delivered later to `left_out`, until the rest has at most `size`
/// bytes.
fn leave_out<'a>(carried: &mut Vec<&'a HostFile<'a>>, left_out: &mut Vec<&'a str>, fitting: usize) {
    let mut total = size(carried.iter().copied());
    while total > fitting {
        let ranked = carried.iter().map(|file| leave_out_rank(file)).enumerate();
        let first = ranked.filter(|(_, rank)| rank.is_some()).max_by_key(|(_, rank)| *rank);
        let Some((position, _)) = first else { break };
        let file = carried.remove(position);
        total -= file.content.len();
        left_out.push(&file.path);
    }
    left_out.sort_unstable();
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
fn leave_out_rank(file: &HostFile<'_>) -> Option<(bool, usize)> {
    let is_below = |folder: &str| file.path.starts_with(folder);
    let waits = WAITS.iter().any(|start| is_below(start));
    let is_optional = is_below("/etc/meshwright/") && file.path != "/etc/meshwright/node.env";
    (waits || is_optional).then_some((waits, file.content.len()))
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
        let UserData { document, left_out } = document(&name, files, limit);
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
        assert_eq!(expected.len(), 448);
        assert_eq!(rendered(&files, 448), (expected.to_owned(), vec![]));
        assert!(rendered(&files, 447).0.contains("encoding: gz+b64"));
    }

    /// Bytes that do not compress, as a line of a file.
    fn noise(seed: u64, length: usize) -> String {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(seed | 1);
            char::from(b'a' + u8::try_from(state >> 60).unwrap())
        };
        (0..length).map(|_| next()).chain(['\n']).collect()
    }

    /// Each limit with the files that are left out; below the last limit, no further file can be.
    #[test]
    fn files_that_do_not_fit_compressed_are_left_out() {
        let texts: Vec<_> = (1..=7).map(|seed| noise(seed, 400)).collect();
        let paths = [
            "/etc/kubernetes/kubeadm.yaml",
            "/etc/meshwright/nftables.conf",
            "/etc/meshwright/node.env",
            "/etc/systemd/system/a.service",
            "/etc/wireguard/wg0.conf",
            "/etc/wireguard/wg0.routes",
            SCRIPT,
        ];
        let files = paths.iter().zip(&texts).map(|(path, text)| HostFile {
            path: (*path).to_owned(),
            mode: FileMode::Plain,
            content: text.as_bytes(),
        });
        let files: Vec<_> = files.collect();
        let waiting = [
            "/etc/kubernetes/kubeadm.yaml",
            "/etc/wireguard/wg0.conf",
            "/etc/wireguard/wg0.routes",
        ];
        let all = [&waiting[..1], &["/etc/meshwright/nftables.conf"], &waiting[1..]].concat();
        let table: &[(usize, &[&str])] = &[
            (3200, &[]),
            (2900, &waiting[2..]),
            (2500, &waiting[1..]),
            (2200, &waiting),
            (0, &all),
        ];
        for (limit, expected) in table {
            let (document, left_out) = rendered(&files, *limit);
            let listed: Vec<_> =
                document.lines().filter_map(|line| line.strip_prefix("#   ")).collect();
            assert_eq!(listed, left_out, "at {limit} bytes");
            assert_eq!(left_out, *expected, "at {limit} bytes");
            assert!(document.contains("encoding: gz+b64"), "at {limit} bytes");
            assert!(*limit == 0 || document.len() <= *limit, "{} of {limit}", document.len());
        }
    }
}
