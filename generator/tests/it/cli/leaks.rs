//! Secrets must be only in the store and in exported files. These tests search the output of all verbs,
//! also of failing runs, for every secret in each form in which a program could print it.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use super::export::{CREDENTIALS, cluster};
use super::sealed::{self, Reader};
use super::{Ended, Place};

/// The printed texts, each with its command.
type Printed = Vec<(String, String)>;

/// The texts that reveal a secret.
struct Needles {
    name: String,
    texts: Vec<Vec<u8>>,
}

impl Needles {
    fn new(name: &str, file: &[u8]) -> Self {
        let cores = secret_bytes(file);
        let texts = cores.iter().flat_map(|core| spellings(core)).collect();
        Self { name: name.to_owned(), texts }
    }

    /// Whether a text contains one of them.
    fn found_in(&self, text: &[u8]) -> bool {
        self.texts
            .iter()
            .any(|needle| text.windows(needle.len()).any(|window| window == needle.as_slice()))
    }
}

/// The secret bytes of a file: its text, and the decoded text.
fn secret_bytes(file: &[u8]) -> Vec<Vec<u8>> {
    let text = std::str::from_utf8(file).expect("text").trim();
    if text.starts_with("-----BEGIN PRIVATE KEY") {
        let body: String = text.lines().filter(|line| !line.starts_with('-')).collect();
        let der = STANDARD.decode(body).expect("base64");
        // OCTET STRING of the private number (RFC 5915), the first of 32 bytes.
        let at = der.windows(2).position(|head| head == [0x04, 0x20]).expect("a P-256 key");
        let number = der[at + 2..at + 34].to_vec();
        // The end of the number, as in the second line.
        let line = text.lines().nth(2).expect("three lines");
        return vec![number, line.as_bytes()[..24].to_vec()];
    }
    if text.starts_with('{') {
        let secret = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
        assert!(text.contains(secret));
        return vec![secret.as_bytes().to_vec(), STANDARD.decode(secret).expect("base64")];
    }
    let decoded = STANDARD.decode(text).or_else(|_| URL_SAFE_NO_PAD.decode(text));
    vec![text.as_bytes().to_vec(), decoded.expect("base64")]
}

/// The bytes, in hex, and in base64 at each alignment in a longer text.
fn spellings(core: &[u8]) -> Vec<Vec<u8>> {
    let hex: String = core.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut texts = vec![core.to_vec(), hex.to_uppercase().into_bytes(), hex.into_bytes()];
    for offset in 0..3 {
        let padded = [&vec![0; offset], core].concat();
        // Three bytes are four characters: the first characters depend on the bytes before, the last on
        // the bytes after.
        let (from, behind) = ([0, 2, 3][offset], [0, 1, 1][padded.len() % 3]);
        for engine in [&STANDARD_NO_PAD, &URL_SAFE_NO_PAD] {
            let text = engine.encode(&padded);
            texts.push(text.as_bytes()[from..text.len() - behind].to_vec());
        }
    }
    texts
}

/// Runs every verb. Output that may contain secrets is returned separately.
fn whole_run(place: &Place, identity: &[&str]) -> (Printed, Vec<u8>) {
    let mut printed = Printed::new();
    let mut exported = Vec::new();
    let mut run = |arguments: &[&str], expected: i32, is_data: bool| {
        let (code, stdout, stderr): Ended = place.run(&[arguments, identity].concat());
        assert_eq!(code, Some(expected), "{arguments:?}: {stderr}");
        match is_data {
            true => exported.extend_from_slice(stdout.as_bytes()),
            false => printed.push((format!("stdout of {arguments:?}"), stdout)),
        }
        printed.push((format!("stderr of {arguments:?}"), stderr));
    };
    run(&["init", "-t", "other.toml"], 0, false);
    run(&["keys", "-v"], 0, false);
    run(&["keys", "import", "tunnel", "credentials.json", "-v"], 0, false);
    run(&["keys", "--check", "-v"], 0, false);
    run(&["check", "-v"], 0, false);
    run(&["generate", "-v"], 0, false);
    run(&["generate", "--check", "--format", "json"], 0, false);
    for node in ["hongkong", "tokyo", "osaka", "seoul"] {
        run(&["export", node, "-v"], 0, true);
    }
    run(&["export", "osaka", "--join", "-v"], 0, true);
    run(&["export", "tokyo", "--public"], 0, false);
    run(&["export", "--client", "laptop"], 0, true);
    run(&["export", "--manifests"], 0, true);
    run(&["kubeconfig", "laptop"], 0, true);
    (printed, exported)
}

/// Runs that fail after they have read a secret: two files are swapped, one is truncated.
fn failing_runs(place: &Place, identity: &[&str]) -> Printed {
    let mut printed = Printed::new();
    for format in ["human", "json", "github"] {
        for verb in [
            &["keys"][..],
            &["keys", "--check"],
            &["export", "hongkong"],
            &["export", "--manifests"],
            &["export", "--client", "laptop"],
            &["keys", "import", "tunnel", "secrets/nodes/tokyo/wg0.key"],
            &["keys", "import", "tunnel", "other.json"],
            &["keys", "-i", "secrets/nodes/tokyo/wg0.key"],
            &["kubeconfig", "laptop"],
        ] {
            let arguments = [verb, identity, &["--format", format]].concat();
            let (code, stdout, stderr) = place.run(&arguments);
            assert_ne!(code, Some(0), "{arguments:?}");
            printed.push((format!("stdout of {arguments:?}"), stdout));
            printed.push((format!("stderr of {arguments:?}"), stderr));
        }
    }
    printed
}

