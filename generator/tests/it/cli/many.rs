//! Tests of many mistakes in one topology: one run reports each with its line and changes no file.

use super::{Place, json};

/// Eight mistakes of eight kinds.
const EIGHT: &str = r#"[cluster]
name = "atlas"
kubernetes_version = "1.36.2"
pod_subnet = "10.244.0.0/16"            # a key of another table

[kube_proxy]
mode = "nftables"

[calico]
dataplane = "iptables"                  # does not fit kube-proxy's mode

[firewall]
ssh_from = ["203.0.113.7/24"]           # host bits

[wireguard]
listen_port = "51820"                   # a number in quotes
interface = "eth0"                      # a network card's name

[[nodes]]
name = "tokyo"
id = 1
role = "control-plane"
endpoint = "203.0.113.10"
open_ports = ["2379/tcp"]               # etcd, public
public_key = "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs="

[[nodes]]
name = "osaka"
id = 1                                  # tokyo's
role = "wroker"                         # misspelt
endpoint = "203.0.113.20"
public_key = "X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
"#;

/// Twenty-five, no two of one key.
const TWENTY_FIVE: &str = r#"[cluster]
name = "Atlas"
kubernetes_version = "1.33.0"
retired_ids = [5]
service_subnet = "10.96.0.0/12"

[network]
node_subnet = "10.66.66.1/24"
pod_subnet = "8.8.0.0/16"
pod_prefix_len = 30
dns_domain = "cluster.local."

[wireguard]
interface = "cali0"
listen_port = 53
mtu = 100
persistent_keepalive = -1

[kube_proxy]
mode = "ipvsx"
scheduler = "wlcc"

[calico]
as_number = 0

[ingress]
replicas = "two"

[cloudflare_tunnel]
id = "6ff42ae2"
hostnames = ["hello.example.com", "hello.example.com"]

[firewall]
ssh_from = ["any"]
ssh_port = 70000

[images]
mirrors = { "docker.io" = ["http://mirror.example.com"] }

[[nodes]]
name = "tokyo"
id = 1
role = "control-plane"
endpoint = "203.0.113.10"
open_ports = ["6443/tcp"]
labels = { "kubernetes.io/hostname" = "tokyo" }
public_key = "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs="

[[nodes]]
name = "osaka"
id = 5
role = "master"
endpoint = "203.0.113.10"
public_key = "X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
"#;

/// The printed codes with their lines, in the order of the text.
fn reported(topology: &str, diagnostics: usize) -> Vec<String> {
    let place = Place::with(topology);
    let before = place.tree();
    let (code, stdout, stderr) = place.run(&["check"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let arrows =
        stderr.lines().filter_map(|line| line.trim_start().strip_prefix("--> topology.toml:"));
    let lines: Vec<usize> = arrows
        .map(|place| place.split(':').next().expect("a line").parse().expect("a number"))
        .collect();
    assert!(lines.is_sorted(), "{stderr}");
    assert_eq!(lines.len(), diagnostics, "{stderr}");
    let (code, stdout, _) = place.run(&["check", "--format", "json"]);
    let (codes, _) = json(&stdout);
    assert_eq!((code, codes.len()), (Some(1), diagnostics));
    assert_eq!(place.tree(), before);
    codes.into_iter().zip(lines).map(|(code, line)| format!("{line} {code}")).collect()
}

#[test]
fn eight_mistakes_are_eight_diagnostics() {
    let expected = [
        "4 key-unknown",
        "10 dataplane-mismatch",
        "13 value-malformed",
        "16 type-mismatch",
        "17 interface-taken",
        "24 open-port-exposes",
        "29 id-duplicate",
        "30 value-malformed",
    ];
    assert_eq!(reported(EIGHT, 8), expected);
}

#[test]
fn twenty_five_mistakes_are_twenty_five_diagnostics() {
    let expected = [
        "2 value-malformed",
        "3 kubernetes-version-old",
        "5 key-unknown",
        "8 value-malformed",
        "9 subnet-not-private",
        "10 value-malformed",
        "11 value-malformed",
        "14 interface-taken",
        "15 wireguard-port-taken",
        "16 value-malformed",
        "17 value-malformed",
        "20 value-malformed",
        "21 value-malformed",
        "24 value-malformed",
        "27 type-mismatch",
        "30 value-malformed",
        "31 hostname-duplicate",
        "34 value-malformed",
        "35 value-malformed",
        "38 url-not-https",
        "45 open-port-exposes",
        "46 label-refused",
        "51 id-retired",
        "52 value-malformed",
        "53 endpoint-duplicate",
    ];
    assert_eq!(reported(TWENTY_FIVE, 25), expected);
}
