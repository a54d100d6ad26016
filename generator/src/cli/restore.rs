//! `meshwright restore`: a control plane continues with the contents of a snapshot of etcd.

use std::path::PathBuf;

use clap::Args;

use super::Status;
use super::export::find_node;
use super::failure::Failure;
use super::fleet::{self, SshArguments};
use super::opened::{Opened, identities};
use super::session::Session;
use crate::secrets::requirements::Requirements;
use crate::secrets::secret::Secret;
use crate::secrets::snapshot;
use meshwright_compiler::plan::{NodePlan, Plan};
use meshwright_fleet::inspection::{Inspection, Preparation};
use meshwright_fleet::machine::FleetMachine;
use meshwright_fleet::ssh::{RemoteResult, Ssh};
use meshwright_fleet::survey;
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright restore tokyo --from ~/atlas-backup/atlas-tokyo-20261201T060000Z.db.age
  meshwright restore tokyo --from atlas.db --replace   # instead of the data of a running cluster";

/// Restore etcd of a control plane from a snapshot
///
/// For the loss of the only control plane, or of the majority of several: the cluster continues with one control
/// plane and the contents of the snapshot, and the others join it again; the commands are printed. NODE is a machine
/// that prints `waiting for:`, which gets its delivery first, or a control plane whose etcd is lost. The snapshot is
/// decrypted here, and sent over ssh's standard input. What was created after the snapshot is lost. Refused while
/// another control plane of the cluster answers, and where etcd has data unless --replace is given.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Restore {
    /// The control plane
    node: String,
    /// The snapshot, encrypted or not
    #[arg(long, value_name = "FILE")]
    from: PathBuf,
    /// Replace the data of etcd that NODE has; a copy is kept there
    #[arg(long)]
    replace: bool,
    #[command(flatten)]
    ssh: SshArguments,
}

impl Restore {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(opened) = Opened::open(session)? else { return Ok(Status::Findings) };
        let plan = &opened.plan;
        let node = find_node(&self.node, plan)?;
        if !node.is_control_plane() {
            let help = "name a control plane: the other nodes have no etcd";
            return Err(Failure::usage(format!("{} is not a control plane", node.name), help));
        }
        let snapshot = snapshot::open(&self.from, &identities(session)?)?;
        if !snapshot::is_whole(&snapshot) {
            let message = format!("{} is not a whole snapshot of etcd", self.from.display());
            let help =
                "its checksum, which etcdctl has appended, differs: name another file with --from";
            return Err(Failure::usage(message, help));
        }
        let ssh = self.ssh.ssh();
        let machine = fleet::machine(plan, node);
        let others = other_control_planes(plan, node);
        refuse_running_cluster(&ssh, &others, plan)?;
        let inspection = inspect(&ssh, &machine, plan)?;
        if inspection.delivery.is_none() && !deliver(&ssh, &opened, node, &machine, session)? {
            return Ok(Status::Findings);
        }
        session.info(format_args!("{}: sending the snapshot", machine.name))?;
        let option = if self.replace { " --replace" } else { "" };
        call(&ssh, &machine, &format!("meshwright-node restore -{option}"), &snapshot, session)?;
        print_next(&machine, &others, inspection.is_member(), session)?;
        Ok(Status::Clean)
    }
}

fn other_control_planes(plan: &Plan, node: &NodePlan) -> Vec<FleetMachine> {
    let control_planes = plan.nodes.iter().filter(|other| other.is_control_plane());
    let others = control_planes.filter(|other| other.id != node.id);
    others.map(|other| fleet::machine(plan, other)).collect()
}

