//! Where each file lies on a Debian or Ubuntu host, and with which mode: the one source for
//! user-data and for what `export` sends.

use crate::artifact::ArtifactSet;
use crate::render::NodeView;
use meshwright_value::{InterfaceName, Name};

/// Who owns every file of ours, as chown(1) takes it.
pub const OWNER: &str = "root:root";

/// The one program of ours on a host.
pub const SCRIPT: &str = "/usr/local/sbin/meshwright-node";

/// Where the init node finds what it applies: `cluster/` of the output directory.
pub const CLUSTER_FOLDER: &str = "/etc/meshwright/cluster";

/// Where the init node finds the cluster's Secrets.
pub const SECRETS_FOLDER: &str = "/etc/meshwright/secrets";

/// Where kubeadm looks for authorities before it makes its own.
pub const PKI_FOLDER: &str = "/etc/kubernetes/pki";

/// What `export` has sent last, each file with its checksum. A host without it waits.
pub const MARKER: &str = "/etc/meshwright/delivery";

/// Who may do what with a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Mode {
    /// Read by everyone.
    Plain,
    /// Read by root alone; wg-quick(8) warns of every other mode.
    Private,
    /// Run by everyone.
    Program,
}

/// One file of a host, with the bytes of an artifact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostFile<'a> {
    /// Its absolute path on the host.
    pub path: String,
    /// Who may do what with it.
    pub mode: Mode,
    /// Its bytes.
    pub content: &'a [u8],
}

impl Mode {
    /// As a number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o644,
            Self::Private => 0o600,
            Self::Program => 0o755,
        }
    }

    /// In octal, as chmod(1) takes it.
    #[must_use]
    pub const fn octal(self) -> &'static str {
        match self {
            Self::Plain => "0644",
            Self::Private => "0600",
            Self::Program => "0755",
        }
    }
}

/// Every file of one host without a secret, by its path. `artifacts` are the node's own.
#[must_use]
pub fn files<'a>(view: &NodeView<'a>, artifacts: &'a ArtifactSet) -> Vec<HostFile<'a>> {
    let interface = &view.plan.wireguard.interface;
    let files = view.host.iter().chain(artifacts.iter()).filter_map(|(artifact, content)| {
        let path = place(artifact, &view.node.name, interface)?;
        Some(HostFile { mode: mode(&path), path, content })
    });
    let mut files: Vec<_> = files.collect();
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// The absolute path on a node's host of one file of the output directory; `None` for what it has no
/// use for.
#[must_use]
pub fn place(artifact: &str, node: &Name, interface: &InterfaceName) -> Option<String> {
    if let Some(file) = artifact.strip_prefix("host/") {
        return place_of_host_file(file);
    }
    let file = artifact.strip_prefix(&format!("nodes/{node}/"))?;
    place_of_node_file(file, interface.as_str())
}

/// The place of a file of `nodes/<node>/`.
fn place_of_node_file(file: &str, interface: &str) -> Option<String> {
    let is_of_interface = file.split_once('.').is_some_and(|(stem, _)| stem == interface);
    match file {
        "nftables.conf" | "node.env" => Some(format!("/etc/meshwright/{file}")),
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
        // It lies at the script's place, but in user-data alone.
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

/// The mode of a file on a host, by its absolute path.
#[must_use]
pub fn mode(path: &str) -> Mode {
    let is_private = path.starts_with("/etc/wireguard/") && path.ends_with(".conf");
    match path {
        SCRIPT => Mode::Program,
        _ if is_private => Mode::Private,
        _ => Mode::Plain,
    }
}

#[cfg(test)]
mod tests {
    use super::{mode, place_of_host_file, place_of_node_file};
    use crate::render::{CLUSTER, NODE};

    /// Each registered file of a host with its place: a new one without a place would reach no host.
    #[test]
    fn every_file_of_a_host_has_its_place() {
        let cluster = CLUSTER.iter().flat_map(|renderer| renderer.outputs);
        let outputs = cluster.chain(NODE.iter().flat_map(|renderer| renderer.outputs));
        let paths = outputs.map(|output| output.path.replace("<interface>", "wg0"));
        let mut places: Vec<_> = paths.filter_map(|path| line(&path)).collect();
        places.sort();
        assert_eq!(places.join("\n"), PLACES);
    }

    fn line(artifact: &str) -> Option<String> {
        let (file, place) = match artifact.strip_prefix("nodes/<node>/") {
            Some(file) => (file, place_of_node_file(file, "wg0")),
            None => (artifact, place_of_host_file(artifact.strip_prefix("host/")?)),
        };
        let Some(place) = place else { return Some(format!("{file} has no place of its own")) };
        Some(format!("{place} {}", mode(&place).octal()))
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
/etc/meshwright/guards.routes 0644
/etc/meshwright/hosts 0644
/etc/meshwright/nftables.conf 0644
/etc/meshwright/node.env 0644
/etc/modules-load.d/meshwright.conf 0644
/etc/needrestart/conf.d/meshwright.conf 0644
/etc/sysctl.d/90-meshwright.conf 0644
/etc/systemd/networkd.conf.d/meshwright.conf 0644
/etc/systemd/system/kubelet.service.d/20-meshwright.conf 0644
/etc/systemd/system/meshwright-bootstrap.service 0644
/etc/systemd/system/meshwright-firewall.service 0644
/etc/systemd/system/meshwright-guards.service 0644
/etc/systemd/system/meshwright-resolve.service 0644
/etc/systemd/system/meshwright-resolve.timer 0644
/etc/systemd/system/wg-quick@wg0.service.d/meshwright.conf 0644
/etc/wireguard/wg0.conf 0600
/etc/wireguard/wg0.endpoints 0644
/etc/wireguard/wg0.routes 0644
/usr/local/sbin/meshwright-node 0755
host/first-boot/meshwright-node has no place of its own
node.json has no place of its own
user-data.yaml has no place of its own";
}
