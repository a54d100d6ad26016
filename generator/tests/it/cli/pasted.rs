//! A secret that a user has pasted in a wrong place is printed by no command in any format.

use std::fs;

use meshwright_value::Mask;
use walkdir::WalkDir;

use super::{Place, TOPOLOGY};
use crate::testing::repository;

const WIREGUARD_KEY: &str = "qO2nMh3rqlZ5jkM4rJ7PvCqTdt7MRV8Ym0hbLcvGqEk=";
const CLOUDFLARE_TOKEN: &str = "Zk3vQ9xT1mB7wR2pL8nD4sH6yJ0cF5gA-eU_oIqX";
const AGE_IDENTITY: &str =
    "AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZGFPQ4EGAEX";
const BOOTSTRAP_TOKEN: &str = "k3vq9x.t1mb7wr2pl8nd4sh";
const PEM: &str = "-----BEGIN PRIVATE KEY-----\n\
                   MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgvT4e2yL8Wb5nKx0q\n\
                   Rj6sPq9dUz3mVt7hYc1fGoN5aXehRANCAATk8sJw2pQx\n\
                   -----END PRIVATE KEY-----\n";

/// The formats of diagnostics.
const FORMATS: [&str; 3] = ["human", "json", "github"];

/// Whether a text contains eight letters and digits of a secret in sequence, in any case.
fn reveals(text: &str, secret: &str) -> bool {
    let text = text.to_lowercase();
    let lines = secret.lines().filter(|line| !line.starts_with("-----"));
    let parts = lines.flat_map(|line| line.split(|c: char| !c.is_ascii_alphanumeric()));
    parts.into_iter().any(|part| {
        let part = part.to_lowercase();
        (8..=part.len()).any(|end| text.contains(&part[end - 8..end]))
    })
}

fn assert_hidden(place: &Place, arguments: &[&str], secret: &str) {
    let (_, stdout, stderr) = place.run(arguments);
    for text in [stdout, stderr] {
        assert!(!reveals(&text, secret), "{arguments:?} prints {secret}:\n{text}");
    }
}

/// Every command that reads the topology, and `prove`, which reads what was generated before.
const COMMANDS: [&[&str]; 21] = [
    &["check"],
    &["check", "--strict", "-v"],
    &["check", "--fix", "--dry-run"],
    &["node", "add", "paris", "--endpoint", "203.0.113.30", "--dry-run"],
    &["client", "remove", "laptop", "--dry-run"],
    &["upgrade", "--to", "1.36.2", "--dry-run"],
    &["rotate", "--all", "--dry-run"],
    &["keys"],
    &["keys", "--check"],
    &["recrypt"],
    &["keys", "import", "tunnel", "topology.toml"],
    &["generate"],
    &["generate", "--check"],
    &["generate", "--dry-run"],
    &["export", "tokyo"],
    &["export", "tokyo", "--public"],
    &["export", "--client", "laptop"],
    &["export", "--manifests"],
    &["kubeconfig", "laptop"],
    &["prove"],
    &["check", "--fix"],
];

