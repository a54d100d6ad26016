//! What newcomers get wrong, and what they are told: `docs/mistakes.md` is made here.

use std::fmt::Write as _;

use crate::docs::assert_committed;
use crate::testing::{compile_text, human};

/// A sound topology, into which each mistake is made.
const SOUND: &str = r#"[cluster]
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
"#;

/// One mistake: what stands in [`SOUND`], and what somebody writes instead.
struct Mistake {
    title: &'static str,
    /// How it comes about.
    story: &'static str,
    sound: &'static str,
    wrong: &'static str,
}

const MISTAKES: &[Mistake] = &[
    Mistake {
        title: "An address without quotes",
        story: "TOML has no addresses: everything that is no number and no boolean is a string.",
        sound: r#"endpoint = "203.0.113.10""#,
        wrong: "endpoint = 203.0.113.10",
    },
    Mistake {
        title: "A version as a number",
        story: "Without quotes it is a number, and 1.40 would be 1.4.",
        sound: r#"kubernetes_version = "1.36.2""#,
        wrong: "kubernetes_version = 1.36",
    },
    Mistake {
        title: "A version with its `v`",
        story: "Git tags and `kubectl version` have it, packages do not.",
        sound: r#"kubernetes_version = "1.36.2""#,
        wrong: r#"kubernetes_version = "v1.36.2""#,
    },
    Mistake {
        title: "One address where a list is expected",
        story: "A list of one is a list.",
        sound: r#"ssh_from = ["203.0.113.7"]"#,
        wrong: r#"ssh_from = "203.0.113.7""#,
    },
    Mistake {
        title: "A key misspelt",
        story: "Ignored, it would put the node behind NAT without a word.",
        sound: r#"endpoint = "203.0.113.10""#,
        wrong: r#"endpont = "203.0.113.10""#,
    },
    Mistake {
        title: "A key in the wrong table",
        story: "kubeadm has it beside the cluster's name.",
        sound: r#"name = "atlas""#,
        wrong: "name = \"atlas\"\nservice_subnet = \"10.97.0.0/16\"",
    },
    Mistake {
        title: "A node without an id",
        story: "The id is the one number to remember: address and pod block follow from it.",
        sound: "name = \"home\"\nid = 2",
        wrong: r#"name = "home""#,
    },
    Mistake {
        title: "A name with capitals",
        story: "Kubernetes takes lower case alone.",
        sound: r#"name = "home""#,
        wrong: r#"name = "Home""#,
    },
    Mistake {
        title: "The role by its old name",
        story: "Kubernetes renamed it in 1.20.",
        sound: r#"role = "control-plane""#,
        wrong: r#"role = "master""#,
    },
    Mistake {
        title: "A system without its release",
        story: "Repositories, kernels and defaults differ from release to release.",
        sound: r#"role = "worker""#,
        wrong: "role = \"worker\"\nos = \"ubuntu\"",
    },
    Mistake {
        title: "A host's address for a network",
        story: "`ip addr` shows it like this.",
        sound: "[kube_proxy]",
        wrong: "[network]\nnode_subnet = \"10.66.66.1/24\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "Pods inside the Services' range",
        story: "Nobody wrote 10.96.0.0/12: it is kubeadm's default, and ends at 10.111.255.255. kubeadm \
                itself says nothing.",
        sound: "[kube_proxy]",
        wrong: "[network]\npod_subnet = \"10.100.0.0/16\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "The network of the router at home",
        story: "It works until a laptop comes home, and stands in two networks with the same addresses.",
        sound: "[kube_proxy]",
        wrong: "[network]\nnode_subnet = \"192.168.1.0/24\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "A node that was copied",
        story: "The block was copied, and only the name changed.",
        sound: "name = \"home\"\nid = 2\nrole = \"worker\"\n\
                public_key = \"X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU=\"",
        wrong: "name = \"home\"\nid = 1\nrole = \"worker\"\nendpoint = \"203.0.113.10\"\n\
                public_key = \"MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs=\"",
    },
    Mistake {
        title: "A second machine at home",
        story: "Each of them calls out, and neither can be called.",
        sound: "[[nodes]]\nname = \"home\"",
        wrong: "[[nodes]]\nname = \"attic\"\nid = 3\nrole = \"worker\"\n\
                public_key = \"3gqlBbHKO1u6BG5/HQj4kXpQvgASTrfJWfcD5PR5um4=\"\n\n[[nodes]]\n\
                name = \"home\"",
    },
    Mistake {
        title: "The address in the LAN as the public one",
        story: "It is what `ip addr` shows on that machine.",
        sound: "name = \"home\"\nid = 2\nrole = \"worker\"",
        wrong: "name = \"home\"\nid = 2\nrole = \"worker\"\nendpoint = \"192.168.178.20\"",
    },
    Mistake {
        title: "A second control plane, to be safe",
        story: "Two is the one number that is worse than one.",
        sound: "id = 2\nrole = \"worker\"",
        wrong: "id = 2\nrole = \"control-plane\"\nendpoint = \"203.0.113.20\"",
    },
    Mistake {
        title: "The MTU of the network card",
        story: "WireGuard needs 80 bytes of it.",
        sound: "[kube_proxy]",
        wrong: "[wireguard]\nmtu = 1500\n\n[kube_proxy]",
    },
    Mistake {
        title: "A key that was cut while copying",
        story: "A double click selects up to the `=`.",
        sound: "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs=",
        wrong: "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs",
    },
    Mistake {
        title: "The API opened, to reach it from home",
        story: "A client reaches it through the mesh.",
        sound: r#"endpoint = "203.0.113.10""#,
        wrong: "endpoint = \"203.0.113.10\"\nopen_ports = [\"6443/tcp\"]",
    },
    Mistake {
        title: "SSH closed on the first day",
        story: "Without a client, nobody could bring the node its secrets.",
        sound: r#"ssh_from = ["203.0.113.7"]"#,
        wrong: "ssh_from = []",
    },
    Mistake {
        title: "eBPF for Calico",
        story: "Calico's own guides have come to begin with it.",
        sound: "[kube_proxy]",
        wrong: "[calico]\ndataplane = \"bpf\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "A URL for a hostname",
        story: "Copied from the browser.",
        sound: "[firewall]",
        wrong: "[cloudflare_tunnel]\nid = \"6ff42ae2-765d-4adf-8112-31c55c1551ef\"\n\
                hostnames = [\"https://Hello.example.com/\"]\n\n[firewall]",
    },
    Mistake {
        title: "An echo app that the tunnel does not serve",
        story: "The wildcard holds what is below the domain, and not the domain.",
        sound: "[firewall]",
        wrong: "[cloudflare_tunnel]\nid = \"6ff42ae2-765d-4adf-8112-31c55c1551ef\"\n\
                hostnames = [\"hello.example.com\"]\n\n[hello]\nhostname = \"helo.example.com\"\n\n\
                [firewall]",
    },
    Mistake {
        title: "A node in single brackets",
        story: "One pair of brackets is one table; nodes are many.",
        sound: "[[nodes]]\nname = \"home\"",
        wrong: "[nodes]\nname = \"home\"",
    },
    Mistake {
        title: "A section that was misspelt",
        story: "In TOML it is another section, and none of its keys would be read.",
        sound: "[kube_proxy]",
        wrong: "[kube-proxy]",
    },
    Mistake {
        title: "A section written twice",
        story: "The second one was pasted from a guide.",
        sound: "[kube_proxy]",
        wrong: "[cluster]\nname = \"atlas\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "A colon for the equal sign",
        story: "In YAML it would be right.",
        sound: "id = 2",
        wrong: "id: 2",
    },
    Mistake {
        title: "A number between quotes",
        story: "Other keys have them.",
        sound: "id = 2",
        wrong: r#"id = "2""#,
    },
    Mistake {
        title: "A number with its unit",
        story: "systemd takes it like this.",
        sound: "[kube_proxy]",
        wrong: "[wireguard]\npersistent_keepalive = \"25s\"\n\n[kube_proxy]",
    },
    Mistake {
        title: "The whole line of `ip addr`",
        story: "An interface has a prefix length, and a host that is called has none.",
        sound: r#"endpoint = "203.0.113.10""#,
        wrong: r#"endpoint = "203.0.113.10/24""#,
    },
    Mistake {
        title: "An IPv6 address without its brackets",
        story: "Where does it end, and where does the port begin?",
        sound: r#"endpoint = "203.0.113.10""#,
        wrong: r#"endpoint = "2001:db8::1:51820""#,
    },
    Mistake {
        title: "The port of SSH where a network belongs",
        story: "`ssh_from` says who may come, and SSH has one port.",
        sound: r#"ssh_from = ["203.0.113.7"]"#,
        wrong: r#"ssh_from = ["203.0.113.7:22"]"#,
    },
    Mistake {
        title: "A DNS name for a node",
        story: "A node's name is one label; where it is found is its `endpoint`.",
        sound: r#"name = "home""#,
        wrong: r#"name = "home.example.com""#,
    },
    Mistake {
        title: "An address where a node is named",
        story: "It is the address of a node, but a relay goes by its name.",
        sound: "id = 2",
        wrong: "id = 2\nrelay = \"203.0.113.10\"",
    },
    Mistake {
        title: "A label that is a boolean",
        story: "To Kubernetes all labels are texts.",
        sound: "id = 2",
        wrong: "id = 2\nlabels = { gpu = true }",
    },
];

