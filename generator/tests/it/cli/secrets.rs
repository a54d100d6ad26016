//! The store: preshared keys, names that changed, and what is not built yet.

use std::fs;

use super::{Place, TOPOLOGY, told};

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
    let end = "secrets/preshared: 3 preshared keys made\nnext: `meshwright generate`\n";
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
    let complete = told(0, "keys are complete: 2 nodes, 1 client, 3 preshared keys\n");
    assert_eq!(place.run(&["keys"]), complete);
    assert_eq!(place.run(&["keys", "--check"]), complete);
    assert_eq!(place.tree(), before);
}

/// Two nodes behind NAT are no peers of each other, and clients of neither.
#[test]
fn preshared_keys_follow_the_pairs() {
    let place = Place::with(&preshared());
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
    let before = place.tree();
    let behind_nat = |name: &str, id: u32| {
        format!("[[nodes]]\nname = \"{name}\"\nid = {id}\nrole = \"worker\"\nrelay = \"tokyo\"\n\n")
    };
    let added = behind_nat("home", 3) + &behind_nat("office", 4);
    place.edit("[[clients]]", &format!("{added}[[clients]]"));
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
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
    assert_eq!(place.run(&["keys", "--check"]), told(1, missing));
    let made = "secrets/preshared: 1 preshared key made\nnext: `meshwright generate`\n";
    assert_eq!(place.run(&["keys"]), told(0, made));
}

#[test]
fn a_preshared_key_that_is_none_is_named() {
    let place = Place::with(&preshared());
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
    place.write("secrets/preshared/hongkong+tokyo.psk", "cut sh");
    let before = place.tree();
    let report = "error[preshared-key-malformed]: secrets/preshared/hongkong+tokyo.psk holds no\n\
                  \x20                               preshared key\n --> topology.toml:7:18\n  |\n\
                  7 | preshared_keys = true\n  |                  ^^^^ asks for one\n  |\n  \
                  = help: put back what `wg genpsk` has printed, or move the file away\n\n\
                  topology.toml: 1 error\n";
    assert_eq!(place.run(&["keys"]), told(1, report));
    assert_eq!(place.tree(), before);
}

#[test]
fn the_key_of_a_renamed_node_is_found() {
    let place = Place::complete();
    place.edit("name = \"tokyo\"", "name = \"osaka\"");
    let before = place.tree();
    let command = "mkdir -p secrets/nodes/osaka && mv secrets/nodes/tokyo/wg0.key secrets/nodes/osaka/wg0.key";
    let found = format!(
        "node osaka: its private key is in the store under an old name:\n  {command}\n\
         keys are complete: 2 nodes, 1 client\n"
    );
    assert_eq!(place.run(&["keys"]), told(0, &found));
    assert_eq!(place.tree(), before);
    let moved = place.command("sh").args(["-c", command]).status().expect("sh runs");
    assert!(moved.success());
    assert_eq!(place.run(&["keys"]), told(0, "keys are complete: 2 nodes, 1 client\n"));
}

/// Both keys are 44 characters of base64. No verb takes the private one for public, none prints it,
/// and nothing is written that holds it.
#[test]
fn a_private_key_in_the_topology_is_told() {
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

/// Without a store it is seen where the topology has its public half, too.
#[test]
fn a_private_key_beside_its_public_one_is_told() {
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
            "= help: write the public key of node hongkong; if others saw it, make new pairs\n";
        assert!(stderr.replace("\n           ", " ").contains(help), "{stderr}");
        assert!(!stderr.contains(private.trim()), "{verb} printed it");
    }
}

/// What every one of these reports begins with and points at.
fn assert_reported(place: &Place, arguments: &[&str], code: &str, message: &str, line: &str) {
    let before = place.tree();
    let (status, stdout, stderr) = place.run(arguments);
    let head = format!("error[{code}]: ");
    let unwrapped = stderr.replace(&format!("\n{}", " ".repeat(head.len())), " ");
    let head = format!("{head}{message}\n");
    assert!(unwrapped.starts_with(&head) && stderr.contains(line), "{stderr}");
    assert_eq!((status, stdout.as_str()), (Some(1), ""));
    assert_eq!(place.tree(), before, "nothing is repaired by guessing");
}

const CLUSTER_LINE: &str = "3 | name = \"atlas\"\n  |        ^^^^^^^ is its cluster\n";

