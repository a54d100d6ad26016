//! Texts of user-data that the host has until its first delivery, and that the files beside it do not have.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::{Change, EXAMPLE, changed};
use crate::proof::{Files, emitted, prove};

const USER_DATA: &str = "nodes/hongkong/user-data.yaml";

/// A change of the script that writes the files, and the cause that follows.
struct OlderText {
    from: &'static str,
    to: &'static str,
    cause: &'static str,
}

const OLDER: &[OlderText] = &[
    OlderText {
        from: "    counter comment \"closed\"\n",
        to: "    tcp dport 8080 accept\n",
        cause: "file-differs at nodes/hongkong/first-boot/nftables.conf:39: `    tcp dport 8080 accept` differs from `    counter comment \"closed\"`",
    },
    OlderText {
        from: "udp dport 51820 accept",
        to: "udp dport 51821 accept",
        cause: "file-differs at nodes/hongkong/first-boot/nftables.conf:30: `    udp dport 51821 accept comment \"WireGuard\"` differs from `    udp dport 51820 accept comment \"WireGuard\"`",
    },
    OlderText {
        from: "Type=oneshot",
        to: "Type=simple",
        cause: "file-differs at host/systemd/meshwright-firewall.service:12: `Type=simple` differs from `Type=oneshot`",
    },
];

/// The tree with another text in the script of user-data.
fn with_older_text(files: &Files, older: &OlderText) -> Files {
    let user_data = &files[USER_DATA];
    let packed = user_data
        .lines()
        .find_map(|line| line.strip_prefix("  - ").filter(|word| word.starts_with("H4sI")));
    let packed = packed.expect("the script is packed");
    let bytes = STANDARD.decode(packed).expect("base64");
    let mut script = String::new();
    GzDecoder::new(&bytes[..]).read_to_string(&mut script).expect("gzip");
    assert!(script.contains(older.from), "the script has no `{}`", older.from);
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(script.replacen(older.from, older.to, 1).as_bytes()).expect("a Vec");
    let repacked = STANDARD.encode(encoder.finish().expect("a Vec"));
    let mut changed_files = files.clone();
    changed_files.insert(USER_DATA.to_owned(), user_data.replacen(packed, &repacked, 1));
    changed_files
}

#[test]
fn a_first_boot_that_opens_or_breaks_something_is_refused_at_its_line() {
    let whole = emitted(EXAMPLE);
    let is_packed = |line: &str| line.starts_with("  - H4sI");
    let line = whole[USER_DATA].lines().position(is_packed).expect("it is packed") + 1;
    let mut others = Vec::new();
    for older in OLDER {
        let proof = prove(&with_older_text(&whole, older));
        let found = proof.causes().map(|cause| {
            format!("{} {}: {}", cause.code, proof.paths.show(cause.place), cause.message)
        });
        let found: Vec<_> = found.collect();
        let wanted = format!(
            "files-disagree {USER_DATA}:{line}: until its first delivery, the host has this text, and with it: {}",
            older.cause
        );
        if found != [wanted] {
            others.push((older.to, found));
        }
    }
    assert!(others.is_empty(), "{others:#?}");
}

#[test]
fn a_sound_older_text_is_an_assumption() {
    let comment = Change::Replace("# BIRD learns these routes.", "# BIRD learns them.");
    let proof = prove(&changed(&emitted(EXAMPLE), "host/guards.routes", &comment));
    assert!(proof.holds(), "{:?}", proof.causes().collect::<Vec<_>>());
    let wanted = "until its first delivery, the host has this text instead of host/guards.routes: the tree is proven with it too";
    let texts: Vec<_> = proof.assumptions.iter().map(|one| one.text.as_str()).collect();
    assert!(texts.contains(&wanted), "{texts:#?}");
}
