//! Tests of the store with recipients: every file is encrypted with age.

use std::collections::BTreeMap;
use std::io::Read as _;

use age::armor::ArmoredReader;
use age::secrecy::ExposeSecret as _;
use age::{Decryptor, x25519};

use super::export::{CREDENTIALS, cluster};
use super::{Ended, Place, stderr_only};

/// A recipient of the store, with its identity file.
pub(super) struct Reader {
    identity: x25519::Identity,
    pub(super) file: &'static str,
}

impl Reader {
    pub(super) fn new(file: &'static str, place: &Place) -> Self {
        let identity = x25519::Identity::generate();
        place.write(file, &format!("# a comment\n{}\n", identity.to_string().expose_secret()));
        Self { identity, file }
    }

    pub(super) fn recipient(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// Every secret of the store, decrypted.
    pub(super) fn open(&self, place: &Place) -> BTreeMap<String, Vec<u8>> {
        let files = place.tree().into_iter().filter_map(|(path, (mode, bytes))| {
            let name = path.strip_prefix("secrets/")?.strip_suffix(".age")?.to_owned();
            assert_eq!(mode, 0o600, "{path}");
            let decryptor = Decryptor::new(ArmoredReader::new(bytes.as_slice())).expect("age's");
            let mut reader = decryptor.decrypt(std::iter::once(&self.identity as _)).expect("ours");
            let mut plain = Vec::new();
            reader.read_to_end(&mut plain).expect("whole");
            Some((name, plain))
        });
        files.collect()
    }
}

/// `[secrets] recipients` with these readers.
fn recipients(readers: &[&Reader]) -> String {
    let keys: Vec<_> = readers.iter().map(|reader| format!("\"{}\"", reader.recipient())).collect();
    format!("[secrets]\nrecipients = [{}]\n\n[firewall]", keys.join(", "))
}

/// A place whose topology names one recipient.
pub(super) fn sealed_place() -> (Place, Reader) {
    let place = Place::with(&cluster());
    let me = Reader::new("me.txt", &place);
    place.edit("[firewall]", &recipients(&[&me]));
    place.write("credentials.json", CREDENTIALS);
    (place, me)
}

/// The files of the store that are not encrypted.
fn plain(place: &Place) -> Vec<String> {
    let files = place.tree().into_iter().filter(|(path, (_, bytes))| {
        path.starts_with("secrets/") && !path.ends_with(".age") && !bytes.is_empty()
    });
    files.map(|(path, _)| path).collect()
}

#[test]
fn every_file_is_encrypted() {
    let (place, me) = sealed_place();
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""), "encryption needs no identity");
    let import = ["keys", "import", "tunnel", "credentials.json", "-q"];
    assert_eq!(place.run(&import), stderr_only(0, ""));
    let again = [&import[..], &["-i", me.file]].concat();
    assert_eq!((place.run(&import).0, place.run(&again)), (Some(2), stderr_only(0, "")));
    assert_eq!(plain(&place), ["secrets/.gitignore", "secrets/recipients"]);
    assert_eq!(place.read("secrets/recipients"), format!("{}\n", me.recipient()));
    assert_eq!(place.read("secrets/.gitignore"), "*\n!*/\n!*.age\n!.gitignore\n!recipients\n");
    let opened = me.open(&place);
    assert_eq!(opened.len(), 5 + 10 + 7 + 3, "{:?}", opened.keys());
    assert_eq!(opened["cluster/tunnel.json"], CREDENTIALS.as_bytes());
    let complete = "keys are complete: 4 nodes, 1 client, 10 preshared keys\n";
    assert_eq!(place.run(&["keys", "--check"]), stderr_only(0, complete));
    assert_eq!(place.run(&["keys", "--check", "--identity", me.file]), stderr_only(0, complete));

    let (code, tar, _) = place.run(&["export", "hongkong", "-i", me.file]);
    assert_eq!(code, Some(0));
    let key = String::from_utf8(opened["nodes/hongkong/wg0.key"].clone()).expect("text");
    assert!(tar.contains(&key));
}

