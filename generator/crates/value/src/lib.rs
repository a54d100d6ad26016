//! Values: each value that a user writes has a type that holds valid values only.
//!
//! A type checks one value alone; a check of two values is a rule. Each type parses a text, prints
//! its normal form, and explains why it refuses a text.

mod address;
mod advisory;
mod argument;
pub mod component;
mod day;
pub mod delivery;
mod digest;
mod dns;
mod endpoint;
mod image;
mod image_reference;
mod interface_name;
pub mod json_schema;
mod keyword;
mod label;
pub mod manifest;
mod mask;
mod name;
mod number;
mod open_port;
mod origin;
mod plain;
pub mod provider;
mod public_key;
mod reason;
mod recipient;
mod relays;
mod source_url;
mod ssh_host;
mod string;
mod subnet;
#[cfg(test)]
mod table;
mod tunnel_id;
mod url;
mod user_name;
mod version;

use std::fmt::Display;

use strsim::damerau_levenshtein;

pub use address::Address;
pub use advisory::AdvisoryId;
pub use argument::{ArgumentName, CertificateName, FeatureGate};
pub use day::Day;
pub use digest::{Fingerprint, PublicKeyHash, Sha256};
pub use dns::{DnsName, Hostname};
pub use endpoint::{AddressFamily, ApiEndpoint, Endpoint, Endpoints, Host};
pub use image::{ImageRepository, RegistryName};
pub use image_reference::ImageReference;
pub use interface_name::InterfaceName;
pub use keyword::{
    AdvisorySeverity, Arch, Dataplane, IngressController, OriginScheme, Os, PinnedProgram,
    Protocol, ProviderName, ProxyMode, Reach, Role, Scheduler, TaintEffect, TunnelMode,
    TunnelProtocol,
};
pub use label::{LabelKey, LabelValue, Taint};
pub use mask::{Mask, hide_by_form, is_secret};
pub use name::Name;
pub use number::{
    AsNumber, ConnectionCount, CpuMillis, Keepalive, MemoryMib, Mtu, NodeId, OriginTimeout,
    PodPrefixLen, Port, Replicas, RoundTripMs, SnapshotCount, TcpTimeout,
};
pub use open_port::OpenPort;
pub use origin::{AudienceTag, OriginAccess, OriginPods, OriginRequest, OriginService};
pub use plain::{parse_written, plain_character, plain_text};
pub use public_key::PublicKey;
pub use reason::Reason;
pub use recipient::Recipient;
pub use relays::Relays;
pub use source_url::SourceUrl;
pub use ssh_host::SshHost;
pub use subnet::{SourceNet, Subnet};
pub use tunnel_id::TunnelId;
pub use url::Url;
pub use user_name::UserName;
pub use version::{PackageVersion, ReleaseLine, Version};

/// The bytes that WireGuard adds to a packet: 40 of IPv6, 8 of UDP, 32 of its own header and tag
/// (WireGuard's protocol page: 16 + 16). Over IPv4 it is 20 less. IPv6 is always counted, so that
/// an endpoint can move to IPv6 without a change of MTU.
pub const WIREGUARD_OVERHEAD: u16 = 80;

/// A value that is written as a TOML string.
pub trait Text: Sized {
    /// The description in messages, with its article and an example.
    const EXPECTED: &'static str;
    /// The form of all such texts, for the JSON Schema.
    const FORM: Form;

    /// Reads the text between the quotes.
    ///
    /// # Errors
    ///
    /// When the text is not a valid value, with the corrected value where there is exactly one.
    fn parse(text: &str) -> Result<Self, Malformed>;
}

/// The form of a text, as a JSON Schema can express it. It accepts every text that [`Text::parse`]
/// accepts, and more: a schema cannot count, resolve names or correct values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Any text.
    Free,
    /// One of these words.
    Words(&'static [&'static str]),
    /// Texts that match this regular expression, in the syntax that ECMA-262, Python and Rust
    /// share.
    Pattern(&'static str),
}

/// A value that this program contains as text, such as a default.
///
/// # Panics
///
/// When the text is malformed: a test parses every constant.
#[must_use]
pub fn constant<T: Text>(text: &'static str) -> T {
    T::parse(text).unwrap_or_else(|fault| unreachable!("`{text}`: {}", fault.message))
}

/// A value that is written as a TOML integer.
pub trait Number: Sized {
    /// The description in messages, with its article and its bounds.
    const EXPECTED: &'static str;
    /// The lowest and the highest.
    const BOUNDS: [i64; 2];

