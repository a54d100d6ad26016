//! Words of other programs for a key of the topology.

/// The key that each word means, where a table has it. Where it has not, the word means nothing here: a key that is
/// merely spelt alike (`ip` and `id`) is not proposed for it.
const SYNONYMS: &[(&[&str], &str)] = &[
    (
        &[
            "addr",
            "address",
            "external_ip",
            "host",
            "ip",
            "ip_address",
            "ipv4",
            "ipv6",
            "public_address",
            "public_ip",
            "public_ipv4",
            "public_ipv6",
            "wan_ip",
        ],
        "endpoint",
    ),
    (&["internal_ip", "lan_address", "lan_ip", "private_ip"], "lan_endpoint"),
    (&["pubkey", "publickey", "wg_public_key", "wireguard_public_key"], "public_key"),
    (&["listenport", "port", "wg_port", "wireguard_port"], "listen_port"),
    (&["hostname", "node_name"], "name"),
    (&["k8s", "k8s_version", "kubernetes", "version"], "kubernetes_version"),
    (&["login", "ssh_login", "user", "username"], "ssh_user"),
    (&["kind", "type"], "role"),
    (&["architecture", "cpu", "platform"], "arch"),
    (&["distribution", "distro", "image", "operating_system"], "os"),
    (&["cloud", "vendor"], "provider"),
    (&["pod_cidr", "pod_network", "pods_cidr"], "pod_subnet"),
    (&["service_cidr", "service_network", "services_cidr", "svc_cidr"], "service_subnet"),
    (&["mesh_cidr", "mesh_subnet", "node_cidr", "wireguard_subnet"], "node_subnet"),
    (&["instance", "instances", "machine", "machines", "server", "servers", "vm", "vms"], "nodes"),
];

/// A word that means the absence of a key, and the advice.
const ABSENT: &[(&str, &str)] = &[
    ("behind_nat", "leave `endpoint` out: a node without one is behind NAT"),
    ("is_nat", "leave `endpoint` out: a node without one is behind NAT"),
    ("nat", "leave `endpoint` out: a node without one is behind NAT"),
];

/// What a word of another program means in a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Synonym {
    /// This key.
    Key(&'static str),
    /// A key of other tables only.
    OfOtherTables,
    /// No key: the advice.
    Absent(&'static str),
}

/// The meaning of a word, if it is one of other programs.
pub(super) fn find(word: &str, known: impl Fn(&str) -> bool) -> Option<Synonym> {
    let word = word.to_lowercase().replace('-', "_");
    let absent = ABSENT.iter().find(|(other, _)| *other == word);
    if let Some((_, advice)) = absent.filter(|_| known("endpoint")) {
        return Some(Synonym::Absent(advice));
    }
    let (_, key) = SYNONYMS.iter().find(|(words, _)| words.contains(&word.as_str()))?;
    Some(if known(key) { Synonym::Key(key) } else { Synonym::OfOtherTables })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_means_a_key_only_where_the_table_has_it() {
        let of_nodes = |key: &str| ["endpoint", "id", "name"].contains(&key);
        assert_eq!(find("ip", of_nodes), Some(Synonym::Key("endpoint")));
        assert_eq!(find("Public-IP", of_nodes), Some(Synonym::Key("endpoint")));
        assert_eq!(find("version", of_nodes), Some(Synonym::OfOtherTables));
        assert!(matches!(find("nat", of_nodes), Some(Synonym::Absent(_))));
        assert_eq!(find("nat", |key| key == "id"), None);
        assert_eq!(find("endpont", of_nodes), None);
    }

    #[test]
    fn each_word_has_one_meaning() {
        let mut words: Vec<_> = SYNONYMS.iter().flat_map(|(words, _)| *words).collect();
        words.sort_unstable();
        let count = words.len();
        words.dedup();
        assert_eq!(words.len(), count);
    }
}
