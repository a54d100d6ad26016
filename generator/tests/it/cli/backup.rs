//! Tests of `backup` and `restore`, with the machines of `fleet/ssh`.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::fleet::{call, calls, installed, prepared};
use super::sealed::Reader;
use super::{Place, stderr_only};
use meshwright_value::Sha256;

/// Neither text nor without the letters of a secret; with its digest at the end, as etcdctl writes it.
fn snapshot() -> Vec<u8> {
    let pages = b"\0pages of etcd, hunter2\n";
    [pages.as_slice(), Sha256::compute(pages).as_bytes()].concat()
}

fn write_snapshot(place: &Place, path: &str) {
    fs::write(place.path().join(path), snapshot()).expect("a file");
}

fn restored(place: &Place) -> Vec<u8> {
    fs::read(place.path().join("machines/203.0.113.10/restored")).expect("a file")
}

const NOT_ENCRYPTED: &str =
    "warning: [secrets] has no recipients, so the snapshots are not encrypted (mode 0600)\n";

fn with_snapshot() -> Place {
    let place = installed();
    write_snapshot(&place, "machines/203.0.113.10/snapshot");
    place
}

fn backup(place: &Place, to: &Path, options: &[&str]) -> super::Ended {
    let to = to.to_str().expect("UTF-8");
    call(place, &[&["backup", "--to", to], options].concat())
}

#[test]
fn fetches_each_snapshot_once() {
    let place = with_snapshot();
    let other = tempfile::tempdir().expect("a folder");
    let to = other.path().join("kept");
    let file = to.join("atlas-hongkong-20261201T060000Z.db");
    let line =
        |note: &str| format!("hongkong: {} ({} bytes{note})\n", file.display(), snapshot().len());
    assert_eq!(backup(&place, &to, &[]), (Some(0), line(""), NOT_ENCRYPTED.to_owned()));
    assert_eq!(fs::read(&file).expect("a file"), snapshot());
    let mode = |path: &Path| fs::metadata(path).expect("it is there").permissions().mode() & 0o7777;
    assert_eq!((mode(&file), mode(&to)), (0o600, 0o700));
    let again = backup(&place, &to, &["-q"]);
    assert_eq!(again, (Some(0), line(", was there already"), NOT_ENCRYPTED.to_owned()));
    assert_eq!(calls(&place), ["203.0.113.10 meshwright-node backup --send"; 2]);
}

#[test]
fn takes_a_new_one_first() {
    let place = installed();
    let other = tempfile::tempdir().expect("a folder");
    let (code, printed, _) = backup(&place, other.path(), &[]);
    let missing = "hongkong: no snapshot: there is no verified snapshot yet\n";
    assert_eq!((code, printed.as_str()), (Some(1), missing));
    let (code, printed, _) = backup(&place, other.path(), &["--now", "--format", "json"]);
    assert_eq!(code, Some(0));
    let document: serde_json::Value = serde_json::from_str(&printed).expect("JSON");
    assert_eq!(document["snapshots"][0]["time"], "20261201T060000Z");
    assert_eq!(
        (&document["encrypted"], &document["failed"]),
        (&false.into(), &serde_json::json!({}))
    );
    let (code, _, printed) = backup(&place, other.path(), &["tokyo"]);
    assert_eq!(code, Some(2));
    assert!(printed.contains("error: tokyo is not a control plane\n"), "{printed}");
}

#[test]
fn refuses_a_folder_that_git_would_commit() {
    let place = with_snapshot();
    let to = place.path().join("kept/here");
    let (code, _, printed) = backup(&place, &to, &[]);
    assert_eq!(code, Some(2));
    assert!(printed.contains("error: git would commit the snapshots in "), "{printed}");
    assert_eq!(calls(&place), Vec::<String>::new());
    place.write(".gitignore", "/kept/\n");
    assert_eq!(backup(&place, &to, &[]).0, Some(0));
}

