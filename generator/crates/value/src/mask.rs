//! Hides what looks like a secret in texts that are printed: a user may have pasted one in a wrong
//! place, and a report of the mistake ends in a terminal, a log or a pull request.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;
use std::ops::Range;

use super::{PublicKey, Text as _};

/// The character that is printed instead of each character of a secret. A hidden line keeps its
/// length, so columns and carets stay right.
const HIDDEN: char = '*';

/// The letters and digits of a secret that are recognised in another text: a message may quote a
/// secret in part, in lower case or with another padding.
const GRAM: usize = 8;

/// The fewest letters and digits of a secret that are searched in other texts. Shorter ones are
/// parts of too many words.
const SHORTEST: usize = 4;

/// The fewest characters of a text that is hidden because it looks random. The shortest secrets of
/// random letters and digits are longer: a token of Cloudflare has 40 characters, a key of `WireGuard`
/// has 44.
const RANDOM: usize = 24;

/// The same, for letters of one case and digits, which are more similar to words.
const RANDOM_OF_ONE_CASE: usize = 32;

/// The hexadecimal digits of a Cloudflare Global API Key. No digest has an odd number of them.
const GLOBAL_KEY: usize = 37;

/// The fewest characters of a malformed public key that is hidden: it may be a private key.
const MALFORMED_KEY: usize = 16;

/// The last words of a key whose value is a secret, in lower case and without separators.
const SECRET_KEYS: [&str; 12] = [
    "privatekey",
    "presharedkey",
    "psk",
    "password",
    "passwd",
    "passphrase",
    "token",
    "secret",
    "secretkey",
    "accesskey",
    "apikey",
    "credential",
];

/// The last words of a key whose value is public if it is well-formed.
const PUBLIC_KEY: &str = "publickey";

/// The fewest characters of a value that is hidden because of its key. Shorter ones are booleans, also
/// with a typing error, and no secret that a program accepts.
const SHORTEST_VALUE: usize = 6;

/// The secrets of some texts.
///
/// Secrets are found by their form, such as `AGE-SECRET-KEY-1…`, and by the key that they are the
/// value of, such as `private_key`. A well-formed public key in its place is not a secret.
#[derive(Debug, Clone, Default)]
pub struct Mask {
    /// Every sequence of [`GRAM`] letters and digits of a secret, sorted.
    grams: Vec<[u8; GRAM]>,
    /// Secrets that have fewer letters and digits.
    short: BTreeSet<String>,
}

impl Mask {
    /// The secrets in a text.
    #[must_use]
    pub fn of(text: &str) -> Self {
        let mut mask = Self::default();
        mask.add(text);
        mask
    }

    /// Adds the secrets in another text.
    pub fn add(&mut self, text: &str) {
        let secrets = secrets(text);
        self.add_secrets(secrets.iter().map(|bytes| &text[bytes.clone()]));
    }

    /// Adds texts that are secrets, whatever their form.
    pub fn add_secrets<'a>(&mut self, secrets: impl Iterator<Item = &'a str>) {
        for secret in secrets {
            let letters: Vec<u8> = letters(secret).map(|(_, letter)| letter).collect();
            match letters.len() {
                0..SHORTEST => {}
                SHORTEST..GRAM => {
                    self.short.insert(String::from_utf8_lossy(&letters).into_owned());
                }
                GRAM.. => self.grams.extend(letters.windows(GRAM).map(gram)),
            }
        }
        self.grams.sort_unstable();
        self.grams.dedup();
    }

    /// Hides these secrets in a text that may quote them.
    #[must_use]
    pub fn hide(&self, text: &str) -> String {
        starred(text, self.quoted(text))
    }

    /// Hides these secrets, and what looks like a secret, in a text with keys and values.
    #[must_use]
    pub fn hide_in_source(&self, text: &str) -> String {
        let mut hidden = secrets(text);
        hidden.extend(self.quoted(text));
        starred(text, hidden)
    }

    /// The places of these secrets in a text.
    fn quoted(&self, text: &str) -> Vec<Range<usize>> {
        let mut quoted = Vec::new();
        if !self.grams.is_empty() {
            let (offsets, letters): (Vec<_>, Vec<_>) = letters(text).unzip();
            let windows = offsets.windows(GRAM).zip(letters.windows(GRAM));
            let known =
                windows.filter(|(_, window)| self.grams.binary_search(&gram(window)).is_ok());
            quoted.extend(known.map(|(offsets, _)| offsets[0]..offsets[GRAM - 1] + 1));
        }
        if !self.short.is_empty() {
            let words = runs(text, |byte| byte.is_ascii_alphanumeric());
            quoted.extend(
                words.filter(|word| self.short.contains(&text[word.clone()].to_ascii_lowercase())),
            );
        }
        quoted
    }
}

