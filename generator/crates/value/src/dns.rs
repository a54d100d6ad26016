//! DNS names.

use super::string::string_type;
use super::{Form, Malformed, Name, Text, checked, refusal_of_empty};

/// The longest label, in octets (RFC 1035 §2.3.4).
const LABEL_MAX: usize = 63;
/// The longest name as text: 255 octets on the wire without the first length and the root.
const NAME_MAX: usize = 253;

string_type! {
    /// A DNS name in lower case, of one label or more, without the final dot.
    pub struct DnsName;
}

string_type! {
    /// A public name that the tunnel serves: `hello.example.com`, or `*.example.com` for all names
    /// below, however deep. At least two labels, in lower case, IDNs as their A-labels.
    pub struct Hostname;
}

impl Text for DnsName {
    const EXPECTED: &'static str = "a DNS name such as `cluster.local`";
    const FORM: Form = Form::Pattern(r"^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        checked(text, check_name, corrected).map(Self)
    }
}

impl Text for Hostname {
    const EXPECTED: &'static str = "a hostname such as `hello.example.com`";
    const FORM: Form =
        Form::Pattern(r"^(\*\.)?[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        checked(text, check_hostname, corrected).map(Self)
    }
}

impl DnsName {
    /// The name of the API within a cluster's own domain. `.internal` is reserved for private use
    /// (ICANN, 2024): no public resolver answers it.
    #[must_use]
    pub(crate) fn internal_api(cluster: &Name) -> Self {
        Self(format!("k8s-api.{cluster}.internal"))
    }
}

impl Hostname {
    /// Whether it matches all names below [`Self::parent`].
    #[must_use]
    pub fn is_wildcard(&self) -> bool {
        self.0.starts_with("*.")
    }

    /// The name without its first label.
    #[must_use]
    pub fn parent(&self) -> &str {
        self.0.split_once('.').map_or("", |(_, parent)| parent)
    }

    /// Whether a request for `other` matches this name too: names at any depth below a wildcard,
    /// but not its parent (cloudflared, `Rule.Matches` in ingress/rule.go).
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        self == other || (self.is_wildcard() && other.0.ends_with(&self.0[1..]))
    }
}

/// Refuses a text that is not a label of RFC 1123 §2.1 in lower case. `text` is the whole value.
pub(super) fn check_label(label: &str, text: &str) -> Result<(), Malformed> {
    label_fault(label).map_or(Ok(()), |fault| refuse(text, &fault))
}

fn label_fault(label: &str) -> Option<String> {
    let foreign = label.chars().find(|c| !matches!(c, 'a'..='z' | '0'..='9' | '-'));
    match (foreign, label.len()) {
        (Some(foreign), _) => Some(format!("the character `{foreign}`")),
        (None, 0) => Some("an empty label".to_owned()),
        (None, length) if length > LABEL_MAX => {
            Some(format!("a label of {length} characters, {LABEL_MAX} is the most"))
        }
        _ if label.starts_with('-') => Some("a label that starts with `-`".to_owned()),
        _ if label.ends_with('-') => Some("a label that ends with `-`".to_owned()),
        _ => None,
    }
}

fn refuse(text: &str, fault: &str) -> Result<(), Malformed> {
    match text {
        "" => Err(refusal_of_empty()),
        _ => Err(Malformed::new(format!("`{text}` has {fault}"), fault)),
    }
}

fn check_name(text: &str) -> Result<(), Malformed> {
    text.split('.').try_for_each(|label| check_label(label, text))?;
    if text.len() > NAME_MAX {
        return refuse(text, &format!("{} characters, {NAME_MAX} is the most", text.len()));
    }
    // getaddrinfo(3) and URL parsers read such a name as an IPv4 address.
    let is_number = |label: &str| label.bytes().all(|byte| byte.is_ascii_digit());
    match text.rsplit('.').next() {
        Some(_) if text.split('.').all(is_number) => Err(Malformed::new(
            format!("`{text}` is not a valid IPv4 address"),
            "not a valid IPv4 address",
        )),
        Some(last) if is_number(last) => refuse(text, "a number as its last label"),
        _ => Ok(()),
    }
}

