//! Tests of `export` and `kubeconfig`.

use std::collections::BTreeMap;
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;

use sha2::{Digest as _, Sha256};

use super::{BINARY, Ended, Place, TOPOLOGY, stderr_only};
use crate::snapshot;

/// Three control planes, one of them on NixOS, a worker, a laptop; a tunnel, and preshared keys.
pub(super) fn cluster() -> String {
    let node = |name: &str, id: u32, os: &str| {
        format!(
            "[[nodes]]\nname = \"{name}\"\nid = {id}\nrole = \"control-plane\"\nos = \"{os}\"\n\
             endpoint = \"203.0.113.{id}\"\n\n"
        )
    };
    let nodes = node("osaka", 5, "debian-13") + &node("seoul", 6, "nixos");
    TOPOLOGY.replace("[[clients]]", &format!("{nodes}[[clients]]")).replace(
        "[kube_proxy]",
        &format!("{TUNNEL}[wireguard]\npreshared_keys = true\n\n[kube_proxy]"),
    )
}

const TUNNEL: &str = "[cloudflare_tunnel]\nid = \"6ff42ae2-765d-4adf-8112-31c55c1551ef\"\n\
                      hostnames = [\"hello.example.com\"]\n\n";

/// Invented for these tests, in the form that `cloudflared tunnel create` writes.
pub(super) const CREDENTIALS: &str = "{\"AccountTag\":\"0123456789abcdef0123456789abcdef\",\
    \"TunnelSecret\":\"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\",\
    \"TunnelID\":\"6ff42ae2-765d-4adf-8112-31c55c1551ef\"}";

/// [`cluster`], with all of its secrets.
fn complete_place() -> Place {
    let place = Place::with(&cluster());
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    place.write("credentials.json", CREDENTIALS);
    assert_eq!(
        place.run(&["keys", "import", "tunnel", "credentials.json", "-q"]),
        stderr_only(0, "")
    );
    place
}

/// One entry of a tar.
struct Entry {
    path: String,
    mode: u32,
    bytes: Vec<u8>,
}

fn read_entries(tar: &str) -> Vec<Entry> {
    let mut archive = tar::Archive::new(tar.as_bytes());
    let entries = archive.entries().expect("a tar").map(|entry| {
        let mut entry = entry.expect("an entry");
        let header = entry.header().clone();
        assert!(header.as_ustar().is_some_and(|ustar| ustar.magic == *b"ustar\0"), "plain ustar");
        let root = [header.uid().ok(), header.gid().ok(), header.mtime().ok()];
        assert_eq!(root, [Some(0); 3], "root's, without a time");
        let path = String::from_utf8(entry.path_bytes().into_owned()).expect("UTF-8");
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).expect("its bytes");
        Entry { path, mode: header.mode().expect("a mode"), bytes }
    });
    entries.collect()
}

/// The bytes of the files by their paths.
fn read_files(tar: &str) -> BTreeMap<String, String> {
    let files = read_entries(tar).into_iter().filter(|entry| !entry.path.ends_with('/'));
    files.map(|file| (file.path, String::from_utf8(file.bytes).expect("UTF-8"))).collect()
}

fn exported(ended: Ended) -> String {
    let (code, stdout, stderr) = ended;
    assert_eq!(code, Some(0), "{stderr}");
    stdout
}

/// Every path with its mode, for one node of each kind.
#[test]
fn delivery_contains_the_files_of_the_node() {
    let place = complete_place();
    for node in ["hongkong", "osaka", "tokyo", "seoul"] {
        let arguments = match node {
            "hongkong" => &["export", node][..],
            _ => &["export", node, "--join"],
        };
        let tar = exported(place.run(arguments));
        let lines: Vec<_> = read_entries(&tar)
            .iter()
            .map(|entry| format!("{:04o} {}", entry.mode, entry.path))
            .collect();
        let name = format!("cli-export-{node}");
        snapshot::settings().bind(|| insta::assert_snapshot!(name, lines.join("\n")));
    }
}