#[test]
fn of_the_topology() {
    let key_line = |place: &Place| {
        let text = place.read("topology.toml");
        text.lines().find(|line| line.starts_with("public_key")).expect("a key").to_owned()
    };
    let place = Place::complete();
    let complete = place.read("topology.toml");
    let public_key = key_line(&place);
    let key = |text: &str| format!("public_key = \"{text}\"");
    let beside = |line: &str| format!("{public_key}\n{line}");
    let typo = WIREGUARD_KEY.replace('Z', "!");
    let pasted = [
        ("id       = 1", format!("id = \"{CLOUDFLARE_TOKEN}\""), CLOUDFLARE_TOKEN),
        ("id       = 1", format!("id = {CLOUDFLARE_TOKEN}"), CLOUDFLARE_TOKEN),
        ("\"hongkong\"", format!("\"{CLOUDFLARE_TOKEN}\""), CLOUDFLARE_TOKEN),
        ("\"hongkong\"", format!("\"{WIREGUARD_KEY}\""), WIREGUARD_KEY),
        ("\"hongkong\"", format!("\"{BOOTSTRAP_TOKEN}\""), BOOTSTRAP_TOKEN),
        ("\"hongkong\"", format!("\"{AGE_IDENTITY}\""), AGE_IDENTITY),
        ("\"hongkong\"", format!("\"\"\"{PEM}\"\"\""), PEM),
        ("\"hongkong\"", format!("\"{}\"", PEM.replace('\n', "\\n")), PEM),
        (&public_key, key(&typo), WIREGUARD_KEY),
        (&public_key, key(WIREGUARD_KEY.trim_end_matches('=')), WIREGUARD_KEY),
        (&public_key, key(&format!(" {WIREGUARD_KEY}\\n")), WIREGUARD_KEY),
        (&public_key, key(&WIREGUARD_KEY[1..]), WIREGUARD_KEY),
        (&public_key, key(&format!("{}p=", &WIREGUARD_KEY[..42])), WIREGUARD_KEY),
        (&public_key, key(PEM), PEM),
        (&public_key, beside(&format!("private_key = \"{WIREGUARD_KEY}\"")), WIREGUARD_KEY),
        (&public_key, beside(&format!("private_key = {WIREGUARD_KEY}")), WIREGUARD_KEY),
        (&public_key, beside(&format!("preshared_key = '{WIREGUARD_KEY}'")), WIREGUARD_KEY),
        (&public_key, beside(&format!("{WIREGUARD_KEY} = 1")), WIREGUARD_KEY),
        (&public_key, beside(&format!("token = [\"{BOOTSTRAP_TOKEN}\"]")), BOOTSTRAP_TOKEN),
        (&public_key, beside("password = \"correcthorsebattery\""), "correcthorsebattery"),
        (&public_key, beside(AGE_IDENTITY), AGE_IDENTITY),
        ("[firewall]", format!("[secrets]\nrecipients = [\"{AGE_IDENTITY}\"]"), AGE_IDENTITY),
        ("\"203.0.113.10\"", format!("\"{CLOUDFLARE_TOKEN}\""), CLOUDFLARE_TOKEN),
        ("labels.zone = \"east\"", format!("labels.zone = \"{WIREGUARD_KEY}\""), WIREGUARD_KEY),
        (
            "labels.zone = \"east\"",
            format!("labels.\"{BOOTSTRAP_TOKEN}\" = \"a b\""),
            BOOTSTRAP_TOKEN,
        ),
        ("\"traefik\"", format!("\"{CLOUDFLARE_TOKEN}\""), CLOUDFLARE_TOKEN),
        ("# 东京", format!("{AGE_IDENTITY}\n"), AGE_IDENTITY),
    ];
    for (correct, wrong, secret) in pasted {
        assert!(complete.contains(correct), "{correct}");
        for format in FORMATS {
            place.write("topology.toml", &complete.replacen(correct, &wrong, 1));
            for command in COMMANDS {
                assert_hidden(&place, &[command, &["--format", format]].concat(), secret);
            }
        }
    }
}

/// Where a public key is a private key, and nothing else is wrong, its own form does not show it.
#[test]
fn as_a_public_key() {
    let place = Place::with(TOPOLOGY);
    assert_eq!(place.run(&["keys"]).0, Some(0));
    let text = place.read("topology.toml");
    let public_key = text.lines().find(|line| line.starts_with("public_key")).expect("a key");
    let private_key = place.read("secrets/nodes/hongkong/wg0.key").trim().to_owned();
    // The name is on the line of the key.
    let node = format!("name = \"hongkong\"\npublic_key = \"{private_key}\"\n");
    let name = "name     = \"hongkong\"\n";
    place.write("topology.toml", &text.replace(public_key, "").replace(name, &node));
    for format in FORMATS {
        for command in COMMANDS {
            let arguments = [command, &["--format", format]].concat();
            if !command.contains(&"--fix") && !command.contains(&"export") {
                assert_hidden(&place, &arguments, &private_key);
            }
        }
    }
}

#[test]
fn columns_stay_and_public_keys_are_shown() {
    let place = Place::complete();
    let text = place.read("topology.toml");
    let public_key = text.lines().find(|line| line.starts_with("public_key")).expect("a key");
    let wrong = format!("labels = {{ a = \"{WIREGUARD_KEY}\" }} # 东\n{public_key}");
    place.write("topology.toml", &text.replacen(public_key, &wrong, 1));
    let (_, _, report) = place.run(&["check"]);
    let stars = "*".repeat(WIREGUARD_KEY.len());
    assert!(report.contains(&format!("labels = {{ a = \"{stars}\" }} # 东\n")), "{report}");
    let (_, json, _) = place.run(&["check", "--format", "json"]);
    assert!(json.contains("\"column\": 16,") && json.contains("\"end_column\": 62,"), "{json}");

    let other = public_key.replace("public_key", "publickey");
    place.write("topology.toml", &text.replacen(public_key, &other, 1));
    let (_, _, report) = place.run(&["check"]);
    assert!(report.contains(&other), "{report}");
}

