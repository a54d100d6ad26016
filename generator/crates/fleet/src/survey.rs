//! All machines at one moment, and what each of them needs next.

use std::panic::resume_unwind;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde::Serialize;

use crate::delivery::{DeliveredState, TreeRevision, WantedDelivery, is_intact};
use crate::inspection::{
    DeliveryCondition, INSPECT, Inspection, InspectionError, Membership, ObjectRecord, Preparation,
};
use crate::machine::FleetMachine;
use crate::ssh::{Ssh, SshError, last_line};

/// How many machines are called at the same time.
const AT_ONCE: usize = 32;

/// A certificate that ends within 30 days is reported, as by `meshwright-node status`.
const CERTIFICATE_MARGIN: u64 = 30 * 24 * 60 * 60;

/// A clock that differs by more is reported, in seconds: handshakes and certificates need no better one.
const CLOCK_TOLERANCE: u64 = 5;

/// A control plane takes a snapshot every six hours: one that is older than a day, in seconds, is reported.
const BACKUP_AGE: u64 = 24 * 60 * 60;

/// Below this, kubelet soon evicts pods; in MiB, as in `meshwright-node status`.
const DISK_MIB: u64 = 1000;

/// Why a machine gave no inspection.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InspectError {
    /// ssh(1) failed.
    #[error(transparent)]
    Ssh(#[from] SshError),
    /// The command ended with an error.
    #[error("it ended with {code}: {message}")]
    Ended {
        /// The exit code.
        code: i32,
        /// The last line of the error.
        message: String,
    },
    /// Its program has no verb `inspect`.
    #[error("its meshwright-node is older than this command, and has no `inspect`")]
    Older,
    /// It printed something else.
    #[error(transparent)]
    Records(#[from] InspectionError),
    /// Another machine answered at this address.
    #[error("the machine at this address is {found}")]
    OtherMachine {
        /// The node and the cluster of its files.
        found: String,
    },
}

/// The exit code of meshwright-node for wrong usage: it has no such verb.
const USAGE: i32 = 2;

/// Inspects one machine.
///
/// # Errors
///
/// When it cannot be reached, or does not answer as expected.
pub fn inspect(
    ssh: &Ssh,
    machine: &FleetMachine,
    cluster: &str,
) -> Result<Inspection, InspectError> {
    let output = records(ssh, machine, "sh -s", INSPECT.as_bytes())?;
    let inspection = Inspection::parse(&output)?;
    let names = inspection.node.as_deref().zip(inspection.cluster.as_deref());
    match names {
        Some((node, own)) if node != machine.name || own != cluster => {
            Err(InspectError::OtherMachine { found: format!("{node} of {own}") })
        }
        _ => Ok(inspection),
    }
}

/// Compares the objects of the cluster with the files of the node that applies them.
///
/// # Errors
///
/// When it cannot be reached, or does not answer as expected.
pub fn objects(ssh: &Ssh, machine: &FleetMachine) -> Result<Vec<ObjectRecord>, InspectError> {
    let output = records(ssh, machine, "meshwright-node objects", b"")?;
    Ok(Inspection::parse(&output)?.objects)
}

fn records(
    ssh: &Ssh,
    machine: &FleetMachine,
    command: &str,
    input: &[u8],
) -> Result<String, InspectError> {
    let done = ssh.run(machine, &machine.as_root(command), input)?;
    match done.code {
        0 => Ok(done.output),
        USAGE => Err(InspectError::Older),
        code => Err(InspectError::Ended { code, message: last_line(&done.errors).to_owned() }),
    }
}

/// Calls a function for all items, for several at the same time, and returns the results in their order.
pub fn for_each<T: Sync, R: Send>(items: &[T], call: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut results = Vec::new();
        loop {
            let position = next.fetch_add(1, Ordering::Relaxed);
            let Some(item) = items.get(position) else { return results };
            results.push((position, call(item)));
        }
    };
    let mut results = thread::scope(|scope| {
        let workers: Vec<_> = (0..items.len().min(AT_ONCE)).map(|_| scope.spawn(work)).collect();
        let joined = workers.into_iter().map(|worker| worker.join());
        joined
            .flat_map(|results| results.unwrap_or_else(|panic| resume_unwind(panic)))
            .collect::<Vec<_>>()
    });
    results.sort_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}

