//! Tests of the built binary: exit codes, streams and files.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

mod backup;
mod clients;
mod edited;
mod export;
mod exposure;
mod failures;
mod fix;
mod fleet;
mod graph;
mod hosts;
mod import;
mod ingress;
mod leaks;
mod many;
mod nodes;
mod overlays;
mod packaging;
mod pasted;
mod plan;
mod prove;
mod report;
mod rotate;
mod sarif;
mod sealed;
mod secrets;
mod upgrade;
mod versions;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;
use walkdir::WalkDir;

use crate::{json_schema, snapshot};
use meshwright_compiler::diagnostic::schema;

const BINARY: &str = env!("CARGO_BIN_EXE_meshwright");

/// A topology without warnings, with comments that an edit could lose.
const TOPOLOGY: &str = r#"# atlas
[cluster]
name = "atlas"
kubernetes_version = "1.36.1"

[kube_proxy]
mode = "nftables"

[ingress]
controller = "traefik" # not nginx

[firewall]
ssh_from = ["198.51.100.0/24"]

[[nodes]]   # in Hong Kong
name     = "hongkong"
id       = 1   # the first
role     = "control-plane"
endpoint = "203.0.113.10" # by DHCP

# 东京
[[nodes]]
name = "tokyo"
id = 2
role = "worker"
endpoint = "203.0.113.20"
labels.zone = "east"

[[clients]]
id = 200
name = "laptop"
# the end
"#;

/// The output of `check` for it.
const OK: &str = "topology.toml: ok, 2 nodes, 1 client\n\
                  Kubernetes 1.36.1 gets patch releases until 2027-06-28\n\
                  the key of the package repository of Kubernetes ends on 2026-12-29: docs/versions.md\n";

/// A directory with a topology.
struct Place(TempDir);

/// Exit code, stdout and stderr.
type Ended = (Option<i32>, String, String);

impl Place {
    fn empty() -> Self {
        Self(tempfile::tempdir().expect("a directory for the test"))
    }

    fn with(topology: &str) -> Self {
        let place = Self::empty();
        place.write("topology.toml", topology);
        place
    }

    /// A directory with a topology and its keys.
    fn complete() -> Self {
        let place = Self::with(TOPOLOGY);
        assert_eq!(place.run(&["keys"]).0, Some(0));
        place
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path().join(name)).expect("a text file")
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path().join(name), text).expect("a writable directory");
    }

    /// Replaces text in the topology.
    fn edit(&self, old: &str, new: &str) {
        let text = self.read("topology.toml");
        assert!(text.contains(old), "{old}");
        self.write("topology.toml", &text.replace(old, new));
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command.current_dir(self.path()).stdin(Stdio::null());
        command.env_remove("NO_COLOR").env_remove("COLUMNS");
        command
    }

    /// Runs git with an author, who is in no configuration of this machine.
    fn git(&self, arguments: &[&str]) {
        let mut git = self.command("git");
        git.args(["-c", "user.name=a", "-c", "user.email=a@b"]).args(arguments);
        assert!(git.output().expect("git runs").status.success(), "{arguments:?}");
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        ended(self.command(BINARY).args(arguments).output().expect("the binary runs"))
    }

    fn run_with_umask(&self, umask: &str, arguments: &[&str]) -> Ended {
        let script = format!("umask {umask}; exec \"$0\" \"$@\"");
        let mut shell = self.command("sh");
        shell.args(["-c", &script, BINARY]).args(arguments);
        ended(shell.output().expect("sh runs"))
    }

    /// Every path with its mode and, of files, its bytes.
    fn tree(&self) -> BTreeMap<String, (u32, Vec<u8>)> {
        let walk = WalkDir::new(self.path()).min_depth(1).into_iter();
        let entries = walk.map(|found| {
            let entry = found.expect("a readable tree");
            let path = entry.path();
            let name = path.strip_prefix(self.path()).expect("a path below").display().to_string();
            let bytes = if path.is_file() { fs::read(path).expect("a file") } else { Vec::new() };
            let mode = path.metadata().expect("metadata").permissions().mode() & 0o7777;
            (name, (mode, bytes))
        });
        entries.collect()
    }
}