/// Hides what has the form of a secret, in a message that quotes no known text. A message is not a
/// list of keys and values: `password: …` is part of a sentence.
#[must_use]
pub fn hide_by_form(message: &str) -> String {
    let secrets = by_form(message);
    let mut mask = Mask::default();
    mask.add_secrets(secrets.iter().map(|bytes| &message[bytes.clone()]));
    starred(message, [secrets, mask.quoted(message)].concat())
}

/// Whether a value has the form of a secret. Random letters are accepted in an address: names of hosts that programs
/// choose have them. A public key has the form of a private one: only the name of the setting shows which of the two it is.
#[must_use]
pub fn is_secret(value: &str) -> bool {
    let is_address = value.contains(['.', '/', ':', '@', ' ']);
    let found = if is_address { by_known_form(value) } else { by_form(value) };
    !found.is_empty() && PublicKey::parse(value).is_err()
}

/// The letters and digits of a text in lower case, each with its place.
fn letters(text: &str) -> impl Iterator<Item = (usize, u8)> {
    let letters = text.bytes().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric());
    letters.map(|(offset, byte)| (offset, byte.to_ascii_lowercase()))
}

/// A window of [`GRAM`] letters.
fn gram(window: &[u8]) -> [u8; GRAM] {
    let mut gram = [0; GRAM];
    gram.copy_from_slice(window);
    gram
}

/// The text with stars in these places. Line breaks stay, and so do characters that are more than
/// one byte long: no secret contains any, and offsets into the text remain valid.
fn starred(text: &str, mut hidden: Vec<Range<usize>>) -> String {
    if hidden.is_empty() {
        return text.to_owned();
    }
    hidden.sort_unstable_by_key(|bytes| bytes.start);
    let mut hidden = hidden.into_iter().peekable();
    let mut end = 0;
    let starred = text.char_indices().map(|(offset, c)| {
        while let Some(bytes) = hidden.next_if(|bytes| bytes.start <= offset) {
            end = end.max(bytes.end);
        }
        let is_hidden = offset < end && c.is_ascii() && !matches!(c, '\n' | '\r');
        if is_hidden { HIDDEN } else { c }
    });
    starred.collect()
}

/// The places of everything in a text that looks like a secret.
fn secrets(text: &str) -> Vec<Range<usize>> {
    let (mut found, mut public) = (Vec::new(), BTreeSet::new());
    // A script is not a list of keys and values: `token=$1` is not a secret.
    let listed = if text.starts_with("#!") { "" } else { text };
    for Assignment { kind, value } in assignments(listed) {
        let written = &text[value.clone()];
        match kind {
            ValueKind::Secret => found.push(value),
            ValueKind::PublicKey if PublicKey::parse(written).is_ok() => {
                public.insert(written);
            }
            ValueKind::PublicKey if letters(written).nth(MALFORMED_KEY - 1).is_some() => {
                found.push(value);
            }
            ValueKind::PublicKey => {}
        }
    }
    public.extend(text.lines().filter_map(peer_key));
    found.extend(by_form(text).into_iter().filter(|bytes| !public.contains(&text[bytes.clone()])));
    found
}

