//! Tests of the store: preshared keys, authorities, the tunnel credential and renamed nodes.

use std::fs;

use super::{Place, TOPOLOGY, stderr_only};

/// The names of the preshared keys.
fn pairs(place: &Place) -> Vec<String> {
    let names = place.tree().into_keys();
    names.filter_map(|path| Some(path.strip_prefix("secrets/preshared/")?.to_owned())).collect()
}

fn preshared() -> String {
    TOPOLOGY.replace("[kube_proxy]", "[wireguard]\npreshared_keys = true\n\n[kube_proxy]")
}

#[test]
fn each_pair_of_peers_has_a_preshared_key() {
    let place = Place::with(&preshared());
    let (code, _, stderr) = place.run(&["keys"]);
    let end = "secrets/preshared: 3 preshared keys generated\nnext: `meshwright generate`\n";
    assert_eq!((code, &stderr[stderr.len() - end.len()..]), (Some(0), end));
    let expected = ["hongkong+laptop.psk", "hongkong+tokyo.psk", "laptop+tokyo.psk"];
    assert_eq!(pairs(&place), expected);
    let before = place.tree();
    assert_eq!(before["secrets/preshared"].0, 0o700);
    for name in expected {
        let (mode, key) = &before[&format!("secrets/preshared/{name}")];
        let key = String::from_utf8(key.clone()).expect("text");
        assert_eq!((*mode, key.len(), key.ends_with("=\n")), (0o600, 45, true));
    }
    let complete = stderr_only(0, "keys are complete: 2 nodes, 1 client, 3 preshared keys\n");
    assert_eq!(place.run(&["keys"]), complete);
    assert_eq!(place.run(&["keys", "--check"]), complete);
    assert_eq!(place.tree(), before);
}

/// Two nodes behind NAT are not peers of each other or of clients.
#[test]
fn preshared_keys_match_the_pairs_of_peers() {
    let place = Place::with(&preshared());
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    let before = place.tree();
    let behind_nat = |name: &str, id: u32| {
        format!("[[nodes]]\nname = \"{name}\"\nid = {id}\nrole = \"worker\"\nrelay = \"tokyo\"\n\n")
    };
    let added = behind_nat("home", 3) + &behind_nat("office", 4);
    place.edit("[[clients]]", &format!("{added}[[clients]]"));
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    let expected = [
        "home+hongkong.psk",
        "home+tokyo.psk",
        "hongkong+laptop.psk",
        "hongkong+office.psk",
        "hongkong+tokyo.psk",
        "laptop+tokyo.psk",
        "office+tokyo.psk",
    ];
    assert_eq!(pairs(&place), expected);
    let after = place.tree();
    for (path, was) in before.iter().filter(|(path, _)| path.starts_with("secrets/")) {
        assert!(after[path] == *was, "{path}");
    }

    fs::remove_file(place.path().join("secrets/preshared/home+tokyo.psk")).expect("a key");
    let missing = "keys are missing:\n  home and tokyo: no preshared key\nrun `meshwright keys`\n";
    assert_eq!(place.run(&["keys", "--check"]), stderr_only(1, missing));
    let made = "secrets/preshared: 1 preshared key generated\nnext: `meshwright generate`\n";
    assert_eq!(place.run(&["keys"]), stderr_only(0, made));
}

#[test]
fn reports_malformed_preshared_keys() {
    let place = Place::with(&preshared());
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    place.write("secrets/preshared/hongkong+tokyo.psk", "cut sh");
    let before = place.tree();
    let report = "error[preshared-key-malformed]: secrets/preshared/hongkong+tokyo.psk does not\n\
                  \x20                               contain a preshared key\n  \
                  --> topology.toml:11:18\n   |\n\
                  11 | preshared_keys = true\n   |                  ^^^^ requires a preshared key\n   \
                  |\n   \
                  = help: restore the output of `wg genpsk`, or move the file away\n\n\
                  topology.toml: 1 error\n";
    assert_eq!(place.run(&["keys"]), stderr_only(1, report));
    assert_eq!(place.tree(), before);
}

