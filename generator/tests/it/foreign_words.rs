//! Words, characters and notations of other programs: each is refused with what to write instead, and where there is
//! only one reading, `check --fix` writes it.

use meshwright::edit::correction;
use meshwright_compiler::diagnostic::Change;

use crate::testing::compile_text;

const TOPOLOGY: &str = r#"
[cluster]
name = "atlas"
kubernetes_version = "1.37.2"

[kube_proxy]
mode = "nftables"

[ingress]
controller = "traefik"

[firewall]
ssh_from = ["198.51.100.0/24"]

[[nodes]]
name = "tokyo"
id = 1
role = "control-plane"
endpoint = "203.0.113.10"
public_key = "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs="

[[nodes]]
name = "home"
id = 4
role = "worker"
public_key = "X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
ssh_from = ["192.168.1.0/24"]

[[lint.allow]]
code = "calico-kubernetes-untested"
reason = "the test is about words"
"#;

const ENDPOINT_MEANT: &str = "did you mean `203.0.113.10`?";
const NOT_NAT: &str = "leave the key out: a node without `endpoint` is behind NAT";
const COMMENT: &str = "comments begin with `#`";

/// What is replaced by what, the code of the finding, its help, and whether it has one reading.
type ForeignWord = (&'static str, &'static str, &'static str, &'static str, bool);

const WORDS: &[ForeignWord] = &[
    // Keys.
    ("endpoint =", "public_ip =", "key-unknown", "did you mean `endpoint`?", false),
    ("endpoint =", "ip =", "key-unknown", "did you mean `endpoint`?", false),
    ("endpoint =", "Public-IPv4 =", "key-unknown", "did you mean `endpoint`?", false),
    (
        "endpoint = \"203.0.113.10\"",
        "nat = true",
        "key-unknown",
        "leave `endpoint` out: a node without one is behind NAT",
        false,
    ),
    ("kubernetes_version", "version", "key-unknown", "did you mean `kubernetes_version`?", false),
    ("public_key", "pubkey", "key-unknown", "did you mean `public_key`?", false),
    ("name = \"tokyo\"", "hostname = \"tokyo\"", "key-unknown", "did you mean `name`?", false),
    // Headers.
    (
        "[[nodes]]\nname = \"tokyo\"",
        "[node]\nname = \"tokyo\"",
        "key-unknown",
        "did you mean `[[nodes]]`?",
        false,
    ),
    (
        "[[nodes]]\nname = \"tokyo\"",
        "[[servers]]\nname = \"tokyo\"",
        "key-unknown",
        "did you mean `[[nodes]]`?",
        false,
    ),
    (
        "[[nodes]]\nname = \"tokyo\"",
        "[nodes]\nname = \"tokyo\"",
        "toml-syntax",
        "write the first header as `[[nodes]]` too",
        false,
    ),
    // Characters of input methods and word processors.
    ("\"tokyo\"", "＂tokyo＂", "toml-syntax", "write `name = \"tokyo\"`", true),
    ("\"tokyo\"", "“tokyo”", "toml-syntax", "write `name = \"tokyo\"`", true),
    ("\"tokyo\"", "「tokyo」", "toml-syntax", "write `name = \"tokyo\"`", true),
    ("name = \"tokyo\"", "name ＝ \"tokyo\"", "toml-syntax", "write `name = \"tokyo\"`", true),
    ("id = 1", "id = １", "toml-syntax", "write `id = 1`", true),
    ("id = 1", "id\u{a0}= 1", "toml-syntax", "write `id = 1`", true),
    ("id = 1", "id = \u{3000}1", "toml-syntax", "write `id =  1`", true),
    ("id = 1", "id\u{200b} = 1", "toml-syntax", "write `id = 1`", true),
    (
        "[\"198.51.100.0/24\"]",
        "[\"198.51.100.0/24\"，\"203.0.113.0/24\"]",
        "toml-syntax",
        "write `ssh_from = [\"198.51.100.0/24\",\"203.0.113.0/24\"]`",
        true,
    ),
    (
        "[[nodes]]\nname = \"tokyo\"",
        "［［nodes］］\nname = \"tokyo\"",
        "toml-syntax",
        "write `[[nodes]]`",
        true,
    ),
    ("203.0.113.10", "２０３.0.113.10", "value-malformed", ENDPOINT_MEANT, true),
    ("203.0.113.10", "203。0。113。10", "value-malformed", ENDPOINT_MEANT, true),
    ("203.0.113.10", " 203.0.113.10", "value-malformed", ENDPOINT_MEANT, true),
    ("\"tokyo\"", "\"tokyo\u{a0}\"", "value-malformed", "did you mean `tokyo`?", true),
    // Ends of lines and comments of other languages.
    ("id = 1", "id = 1;", "toml-syntax", "remove `;`", true),
    ("\"tokyo\"", "\"tokyo\",", "toml-syntax", "remove `,`", true),
    ("id = 1", "id = 1 // first", "toml-syntax", COMMENT, true),
    ("\"tokyo\"", "\"tokyo\" // first", "toml-syntax", COMMENT, true),
    ("id = 1", "id = 1 -- first", "toml-syntax", COMMENT, true),
    ("[cluster]", "// ours\n[cluster]", "toml-syntax", COMMENT, true),
    ("[cluster]", "/* ours */\n[cluster]", "toml-syntax", COMMENT, false),
    // Versions.
    ("\"1.37.2\"", "\"1.37\"", "value-malformed", "did you mean `1.37.2`?", false),
    ("\"1.37.2\"", "1.37", "type-mismatch", "put it between quotes; did you mean `1.37.2`?", false),
    ("\"1.37.2\"", "\"v1.37.x\"", "value-malformed", "did you mean `1.37.2`?", false),
    ("\"1.37.2\"", "\"\"", "value-malformed", "write major.minor.patch, such as `1.37.2`", false),
    // Endpoints.
    ("203.0.113.10", "root@203.0.113.10", "value-malformed", ENDPOINT_MEANT, false),
    ("203.0.113.10", "https://203.0.113.10/", "value-malformed", ENDPOINT_MEANT, false),
    ("203.0.113.10", "ssh://root@203.0.113.10:22", "value-malformed", ENDPOINT_MEANT, false),
    ("203.0.113.10", "203.0.113.010", "value-malformed", ENDPOINT_MEANT, false),
    ("203.0.113.10", "203,0,113,10", "value-malformed", ENDPOINT_MEANT, false),
    ("203.0.113.10", "", "value-malformed", NOT_NAT, false),
    ("203.0.113.10", "NAT", "value-malformed", NOT_NAT, false),
    // Words of other programs and providers.
    ("\"control-plane\"", "\"master\"", "value-malformed", "did you mean `control-plane`?", true),
    ("\"control-plane\"", "\"server\"", "value-malformed", "did you mean `control-plane`?", true),
    ("\"worker\"", "\"agent\"", "value-malformed", "did you mean `worker`?", true),
    ("\"worker\"", "\"\"", "value-malformed", "valid values: control-plane, worker", false),
    ("id = 1", "id = 1\narch = \"x86_64\"", "value-malformed", "did you mean `amd64`?", true),
    ("id = 1", "id = 1\nprovider = \"hcloud\"", "value-malformed", "did you mean `hetzner`?", true),
    (
        "id = 1",
        "id = 1\nprovider = \"Alibaba Cloud\"",
        "value-malformed",
        "did you mean `alibaba`?",
        true,
    ),
    ("id = 1", "id = 1\nprovider = \"腾讯云\"", "value-malformed", "did you mean `tencent`?", true),
    (
        "[\"198.51.100.0/24\"]",
        "[\"any\"]",
        "value-malformed",
        "write `0.0.0.0/0` and `::/0` for every address",
        false,
    ),
];

