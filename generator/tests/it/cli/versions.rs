//! The versions file: printed, replaced, overridden in the topology, and updated by `release/versions`.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{Place, TOPOLOGY};
use crate::json_schema;
use crate::testing::repository;
use meshwright_compiler::topology::versions::BUILT_IN;
use meshwright_value::Sha256;

const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

#[test]
fn the_file_is_printed_as_a_table_as_json_and_as_it_is() {
    let place = Place::empty();
    assert_eq!(place.run(&["versions", "--toml"]), (Some(0), BUILT_IN.to_owned(), String::new()));
    let (code, table, stderr) = place.run(&["versions"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for line in ["compiled in, compared with its sources on ", "calico               3.32.1 "] {
        assert!(table.contains(line), "{line}: {table}");
    }
    let (code, printed, _) = place.run(&["versions", "--format", "json"]);
    assert_eq!(code, Some(0));
    let document: Value = serde_json::from_str(&printed).unwrap();
    let (_, schema, _) = place.run(&["schema", "versions"]);
    let schema: Value = serde_json::from_str(&schema).unwrap();
    assert_eq!(json_schema::faults(&schema, &document), [""; 0]);
    assert_eq!(document["file"], Value::Null);
    assert_eq!(document["sha256"], Sha256::compute(BUILT_IN.as_bytes()).to_string());
    assert_eq!(document["versions"]["calico"]["version"], "3.32.1");
}

/// A file with another image of the echo app, another key and another sandbox image.
fn changed() -> String {
    let changes = [
        (
            "docker.io/traefik/whoami:v1.11.0@sha256:2006",
            "docker.io/traefik/whoami:v1.11.9@sha256:0006",
        ),
        ("DE15B14486CD377B9E876E1A234654DA9A296436", "AA15B14486CD377B9E876E1A234654DA9A296436"),
        ("version = \"3.10.2\"", "version = \"3.10.9\""),
    ];
    changes.iter().fold(BUILT_IN.to_owned(), |text, (from, to)| {
        assert_eq!(text.matches(from).count(), 1, "{from}");
        text.replace(from, to)
    })
}

#[test]
fn another_file_is_used_recorded_and_proven() {
    let place = Place::complete();
    let text = changed();
    place.write("own.toml", &text);
    let (code, _, stderr) = place.run(&["generate", "--versions", "own.toml"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert_eq!(place.read("out/versions.toml"), text);
    let manifest: Value = serde_json::from_str(&place.read("out/manifest.json")).unwrap();
    assert_eq!(manifest["files"]["versions.toml"], Sha256::compute(text.as_bytes()).to_string());
    let env = place.read("out/nodes/tokyo/node.env");
    assert!(env.contains("='AA15B14486CD377B9E876E1A234654DA9A296436'"), "{env}");
    let (code, table, stderr) = place.run(&["prove"]);
    assert_eq!(code, Some(0), "{table}{stderr}");

    let (code, _, _) = place.run(&["generate", "--check", "--versions", "own.toml"]);
    assert_eq!(code, Some(0));
    let (code, _, stderr) = place.run(&["generate", "--check"]);
    assert_eq!(code, Some(1), "{stderr}");
    assert!(stderr.contains("versions.toml"), "{stderr}");
}

#[test]
fn a_new_topology_has_the_version_of_the_file() {
    let place = Place::empty();
    place.write("own.toml", &BUILT_IN.replacen("version = \"1.37.2\"", "version = \"1.37.1\"", 1));
    let (code, _, stderr) =
        place.run(&["init", "--node", "a=203.0.113.1", "--versions", "own.toml"]);
    assert_eq!(code, Some(0), "{stderr}");
    assert!(place.read("topology.toml").contains("\nkubernetes_version = \"1.37.1\"\n"));
}

#[test]
fn every_problem_of_a_file_is_reported_and_nothing_is_written() {
    let place = Place::complete();
    place.write(
        "own.toml",
        &BUILT_IN
            .replace("compared = \"2026-12-01\"", "compared = \"2026-13-01\"")
            .replace("\n[helm]\nversion", "\n[helm]\nverison"),
    );
    let (code, stdout, stderr) = place.run(&["generate", "--versions", "own.toml"]);
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    let line = |of: &str| {
        1 + place.read("own.toml").lines().position(|line| line.starts_with(of)).unwrap()
    };
    for named in [
        format!("own.toml:{}:12", line("compared")),
        "`2026-13-01` is not a valid day".to_owned(),
        format!("own.toml:{}:1", line("verison")),
        "there is no key `helm.verison`".to_owned(),
        "did you mean `version`?".to_owned(),
    ] {
        assert!(stderr.contains(&named), "{named}: {stderr}");
    }
    assert!(!place.path().join("out").exists());

    let (code, _, stderr) = place.run(&["check", "--versions", "missing.toml"]);
    assert_eq!(code, Some(2));
    assert!(stderr.starts_with("error: cannot read missing.toml: "), "{stderr}");
}

#[test]
fn versions_of_the_topology_are_emitted_and_proven() {
    let place = Place::with(TOPOLOGY);
    let tables = format!(
        "[packages]\ncontainerd_version = \"2.3.6-*\"\n\
         [packages.sources.traefik]\nurl = \"https://example.com/traefik-42.4.3.tgz\"\nversion = \"42.4.3\"\nsha256 = \"{DIGEST}\"\n\
         [packages.sources.helm-amd64]\nurl = \"https://example.com/amd64.tgz\"\nversion = \"4.3.2\"\nsha256 = \"{DIGEST}\"\n\
         [packages.sources.helm-arm64]\nurl = \"https://example.com/arm64.tgz\"\nversion = \"4.3.2\"\nsha256 = \"{DIGEST}\"\n\
         [cloudflare_tunnel]\nid = \"6ff42ae2-765d-4adf-8112-31c55c1551ef\"\nhostnames = [\"hello.example.com\"]\n\
         image = \"docker.io/cloudflare/cloudflared:2026.10.4@sha256:{DIGEST}\"\n\
         [hello]\nhostname = \"hello.example.com\"\nimage = \"docker.io/traefik/whoami:v1.12.0@sha256:{DIGEST}\"\n\n\
         [firewall]"
    );
    place.edit("[firewall]", &tables);
    place.edit(
        "\"traefik\" #",
        &format!("\"traefik\"\nimage = \"docker.io/traefik:v3.7.20@sha256:{DIGEST}\" #"),
    );
    assert_eq!(place.run(&["keys"]).0, Some(0));
    let (code, _, stderr) = place.run(&["generate"]);
    assert_eq!(code, Some(0), "{stderr}");
    let emitted = [
        ("out/cluster/apply.sh", "version[traefik]='42.4.3'"),
        ("out/cluster/apply.sh", "version[helm-arm64]='4.3.2'"),
        ("out/cluster/traefik/values.yaml", "--version 42.4.3 "),
        ("out/cluster/traefik/values.yaml", "tag: v3.7.20"),
        ("out/cluster/cloudflared/cloudflared.yaml", ":2026.10.4@sha256:e3b0c4"),
        ("out/cluster/hello/hello.yaml", ":v1.12.0@sha256:e3b0c4"),
        ("out/nodes/tokyo/node.env", "MESHWRIGHT_CONTAINERD_VERSION='2.3.6-*'"),
    ];
    for (file, text) in emitted {
        assert!(place.read(file).contains(text), "{file}: {text}");
    }
    let (code, table, stderr) = place.run(&["prove"]);
    assert_eq!(code, Some(0), "{table}{stderr}");
}

/// Answers of the servers, as files.
fn upstream(folder: &Path) {
    let answers = [
        ("api.github.com/repos/helm/helm/releases/latest", "{ \"tag_name\": \"v4.3.2\" }"),
        (
            "api.github.com/repos/projectcalico/calico/releases/latest",
            "{ \"tag_name\": \"v3.33.0\" }",
        ),
        (
            "api.github.com/repos/cloudflare/cloudflared/releases/latest",
            "{ \"tag_name\": \"2026.10.4\" }",
        ),
        ("api.github.com/repos/traefik/whoami/releases/latest", "{ \"tag_name\": \"v1.11.0\" }"),
        ("get.helm.sh/helm-v4.3.2-linux-amd64.tar.gz.sha256sum", DIGEST),
        ("get.helm.sh/helm-v4.3.2-linux-arm64.tar.gz.sha256sum", DIGEST),
        ("traefik.github.io/charts/index.yaml", INDEX),
        ("auth.docker.io/token", "{\"token\": \"a\"}"),
        ("registry-1.docker.io/v2/library/traefik/manifests/v3.7.20", "{\"manifests\": [1]}"),
        (
            "registry-1.docker.io/v2/cloudflare/cloudflared/manifests/2026.10.4",
            "{\"manifests\": [2]}",
        ),
        ("dl.k8s.io/release/stable-1.34.txt", "v1.34.4"),
        ("dl.k8s.io/release/stable-1.35.txt", "v1.35.9"),
        ("dl.k8s.io/release/stable-1.36.txt", "v1.36.3"),
        ("dl.k8s.io/release/stable-1.37.txt", "v1.37.2"),
        (
            "raw.githubusercontent.com/projectcalico/calico/v3.33.0/manifests/operator-crds.yaml",
            "a\n",
        ),
        (
            "raw.githubusercontent.com/projectcalico/calico/v3.33.0/manifests/tigera-operator.yaml",
            "b\n",
        ),
    ];
    for (path, answer) in answers {
        let path = folder.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("writable");
        fs::write(path, answer).expect("writable");
    }
}

const INDEX: &str = "\
apiVersion: v1
entries:
  traefik:
  - annotations:
      a: b
    appVersion: v3.7.20
    digest: 1111111111111111111111111111111111111111111111111111111111111111
    name: traefik
    urls:
    - https://traefik.github.io/charts/traefik/traefik-42.4.3.tgz
    version: 42.4.3
  - appVersion: v3.7.11
    version: 41.3.0
  traefik-hub:
  - version: 1.0.0
";

/// A key of OpenPGP that ends in 2100, and its fingerprint.
fn create_key(folder: &Path) -> String {
    let home = folder.join("gnupg");
    fs::create_dir_all(&home).expect("writable");
    let gpg = |arguments: &[&str]| {
        let mut gpg = Command::new("gpg");
        gpg.arg("--homedir").arg(&home).args(["--batch", "--quiet", "--pinentry-mode", "loopback"]);
        let output = gpg.args(["--passphrase", ""]).args(arguments).output().expect("gpg runs");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("text")
    };
    gpg(&["--quick-generate-key", "a <a@b>", "rsa2048", "sign", "2100-01-02"]);
    let listed = gpg(&["--with-colons", "--list-keys"]);
    let fingerprint = listed.lines().find_map(|line| line.strip_prefix("fpr:::::::::"));
    let key = folder.join("pkgs.k8s.io/core:/stable:/v1.37/deb/Release.key");
    fs::create_dir_all(key.parent().expect("a folder")).expect("writable");
    fs::write(key, gpg(&["--armor", "--export"])).expect("writable");
    fingerprint.expect("a fingerprint").trim_end_matches(':').to_owned()
}

/// The script runs with the real curl and gpg; only the servers are files.
#[test]
fn the_script_proposes_newer_versions() {
    let place = Place::empty();
    upstream(place.path());
    let fingerprint = create_key(place.path());
    let old = BUILT_IN.replace("DE15B14486CD377B9E876E1A234654DA9A296436", &fingerprint);
    place.write("own.toml", &old);
    let script = repository().join("release/versions");
    let run = || {
        let mut command = place.command(script.to_str().unwrap());
        let output =
            command.arg("own.toml").env("MESHWRIGHT_UPSTREAM", place.path()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, proposed, stderr) = run();
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    for line in [
        "helm: 4.3.0 -> 4.3.2\n",
        "traefik chart: 41.3.0 -> 42.4.3\n",
        "-> docker.io/cloudflare/cloudflared:2026.10.4\n",
        "kubernetes patches: 1.35.4 -> 1.35.9\n",
        "key of pkgs.k8s.io: 2026-12-29 -> 2100-01-02\n",
        "calico manifests: not known -> 3.33.0\n",
    ] {
        assert!(proposed.contains(line), "{line}: {proposed}");
    }
    let (code, printed, stderr) =
        place.run(&["versions", "--versions", "own.toml", "--format", "json"]);
    assert_eq!(code, Some(0), "{stderr}");
    let document: Value = serde_json::from_str(&printed).unwrap();
    let versions = &document["versions"];
    assert_eq!(versions["helm"]["arm64"], DIGEST);
    assert_eq!(versions["traefik"]["sha256"], "1".repeat(64));
    let index = Sha256::compute(b"{\"manifests\": [1]}");
    assert_eq!(versions["traefik"]["image"], format!("docker.io/traefik:v3.7.20@sha256:{index}"));
    assert_eq!(versions["kubernetes"]["keys"][0]["end"], "2100-01-02");
    assert_eq!(versions["calico"]["version"], "3.32.1");
    let manifests = versions["calico"]["manifests"].as_array().unwrap();
    let newest = manifests.iter().find(|one| one["version"] == "3.33.0").unwrap();
    assert_eq!(newest["crds"], Sha256::compute(b"a\n").to_string());
    assert_eq!(run(), (Some(0), String::new(), String::new()), "nothing is newer");
}
