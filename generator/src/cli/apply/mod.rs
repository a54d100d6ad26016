//! `meshwright apply`: carries out the plan on the machines.

mod base;
mod carry_out;
mod moment;

use std::io::{self, BufRead as _, IsTerminal as _};
use std::path::Path;
use std::thread;
use std::time::Duration;

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::fleet::{Fleet, Inspected, SshArguments};
use super::opened::Opened;
use super::plan::{compared, read_old};
use super::session::{Session, count};
use base::FleetBase;
use carry_out::{Executor, StepResult};
use meshwright_change::plan::ChangePlan;
use meshwright_change::report::human;
use meshwright_change::step::{self, PlanStep, StepAction};
use meshwright_change::tree::ComparedTree;
use meshwright_compiler::out;
use meshwright_compiler::render::Rendering;
use meshwright_fleet::delivery::DeliveredState;
use meshwright_fleet::lock::FleetLock;
use meshwright_fleet::machine::FleetMachine;
use meshwright_fleet::ssh::SshError;
use meshwright_fleet::stopwatch::Stopwatch;
use meshwright_fleet::survey::{InspectError, MachineSurvey};
use meshwright_proof::files::OutputDirectory;
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright apply                    # plan, ask, and carry it out
  meshwright apply --dry-run          # plan only
  meshwright apply --yes              # in a script
  meshwright apply --done 1           # step 1, which is done by hand, is done
  meshwright apply --from v1.4 --ssh-option ProxyJump=bastion.example.com";

/// Bring all machines to the topology, step by step
///
/// Calls all nodes with your own ssh and asks what was delivered to them; finds this in the last
/// revisions of the output directory in git; and plans and proves the way from there to the topology, as
/// `meshwright plan` does. Then it asks, and carries out one step after another. After each step it waits
/// until the machine answers to a new connection, has the delivery, hears its peers, and is Ready in the
/// cluster, and until no other machine is worse than before; otherwise it stops. It can be interrupted
/// and started again: what a machine has already is not delivered again.
///
/// The first installation is the same command: it waits for machines that are still preparing
/// themselves. Steps that only a person can do are printed: on a terminal it waits for an answer,
/// otherwise it stops before them until they are named with --done. Exit code 1: something is left to do.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Apply {
    /// What the machines have: a revision of git, or a directory [default: found by asking them]
    #[arg(long, value_name = "REV|DIR")]
    from: Option<String>,
    /// Print the plan, and change nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(short, long)]
    yes: bool,
    /// The number of a step that a person has done; can be repeated
    #[arg(long, value_name = "STEP")]
    done: Vec<usize>,
    /// Begin although the plan loses flows in between
    #[arg(long)]
    allow_loss: bool,
    /// How long to wait for a machine to prepare itself or to join, in minutes
    #[arg(long, value_name = "MINUTES", default_value_t = 20)]
    wait: u64,
    #[command(flatten)]
    ssh: SshArguments,
}

/// What is to be done, and what the machines are like before it.
struct Prepared {
    plan: ChangePlan,
    steps: Vec<PlanStep>,
    before: Vec<Inspected>,
    /// The machines that leave the cluster.
    leaving: Vec<FleetMachine>,
    /// What the machines need besides their files.
    next: Vec<String>,
}

/// The files are all that it compares.
const ALL_DELIVERED: &str = "all machines have the files of the topology";

