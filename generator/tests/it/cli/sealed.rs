//! The store with recipients: every file is age's, and no plain one is left.

use std::collections::BTreeMap;
use std::io::Read as _;

use age::armor::ArmoredReader;
use age::secrecy::ExposeSecret as _;
use age::{Decryptor, x25519};

use super::export::{CREDENTIALS, cluster};
use super::{Place, told};

/// Somebody who can open the store, with the file that has the key.
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

    fn recipient(&self) -> String {
        self.identity.to_public().to_string()
    }

    /// Every secret of the store, opened.
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

/// `[secrets] recipients` of these.
fn recipients(readers: &[&Reader]) -> String {
    let keys: Vec<_> = readers.iter().map(|reader| format!("\"{}\"", reader.recipient())).collect();
    format!("[secrets]\nrecipients = [{}]\n\n[firewall]", keys.join(", "))
}

/// A place whose topology names one recipient.
pub(super) fn place() -> (Place, Reader) {
    let place = Place::with(&cluster());
    let me = Reader::new("me.txt", &place);
    place.edit("[firewall]", &recipients(&[&me]));
    place.write("credentials.json", CREDENTIALS);
    (place, me)
}

/// The files of the store that are not age's.
fn plain(place: &Place) -> Vec<String> {
    let files = place.tree().into_iter().filter(|(path, (_, bytes))| {
        path.starts_with("secrets/") && !path.ends_with(".age") && !bytes.is_empty()
    });
    files.map(|(path, _)| path).collect()
}

#[test]
fn every_file_is_sealed_and_committable() {
    let (place, me) = place();
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""), "an identity is not needed to seal");
    let import = ["keys", "import", "tunnel", "credentials.json", "-q"];
    assert_eq!(place.run(&import), told(0, ""));
    let again = [&import[..], &["-i", me.file]].concat();
    assert_eq!((place.run(&import).0, place.run(&again)), (Some(2), told(0, "")));
    assert_eq!(plain(&place), ["secrets/.gitignore", "secrets/recipients"]);
    assert_eq!(place.read("secrets/recipients"), format!("{}\n", me.recipient()));
    assert_eq!(place.read("secrets/.gitignore"), "*\n!*/\n!*.age\n!.gitignore\n!recipients\n");
    let opened = me.open(&place);
    assert_eq!(opened.len(), 5 + 10 + 7 + 2, "{:?}", opened.keys());
    assert_eq!(opened["cluster/tunnel.json"], CREDENTIALS.as_bytes());
    let complete = "keys are complete: 4 nodes, 1 client, 10 preshared keys\n";
    assert_eq!(place.run(&["keys", "--check"]), told(0, complete));
    assert_eq!(place.run(&["keys", "--check", "--identity", me.file]), told(0, complete));

    let (code, tar, _) = place.run(&["export", "hongkong", "-i", me.file]);
    assert_eq!(code, Some(0));
    let key = String::from_utf8(opened["nodes/hongkong/wg0.key"].clone()).expect("text");
    assert!(tar.contains(&key));
}

#[test]
fn without_an_identity_nothing_leaves() {
    let (place, _) = place();
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
    let missing = "error: secrets/nodes/tokyo/wg0.key.age is encrypted, and there is no identity to \
                   decrypt it with\n |\n = help: name the file of your age or SSH key with \
                   --identity\n";
    assert_eq!(place.run(&["export", "tokyo"]), told(2, missing));
    Reader::new("stranger.txt", &place);
    let stranger = "error: secrets/nodes/tokyo/wg0.key.age is encrypted to none of the identities\n \
                    |\n = help: name the identity of a recipient with --identity\n";
    assert_eq!(place.run(&["export", "tokyo", "-i", "stranger.txt"]), told(2, stranger));
    place.write("no.txt", "AGE-SECRET-KEY-1QQQQ\n");
    let no_identity = told(2, "error: no.txt holds no identity\n");
    assert_eq!(place.run(&["export", "tokyo", "-i", "no.txt"]), no_identity);
    place.write("cut.txt", "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXkt\n");
    let cut = told(2, "error: cut.txt holds no SSH key that can decrypt\n");
    assert_eq!(place.run(&["export", "tokyo", "-i", "cut.txt"]), cut);
    let gone = "error: cannot read the identity gone.txt: No such file or directory (os error 2)\n";
    assert_eq!(place.run(&["export", "tokyo", "-i", "gone.txt"]), told(2, gone));
    place.write("secrets/nodes/tokyo/wg0.key.age", "no age file\n");
    let broken = "error: cannot decrypt secrets/nodes/tokyo/wg0.key.age: it is no whole file that age \
                  has encrypted\n";
    assert_eq!(place.run(&["export", "tokyo", "-i", "me.txt"]), told(2, broken));
}

