//! Recipients: the keys that can decrypt the store of secrets.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::string::string_type;
use super::{Form, Malformed, Text};

string_type! {
    /// A key that can decrypt the store: `age1…`, or the key of an SSH public key line without its
    /// comment.
    ///
    /// Only the form is checked: of `age1…` the alphabet and the least length, not the checksum;
    /// of SSH keys that the base64 holds a key of the type before it. age(1) checks the
    /// rest when it encrypts.
    pub struct Recipient;
}

/// The alphabet of bech32 (BIP 173).
const BECH32: &str = "qpzry9x8gf2tvdw0s3jn54khce6mua7l";
/// Length of an X25519 recipient; those of plugins and hybrid keys are longer.
const AGE_MIN: usize = 62;
/// The SSH key types to which age encrypts.
const SSH_TYPES: [&str; 2] = ["ssh-ed25519", "ssh-rsa"];

impl Text for Recipient {
    const EXPECTED: &'static str =
        "a recipient such as `age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p`";
    const FORM: Form =
        Form::Pattern(r"^(age1[a-z0-9-]{58,}|\s*ssh-(ed25519|rsa)\s+[A-Za-z0-9+/]+=*(\s.*)?)$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        // Secrets are not repeated: diagnostics are written to logs.
        if text.contains("AGE-SECRET-KEY-") || text.contains("PRIVATE KEY") {
            return Err(Malformed::new(
                "a private key is in the place of a recipient",
                "private key",
            )
            .help("generate a new identity (this one is exposed), and write its public key"));
        }
        let recipient = if text.starts_with("age1") { age(text) } else { ssh(text) };
        recipient.map(Self).ok_or_else(|| {
            Malformed::new(format!("`{text}` is not a valid recipient"), "not a valid recipient")
                .help(
                    "write `age1…` as `age-keygen -y` prints it, or an ssh-ed25519 or ssh-rsa key",
                )
        })
    }
}

fn age(text: &str) -> Option<String> {
    let (_, data) = text.rsplit_once('1')?;
    let well_formed = text.len() >= AGE_MIN
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && data.chars().all(|c| BECH32.contains(c));
    well_formed.then(|| text.to_owned())
}

fn ssh(text: &str) -> Option<String> {
    let mut words = text.split_ascii_whitespace();
    let (kind, key) = (words.next()?, words.next()?);
    let blob = STANDARD.decode(key).ok()?;
    // The blob repeats its type as a string with a four-byte length (RFC 4253 §6.6).
    let named = blob.get(4..)?.starts_with(kind.as_bytes());
    let long_enough = blob.len() >= 4 + kind.len() + 4 + 32;
    (SSH_TYPES.contains(&kind) && named && long_enough).then(|| format!("{kind} {key}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    const AGE: &str = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p";
    const SSH: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";
    const HELP: &str =
        "write `age1…` as `age-keygen -y` prints it, or an ssh-ed25519 or ssh-rsa key";

    #[test]
    fn takes_public_keys() {
        accepts::<Recipient>(&[(AGE, AGE), (SSH, SSH), (&format!("{SSH} me@home"), SSH)]);
        let of_plugin = AGE.replace("age1", "age1tpm-2-1");
        accepts::<Recipient>(&[(&of_plugin, &of_plugin)]);
    }

    /// A public key line with this type before and this one in its base64, and that much behind.
    fn line(kind: &str, named: &str, length: usize) -> String {
        let blob = [&[0, 0, 0, named.len() as u8], named.as_bytes(), &vec![0; length]].concat();
        format!("{kind} {}", STANDARD.encode(blob))
    }

    #[test]
    fn holds_ssh_keys_to_their_type_and_length() {
        let shortest = line("ssh-ed25519", "ssh-ed25519", 4 + 32);
        accepts::<Recipient>(&[(&shortest, &shortest)]);
        let refused = [
            line("ssh-ed25519", "ssh-ed25519", 4 + 31),
            line("ssh-rsa", "ssh-ed25519", 4 + 32),
            line("ssh-dss", "ssh-dss", 4 + 32),
            AGE.replace("ql3z", "qL3z"),
        ];
        for text in refused {
            refuses::<Recipient>(&[(
                &text,
                &format!("`{text}` is not a valid recipient"),
                "not a valid recipient",
                HELP,
            )]);
        }
    }

    #[test]
    fn refuses_the_rest() {
        refuses::<Recipient>(&[
            ("alice", "`alice` is not a valid recipient", "not a valid recipient", HELP),
            ("age1ql3z", "`age1ql3z` is not a valid recipient", "not a valid recipient", HELP),
            (
                "ssh-ed25519 AAAA",
                "`ssh-ed25519 AAAA` is not a valid recipient",
                "not a valid recipient",
                HELP,
            ),
        ]);
    }

    #[test]
    fn does_not_repeat_a_private_key() {
        refuses::<Recipient>(&[(
            "AGE-SECRET-KEY-1QQQQ",
            "a private key is in the place of a recipient",
            "private key",
            "generate a new identity (this one is exposed), and write its public key",
        )]);
    }
}
