//! The command that delivers a node's files.

/// The command that sends a node its secrets and every later change. `root` needs no sudo, which minimal images lack.
#[must_use]
pub fn delivery_command(name: &str, port: u16, user: &str, host: &str) -> String {
    let ssh = ssh_command(port, user, host);
    let sudo = sudo(user);
    format!("meshwright export {name} | {ssh} {sudo}meshwright-node apply")
}

/// The command that also sends the credential with which the node joins the cluster.
#[must_use]
pub fn joining_command(name: &str, port: u16, user: &str, host: &str) -> String {
    let export = format!("export {name} ");
    delivery_command(name, port, user, host).replacen(&export, &format!("{export}--join "), 1)
}

/// `ssh` with the user, the host and, if it is not 22, the port.
#[must_use]
pub fn ssh_command(port: u16, user: &str, host: &str) -> String {
    let port = match port {
        22 => String::new(),
        port => format!("-p {port} "),
    };
    format!("ssh {port}{user}@{host}")
}

/// The prefix of a command that needs root.
#[must_use]
pub fn sudo(user: &str) -> &'static str {
    if user == "root" { "" } else { "sudo " }
}
