//! Common mistakes of newcomers, with the report of each: generates `docs/mistakes.md`.

use std::fmt::Write as _;

use crate::docs::assert_committed;
use crate::testing::{compile_text, human};

/// A valid topology. Each mistake replaces one part of it.
const VALID: &str = r#"[cluster]
name = "atlas"
kubernetes_version = "1.36.2"

[kube_proxy]
mode = "nftables"

[ingress]
controller = "traefik"

[firewall]
ssh_from = ["203.0.113.7"]

[[nodes]]
name = "tokyo"
id = 1
role = "control-plane"
endpoint = "203.0.113.10"
public_key = "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs="

[[nodes]]
name = "home"
id = 2
role = "worker"
public_key = "X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
ssh_from = ["192.168.1.0/24"]
"#;

/// One mistake.
struct Mistake {
    title: &'static str,
    /// The cause of the mistake, in one or two sentences.
    story: &'static str,
    /// A part of [`VALID`].
    correct: &'static str,
    /// Its replacement.
    wrong: &'static str,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        title: "An address without quotes",
        story: "TOML has no type for addresses: they are strings.",
        correct: r#"endpoint = "203.0.113.10""#,
        wrong: "endpoint = 203.0.113.10",
    },
    Mistake {
        title: "A version as a number",
        story: "Without quotes, the value is a number, and 1.40 would be the same as 1.4.",
        correct: r#"kubernetes_version = "1.36.2""#,
        wrong: "kubernetes_version = 1.36",
    },
    Mistake {
        title: "A version with a `v`",
        story: "Git tags and `kubectl version` have it. Packages do not.",
        correct: r#"kubernetes_version = "1.36.2""#,
        wrong: r#"kubernetes_version = "v1.36.2""#,
    },
    Mistake {
        title: "One address instead of a list",
        story: "A list with one element is still a list.",
        correct: r#"ssh_from = ["203.0.113.7"]"#,
        wrong: r#"ssh_from = "203.0.113.7""#,
    },
    Mistake {
        title: "A misspelt key",
        story: "If this key were ignored, the node would be behind NAT, without an error message.",
        correct: r#"endpoint = "203.0.113.10""#,
        wrong: r#"endpont = "203.0.113.10""#,
    },
    Mistake {
        title: "A key in the wrong table",
        story: "kubeadm has this key beside the name of the cluster.",
        correct: r#"name = "atlas""#,
        wrong: "name = \"atlas\"\nservice_subnet = \"10.97.0.0/16\"",
    },
    Mistake {
        title: "A node without an id",
        story: "The mesh address and the pod block of the node follow from this number.",
        correct: "name = \"home\"\nid = 2",
        wrong: r#"name = "home""#,
    },
    Mistake {
        title: "A name with upper-case letters",
        story: "Kubernetes accepts only lower-case letters.",
        correct: r#"name = "home""#,
        wrong: r#"name = "Home""#,
    },
    Mistake {
        title: "The old name of a role",
        story: "Kubernetes renamed it in 1.20.",
        correct: r#"role = "control-plane""#,
        wrong: r#"role = "master""#,
    },
    Mistake {
        title: "An operating system without its release",
        story: "Repositories, kernels and defaults differ between releases.",
        correct: r#"role = "worker""#,
        wrong: "role = \"worker\"\nos = \"ubuntu\"",
    },
    Mistake {
        title: "A host address instead of a network",
        story: "`ip addr` shows the address in this form.",
        correct: "[kube_proxy]",
        wrong: "[network]\nnode_subnet = \"10.66.66.1/24\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "A pod subnet inside the Service subnet",
        story: "10.96.0.0/12 is not in the file: it is the default of kubeadm, and it ends at 10.111.255.255. kubeadm does not report the overlap.",
        correct: "[kube_proxy]",
        wrong: "[network]\npod_subnet = \"10.100.0.0/16\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "The subnet of a home router",
        story: "It works until a laptop is connected at home. Then the laptop is in two networks with the same addresses.",
        correct: "[kube_proxy]",
        wrong: "[network]\nnode_subnet = \"192.168.1.0/24\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "A copied node",
        story: "The table was copied, and only the name was changed.",
        correct: "name = \"home\"\nid = 2\nrole = \"worker\"\n\
                public_key = \"X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU=\"",
        wrong: "name = \"home\"\nid = 1\nrole = \"worker\"\nendpoint = \"203.0.113.10\"\n\
                public_key = \"MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs=\"",
    },
    Mistake {
        title: "A second node behind NAT",
        story: "Each of the two can open connections, but no node can connect to either of them.",
        correct: "[[nodes]]\nname = \"home\"",
        wrong: "[[nodes]]\nname = \"attic\"\nid = 3\nrole = \"worker\"\n\
                public_key = \"3gqlBbHKO1u6BG5/HQj4kXpQvgASTrfJWfcD5PR5um4=\"\n\n[[nodes]]\n\
                name = \"home\"",
    },
    Mistake {
        title: "A LAN address as the public address",
        story: "`ip addr` on that machine shows this address.",
        correct: "name = \"home\"\nid = 2\nrole = \"worker\"",
        wrong: "name = \"home\"\nid = 2\nrole = \"worker\"\nendpoint = \"192.168.178.20\"",
    },
    Mistake {
        title: "A second control plane for safety",
        story: "With two control planes, the failure of either stops the cluster. One is safer.",
        correct: "id = 2\nrole = \"worker\"",
        wrong: "id = 2\nrole = \"control-plane\"\nendpoint = \"203.0.113.20\"",
    },
    Mistake {
        title: "The MTU of the network card",
        story: "WireGuard adds 80 bytes to each packet.",
        correct: "[kube_proxy]",
        wrong: "[wireguard]\nmtu = 1500\n\n[kube_proxy]",
    },
    Mistake {
        title: "A key that was cut while copying",
        story: "A double click does not select the `=` at the end.",
        correct: "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs=",
        wrong: "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs",
    },
    Mistake {
        title: "A private key in the topology",
        story: "The configuration of WireGuard has it beside the peers. Every reader of this file would have the key: it is exposed, so generate a new pair. Reports show what looks like a secret as `*`.",
        correct: "id = 2",
        wrong: "id = 2\nprivate_key = \"qO2nMh3rqlZ5jkM4rJ7PvCqTdt7MRV8Ym0hbLcvGqEk=\"",
    },
    Mistake {
        title: "An open port for the API",
        story: "A client reaches the API through the mesh.",
        correct: r#"endpoint = "203.0.113.10""#,
        wrong: "endpoint = \"203.0.113.10\"\nopen_ports = [\"6443/tcp\"]",
    },
    Mistake {
        title: "SSH closed on the first day",
        story: "Without a client, no secrets could be sent to the node.",
        correct: r#"ssh_from = ["203.0.113.7"]"#,
        wrong: "ssh_from = []",
    },
    Mistake {
        title: "Calico with eBPF",
        story: "Calico's own guides now start with it.",
        correct: "[kube_proxy]",
        wrong: "[calico]\ndataplane = \"bpf\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "A URL instead of a hostname",
        story: "It was copied from the browser.",
        correct: "[firewall]",
        wrong: "[cloudflare_tunnel]\nid = \"6ff42ae2-765d-4adf-8112-31c55c1551ef\"\n\
                hostnames = [\"https://Hello.example.com/\"]\n\n[firewall]",
    },
    Mistake {
        title: "An echo app that the tunnel does not serve",
        story: "The hostname is misspelt.",
        correct: "[firewall]",
        wrong: "[cloudflare_tunnel]\nid = \"6ff42ae2-765d-4adf-8112-31c55c1551ef\"\n\
                hostnames = [\"hello.example.com\"]\n\n[hello]\nhostname = \"helo.example.com\"\n\n\
                [firewall]",
    },
    Mistake {
        title: "A node in single brackets",
        story: "Single brackets declare one table, but there are several nodes.",
        correct: "[[nodes]]\nname = \"home\"",
        wrong: "[nodes]\nname = \"home\"",
    },
    Mistake {
        title: "A misspelt section",
        story: "TOML accepts it as another section. None of its keys would be used.",
        correct: "[kube_proxy]",
        wrong: "[kube-proxy]",
    },
    Mistake {
        title: "A section that is written twice",
        story: "The second one was pasted from a guide.",
        correct: "[kube_proxy]",
        wrong: "[cluster]\nname = \"atlas\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "A colon instead of an equal sign",
        story: "It would be right in YAML.",
        correct: "id = 2",
        wrong: "id: 2",
    },
    Mistake {
        title: "A number in quotes",
        story: "Other keys need quotes.",
        correct: "id = 2",
        wrong: r#"id = "2""#,
    },
    Mistake {
        title: "A number with a unit",
        story: "systemd accepts this form.",
        correct: "[kube_proxy]",
        wrong: "[wireguard]\npersistent_keepalive = \"25s\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "An endpoint with a prefix length",
        story: "`ip addr` shows the prefix length of an interface. An endpoint is one host, without a prefix length.",
        correct: r#"endpoint = "203.0.113.10""#,
        wrong: r#"endpoint = "203.0.113.10/24""#,
    },
    Mistake {
        title: "The port that the router forwards",
        story: "The port of an endpoint is the one that peers call. The node itself listens on its `listen_port`.",
        correct: r#"endpoint = "203.0.113.10""#,
        wrong: r#"endpoint = "203.0.113.10:51821""#,
    },
    Mistake {
        title: "An IPv6 address without brackets",
        story: "Without brackets, the end of the address and the start of the port are not clear.",
        correct: r#"endpoint = "203.0.113.10""#,
        wrong: r#"endpoint = "2001:db8::1:51820""#,
    },
    Mistake {
        title: "A port in `ssh_from`",
        story: "`ssh_from` lists the addresses that may connect. The port of SSH is `ssh_port`.",
        correct: r#"ssh_from = ["203.0.113.7"]"#,
        wrong: r#"ssh_from = ["203.0.113.7:22"]"#,
    },
    Mistake {
        title: "A DNS name for a node",
        story: "The name of a node is one label. Its address or DNS name is its `endpoint`.",
        correct: r#"name = "home""#,
        wrong: r#"name = "home.example.com""#,
    },
    Mistake {
        title: "An address instead of a node's name",
        story: "It is the address of a node, but `relay` takes the name.",
        correct: "id = 2",
        wrong: "id = 2\nrelay = \"203.0.113.10\"",
    },
    Mistake {
        title: "A relay twice",
        story: "The relays of a node are different nodes: the next one takes over when the first one does not answer.",
        correct: "id = 2",
        wrong: "id = 2\nrelay = [\"tokyo\", \"tokyo\"]",
    },
    Mistake {
        title: "A boolean label",
        story: "In Kubernetes, all labels are strings.",
        correct: "id = 2",
        wrong: "id = 2\nlabels = { gpu = true }",
    },
    Mistake {
        title: "A token as a name",
        story: "A token can be a valid name, and would be committed with all files that contain it. This one is a token of kubeadm.",
        correct: r#"endpoint = "203.0.113.10""#,
        wrong: r#"endpoint = "abcdef.0123456789abcdef""#,
    },
    Mistake {
        title: "A release of Calico that is not known",
        story: "Its manifests are applied with all permissions, so that they are compared with a digest before.",
        correct: "[kube_proxy]",
        wrong: "[calico]\nversion = \"3.32.9\"\n\n[kube_proxy]",
    },
];