#[test]
fn marker_is_last_and_lists_every_file() {
    let place = complete_place();
    for (arguments, head) in [
        (&["export", "tokyo"][..], "# meshwright delivery for tokyo of atlas"),
        (&["export", "seoul"], "# meshwright delivery for seoul of atlas"),
        (&["export", "tokyo", "--public"], "# meshwright delivery for tokyo of atlas, public part"),
    ] {
        let entries = read_entries(&exported(place.run(arguments)));
        let (marker, others) = entries.split_last().expect("entries");
        assert_eq!((marker.path.as_str(), marker.mode), ("etc/meshwright/delivery", 0o600));
        let files = others.iter().filter(|entry| !entry.path.ends_with('/'));
        let sums = files.map(|file| {
            let sum = Sha256::digest(&file.bytes);
            let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
            format!("{sum}  {}\n", file.path)
        });
        let mut sums: Vec<_> = sums.collect();
        sums.sort_by(|one, other| one[66..].cmp(&other[66..]));
        let expected = format!("{head}\n{}", sums.concat());
        let text = String::from_utf8(marker.bytes.clone()).expect("UTF-8");
        // A host compares the time of a whole delivery with that of its last one.
        let is_date = |line: &&str| line.starts_with("# exported ");
        let dates: Vec<_> = text.lines().filter(is_date).collect();
        assert_eq!(dates.len(), usize::from(!head.ends_with("public part")));
        let lines = text.lines().filter(|line| !is_date(line)).map(|line| format!("{line}\n"));
        assert_eq!(lines.collect::<String>(), expected);
    }
}

/// The files of a delivery, without the line of the marker that has the time of the export.
fn without_time(tar: &str) -> BTreeMap<String, String> {
    let mut files = read_files(tar);
    let marker = files.get_mut("etc/meshwright/delivery").expect("a marker");
    let (head, exported) = marker.split_once("\n# exported ").expect("the time of the export");
    let (_, list) = exported.split_once('\n').expect("the list of the files");
    *marker = format!("{head}\n{list}");
    files
}

#[test]
fn delivery_equals_the_output_directory_and_the_store() {
    let place = complete_place();
    assert_eq!(place.run(&["generate", "-q"]).0, Some(0));
    let (code, tar, stderr) = place.run(&["export", "hongkong"]);
    let expected_message = "hongkong: 72 files, 13 readable only by root\n";
    assert_eq!((code, stderr.as_str()), (Some(0), expected_message));
    let files = read_files(&tar);
    let table = [
        ("etc/wireguard/wg0.conf", "out/nodes/hongkong/wg0.conf"),
        ("etc/kubernetes/kubeadm.yaml", "out/nodes/hongkong/kubeadm.yaml"),
        ("etc/meshwright/cluster/calico/bgp.yaml", "out/cluster/calico/bgp.yaml"),
        ("etc/meshwright/cluster/apply.sh", "out/cluster/apply.sh"),
        ("etc/wireguard/wg0.key", "secrets/nodes/hongkong/wg0.key"),
        ("etc/wireguard/wg0.psk/tokyo", "secrets/preshared/hongkong+tokyo.psk"),
        ("etc/wireguard/wg0.psk/laptop", "secrets/preshared/hongkong+laptop.psk"),
        ("etc/kubernetes/pki/ca.key", "secrets/cluster/pki/ca.key"),
        ("etc/kubernetes/pki/etcd/ca.crt", "secrets/cluster/pki/etcd/ca.crt"),
        ("etc/kubernetes/pki/sa.key", "secrets/cluster/pki/sa.key"),
    ];
    for (sent, kept) in table {
        assert_eq!(files[sent], place.read(kept), "{sent}");
    }
    // The init node does not join: its delivery has no new credential.
    let second_export = exported(place.run(&["export", "hongkong"]));
    assert_eq!(without_time(&second_export), without_time(&tar));
    let other = exported(place.run(&["export", "osaka", "--join"]));
    assert_ne!(exported(place.run(&["export", "osaka", "--join"])), other);

    place.write("out/nodes/hongkong/wg0.conf", "edited");
    let drift = "warning: out/nodes/hongkong/wg0.conf differs from the exported file; run \
                 `meshwright generate`\n";
    assert_eq!(place.run(&["export", "hongkong"]).2, format!("{drift}{expected_message}"));
}