fn check_hostname(text: &str) -> Result<(), Malformed> {
    if !text.is_ascii() {
        let refusal = Malformed::new(format!("`{text}` is not ASCII"), "not ASCII");
        return Err(
            refusal.help("write each label as its punycode A-label, such as `xn--bcher-kva`")
        );
    }
    let name = text.strip_prefix("*.").unwrap_or(text);
    if name.contains('*') {
        let refusal = Malformed::new(format!("`{text}` has a misplaced `*`"), "misplaced `*`");
        return Err(refusal.help("only the whole first label may be `*`, as in `*.example.com`"));
    }
    check_name(name)?;
    match name.contains('.') {
        true => Ok(()),
        false => Err(Malformed::new(format!("`{text}` has no domain"), "domain missing")
            .help("write the whole name, such as `hello.example.com`")),
    }
}

/// Removes the other parts of a URL around the name, and converts it to lower case.
fn corrected(text: &str) -> String {
    let trimmed = text.trim();
    let authority = trimmed.split_once("://").map_or(trimmed, |(_, rest)| rest);
    let host = authority.split(['/', ':', '?', '#']).next().unwrap_or_default();
    host.trim_end_matches('.').to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, means, refuses};

    #[test]
    fn takes_names() {
        accepts::<DnsName>(&[("cluster.local", "cluster.local"), ("home", "home")]);
        let longest = format!("{}.com", ["a".repeat(49).as_str(); 5].join("."));
        assert_eq!(longest.len(), NAME_MAX);
        accepts::<DnsName>(&[(&longest, &longest)]);
        accepts::<Hostname>(&[
            ("hello.example.com", "hello.example.com"),
            ("*.example.com", "*.example.com"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example"),
        ]);
    }

    #[test]
    fn refuses_names() {
        refuses::<DnsName>(&[
            ("", "the value is empty", "empty", ""),
            (
                "cluster.local.",
                "`cluster.local.` has an empty label",
                "an empty label",
                "did you mean `cluster.local`?",
            ),
            (
                "Cluster.local",
                "`Cluster.local` has the character `C`",
                "the character `C`",
                "did you mean `cluster.local`?",
            ),
            ("a..b", "`a..b` has an empty label", "an empty label", ""),
            (
                "10.0.0.a.1",
                "`10.0.0.a.1` has a number as its last label",
                "a number as its last label",
                "",
            ),
            (
                "10.0.0.256",
                "`10.0.0.256` is not a valid IPv4 address",
                "not a valid IPv4 address",
                "",
            ),
        ]);
        let long = ["a".repeat(60).as_str(); 5].join(".");
        let message = format!("`{long}` has 304 characters, 253 is the most");
        refuses::<DnsName>(&[(&long, &message, "304 characters, 253 is the most", "")]);
    }

    #[test]
    fn refuses_hostnames() {
        refuses::<Hostname>(&[
            (
                "https://Hello.example.com:443/path",
                "`https://Hello.example.com:443/path` has the character `:`",
                "the character `:`",
                "did you mean `hello.example.com`?",
            ),
            (
                "bücher.example",
                "`bücher.example` is not ASCII",
                "not ASCII",
                "write each label as its punycode A-label, such as `xn--bcher-kva`",
            ),
            (
                "a.*.example.com",
                "`a.*.example.com` has a misplaced `*`",
                "misplaced `*`",
                "only the whole first label may be `*`, as in `*.example.com`",
            ),
            (
                "*.com",
                "`*.com` has no domain",
                "domain missing",
                "write the whole name, such as `hello.example.com`",
            ),
            ("*.a_b.com", "`a_b.com` has the character `_`", "the character `_`", ""),
        ]);
        means::<Hostname>(&[
            ("Hello.Example.com", "hello.example.com"),
            ("https://hello.example.com", ""),
        ]);
    }

    #[test]
    fn wildcards_cover_all_depths_below() {
        let [wildcard, below, deeper, apex] =
            ["*.example.com", "a.example.com", "*.a.example.com", "example.com"]
                .map(|name| Hostname::parse(name).unwrap());
        assert!(wildcard.is_wildcard() && !below.is_wildcard());
        assert_eq!((wildcard.parent(), below.parent()), ("example.com", "example.com"));
        assert!(wildcard.covers(&below) && wildcard.covers(&deeper) && wildcard.covers(&wildcard));
        assert!(!wildcard.covers(&apex) && !below.covers(&wildcard));
    }
}
