//! The short list: changes that leave a tree sound, each with its reason.

use ipnet::Ipv4Net;

use super::{Damage, Trial};
use meshwright_proof::families::{Account, Compared, family};

/// Changes of lines with a certain text in the files of one family.
struct SoundChange {
    family: &'static str,
    /// A part of the line; empty for each line, and for the file as a whole.
    line: &'static str,
    kind: SoundKind,
    reason: &'static str,
}

/// Which changes are sound.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SoundKind {
    /// The line may be absent.
    Absent,
    /// Its values may be others.
    Other,
    /// Both.
    Both,
    /// The file may be empty.
    Empty,
}

const fn absent(family: &'static str, line: &'static str, reason: &'static str) -> SoundChange {
    SoundChange { family, line, kind: SoundKind::Absent, reason }
}

const fn other(family: &'static str, line: &'static str, reason: &'static str) -> SoundChange {
    SoundChange { family, line, kind: SoundKind::Other, reason }
}

const fn both(family: &'static str, line: &'static str, reason: &'static str) -> SoundChange {
    SoundChange { family, line, kind: SoundKind::Both, reason }
}

const fn empty(family: &'static str, reason: &'static str) -> SoundChange {
    SoundChange { family, line: "", kind: SoundKind::Empty, reason }
}

const HAPROXY: &str = "host/haproxy.cfg";
const FIREWALL: &str = "nodes/<node>/nftables.conf";
const INTERFACE: &str = "nodes/<node>/<interface>.conf";
const CLIENT: &str = "clients/<client>/<interface>.conf";
const ENDPOINTS: &str = "nodes/<node>/<interface>.endpoints";
const KUBEADM: &str = "nodes/<node>/kubeadm.yaml";
const KUBELET: &str = "nodes/<node>/patches/kubeletconfiguration0+merge.yaml";
const VALUES: &str = "cluster/own/ingress/values.yaml";
const MANIFEST: &str = "cluster/overlays/<manifest>";
const JSON: &str = "nodes/<node>/node.json";

