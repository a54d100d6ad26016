//! The place and the mode of each file on a Debian or Ubuntu host: the only source for user-data, for
//! the deliveries of `export`, and for the paths that a host accepts from a delivery.

use crate::artifact::{ArtifactSet, FileMode};
use crate::plan::host::{DISCOVERY_FILE, JOIN_CERTIFICATE, JOIN_KEY};
use crate::render::NodeView;
use meshwright_value::{InterfaceName, Name};

/// The owner of each of our files, as chown(1) reads it.
pub const OWNER: &str = "root:root";

/// Our program on a host.
pub const SCRIPT: &str = "/usr/local/sbin/meshwright-node";

/// The firewall of a host.
pub const FIREWALL: &str = "/etc/meshwright/nftables.conf";

/// The folder on the init node with `cluster/` of the output directory.
pub const CLUSTER_FOLDER: &str = "/etc/meshwright/cluster";

/// The folder on the init node with the cluster's Secrets.
pub const SECRETS_FOLDER: &str = "/etc/meshwright/secrets";

/// The folder in which kubeadm looks for CAs before it generates its own.
pub const PKI_FOLDER: &str = "/etc/kubernetes/pki";

/// The list of the files of the last delivery, with their checksums. A host without it waits for one.
pub const MARKER: &str = "/etc/meshwright/delivery";

/// One file of a host, with the bytes of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile<'a> {
    /// Its absolute path on the host.
    pub path: String,
    /// Its mode.
    pub mode: FileMode,
    /// Its bytes.
    pub content: &'a [u8],
}

/// A set of paths on a host that are ours: a pattern of case in bash(1), in which `*` matches every
/// text.
struct OwnedPaths {
    pattern: &'static str,
    mode: FileMode,
}

const fn owned(pattern: &'static str, mode: FileMode) -> OwnedPaths {
    OwnedPaths { pattern, mode }
}

/// The files that a delivery may write, and their modes; the first pattern that matches decides. A
/// host refuses every other path. Folders that are ours alone are listed whole: a host then accepts
/// the further files of a later version.
const OWNED_FILES: &[OwnedPaths] = &[
    owned(SCRIPT, FileMode::Program),
    owned(MARKER, FileMode::Private),
    owned("/etc/meshwright/cluster/apply.sh", FileMode::Program),
    owned("/etc/meshwright/secrets/*", FileMode::Private),
    owned("/etc/meshwright/api-server/encryption.yaml", FileMode::Private),
    owned("/etc/meshwright/*", FileMode::Plain),
    owned("/etc/wireguard/*.conf", FileMode::Private),
    owned("/etc/wireguard/*.key", FileMode::Private),
    owned("/etc/wireguard/*.psk/*", FileMode::Private),
    owned("/etc/wireguard/*", FileMode::Plain),
    owned("/etc/containerd/*", FileMode::Plain),
    owned("/etc/haproxy/haproxy.cfg", FileMode::Plain),
    owned("/etc/kubernetes/kubeadm.yaml", FileMode::Plain),
    owned("/etc/kubernetes/upgrade.yaml", FileMode::Plain),
    owned("/etc/kubernetes/patches/*", FileMode::Plain),
    owned("/etc/kubernetes/pki/*.key", FileMode::Private),
    owned("/etc/kubernetes/pki/*", FileMode::Plain),
    owned(DISCOVERY_FILE, FileMode::Private),
    owned(JOIN_CERTIFICATE, FileMode::Plain),
    owned(JOIN_KEY, FileMode::Private),
    owned("/etc/systemd/system/meshwright-*.service", FileMode::Plain),
    owned("/etc/systemd/system/meshwright-*.timer", FileMode::Plain),
    owned("/etc/systemd/system/*.service.d/*meshwright.conf", FileMode::Plain),
    owned("/etc/systemd/networkd.conf.d/meshwright.conf", FileMode::Plain),
    owned("/etc/modules-load.d/meshwright.conf", FileMode::Plain),
    owned("/etc/sysctl.d/90-meshwright.conf", FileMode::Plain),
    owned("/etc/NetworkManager/conf.d/meshwright.conf", FileMode::Plain),
    owned("/etc/needrestart/conf.d/meshwright.conf", FileMode::Plain),
];

