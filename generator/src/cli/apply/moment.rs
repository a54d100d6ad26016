//! Several machines take over at one moment: between two of them, flows are lost.

use std::thread;
use std::time::Duration;

use super::carry_out::{Executor, StepResult};
use crate::cli::failure::Failure;
use crate::cli::fleet::FleetNode;
use crate::cli::session::Session;
use crate::secrets::clock;
use meshwright_change::step::{PlanStep, StepAction};
use meshwright_fleet::inspection::{DeliveryCondition, Inspection};
use meshwright_fleet::ssh::RemoteResult;
use meshwright_fleet::stopwatch::Stopwatch;
use meshwright_fleet::survey;

/// From the first `commit` to the moment, in seconds: each machine is called again, and ssh(1) needs a second or two.
const NOTICE: u64 = 10;

/// How long the machines are looked at before they are confirmed. A machine goes back by itself 60 seconds after the moment
/// (`confirm_within` of meshwright-node); the confirmations need the rest.
const TRIAL: Duration = Duration::from_secs(40);

/// The pause between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// The order in which `apply` carries out steps: where machines take over at one moment, the files of clients, which a
/// person installs, come after them. A client without its new file has lost its flows in each order.
pub(super) fn clients_last(steps: &[PlanStep]) -> Vec<PlanStep> {
    let mut ordered = Vec::with_capacity(steps.len());
    for window in
        steps.chunk_by(|one, next| one.together.is_some() && one.together == next.together)
    {
        let is_client = |step: &&PlanStep| step.action == StepAction::InstallClient;
        ordered.extend(window.iter().filter(|step| !is_client(step)).cloned());
        ordered.extend(window.iter().filter(is_client).cloned());
    }
    ordered
}

/// The steps at the head of the list that are one moment: deliveries to machines of the cluster, with the same number in
/// [`PlanStep::together`]. Fewer than two are none.
pub(super) fn at_one_moment<'steps>(
    executor: &Executor<'_>,
    steps: &'steps [PlanStep],
) -> Option<&'steps [PlanStep]> {
    let window = steps.first()?.together?;
    let is_member = |step: &PlanStep| {
        let name = step.machine.as_deref().unwrap_or_default();
        executor.earlier(name).is_some_and(Inspection::is_member)
    };
    let is_part = |step: &&PlanStep| {
        step.together == Some(window)
            && step.action == StepAction::Deliver
            && executor.is_own(step)
            && is_member(step)
    };
    let count = steps.iter().take_while(is_part).count();
    (count >= 2).then(|| &steps[..count])
}

/// Stages the deliveries on all machines, lets them take over at the same instant, looks at them, and confirms. If one of
/// them does not work, none is confirmed, and each goes back by itself.
pub(super) fn carry_out(
    executor: &mut Executor<'_>,
    steps: &[PlanStep],
    session: &mut Session<'_>,
) -> Result<StepResult, Failure> {
    let nodes: Vec<&FleetNode> =
        steps.iter().filter_map(|step| executor.node(step.machine.as_deref()?)).collect();
    if let Some(failed) = stage(executor, &nodes, session)? {
        return Ok(failed);
    }
    let moment = clock::now().unix_timestamp().unsigned_abs() + NOTICE;
    let announced = Stopwatch::start();
    session.info(format_args!("  {} machines take over in {NOTICE} s", nodes.len()))?;
    let refused = on_all(executor, &nodes, &format!("meshwright-node commit --at {moment}"));
    if let Some(reason) = refused {
        return Ok(goes_back(&reason));
    }
    session.info(format_args!("  {} machines have taken over; looking at them", nodes.len()))?;
    loop {
        let since = announced.elapsed().saturating_sub(Duration::from_secs(NOTICE));
        let faults = faults(executor, &nodes, steps, moment);
        if faults.is_empty() {
            break;
        }
        if since > TRIAL {
            return Ok(goes_back(&faults.join("\n  ")));
        }
        thread::sleep(PAUSE);
    }
    if let Some(reason) = on_all(executor, &nodes, "meshwright-node confirm") {
        return Ok(goes_back(&reason));
    }
    session.info(format_args!(
        "  {} machines are in order, {} s after the moment",
        nodes.len(),
        announced.elapsed().as_secs().saturating_sub(NOTICE)
    ))?;
    executor.lost.clear();
    executor.before = executor.fleet.inspect(executor.ssh);
    Ok(StepResult::Done)
}

fn goes_back(reason: &str) -> StepResult {
    StepResult::Failed(format!(
        "{reason}\n  the machines that took over and were not confirmed go back by themselves within two minutes"
    ))
}

