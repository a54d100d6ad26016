//! Plans of everyday changes: the order of the steps, the flows that are lost between them, and the changes that a
//! running cluster does not take. docs/changes.md shows the plan of each.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use meshwright_change::plan::ChangePlan;
use meshwright_change::tree::ComparedTree;
use meshwright_change::{refusals, report};

use meshwright_compiler::catalogue::change;

use crate::docs::assert_committed;
use crate::proof::{Files, emitted_from, prove};
use crate::testing::{compile_text, human, repository};

const ATLAS: &str = "topology.toml";
const ORBIT: &str = "examples/high-availability/topology.toml";
const HOMES: &str = "examples/relay-and-site/topology.toml";

/// A change of a topology.
struct ChangeKind {
    name: &'static str,
    topology: &'static str,
    /// Texts of the topology before the change, and what replaces them first: the change starts from there.
    before: &'static [(&'static str, &'static str)],
    /// Texts, and what replaces them in the change.
    edits: &'static [(&'static str, &'static str)],
    /// The steps: the kind and the machine, and `*` after those that lose flows.
    steps: &'static [&'static str],
    /// The pairs that lose flows, each once, without direction.
    lost: &'static [&'static str],
    /// The codes of refused values.
    refused: &'static [&'static str],
}

const TOKYO_KEY: &str = "kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=";
const OTHER_KEY: &str = "xdkGV3hII8TAI4628DFtfK8P2LRLZMVWtVgvhSebDx4=";
const FRANKFURT: &str = r#"[[nodes]]
name = "frankfurt"
id = 3
role = "worker"
provider = "hetzner"
os = "ubuntu-24.04"
arch = "arm64"
endpoint = "192.0.2.30"
public_key = "kWwo44g3s4m3cMGFBkFeexbZ3r7psMqJRwNK8U2QtW8="

"#;
const LAPTOP: &str = "[[clients]]\nname = \"laptop\"";
const OSAKA: &str = r#"[[nodes]]
name = "osaka"
id = 5
role = "worker"
provider = "vultr"
endpoint = "198.51.100.50"
public_key = "xdkGV3hII8TAI4628DFtfK8P2LRLZMVWtVgvhSebDx4="

[[clients]]
name = "laptop""#;
const TWO_CONTROL_PLANES: &str = r#"[[nodes]]
name = "osaka"
id = 5
role = "control-plane"
provider = "vultr"
endpoint = "198.51.100.50"
public_key = "xdkGV3hII8TAI4628DFtfK8P2LRLZMVWtVgvhSebDx4="

[[nodes]]
name = "oslo"
id = 6
role = "control-plane"
provider = "hetzner"
endpoint = "192.0.2.60"
public_key = "MIhqZSxpeMbzx8Ij/Tz0mLjl7y7BSXSfy8YuOCWGUQ8="

[[clients]]
name = "laptop""#;
const NETWORK: &str = r#"[[networks]]
name = "lan"
subnet = "192.168.178.0/24"
via = "home"

[[clients]]
name = "laptop""#;
const STORAGE: &str = r#"[[clients]]
name = "storage"
id = 201
endpoint = "203.0.113.50:51999"
public_key = "xdkGV3hII8TAI4628DFtfK8P2LRLZMVWtVgvhSebDx4="

[[clients]]
name = "laptop""#;
const PHONE: &str = r#"[[clients]]
name = "phone"
id = 201
reach = ["services"]
public_key = "xdkGV3hII8TAI4628DFtfK8P2LRLZMVWtVgvhSebDx4="

[[clients]]
name = "laptop""#;