#[test]
fn halves_of_an_authority_must_belong_together() {
    let pki = |file: &str| format!("secrets/cluster/pki/{file}");
    let cases: [(&str, &str, &str, &str); 5] = [
        (
            "ca.crt",
            "front-proxy-ca.crt",
            "authority-mismatch",
            "is not of secrets/cluster/pki/ca.key",
        ),
        ("ca.crt", "ca.key", "authority-malformed", "holds no certificate of an authority"),
        ("etcd/ca.crt", "sa.key", "authority-malformed", "holds no certificate of an authority"),
        ("ca.key", "ca.crt", "authority-malformed", "holds no private key"),
        ("sa.key", "ca.crt", "service-account-key-malformed", "holds no private key"),
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
    let message = "secrets/cluster/pki/ca.crt has no key beside it";
    assert_reported(&place, &["keys"], "authority-mismatch", message, CLUSTER_LINE);
}

/// As after an interruption, or when a certificate was moved away because it has ended.
#[test]
fn a_certificate_is_made_of_the_key_that_is_there() {
    let place = Place::complete();
    let (key, certificate) = ("secrets/cluster/pki/ca.key", "secrets/cluster/pki/ca.crt");
    let (kept, old) = (place.read(key), place.read(certificate));
    fs::remove_file(place.path().join(certificate)).expect("a certificate");
    let missing =
        "keys are missing:\n  kubernetes: no certificate authority\nrun `meshwright keys`\n";
    assert_eq!(place.run(&["keys", "--check"]), told(1, missing));
    let (code, _, stderr) = place.run(&["keys"]);
    let hash = |text: &str| text.split("has the hash ").nth(1).map(|rest| rest[..71].to_owned());
    assert_eq!((code, hash(&stderr).is_some()), (Some(0), true), "{stderr}");
    assert_eq!(place.read(key), kept);
    let public_key = |pem: &str| {
        let (_, pem) = x509_parser::pem::parse_x509_pem(pem.as_bytes()).expect("PEM");
        pem.parse_x509().expect("a certificate").public_key().raw.to_vec()
    };
    assert_eq!(public_key(&place.read(certificate)), public_key(&old));
}

#[test]
fn an_authority_that_has_ended_is_named() {
    let place = Place::complete();
    let key = place.read("secrets/cluster/pki/ca.key");
    let key = rcgen::KeyPair::from_pem(&key).expect("a key");
    let mut parameters = rcgen::CertificateParams::default();
    parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    parameters.not_after = rcgen::date_time_ymd(2020, 2, 29);
    let ended = parameters.self_signed(&key).expect("signed").pem();
    place.write("secrets/cluster/pki/ca.crt", &ended);
    let message = "secrets/cluster/pki/ca.crt has ended on 2020-02-29";
    for arguments in [&["keys"][..], &["export", "tokyo"], &["kubeconfig", "laptop"]] {
        assert_reported(&place, arguments, "authority-expired", message, CLUSTER_LINE);
    }
}

#[test]
fn a_password_that_bird_cannot_have_is_named() {
    let place = Place::complete();
    place.edit("[kube_proxy]", "[calico]\nbgp_password = true\n\n[kube_proxy]");
    place.write("secrets/cluster/bgp-password", "two words\n");
    let message = "secrets/cluster/bgp-password holds no password for BGP";
    let line = "7 | bgp_password = true\n  |                ^^^^ asks for one\n";
    assert_reported(&place, &["keys"], "bgp-password-malformed", message, line);
    assert_reported(&place, &["export", "--manifests"], "bgp-password-malformed", message, line);
    place.edit("bgp_password = true", "bgp_password = false");
    assert_eq!(place.run(&["keys"]), told(0, "keys are complete: 2 nodes, 1 client\n"));
}

const ID: &str = "6ff42ae2-765d-4adf-8112-31c55c1551ef";

#[test]
fn the_credential_of_the_tunnel_is_imported_in_either_form() {
    use super::export::CREDENTIALS;
    let place = Place::complete();
    place.write("credentials.json", CREDENTIALS);
    let import = ["keys", "import", "tunnel", "credentials.json"];
    let none = "error: topology.toml has no [cloudflare_tunnel]\n |\n = help: write its `id` and \
                `hostnames` first\n";
    assert_eq!(place.run(&import), told(2, none));
    let tunnel = format!("[cloudflare_tunnel]\nid = \"{ID}\"\nhostnames = [\"a.example.com\"]\n\n");
    place.edit("[kube_proxy]", &format!("{tunnel}[kube_proxy]"));
    let missing = "the tunnel has no credential: `meshwright keys import tunnel FILE`\n\
                   keys are complete: 2 nodes, 1 client\n";
    assert_eq!(place.run(&["keys"]), told(0, missing));
    let check =
        "keys are missing:\n  tunnel: no credential\nrun `meshwright keys import tunnel FILE`\n";
    assert_eq!(place.run(&["keys", "--check"]), told(1, check));
    let kept = format!("secrets/cluster/tunnel.json: credential of the tunnel {ID} kept\n");
    assert_eq!(place.run(&import), told(0, &kept));
    assert_eq!(place.run(&import), told(0, "secrets/cluster/tunnel.json holds it already\n"));

    use base64::Engine as _;
    let token = "{\"a\":\"0123456789abcdef0123456789abcdef\",\"s\":\"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\",\"t\":\"6ff42ae2-765d-4adf-8112-31c55c1551ef\"}";
    let token = base64::engine::general_purpose::STANDARD.encode(token);
    let from_stdin = |token: &str| {
        let script = format!("echo '{token}' | \"$0\" keys import tunnel -");
        super::ended(place.command("sh").args(["-c", &script, super::BINARY]).output().expect("sh"))
    };
    assert_eq!(from_stdin(&token), told(0, "secrets/cluster/tunnel.json holds it already\n"));
    fs::remove_file(place.path().join("secrets/cluster/tunnel.json")).expect("kept");
    let shown = format!("cloudflared service install {token}");
    assert_eq!(from_stdin(&shown), told(0, &kept));
    assert_eq!(place.read("secrets/cluster/tunnel.json"), CREDENTIALS);

    place.write("credentials.json", &CREDENTIALS.replace("AQID", "BQID"));
    let another = "error: secrets/cluster/tunnel.json holds another credential\n |\n = help: move the \
                   file away if it is outdated\n";
    assert_eq!(place.run(&import), told(2, another));
    let gone = "error: cannot take gone.json: No such file or directory (os error 2)\n";
    assert_eq!(place.run(&["keys", "import", "tunnel", "gone.json"]), told(2, gone));
}

#[test]
fn the_credential_of_another_tunnel_is_refused() {
    use super::export::CREDENTIALS;
    let place = Place::complete();
    let tunnel = format!("[cloudflare_tunnel]\nid = \"{ID}\"\nhostnames = [\"a.example.com\"]\n\n");
    place.edit("[kube_proxy]", &format!("{tunnel}[kube_proxy]"));
    let other = ID.replace("6ff4", "7ff4");
    place.write("credentials.json", &CREDENTIALS.replace(ID, &other));
    place.write("key.json", &place.read("secrets/nodes/tokyo/wg0.key"));
    let line =
        |label: &str| format!("7 | id = \"{ID}\"\n  |      {} {label}\n", "^".repeat(ID.len() + 2));
    let import = |file| ["keys", "import", "tunnel", file];
    let message = format!("credentials.json is the credential of the tunnel {other}");
    let (mismatch, malformed) = ("tunnel-credential-mismatch", "tunnel-credential-malformed");
    assert_reported(&place, &import("credentials.json"), mismatch, &message, &line("is another"));
    let message = "key.json holds no credential of a tunnel";
    assert_reported(&place, &import("key.json"), malformed, message, &line("needs one"));

    place.write("secrets/cluster/tunnel.json", &place.read("credentials.json"));
    let message = format!("secrets/cluster/tunnel.json is the credential of the tunnel {other}");
    for arguments in [&["keys"][..], &["export", "hongkong"], &["export", "--manifests"]] {
        assert_reported(&place, arguments, mismatch, &message, &line("is another"));
    }
    place.write("secrets/cluster/tunnel.json", "{}");
    let message = "secrets/cluster/tunnel.json holds no credential of a tunnel";
    assert_reported(&place, &["keys"], malformed, message, &line("needs one"));
}

/// A clone without the store is no reason for a second cluster.
#[test]
fn a_store_that_is_elsewhere_is_not_begun_anew() {
    let place = Place::complete();
    fs::remove_dir_all(place.path().join("secrets")).expect("a store");
    let before = place.tree();
    let elsewhere = "node hongkong: made elsewhere, its private key is not in the store\n\
                     node tokyo: made elsewhere, its private key is not in the store\n\
                     client laptop: made elsewhere, its private key is not in the store\n";
    let refused = "the cluster's own secrets are missing, and the key of every node was made \
                   elsewhere:\n  if this cluster has a store elsewhere, name it with --secrets\n  if it \
                   has none yet, run `meshwright keys --new-cluster`\n";
    assert_eq!(place.run(&["keys"]), told(1, &format!("{elsewhere}{refused}")));
    assert_eq!(place.tree(), before);
    assert_eq!(place.run(&["keys", "--new-cluster", "-q"]), told(0, ""));
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
}