#[test]
fn finds_the_key_of_a_renamed_node() {
    let place = Place::complete();
    place.edit("name = \"tokyo\"", "name = \"osaka\"");
    let before = place.tree();
    let command = "mkdir -p -m 700 secrets/nodes/osaka && mv secrets/nodes/tokyo/wg0.key secrets/nodes/osaka/wg0.key";
    let found = format!(
        "node osaka: its private key is in the store under an old name\n  \
         if a machine has the old name: restore it, and run `meshwright node rename`\n  \
         if none has it: {command}\n\
         keys are complete: 2 nodes, 1 client\n"
    );
    assert_eq!(place.run(&["keys"]), stderr_only(0, &found));
    assert_eq!(place.tree(), before);
    let moved = place.command("sh").args(["-c", command]).status().expect("sh runs");
    assert!(moved.success());
    assert_eq!(place.run(&["keys"]), stderr_only(0, "keys are complete: 2 nodes, 1 client\n"));
}

/// Both keys are 44 characters of base64. No verb accepts the private key as public, prints it or
/// writes it.
#[test]
fn reports_a_private_key_in_the_topology() {
    let place = Place::complete();
    let private = place.read("secrets/nodes/tokyo/wg0.key");
    let private = private.trim();
    let topology = place.read("topology.toml");
    let tokyo = topology.split("name = \"tokyo\"").nth(1).expect("a node");
    let public = tokyo.split("public_key = \"").nth(1).and_then(|rest| rest.split('"').next());
    place.edit(public.expect("a key"), private);
    let before = place.tree();
    let verbs: [&[&str]; 7] = [
        &["check"],
        &["generate"],
        &["keys", "--check"],
        &["keys"],
        &["export", "osaka"],
        &["export", "osaka", "--public"],
        &["export", "--client", "laptop"],
    ];
    for arguments in verbs {
        let (code, stdout, stderr) = place.run(arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
        assert_eq!(stderr.matches("error[private-key-published]").count(), 1, "{stderr}");
        assert!(stderr.contains(&format!("write public_key = \"{}\"", public.expect("a key"))));
        assert!(!stderr.contains(private), "{arguments:?} printed it");
    }
    assert_eq!(place.tree(), before);
}

/// Without a store, the key is found if the topology contains its public key, too.
#[test]
fn reports_a_private_key_beside_its_public_key() {
    let place = Place::complete();
    let private = place.read("secrets/nodes/tokyo/wg0.key");
    let topology = place.read("topology.toml");
    let hongkong = topology.split("\"hongkong\"").nth(1).expect("a node");
    let public = hongkong.split("public_key = \"").nth(1).and_then(|rest| rest.split('"').next());
    place.edit(public.expect("a key"), private.trim());
    fs::remove_dir_all(place.path().join("secrets")).expect("removed");
    for verb in ["check", "generate"] {
        let (code, stdout, stderr) = place.run(&[verb]);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{verb}: {stderr}");
        let head = "error[private-key-published]: the `public_key` of node hongkong is the private\n\
                    \x20                             key of node tokyo, a secret\n";
        assert!(stderr.starts_with(head), "{stderr}");
        let help =
            "= help: write the public key of node hongkong; if others saw it, generate new pairs\n";
        assert!(stderr.replace("\n           ", " ").contains(help), "{stderr}");
        assert!(!stderr.contains(private.trim()), "{verb} printed it");
    }
}

/// Asserts the first line and the source line of a report, and that no file changes.
fn assert_reported(place: &Place, arguments: &[&str], code: &str, message: &str, line: &str) {
    let before = place.tree();
    let (status, stdout, stderr) = place.run(arguments);
    let head = format!("error[{code}]: ");
    let unwrapped = stderr.replace(&format!("\n{}", " ".repeat(head.len())), " ");
    let head = format!("{head}{message}\n");
    assert!(unwrapped.starts_with(&head) && stderr.contains(line), "{stderr}");
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert_eq!(place.tree(), before, "files are not repaired");
}

const CLUSTER_LINE: &str =
    "3 | name = \"atlas\"\n  |        ^^^^^^^ the file belongs to this cluster\n";

#[test]
fn reports_authority_files_that_do_not_match() {
    let pki = |file: &str| format!("secrets/cluster/pki/{file}");
    let cases: [(&str, &str, &str, &str); 5] = [
        (
            "ca.crt",
            "front-proxy-ca.crt",
            "authority-mismatch",
            "does not belong to secrets/cluster/pki/ca.key",
        ),
        (
            "ca.crt",
            "ca.key",
            "authority-malformed",
            "does not contain the certificate of an authority",
        ),
        (
            "etcd/ca.crt",
            "sa.key",
            "authority-malformed",
            "does not contain the certificate of an authority",
        ),
        ("ca.key", "ca.crt", "authority-malformed", "does not contain a private key"),
        ("sa.key", "ca.crt", "service-account-key-malformed", "does not contain a private key"),
    ];
    for (file, with, code, message) in cases {
        let place = Place::complete();
        place.write(&pki(file), &place.read(&pki(with)));
        let message = format!("{} {message}", pki(file));
        for arguments in [&["keys"][..], &["keys", "--check"], &["export", "hongkong"]] {
            assert_reported(&place, arguments, code, &message, CLUSTER_LINE);
        }
    }
    let place = Place::complete();
    fs::remove_file(place.path().join(pki("ca.key"))).expect("a key");
    let message = "the key of secrets/cluster/pki/ca.crt is missing";
    assert_reported(&place, &["keys"], "authority-mismatch", message, CLUSTER_LINE);
}

/// As after an interrupted run, or when an expired certificate was moved away.
#[test]
fn issues_a_certificate_for_an_existing_key() {
    let place = Place::complete();
    let (key, certificate) = ("secrets/cluster/pki/ca.key", "secrets/cluster/pki/ca.crt");
    let (kept, old) = (place.read(key), place.read(certificate));
    fs::remove_file(place.path().join(certificate)).expect("a certificate");
    let missing =
        "keys are missing:\n  kubernetes: no certificate authority\nrun `meshwright keys`\n";
    assert_eq!(place.run(&["keys", "--check"]), stderr_only(1, missing));
    let (code, _, stderr) = place.run(&["keys"]);
    let issued = format!(
        "  kubernetes: {}, generated in {certificate}\nnext: `meshwright generate`\n",
        hash_of(&place, "ca.crt")
    );
    assert_eq!((code, stderr.as_str()), (Some(0), issued.as_str()));
    assert_eq!(place.read(key), kept);
    let public_key = |pem: &str| {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("PEM");
        pem.parse_x509().expect("a certificate").public_key().raw.to_vec()
    };
    assert_eq!(public_key(&place.read(certificate)), public_key(&old));
}

#[test]
fn reports_an_expired_authority() {
    let place = Place::complete();
    let key = place.read("secrets/cluster/pki/ca.key");
    let key = rcgen::KeyPair::from_pem(&key).expect("a key");
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.not_after = rcgen::date_time_ymd(2020, 2, 29);
    let ended = parameters.self_signed(&key).expect("signed").pem();
    place.write("secrets/cluster/pki/ca.crt", &ended);
    let message = "secrets/cluster/pki/ca.crt expired on 2020-02-29";
    for arguments in [&["keys"][..], &["export", "tokyo", "--join"], &["kubeconfig", "laptop"]] {
        assert_reported(&place, arguments, "authority-expired", message, CLUSTER_LINE);
    }
}

#[test]
fn reports_a_password_that_bird_rejects() {
    let place = Place::complete();
    place.edit("[kube_proxy]", "[calico]\nbgp_password = true\n\n[kube_proxy]");
    place.write("secrets/cluster/bgp-password", "two words\n");
    let message = "secrets/cluster/bgp-password does not contain a BGP password";
    let line = "11 | bgp_password = true\n   |                ^^^^ requires a password\n";
    assert_reported(&place, &["keys"], "bgp-password-malformed", message, line);
    assert_reported(&place, &["export", "--manifests"], "bgp-password-malformed", message, line);
    place.edit("bgp_password = true", "bgp_password = false");
    assert_eq!(place.run(&["keys"]), stderr_only(0, "keys are complete: 2 nodes, 1 client\n"));
}

#[test]
fn reports_encryption_keys_that_the_api_server_rejects() {
    let place = Place::complete();
    place.write("secrets/cluster/encryption.keys", "too short\n");
    let message = "secrets/cluster/encryption.keys does not contain keys of 32 bytes in base64, one on each line";
    for arguments in [&["keys"][..], &["export", "hongkong"]] {
        assert_reported(&place, arguments, "encryption-keys-malformed", message, CLUSTER_LINE);
    }
}

const ID: &str = "6ff42ae2-765d-4adf-8112-31c55c1551ef";

#[test]
fn imports_the_tunnel_credential_in_either_form() {
    use super::export::CREDENTIALS;
    let place = Place::complete();
    place.write("credentials.json", CREDENTIALS);
    let import = ["keys", "import", "tunnel", "credentials.json"];
    let none = "error: topology.toml has no [cloudflare_tunnel]\n |\n = help: add this table with \
                `id` and `hostnames`\n";
    assert_eq!(place.run(&import), stderr_only(2, none));
    let tunnel = format!("[cloudflare_tunnel]\nid = \"{ID}\"\nhostnames = [\"a.example.com\"]\n\n");
    place.edit("[kube_proxy]", &format!("{tunnel}[kube_proxy]"));
    let missing = "the credential of the tunnel is missing: run `meshwright keys import tunnel FILE`\n\
                   keys are complete: 2 nodes, 1 client\n";
    assert_eq!(place.run(&["keys"]), stderr_only(0, missing));
    let check =
        "keys are missing:\n  tunnel: no credential\nrun `meshwright keys import tunnel FILE`\n";
    assert_eq!(place.run(&["keys", "--check"]), stderr_only(1, check));
    let kept = format!("secrets/cluster/tunnel.json: credential of the tunnel {ID} imported\n");
    assert_eq!(place.run(&import), stderr_only(0, &kept));
    assert_eq!(
        place.run(&import),
        stderr_only(0, "secrets/cluster/tunnel.json contains this credential already\n")
    );

    use base64::Engine as _;
    let token = "{\"a\":\"0123456789abcdef0123456789abcdef\",\"s\":\"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\",\"t\":\"6ff42ae2-765d-4adf-8112-31c55c1551ef\"}";
    let token = base64::engine::general_purpose::STANDARD.encode(token);
    let from_stdin = |token: &str| {
        let script = format!("echo '{token}' | \"$0\" keys import tunnel -");
        super::ended(place.command("sh").args(["-c", &script, super::BINARY]).output().expect("sh"))
    };
    assert_eq!(
        from_stdin(&token),
        stderr_only(0, "secrets/cluster/tunnel.json contains this credential already\n")
    );
    fs::remove_file(place.path().join("secrets/cluster/tunnel.json")).expect("kept");
    let shown = format!("cloudflared service install {token}");
    assert_eq!(from_stdin(&shown), stderr_only(0, &kept));
    assert_eq!(place.read("secrets/cluster/tunnel.json"), CREDENTIALS);

    place.write("credentials.json", &CREDENTIALS.replace("AQID", "BQID"));
    let another = "error: secrets/cluster/tunnel.json contains another credential\n |\n = help: if it \
                   is outdated, move the file away\n";
    assert_eq!(place.run(&import), stderr_only(2, another));
    let gone = "error: cannot read gone.json: No such file or directory (os error 2)\n";
    assert_eq!(place.run(&["keys", "import", "tunnel", "gone.json"]), stderr_only(2, gone));
}

#[test]
fn rejects_the_credential_of_another_tunnel() {
    use super::export::CREDENTIALS;
    let place = Place::complete();
    let tunnel = format!("[cloudflare_tunnel]\nid = \"{ID}\"\nhostnames = [\"a.example.com\"]\n\n");
    place.edit("[kube_proxy]", &format!("{tunnel}[kube_proxy]"));
    let other = ID.replace("6ff4", "7ff4");
    place.write("credentials.json", &CREDENTIALS.replace(ID, &other));
    place.write("key.json", &place.read("secrets/nodes/tokyo/wg0.key"));
    let line = |label: &str| {
        format!("11 | id = \"{ID}\"\n   |      {} {label}\n", "^".repeat(ID.len() + 2))
    };
    let import = |file| ["keys", "import", "tunnel", file];
    let message = format!("credentials.json is the credential of the tunnel {other}");
    let (mismatch, malformed) = ("tunnel-credential-mismatch", "tunnel-credential-malformed");
    assert_reported(
        &place,
        &import("credentials.json"),
        mismatch,
        &message,
        &line("is another tunnel"),
    );
    let message = "key.json does not contain a tunnel credential";
    assert_reported(
        &place,
        &import("key.json"),
        malformed,
        message,
        &line("requires a credential"),
    );

    place.write("secrets/cluster/tunnel.json", &place.read("credentials.json"));
    let message = format!("secrets/cluster/tunnel.json is the credential of the tunnel {other}");
    for arguments in [&["keys"][..], &["export", "hongkong"], &["export", "--manifests"]] {
        assert_reported(&place, arguments, mismatch, &message, &line("is another tunnel"));
    }
    place.write("secrets/cluster/tunnel.json", "{}");
    let message = "secrets/cluster/tunnel.json does not contain a tunnel credential";
    assert_reported(&place, &["keys"], malformed, message, &line("requires a credential"));
}

/// The files of the pinned keys in the store, each with the key of `[cluster]` that has its hash.
const PINNED: [(&str, &str); 4] = [
    ("ca.crt", "ca_hash"),
    ("front-proxy-ca.crt", "front_proxy_ca_hash"),
    ("etcd/ca.crt", "etcd_ca_hash"),
    ("sa.key", "service_account_key_hash"),
];

/// The hash of the public key in a file of the store, by other code than the program's.
fn hash_of(place: &Place, file: &str) -> String {
    let text = place.read(&format!("secrets/cluster/pki/{file}"));
    let public_key = if file.ends_with(".crt") {
        let (_, pem) = x509_parser::pem::parse_x509_pem(text.as_bytes()).expect("PEM");
        pem.parse_x509().expect("a certificate").public_key().raw.to_vec()
    } else {
        use rcgen::PublicKeyData as _;
        rcgen::KeyPair::from_pem(&text).expect("a key").subject_public_key_info()
    };
    format!("sha256:{}", meshwright_value::Sha256::compute(&public_key))
}

/// The lines of `[cluster]` with hashes.
fn hash_lines(place: &Place) -> Vec<String> {
    let topology = place.read("topology.toml");
    topology.lines().filter(|line| line.contains("_hash = ")).map(str::to_owned).collect()
}

fn expected_hash_lines(place: &Place) -> Vec<String> {
    PINNED.map(|(file, key)| format!("{key} = \"{}\"", hash_of(place, file))).to_vec()
}

#[test]
fn the_hashes_of_the_authorities_are_in_the_topology() {
    let place = Place::complete();
    let complete = stderr_only(0, "keys are complete: 2 nodes, 1 client\n");
    assert_eq!(hash_lines(&place), expected_hash_lines(&place));
    let pinned = place.read("topology.toml");
    assert_eq!(place.run(&["keys"]), complete);
    assert_eq!(place.read("topology.toml"), pinned);

    // A store of an earlier release has no hashes in its topology.
    let hashes = hash_lines(&place);
    place.edit(&format!("{}\n", hashes.join("\n")), "");
    let missing = "keys are missing:\n  kubernetes: no `ca_hash` in the topology\n  front-proxy-ca: no \
                   `front_proxy_ca_hash` in the topology\n  etcd-ca: no `etcd_ca_hash` in the topology\n  \
                   service accounts: no `service_account_key_hash` in the topology\nrun `meshwright \
                   keys`\n";
    assert_eq!(place.run(&["keys", "--check"]), stderr_only(1, missing));
    let owners = ["kubernetes", "front-proxy-ca", "etcd-ca", "service accounts"];
    let derived = owners.iter().zip(PINNED).map(|(owner, (file, _))| {
        format!("  {owner}: {}, derived from secrets/cluster/pki/{file}\n", hash_of(&place, file))
    });
    let written = format!(
        "topology.toml: 4 hashes written\n{}next: `meshwright generate`\n",
        derived.collect::<String>()
    );
    assert_eq!(place.run(&["keys"]), stderr_only(0, &written));
    assert_eq!(place.read("topology.toml"), pinned);
}

/// Of another cluster, of a wrong copy, or of a change of the sealed store in git.
#[test]
fn reports_a_replaced_authority() {
    let other = Place::complete();
    let verbs: [&[&str]; 5] = [
        &["keys"],
        &["keys", "--check"],
        &["export", "hongkong"],
        &["export", "tokyo", "--join"],
        &["kubeconfig", "laptop"],
    ];
    for (file, key) in PINNED {
        let place = Place::complete();
        for name in [file.to_owned(), file.replace(".crt", ".key")] {
            let path = format!("secrets/cluster/pki/{name}");
            place.write(&path, &other.read(&path));
        }
        let message = format!("secrets/cluster/pki/{file} is not of the key whose hash is `{key}`");
        let lines = hash_lines(&place);
        let line = lines.iter().find(|line| line.starts_with(key)).expect("a hash");
        let written = line.split(" = ").nth(1).expect("a value");
        let used = match key {
            "ca_hash" => &verbs[..],
            _ => &verbs[..3],
        };
        for arguments in used {
            assert_reported(&place, arguments, "authority-replaced", &message, written);
        }
        let (_, _, stderr) = place.run(&["keys"]);
        let help = format!(
            "help: restore the file of this cluster; if the cluster gets a new key, remove `{key}` and run \
             `meshwright keys`\n"
        );
        assert!(stderr.replace("\n          ", " ").contains(&help), "{stderr}");
        // The new key is taken if its hash is removed.
        place.edit(&format!("{line}\n"), "");
        let (code, _, stderr) = place.run(&["keys"]);
        assert_eq!(code, Some(0), "{stderr}");
        assert!(stderr.starts_with("topology.toml: 1 hash written\n"), "{stderr}");
        assert_eq!(place.run(&["keys", "--check", "-q"]), stderr_only(0, ""));
    }
}

const OTHER_STORE: &str = "the topology has public keys of a cluster whose authorities are not in this \
    store:\n  if the cluster has another store, name it with --secrets, or restore its files\n  if it has \
    no store yet, run `meshwright keys --new-cluster`\n";

/// Without the cluster's part of the store, or without one file of it, and with a node that is new, `keys` makes
/// no second set.
#[test]
fn makes_no_second_set_of_authorities() {
    let node =
        "[[nodes]]\nname = \"osaka\"\nid = 3\nrole = \"worker\"\nendpoint = \"203.0.113.30\"\n";
    let lost: [(&str, &[&str]); 4] = [
        ("the part of the cluster", &["cluster"]),
        ("all but a private key", &["cluster", "clients", "nodes/tokyo"]),
        ("everything", &["cluster", "clients", "nodes"]),
        ("the key of the service accounts", &["cluster/pki/sa.key"]),
    ];
    for with_hashes in [true, false] {
        for (name, folders) in lost {
            let place = Place::complete();
            place.edit("[[clients]]", &format!("{node}[[clients]]"));
            if !with_hashes {
                place.edit(&format!("{}\n", hash_lines(&place).join("\n")), "");
                if folders == ["cluster/pki/sa.key"] {
                    continue;
                }
            }
            for folder in folders {
                let path = place.path().join("secrets").join(folder);
                if path.is_dir() {
                    fs::remove_dir_all(path).expect("removed");
                } else {
                    fs::remove_file(path).expect("removed");
                }
            }
            let before = place.tree();
            let (code, stdout, stderr) = place.run(&["keys"]);
            assert_eq!((code, stdout.as_str()), (Some(1), ""), "{name}: {stderr}");
            assert!(stderr.ends_with(OTHER_STORE), "{name}: {stderr}");
            assert_eq!(place.tree(), before, "{name}");
            assert_eq!(place.run(&["keys", "--new-cluster", "-q"]), stderr_only(0, ""), "{name}");
            assert_eq!(hash_lines(&place), expected_hash_lines(&place), "{name}");
        }
    }
}

/// A clone of the repository without the store must not get new authorities.
#[test]
fn does_not_replace_a_store_that_is_elsewhere() {
    let place = Place::complete();
    fs::remove_dir_all(place.path().join("secrets")).expect("a store");
    let before = place.tree();
    let elsewhere = "node hongkong: its private key is not in the store; its public key is kept\n\
                     node tokyo: its private key is not in the store; its public key is kept\n\
                     client laptop: its private key is not in the store; its public key is kept\n";
    assert_eq!(place.run(&["keys"]), stderr_only(1, &format!("{elsewhere}{OTHER_STORE}")));
    assert_eq!(place.tree(), before);
    assert_eq!(place.run(&["keys", "--new-cluster", "-q"]), stderr_only(0, ""));
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
}