/// The public key of a line of `wg0.peers`: `node`, a name, the key and addresses, between tabs; or of `wg0.relays`: six
/// columns, of which the last two are an address and the key.
fn peer_key(line: &str) -> Option<&str> {
    let fields: Vec<_> = line.split('\t').collect();
    let key = match fields[..] {
        ["node" | "client", _, key, ..] => key,
        [_, _, _, _, address, key] if address.parse::<Ipv4Addr>().is_ok() => key,
        _ => return None,
    };
    PublicKey::parse(key).is_ok().then_some(key)
}

/// The places of everything that has the form of a secret.
fn by_form(text: &str) -> Vec<Range<usize>> {
    found(text, |word| is_random(&text[word.clone()]) && !is_named_public(text, word))
}

/// The places of everything that has the form of one kind of secret.
fn by_known_form(text: &str) -> Vec<Range<usize>> {
    found(text, |_| false)
}

/// The places of secrets with a form of their own, and of further words.
fn found(text: &str, is_further: impl Fn(&Range<usize>) -> bool) -> Vec<Range<usize>> {
    let mut found: Vec<_> = private_key_blocks(text).chain(passwords_of_urls(text)).collect();
    let words = runs(text, |byte| byte.is_ascii_alphanumeric() || b"+/_-".contains(&byte));
    for word in words {
        let written = &text[word.clone()];
        let is_secret = is_age_identity(written)
            || is_web_token(written)
            || is_prefixed_token(written)
            || is_further(&word);
        if is_secret {
            let padding = text[word.end..].bytes().take_while(|byte| *byte == b'=').count();
            found.push(word.start..word.end + padding);
        }
    }
    let names = runs(text, |byte| byte.is_ascii_alphanumeric() || b".-".contains(&byte));
    found.extend(names.filter(|name| is_bootstrap_token(&text[name.clone()])));
    let dotted = runs(text, |byte| byte.is_ascii_alphanumeric() || b"._-".contains(&byte));
    found.extend(dotted.filter(|word| is_json_web_token(&text[word.clone()])));
    found
}

/// The longest sequences of bytes that a predicate accepts. It accepts ASCII only.
fn runs(text: &str, accepts: impl Fn(u8) -> bool) -> impl Iterator<Item = Range<usize>> {
    let bytes = text.as_bytes();
    let mut from = 0;
    std::iter::from_fn(move || {
        let start = from + bytes[from..].iter().position(|byte| accepts(*byte))?;
        let length = bytes[start..].iter().position(|byte| !accepts(*byte));
        from = length.map_or(bytes.len(), |length| start + length);
        Some(start..from)
    })
}

/// A secret key of age, or of one of its plugins (age-encryption.org, "Native X25519 identities").
fn is_age_identity(word: &str) -> bool {
    let upper = word.to_ascii_uppercase();
    upper.contains("AGE-SECRET-KEY-") || upper.contains("AGE-PLUGIN-")
}

/// A JSON object in base64: a JSON Web Token, or the token of a Cloudflare Tunnel.
fn is_web_token(word: &str) -> bool {
    word.len() >= RANDOM && word.starts_with("eyJ")
}

/// The header and the claims of a JSON Web Token are JSON objects in base64 (RFC 7519), of any length.
fn is_json_web_token(word: &str) -> bool {
    word.starts_with("eyJ") && word.contains(".eyJ")
}

/// The prefixes of tokens (docs.github.com, "About authentication to GitHub", and docs.gitlab.com, "Token prefixes").
const TOKEN_PREFIXES: [&str; 7] = ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_", "glpat-"];

/// The fewest characters of a token after its prefix (GitLab's personal access tokens).
const TOKEN: usize = 20;

/// A token whose prefix names its issuer.
fn is_prefixed_token(word: &str) -> bool {
    let rest = TOKEN_PREFIXES.iter().find_map(|prefix| word.strip_prefix(prefix));
    rest.is_some_and(|rest| rest.len() >= TOKEN)
}