#[test]
fn exports_nothing_without_an_identity() {
    let (place, _) = sealed_place();
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    let missing = "error: secrets/nodes/tokyo/wg0.key.age is encrypted, and no identity was \
                   given\n |\n = help: name the file of your age or SSH key with \
                   --identity\n";
    assert_eq!(place.run(&["export", "tokyo"]), stderr_only(2, missing));
    Reader::new("stranger.txt", &place);
    let stranger = "error: secrets/nodes/tokyo/wg0.key.age is not encrypted for any of the given \
                    identities\n \
                    |\n = help: name the identity of a recipient with --identity\n";
    assert_eq!(place.run(&["export", "tokyo", "-i", "stranger.txt"]), stderr_only(2, stranger));
    place.write("no.txt", "AGE-SECRET-KEY-1QQQQ\n");
    let no_identity = stderr_only(2, "error: no.txt does not contain an identity\n");
    assert_eq!(place.run(&["export", "tokyo", "-i", "no.txt"]), no_identity);
    place.write("cut.txt", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXkt\n");
    let cut = stderr_only(2, "error: cut.txt does not contain an SSH key that can decrypt\n");
    assert_eq!(place.run(&["export", "tokyo", "-i", "cut.txt"]), cut);
    let gone = "error: cannot read the identity gone.txt: No such file or directory (os error 2)\n";
    assert_eq!(place.run(&["export", "tokyo", "-i", "gone.txt"]), stderr_only(2, gone));
    place.write("secrets/nodes/tokyo/wg0.key.age", "no age file\n");
    let broken = "error: cannot decrypt secrets/nodes/tokyo/wg0.key.age: it is not a complete file \
                  that age has encrypted\n";
    assert_eq!(place.run(&["export", "tokyo", "-i", "me.txt"]), stderr_only(2, broken));
}

/// The result of `recrypt` for the store of [`cluster`].
fn recrypted(how: &str) -> Ended {
    let same = "nothing has to be delivered: the secrets are the same";
    stderr_only(0, &format!("secrets/: 24 files {how}\n{same}\n"))
}

/// The secrets do not change from plain to encrypted, to other recipients, and back to plain.
#[test]
fn recrypt_keeps_the_secrets() {
    let place = Place::with(&cluster());
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    let secrets = |place: &Place| -> BTreeMap<String, Vec<u8>> {
        let files = place.tree().into_iter().filter(|(_, (_, bytes))| !bytes.is_empty());
        let files = files.filter_map(|(path, (_, bytes))| {
            Some((path.strip_prefix("secrets/")?.to_owned(), bytes))
        });
        files.filter(|(path, _)| path.contains('/')).collect()
    };
    let before = secrets(&place);
    let (me, you) = (Reader::new("me.txt", &place), Reader::new("you.txt", &place));

    place.edit("[firewall]", &recipients(&[&me]));
    let plain_report = "error[recipients-outdated]: secrets/ contains unencrypted files\n";
    let (code, _, stderr) = place.run(&["keys"]);
    assert!(code == Some(1) && stderr.starts_with(plain_report), "{stderr}");
    let sealed = recrypted("encrypted for 1 recipient");
    let tree = place.tree();
    let preview = "secrets/: 24 files would be encrypted for 1 recipient; nothing was written\n";
    assert_eq!(place.run(&["recrypt", "--dry-run"]), stderr_only(0, preview));
    assert_eq!(place.tree(), tree);
    assert_eq!(place.run(&["recrypt"]), sealed);
    assert_eq!(plain(&place), ["secrets/.gitignore", "secrets/recipients"]);
    assert_eq!(me.open(&place), before);
    assert_eq!(place.run(&["keys", "--check", "-q"]).0, Some(1), "the tunnel has no credential");

    place.edit(&recipients(&[&me]), &recipients(&[&me, &you]));
    let (code, _, stderr) = place.run(&["keys", "--check"]);
    let other = "error[recipients-outdated]: secrets/ is encrypted for other recipients\n";
    assert!(code == Some(1) && stderr.starts_with(other), "{stderr}");
    let tree = place.tree();
    for arguments in [&["recrypt"][..], &["recrypt", "--dry-run"]] {
        assert_eq!(place.run(arguments).0, Some(2), "no identity was given");
    }
    assert_eq!(place.tree(), tree);
    let both = recrypted("encrypted for 2 recipients");
    assert_eq!(place.run(&["recrypt", "-i", "me.txt"]), both);
    assert_eq!((you.open(&place), me.open(&place)), (before.clone(), before.clone()));

    place.edit(&recipients(&[&me, &you]), "[firewall]");
    let (code, _, stderr) = place.run(&["keys"]);
    let encrypted = "error[recipients-outdated]: secrets/ contains encrypted files\n";
    assert!(code == Some(1) && stderr.starts_with(encrypted), "{stderr}");
    let kept = recrypted("decrypted; git ignores them");
    assert_eq!(place.run(&["recrypt", "--identity", "you.txt"]), kept);
    assert_eq!(secrets(&place), before);
    assert_eq!(place.read("secrets/.gitignore"), "*\n");
}

/// `rm -r secrets/*` does not delete files whose name begins with a dot.
#[test]
fn replaces_gitignore_of_an_emptied_plain_store() {
    let (place, _) = sealed_place();
    std::fs::create_dir(place.path().join("secrets")).expect("a folder");
    place.write("secrets/.gitignore", "*\n");
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    assert!(place.read("secrets/.gitignore").contains("!*.age\n"));
    let (code, _, stderr) = place.run(&["keys", "--check"]);
    let missing = "keys are missing:\n  tunnel: no credential\n";
    assert!(code == Some(1) && stderr.starts_with(missing), "{stderr}");
}

/// A killed run leaves files in both forms.
#[test]
fn completes_an_interrupted_recrypt() {
    let (place, me) = sealed_place();
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    let opened = me.open(&place);
    let name = "secrets/nodes/tokyo/wg0.key";
    let key = String::from_utf8(opened["nodes/tokyo/wg0.key"].clone()).expect("text");
    place.write(name, &key);
    assert_eq!(place.run(&["recrypt", "-q", "-i", me.file]), stderr_only(0, ""));
    assert_eq!((me.open(&place), place.path().join(name).exists()), (opened, false));

    place.write(name, "another\n");
    let before = place.tree();
    let ambiguous = format!(
        "error: {name} and {name}.age contain different secrets\n |\n = help: move the outdated file \
         away\n"
    );
    assert_eq!(place.run(&["recrypt", "-i", me.file]), stderr_only(2, &ambiguous));
    assert_eq!(place.tree(), before);
}

#[test]
fn reports_unusable_recipients() {
    let (place, me) = sealed_place();
    let mut wrong = me.recipient();
    let last = if wrong.ends_with('q') { "p" } else { "q" };
    wrong.replace_range(wrong.len() - 1.., last);
    place.edit(&me.recipient(), &wrong);
    let before = place.tree();
    for arguments in [&["keys"][..], &["keys", "--check"], &["recrypt"]] {
        let (code, stdout, stderr) = place.run(arguments);
        let head = "error[recipient-unusable]: ";
        let indent = " ".repeat(head.len());
        let title = format!("{head}`{wrong}`\n{indent}is not a usable recipient\n");
        assert!(stderr.starts_with(&title), "{stderr}");
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
    }
    assert_eq!(place.tree(), before);
}
