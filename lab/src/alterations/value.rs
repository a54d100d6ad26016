//! The values of a line: addresses, numbers, names and the like, whatever the format of the file.

use std::sync::LazyLock;

use regex::Regex;

use super::draw::Draw;

/// The kind of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ValueKind {
    /// A public key of WireGuard.
    Key,
    /// An IPv4 prefix.
    Prefix,
    /// An IPv4 address.
    Address,
    /// A version, or a digest of 64 digits.
    Version,
    /// An absolute path.
    Path,
    /// A number.
    Number,
    /// A keyword, a key, a name, or a part of one.
    Word,
}

/// A value in a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct LineValue<'line> {
    /// Its kind.
    pub(super) kind: ValueKind,
    /// Its text.
    pub(super) text: &'line str,
    /// Its place in the line, in bytes.
    pub(super) start: usize,
}

/// The patterns of the kinds: of two that match at one place, the first is taken.
const PATTERNS: &[(ValueKind, &str)] = &[
    (ValueKind::Key, r"[A-Za-z0-9+/]{43}="),
    (ValueKind::Prefix, r"\d+\.\d+\.\d+\.\d+/\d+"),
    (ValueKind::Address, r"\d+\.\d+\.\d+\.\d+"),
    (ValueKind::Version, r"v?\d+\.\d+(?:\.\d+)*|[0-9a-f]{64}"),
    (ValueKind::Path, r"/[a-z][A-Za-z0-9_.%@-]*(?:/[A-Za-z0-9_.%@-]+)+"),
    (ValueKind::Number, r"\d+"),
    (ValueKind::Word, r"[A-Za-z_@^][A-Za-z0-9_-]*"),
];

static VALUE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let alternatives: Vec<_> = PATTERNS.iter().map(|(_, pattern)| format!("({pattern})")).collect();
    Regex::new(&alternatives.join("|")).ok()
});

/// The values of a line, in order.
#[must_use]
pub(super) fn values(line: &str) -> Vec<LineValue<'_>> {
    let Some(pattern) = VALUE.as_ref() else { return Vec::new() };
    let kind = |found: &regex::Captures<'_>| {
        (1..).zip(PATTERNS).find(|(group, _)| found.get(*group).is_some()).map(|(_, one)| one.0)
    };
    let found = pattern.captures_iter(line).filter_map(|found| {
        let all = found.get(0)?;
        Some(LineValue { kind: kind(&found)?, text: all.as_str(), start: all.start() })
    });
    found.collect()
}

/// The line with kinds in the place of values: lines of the same shape state the same about different
/// machines. Words remain.
#[must_use]
pub(super) fn shape(line: &str) -> String {
    let mut shape = String::new();
    let mut end = 0;
    for value in values(line).into_iter().filter(|value| value.kind != ValueKind::Word) {
        shape += &line[end..value.start];
        shape += &format!("<{:?}>", value.kind);
        end = value.start + value.text.len();
    }
    shape + &line[end..]
}

/// The line with one value replaced.
#[must_use]
pub(super) fn with_value(line: &str, value: LineValue<'_>, text: &str) -> String {
    format!("{}{text}{}", &line[..value.start], &line[value.start + value.text.len()..])
}

/// A text in which a value is replaced everywhere, also inside prefixes and compound names.
#[must_use]
pub(super) fn replaced_everywhere(text: &str, kind: ValueKind, from: &str, to: &str) -> String {
    let is_joined = |c: char| match kind {
        ValueKind::Key | ValueKind::Path => false,
        ValueKind::Prefix | ValueKind::Address => c.is_ascii_digit(),
        ValueKind::Version | ValueKind::Number => c.is_ascii_alphanumeric() || c == '.',
        ValueKind::Word => c.is_ascii_alphanumeric() || c == '_',
    };
    let mut replaced = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(from) {
        let (before, after) = (&rest[..at], &rest[at + from.len()..]);
        let previous = before.chars().next_back().or_else(|| replaced.chars().next_back());
        let is_part = previous.is_some_and(is_joined) || after.starts_with(is_joined);
        replaced += before;
        replaced += if is_part { from } else { to };
        rest = after;
    }
    replaced + rest
}