#[test]
fn joining_node_gets_a_credential_for_one_day() {
    let place = complete_place();
    let files = read_files(&exported(place.run(&["export", "tokyo", "--join"])));
    let later = read_files(&exported(place.run(&["export", "tokyo"])));
    let only_first: Vec<_> = files.keys().filter(|path| !later.contains_key(*path)).collect();
    let credential =
        ["etc/kubernetes/discovery.conf", "etc/kubernetes/join.crt", "etc/kubernetes/join.key"];
    assert_eq!(only_first, credential);
    let initialises = "error: hongkong initialises the cluster, and joins none\n |\n = help: omit `--join`; if the \
                       cluster exists, set `init` of [control_plane] to a node of it, and hongkong joins\n";
    assert_eq!(place.run(&["export", "hongkong", "--join"]), stderr_only(2, initialises));
    let (_, pem) =
        x509_parser::pem::parse_x509_pem(files["etc/kubernetes/join.crt"].as_bytes()).expect("PEM");
    let certificate = pem.parse_x509().expect("a certificate");
    assert_eq!(certificate.subject().to_string(), "O=system:nodes, CN=system:node:tokyo");
    let validity = certificate.validity();
    assert_eq!(validity.not_after.timestamp() - validity.not_before.timestamp(), 25 * 3600);
    let usage = certificate.extended_key_usage().expect("readable").expect("there");
    assert!(usage.value.client_auth && !usage.value.server_auth && !certificate.is_ca());

    let discovery = &files["etc/kubernetes/discovery.conf"];
    let masked: Vec<_> = discovery
        .lines()
        .map(|line| match line.split_once("-data: ") {
            Some((key, _)) => format!("{key}-data: …"),
            None => line.to_owned(),
        })
        .collect();
    snapshot::settings()
        .bind(|| insta::assert_snapshot!("cli-export-discovery", masked.join("\n")));
}

#[test]
fn public_part_contains_no_secret() {
    let place = complete_place();
    let whole = read_files(&exported(place.run(&["export", "hongkong"])));
    let public = read_files(&exported(place.run(&["export", "hongkong", "--public"])));
    let left_out: Vec<_> = whole.keys().filter(|path| !public.contains_key(*path)).collect();
    assert!(left_out.iter().all(|path| {
        let folders = ["etc/kubernetes/pki/", "etc/meshwright/secrets/", "etc/wireguard/wg0.psk/"];
        let files = ["etc/wireguard/wg0.key", "etc/meshwright/api-server/encryption.yaml"];
        folders.iter().any(|folder| path.starts_with(folder)) || files.contains(&path.as_str())
    }));
    assert_eq!((left_out.len(), public.len()), (16, 57));
    fs::remove_dir_all(place.path().join("secrets")).expect("a store");
    let again = read_files(&exported(place.run(&["export", "hongkong", "--public"])));
    assert_eq!(again, public, "no store is needed");
}

#[test]
fn client_gets_its_complete_configuration() {
    let place = complete_place();
    let conf = exported(place.run(&["export", "--client", "laptop"]));
    let mut masked = conf.clone();
    let key = |file: &str| place.read(file).trim_end().to_owned();
    let secrets = [
        ("PRIVATE", key("secrets/clients/laptop/wg0.key")),
        ("WITH-HONGKONG", key("secrets/preshared/hongkong+laptop.psk")),
        ("WITH-TOKYO", key("secrets/preshared/laptop+tokyo.psk")),
        ("WITH-OSAKA", key("secrets/preshared/laptop+osaka.psk")),
        ("WITH-SEOUL", key("secrets/preshared/laptop+seoul.psk")),
    ];
    for (name, secret) in &secrets {
        assert_eq!(masked.matches(secret.as_str()).count(), 1, "{name}");
        masked = masked.replace(secret.as_str(), name);
    }
    let public_keys = super::public_keys(&place.read("topology.toml"));
    for (position, key) in public_keys.iter().enumerate() {
        masked = masked.replace(key.as_str(), &format!("PUBLIC-{position}"));
    }
    snapshot::settings().bind(|| insta::assert_snapshot!("cli-export-client", masked));

    let to = place.run(&["export", "--client", "laptop", "--to", "wg0.conf"]);
    assert_eq!(to, stderr_only(0, "laptop: complete configuration with 4 peers\n"));
    assert_eq!(place.read("wg0.conf"), conf);
    let mode = fs::metadata(place.path().join("wg0.conf")).expect("there").permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    let again = place.run(&["export", "--client", "laptop", "--to", "wg0.conf"]);
    assert_eq!(again, stderr_only(2, "error: cannot write wg0.conf: File exists (os error 17)\n"));
}