/// The folders whose mode a delivery may set, since no other program has files in them.
const OWNED_FOLDERS: &[OwnedPaths] = &[
    owned("/etc/meshwright/secrets/", FileMode::Private),
    owned("/etc/meshwright/*", FileMode::Plain),
    owned("/etc/wireguard/*.psk/", FileMode::Private),
    owned("/etc/kubernetes/patches/", FileMode::Plain),
];

/// The patterns of the files that a delivery may write, without a leading slash.
pub(super) fn file_patterns() -> Vec<&'static str> {
    widest_patterns(OWNED_FILES)
}

/// The patterns of the folders whose mode a delivery may set, without a leading slash.
pub(super) fn folder_patterns() -> Vec<&'static str> {
    widest_patterns(OWNED_FOLDERS)
}

/// The patterns that no other pattern of the table includes.
fn widest_patterns(table: &[OwnedPaths]) -> Vec<&'static str> {
    let is_included = |pattern: &str| {
        table.iter().any(|other| other.pattern != pattern && matches(other.pattern, pattern))
    };
    let patterns = table.iter().map(|paths| paths.pattern);
    let widest = patterns.filter(|pattern| !is_included(pattern));
    widest.map(|pattern| pattern.trim_start_matches('/')).collect()
}

/// Whether a pattern matches a whole path, as in bash(1): `*` matches slashes too.
fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((start, end)) => path.strip_prefix(start).is_some_and(|rest| {
            rest.char_indices().any(|(position, _)| matches(end, &rest[position..]))
                || matches(end, "")
        }),
    }
}

/// The mode of a file on a host, by its absolute path.
///
/// # Panics
///
/// When the path is not ours: a bug, whatever the topology.
#[must_use]
pub fn mode(path: &str) -> FileMode {
    let paths = OWNED_FILES.iter().find(|paths| matches(paths.pattern, path));
    paths.unwrap_or_else(|| unreachable!("{path} is not in the table of a host's files")).mode
}

/// The mode of a folder on a host, by its absolute path with a slash at its end; none for a folder
/// in which other programs have files.
#[must_use]
pub fn folder_mode(path: &str) -> Option<u32> {
    let paths = OWNED_FOLDERS.iter().find(|paths| matches(paths.pattern, path));
    paths.map(|paths| paths.mode.folder_bits())
}

/// Every file of one host without a secret, by its path. `artifacts` are the node's own.
#[must_use]
pub fn files<'a>(view: &NodeView<'a>, artifacts: &'a ArtifactSet) -> Vec<HostFile<'a>> {
    let interface = &view.plan.wireguard.interface;
    let files = view.host.iter().chain(artifacts.iter()).filter_map(|(artifact, content)| {
        let path = place(artifact, &view.node.name, interface)?;
        Some(HostFile { mode: mode(&path), path, content })
    });
    let mut sorted: Vec<_> = files.collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    sorted
}

/// The absolute path on a node's host of one file of the output directory; `None` for a file that the
/// host does not use.
#[must_use]
pub fn place(artifact: &str, node: &Name, interface: &InterfaceName) -> Option<String> {
    if let Some(file) = artifact.strip_prefix("host/") {
        return place_of_host_file(file);
    }
    let file = artifact.strip_prefix(&format!("nodes/{node}/"))?;
    place_of_node_file(file, interface.as_str())
}

/// The absolute path on the init node of one file of `cluster/`, which it applies; `None` for another file.
#[must_use]
pub fn place_of_object_file(artifact: &str) -> Option<String> {
    artifact.strip_prefix("cluster/").map(|file| format!("{CLUSTER_FOLDER}/{file}"))
}