/// Sends each machine its delivery, which it checks and keeps.
fn stage(
    executor: &Executor<'_>,
    nodes: &[&FleetNode],
    session: &mut Session<'_>,
) -> Result<Option<StepResult>, Failure> {
    for node in nodes {
        let machine = &node.machine;
        let delivery = executor.delivery(node, false)?;
        let command = machine.as_root("meshwright-node apply --stage");
        match executor.ssh.run(machine, &command, delivery.expose()) {
            Ok(RemoteResult { code: 0, .. }) => {
                session.info(format_args!("  {}: staged", machine.name))?;
            }
            Ok(done) => {
                let message = format!("{} ({}):\n  {}", machine.name, done.code, done.last_lines());
                return Ok(Some(StepResult::Failed(format!("nothing has changed: {message}"))));
            }
            Err(error) => {
                let message = format!("nothing has changed: {}: {error}", machine.name);
                return Ok(Some(StepResult::Failed(message)));
            }
        }
    }
    Ok(None)
}

/// Runs a command on all machines at the same time; returns the failures.
fn on_all(executor: &Executor<'_>, nodes: &[&FleetNode], command: &str) -> Option<String> {
    let run = |node: &FleetNode| {
        let machine = &node.machine;
        match executor.ssh.run(machine, &machine.as_root(command), b"") {
            Ok(RemoteResult { code: 0, .. }) => None,
            Ok(done) => Some(format!("{} ({}): {}", machine.name, done.code, done.last_lines())),
            Err(error) => Some(format!("{}: {error}", machine.name)),
        }
    };
    let failures: Vec<_> =
        survey::for_each(nodes, |node| run(node)).into_iter().flatten().collect();
    (!failures.is_empty()).then(|| failures.join("\n  "))
}

/// What does not work on the machines that took over, and on the others. Flows that the plan cuts in between hold again
/// when there was a handshake since the moment, in seconds since 1970.
fn faults(
    executor: &Executor<'_>,
    nodes: &[&FleetNode],
    steps: &[PlanStep],
    moment: u64,
) -> Vec<String> {
    let mut faults = Vec::new();
    let now = executor.fleet.inspect(executor.ssh);
    let inspected = executor.fleet.nodes.iter().zip(&now);
    for (node, (inspection, _)) in inspected {
        let name = &node.machine.name;
        let inspection = match inspection {
            Ok(inspection) => inspection,
            Err(error) => {
                faults.push(format!("{name}: {error}"));
                continue;
            }
        };
        if nodes.iter().any(|one| one.machine.name == *name) {
            let mut awaited = inspection.clone();
            // It is confirmed only afterwards.
            if let Some(record) = &mut awaited.delivery
                && record.condition == DeliveryCondition::Unconfirmed
            {
                record.condition = DeliveryCondition::Whole;
            }
            let found = executor.expectation(node).faults(&awaited);
            faults.extend(found.into_iter().map(|fault| format!("{name}: {fault}")));
        }
        let cut = steps.iter().flat_map(|step| &step.lost).filter(|pair| pair.from == *name);
        let silent: Vec<_> = cut
            .map(|pair| pair.to.as_str())
            .filter(|to| inspection.peers.iter().any(|peer| peer.is_node && peer.name == *to))
            .filter(|to| !has_new_session(inspection, to, moment))
            .collect();
        if !silent.is_empty() {
            faults.push(format!("{name}: no new handshake with {}", silent.join(", ")));
        }
    }
    let touched: Vec<_> = nodes.iter().map(|node| node.machine.name.as_str()).collect();
    faults.extend(executor.worsened(&touched, &now));
    faults
}

/// Both times are of the machine's own clock: `meshwright-node commit --at` waits by it. An age would grow while the machine
/// is asked.
fn has_new_session(inspection: &Inspection, peer: &str, moment: u64) -> bool {
    let peer = inspection.peers.iter().find(|one| one.is_node && one.name == peer);
    peer.and_then(|peer| peer.handshake).is_some_and(|time| time >= moment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_new_from_the_moment_on_however_long_the_look_lasts() {
        let is_new = |handshake: &str| {
            let records = format!(
                "meshwright-inspect\t1\npeer\tnode\tparis\t9\t{handshake}\nclock\tsynchronised\t1009\nend\n"
            );
            let inspection = Inspection::parse(&records).expect("records");
            has_new_session(&inspection, "paris", 1000)
        };
        assert_eq!(["999", "1000", "1009", "never"].map(is_new), [false, true, true, false]);
    }
}
