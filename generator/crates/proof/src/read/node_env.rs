//! The values of `node.env` that no other file states: which user `export` delivers to, and whether clients
//! may use SSH; and those that `wg0.conf` or `node.json` state too. The other lines are of a fixed family.

use super::ParseError;
use crate::facts::NodeEnv;
use crate::span::LineSpanned;

/// The first parts of the variables about repositories of apt.
const REPOSITORIES: [&str; 2] = ["KUBERNETES_", "CONTAINERD_"];

const DELIVERY: &str = "MESHWRIGHT_DELIVERY='";

/// Reads a file.
///
/// # Errors
///
/// When the command is missing or has another form.
pub(crate) fn read(text: &str) -> Result<NodeEnv, ParseError> {
    let lines = || (1..).zip(text.lines());
    let delivery = lines().find_map(|(line, text)| Some((line, text.strip_prefix(DELIVERY)?)));
    let missing = || ParseError { line: 0, message: "MESHWRIGHT_DELIVERY is missing".to_owned() };
    let (line, command) = delivery.ok_or_else(missing)?;
    let target = ssh_user(command.trim_end_matches('\''));
    let message = format!("`{DELIVERY}{command}` is not understood");
    let value = |key: &str| lines().find_map(|(_, text)| text.strip_prefix(key));
    let port = value("MESHWRIGHT_SSH_PORT=");
    let repositories = lines().filter_map(|(line, text)| {
        let (key, value) = text.strip_prefix("MESHWRIGHT_")?.split_once('=')?;
        let is_of_apt = REPOSITORIES.iter().any(|repository| key.starts_with(repository));
        let value = value.trim_matches('\'').to_owned();
        is_of_apt.then(|| (key.to_owned(), LineSpanned { value, line }))
    });
    Ok(NodeEnv {
        repositories: repositories.collect(),
        address: value("MESHWRIGHT_INTERFACE_ADDRESS=").and_then(|text| text.parse().ok()),
        mtu: value("MESHWRIGHT_MTU=").and_then(|text| text.parse().ok()),
        ssh_user: target.ok_or(ParseError { line, message })?.to_owned(),
        names_ssh_port: port.is_some_and(|port| !port.is_empty()),
    })
}

/// The user of `meshwright export NODE | ssh [-p PORT] user@host [sudo] meshwright-node apply`.
fn ssh_user(command: &str) -> Option<&str> {
    let mut words = command.split(' ').filter(|word| word.contains('@'));
    let target = words.next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._-:[]%<>".contains(c);
    let is_plain = words.next().is_none() && target.chars().all(plain);
    target.split('@').next().filter(|_| is_plain)
}
