//! Where a machine is reached.

use meshwright_value::delivery::{delivery_command, joining_command, ssh_command, sudo};

/// A node, and its login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FleetMachine {
    /// The name of the node.
    pub name: String,
    /// The name or the address for ssh(1); none behind NAT if the topology does not state it.
    pub ssh_host: Option<String>,
    /// The TCP port of its SSH server.
    pub ssh_port: u16,
    /// The user for ssh(1).
    pub ssh_user: String,
    /// Whether it initialises the cluster.
    pub initialises: bool,
}

impl FleetMachine {
    /// The host in commands that a person runs.
    #[must_use]
    pub fn shown_host(&self) -> &str {
        self.ssh_host.as_deref().unwrap_or("HOST")
    }

    /// The command that delivers to it. `joins`: with a credential to join the cluster.
    #[must_use]
    pub fn delivery_command(&self, joins: bool) -> String {
        let command = if joins { joining_command } else { delivery_command };
        command(&self.name, self.ssh_port, &self.ssh_user, self.shown_host())
    }

    /// A command that a person runs on it.
    #[must_use]
    pub fn command_on_it(&self, command: &str) -> String {
        let ssh = ssh_command(self.ssh_port, &self.ssh_user, self.shown_host());
        format!("{ssh} {}{command}", sudo(&self.ssh_user))
    }

    /// A command for its shell that runs as root and asks for no password.
    #[must_use]
    pub fn as_root(&self, command: &str) -> String {
        match sudo(&self.ssh_user) {
            "" => command.to_owned(),
            // sudo(8), -n: it fails instead of asking, since no terminal is there.
            sudo => format!("{sudo}-n {command}"),
        }
    }
}