/// Asserts that no printed text and no file contains one of these.
fn assert_nowhere(needles: &[Needles], printed: &Printed, files: &BTreeMap<String, Vec<u8>>) {
    for needle in needles {
        for (place, text) in printed {
            assert!(!needle.found_in(text.as_bytes()), "{} is in {place}", needle.name);
        }
        for (path, bytes) in files {
            assert!(!needle.found_in(bytes), "{} is in {path}", needle.name);
        }
    }
}

/// The files that must not contain a secret.
fn open_files(place: &Place, is_open: impl Fn(&str) -> bool) -> BTreeMap<String, Vec<u8>> {
    let files = place.tree().into_iter().filter(|(path, _)| is_open(path));
    files.map(|(path, (_, bytes))| (path, bytes)).collect()
}

/// The certificates among the files are public.
fn all_needles(secrets: &BTreeMap<String, Vec<u8>>) -> Vec<Needles> {
    let secrets = secrets.iter().filter(|(name, _)| !name.ends_with(".crt"));
    secrets.map(|(name, bytes)| Needles::new(name, bytes)).collect()
}

#[test]
fn plain_secrets_do_not_leak() {
    let place = Place::with(&cluster());
    place.write("credentials.json", CREDENTIALS);
    let (printed, exported) = whole_run(&place, &[]);
    let is_open = |path: &str| !path.starts_with("secrets/") && path != "credentials.json";
    let secrets = open_files(&place, |path| {
        path.strip_prefix("secrets/").is_some_and(|file| file.contains('/'))
    });
    let secrets = secrets.into_iter().filter(|(_, bytes)| !bytes.is_empty()).collect();
    let needles = all_needles(&secrets);
    assert_eq!(needles.len(), 22, "the number of secrets");
    // The search works: it finds each secret in the exported files.
    for needle in needles.iter().filter(|needle| !needle.name.contains("seoul+")) {
        assert!(needle.found_in(&exported), "{} was not exported", needle.name);
    }
    assert_nowhere(&needles, &printed, &open_files(&place, is_open));

    let (hongkong, tokyo) = ("secrets/nodes/hongkong/wg0.key", "secrets/nodes/tokyo/wg0.key");
    let key = place.read(hongkong);
    place.write(hongkong, &place.read(tokyo));
    place.write(tokyo, &key[..40]);
    let halved = |file: &str| place.read(file)[..30].to_owned();
    let [preshared, password, authority] = [
        "secrets/preshared/hongkong+laptop.psk",
        "secrets/cluster/tunnel.json",
        "secrets/cluster/pki/ca.key",
    ];
    for file in [preshared, password, authority] {
        place.write(file, &halved(file));
    }
    place.write("secrets/cluster/bgp-password", &format!("{} {}", "quo\"te", key));
    place.write("other.json", &CREDENTIALS.replace("6ff42ae2", "7ff42ae2"));
    assert_nowhere(&needles, &failing_runs(&place, &[]), &BTreeMap::new());
}

#[test]
fn encrypted_secrets_do_not_leak() {
    let (place, me) = sealed::sealed_place();
    let identity = ["--identity", me.file];
    let (printed, exported) = whole_run(&place, &identity);
    let needles = all_needles(&me.open(&place));
    assert_eq!(needles.len(), 22, "the number of secrets");
    for needle in needles.iter().filter(|needle| !needle.name.contains("seoul+")) {
        assert!(needle.found_in(&exported), "{} was not exported", needle.name);
    }
    let is_open = |path: &str| path != "credentials.json";
    assert_nowhere(&needles, &printed, &open_files(&place, is_open));

    let stranger = Reader::new("stranger.txt", &place);
    place.write("other.json", &CREDENTIALS.replace("6ff42ae2", "7ff42ae2"));
    let sealed = place.read("secrets/nodes/tokyo/wg0.key.age");
    place.write("secrets/nodes/tokyo/wg0.key", &sealed);
    let printed = failing_runs(&place, &["--identity", stranger.file]);
    assert_nowhere(&needles, &printed, &BTreeMap::new());
}

/// No committed file contains a private key.
#[test]
fn committed_files_contain_no_private_key() {
    let key = regex::Regex::new(
        "PRIVATE KEY-----\n|AGE-SECRET-KEY-1[A-Z0-9]{8}|PrivateKey = [A-Za-z0-9+/]{43}=|\
         client-key-data: [A-Za-z0-9+/]{8}",
    )
    .expect("a pattern");
    for folder in ["out", "snapshots", "examples"] {
        let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
        for entry in walkdir::WalkDir::new(root) {
            let path = entry.expect("readable").into_path();
            let Ok(text) = std::fs::read_to_string(&path) else { continue };
            assert_eq!(key.find(&text).map(|found| found.as_str()), None, "{}", path.display());
        }
    }
}