const SOUND: &[SoundChange] = &[
    empty("README.md", "only people read it; it is named as edited"),
    both("README.md", "", "only people read it; it is named as edited"),
    both(
        "manifest.json",
        "\": \"",
        "only the next `generate` reads it; the file is named as edited",
    ),
    empty(ENDPOINTS, "the other end has an endpoint of this node: see `is_called_back`"),
    both(HAPROXY, "balance roundrobin", "it is haproxy's default"),
    absent(HAPROXY, "user haproxy", "haproxy then keeps the user that starts it"),
    absent(HAPROXY, "group haproxy", "haproxy then keeps the group that starts it"),
    absent(HAPROXY, "log ", "haproxy then writes no log"),
    absent(HAPROXY, "mode tcp", "it is haproxy's default"),
    both(HAPROXY, "timeout ", "without it haproxy warns and waits for ever"),
    absent(HAPROXY, "option httpchk", "the check is a TLS handshake"),
    absent(HAPROXY, "http-check expect", "each answer of 2xx or 3xx is then good"),
    other(
        HAPROXY,
        "  server ",
        "the name of a server is in messages only; the address is compared",
    ),
    other(HAPROXY, "  default-server ", "haproxy works with every number of failed checks"),
    both(FIREWALL, "comment \"pod to client\"", "no flow from a pod to a client is followed"),
    both(FIREWALL, "elements = {", "the rules with this set are repeated at the other end"),
    absent(FIREWALL, "auto-merge", "no two elements of the set overlap"),
    absent(FIREWALL, "    counter comment \"", "it counts, and the policy drops"),
    absent(
        FIREWALL,
        "ct state established,related accept",
        "the rules of the first packet match later ones",
    ),
    both(FIREWALL, "@clients jump client_", "a tree without clients has no packet for it"),
    both(
        FIREWALL,
        "@clients_to_",
        "the rule is repeated where the client enters, or has no client",
    ),
    both(
        FIREWALL,
        "counter drop comment \"client",
        "the end of the chain is a drop, or no client enters here",
    ),
    other(FIREWALL, "  chain ", "no rule names a base chain"),
    other(
        FIREWALL,
        "type filter hook",
        "another priority on the same side of conntrack and Calico",
    ),
    both(
        INTERFACE,
        "PersistentKeepalive",
        "the other end sends keepalives, or the interval is short enough",
    ),
    both(CLIENT, "PersistentKeepalive", "the interval is short enough"),
    absent(
        CLIENT,
        "Endpoint",
        "a server learns it from the call of the node: see `is_called_back`",
    ),
    absent(
        INTERFACE,
        "Endpoint",
        "the other end has an endpoint of this node: see `is_called_back`",
    ),
    absent(ENDPOINTS, "", "the other end has an endpoint of this node: see `is_called_back`"),
    other(
        CLIENT,
        "PostUp = wg set %i private-key",
        "the file of a client is its user's, and an assumption",
    ),
    other(
        CLIENT,
        "AllowedIPs",
        "a client may send more into the mesh: the firewalls of nodes decide",
    ),
    other(JSON, "\"underlay_mtu\": ", "packets of the mesh fit into a larger one"),
    other(JSON, "\"mtu\": ", "packets of pods and of the tunnel fit into it"),
    other(JSON, "\"persistent_keepalive\": ", "the interval is short enough"),
    both(KUBEADM, "controlPlaneComponentHealthCheck", "kubeadm's default is shorter"),
    both(KUBEADM, "discovery: 10m0s", "kubeadm's default is shorter"),
    both(KUBEADM, "etcdAPICall", "kubeadm's default is shorter"),
    both(KUBEADM, "kubernetesAPICall", "kubeadm's default is shorter"),
    both(KUBEADM, "tlsBootstrap", "kubeadm's default is shorter"),
    other(KUBEADM, "healthzBindAddress: 127.0.0.1:10256", "it is a loopback address still"),
    absent(KUBEADM, "bindPort: 6443", "it is kubeadm's default"),
    both(KUBEADM, "encryptionAlgorithm", "every algorithm is accepted"),
    both(KUBEADM, "  - k8s-api", "kubeadm adds the endpoint's name"),
    both(KUBEADM, "  - api.orbit", "kubeadm adds the endpoint's name"),
    both(KUBEADM, "  - \"", "kubeadm adds the advertised address"),
    both(KUBEADM, "  - api.example.com", "a name that the user has added to the certificate"),
    other(KUBEADM, "      value: \"1", "etcd's intervals; etcd accepts each that is close"),
    other(
        KUBEADM,
        "    - name: heartbeat-interval",
        "another name is an argument of the user's own, and etcd has its default",
    ),
    other(KUBEADM, "dnsDomain: ", "only the origin of a tunnel has it too"),
    absent(KUBEADM, "dataDir: /var/lib/etcd", "it is kubeadm's default"),
    both(KUBEADM, "readOnly: true", "the API server writes no file of this folder"),
    absent(KUBEADM, "cgroupDriver: systemd", "it is kubeadm's default"),
    absent(KUBEADM, "scheduler: rr", "it is kube-proxy's default"),
    absent(KUBEADM, "strictARP: false", "it is kube-proxy's default"),
    absent(KUBEADM, "excludeCIDRs: []", "it is kube-proxy's default"),
    other(
        "nodes/<node>/node.env",
        "MESHWRIGHT_DELIVERY=",
        "a message of the host; no other file has the SSH target",
    ),
    other("cluster/apply.sh", "url[", "an assumption: no other file has the address of a download"),
    other(
        "cluster/apply.sh",
        "sha256[",
        "an assumption: no other file has the checksum of a download",
    ),
    absent(
        "cluster/cloudflared/<zone>.zone",
        "hello.example.com. ",
        "the record of the wildcard serves it",
    ),
    absent(
        "cluster/kube-proxy/kube-proxy.patch.yaml",
        "scheduler: rr",
        "it is kube-proxy's default",
    ),
    absent("cluster/kube-proxy/kube-proxy.patch.yaml", "strictARP", "it is kube-proxy's default"),
    absent(
        "cluster/kube-proxy/kube-proxy.patch.yaml",
        "excludeCIDRs",
        "it is kube-proxy's default",
    ),
    absent("cluster/calico/installation.yaml", "variant: Calico", "it is the operator's default"),
    absent("cluster/calico/installation.yaml", "assignmentMode", "it is the operator's default"),
    absent("cluster/calico/installation.yaml", "disable", "it is the operator's default"),
    absent("cluster/calico/ipam.yaml", "maxBlocksPerHost", "it is Calico's default"),
    absent("cluster/calico/bgp.yaml", "logSeverityScreen", "it is Calico's default"),
];

