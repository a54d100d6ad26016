//! `haproxy.cfg`: the listening addresses for the API's name, and the API servers.

use std::net::SocketAddrV4;

use super::ParseError;
use crate::span::LineSpanned;

/// The addresses in the file.
#[derive(Debug, Default)]
pub struct HaproxyConf {
    /// Where it listens.
    pub binds: Vec<LineSpanned<SocketAddrV4>>,
    /// The servers.
    pub servers: Vec<LineSpanned<SocketAddrV4>>,
}

/// Statements that change neither the clients nor the servers. `haproxy -c` checks their syntax.
const OTHERS: [&str; 15] = [
    "global",
    "defaults",
    "user haproxy",
    "group haproxy",
    "log /dev/log daemon notice",
    "log global",
    "mode tcp",
    "timeout ",
    "frontend api",
    "default_backend control_planes",
    "backend control_planes",
    "balance roundrobin",
    "option httpchk GET /readyz",
    "http-check expect status 200",
    "default-server check check-ssl verify none ",
];

enum HaproxyStatement {
    Bind(LineSpanned<SocketAddrV4>),
    Server(LineSpanned<SocketAddrV4>),
    Other,
}

/// Reads a file.
///
/// # Errors
///
/// Every statement that is not understood.
pub(crate) fn read(text: &str) -> Result<HaproxyConf, Vec<ParseError>> {
    let mut haproxy = HaproxyConf::default();
    for statement in super::lines(text, statement)? {
        match statement {
            HaproxyStatement::Bind(at) => haproxy.binds.push(at),
            HaproxyStatement::Server(at) => haproxy.servers.push(at),
            HaproxyStatement::Other => {}
        }
    }
    Ok(haproxy)
}

fn statement(line: u32, text: &str) -> Result<HaproxyStatement, String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let at = |address: &str| address.parse().ok().map(|value| LineSpanned { value, line });
    let known = |other: &str| text == other || other.ends_with(' ') && text.starts_with(other);
    let read = match words[..] {
        ["bind", address] => at(address).map(HaproxyStatement::Bind),
        ["server", _, address] => at(address).map(HaproxyStatement::Server),
        _ => OTHERS.iter().any(|other| known(other)).then_some(HaproxyStatement::Other),
    };
    read.ok_or_else(|| format!("`{text}` is not understood"))
}