/// The report of a mistake.
fn report(mistake: &Mistake) -> String {
    let Mistake { title, correct, wrong, .. } = mistake;
    assert_eq!(VALID.matches(correct).count(), 1, "{title}: not once in the valid topology");
    human(&compile_text("topology.toml", VALID.replace(correct, wrong)))
}

fn page() -> String {
    let mut page = format!(
        "<!-- generated by generator/tests/it/mistakes.rs -->\n# Common mistakes\n\n\
         Common mistakes of newcomers, each with the report of `meshwright check`. Each one replaces \
         a part of this valid topology:\n\n```toml\n{VALID}```\n"
    );
    for mistake in MISTAKES {
        let Mistake { title, story, wrong, .. } = mistake;
        let printed = report(mistake);
        let section = format!(
            "\n## {title}\n\n{story}\n\n```toml mistake\n{wrong}\n```\n\n```text\n{printed}```\n"
        );
        page.push_str(&section);
    }
    page
}

#[test]
fn the_page_of_mistakes_shows_the_real_reports() {
    assert_eq!(human(&compile_text("topology.toml", VALID.to_owned())), "");
    assert_committed("docs/mistakes.md", &page());
}

#[test]
fn every_mistake_is_reported() {
    let mut unreported = String::new();
    for mistake in MISTAKES.iter().filter(|mistake| report(mistake).is_empty()) {
        writeln!(unreported, "{}", mistake.title).expect("a String takes everything");
    }
    assert_eq!(unreported, "");
}