/// One machine of a survey.
#[derive(Debug, Clone, Serialize)]
pub struct MachineSurvey {
    /// The name of the node.
    pub name: String,
    /// Why it could not be inspected.
    pub unreachable: Option<String>,
    /// What it has, if it was inspected.
    pub delivered: Option<DeliveredState>,
    /// Its own records.
    pub inspection: Option<Inspection>,
    /// What to do, the first one first.
    pub next: Vec<String>,
}

impl MachineSurvey {
    /// Whether it is in the cluster with exactly its delivery, and runs what its files say.
    #[must_use]
    pub fn is_current(&self) -> bool {
        let runs_its_files = |inspection: &Inspection| {
            inspection.delivery.as_ref().is_some_and(is_intact)
                && inspection.differences.is_empty()
                && inspection.is_member()
        };
        self.delivered == Some(DeliveredState::Current)
            && self.inspection.as_ref().is_some_and(runs_its_files)
    }

    /// Whether it can take deliveries.
    #[must_use]
    pub fn is_prepared(&self) -> bool {
        let inspection = self.inspection.as_ref();
        inspection.is_some_and(|inspection| inspection.preparation == Preparation::Done)
    }
}

/// Compares an inspection with what a machine should have. `now` is the time of this machine, in seconds since 1970.
#[must_use]
pub fn survey(
    machine: &FleetMachine,
    inspected: Result<Inspection, InspectError>,
    wanted: &WantedDelivery,
    revisions: &[TreeRevision],
    now: u64,
) -> MachineSurvey {
    let name = machine.name.clone();
    match inspected {
        Err(error) => {
            let next = vec![after(machine, &error)];
            let unreachable = Some(error.to_string());
            MachineSurvey { name, unreachable, delivered: None, inspection: None, next }
        }
        Ok(inspection) => {
            let delivered = DeliveredState::of(&name, &inspection, wanted, revisions);
            let next = next_steps(machine, &inspection, &delivered, now);
            let (delivered, inspection) = (Some(delivered), Some(inspection));
            MachineSurvey { name, unreachable: None, delivered, inspection, next }
        }
    }
}

/// What to do if a machine gave no inspection.
fn after(machine: &FleetMachine, error: &InspectError) -> String {
    let name = &machine.name;
    match error {
        InspectError::Ssh(SshError::NoHost) => format!("write `ssh_host` in the table of {name}"),
        InspectError::Ssh(_) => {
            let ssh = machine.command_on_it("true");
            format!("try `{ssh}`; options of ssh are given with --ssh-option or in ~/.ssh/config")
        }
        InspectError::Older => {
            let command = machine.delivery_command(false);
            format!("deliver once by hand, which also delivers the program: {command}")
        }
        InspectError::OtherMachine { .. } => {
            format!("correct `endpoint` or `ssh_host` of {name} in the topology")
        }
        InspectError::Ended { .. } | InspectError::Records(_) => {
            machine.command_on_it("meshwright-node status")
        }
    }
}