/// What is said of a mistake; it says something.
fn said(mistake: &Mistake) -> String {
    let Mistake { title, sound, wrong, .. } = mistake;
    assert_eq!(SOUND.matches(sound).count(), 1, "{title}: stands once in the sound topology");
    human(&compile_text("topology.toml", SOUND.replace(sound, wrong)))
}

fn page() -> String {
    let mut page = format!(
        "<!-- made by generator/tests/it/mistakes.rs -->\n# What newcomers get wrong\n\n\
         Each of these was tried: what somebody wrote, and what `meshwright check` says. Into this \
         topology:\n\n```toml\n{SOUND}```\n"
    );
    for mistake in MISTAKES {
        let Mistake { title, story, wrong, .. } = mistake;
        let said = said(mistake);
        let section = format!(
            "\n## {title}\n\n{story}\n\n```toml mistake\n{wrong}\n```\n\n```text\n{said}```\n"
        );
        page.push_str(&section);
    }
    page
}

#[test]
fn the_page_of_mistakes_is_what_people_are_told() {
    assert_eq!(human(&compile_text("topology.toml", SOUND.to_owned())), "");
    assert_committed("docs/mistakes.md", &page());
}

#[test]
fn every_mistake_is_told() {
    let mut untold = String::new();
    for mistake in MISTAKES.iter().filter(|mistake| said(mistake).is_empty()) {
        writeln!(untold, "{}", mistake.title).expect("a String takes everything");
    }
    assert_eq!(untold, "");
    assert!(MISTAKES.len() >= 15);
}