const KINDS: &[ChangeKind] = &[
    ChangeKind {
        name: "a node is added",
        edits: &[(LAPTOP, OSAKA)],
        steps: &[
            "deliver hongkong",
            "apply-objects hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "create-node osaka",
            "deliver osaka",
            "install-client laptop",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a node is removed",
        edits: &[
            (FRANKFURT, ""),
            (
                "kubernetes_version = \"1.37.2\"",
                "kubernetes_version = \"1.37.2\"\nretired_ids = [3]",
            ),
        ],
        steps: &[
            "remove-node frankfurt",
            "deliver hongkong",
            "apply-objects hongkong",
            "deliver tokyo",
            "deliver home",
            "install-client laptop",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a node gets another endpoint",
        edits: &[("198.51.100.20", "198.51.100.21")],
        steps: &[
            "deliver hongkong",
            "deliver frankfurt",
            "deliver home*",
            "deliver tokyo*",
            "install-client laptop",
        ],
        lost: &["home-tokyo", "laptop-tokyo"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a node gets an address of the other family",
        edits: &[("\"198.51.100.20\"", "[\"198.51.100.20\", \"2001:db8::20\"]")],
        steps: &["deliver tokyo"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a node gets another key",
        edits: &[(TOKYO_KEY, OTHER_KEY)],
        steps: &[
            "deliver frankfurt*",
            "deliver hongkong*",
            "deliver tokyo*",
            "deliver home",
            "install-client laptop",
        ],
        lost: &["frankfurt-tokyo", "home-tokyo", "hongkong-tokyo", "laptop-tokyo"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "preshared keys are switched on",
        edits: &[("[control_plane]", "[wireguard]\npreshared_keys = true\n\n[control_plane]")],
        steps: &[
            "deliver tokyo*",
            "deliver home*",
            "deliver hongkong*",
            "deliver frankfurt*",
            "install-client laptop",
        ],
        lost: &[
            "frankfurt-home",
            "frankfurt-hongkong",
            "frankfurt-laptop",
            "frankfurt-tokyo",
            "home-hongkong",
            "home-laptop",
            "home-tokyo",
            "hongkong-laptop",
            "hongkong-tokyo",
            "laptop-tokyo",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "the MTU gets smaller",
        edits: &[(
            "endpoint = \"203.0.113.10\"",
            "endpoint = \"203.0.113.10\"\nunderlay_mtu = 1450",
        )],
        steps: &[
            "apply-objects",
            "replace-pods",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "deliver hongkong",
            "install-client laptop",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "the MTU gets larger",
        before: &[(
            "endpoint = \"203.0.113.10\"",
            "endpoint = \"203.0.113.10\"\nunderlay_mtu = 1450",
        )],
        edits: &[("\nunderlay_mtu = 1450", "")],
        steps: &[
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "deliver hongkong",
            "apply-objects hongkong",
            "replace-pods",
            "install-client laptop",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a node listens on another port",
        edits: &[(
            "endpoint = \"198.51.100.20\"",
            "endpoint = \"198.51.100.20\"\nlisten_port = 443",
        )],
        steps: &[
            "open-provider-firewall",
            "deliver hongkong",
            "deliver frankfurt",
            "deliver home*",
            "deliver tokyo*",
            "install-client laptop",
            "close-provider-firewall",
        ],
        lost: &["home-tokyo", "laptop-tokyo"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a relay moves",
        topology: HOMES,
        edits: &[("relay = \"paris\"", "relay = \"vienna\"")],
        steps: &["deliver mill*", "deliver attic*", "deliver silo"],
        lost: &["attic-mill", "attic-silo"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "kube-proxy gets another mode",
        edits: &[("mode = \"ipvs\"\nscheduler = \"rr\"", "mode = \"nftables\"")],
        steps: &[
            "deliver hongkong",
            "apply-objects hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "one control plane becomes three",
        edits: &[(LAPTOP, TWO_CONTROL_PLANES)],
        steps: &[
            "deliver hongkong",
            "apply-objects hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "create-node osaka",
            "deliver osaka",
            "create-node oslo",
            "deliver oslo",
            "install-client laptop",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "Kubernetes gets a patch",
        before: &[("1.37.2\"\n", "1.37.1\"\n")],
        edits: &[("1.37.1\"\n", "1.37.2\"\n")],
        steps: &[
            "deliver hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "upgrade hongkong",
            "upgrade tokyo",
            "upgrade frankfurt",
            "upgrade home",
            "apply-objects hongkong",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "Kubernetes gets the next minor version",
        before: &[("1.37.2\"\n", "1.36.3\"\n")],
        edits: &[("1.36.3\"\n", "1.37.2\"\n")],
        steps: &[
            "deliver hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "upgrade hongkong",
            "upgrade tokyo",
            "upgrade frankfurt",
            "upgrade home",
            "apply-objects hongkong",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "settings of Kubernetes' programs change",
        edits: &[(
            "[kube_proxy]",
            "[kubeadm]\nkubelet = { podPidsLimit = 2048 }\n\n[kubeadm.api_server]\nevent-ttl = \"2h\"\n\n[kube_proxy]",
        )],
        steps: &[
            "deliver hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "reconfigure hongkong",
            "reconfigure tokyo",
            "reconfigure frankfurt",
            "reconfigure home",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "the audit log is switched off",
        edits: &[("[kube_proxy]", "[hardening]\naudit_log = false\n\n[kube_proxy]")],
        steps: &["deliver hongkong", "reconfigure hongkong"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a client is added",
        edits: &[(LAPTOP, PHONE)],
        steps: &[
            "deliver hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "install-client phone",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a network behind a node is added",
        edits: &[(LAPTOP, NETWORK)],
        steps: &["deliver hongkong", "deliver tokyo", "deliver frankfurt", "deliver home"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a server outside the cluster is added",
        edits: &[(LAPTOP, STORAGE)],
        steps: &[
            "deliver hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "install-client storage",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a client is removed",
        before: &[(LAPTOP, PHONE)],
        edits: &[(PHONE, LAPTOP)],
        steps: &["deliver hongkong", "deliver tokyo", "deliver frankfurt", "deliver home"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a public name is added",
        edits: &[("\"*.example.com\"", "\"*.example.com\", \"shop.example.org\"")],
        steps: &["deliver hongkong", "apply-objects hongkong", "change-records"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "route reflectors are switched on",
        topology: ORBIT,
        before: &[("\n[calico]\nroute_reflectors = [\"vienna\", \"prague\"]\n", "")],
        edits: &[(
            "\n[ingress]",
            "\n[calico]\nroute_reflectors = [\"vienna\", \"prague\"]\n\n[ingress]",
        )],
        steps: &["deliver vienna", "apply-objects vienna", "deliver prague"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "SSH is closed to the Internet",
        edits: &[("[\"0.0.0.0/0\", \"::/0\"]", "[\"198.51.100.0/24\"]")],
        steps: &[
            "open-provider-firewall",
            "deliver hongkong",
            "deliver tokyo",
            "deliver frankfurt",
            "deliver home",
            "close-provider-firewall",
        ],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a node is renamed",
        edits: &[("name = \"tokyo\"", "name = \"osaka\"")],
        refused: &["node-renamed"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a node gets another id",
        edits: &[("name = \"tokyo\"\nid = 2", "name = \"tokyo\"\nid = 7")],
        refused: &["node-renumbered"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "a worker becomes a control plane",
        edits: &[
            ("id = 2\nrole = \"worker\"", "id = 2\nrole = \"control-plane\""),
            ("id = 3\nrole = \"worker\"", "id = 3\nrole = \"control-plane\""),
        ],
        refused: &["role-changed", "role-changed"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "subnets move",
        edits: &[(
            "[control_plane]",
            "[network]\npod_subnet = \"10.200.0.0/16\"\n\n[control_plane]",
        )],
        refused: &["subnet-changed"],
        ..ON_ATLAS
    },
    ChangeKind {
        name: "Kubernetes is downgraded",
        edits: &[("1.37.2\"\n", "1.37.1\"\n")],
        refused: &["version-downgraded"],
        ..ON_ATLAS
    },
];

/// A change of the first example that has no steps.
const ON_ATLAS: ChangeKind = ChangeKind {
    name: "",
    topology: ATLAS,
    before: &[],
    edits: &[],
    steps: &[],
    lost: &[],
    refused: &[],
};

fn edited(text: &str, edits: &[(&str, &str)]) -> String {
    edits.iter().fold(text.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replacen(from, to, 1)
    })
}

fn tree(files: &Files, beside: Option<&ComparedTree>) -> ComparedTree {
    ComparedTree::read(files, beside).expect("an emitted tree is understood")
}

fn trees(kind: &ChangeKind) -> [Files; 2] {
    let text = fs::read_to_string(repository().join(kind.topology)).expect("readable");
    let before = edited(&text, kind.before);
    let after = edited(&before, kind.edits);
    [before, after].map(|text| {
        let compiled = compile_text("topology.toml", text);
        assert!(compiled.plan.is_some(), "{}:\n{}", kind.name, human(&compiled));
        emitted_from(compiled)
    })
}

fn plan(kind: &ChangeKind) -> ChangePlan {
    let [before, after] = trees(kind);
    assert!(prove(&after).holds(), "{}", kind.name);
    let new = tree(&after, None);
    let old = tree(&before, Some(&new));
    ChangePlan::new(&old, &new).expect("each state is a network")
}

fn steps(plan: &ChangePlan) -> Vec<String> {
    let steps = plan.steps.iter().map(|step| {
        let action = serde_json::to_value(step.action).expect("a word");
        let action = action.as_str().expect("a word").to_owned();
        let lost = if step.lost.is_empty() { "" } else { "*" };
        match &step.machine {
            Some(machine) => format!("{action} {machine}{lost}"),
            None => format!("{action}{lost}"),
        }
    });
    steps.collect()
}

fn lost(plan: &ChangePlan) -> Vec<String> {
    let pairs = plan.steps.iter().flat_map(|step| &step.lost).map(|pair| {
        let mut names = [pair.from.as_str(), pair.to.as_str()];
        names.sort_unstable();
        names.join("-")
    });
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_unstable();
    pairs.dedup();
    pairs
}

/// docs/changes.md with the plans of all kinds: a table, and the text of those that the page names.
fn with_plans(page: &str, plans: &BTreeMap<&str, ChangePlan>) -> String {
    let (before, rest) = page.split_once(KINDS_BEGIN).expect("the table begins");
    let (_, after) = rest.split_once(KINDS_END).expect("the table ends");
    let rows = KINDS.iter().map(|kind| row(kind.name, &plans[kind.name]));
    let head = "\n| change | steps | lost |\n|---|---|---|\n";
    let page =
        format!("{before}{KINDS_BEGIN}{head}{}\n{KINDS_END}{after}", rows.collect::<String>());
    let mut parts = page.split("<!-- plan ");
    let mut made = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (name, after) = part.split_once(" -->\n").expect("the comment ends");
        let (_, rest) = after.split_once("\n```\n").expect("a block follows");
        let text = report::human::text(&plans[name]);
        made += &format!("<!-- plan {name} -->\n```text\n{text}```\n{rest}");
    }
    made
}

const KINDS_BEGIN: &str = "<!-- kinds -->\n";
const KINDS_END: &str = "<!-- kinds end -->";

fn row(name: &str, plan: &ChangePlan) -> String {
    let refused: Vec<_> = plan.refusals.iter().map(|one| format!("`{}`", one.code)).collect();
    if !refused.is_empty() {
        return format!("| {name} | refused: {} | |\n", refused.join(", "));
    }
    let between = plan.proven.expect("no value is refused").states.saturating_sub(2);
    let lost = match &lost(plan)[..] {
        [] => format!("nothing, in {between} states"),
        pairs => pairs.join(", "),
    };
    format!("| {name} | {} | {lost} |\n", steps(plan).join(", "))
}

#[test]
fn each_kind_of_change_has_its_plan() {
    let plans: BTreeMap<_, _> = KINDS.iter().map(|kind| (kind.name, plan(kind))).collect();
    let mut wrong = Vec::new();
    for kind in KINDS {
        let plan = &plans[kind.name];
        let refused: Vec<_> = plan.refusals.iter().map(|one| one.code).collect();
        let found = (steps(plan), lost(plan), refused);
        let owned = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let expected: (Vec<String>, Vec<String>, _) =
            (owned(kind.steps), owned(kind.lost), kind.refused.to_vec());
        if found != expected {
            wrong.push(format!("# {}\n{found:#?}\n{}", kind.name, report::human::text(plan)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let page = fs::read_to_string(repository().join("docs/changes.md")).expect("readable");
    assert_committed("docs/changes.md", &with_plans(&page, &plans));
}

/// Texts, and what replaces them.
type Edits = &'static [(&'static str, &'static str)];

/// Edits of the first example, and the codes of the values that are refused.
const REFUSED: &[(Edits, &[&str])] = &[
    (&[("name = \"atlas\"", "name = \"titan\"")], &["cluster-renamed"]),
    (
        &[("init = \"hongkong\"", "init = \"hongkong\"\nendpoint = \"api.atlas.internal\"")],
        &["api-endpoint-changed"],
    ),
    (
        &[("[control_plane]", "[network]\nservice_subnet = \"10.112.0.0/12\"\n\n[control_plane]")],
        &["subnet-changed"],
    ),
    (
        &[("[control_plane]", "[network]\ndns_domain = \"atlas.local\"\n\n[control_plane]")],
        &["dns-domain-changed"],
    ),
    (
        &[("[control_plane]", "[network]\npod_prefix_len = 25\n\n[control_plane]")],
        &["pod-prefix-len-changed"],
    ),
    (
        &[("[control_plane]", "[wireguard]\ninterface = \"wg1\"\n\n[control_plane]")],
        &["interface-renamed"],
    ),
    (&[("name = \"tokyo\"", "name = \"osaka\"")], &["node-renamed"]),
    (&[("name = \"tokyo\"", "name = \"osaka\""), (TOKYO_KEY, OTHER_KEY)], &["node-number-reused"]),
    (&[("name = \"tokyo\"\nid = 2", "name = \"tokyo\"\nid = 7")], &["node-renumbered"]),
    (
        &[(
            "endpoint = \"198.51.100.20\"",
            "endpoint = \"198.51.100.20\"\npod_subnet = \"10.244.9.0/24\"",
        )],
        &["pod-block-moved"],
    ),
    (
        &[
            (FRANKFURT, ""),
            (
                "kubernetes_version = \"1.37.2\"",
                "kubernetes_version = \"1.37.2\"\nretired_ids = [3]",
            ),
            (LAPTOP, OSAKA),
            (
                "endpoint = \"198.51.100.50\"",
                "endpoint = \"198.51.100.50\"\npod_subnet = \"10.244.3.0/24\"",
            ),
        ],
        &["pod-block-moved"],
    ),
    (
        &[
            ("id = 2\nrole = \"worker\"", "id = 2\nrole = \"control-plane\""),
            ("id = 3\nrole = \"worker\"", "id = 3\nrole = \"control-plane\""),
        ],
        &["role-changed", "role-changed"],
    ),
    (&[("\"1.37.2\"\n", "\"1.36.3\"\n")], &["version-downgraded"]),
];

#[test]
fn each_value_that_a_running_cluster_keeps_is_refused() {
    let atlas = fs::read_to_string(repository().join(ATLAS)).expect("readable");
    let compiled = |text: String| {
        let compiled = compile_text("topology.toml", text);
        assert!(compiled.plan.is_some(), "{}", human(&compiled));
        emitted_from(compiled)
    };
    let old = compiled(atlas.clone());
    let mut found: BTreeSet<_> = BTreeSet::new();
    let codes = |old: &Files, new: &Files| -> Vec<_> {
        let new = tree(new, None);
        let old = tree(old, Some(&new));
        refusals::find(&old, &new).into_iter().map(|one| one.code).collect()
    };
    for (edits, expected) in REFUSED {
        let refused = codes(&old, &compiled(edited(&atlas, edits)));
        assert_eq!(refused, *expected, "{edits:?}");
        found.extend(refused);
    }
    let skipped = [("\"1.37.2\"\n", "\"1.35.7\"\n")];
    let refused = codes(&compiled(edited(&atlas, &skipped)), &old);
    assert_eq!(refused, ["version-skips-minor"]);
    found.extend(refused);
    // `generate` warns about them, and `explain` explains them.
    let explained = change::ENTRIES.map(|entry| entry.code);
    assert_eq!(found.into_iter().collect::<Vec<_>>(), explained);
}