    /// Takes the integer if it is in bounds.
    ///
    /// # Errors
    ///
    /// When it is out of bounds.
    fn from_integer(integer: i64) -> Result<Self, Malformed>;
}

/// The reason why a type does not accept a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Malformed {
    /// The fault, with the value: lower case, no full stop.
    pub message: String,
    /// The label at the place of the value.
    pub label: String,
    /// The corrected value, or the remedy.
    pub help: Option<String>,
    /// The only value that the text can mean. A guess is only in `help`.
    pub suggestion: Option<String>,
}

impl Malformed {
    /// A refusal without a correction.
    pub fn new(message: impl Into<String>, label: impl Into<String>) -> Self {
        let (message, label) = (printable(&message.into()), printable(&label.into()));
        Self { message, label, help: None, suggestion: None }
    }

    /// Adds the correction.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(printable(&help.into()));
        self
    }

    /// Adds the value that was probably meant.
    fn did_you_mean(self, suggestion: impl Display) -> Self {
        self.help(format!("did you mean `{suggestion}`?"))
    }

    /// Adds the one value that the text can mean.
    fn suggest(mut self, suggestion: impl Display) -> Self {
        self.suggestion = Some(suggestion.to_string());
        self.did_you_mean(suggestion)
    }
}

/// The refusal of an empty text.
fn refusal_of_empty() -> Malformed {
    Malformed::new("the value is empty", "empty")
}

/// The text with control characters and bidirectional formatting characters escaped: messages quote
/// values as they are written, and a terminal interprets such characters.
#[must_use]
pub fn printable(text: &str) -> String {
    let is_directional = |c| matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut printable = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() || is_directional(c) {
            printable.extend(c.escape_default());
        } else {
            printable.push(c);
        }
    }
    printable
}

/// `1 node`, `2 nodes`.
#[must_use]
pub fn count(number: usize, noun: &str) -> String {
    format!("{number} {noun}{}", if number == 1 { "" } else { "s" })
}

/// [`printable`] for a text of several lines, whose line breaks and tabs are kept. A carriage return
/// alone does not break a line: a terminal writes over the line.
#[must_use]
pub fn printable_lines(text: &str) -> String {
    let lines = text.split_inclusive('\n').map(|line| {
        let content = line.strip_suffix("\r\n").or(line.strip_suffix('\n')).unwrap_or(line);
        let cells: Vec<_> = content.split('\t').map(printable).collect();
        format!("{}{}", cells.join("\t"), &line[content.len()..])
    });
    lines.collect()
}

/// Returns `text` if `check` accepts it. Else the refusal suggests the result of `correct`, if
/// `check` accepts that. If only case and surrounding space differ, the suggestion is the only
/// meaning.
fn checked(
    text: &str,
    check: impl Fn(&str) -> Result<(), Malformed>,
    correct: impl Fn(&str) -> String,
) -> Result<String, Malformed> {
    let Err(fault) = check(text) else { return Ok(text.to_owned()) };
    let correction = correct(text);
    Err(match check(&correction) {
        Ok(()) if correction == text.trim().to_lowercase() => fault.suggest(correction),
        Ok(()) => fault.did_you_mean(correction),
        Err(_) => fault,
    })
}

/// [`closest`] for known words that have capitals.
#[must_use]
pub fn closest_in_any_case<'a>(word: &str, known: &[&'a str]) -> Option<&'a str> {
    let lower_case: Vec<_> = known.iter().map(|known| known.to_lowercase()).collect();
    let close = closest(word, lower_case.iter().map(String::as_str))?;
    known.iter().find(|known| known.to_lowercase() == close).copied()
}

/// The known word that was most probably meant: at most one edit for each three letters.
#[must_use]
pub fn closest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let lower_case = word.to_lowercase();
    let tolerated = (lower_case.chars().count() / 3).clamp(1, 3);
    let (length, letters) = profile(&lower_case);
    // An edit changes the length by at most one, removes at most one letter and adds at most one.
    let near = known.into_iter().filter(|known| {
        let (its_length, its_letters) = profile(known);
        let exchanged = (letters ^ its_letters).count_ones() as usize;
        length.abs_diff(its_length) <= tolerated && exchanged <= 2 * tolerated
    });
    let distances = near.map(|known| (damerau_levenshtein(&lower_case, known), known));
    let nearest = distances.min_by_key(|(distance, _)| *distance)?;
    (nearest.0 <= tolerated).then_some(nearest.1)
}

