//! `haproxy.cfg`: where the API's name is answered, and who stands behind it.

use std::net::SocketAddrV4;

use super::Unread;
use crate::span::At;

/// What it does.
#[derive(Debug, Default)]
pub struct Haproxy {
    /// Where it listens.
    pub binds: Vec<At<SocketAddrV4>>,
    /// Who answers.
    pub servers: Vec<At<SocketAddrV4>>,
}

/// Statements that change neither who may call nor who is called. The check itself is haproxy's to judge
/// (`haproxy -c`).
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

enum Statement {
    Bind(At<SocketAddrV4>),
    Server(At<SocketAddrV4>),
    Other,
}

/// Reads a file.
///
/// # Errors
///
/// Every statement that is not understood.
pub fn read(text: &str) -> Result<Haproxy, Vec<Unread>> {
    let mut haproxy = Haproxy::default();
    for statement in super::lines(text, statement)? {
        match statement {
            Statement::Bind(at) => haproxy.binds.push(at),
            Statement::Server(at) => haproxy.servers.push(at),
            Statement::Other => {}
        }
    }
    Ok(haproxy)
}

fn statement(line: u32, text: &str) -> Result<Statement, String> {
    let words: Vec<_> = text.split_whitespace().collect();
    let at = |address: &str| address.parse().ok().map(|value| At { value, line });
    let known = |other: &str| text == other || other.ends_with(' ') && text.starts_with(other);
    let read = match words[..] {
        ["bind", address] => at(address).map(Statement::Bind),
        ["server", _, address] => at(address).map(Statement::Server),
        _ => OTHERS.iter().any(|other| known(other)).then_some(Statement::Other),
    };
    read.ok_or_else(|| format!("`{text}` is not understood"))
}