impl Apply {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(opened) = Opened::open(session)? else { return Ok(Status::Findings) };
        refuse_old_tree(&opened, session)?;
        session.refuse_unproven()?;
        let fleet = Fleet::of(&opened, &[], session)?;
        if fleet.nodes.iter().any(|node| node.wanted.digest.is_none()) {
            return Err(Failure::usage(
                "secrets are missing, so nothing can be delivered",
                "run `meshwright keys`; for an encrypted store name the identity with --identity",
            ));
        }
        let ssh = self.ssh.ssh();
        session.info(format_args!("asking {}", count(fleet.nodes.len(), "machine")))?;
        let Some(prepared) = self.prepare(&fleet, session)? else { return Ok(Status::Findings) };
        let Prepared { plan, steps, before, leaving, next } = prepared;
        if steps.is_empty() && plan.refusals.is_empty() {
            session.info(ALL_DELIVERED)?;
            next.iter().try_for_each(|line| session.print(line))?;
            return Ok(Status::findings(!next.is_empty()));
        }
        let shown = ChangePlan { steps: steps.clone(), ..plan };
        write!(session.out, "{}", printable_lines(&human::text(&shown)))?;
        session.out.flush()?;
        if !shown.refusals.is_empty() || self.dry_run {
            return Ok(Status::Findings);
        }
        if shown.loses() && !self.allow_loss {
            session.print("the plan loses flows in between, so nothing was changed; to accept this: --allow-loss")?;
            return Ok(Status::Findings);
        }
        if !self.yes && !ask(&format!("carry out {}?", count(steps.len(), "step")), session)? {
            session.print("nothing was changed")?;
            return Ok(Status::Findings);
        }
        let lock = self.lock(&fleet, &before, session)?;
        let mut executor = Executor::new(&opened, &fleet, &ssh, before, leaving, self.wait);
        let status = self.carry_out(&mut executor, &steps, session);
        drop(lock);
        status
    }

    /// Asks all machines. Before the first installation, machines that do not answer yet are waited for.
    fn first_look(
        &self,
        fleet: &Fleet,
        session: &mut Session<'_>,
    ) -> Result<Vec<Inspected>, Failure> {
        let ssh = self.ssh.ssh();
        let started = Stopwatch::start();
        let mut is_announced = false;
        loop {
            let inspected = fleet.inspect(&ssh);
            let is_installed = inspected.iter().any(is_delivered);
            let is_silent = |(result, _): &&Inspected| {
                matches!(result, Err(InspectError::Ssh(SshError::NotConnected(_))))
            };
            let silent = fleet.nodes.iter().zip(&inspected).filter(|(_, one)| is_silent(one));
            let names: Vec<_> = silent.map(|(node, _)| node.machine.name.as_str()).collect();
            let is_late = started.elapsed() >= Duration::from_secs(60 * self.wait);
            if names.is_empty() || is_installed || is_late || self.dry_run {
                return Ok(inspected);
            }
            if !is_announced {
                let names = names.join(", ");
                session.info(format_args!(
                    "waiting up to {} min for machines that do not answer yet: {names}",
                    self.wait
                ))?;
                is_announced = true;
            }
            thread::sleep(Duration::from_secs(5));
        }
    }

    fn prepare(
        &self,
        fleet: &Fleet,
        session: &mut Session<'_>,
    ) -> Result<Option<Prepared>, Failure> {
        let before = self.first_look(fleet, session)?;
        let revisions = fleet.revisions(&before, session)?;
        let machines = fleet.survey(before.clone(), &revisions);
        if !report_unreachable(&machines, session)? {
            return Ok(None);
        }
        let dir = session.out_dir();
        let new = out::read(&dir, || compared(&OutputDirectory(&dir), None, &dir))??;
        let base = match &self.from {
            Some(from) => Some(read_old(from, &dir, &new)?),
            None => match base::of_machines(
                &machines,
                &revisions,
                new.init().unwrap_or_default(),
                session,
            )? {
                FleetBase::Nothing => None,
                FleetBase::Tree(tree) => {
                    Some(compared(&tree, Some(&new), Path::new("the tree of the machines"))?)
                }
            },
        };
        let plan = match &base {
            None => ChangePlan::installation(&new),
            Some(old) => super::plan::change(old, &new)?,
        };
        let steps = remaining(&plan, &machines, &new);
        let leaving = base.iter().flat_map(|old| leaving(old, &new)).collect();
        let next = machines.iter().flat_map(|machine| {
            machine.next.iter().map(|step| format!("next, {}: {step}", machine.name))
        });
        let next = next.collect();
        Ok(Some(Prepared { plan, steps, before, leaving, next }))
    }

    /// Holds the lock of the node that initialises the cluster. Before its first delivery it has none.
    fn lock(
        &self,
        fleet: &Fleet,
        before: &[Inspected],
        session: &mut Session<'_>,
    ) -> Result<Option<FleetLock>, Failure> {
        let nodes = fleet.nodes.iter().zip(before);
        let holder = nodes
            .filter(|(_, inspected)| is_delivered(inspected))
            .find(|(node, _)| node.machine.initialises);
        let Some((node, _)) = holder else {
            session.info("without a lock: nothing was delivered yet to the node that initialises the cluster")?;
            return Ok(None);
        };
        match FleetLock::take(&self.ssh.ssh(), &node.machine) {
            Ok(lock) => Ok(Some(lock)),
            Err(error) => Err(Failure::usage(
                format!("{}: {error}", node.machine.name),
                "wait until it has ended; nothing was changed",
            )),
        }
    }

    fn carry_out(
        &self,
        executor: &mut Executor<'_>,
        steps: &[PlanStep],
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let mut left = Vec::new();
        let mut done: Vec<usize> = Vec::new();
        let steps = moment::clients_last(steps);
        let mut rest = steps.as_slice();
        while let Some((step, others)) = rest.split_first() {
            if let Some(group) = moment::at_one_moment(executor, rest) {
                let numbers: Vec<_> = group.iter().map(|step| step.number).collect();
                session.info(format_args!("steps {} at one moment", listed(&numbers)))?;
                match moment::carry_out(executor, group, session)? {
                    StepResult::Done | StepResult::ByHand => {}
                    StepResult::Failed(reason) => {
                        return stopped(
                            &format!("steps {}", listed(&numbers)),
                            &reason,
                            &done,
                            session,
                        );
                    }
                }
                done.extend(numbers);
                rest = &rest[group.len()..];
                continue;
            }
            rest = others;
            let label = format!("step {}", step.number);
            if self.done.contains(&step.number) {
                session.info(format_args!("{label}: done by hand"))?;
                continue;
            }
            session.info(format_args!("{label}: {}", step.text))?;
            match executor.carry_out(step, session)? {
                StepResult::Done => done.push(step.number),
                StepResult::ByHand => {
                    let is_followed = rest.iter().any(|next| executor.is_own(next));
                    for command in &step.commands {
                        session.print(format_args!("  {command}"))?;
                    }
                    if !is_followed {
                        left.push(step.number);
                    } else if self.yes || !ask(&format!("is {label} done?"), session)? {
                        session.print(format_args!(
                            "stopped before {label}, which is done by hand; afterwards: meshwright apply --done {}",
                            step.number
                        ))?;
                        return Ok(Status::Findings);
                    }
                }
                StepResult::Failed(reason) => return stopped(&label, &reason, &done, session),
            }
        }
        if left.is_empty() {
            session.info(ALL_DELIVERED)?;
            return Ok(Status::Clean);
        }
        session.print(format_args!("left to do by hand, as printed above: {}", listed(&left)))?;
        Ok(Status::Findings)
    }
}