/// Words that a faulty renderer confuses.
const CONFUSED: &[&[&str]] = &[
    &["accept", "drop", "return", "reject"],
    &["iifname", "oifname"],
    &["saddr", "daddr"],
    &["sport", "dport"],
    &["tcp", "udp", "sctp"],
    &["input", "forward", "output", "prerouting", "postrouting"],
    &["established", "related", "new"],
    &["@nodes", "@clients", "@clients_to_nodes", "@clients_to_pods", "@clients_to_services"],
    &["nodes", "clients"],
    &["ip", "ip6", "inet"],
    &["icmp", "icmpv6"],
    &["lo", "wg0", "cali", "eth0"],
    &["true", "false"],
    &["yes", "no"],
    &["Enabled", "Disabled"],
    &["ipvs", "nftables", "iptables"],
    &["rr", "wrr", "sh"],
    &["None", "IPIP", "VXLAN", "VXLANCrossSubnet"],
    &["Iptables", "Nftables", "BPF"],
    &["unreachable", "blackhole", "prohibit"],
    &["replace", "add", "append"],
    &["kernel", "static", "bird"],
    &["worker", "control-plane"],
    &["join", "init"],
    &["off", "auto", "main"],
    &["Ingress", "Egress"],
    &["Deny", "Allow", "Pass", "Log"],
    &["TCP", "UDP"],
    &["NodeIP", "None"],
    &["IPPoolsAndHostIPs", "IPPoolsOnly"],
    &["node", "client"],
    &["PublicKey", "PresharedKey"],
    &["Address", "AllowedIPs", "Endpoint"],
    &["PostUp", "PreUp", "PostDown"],
    &["amd64", "arm64"],
    &["ClusterIP", "NodePort", "LoadBalancer"],
    &["srcnat", "dstnat", "filter", "raw", "mangle"],
];

/// Another value of the same kind; `known` are the values of the tree.
#[must_use]
pub(super) fn another(value: LineValue<'_>, known: &[&str], draw: &mut Draw) -> Option<String> {
    let text = value.text;
    let others: Vec<_> = known.iter().filter(|other| **other != text).collect();
    let times = match value.kind {
        ValueKind::Key => 1,
        ValueKind::Prefix => 3,
        ValueKind::Address | ValueKind::Path => 2,
        ValueKind::Version | ValueKind::Number | ValueKind::Word => 4,
    };
    if !others.is_empty() && draw.once_in(times) {
        return draw.pick(&others).map(|other| (**other).to_owned());
    }
    match value.kind {
        ValueKind::Key => None,
        ValueKind::Prefix => other_prefix(text, draw),
        ValueKind::Address => other_address(text, draw),
        ValueKind::Version | ValueKind::Number => other_number(text, draw),
        ValueKind::Path => Some(format!("{text}x")),
        ValueKind::Word => other_word(text, draw).or_else(|| misspelt(text)),
    }
}

fn other_prefix(text: &str, draw: &mut Draw) -> Option<String> {
    let (address, length) = text.split_once('/')?;
    let length: u8 = length.parse().ok()?;
    Some(match draw.below(4) {
        0 if length < 32 => format!("{address}/{}", length + 1),
        1 if length > 0 => format!("{address}/{}", length - 1),
        2 => format!("{address}/{}", if length == 32 { 24 } else { 32 }),
        _ => format!("{}/{length}", other_address(address, draw)?),
    })
}

/// One of the four numbers is another one.
fn other_address(text: &str, draw: &mut Draw) -> Option<String> {
    let mut octets: Vec<u8> = text.split('.').map(str::parse).collect::<Result<_, _>>().ok()?;
    let octet = octets.get_mut([3, 3, 2, 1][draw.below(4)])?;
    *octet = octet.wrapping_add(*draw.pick(&[1, 255, 10])?);
    let octets: Vec<_> = octets.iter().map(u8::to_string).collect();
    Some(octets.join("."))
}

/// The last number of the text is another one.
fn other_number(text: &str, draw: &mut Draw) -> Option<String> {
    let start = text.rfind(|c: char| !c.is_ascii_digit()).map_or(0, |before| before + 1);
    let number: u64 = text[start..].parse().ok()?;
    let other = match draw.below(6) {
        0 if number > 0 => number - 1,
        1 if number > 0 => 0,
        2 => number.saturating_mul(2),
        3 => number.saturating_mul(10),
        4 => number / 2,
        _ => number + 1,
    };
    (other != number).then(|| format!("{}{other}", &text[..start]))
}

fn other_word(text: &str, draw: &mut Draw) -> Option<String> {
    let known = CONFUSED.iter().find(|words| words.contains(&text))?;
    let others: Vec<_> = known.iter().filter(|word| **word != text).collect();
    draw.pick(&others).map(|word| (**word).to_owned())
}

fn misspelt(text: &str) -> Option<String> {
    let shorter = &text[..text.len().checked_sub(1)?];
    (!shorter.is_empty()).then(|| shorter.to_owned())
}