/// The place of a file of `nodes/<node>/`.
fn place_of_node_file(file: &str, interface: &str) -> Option<String> {
    // The name of an interface may contain dots.
    let is_of_interface = file.rsplit_once('.').is_some_and(|(stem, _)| stem == interface);
    match file {
        "nftables.conf" | "node.env" => Some(format!("/etc/meshwright/{file}")),
        _ if file.starts_with("api-server/") => Some(format!("/etc/meshwright/{file}")),
        "kubeadm.yaml" | "upgrade.yaml" => Some(format!("/etc/kubernetes/{file}")),
        _ if file.starts_with("patches/") => Some(format!("/etc/kubernetes/{file}")),
        _ if is_of_interface => Some(format!("/etc/wireguard/{file}")),
        _ => None,
    }
}

/// The place of a file of `host/`.
fn place_of_host_file(file: &str) -> Option<String> {
    match file {
        "meshwright-node" => Some(SCRIPT.to_owned()),
        // Only user-data contains it, at the place of the script.
        "first-boot/meshwright-node" => None,
        "guards.routes" | "hosts" => Some(format!("/etc/meshwright/{file}")),
        "modules-load.conf" => Some("/etc/modules-load.d/meshwright.conf".to_owned()),
        "sysctl.conf" => Some("/etc/sysctl.d/90-meshwright.conf".to_owned()),
        "networkd.conf" => Some("/etc/systemd/networkd.conf.d/meshwright.conf".to_owned()),
        "network-manager.conf" => Some("/etc/NetworkManager/conf.d/meshwright.conf".to_owned()),
        "needrestart.conf" => Some("/etc/needrestart/conf.d/meshwright.conf".to_owned()),
        "haproxy.cfg" => Some("/etc/haproxy/haproxy.cfg".to_owned()),
        _ if file.starts_with("containerd/") => Some(format!("/etc/{file}")),
        _ => file.strip_prefix("systemd/").map(|unit| format!("/etc/systemd/system/{unit}")),
    }
}

#[cfg(test)]
mod tests {
    use super::{
        file_patterns, folder_mode, folder_patterns, matches, mode, place_of_host_file,
        place_of_node_file,
    };
    use crate::render::{CLUSTER, NODE};

    #[test]
    fn an_interface_may_have_dots_in_its_name() {
        let place = |file| place_of_node_file(file, "wg-cluster.1");
        assert_eq!(place("wg-cluster.1.conf").as_deref(), Some("/etc/wireguard/wg-cluster.1.conf"));
        assert_eq!(place("wg-cluster.conf"), None);
    }

    /// Each registered file of a host with its place: no host would get a new file without a place.
    #[test]
    fn every_file_of_a_host_has_its_place() {
        let cluster = CLUSTER.iter().flat_map(|renderer| renderer.outputs);
        let outputs = cluster.chain(NODE.iter().flat_map(|renderer| renderer.outputs));
        let paths = outputs.map(|output| output.path.replace("<interface>", "wg0"));
        let mut places: Vec<_> = paths.filter_map(|path| line(&path)).collect();
        places.sort();
        let differing: Vec<_> = places
            .iter()
            .map(String::as_str)
            .filter(|place| !PLACES.lines().any(|line| line == *place))
            .chain(PLACES.lines().filter(|line| !places.iter().any(|place| place == line)))
            .collect();
        assert!(differing.is_empty(), "not both rendered and in PLACES:\n{}", differing.join("\n"));
    }

    fn line(artifact: &str) -> Option<String> {
        let (file, place) = match artifact.strip_prefix("nodes/<node>/") {
            Some(file) => (file, place_of_node_file(file, "wg0")),
            None => (artifact, place_of_host_file(artifact.strip_prefix("host/")?)),
        };
        let Some(place) = place else { return Some(format!("{file} has no place")) };
        Some(format!("{place} {}", mode(&place).octal()))
    }

    #[test]
    fn a_star_matches_every_text() {
        let table = [
            ("/etc/a", "/etc/a", true),
            ("/etc/a", "/etc/ab", false),
            ("/etc/a/*", "/etc/a/", true),
            ("/etc/a/*", "/etc/a/b/c", true),
            ("/etc/*.d/*m.conf", "/etc/x.d/20-m.conf", true),
            ("/etc/*.d/*m.conf", "/etc/x.d/20-m.config", false),
            ("/etc/*.psk/", "/etc/wg0.psk/", true),
        ];
        for (pattern, path, expected) in table {
            assert_eq!(matches(pattern, path), expected, "{pattern} {path}");
        }
    }