/// A completed key is hidden in the patch, and whole in the file.
#[test]
fn in_the_patch_of_a_correction() {
    let place = Place::complete();
    let text = place.read("topology.toml");
    let public_key = text.lines().find(|line| line.starts_with("public_key")).expect("a key");
    let padded = format!("public_key = \"{WIREGUARD_KEY}\"");
    place.write("topology.toml", &text.replacen(public_key, &padded.replace('=', ""), 1));
    place.edit("public_key  \"", "public_key = \"");
    let stars = "*".repeat(WIREGUARD_KEY.len() - 1);
    let (_, patch, _) = place.run(&["check", "--fix"]);
    assert!(patch.contains(&format!("-public_key = \"{stars}\"\n")), "{patch}");
    assert!(patch.contains(&format!("+public_key = \"{stars}=\"\n")), "{patch}");
    assert_eq!(place.read("topology.toml"), text.replacen(public_key, &padded, 1));
}

#[test]
fn in_the_generated_files() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate"]).0, Some(0));
    let pasted = [
        ("out/nodes/tokyo/wg0.conf", format!("PrivateKey = {WIREGUARD_KEY}"), WIREGUARD_KEY),
        ("out/nodes/tokyo/wg0.conf", format!("PresharedKey = {WIREGUARD_KEY}"), WIREGUARD_KEY),
        ("out/nodes/tokyo/wg0.conf", AGE_IDENTITY.to_owned(), AGE_IDENTITY),
        ("out/nodes/tokyo/kubeadm.yaml", format!("token: {BOOTSTRAP_TOKEN}"), BOOTSTRAP_TOKEN),
        ("out/nodes/tokyo/wg0.peers", PEM.to_owned(), PEM),
        ("out/nodes/tokyo/nftables.conf", CLOUDFLARE_TOKEN.to_owned(), CLOUDFLARE_TOKEN),
        ("out/cluster/access.yaml", format!("password: {CLOUDFLARE_TOKEN}"), CLOUDFLARE_TOKEN),
    ];
    for (file, line, secret) in pasted {
        let whole = place.read(file);
        for text in [format!("{whole}{line}\n"), format!("{line}\n{whole}")] {
            place.write(file, &text);
            for command in [
                &["prove", "--format", "human"][..],
                &["prove", "--format", "json"],
                &["prove", "--format", "github"],
                &["trace", "tokyo", "hongkong"],
                &["trace", "tokyo", "hongkong", "--format", "json"],
                &["generate", "--check", "--format", "github"],
                &["generate", "--diff"],
                &["export", "tokyo", "--public"],
            ] {
                assert_hidden(&place, command, secret);
            }
        }
        place.write(file, &whole);
    }
}

#[test]
fn as_an_argument() {
    let place = Place::complete();
    assert_eq!(place.run(&["generate"]).0, Some(0));
    for secret in [WIREGUARD_KEY, CLOUDFLARE_TOKEN, AGE_IDENTITY, BOOTSTRAP_TOKEN, PEM] {
        let node = format!("{secret}=nat");
        for command in [
            &["explain", secret][..],
            &["export", secret],
            &["export", "--client", secret],
            &["kubeconfig", secret],
            &["trace", secret, "tokyo"],
            &["trace", "internet", secret],
            &["trace", "tokyo", "hongkong", "--flow", secret],
            &["init", "--topology", "new.toml", "--node", &node],
            &["check", "--topology", secret],
            &["keys", "--identity", secret],
            &["keys", "import", "tunnel", secret],
            &["check", "--color", secret],
            &[secret],
        ] {
            for format in FORMATS {
                let format = ["--format", format];
                let is_trace = command.contains(&"trace");
                assert_hidden(
                    &place,
                    &[command, if is_trace { &[] } else { &format }].concat(),
                    secret,
                );
            }
        }
    }
}

/// A reader of a diff sees every line of the output; only the compressed archive looks random.
#[test]
fn nothing_else_is_hidden() {
    let examples = repository().join("examples");
    let files = WalkDir::new(repository().join("out")).into_iter().chain(WalkDir::new(examples));
    let mut read = 0;
    for entry in files {
        let path = entry.expect("readable").into_path();
        let Ok(text) = fs::read_to_string(&path) else { continue };
        let hidden = Mask::of(&text).hide_in_source(&text);
        let differing = text
            .lines()
            .zip(hidden.lines())
            .find(|(line, hidden)| line != hidden && !path.ends_with("user-data.yaml"));
        assert_eq!(differing, None, "{}", path.display());
        read += 1;
    }
    assert!(read > 100, "{read} files");
}