/// The length of a word and its characters, modulo the bits of a set. The distance of two words is
/// computed only if these are similar: thousands of unknown names may be compared with thousands of
/// known ones.
fn profile(word: &str) -> (usize, u64) {
    let one = |(length, letters), c: char| (length + 1, letters | 1 << (u32::from(c) % u64::BITS));
    word.chars().fold((0, 0), one)
}

#[cfg(test)]
mod tests {
    use std::fmt::Display;

    use proptest::prelude::{ProptestConfig, any, proptest};

    use super::table::assert_in_form;
    use super::*;

    /// Calls `$check::<T>(…)` for each type that is written as text.
    macro_rules! every_text {
        ($check:ident($($argument:expr),*)) => {
            every_text!(@ $check ($($argument),*)
                Address AdvisoryId AdvisorySeverity ApiEndpoint Arch ArgumentName AudienceTag CertificateName Dataplane Day DnsName Endpoint FeatureGate Fingerprint Hostname
                ImageReference ImageRepository IngressController InterfaceName LabelKey LabelValue Name OpenPort OriginScheme OriginService Os PackageVersion PinnedProgram
                Protocol ProviderName ProxyMode PublicKey Reach Reason Recipient RegistryName ReleaseLine Role
                Scheduler Sha256 SourceNet SourceUrl SshHost Subnet Taint TaintEffect TunnelId TunnelMode TunnelProtocol Url UserName
                Version)
        };
        (@ $check:ident $arguments:tt $($value:ident)+) => {
            $( every_text!(@@ $check $value $arguments); )+
        };
        (@@ $check:ident $value:ident ($($argument:expr),*)) => { $check::<$value>($($argument),*) };
    }

    /// `T::EXPECTED` ends in an example between backticks.
    fn takes_its_own_example<T: Text + Display>() {
        let example = T::EXPECTED.split('`').nth(1).unwrap();
        let printed = T::parse(example).map(|value| value.to_string());
        assert_eq!(printed.as_deref(), Ok(example));
    }

    /// The printed value parses to itself, and is also its serialisation. It and the text that it
    /// was made from are in its type's form. A refusal prints no character that a terminal
    /// interprets.
    fn holds_its_word<T: Text + Display + PartialEq + std::fmt::Debug + serde::Serialize>(
        text: &str,
    ) {
        match T::parse(text) {
            Ok(value) => {
                let printed = value.to_string();
                assert_eq!(serde_json::to_value(&value).unwrap(), serde_json::json!(printed));
                assert_eq!(T::parse(&printed), Ok(value));
                assert_in_form::<T>(text);
                assert_in_form::<T>(&printed);
            }
            Err(Malformed { message, label, help, .. }) => {
                let printed = [message, label, help.unwrap_or_default()].concat();
                assert!(!printed.contains(char::is_control), "{printed:?}");
            }
        }
    }

    #[test]
    fn line_breaks_and_tabs_are_kept() {
        let table = [
            ("", ""),
            ("a\tb\r\n\n\u{1b}[31m", "a\tb\r\n\n\\u{1b}[31m"),
            ("a\rb\u{7f}\u{9b}\u{202e}\n", "a\\rb\\u{7f}\\u{9b}\\u{202e}\n"),
        ];
        for (text, expected) in table {
            assert_eq!(printable_lines(text), expected);
        }
    }

    #[test]
    fn a_typo_is_one_edit_for_each_three_letters() {
        let table = [
            ("di", Some("id")),
            ("ids", Some("id")),
            ("i", Some("id")),
            ("idss", None),
            ("enpdointx", Some("endpoint")),
            ("ib", Some("id")),
            ("xx", None),
            ("Endpont", Some("endpoint")),
            ("rolee", Some("role")),
            ("rolxy", None),
            ("publik_kei", Some("public_key")),
            ("puplik_kei", Some("public_key")),
            ("buplik_kei", None),
        ];
        for (word, suggestion) in table {
            assert_eq!(
                closest(word, ["id", "role", "endpoint", "public_key"]),
                suggestion,
                "{word}"
            );
        }
    }

    #[test]
    fn examples_are_values() {
        every_text!(takes_its_own_example());
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn any_text_is_judged(text in any::<String>()) {
            every_text!(holds_its_word(&text));
        }

        #[test]
        fn any_near_miss_is_judged(text in r"(\*\.|v|age1|https?://|\[)?[a-zA-Z0-9.:/=_@\[\]…-]{0,24}") {
            every_text!(holds_its_word(&text));
        }
    }
}