/// From plain to sealed, to others, and back: the secrets stay the same throughout.
#[test]
fn the_store_follows_its_recipients() {
    let place = Place::with(&cluster());
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
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
    let plain_report = "error[recipients-outdated]: secrets/ holds plain files\n";
    let (code, _, stderr) = place.run(&["keys"]);
    assert!(code == Some(1) && stderr.starts_with(plain_report), "{stderr}");
    let sealed = told(0, "secrets/: 23 files encrypted to 1 recipient\n");
    assert_eq!(place.run(&["keys", "--recrypt"]), sealed);
    assert_eq!(plain(&place), ["secrets/.gitignore", "secrets/recipients"]);
    assert_eq!(me.open(&place), before);
    assert_eq!(place.run(&["keys", "--check", "-q"]).0, Some(1), "the tunnel has no credential");

    place.edit(&recipients(&[&me]), &recipients(&[&me, &you]));
    let (code, _, stderr) = place.run(&["keys", "--check"]);
    let other = "error[recipients-outdated]: secrets/ is encrypted to other recipients\n";
    assert!(code == Some(1) && stderr.starts_with(other), "{stderr}");
    let tree = place.tree();
    assert_eq!(place.run(&["keys", "--recrypt"]).0, Some(2), "nobody can open it");
    assert_eq!(place.tree(), tree);
    let both = told(0, "secrets/: 23 files encrypted to 2 recipients\n");
    assert_eq!(place.run(&["keys", "--recrypt", "-i", "me.txt"]), both);
    assert_eq!((you.open(&place), me.open(&place)), (before.clone(), before.clone()));

    place.edit(&recipients(&[&me, &you]), "[firewall]");
    let (code, _, stderr) = place.run(&["keys"]);
    let encrypted = "error[recipients-outdated]: secrets/ holds encrypted files\n";
    assert!(code == Some(1) && stderr.starts_with(encrypted), "{stderr}");
    let kept = told(0, "secrets/: 23 files kept plain, and ignored by git\n");
    assert_eq!(place.run(&["keys", "--recrypt", "--identity", "you.txt"]), kept);
    assert_eq!(secrets(&place), before);
    assert_eq!(place.read("secrets/.gitignore"), "*\n");
}

/// `rm -r secrets/*` leaves what begins with a dot.
#[test]
fn a_store_that_was_plain_and_emptied_is_committable() {
    let (place, _) = place();
    std::fs::create_dir(place.path().join("secrets")).expect("a folder");
    place.write("secrets/.gitignore", "*\n");
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
    assert!(place.read("secrets/.gitignore").contains("!*.age\n"));
    let (code, _, stderr) = place.run(&["keys", "--check"]);
    let missing = "keys are missing:\n  tunnel: no credential\n";
    assert!(code == Some(1) && stderr.starts_with(missing), "{stderr}");
}

/// What was left in both forms by a run that was killed.
#[test]
fn an_interrupted_run_is_finished() {
    let (place, me) = place();
    assert_eq!(place.run(&["keys", "-q"]), told(0, ""));
    let opened = me.open(&place);
    let name = "secrets/nodes/tokyo/wg0.key";
    let key = String::from_utf8(opened["nodes/tokyo/wg0.key"].clone()).expect("text");
    place.write(name, &key);
    assert_eq!(place.run(&["keys", "--recrypt", "-q", "-i", me.file]), told(0, ""));
    assert_eq!((me.open(&place), place.path().join(name).exists()), (opened, false));

    place.write(name, "another\n");
    let before = place.tree();
    let ambiguous = format!(
        "error: {name} and {name}.age hold different secrets\n |\n = help: move the one away that is \
         outdated\n"
    );
    assert_eq!(place.run(&["keys", "--recrypt", "-i", me.file]), told(2, &ambiguous));
    assert_eq!(place.tree(), before);
}

#[test]
fn a_recipient_that_nothing_can_be_encrypted_to_is_named() {
    let (place, me) = place();
    let mut wrong = me.recipient();
    let last = if wrong.ends_with('q') { "p" } else { "q" };
    wrong.replace_range(wrong.len() - 1.., last);
    place.edit(&me.recipient(), &wrong);
    let before = place.tree();
    for arguments in [&["keys"][..], &["keys", "--check"], &["keys", "--recrypt"]] {
        let (code, stdout, stderr) = place.run(arguments);
        let head = "error[recipient-unusable]: ";
        let indent = " ".repeat(head.len());
        let head = format!("{head}nothing can be encrypted to\n{indent}`{wrong}`\n");
        assert!(stderr.starts_with(&head), "{stderr}");
        assert_eq!((code, stdout.as_str()), (Some(1), ""));
    }
    assert_eq!(place.tree(), before);
}