    /// The modes of secrets, which are not artifacts, and of folders.
    #[test]
    fn secrets_are_private() {
        for path in [
            "/etc/wireguard/wg0.key",
            "/etc/wireguard/wg0.psk/tokyo",
            "/etc/meshwright/secrets/tunnel.yaml",
            "/etc/meshwright/api-server/encryption.yaml",
            "/etc/meshwright/delivery",
            "/etc/kubernetes/pki/etcd/ca.key",
            "/etc/kubernetes/discovery.conf",
            "/etc/kubernetes/join.key",
        ] {
            assert_eq!(mode(path).octal(), "0600", "{path}");
        }
        let folders = ["/etc/meshwright/secrets/", "/etc/wireguard/wg0.psk/", "/etc/meshwright/"];
        assert_eq!(folders.map(folder_mode), [Some(0o700), Some(0o700), Some(0o755)]);
        assert_eq!(folder_mode("/etc/"), None);
    }

    #[test]
    fn a_host_gets_no_pattern_that_another_includes() {
        let files = file_patterns();
        assert!(files.contains(&"etc/meshwright/*") && !files.contains(&"etc/meshwright/delivery"));
        let folders = ["etc/meshwright/*", "etc/wireguard/*.psk/", "etc/kubernetes/patches/"];
        assert_eq!(folder_patterns(), folders);
    }

    const PLACES: &str = "\
/etc/NetworkManager/conf.d/meshwright.conf 0644
/etc/containerd/certs.d/<registry>/hosts.toml 0644
/etc/containerd/config.toml 0644
/etc/haproxy/haproxy.cfg 0644
/etc/kubernetes/kubeadm.yaml 0644
/etc/kubernetes/patches/kube-apiserver0+json.yaml 0644
/etc/kubernetes/patches/kubeletconfiguration0+merge.yaml 0644
/etc/kubernetes/upgrade.yaml 0644
/etc/meshwright/api-server/admission.yaml 0644
/etc/meshwright/api-server/audit.yaml 0644
/etc/meshwright/api-server/authentication.yaml 0644
/etc/meshwright/guards.routes 0644
/etc/meshwright/hosts 0644
/etc/meshwright/nftables.conf 0644
/etc/meshwright/node.env 0644
/etc/modules-load.d/meshwright.conf 0644
/etc/needrestart/conf.d/meshwright.conf 0644
/etc/sysctl.d/90-meshwright.conf 0644
/etc/systemd/networkd.conf.d/meshwright.conf 0644
/etc/systemd/system/kubelet.service.d/20-meshwright.conf 0644
/etc/systemd/system/meshwright-backup.service 0644
/etc/systemd/system/meshwright-backup.timer 0644
/etc/systemd/system/meshwright-bootstrap.service 0644
/etc/systemd/system/meshwright-firewall.service 0644
/etc/systemd/system/meshwright-guards.service 0644
/etc/systemd/system/meshwright-metrics.service 0644
/etc/systemd/system/meshwright-metrics.timer 0644
/etc/systemd/system/meshwright-prepare.service 0644
/etc/systemd/system/meshwright-relays.service 0644
/etc/systemd/system/meshwright-resolve.service 0644
/etc/systemd/system/meshwright-resolve.timer 0644
/etc/systemd/system/meshwright-watch.service 0644
/etc/systemd/system/meshwright-watch.timer 0644
/etc/systemd/system/wg-quick@wg0.service.d/meshwright.conf 0644
/etc/wireguard/wg0.conf 0600
/etc/wireguard/wg0.endpoints 0644
/etc/wireguard/wg0.peers 0644
/etc/wireguard/wg0.relays 0644
/etc/wireguard/wg0.routes 0644
/usr/local/sbin/meshwright-node 0755
first-boot/nftables.conf has no place
host/first-boot/meshwright-node has no place
node.json has no place
user-data.yaml has no place";
}