/// The node looks at the others too, through the mesh. From here they may be reached another way.
fn refuse_running_cluster(ssh: &Ssh, others: &[FleetMachine], plan: &Plan) -> Result<(), Failure> {
    let inspected =
        survey::for_each(others, |other| survey::inspect(ssh, other, plan.name.as_str()));
    let is_ready = |found: &Result<Inspection, _>| found.as_ref().is_ok_and(Inspection::is_ready);
    let found = others.iter().zip(&inspected).filter(|(_, inspected)| is_ready(inspected));
    let running: Vec<_> = found.map(|(other, _)| other).collect();
    if running.is_empty() {
        return Ok(());
    }
    let names: Vec<_> = running.iter().map(|other| other.name.as_str()).collect();
    let resets: Vec<_> =
        running.iter().map(|other| other.command_on_it("kubeadm reset --force")).collect();
    Err(Failure::usage(
        format!(
            "the cluster is running: {} would not belong to the restored one",
            names.join(", ")
        ),
        format!("to replace it by the snapshot, first run: {}", resets.join("; ")),
    ))
}

fn inspect(ssh: &Ssh, machine: &FleetMachine, plan: &Plan) -> Result<Inspection, Failure> {
    let name = &machine.name;
    let inspection = survey::inspect(ssh, machine, plan.name.as_str()).map_err(|error| {
        Failure::usage(
            format!("{name}: {error}"),
            format!("try `{}`", machine.command_on_it("true")),
        )
    })?;
    if inspection.preparation != Preparation::Done {
        let help = machine.command_on_it("meshwright-node status");
        return Err(Failure::usage(format!("{name} is not prepared yet"), help));
    }
    if inspection.delivery.is_none() && !machine.initialises {
        return Err(Failure::usage(
            format!("{name} joins a cluster, and does not initialise one"),
            format!("set `init` of [control_plane] to {name}, generate, and try again"),
        ));
    }
    Ok(inspection)
}

/// The delivery that waits for a snapshot instead of initialising an empty cluster. `false` if secrets are missing.
fn deliver(
    ssh: &Ssh,
    opened: &Opened,
    node: &NodePlan,
    machine: &FleetMachine,
    session: &mut Session<'_>,
) -> Result<bool, Failure> {
    let required = Requirements::for_node(&opened.topology, &opened.plan, node, false);
    if !opened.has_secrets(required, session)? {
        return Ok(false);
    }
    session.info(format_args!("{}: delivering", machine.name))?;
    let delivery = fleet::delivery(opened, node, false)?;
    call(ssh, machine, "meshwright-node apply --for-restore", &delivery, session)?;
    Ok(true)
}

/// Runs a command of the machine, and prints what it printed.
fn call(
    ssh: &Ssh,
    machine: &FleetMachine,
    words: &str,
    input: &Secret,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let name = &machine.name;
    let help = machine.command_on_it("meshwright-node status");
    let done = ssh.run(machine, &machine.as_root(words), input.expose());
    let RemoteResult { code, output, errors } =
        done.map_err(|error| Failure::usage(format!("{name}: {error}"), help.clone()))?;
    for line in output.lines() {
        session.info(format_args!("  {}", printable_lines(line)))?;
    }
    match code {
        0 => Ok(()),
        _ => {
            let reason = errors.lines().rfind(|line| !line.trim().is_empty()).unwrap_or_default();
            let reason = reason.trim_start_matches("meshwright: ");
            Err(Failure::usage(format!("{name} ended with {code}: {reason}"), help))
        }
    }
}

/// What is left to a person.
fn print_next(
    machine: &FleetMachine,
    others: &[FleetMachine],
    was_member: bool,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let name = &machine.name;
    writeln!(session.out, "{name}: etcd has the contents of the snapshot")?;
    if !was_member {
        writeln!(
            session.out,
            "next: {}",
            machine.command_on_it("journalctl -fu meshwright-bootstrap")
        )?;
    }
    if !machine.initialises {
        writeln!(
            session.out,
            "next: set `init` of [control_plane] to {name}, generate, and deliver to all"
        )?;
    }
    for other in others {
        let kubectl =
            format!("kubectl --kubeconfig=/etc/kubernetes/admin.conf delete node {}", other.name);
        writeln!(
            session.out,
            "next, {}, one after the other, when its machine is rebuilt or reset:",
            other.name
        )?;
        writeln!(session.out, "  {}", machine.command_on_it(&kubectl))?;
        writeln!(session.out, "  {}", other.delivery_command(true))?;
    }
    Ok(())
}