#[test]
fn secrets_of_the_cluster_are_manifests() {
    let place = complete_place();
    let local = read_files(&exported(place.run(&["export", "--manifests"])));
    let names: Vec<_> = local.keys().map(String::as_str).collect();
    assert_eq!(names, ["bgp-password.yaml", "cloudflared.yaml"]);
    let password = place.read("secrets/cluster/bgp-password");
    assert_eq!(
        local["bgp-password.yaml"],
        manifest("bgp-password", "calico-system", "password", password.trim_end())
    );
    let credentials =
        manifest("cloudflared-credentials", "cloudflared", "credentials.json", CREDENTIALS);
    assert_eq!(local["cloudflared.yaml"], credentials);
    let sent = read_files(&exported(place.run(&["export", "hongkong"])));
    assert_eq!(sent["etc/meshwright/secrets/cloudflared.yaml"], credentials);

    place.edit("hostnames =", "mode = \"remote\"\nhostnames =");
    let remote = read_files(&exported(place.run(&["export", "--manifests"])));
    let token = "eyJhIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYiLCJzIjoiQVFJREJBVUdCd2dKQ2dzTURRNFBFQkVTRXhRVkZoY1lHUm9iSEIwZUh5QT0iLCJ0IjoiNmZmNDJhZTItNzY1ZC00YWRmLTgxMTItMzFjNTVjMTU1MWVmIn0=";
    assert_eq!(
        remote["cloudflared.yaml"],
        manifest("cloudflared-credentials", "cloudflared", "token", token)
    );
}

fn manifest(name: &str, namespace: &str, key: &str, value: &str) -> String {
    use base64::Engine as _;
    let value = base64::engine::general_purpose::STANDARD.encode(value);
    format!(
        "# generated by meshwright; contains a secret: do not commit it to git\napiVersion: v1\n\
         kind: Secret\n\
         metadata:\n  name: {name}\n  namespace: {namespace}\ntype: Opaque\ndata:\n  {key}: {value}\n"
    )
}

#[test]
fn kubeconfig_expires() {
    let place = complete_place();
    for (role, group, days) in [
        (&[][..], "kubeadm:cluster-admins", 90),
        (&["--role", "view", "--days", "7"], "meshwright:viewers", 7),
    ] {
        let (code, text, stderr) = place.run(&[&["kubeconfig", "laptop"], role].concat());
        assert_eq!(code, Some(0), "{stderr}");
        let expected_message = format!("laptop: kubeconfig for the group {group}, expires on ");
        assert!(stderr.starts_with(&expected_message), "{stderr}");
        let config: serde_json::Value = serde_saphyr::from_str(&text).expect("YAML");
        assert_eq!(config["clusters"][0]["cluster"]["server"], "https://10.66.66.1:6443");
        assert_eq!(config["current-context"], "laptop@atlas");
        let data = |value: &serde_json::Value| {
            use base64::Engine as _;
            let text = value.as_str().expect("a string");
            base64::engine::general_purpose::STANDARD.decode(text).expect("base64")
        };
        let authority = &config["clusters"][0]["cluster"]["certificate-authority-data"];
        assert_eq!(data(authority), place.read("secrets/cluster/pki/ca.crt").into_bytes());
        let certificate = data(&config["users"][0]["user"]["client-certificate-data"]);
        let (_, pem) = x509_parser::pem::parse_x509_pem(&certificate).expect("PEM");
        let certificate = pem.parse_x509().expect("a certificate");
        assert_eq!(certificate.subject().to_string(), format!("O={group}, CN=laptop"));
        let validity = certificate.validity();
        let seconds = validity.not_after.timestamp() - validity.not_before.timestamp();
        assert_eq!(seconds, days * 86_400 + 3600);
    }
    place.edit("name = \"laptop\"", "name = \"laptop\"\nreach = [\"services\"]");
    let (code, _, stderr) = place.run(&["kubeconfig", "laptop"]);
    let warning = "warning: laptop cannot reach the API: its `reach` does not contain \"nodes\"\n";
    assert!(code == Some(0) && stderr.starts_with(warning), "{stderr}");
}