fn ended(output: Output) -> Ended {
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code(), text(output.stdout), text(output.stderr))
}

/// The result of a run that prints only on stderr.
fn stderr_only(code: i32, stderr: &str) -> Ended {
    (Some(code), String::new(), stderr.to_owned())
}

/// The codes of a JSON report, and how many changes of each kind it has.
fn json(stdout: &str) -> (Vec<String>, Option<[usize; 4]>) {
    let document: serde_json::Value = serde_json::from_str(stdout).expect("one JSON document");
    assert_eq!(json_schema::faults(&schema::documents(), &document), [""; 0], "{stdout}");
    assert_eq!(document["schema_version"], 1);
    let diagnostics = document["diagnostics"].as_array().expect("an array");
    let code = |found: &serde_json::Value| found["code"].as_str().expect("a code").to_owned();
    let changes = document.get("changes").map(|changes| {
        ["added", "changed", "removed", "blocked"]
            .map(|kind| changes[kind].as_array().expect("an array").len())
    });
    (diagnostics.iter().map(code).collect(), changes)
}

/// The verbs, as `--help` lists them.
fn listed_verbs(help: &str) -> Vec<&str> {
    let listed = help.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    let verbs = listed.expect("a list").lines().filter(|line| !line.starts_with("   "));
    let verbs = verbs.filter_map(|line| line.split_whitespace().next());
    verbs.filter(|verb| *verb != "help").collect()
}