fn is_delivered((result, _): &Inspected) -> bool {
    result.as_ref().is_ok_and(|inspection| inspection.delivery.is_some())
}

/// Says what is done, and the way on.
fn stopped(
    label: &str,
    reason: &str,
    done: &[usize],
    session: &mut Session<'_>,
) -> Result<Status, Failure> {
    session.print(format_args!("stopped at {label}: {reason}"))?;
    let done = if done.is_empty() { "none".to_owned() } else { listed(done) };
    session.print(format_args!(
        "steps that are done: {done}. Correct the cause and run the same command again; to go back, check out the \
         former topology and its {}/ and run it there",
        session.out_dir().display()
    ))?;
    Ok(Status::Findings)
}

/// `1, 2, 5`.
fn listed(numbers: &[usize]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// The machines that only the old tree has.
fn leaving(old: &ComparedTree, new: &ComparedTree) -> Vec<FleetMachine> {
    let nodes = old.facts.nodes.iter().filter(|node| new.node(&node.name).is_none());
    let machines = nodes.map(|node| FleetMachine {
        name: node.name.clone(),
        ssh_host: Some(node.ssh_host.clone()),
        ssh_port: node.host.ssh_port,
        ssh_user: node.env.ssh_user.clone(),
        initialises: false,
    });
    machines.collect()
}

/// The output directory is what reviewers have seen, and what was proven.
fn refuse_old_tree(opened: &Opened, session: &Session<'_>) -> Result<(), Failure> {
    let dir = session.out_dir();
    let options = out::Options { force: false, adopt: false };
    match out::compare(&Rendering::new(&opened.plan), &dir, options)?.is_empty() {
        true => Ok(()),
        false => Err(Failure::usage(
            format!("{}/ is not what the topology gives", dir.display()),
            "run `meshwright generate`, and review what changed",
        )),
    }
}

/// Reports the machines that cannot be asked; returns whether all were.
fn report_unreachable(
    machines: &[MachineSurvey],
    session: &mut Session<'_>,
) -> Result<bool, Failure> {
    let unreachable = || {
        let reason = |machine: &'_ MachineSurvey| machine.unreachable.clone();
        machines.iter().filter_map(move |machine| Some((machine, reason(machine)?)))
    };
    for (machine, reason) in unreachable() {
        session.print(format_args!("{}: {reason}", machine.name))?;
        machine.next.iter().try_for_each(|step| session.print(format_args!("  {step}")))?;
    }
    let is_whole = unreachable().next().is_none();
    if !is_whole {
        session.print("nothing was changed: the plan needs the state of all machines")?;
    }
    Ok(is_whole)
}

/// The steps that are not done yet. Each machine that lacks something gets a delivery, also if its files are the same in
/// both trees.
fn remaining(plan: &ChangePlan, machines: &[MachineSurvey], new: &ComparedTree) -> Vec<PlanStep> {
    let survey_of = |step: &PlanStep| {
        let name = step.machine.as_deref();
        machines.iter().find(|machine| Some(machine.name.as_str()) == name)
    };
    let is_done = |step: &PlanStep| match step.action {
        StepAction::Deliver => survey_of(step).is_some_and(MachineSurvey::is_current),
        StepAction::CreateNode => survey_of(step).is_some_and(MachineSurvey::is_prepared),
        _ => false,
    };
    let mut steps: Vec<_> = plan.steps.iter().filter(|step| !is_done(step)).cloned().collect();
    if !plan.refusals.is_empty() {
        return steps;
    }
    let is_planned = |machine: &MachineSurvey| {
        plan.steps.iter().any(|step| {
            step.action == StepAction::Deliver && step.machine.as_ref() == Some(&machine.name)
        })
    };
    let mut number = plan.steps.len();
    for machine in machines.iter().filter(|machine| !machine.is_current() && !is_planned(machine)) {
        let is_new = machine.delivered == Some(DeliveredState::Nothing);
        for added in step::delivery(new, &machine.name, is_new) {
            number += 1;
            steps.push(PlanStep { number, ..added });
        }
    }
    steps
}

/// Asks on the terminal, and fails without one.
fn ask(question: &str, session: &mut Session<'_>) -> Result<bool, Failure> {
    if !io::stdin().is_terminal() {
        return Err(Failure::usage(
            format!("there is no terminal to ask: {question}"),
            "answer with --yes, and name steps that are done by hand with --done",
        ));
    }
    write!(session.err, "{question} [y/N] ")?;
    session.err.flush()?;
    let mut answer = String::new();
    io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