/// Why a change leaves the tree sound.
pub(super) fn reason(trial: &Trial<'_>) -> Option<&'static str> {
    let line = trial.line();
    let is_whole = matches!(trial.damage, Damage::Deleted | Damage::Emptied);
    if !is_whole && is_comment(trial, line) {
        return Some("a comment, or an empty line");
    }
    if trial.damage == Damage::Emptied && trial.text().lines().all(|line| is_comment(trial, line)) {
        return Some("it has nothing but comments");
    }
    if is_of_objects(trial) && !is_whole {
        return Some(
            "compared as data: `objects/latitude.rs` has what may differ, with its reason",
        );
    }
    if is_rule_of_ipvs(trial) && !is_whole {
        return Some("only the mode ipvs leaves the address of a Service in a packet at input");
    }
    if is_setting(trial) {
        return Some("another setting, which the proof knows to be harmless, or names");
    }
    if matches!(trial.damage, Damage::OtherValue(..))
        && masked(&trial.changed_line()) == masked(line)
    {
        return Some("the bits behind a prefix have no effect");
    }
    let fits = |known: &&SoundChange| {
        let is_kind = match trial.damage {
            Damage::Deleted => false,
            Damage::Garbled(_) => known.kind == SoundKind::Both && known.line.is_empty(),
            Damage::Emptied => known.kind == SoundKind::Empty,
            Damage::WithoutLine(_) => matches!(known.kind, SoundKind::Absent | SoundKind::Both),
            Damage::OtherValue(..) => matches!(known.kind, SoundKind::Other | SoundKind::Both),
        };
        is_kind && known.family == trial.pattern && line.contains(known.line)
    };
    let found = SOUND.iter().find(fits)?;
    let is_endpoint = found.family == ENDPOINTS || found.line == "Endpoint";
    (!is_endpoint || is_called_back(trial)).then_some(found.reason)
}

/// The rule for packets to Services from pods, in a tree whose kube-proxy translates them before the input chain.
fn is_rule_of_ipvs(trial: &Trial<'_>) -> bool {
    let line = trial.line().trim();
    let is_in_nftables_mode =
        || trial.tree.files["cluster/kube-proxy/kube-proxy.patch.yaml"].contains("mode: nftables");
    trial.pattern == FIREWALL
        && line.starts_with("ip daddr ")
        && line.ends_with(" accept")
        && is_in_nftables_mode()
}

/// Arguments and fields on which a flow depends are not among them.
fn is_setting(trial: &Trial<'_>) -> bool {
    let line = trial.line();
    match (trial.pattern, trial.damage) {
        (KUBELET, Damage::OtherValue(..) | Damage::WithoutLine(_)) => !line.starts_with("address"),
        (VALUES | MANIFEST, Damage::OtherValue(..) | Damage::WithoutLine(_)) => true,
        (KUBEADM, Damage::OtherValue(..)) => {
            let is_argument = line.starts_with("  - name: ") || line.starts_with("    value: ");
            let is_of_etcd = line.starts_with("    - name: ") || line.starts_with("      value: ");
            let ours = ["node-ip", "node-labels", "allocate-node-cidrs", "\"false\"", "10.66.66."];
            (is_argument || is_of_etcd) && !ours.iter().any(|word| line.contains(word))
        }
        (KUBEADM, Damage::WithoutLine(_)) => line.trim_start().starts_with("extraArgs:"),
        _ => false,
    }
}

fn is_of_objects(trial: &Trial<'_>) -> bool {
    let family = family(trial.path, &trial.tree.interface).expect("it has a family");
    family.account == Account::Objects
}

/// Scripts are compared with their comments, and a part of user-data is a file of the host.
fn is_comment(trial: &Trial<'_>, line: &str) -> bool {
    let family = family(trial.path, &trial.tree.interface).expect("it has a family");
    let begin = if trial.pattern.ends_with(".zone") { ';' } else { '#' };
    let is_script = family.account == Account::Fixed(Compared::Bytes);
    let is_in_host = trial.pattern.ends_with("user-data.yaml")
        && (line.starts_with("#   ") || !line.starts_with("# "));
    (line.is_empty() || line.trim_start().starts_with(begin)) && !is_script && !is_in_host
}

/// A line whose prefixes have no bits behind them.
fn masked(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_digit() || ".:/".contains(c);
    let words = line.split_inclusive(|c| !is_part(c)).map(|word| {
        let text = word.trim_end_matches(|c| !is_part(c));
        let net = text.parse::<Ipv4Net>().map(|net| net.trunc().to_string());
        net.map_or(word.to_owned(), |net| word.replace(text, &net))
    });
    words.collect()
}

/// Whether each peer whose endpoint is gone has an endpoint of this node.
fn is_called_back(trial: &Trial<'_>) -> bool {
    if trial.pattern == CLIENT {
        // Every node has an endpoint of a server, and a server listens.
        return trial.text().lines().any(|line| line.starts_with("ListenPort = "));
    }
    let Some((folder, _)) = trial.path.rsplit_once('/') else { return false };
    let own = own_key(trial, folder);
    let lost: Vec<_> = match trial.damage {
        Damage::Emptied => trial.text().lines().filter_map(|line| line.split(' ').next()).collect(),
        Damage::WithoutLine(line) if trial.pattern == INTERFACE => {
            let before = trial.text().lines().take(line).filter_map(public_key);
            before.last().into_iter().collect()
        }
        _ => trial.line().split(' ').take(1).collect(),
    };
    let calls = |key: &str| {
        let folders = trial.tree.files.keys().filter_map(|path| path.strip_suffix("/node.json"));
        let mut named = folders.filter(|folder| own_key(trial, folder) == key);
        named.next().is_some_and(|folder| has_endpoint(trial, folder, own))
    };
    let keys = lost.into_iter().filter(|key| !key.starts_with('#'));
    keys.clone().next().is_some() && keys.into_iter().all(calls)
}

fn public_key(line: &str) -> Option<&str> {
    line.strip_prefix("PublicKey = ")
}

/// The first key of `node.json` is the node's own.
fn own_key<'a>(trial: &Trial<'a>, folder: &str) -> &'a str {
    let json = &trial.tree.files[&format!("{folder}/node.json")];
    let mut keys = json.lines().filter_map(|line| line.trim().strip_prefix("\"public_key\": \""));
    keys.next().expect("a node has a key").trim_end_matches(['"', ','])
}

/// Whether an interface has an endpoint for a peer, or the list of names has one.
fn has_endpoint(trial: &Trial<'_>, folder: &str, key: &str) -> bool {
    let file = |kind: &str| {
        let path = format!("{folder}/{}.{kind}", trial.tree.interface);
        trial.tree.files.get(&path).map_or("", String::as_str)
    };
    let mut sections = file("conf").split("[Peer]");
    let is_called = |section: &str| {
        section.lines().any(|line| public_key(line) == Some(key))
            && section.lines().any(|line| line.starts_with("Endpoint = "))
    };
    sections.any(is_called) || file("endpoints").lines().any(|line| line.starts_with(key))
}
