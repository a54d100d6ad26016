//! `meshwright status`: all machines side by side.

use std::io::IsTerminal as _;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::fleet::{Fleet, SshArguments};
use super::opened::Opened;
use super::session::{Session, print_document};
use meshwright_compiler::diagnostic::Format;
use meshwright_fleet::report::{FleetDocument, human};
use meshwright_fleet::survey::MachineSurvey;
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright status
  meshwright status tokyo paris
  meshwright status --watch 10
  meshwright status --ssh-option ProxyJump=bastion.example.com
  meshwright status --format json | jq -r '.machines[] | select(.next != []) | .name'";

/// Clears a terminal and moves to its first line (ECMA-48, ED and CUP).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Print the state of all machines side by side, and what each needs next
///
/// Calls all nodes at the same time with your own ssh, which reads your configuration, agent and known
/// hosts, and runs `meshwright-node inspect` on each: which files were delivered, compared with those
/// that the topology gives now and with the last revisions in git; what the kernel and systemd have,
/// compared with the files; handshakes, cluster, BGP, versions, clock, disk and certificates. Changes
/// nothing. Secrets are compared by one digest if the store can be read. A node without a public
/// address needs `ssh_host`. Exit code 1: a machine needs something, or was not reached.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct FleetStatus {
    /// The nodes [default: all]
    nodes: Vec<String>,
    #[command(flatten)]
    ssh: SshArguments,
    /// Print it again and again, after so many seconds
    #[arg(long, value_name = "SECONDS", value_parser = clap::value_parser!(u64).range(1..))]
    watch: Option<u64>,
}

impl FleetStatus {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(opened) = Opened::open(session)? else { return Ok(Status::Findings) };
        let fleet = Fleet::of(&opened, &self.nodes, session)?;
        loop {
            let machines = fleet.look(&self.ssh.ssh(), session)?;
            if self.watch.is_some() && std::io::stdout().is_terminal() {
                write!(session.out, "{CLEAR}")?;
            }
            print(&fleet.cluster, &machines, session)?;
            let Some(seconds) = self.watch else {
                let is_in_order = FleetDocument::new(&fleet.cluster, &machines).is_in_order;
                return Ok(Status::findings(!is_in_order));
            };
            session.out.flush()?;
            thread::sleep(Duration::from_secs(seconds));
        }
    }
}

fn print(
    cluster: &str,
    machines: &[MachineSurvey],
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    if session.global.format == Format::Json {
        let document = FleetDocument::new(cluster, machines);
        print_document(session.out, &document)?;
    } else {
        write!(session.out, "{}", printable_lines(&human::text(machines)))?;
    }
    Ok(())
}