/// The file is encrypted for the recipient, and `restore` sends the same bytes.
#[test]
fn sealed_and_restored() {
    let place = with_snapshot();
    let me = Reader::new("machines/me.txt", &place);
    let recipients = format!("[secrets]\nrecipients = [\"{}\"]\n\n[firewall]", me.recipient());
    place.edit("[firewall]", &recipients);
    let other = tempfile::tempdir().expect("a folder");
    assert_eq!(backup(&place, other.path(), &[]).0, Some(0));
    let file = other.path().join("atlas-hongkong-20261201T060000Z.db.age");
    let sealed = fs::read_to_string(&file).expect("armored");
    assert!(sealed.starts_with("-----BEGIN AGE ENCRYPTED FILE-----\n"), "{sealed}");
    let from = file.to_str().expect("UTF-8");
    let restore = ["restore", "hongkong", "--from", from, "-q", "-i", me.file];
    let (code, printed, errors) = call(&place, &restore);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    assert_eq!(printed, "hongkong: etcd has the contents of the snapshot\n");
    assert_eq!(restored(&place), snapshot());
    assert_eq!(calls(&place)[1..], ["203.0.113.10 meshwright-node restore -"]);
    assert!(!place.read("machines/calls").contains("hunter2"));
}

/// A first delivery would initialise an empty cluster.
#[test]
fn restores_a_machine_that_waits_for_its_delivery() {
    let place = prepared();
    write_snapshot(&place, "machines/atlas.db");
    let restore = ["restore", "hongkong", "--from", "machines/atlas.db", "--replace"];
    let (code, printed, _) = call(&place, &restore);
    assert_eq!(code, Some(0));
    let expected = [
        "203.0.113.10 meshwright-node apply --for-restore",
        "203.0.113.10 meshwright-node restore - --replace",
    ];
    assert_eq!(calls(&place), expected);
    assert_eq!(restored(&place), snapshot());
    assert!(
        printed.contains("next: ssh root@203.0.113.10 journalctl -fu meshwright-bootstrap\n"),
        "{printed}"
    );
}

#[test]
fn refuses_a_file_that_is_not_a_snapshot_before_any_call() {
    let place = prepared();
    for content in ["", "hello\n", "a text that is longer than the digest of a snapshot\n"] {
        place.write("machines/atlas.db", content);
        let restore = ["restore", "hongkong", "--from", "machines/atlas.db", "--replace"];
        let refused = "error: machines/atlas.db is not a whole snapshot of etcd\n |\n = help: its checksum, which etcdctl has \
                       appended, differs: name another file with --from\n";
        assert_eq!(call(&place, &restore), stderr_only(2, refused));
    }
    assert!(!place.path().join("machines/calls").exists(), "no machine was called");
}

#[test]
fn refuses_a_running_cluster_by_name() {
    let place = installed();
    place.edit("\"worker\"", "\"control-plane\"");
    write_snapshot(&place, "machines/atlas.db");
    let restore = ["restore", "hongkong", "--from", "machines/atlas.db", "--replace"];
    let refused = "error: the cluster is running: tokyo would not belong to the restored one\n |\n = help: to replace it by \
                   the snapshot, first run: ssh root@203.0.113.20 kubeadm reset --force\n";
    assert_eq!(call(&place, &restore), stderr_only(2, refused));
    assert_eq!(calls(&place), Vec::<String>::new());
    // The other one is lost.
    fs::rename(place.path().join("machines/203.0.113.20"), place.path().join("machines/off"))
        .expect("a folder");
    let (code, printed, _) = call(&place, &restore);
    assert_eq!(code, Some(0));
    let rejoining = "kubectl --kubeconfig=/etc/kubernetes/admin.conf delete node tokyo\n  meshwright export tokyo --join | \
                     ssh root@203.0.113.20 meshwright-node apply\n";
    assert!(printed.ends_with(rejoining), "{printed}");
}