#[test]
fn reports_missing_secrets() {
    let place = Place::with(&cluster());
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    let lost = ["cluster/pki/sa.key", "preshared/hongkong+osaka.psk"];
    for file in lost {
        fs::remove_file(place.path().join("secrets").join(file)).expect("a secret");
    }
    let missing = "secrets are missing:\n  hongkong and osaka: no preshared key\n  service accounts: \
                   no key\n  tunnel: no credential\nrun `meshwright keys`, then `meshwright keys \
                   import tunnel FILE`\n";
    assert_eq!(place.run(&["export", "hongkong"]), stderr_only(1, missing));
    let tunnel = "secrets are missing:\n  tunnel: no credential\nrun `meshwright keys import tunnel \
                  FILE`\n";
    assert_eq!(place.run(&["export", "--manifests"]), stderr_only(1, tunnel));
    assert_eq!(place.run(&["export", "tokyo", "-q"]).0, Some(0), "tokyo needs neither");

    let authority = "secrets are missing:\n  kubernetes: no certificate authority\nrun `meshwright \
                     keys`\n";
    let [authorities, aside] =
        ["secrets/cluster", "secrets/aside"].map(|folder| place.path().join(folder));
    fs::rename(&authorities, &aside).expect("authorities");
    assert_eq!(place.run(&["export", "tokyo", "--join"]), stderr_only(1, authority));
    assert_eq!(place.run(&["export", "tokyo", "-q"]).0, Some(0), "only a join needs the authority");
    fs::rename(&aside, &authorities).expect("authorities");

    fs::remove_dir_all(place.path().join("secrets/nodes/tokyo")).expect("a key");
    let elsewhere = "secrets are missing:\n  node tokyo: no private key in \
                     secrets/nodes/tokyo/wg0.key\ncopy the private key to that path, or delete \
                     `public_key` in the topology and run `meshwright keys`\n";
    assert_eq!(place.run(&["export", "tokyo"]), stderr_only(1, elsewhere));
    fs::remove_dir_all(place.path().join("secrets/cluster")).expect("authorities");
    assert_eq!(place.run(&["kubeconfig", "laptop"]), stderr_only(1, authority));
}

#[test]
fn suggests_known_names() {
    let place = complete_place();
    let cases: [(&[&str], &str); 4] = [
        (
            &["export", "tokio"],
            "error: there is no node `tokio`\n |\n = help: did you mean `tokyo`?\n",
        ),
        (
            &["export", "paris"],
            "error: there is no node `paris`\n |\n = help: the topology has hongkong, tokyo, \
             osaka, seoul\n",
        ),
        (
            &["export", "--client", "phone"],
            "error: there is no client `phone`\n |\n = help: the topology has laptop\n",
        ),
        (
            &["kubeconfig", "laptob"],
            "error: there is no client `laptob`\n |\n = help: did you mean `laptop`?\n",
        ),
    ];
    for (arguments, stderr) in cases {
        assert_eq!(place.run(arguments), stderr_only(2, stderr));
    }
    for arguments in [&["export"][..], &["export", "tokyo", "--manifests"]] {
        assert_eq!((place.run(arguments).0, place.run(arguments).1), (Some(2), String::new()));
    }
}

#[test]
fn refuses_to_print_secrets_to_a_terminal() {
    let place = complete_place();
    for (arguments, pipe) in [
        ("export tokyo", "meshwright export tokyo | ssh USER@HOST sudo meshwright-node apply"),
        ("export --client laptop", "meshwright export --client laptop --to ~/wg0.conf"),
        ("export --manifests", "meshwright export --manifests | tar -xC DIR"),
        ("kubeconfig laptop", "meshwright kubeconfig laptop --to FILE"),
    ] {
        let mut script = place.command("script");
        script.args(["-qec", &format!("{BINARY} --color never {arguments}"), "/dev/null"]);
        let Ok(output) = script.output() else {
            assert!(!std::path::Path::new("/usr/bin/script").exists(), "script(1) is broken");
            return;
        };
        let expected_message = String::from_utf8(output.stdout).expect("UTF-8").replace('\r', "");
        let expected =
            format!("error: secrets are not printed to a terminal\n |\n = help: run `{pipe}`\n");
        assert_eq!((output.status.code(), expected_message), (Some(2), expected));
    }
}
