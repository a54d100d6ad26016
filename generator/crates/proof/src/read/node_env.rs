//! The two values of `node.env` that no other file states: which user `export` delivers to, and whether clients
//! may use SSH. The other lines are of a fixed family.

use super::ParseError;
use crate::facts::NodeEnv;

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
    let port = lines().find_map(|(_, text)| text.strip_prefix("MESHWRIGHT_SSH_PORT="));
    Ok(NodeEnv {
        ssh_user: target.ok_or(ParseError { line, message })?.to_owned(),
        names_ssh_port: port.is_some_and(|port| !port.is_empty()),
    })
}

/// The user of `meshwright export NODE | ssh [-p PORT] user@host sudo meshwright-node apply`.
fn ssh_user(command: &str) -> Option<&str> {
    let mut words = command.split(' ').filter(|word| word.contains('@'));
    let target = words.next()?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "@._-:[]%<>".contains(c);
    let is_plain = words.next().is_none() && target.chars().all(plain);
    target.split('@').next().filter(|_| is_plain)
}
