//! `haproxy.cfg`: the listening addresses for the API's name, and the API servers. Each section and
//! keyword is known (configuration manual of haproxy 2.6), and refused in another section.

use std::net::SocketAddrV4;

use super::ParseError;
use crate::span::LineSpanned;

/// The addresses in the file.
#[derive(Debug, Clone, Default)]
pub struct HaproxyConf {
    /// Where it listens.
    pub binds: Vec<LineSpanned<SocketAddrV4>>,
    /// The servers.
    pub servers: Vec<LineSpanned<SocketAddrV4>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum HaproxySection {
    Global,
    Defaults,
    Frontend,
    Backend,
}

const SECTIONS: [(&str, HaproxySection); 4] = [
    ("global", HaproxySection::Global),
    ("defaults", HaproxySection::Defaults),
    ("frontend api", HaproxySection::Frontend),
    ("backend control_planes", HaproxySection::Backend),
];

/// Statements that change neither the clients nor the servers, and their section.
const OTHERS: [(HaproxySection, &str); 9] = [
    (HaproxySection::Global, "user haproxy"),
    (HaproxySection::Global, "group haproxy"),
    (HaproxySection::Global, "log /dev/log daemon notice"),
    (HaproxySection::Defaults, "log global"),
    (HaproxySection::Defaults, "mode tcp"),
    (HaproxySection::Frontend, USES_BACKEND),
    (HaproxySection::Backend, "balance roundrobin"),
    (HaproxySection::Backend, "option httpchk GET /readyz"),
    (HaproxySection::Backend, "http-check expect status 200"),
];

/// Without it, haproxy answers no connection.
const USES_BACKEND: &str = "default_backend control_planes";

/// The shortest times, in seconds: a watch of the API is idle between two pings, and a check needs a
/// TLS handshake over the Internet.
const SHORTEST: [(&str, u32); 4] = [("connect", 1), ("check", 1), ("client", 60), ("server", 60)];

/// The options of all servers: with checks, a server that is down gets no connection. `check-ssl` and
/// `verify none` belong together, because the file names no CA.
const CHECKS: [&str; 3] = ["check", "check-ssl", "verify none"];

/// Reads a file.
///
/// # Errors
///
/// Every statement that is not understood; the sections and statements that are missing.
pub(crate) fn read(text: &str) -> Result<HaproxyConf, Vec<ParseError>> {
    let mut haproxy = HaproxyConf::default();
    let (mut section, mut unread) = (None, Vec::new());
    let (mut uses_backend, mut checks) = (false, false);
    for (line, text) in (1..).zip(text.lines()) {
        let statement = text.split('#').next().unwrap_or_default();
        let words: Vec<_> = statement.split_whitespace().collect();
        let statement = words.join(" ");
        if statement.is_empty() {
            continue;
        }
        if let Some((_, next)) = SECTIONS.iter().find(|(name, _)| *name == statement) {
            section = Some(*next);
            continue;
        }
        let at = |address: &str| address.parse().ok().map(|value| LineSpanned { value, line });
        let understood = match (section, &words[..]) {
            (Some(HaproxySection::Frontend), ["bind", address]) => {
                at(address).map(|bind| haproxy.binds.push(bind)).is_some()
            }
            (Some(HaproxySection::Backend), ["server", _, address]) => {
                at(address).map(|server| haproxy.servers.push(server)).is_some()
            }
            (Some(HaproxySection::Backend), ["default-server", options @ ..]) => {
                checks = are_checks(options);
                checks
            }
            (Some(HaproxySection::Defaults), ["timeout", name, time]) => is_long(name, time),
            (Some(section), _) => {
                uses_backend |= statement == USES_BACKEND;
                OTHERS.contains(&(section, statement.as_str()))
            }
            (None, _) => false,
        };
        if !understood {
            unread.push(ParseError { line, message: format!("`{statement}` is not understood") });
        }
    }
    let required = [(uses_backend, USES_BACKEND), (checks, "default-server check …")];
    let missing = required.iter().filter(|(there, _)| !there);
    // What a faulty line was meant to be is not missing too.
    if unread.is_empty() {
        unread.extend(missing.map(|(_, statement)| ParseError {
            line: 0,
            message: format!("`{statement}` is missing"),
        }));
    }
    if unread.is_empty() { Ok(haproxy) } else { Err(unread) }
}

/// Whether these options of servers are known, with all of [`CHECKS`].
fn are_checks(options: &[&str]) -> bool {
    let (mut rest, mut found) = (options, Vec::new());
    loop {
        rest = match rest {
            [] => return CHECKS.iter().all(|check| found.contains(check)),
            ["verify", "none", rest @ ..] => {
                found.push("verify none");
                rest
            }
            [option @ ("check" | "check-ssl"), rest @ ..] => {
                found.push(option);
                rest
            }
            ["inter", time, rest @ ..] if seconds(time).is_some_and(|time| time > 0) => rest,
            ["fall" | "rise", count, rest @ ..]
                if count.parse::<u8>().is_ok_and(|count| count > 0) =>
            {
                rest
            }
            ["on-marked-down", "shutdown-sessions", rest @ ..] => rest,
            _ => return false,
        };
    }
}

/// Whether a time limit is known and long enough.
fn is_long(name: &str, time: &str) -> bool {
    let shortest = SHORTEST.iter().find(|(known, _)| *known == name);
    shortest.is_some_and(|(_, shortest)| seconds(time).is_some_and(|time| time >= *shortest))
}

/// A time with its unit, in seconds; without a unit, haproxy reads milliseconds.
fn seconds(time: &str) -> Option<u32> {
    let units = [("ms", 0), ("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];
    let (unit, length) = units.iter().find(|(unit, _)| {
        time.strip_suffix(unit).is_some_and(|number| number.parse::<u32>().is_ok())
    })?;
    time.strip_suffix(unit)?.parse::<u32>().ok()?.checked_mul(*length)
}