#[test]
fn help_of_each_verb_has_examples() {
    let place = Place::empty();
    let (code, help, stderr) = place.run(&["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    snapshot::settings().bind(|| insta::assert_snapshot!("cli-help", help));
    for verb in listed_verbs(&help) {
        let (code, text, stderr) = place.run(&[verb, "--help"]);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(text.contains(&format!("\nExamples:\n  meshwright {verb}")), "{verb}: {text}");
        let name = format!("cli-help-{verb}");
        snapshot::settings().bind(|| insta::assert_snapshot!(name, text));
    }
    for verb in ["node add", "node remove", "node rename", "client add", "client remove"] {
        let words: Vec<_> = verb.split(' ').chain(["--help"]).collect();
        let (code, text, stderr) = place.run(&words);
        assert_eq!((code, stderr.as_str()), (Some(0), ""));
        assert!(text.contains(&format!("\nExamples:\n  meshwright {verb}")), "{verb}: {text}");
        let name = format!("cli-help-{}", verb.replace(' ', "-"));
        snapshot::settings().bind(|| insta::assert_snapshot!(name, text));
    }
    let version = format!("meshwright {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(place.run(&["--version"]), (Some(0), version, String::new()));
}

#[test]
fn rejects_wrong_usage() {
    let place = Place::with(TOPOLOGY);
    let before = place.tree();
    let cases: &[(&[&str], &str)] = &[
        (&["frobnicate"], "error: unrecognized subcommand 'frobnicate'"),
        (&["check", "--frob"], "error: unexpected argument '--frob' found"),
        (
            &["generate", "--check", "--force"],
            "error: the argument '--check' cannot be used with '--force'",
        ),
        (&["check", "-q", "-v"], "error: the argument '--quiet' cannot be used with '--verbose'"),
        (
            &["init", "--name", "My Cluster"],
            "error: invalid value 'My Cluster' for '--name <NAME>': `My Cluster` has the \
             character `M`; did you mean `my-cluster`?",
        ),
        (
            &["init", "--node", "a=203.0.113.1,debian"],
            "error: invalid value 'a=203.0.113.1,debian' for '--node <NAME=ENDPOINT[,WORD…]>': \
             `debian` is not a role, operating system, architecture or provider",
        ),
        (&["init"], "error: topology.toml exists already"),
        (&["explain", "public-key-mising"], "error: there is no code `public-key-mising`"),
        (
            &["check", "-t", "none.toml"],
            "error: cannot read none.toml: No such file or directory (os error 2)",
        ),
    ];
    for (arguments, first_line) in cases {
        let (code, stdout, stderr) = place.run(arguments);
        let got = (code, stdout.as_str(), stderr.lines().next().unwrap_or_default());
        assert_eq!(got, (Some(2), "", *first_line), "{arguments:?}");
    }
    assert_eq!(place.tree(), before);
}

#[test]
fn failures_print_a_help() {
    let place = Place::empty();
    let missing = "error: cannot read topology.toml: No such file or directory (os error 2)\n |\n \
                   = help: run `meshwright init` to write a first topology, or name another file \
                   with --topology\n";
    assert_eq!(place.run(&["check"]), stderr_only(2, missing));
    let unknown = "error: there is no code `public-key-mising`\n |\n \
                   = help: did you mean `public-key-missing`?\n";
    assert_eq!(place.run(&["explain", "public-key-mising"]), stderr_only(2, unknown));
    assert!(place.run(&["--color", "always", "check"]).2.starts_with("\u{1b}["));
}

#[test]
fn check_reports_in_each_format() {
    let place = Place::complete();
    let before = place.tree();
    assert_eq!(place.run(&["check"]), stderr_only(0, OK));
    assert_eq!(place.run(&["check", "--strict", "--quiet"]), stderr_only(0, ""));
    let (code, stdout, _) = place.run(&["check", "--format", "json"]);
    assert_eq!((code, json(&stdout)), (Some(0), (vec![], None)));

    place.edit("\"traefik\" # not nginx", "\"ingress-nginx\"");
    let (code, stdout, stderr) = place.run(&["check", "--format", "json", "--strict"]);
    let warned = vec!["ingress-nginx-retired".to_owned()];
    assert_eq!((code, json(&stdout), stderr.as_str()), (Some(1), (warned, None), ""));
    let (code, stdout, stderr) = place.run(&["check"]);
    let last = stderr.lines().last();
    assert_eq!((code, stdout.as_str(), last), (Some(0), "", Some("topology.toml: 1 warning")));

    place.edit("role = \"worker\"", "role = \"wroker\"");
    let (code, stdout, _) = place.run(&["check", "--format", "json"]);
    let broken = vec!["value-malformed".to_owned()];
    assert_eq!((code, json(&stdout)), (Some(1), (broken, None)), "the warning waits");
    let (code, stdout, stderr) = place.run(&["check", "--format", "github"]);
    assert_eq!((code, stdout.lines().count(), stderr.as_str()), (Some(1), 1, ""));
    assert_eq!(place.run(&["check", "--color", "never"]).2.matches('\u{1b}').count(), 0);
    let without_topology = |mut tree: BTreeMap<_, _>| {
        tree.remove("topology.toml");
        tree
    };
    assert_eq!(without_topology(place.tree()), without_topology(before));
}

#[test]
fn no_color_applies_to_terminals() {
    let place = Place::empty();
    let on_terminal = |no_color: &str| {
        let mut script = place.command("script");
        script.args(["-qec", &format!("{BINARY} check"), "/dev/null"]).env("NO_COLOR", no_color);
        script.output().map(|output| output.stdout.contains(&0x1b))
    };
    let Ok(colored) = on_terminal("") else {
        let _ = writeln!(std::io::stderr(), "skipped: script(1) is not installed");
        return;
    };
    assert_eq!((colored, on_terminal("1").ok()), (true, Some(false)));
}

#[test]
fn closed_pipe_does_not_change_the_exit_code() {
    let place = Place::empty();
    let mut command = place.command(BINARY);
    command.args(["explain", "--markdown"]).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the binary runs");
    drop(child.stdout.take());
    assert_eq!(ended(child.wait_with_output().expect("it ends")), stderr_only(0, ""));

    let full = File::create("/dev/full").expect("the device that is always full");
    let output = place.command(BINARY).arg("explain").stdout(full).output();
    let full = "error: cannot print: No space left on device (os error 28)\n";
    assert_eq!(ended(output.expect("the binary runs")), stderr_only(2, full));
}

#[test]
fn explain_knows_each_code() {
    let place = Place::empty();
    let (code, list, stderr) = place.run(&["explain"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let codes = list.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for code in codes {
        let (status, text, stderr) = place.run(&["explain", code]);
        assert_eq!((status, stderr.as_str()), (Some(0), ""));
        let head = text.lines().next().unwrap_or_default();
        assert!(head.contains(&format!("[{code}]: ")) && text.lines().count() > 2, "{text}");
    }
    let (code, markdown, stderr) = place.run(&["explain", "--markdown"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_eq!(markdown, meshwright_compiler::catalogue::markdown());
}

#[test]
fn init_writes_placeholders() {
    let place = Place::empty();
    let next = "next: `meshwright keys`, `meshwright generate`, then `meshwright prove`\n";
    let expected_message = format!(
        "topology.toml: 3 nodes written\nnext: replace the placeholder addresses with those of your \
         hosts\n{next}"
    );
    assert_eq!(place.run_with_umask("022", &["init"]), stderr_only(0, &expected_message));
    let written = place.read("topology.toml");
    snapshot::settings().bind(|| insta::assert_snapshot!("cli-init", written));
    assert_eq!(place.tree()["topology.toml"].0, 0o644);
    let taken = "error: topology.toml exists already\n |\n \
                 = help: edit it, or name another file with --topology\n";
    assert_eq!(place.run(&["init", "--name", "other"]), stderr_only(2, taken));
    assert_eq!(place.read("topology.toml"), written);
    for verb in ["keys", "check", "generate"] {
        assert_eq!(place.run(&[verb]).0, Some(0), "{verb}");
    }
}

#[test]
fn init_from_flags() {
    let place = Place::empty();
    let nodes = [
        "hongkong=203.0.113.10:51821,alibaba",
        "tokyo=tokyo.example.com,control-plane,ubuntu-24.04",
        "home=nat,nixos",
        "office=nat",
    ];
    let arguments = nodes.iter().flat_map(|node| ["--node", node]);
    let arguments: Vec<_> =
        ["init", "-t", "b.toml", "--name", "b"].into_iter().chain(arguments).collect();
    let expected_message = "b.toml: 4 nodes written\nnext: `meshwright keys`, `meshwright generate`, then `meshwright prove`\n";
    assert_eq!(place.run(&arguments), stderr_only(0, expected_message));
    let written = place.read("b.toml");
    snapshot::settings().bind(|| insta::assert_snapshot!("cli-init-flags", written));
    assert_eq!(place.run(&["-t", "b.toml", "keys"]).0, Some(0));
    assert_eq!(place.run(&["-t", "b.toml", "check"]).0, Some(0));
}

#[test]
fn init_rejects_nodes_that_cannot_form_a_cluster() {
    let place = Place::empty();
    let arguments =
        ["init", "--node", "a=203.0.113.1", "--node", "a=203.0.113.2", "--format", "json"];
    let (code, stdout, stderr) = place.run(&arguments);
    let codes = vec!["name-duplicate".to_owned()];
    assert_eq!((code, json(&stdout), stderr.as_str()), (Some(1), (codes, None), ""));
    assert_eq!(place.tree(), BTreeMap::new());
}

#[test]
fn keys_are_generated_once() {
    let place = Place::with(TOPOLOGY);
    let missing = "keys are missing:\n  node hongkong: no key pair\n  node tokyo: no key pair\n  \
                   client laptop: no key pair\n  kubernetes: no certificate authority\n  \
                   front-proxy-ca: no certificate authority\n  etcd-ca: no certificate authority\n  \
                   service accounts: no key\n  Secrets in etcd: no key\n  BGP: no password\nrun `meshwright keys`\n";
    assert_eq!(place.run(&["keys", "--check"]), stderr_only(1, missing));
    assert_eq!(place.tree().len(), 1);

    let (code, stdout, stderr) = place.run(&["keys"]);
    let keys = public_keys(&place.read("topology.toml"));
    let [hongkong, tokyo, laptop] = keys.as_slice() else { panic!("three keys, not {keys:?}") };
    let topology = place.read("topology.toml");
    let hash = |key: &str| {
        let line = topology.lines().find_map(|line| line.strip_prefix(key));
        line.expect("a hash").trim_matches([' ', '=', '"']).to_owned()
    };
    let expected_message = format!(
        "topology.toml: 3 public keys and 4 hashes written\n  \
         node hongkong: {hongkong}, generated in secrets/nodes/hongkong/wg0.key\n  \
         node tokyo: {tokyo}, generated in secrets/nodes/tokyo/wg0.key\n  \
         client laptop: {laptop}, generated in secrets/clients/laptop/wg0.key\n  \
         kubernetes: {}, generated in secrets/cluster/pki/ca.crt\n  \
         front-proxy-ca: {}, generated in secrets/cluster/pki/front-proxy-ca.crt\n  \
         etcd-ca: {}, generated in secrets/cluster/pki/etcd/ca.crt\n  \
         service accounts: {}, generated in secrets/cluster/pki/sa.key\n\
         secrets/cluster/bgp-password: BGP password generated\n\
         secrets/cluster/encryption.keys: key for Secrets in etcd generated\n\
         next: `meshwright generate`\n",
        hash("ca_hash"),
        hash("front_proxy_ca_hash"),
        hash("etcd_ca_hash"),
        hash("service_account_key_hash"),
    );
    assert_eq!((code, stdout.as_str(), stderr), (Some(0), "", expected_message));

    let before = place.tree();
    let complete = stderr_only(0, "keys are complete: 2 nodes, 1 client\n");
    assert_eq!(place.run(&["keys"]), complete);
    assert_eq!(place.run(&["keys", "--check"]), complete);
    assert_eq!(place.tree(), before);
}

/// In the order of the file.
fn public_keys(topology: &str) -> Vec<String> {
    let keys = topology.lines().filter_map(|line| line.strip_prefix("public_key = \""));
    keys.map(|key| key.trim_end_matches('"').to_owned()).collect()
}

fn without_keys(topology: &str) -> String {
    let is_written = |line: &&str| line.starts_with("public_key") || line.contains("_hash = \"");
    topology.split_inclusive('\n').filter(|line| !is_written(line)).collect()
}

#[test]
fn keys_change_nothing_else_in_the_topology() {
    let place = Place::complete();
    let text = place.read("topology.toml");
    assert_eq!(without_keys(&text), TOPOLOGY);
    let before: Vec<_> = text
        .lines()
        .collect::<Vec<_>>()
        .windows(2)
        .filter(|pair| pair[1].starts_with("public_key") || pair[1].starts_with("ca_hash"))
        .map(|pair| pair[0])
        .collect();
    let last_keys = [
        "kubernetes_version = \"1.36.1\"",
        "endpoint = \"203.0.113.10\" # by DHCP",
        "labels.zone = \"east\"",
        "name = \"laptop\"",
    ];
    assert_eq!(before, last_keys);
}

#[test]
fn public_keys_are_derived_from_existing_private_keys() {
    let place = Place::complete();
    let (complete, tree) = (place.read("topology.toml"), place.tree());
    let tokyo = &public_keys(&complete)[1];
    place.edit(&format!("public_key = \"{tokyo}\"\n"), "");
    let missing = "keys are missing:\n  node tokyo: no public key in the topology\n\
                   run `meshwright keys`\n";
    assert_eq!(place.run(&["keys", "--check"]), stderr_only(1, missing));
    let expected_message = format!(
        "topology.toml: 1 public key written\n  \
         node tokyo: {tokyo}, derived from secrets/nodes/tokyo/wg0.key\nnext: `meshwright generate`\n"
    );
    assert_eq!(place.run(&["keys"]), stderr_only(0, &expected_message));
    assert_eq!(place.tree(), tree);
}

#[test]
fn public_keys_without_private_keys_are_kept() {
    let place = Place::complete();
    fs::remove_dir_all(place.path().join("secrets/nodes")).expect("keys of nodes");
    let before = place.tree();
    let expected_message = "node hongkong: its private key is not in the store; its public key is kept\n\
                node tokyo: its private key is not in the store; its public key is kept\n\
                keys are complete: 2 nodes, 1 client\n";
    assert_eq!(place.run(&["keys"]), stderr_only(0, expected_message));
    assert_eq!(place.tree(), before);
}

#[test]
fn reports_keys_that_contradict_each_other() {
    let place = Place::complete();
    let keys = public_keys(&place.read("topology.toml"));
    let [hongkong, tokyo] =
        ["hongkong", "tokyo"].map(|node| format!("secrets/nodes/{node}/wg0.key"));
    let first = place.read(&hongkong);
    place.write(&hongkong, &place.read(&tokyo));
    place.write(&tokyo, "not a key\n");
    place.edit("\n[[clients]]", "\n[[clients]]\nid = 201\nname = \"phone\"\n\n[[clients]]");
    let before = place.tree();
    let (code, stdout, stderr) = place.run(&["keys"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let text = stderr.replace(&keys[0], "KEY-OF-HONGKONG").replace(&keys[1], "KEY-OF-TOKYO");
    assert!(!text.contains(first.trim()));
    snapshot::settings().bind(|| insta::assert_snapshot!("cli-keys-contradict", text));
    assert_eq!(place.tree(), before);
}

#[test]
fn keys_requires_a_valid_topology() {
    let place = Place::with(
        &TOPOLOGY.replace("\"tokyo\"", "\"hongkong\"").replace("id = 2\n", "id = \"2\"\n"),
    );
    let before = place.tree();
    let (code, stdout, _) = place.run(&["keys", "--format", "json"]);
    let codes = json(&stdout).0;
    assert_eq!(
        (code, codes),
        (Some(1), vec!["name-duplicate".to_owned(), "type-mismatch".to_owned()])
    );
    assert_eq!(place.tree(), before);
}

#[test]
fn secrets_are_private_with_any_umask() {
    for (umask, topology) in [("000", 0o646), ("077", 0o640), ("777", 0o600)] {
        let place = Place::with(TOPOLOGY);
        let file = place.path().join("topology.toml");
        fs::set_permissions(file, fs::Permissions::from_mode(topology)).expect("own file");
        assert_eq!(place.run_with_umask(umask, &["keys", "-q"]), stderr_only(0, ""));
        let modes = place.tree().into_iter().map(|(path, (mode, _))| (path, mode));
        let expected = [
            ("secrets", 0o700),
            ("secrets/.gitignore", 0o600),
            ("secrets/clients", 0o700),
            ("secrets/clients/laptop", 0o700),
            ("secrets/clients/laptop/wg0.key", 0o600),
            ("secrets/cluster", 0o700),
            ("secrets/cluster/bgp-password", 0o600),
            ("secrets/cluster/encryption.keys", 0o600),
            ("secrets/cluster/pki", 0o700),
            ("secrets/cluster/pki/ca.crt", 0o600),
            ("secrets/cluster/pki/ca.key", 0o600),
            ("secrets/cluster/pki/etcd", 0o700),
            ("secrets/cluster/pki/etcd/ca.crt", 0o600),
            ("secrets/cluster/pki/etcd/ca.key", 0o600),
            ("secrets/cluster/pki/front-proxy-ca.crt", 0o600),
            ("secrets/cluster/pki/front-proxy-ca.key", 0o600),
            ("secrets/cluster/pki/sa.key", 0o600),
            ("secrets/nodes", 0o700),
            ("secrets/nodes/hongkong", 0o700),
            ("secrets/nodes/hongkong/wg0.key", 0o600),
            ("secrets/nodes/tokyo", 0o700),
            ("secrets/nodes/tokyo/wg0.key", 0o600),
            ("topology.toml", topology),
        ];
        let expected_modes = expected.map(|(path, mode)| (path.to_owned(), mode));
        assert_eq!(modes.collect::<Vec<_>>(), expected_modes, "umask {umask}");
        assert_eq!(place.read("secrets/.gitignore"), "*\n");
    }
}

#[test]
fn generate_writes_once() {
    let place = Place::complete();
    let (code, stdout, stderr) = place.run(&["generate", "--dry-run"]);
    let count = WalkDir::new(place.path().join("out")).into_iter().flatten().count();
    assert_eq!((code, stdout.as_str(), count), (Some(0), "", 0));
    let would = stderr.lines().last().expect("a summary").replace(" would be", "");

    let (code, stdout, stderr) = place.run(&["generate", "-v"]);
    assert_eq!((code, stdout.as_str()), (Some(0), ""));
    let tree = place.tree();
    let files: Vec<_> = tree
        .keys()
        .filter(|path| path.starts_with("out/") && place.path().join(path).is_file())
        .map(|path| path.trim_start_matches("out/"))
        .collect();
    let number = files.len();
    let mut expected: Vec<_> = files.iter().map(|path| format!("  added   {path}")).collect();
    expected.sort();
    expected.push(format!("out/: {number} files written, 0 removed, 0 unchanged"));
    expected.push("next: commit out/, then follow out/README.md".to_owned());
    assert_eq!(stderr.lines().collect::<Vec<_>>(), expected);
    assert_eq!(would, expected[number]);

    let before = place.tree();
    let current = stderr_only(0, &format!("out/ is up to date ({number} files)\n"));
    for flags in [&["generate"][..], &["generate", "--check"], &["generate", "--diff"]] {
        assert_eq!(place.run(flags), current, "{flags:?}");
    }
    assert_eq!(place.tree(), before);
}

/// A JSON report without diagnostics, up to the changes.
const JSON_HEAD: &str = "{\n  \"schema_version\": 1,\n  \"diagnostics\": [],\n  ";

#[test]
fn generate_reports_drift() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    let conf = "out/nodes/tokyo/wg0.conf";
    place.write(conf, &format!("{}# by hand\n", place.read(conf)));
    fs::remove_file(place.path().join("out/README.md")).expect("a file of ours");
    let before = place.tree();
    let drift = "out/ does not match topology.toml:\n  missing README.md\n  \
                 blocked nodes/tokyo/wg0.conf (edited by hand)\n\
                 `generate --diff` shows the edits, `generate --force` replaces them\n";
    assert_eq!(place.run(&["generate", "--check"]), stderr_only(1, drift));
    let (code, patch, stderr) = place.run(&["generate", "--check", "--diff"]);
    assert_eq!((code, stderr.as_str()), (Some(1), drift));
    assert!(patch.contains("\n-# by hand\n"), "{patch}");
    let (code, same_patch, stderr) = place.run(&["generate", "--diff"]);
    let number = place
        .tree()
        .keys()
        .filter(|path| place.path().join(path).is_file() && path.starts_with("out/"))
        .count();
    let would = "out/: nothing would be written, 1 file blocked\n\
                 `generate --diff` shows the edits, `generate --force` replaces them\n";
    assert_eq!((code, same_patch, stderr.as_str()), (Some(1), patch, would));
    let list = "  added   README.md\n  blocked nodes/tokyo/wg0.conf (edited by hand)\n";
    assert_eq!(place.run(&["generate", "--dry-run"]), stderr_only(1, &format!("{list}{would}")));
    let (code, stdout, _) = place.run(&["generate", "--check", "--format", "json"]);
    let changes = r#"{
    "added": [
      "README.md"
    ],
    "changed": [],
    "removed": [],
    "blocked": [
      {
        "path": "nodes/tokyo/wg0.conf",
        "reason": "edited by hand"
      }
    ],
    "unchanged": UNCHANGED
  }
}
"#;
    let expected = changes.replace("UNCHANGED", &(number - 1).to_string());
    assert_eq!(
        (code, stdout.split_once("\"changes\": ")),
        (Some(1), Some((JSON_HEAD, &*expected)))
    );
    let commands = "::error file=out/README.md,title=drift::\
                    missing: README.md does not match topology.toml\n\
                    ::error file=out/nodes/tokyo/wg0.conf,title=drift::\
                    blocked: nodes/tokyo/wg0.conf does not match topology.toml\n";
    let commands = (Some(1), commands.to_owned(), drift.to_owned());
    assert_eq!(place.run(&["generate", "--check", "--format", "github"]), commands);

    let (code, stdout, stderr) = place.run(&["generate"]);
    let refused = "error: out contains files that must not be overwritten\n         \
                   nodes/tokyo/wg0.conf: edited by hand\n";
    assert_eq!((code, stdout.as_str(), &stderr[..refused.len()]), (Some(1), "", refused));
    assert_eq!(place.tree(), before);
    assert_eq!(place.run(&["generate", "--force", "-q"]), stderr_only(0, ""));
    assert_eq!(place.run(&["generate", "--check", "-q"]), stderr_only(0, ""));
}

#[test]
fn generate_reports_remains_of_an_interrupted_run() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    let clean = place.tree();
    fs::create_dir(place.path().join("out/.staging")).expect("a folder");
    let (code, stdout, stderr) = place.run(&["generate", "--check"]);
    let left = "out/.staging remains from an interrupted run; the next `generate` deletes it";
    assert_eq!((code, stdout.as_str(), stderr.lines().last()), (Some(0), "", Some(left)));
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    assert_eq!(place.tree(), clean);

    fs::create_dir(place.path().join("out/.staging")).expect("a folder");
    place.write("out/.staging/notes", "another program's");
    let drift = "out/ does not match topology.toml:\n  \
                 blocked .staging (not written by meshwright)\n\
                 move away the files that meshwright did not write\n";
    assert_eq!(place.run(&["generate", "--check"]), stderr_only(1, drift));
}

#[test]
fn generate_writes_nothing_with_errors_in_the_topology() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    place.edit("role = \"worker\"", "role = \"wroker\"");
    let before = place.tree();
    for flags in [&["generate", "--force"][..], &["generate", "--check"], &["generate", "--diff"]] {
        let (code, stdout, stderr) = place.run(flags);
        let last = stderr.lines().last();
        assert_eq!(
            (code, stdout.as_str(), last),
            (Some(1), "", Some("nothing was written")),
            "{flags:?}"
        );
    }
    assert_eq!(place.tree(), before);
}

#[test]
fn default_paths_are_beside_the_topology() {
    let place = Place::empty();
    fs::create_dir(place.path().join("clusters")).expect("a folder");
    place.write("clusters/atlas.toml", TOPOLOGY);
    let topology = ["-t", "clusters/atlas.toml", "-q"];
    assert_eq!(place.run(&[&topology[..], &["keys"]].concat()), stderr_only(0, ""));
    assert_eq!(place.run(&[&topology[..], &["generate"]].concat()), stderr_only(0, ""));
    assert_eq!(
        place.run(&[&topology[..], &["generate", "-o", "elsewhere"]].concat()),
        stderr_only(0, "")
    );
    let tree = place.tree();
    let has = |path: &str| tree.contains_key(path);
    assert!(has("clusters/out/README.md") && has("clusters/secrets/nodes/tokyo/wg0.key"));
    assert!(has("elsewhere/README.md") && !has("out") && !has("secrets"));
}