/// A bootstrap token of kubeadm (kubernetes.io, "Authenticating with Bootstrap Tokens"). Its form is
/// that of a hostname, but no top-level domain has 16 characters and one dot before it.
fn is_bootstrap_token(name: &str) -> bool {
    let of = |text: &str, length: usize| {
        text.len() == length
            && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
    };
    name.split_once('.').is_some_and(|(id, secret)| of(id, 6) && of(secret, 16))
}

/// Letters and digits that alternate as in random text. Of random letters of both cases and digits, two
/// neighbours are of different kinds in 65 % of all places, of letters of one case and digits in 40 %;
/// in words such as `kubeAPIServerV1Beta4` in fewer. Digests, fingerprints and UUIDs are hexadecimal, and
/// public keys of age begin with `age1`.
fn is_random(word: &str) -> bool {
    let kinds: Vec<_> = word.bytes().map(CharacterKind::of).collect();
    let has = |kind| kinds.contains(&Some(kind));
    let is_change = |pair: &&[Option<CharacterKind>]| match **pair {
        [Some(one), Some(next)] => one != next,
        _ => false,
    };
    let changes = kinds.windows(2).filter(is_change).count();
    let is_hexadecimal = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    match (has(CharacterKind::Digit), has(CharacterKind::Lower) && has(CharacterKind::Upper)) {
        _ if is_hexadecimal => word.len() == GLOBAL_KEY,
        _ if word.starts_with("age1") => false,
        (true, true) => word.len() >= RANDOM && changes * 100 >= word.len() * 45,
        (true, false) => word.len() >= RANDOM_OF_ONE_CASE && changes * 100 >= word.len() * 30,
        (false, _) => false,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum CharacterKind {
    Lower,
    Upper,
    Digit,
}

impl CharacterKind {
    fn of(byte: u8) -> Option<Self> {
        match byte {
            b'a'..=b'z' => Some(Self::Lower),
            b'A'..=b'Z' => Some(Self::Upper),
            b'0'..=b'9' => Some(Self::Digit),
            _ => None,
        }
    }
}

/// Whether the word before it says that a word is a public key: `ssh-ed25519 AAAA…`, or `wg set wg0
/// peer KEY`.
fn is_named_public(text: &str, word: &Range<usize>) -> bool {
    let before = text[..word.start].strip_suffix(' ');
    let name = before.and_then(|before| before.rsplit(['"', '\'', ' ', '\n']).next());
    name.is_some_and(|name| {
        let is_ssh = name.starts_with("ssh-") || name.starts_with("ecdsa-");
        name == "peer" || is_ssh && text[word.clone()].starts_with("AAAA")
    })
}

const BLOCK_BEGIN: &str = "-----BEGIN ";
const BLOCK_KIND: &str = "PRIVATE KEY-----";
const BLOCK_END: &str = "-----END ";

/// The content of PEM blocks with a private key (RFC 7468), also of blocks that do not end.
fn private_key_blocks(text: &str) -> impl Iterator<Item = Range<usize>> {
    let last_end = text.rfind(BLOCK_END).unwrap_or_default();
    text.match_indices(BLOCK_BEGIN).filter_map(move |(begin, _)| {
        let label = begin + BLOCK_BEGIN.len();
        let is_label = |byte: &u8| byte.is_ascii_uppercase() || *byte == b' ';
        let name = text[label..].bytes().take_while(is_label).count();
        let start = label + name + "-----".len();
        if !text.get(label..start)?.ends_with(BLOCK_KIND) {
            return None;
        }
        let end = match start <= last_end {
            true => text[start..].find(BLOCK_END).map(|length| start + length),
            false => None,
        };
        let is_content = |byte: &u8| {
            byte.is_ascii_alphanumeric() || byte.is_ascii_whitespace() || b"+/=\\".contains(byte)
        };
        let content = || start + text[start..].bytes().take_while(is_content).count();
        Some(start..end.unwrap_or_else(content))
    })
}

/// The passwords in addresses such as `https://user:password@example.com`.
fn passwords_of_urls(text: &str) -> impl Iterator<Item = Range<usize>> {
    text.match_indices("://").filter_map(|(separator, _)| {
        let start = separator + "://".len();
        let rest = &text[start..];
        let end =
            rest.find(|c: char| c.is_whitespace() || "/\"'`<>".contains(c)).unwrap_or(rest.len());
        let (user, _) = rest[..end].rsplit_once('@')?;
        let colon = user.find(':')?;
        Some(start + colon + 1..start + user.len())
    })
}

/// A value whose key says what it is, as TOML, YAML, JSON and the configuration of `WireGuard` write it.
struct Assignment {
    kind: ValueKind,
    /// The place of the value, without quotes.
    value: Range<usize>,
}

#[derive(Debug, Clone, Copy)]
enum ValueKind {
    Secret,
    PublicKey,
}

impl ValueKind {
    /// The kind of value that a key has; none if the key does not tell.
    fn of(key: &str) -> Option<Self> {
        let key: String = letters(key).map(|(_, letter)| char::from(letter)).collect();
        let singular = key.trim_end_matches('s');
        let is_secret = SECRET_KEYS.iter().any(|end| singular.ends_with(end) || key.ends_with(end));
        match singular.ends_with(PUBLIC_KEY) {
            true => Some(Self::PublicKey),
            false => is_secret.then_some(Self::Secret),
        }
    }
}

/// The values of these kinds that are on the line of their key.
fn assignments(text: &str) -> impl Iterator<Item = Assignment> {
    let mut from = 0;
    let separators = text.bytes().enumerate().filter(|(_, byte)| b"=:".contains(byte));
    separators.filter_map(move |(separator, _)| {
        // A base64 text inside of a value ends in the same sign.
        let before = text.get(from..separator)?;
        let before = before.trim_end_matches([' ', '\t']).trim_end_matches(['"', '\'']);
        let is_key = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let kind = ValueKind::of(&before[before.trim_end_matches(is_key).len()..])?;
        let value = value(text, separator + 1);
        if is_sentence(text, separator, &value) {
            return None;
        }
        from = value.end;
        (value.len() >= SHORTEST_VALUE).then_some(Assignment { kind, value })
    })
}

/// The most bytes before a separator in which a comment can begin.
const LONGEST_COMMENT: usize = 200;

/// Whether a colon is part of a sentence: in a comment, with several words behind it.
fn is_sentence(text: &str, separator: usize, value: &Range<usize>) -> bool {
    let start = text.floor_char_boundary(separator.saturating_sub(LONGEST_COMMENT));
    let before = text[start..separator].rsplit('\n').next().unwrap_or_default();
    let is_quoted = text[..value.start].ends_with(['"', '\'']);
    text[separator..].starts_with(": ")
        && before.contains('#')
        && !is_quoted
        && text[value.clone()].contains(' ')
}

/// The value that begins behind a separator.
fn value(text: &str, separator_end: usize) -> Range<usize> {
    let rest = &text[separator_end..];
    let start = separator_end + rest.len() - rest.trim_start_matches([' ', '\t']).len();
    let written = &text[start..];
    for quote in ["\"\"\"", "'''", "\"", "'"] {
        let Some(content) = written.strip_prefix(quote) else { continue };
        let start = start + quote.len();
        let is_end = |(offset, _): &(usize, &str)| {
            quote.starts_with('\'') || !content[..*offset].ends_with('\\')
        };
        let end = content.match_indices(quote).find(is_end).map(|(offset, _)| offset);
        let line_end = if quote.len() == 1 { content.find('\n') } else { None };
        let length = end.into_iter().chain(line_end).min().unwrap_or(content.len());
        return start..start + length;
    }
    let end = if written.starts_with('[') {
        written.find([']', '\n'])
    } else {
        written.find([',', '}', '#', '\n'])
    };
    start..start + written[..end.unwrap_or(written.len())].trim_end().len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::{ProptestConfig, prop_assert_eq, proptest};

    use super::*;

    const KEY: &str = "qO2nMh3rqlZ5jkM4rJ7PvCqTdt7MRV8Ym0hbLcvGqEk=";

    /// Each text, with `‹` and `›` around what is hidden.
    fn hides(table: &[&str]) {
        for marked in table {
            let text = marked.replace(['‹', '›'], "");
            let (first, parts) = marked.split_once('‹').unwrap_or((marked, ""));
            let parts = parts.split('‹').map(|part| {
                let (hidden, rest) = part.split_once('›').unwrap_or_default();
                format!("{}{rest}", hidden.replace(|c| c != '\n', "*"))
            });
            let expected = format!("{first}{}", parts.collect::<String>());
            assert_eq!(Mask::of(&text).hide_in_source(&text), expected, "{marked}");
        }
    }

    #[test]
    fn secrets_by_their_form() {
        hides(&[
            "name = \"‹AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYS›\"",
            "‹age-secret-key-1qqqsyqcyq5rqwzqfpg9scrgwpugpzys› = 1",
            "name = \"‹abcdef.0123456789abcdef›\"",
            "kubeadm join 10.0.0.1:6443 ‹abcdef.0123456789abcdef›",
            "id = ‹Zk3vQ9xT1mB7wR2pL8nD4sH6yJ0cF5gA-eU_oIqX›",
            "id = \"‹v1xk3q9t1mb7wr2pl8nd4sh6yj0cf5gazeu7oiqx›\"",
            "name = \"‹1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9›\"",
            "name = \"‹eyJhIjoiMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMCJ9›\"",
            "name = \"‹qO2nMh3rqlZ5jkM4rJ7PvCqTdt7MRV8Ym0hbLcvGqEk=›\"",
            "url = \"https://me:‹hunter2›@example.com/\"",
            "name = \"‹ghp_aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa›\"",
            "name = \"‹glpat-aaaaaaaaaaaaaaaaaaaa›\"",
            "-----BEGIN EC PRIVATE KEY-----‹\nMHcCAQEE\nIIrY\n›-----END EC PRIVATE KEY-----\nid = 1",
            "key = '''-----BEGIN PRIVATE KEY-----‹\nMHcCAQEE\n›'''\nid = 1",
        ]);
    }

    #[test]
    fn secrets_by_their_key() {
        hides(&[
            "private_key = \"‹hunter2›\" # mine",
            "nodes.1.private-key = '‹hunter2›'",
            "{ id = 1, psk = \"‹abc\\\"def›\", name = \"a\" }",
            "PrivateKey = ‹aBcDeF=› # tokyo\nPublicKey = short",
            "  \"token\": \"‹abcdef›\", \"id\": 1",
            "password: ‹correct horse›",
            "# password: ‹correcthorse›",
            "tokens = ‹[\"a\", \"b\"›]",
            "token = \"\"\"‹abc\ndef›\"\"\"\nid = 1",
            "public_key = \"‹qO2nMh3rqlZ5jkM4rJ7Pv CqTdt7MRV8Ym0hbLcvGqEk=›\"",
            "public_key = \"‹qO2nMh3rqlZ5jkM4rJ7P›\"",
        ]);
    }

    #[test]
    fn public_texts_stay() {
        hides(&[
            "public_key = \"qO2nMh3rqlZ5jkM4rJ7PvCqTdt7MRV8Ym0hbLcvGqEk=\"",
            "PublicKey = qO2nMh3rqlZ5jkM4rJ7PvCqTdt7MRV8Ym0hbLcvGqEk=",
            "node\ttokyo\tqO2nMh3rqlZ5jkM4rJ7PvCqTdt7MRV8Ym0hbLcvGqEk=\t10.66.66.2\t-",
            "public_key = \"…\"",
            "PostUp = wg set %i peer qO2nMh3rqlZ5jkM4rJ7PvCqTdt7MRV8Ym0hbLcvGqEk= preshared-key f",
            "bgp_password = \"maybe\"",
            "preshared_keys = true\nbgp_password = false",
            "recipients = [\"age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z\"]",
            "\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN\"",
            "\"sha256:8cb2de97839780a412b93877f8507ad6c94f73add17d5d7058e91741c9d5ec78\"",
            "key = \"9DC858229FC7DD38854AE2D88D81803C0EBFCD88\"",
            "id = \"6ff42ae2-765d-4adf-8112-31c55c1551ef\"",
            "kind: kubeAPIServerConfigurationV1Beta4",
            "host = \"vmi1234567.contaboserver.net\"",
            "#!/bin/sh\ntoken=$1",
            "# kubeadm always creates a token: this one ends when it is created",
        ]);
    }

    #[test]
    fn quotes_of_known_secrets_are_hidden() {
        let mask = Mask::of(&format!("name = \"{KEY}\"\npassword = \"hunter\""));
        let (lower, part) = (KEY.to_lowercase(), &KEY[..20]);
        let stars = |count| "*".repeat(count);
        assert_eq!(
            mask.hide(&format!("`{KEY}` is not, did you mean `{lower}x` or {part}=?")),
            format!("`{}=` is not, did you mean `{}=x` or {}=?", stars(43), stars(43), stars(20))
        );
        assert_eq!(mask.hide("`hunter` or hunters"), "`******` or hunters");
        assert_eq!(mask.hide("nothing of it"), "nothing of it");
    }

    #[test]
    fn values_with_the_form_of_a_secret() {
        let secrets = [
            "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYS",
            "abcdef.0123456789abcdef",
            "1a2b3c4d5e6f7a8b9c0d1e2f3a4b5c6d7e8f9",
            "Zk3vQ9xT1mB7wR2pL8nD4sH6yJ0cF5gA-eU_oIqX",
            "github_pat_11AAAAAAA0aaaaaaaaaaaa",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.AAAA",
            "https://me:hunter2@example.com/",
            "-----BEGIN PRIVATE KEY----- MHcCAQEE",
        ];
        let public = [
            "tokyo",
            KEY,
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
            "age1lvyvwawkr0mcnnnncaghunadrqkmuf9e6507x9y920xxpp866cnql7dp2z",
            "sha256:8cb2de97839780a412b93877f8507ad6c94f73add17d5d7058e91741c9d5ec78",
            "9DC858229FC7DD38854AE2D88D81803C0EBFCD88",
            "6ff42ae2-765d-4adf-8112-31c55c1551ef",
            "x1k3q9t1mb7wr2pl8nd4sh6yj0cf5gazeu7oiqx.eu-west-1.elb.example.com",
            "docker.io/traefik:v3.7.11@sha256:5203c3f39ca70de6790d964624e042463ffbd57715bc82be155cf224c0dd5144",
        ];
        for (values, expected) in [(&secrets[..], true), (&public[..], false)] {
            for value in values {
                assert_eq!(is_secret(value), expected, "{value}");
            }
        }
    }

    #[test]
    fn messages_without_a_source() {
        let secret = "AGE-SECRET-KEY-1QQQSYQCYQ5RQWZQFPG9SCRGWPUGPZYS";
        let stars = "*".repeat(secret.len());
        let message = format!("there is no node `{secret}`");
        assert_eq!(hide_by_form(&message), format!("there is no node `{stars}`"));
        let sentence = "cannot read secrets/token: Permission denied";
        assert_eq!(hide_by_form(sentence), sentence);
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// Places in the text stay valid.
        #[test]
        fn lengths_and_lines_stay(
            text in "((private_)?key|psk|[=:'\"\n #]|[a-zA-Z0-9+/]{1,50}|香|-----BEGIN PRIVATE KEY-----|://a:b@c){0,20}"
        ) {
            let hidden = Mask::of(&text).hide_in_source(&text);
            prop_assert_eq!(hidden.len(), text.len());
            let places = |text: &str| -> Vec<usize> {
                text.match_indices(['\n', '香']).map(|(offset, _)| offset).collect()
            };
            prop_assert_eq!(places(&hidden), places(&text));
        }
    }
}