/// What a machine needs, the first thing first.
fn next_steps(
    machine: &FleetMachine,
    inspection: &Inspection,
    delivered: &DeliveredState,
    now: u64,
) -> Vec<String> {
    let on_it = |command: &str| machine.command_on_it(command);
    let mut next = Vec::new();
    match &inspection.preparation {
        Preparation::Done => {}
        Preparation::Running(_) => return vec![on_it("journalctl -fu meshwright-prepare")],
        Preparation::Stopped(_) => return vec![on_it("meshwright-node prepare")],
    }
    let Some(record) = &inspection.delivery else {
        return vec![machine.delivery_command(!machine.initialises)];
    };
    if record.condition == DeliveryCondition::Unconfirmed {
        next.push(on_it("meshwright-node confirm"));
    }
    let is_in_order = is_intact(record) || record.condition == DeliveryCondition::Unconfirmed;
    let is_as_files = inspection.differences.is_empty();
    let lacks_credential = !inspection.is_member() && !machine.initialises;
    if lacks_credential
        && !inspection.certificates.iter().any(|one| one.path.ends_with("/join.crt"))
    {
        next.push(machine.delivery_command(true));
    } else if !delivered.is_current() || !is_in_order || !is_as_files {
        next.push(machine.delivery_command(false));
    }
    for rules in inspection.foreign_rules.iter().filter(|rules| rules.drops_all) {
        next.push(format!("remove these rules, and what loads them at boot: {}", rules.chains));
    }
    let silent: Vec<_> =
        inspection.peers.iter().filter(|peer| peer.is_node && !peer.is_heard()).collect();
    if !silent.is_empty() {
        let names: Vec<_> = silent.iter().map(|peer| peer.name.as_str()).collect();
        next.push(format!("look at the peers that are silent: {}", names.join(", ")));
    }
    match &inspection.membership {
        Some(Membership::Outside(_) | Membership::Applying) => {
            next.push(on_it("journalctl -u meshwright-bootstrap"));
        }
        Some(Membership::Waiting(what)) => {
            next.push(format!("a part of the manifests waits for {what}"));
        }
        Some(Membership::Joined) | None => {}
    }
    if inspection.is_member() && !inspection.is_ready() {
        next.push(on_it("journalctl -u kubelet"));
    }
    if inspection.bgp.is_some_and(|sessions| sessions.established < sessions.all) {
        next.push("kubectl get tigerastatus".to_owned());
    }
    for version in inspection.versions.iter().filter(|version| !version.is_met()) {
        next.push(format!(
            "upgrade {} from {} to {}: docs/operations.md",
            version.package, version.installed, version.required
        ));
    }
    next.extend(
        clock_and_disk(inspection, now)
            .map(|fault| format!("{fault}: {}", on_it("meshwright-node status"))),
    );
    let ends = |end: Option<u64>| end.is_none_or(|end| end < now + CERTIFICATE_MARGIN);
    if inspection.certificates.iter().any(|one| ends(one.end) && !one.path.ends_with("/join.crt")) {
        next.push("renew certificates: docs/operations.md".to_owned());
    }
    next.extend(
        backup_fault(inspection, now)
            .map(|fault| format!("{fault}: {}", on_it("meshwright-node backup"))),
    );
    next
}

/// Why there is no snapshot of etcd of the last day.
fn backup_fault(inspection: &Inspection, now: u64) -> Option<String> {
    let backup = inspection.backup.as_ref()?;
    if let Some(failure) = &backup.failure {
        return Some(format!("no snapshot of etcd was taken, because {failure}"));
    }
    let newest = backup.newest?;
    let is_old = newest.saturating_add(BACKUP_AGE) < now;
    is_old.then(|| format!("the newest snapshot of etcd is {} hours old", (now - newest) / 3600))
}

/// Faults of the clock and of the disk.
fn clock_and_disk(inspection: &Inspection, now: u64) -> impl Iterator<Item = String> {
    let clock = inspection.clock.and_then(|clock| {
        let differs = clock.now.abs_diff(now);
        match clock.is_synchronised {
            _ if differs > CLOCK_TOLERANCE => {
                Some(format!("its clock differs by {differs} s from this one"))
            }
            false => Some("its clock is not synchronised".to_owned()),
            true => None,
        }
    });
    let disk = inspection.disk_mib.filter(|free| *free < DISK_MIB);
    clock.into_iter().chain(disk.map(|free| format!("/var/lib has {free} MiB left")))
}
