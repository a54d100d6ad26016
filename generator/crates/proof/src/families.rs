//! The families of files: each path of a tree belongs to exactly one, which decides how its bytes are
//! accounted for.

/// One family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileFamily {
    /// The path below the output directory. `<node>`, `<client>` and `<registry>` are one folder of any
    /// name, `<manifest>` is one file of any name, `<zone>` any text, `<interface>` is the name of the interface.
    pub pattern: &'static str,
    /// How it is accounted for.
    pub account: Account,
    /// Which trees have it.
    pub need: Need,
}

/// How the bytes of a family are accounted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// A reader knows each construct, and refuses every other one with its line.
    Modelled,
    /// A reader judges what affects packets. Each further key and value is compared, as data, with what the
    /// caller of the proof expects (`fixed::FixedFiles`).
    Objects,
    /// It is compared with the text that the caller of the proof expects (`fixed::FixedFiles`).
    Fixed(Compared),
    /// Only people read it.
    Prose,
}

/// What must be equal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Compared {
    /// Every byte.
    Bytes,
    /// Every line that is neither empty nor a comment: the program that reads it ignores these.
    Statements,
}

/// Which trees have a family.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Need {
    /// Each tree.
    Tree,
    /// Each tree, once for each node.
    Node,
    /// Each tree, once for each client.
    Client,
    /// Some trees: another file decides.
    Other,
}

impl Account {
    /// A few words for a table.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Modelled => "modelled",
            Self::Objects => "modelled, and as data",
            Self::Fixed(Compared::Bytes) => "fixed, every byte",
            Self::Fixed(Compared::Statements) => "fixed, without comments",
            Self::Prose => "prose",
        }
    }
}

impl Need {
    /// A few words for a table.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Tree => "each tree",
            Self::Node => "each node",
            Self::Client => "each client",
            Self::Other => "some trees or nodes",
        }
    }
}

const fn modelled(pattern: &'static str, need: Need) -> FileFamily {
    FileFamily { pattern, account: Account::Modelled, need }
}

const fn objects(pattern: &'static str, need: Need) -> FileFamily {
    FileFamily { pattern, account: Account::Objects, need }
}

const fn script(pattern: &'static str) -> FileFamily {
    FileFamily { pattern, account: Account::Fixed(Compared::Bytes), need: Need::Tree }
}

const fn fixed(pattern: &'static str, need: Need) -> FileFamily {
    FileFamily { pattern, account: Account::Fixed(Compared::Statements), need }
}

/// All families.
pub const FAMILIES: &[FileFamily] = &[
    FileFamily { pattern: "README.md", account: Account::Prose, need: Need::Tree },
    FileFamily { pattern: "versions.toml", account: Account::Prose, need: Need::Other },
    modelled("manifest.json", Need::Other),
    modelled("clients/<client>/<interface>.conf", Need::Client),
    modelled("nodes/<node>/<interface>.conf", Need::Node),
    modelled("nodes/<node>/<interface>.endpoints", Need::Other),
    modelled("nodes/<node>/<interface>.peers", Need::Node),
    modelled("nodes/<node>/<interface>.relays", Need::Other),
    modelled("nodes/<node>/<interface>.routes", Need::Node),
    fixed("nodes/<node>/api-server/admission.yaml", Need::Other),
    fixed("nodes/<node>/api-server/audit.yaml", Need::Other),
    fixed("nodes/<node>/api-server/authentication.yaml", Need::Other),
    modelled("nodes/<node>/kubeadm.yaml", Need::Node),
    modelled("nodes/<node>/nftables.conf", Need::Node),
    modelled("nodes/<node>/node.json", Need::Node),
    modelled("nodes/<node>/patches/kube-apiserver0+json.yaml", Need::Other),
    modelled("nodes/<node>/patches/kubeletconfiguration0+merge.yaml", Need::Node),
    modelled("nodes/<node>/user-data.yaml", Need::Other),
    fixed("nodes/<node>/first-boot/nftables.conf", Need::Other),
    fixed("nodes/<node>/node.env", Need::Node),
    modelled("nodes/<node>/upgrade.yaml", Need::Node),
    modelled("host/guards.routes", Need::Tree),
    modelled("host/haproxy.cfg", Need::Other),
    modelled("host/hosts", Need::Tree),
    script("host/first-boot/meshwright-node"),
    script("host/meshwright-node"),
    fixed("host/containerd/certs.d/<registry>/hosts.toml", Need::Other),
    fixed("host/containerd/config.toml", Need::Tree),
    fixed("host/modules-load.conf", Need::Tree),
    fixed("host/needrestart.conf", Need::Tree),
    fixed("host/network-manager.conf", Need::Tree),
    fixed("host/networkd.conf", Need::Tree),
    fixed("host/sysctl.conf", Need::Tree),
    fixed("host/systemd/kubelet.service.d/20-meshwright.conf", Need::Tree),
    fixed("host/systemd/meshwright-backup.service", Need::Tree),
    fixed("host/systemd/meshwright-backup.timer", Need::Tree),
    fixed("host/systemd/meshwright-bootstrap.service", Need::Tree),
    fixed("host/systemd/meshwright-firewall.service", Need::Tree),
    fixed("host/systemd/meshwright-guards.service", Need::Tree),
    fixed("host/systemd/meshwright-metrics.service", Need::Tree),
    fixed("host/systemd/meshwright-metrics.timer", Need::Tree),
    fixed("host/systemd/meshwright-prepare.service", Need::Tree),
    fixed("host/systemd/meshwright-relays.service", Need::Tree),
    fixed("host/systemd/meshwright-resolve.service", Need::Tree),
    fixed("host/systemd/meshwright-resolve.timer", Need::Tree),
    fixed("host/systemd/meshwright-watch.service", Need::Tree),
    fixed("host/systemd/meshwright-watch.timer", Need::Tree),
    fixed("host/systemd/wg-quick@<interface>.service.d/meshwright.conf", Need::Tree),
    fixed("cluster/access.yaml", Need::Other),
    script("cluster/apply.sh"),
    fixed("cluster/calico/bgp-password.rbac.yaml", Need::Other),
    objects("cluster/calico/bgp.yaml", Need::Tree),
    objects("cluster/calico/felix.yaml", Need::Tree),
    objects("cluster/calico/installation.yaml", Need::Tree),
    objects("cluster/calico/ip-pools.yaml", Need::Other),
    objects("cluster/calico/ipam.yaml", Need::Tree),
    objects("cluster/calico/metadata.policy.yaml", Need::Tree),
    fixed("cluster/calico/pod-annotations.policy.yaml", Need::Tree),
    objects("cluster/cloudflared/cloudflared.yaml", Need::Other),
    objects("cluster/cloudflared/configuration.json", Need::Other),
    modelled("cluster/cloudflared/<zone>.zone", Need::Other),
    objects("cluster/cloudflared/namespace.yaml", Need::Other),
    fixed("cluster/coredns/coredns.patch.yaml", Need::Tree),
    fixed("cluster/coredns/kube-dns.patch.yaml", Need::Tree),
    objects("cluster/hello/hello.yaml", Need::Other),
    objects("cluster/ingress-nginx/namespace.yaml", Need::Other),
    objects("cluster/ingress-nginx/networkpolicy.yaml", Need::Other),
    objects("cluster/ingress-nginx/values.yaml", Need::Other),
    objects("cluster/kube-proxy/kube-proxy.patch.yaml", Need::Tree),
    modelled("cluster/overlays/<manifest>", Need::Other),
    modelled("cluster/own/ingress/values.yaml", Need::Other),
    objects("cluster/traefik/ingressclass.yaml", Need::Other),
    objects("cluster/traefik/namespace.yaml", Need::Other),
    objects("cluster/traefik/networkpolicy.yaml", Need::Other),
    objects("cluster/traefik/values.yaml", Need::Other),
];