#[test]
fn foreign_words_are_explained() {
    let faults: Vec<_> = WORDS.iter().filter_map(fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is wrong with the report of one word.
fn fault((old, new, code, help, has_one_reading): &ForeignWord) -> Option<String> {
    let text = TOPOLOGY.replacen(old, new, 1);
    if text == TOPOLOGY {
        return Some(format!("{new}: the topology has no {old}"));
    }
    let compiled = compile_text("topology.toml", text);
    let diagnostics = &compiled.report.diagnostics;
    let Some(found) = diagnostics.iter().find(|found| found.code == *code) else {
        return Some(format!("{new}: no {code} in {diagnostics:?}"));
    };
    if found.help.as_deref() != Some(*help) || found.change.is_some() != *has_one_reading {
        return Some(format!("{new}: {:?}, change {:?}", found.help, found.change));
    }
    let changes: Vec<&Change> = found.change.iter().collect();
    let (fixed, _) = correction::apply(&compiled.document, &changes);
    let again = compile_text("topology.toml", fixed.clone());
    (*has_one_reading && !again.report.diagnostics.is_empty())
        .then(|| format!("{new} becomes:\n{fixed}"))
}

#[test]
fn the_topology_of_this_test_is_clean() {
    let compiled = compile_text("topology.toml", TOPOLOGY.to_owned());
    assert!(compiled.report.diagnostics.is_empty(), "{:?}", compiled.report.diagnostics);
}

/// A string and a comment may contain every character.
#[test]
fn characters_in_strings_and_comments_are_not_touched() {
    let text = TOPOLOGY.replacen("the test is about words", "“东京”，１ 台", 1).replacen(
        "id = 1\n",
        "id = 1 # “东京”，１ 台\nid = 1\n",
        1,
    );
    let compiled = compile_text("topology.toml", text);
    let messages: Vec<_> =
        compiled.report.diagnostics.iter().map(|found| found.message.as_str()).collect();
    assert_eq!(messages, ["`id` is defined twice"]);
}