/// The family of a path; none for a file that no program of the cluster reads.
#[must_use]
pub fn family(path: &str, interface: &str) -> Option<&'static FileFamily> {
    FAMILIES.iter().find(|family| family.contains(path, interface))
}

impl FileFamily {
    /// Whether a path belongs to it.
    fn contains(&self, path: &str, interface: &str) -> bool {
        let (mut wanted, mut parts) = (self.pattern.split('/'), path.split('/'));
        loop {
            match (wanted.next(), parts.next()) {
                (None, None) => return true,
                (Some(wanted), Some(part)) if is_part(wanted, part, interface) => {}
                _ => return false,
            }
        }
    }

    /// Its paths that every tree with these machines has.
    pub(crate) fn needed(
        &self,
        interface: &str,
        nodes: &[String],
        clients: &[String],
    ) -> Vec<String> {
        let path = self.pattern.replace("<interface>", interface);
        match self.need {
            Need::Tree => vec![path],
            Need::Node => nodes.iter().map(|node| path.replace("<node>", node)).collect(),
            Need::Client => clients.iter().map(|client| path.replace("<client>", client)).collect(),
            Need::Other => Vec::new(),
        }
    }
}

fn is_part(wanted: &str, part: &str, interface: &str) -> bool {
    if matches!(wanted, "<node>" | "<client>" | "<registry>" | "<manifest>") {
        return !part.is_empty();
    }
    if let Some(end) = wanted.strip_prefix("<zone>") {
        return part.strip_suffix(end).is_some_and(|zone| !zone.is_empty());
    }
    match wanted.split_once("<interface>") {
        None => wanted == part,
        Some((before, after)) => part
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|name| name == interface),
    }
}

#[cfg(test)]
mod tests {
    use super::{FAMILIES, family};

    #[test]
    fn a_path_has_one_family() {
        let table = [
            ("nodes/tokyo/wg0.conf", Some("nodes/<node>/<interface>.conf")),
            ("nodes/tokyo/wg1.conf", None),
            ("nodes/tokyo/patches/kube-scheduler0+merge.yaml", None),
            ("cluster/calico/deny.yaml", None),
            (
                "host/systemd/wg-quick@wg0.service.d/meshwright.conf",
                Some("host/systemd/wg-quick@<interface>.service.d/meshwright.conf"),
            ),
            ("host/systemd/wg-quick@wg1.service.d/meshwright.conf", None),
            ("cluster/cloudflared/example.com.zone", Some("cluster/cloudflared/<zone>.zone")),
            ("cluster/cloudflared/.zone", None),
            ("README.md/x", None),
            ("README", None),
        ];
        for (path, pattern) in table {
            assert_eq!(family(path, "wg0").map(|family| family.pattern), pattern, "{path}");
            let families = FAMILIES.iter().filter(|family| family.contains(path, "wg0"));
            assert!(families.count() <= 1, "{path}");
        }
    }
}
