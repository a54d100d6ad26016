//! Carries out one step, and waits until what it changed works.

use std::process::Command;
use std::thread;
use std::time::Duration;

use crate::cli::failure::Failure;
use crate::cli::fleet::{self, Fleet, FleetNode, Inspected};
use crate::cli::opened::Opened;
use crate::cli::session::Session;
use crate::secrets::delivery::Delivery;
use crate::secrets::secret::Secret;
use meshwright_change::step::{LostPair, PlanStep, StepAction};
use meshwright_fleet::gate::{GateExpectation, worsened};
use meshwright_fleet::inspection::{Inspection, Membership, Preparation};
use meshwright_fleet::machine::FleetMachine;
use meshwright_fleet::ssh::{RemoteResult, Ssh};
use meshwright_fleet::stopwatch::Stopwatch;

/// How long what worked before may take to work again: WireGuard tries a handshake every 5 s, a peer behind NAT is heard
/// after its keepalive (25 s), and kubelet reports its node every 10 s (kubelet, nodeStatusUpdateFrequency).
const RECOVERY: Duration = Duration::from_secs(180);

/// The pause between two looks at a machine.
const PAUSE: Duration = Duration::from_secs(2);

/// The kubeconfig of a control plane.
const KUBECTL: &str = "kubectl --kubeconfig=/etc/kubernetes/admin.conf";

/// How a step ended.
pub(super) enum StepResult {
    /// It is done, and what it changed works.
    Done,
    /// Only a person can do it.
    ByHand,
    /// It failed, or what it changed does not work.
    Failed(String),
}

/// What the steps have in common.
pub(super) struct Executor<'run> {
    pub(super) opened: &'run Opened,
    pub(super) fleet: &'run Fleet,
    pub(super) ssh: &'run Ssh,
    /// The machines as they were before the current step, in the order of the fleet.
    pub(super) before: Vec<Inspected>,
    /// The pairs whose flows the plan has cut, and that do not hold again yet.
    pub(super) lost: Vec<LostPair>,
    /// The machines that leave the cluster.
    leaving: Vec<FleetMachine>,
    /// How long a machine may take to prepare itself and to join.
    patience: Duration,
}

impl<'run> Executor<'run> {
    pub(super) fn new(
        opened: &'run Opened,
        fleet: &'run Fleet,
        ssh: &'run Ssh,
        before: Vec<Inspected>,
        leaving: Vec<FleetMachine>,
        minutes: u64,
    ) -> Self {
        let patience = Duration::from_secs(60 * minutes);
        Self { opened, fleet, ssh, before, lost: Vec::new(), leaving, patience }
    }

    /// Whether it carries out steps of this kind.
    pub(super) fn is_own(&self, step: &PlanStep) -> bool {
        match step.action {
            StepAction::Deliver => !self.is_nixos(step),
            StepAction::CreateNode => {
                step.machine.as_deref().is_some_and(|name| self.node(name).is_some())
            }
            StepAction::ApplyObjects => true,
            StepAction::RemoveNode => !step.by_hand && self.leaving(step).is_some(),
            StepAction::OpenProviderFirewall
            | StepAction::ReplacePods
            | StepAction::InstallClient
            | StepAction::Reconfigure
            | StepAction::Upgrade
            | StepAction::ChangeRecords
            | StepAction::CloseProviderFirewall => false,
        }
    }

    pub(super) fn carry_out(
        &mut self,
        step: &PlanStep,
        session: &mut Session<'_>,
    ) -> Result<StepResult, Failure> {
        if !self.is_own(step) {
            return Ok(StepResult::ByHand);
        }
        let node = step.machine.as_deref().and_then(|name| self.node(name));
        match (step.action, node) {
            (StepAction::CreateNode, Some(node)) => self.wait_until_prepared(node, session),
            (StepAction::Deliver, Some(node)) => self.deliver(node, step, session),
            (StepAction::ApplyObjects, Some(node)) => Ok(self.wait_for_objects(node)),
            (StepAction::RemoveNode, _) => self.remove(step, session),
            (StepAction::ApplyObjects, None) => self.apply_objects_from_here(session),
            _ => Ok(StepResult::ByHand),
        }
    }

    pub(super) fn node(&self, name: &str) -> Option<&'run FleetNode> {
        self.fleet.nodes.iter().find(|node| node.machine.name == name)
    }

    fn leaving(&self, step: &PlanStep) -> Option<&FleetMachine> {
        let name = step.machine.as_deref()?;
        self.leaving.iter().find(|machine| machine.name == name)
    }

    /// Drains a worker, resets it if it can be reached, and deletes its object.
    fn remove(&self, step: &PlanStep, session: &mut Session<'_>) -> Result<StepResult, Failure> {
        let init = self.fleet.nodes.iter().find(|node| node.machine.initialises);
        let (Some(init), Some(leaving)) = (init, self.leaving(step)) else {
            return Ok(StepResult::ByHand);
        };
        let name = &leaving.name;
        let kubectl = |arguments: &str| {
            let command = init.machine.as_root(&format!("{KUBECTL} {arguments}"));
            self.ssh.run(&init.machine, &command, b"")
        };
        let failed = |what: &str, done: &RemoteResult| {
            StepResult::Failed(format!(
                "{what} of {name} ended with {}: {}",
                done.code,
                done.errors.trim()
            ))
        };
        match kubectl(&format!("get node {name} --ignore-not-found --output name")) {
            Ok(RemoteResult { code: 0, output, .. }) if output.trim().is_empty() => {
                session.info(format_args!("  {name} is not in the cluster any more"))?;
                return Ok(StepResult::Done);
            }
            Ok(RemoteResult { code: 0, .. }) => {}
            Ok(done) => return Ok(failed("the query", &done)),
            Err(error) => return Ok(StepResult::Failed(format!("{}: {error}", init.machine.name))),
        }
        let drain = format!("drain {name} --ignore-daemonsets --delete-emptydir-data --timeout=5m");
        match kubectl(&drain) {
            Ok(RemoteResult { code: 0, .. }) => session.info(format_args!("  {name}: drained"))?,
            Ok(done) => return Ok(failed("the drain", &done)),
            Err(error) => return Ok(StepResult::Failed(error.to_string())),
        }
        match self.ssh.run(leaving, &leaving.as_root("kubeadm reset --force"), b"") {
            Ok(RemoteResult { code: 0, .. }) => session.info(format_args!("  {name}: reset"))?,
            Ok(done) => return Ok(failed("`kubeadm reset`", &done)),
            Err(error) => session.print(format_args!(
                "  {name}: {error}; it is not reset, and must not be used again before it is"
            ))?,
        }
        match kubectl(&format!("delete node {name} --ignore-not-found")) {
            Ok(RemoteResult { code: 0, .. }) => Ok(StepResult::Done),
            Ok(done) => Ok(failed("the deletion", &done)),
            Err(error) => Ok(StepResult::Failed(error.to_string())),
        }
    }

    /// The commands of a NixOS machine build it, which `apply` does not do.
    fn is_nixos(&self, step: &PlanStep) -> bool {
        let name = step.machine.as_deref().unwrap_or_default();
        let node = self.opened.plan.nodes.iter().find(|node| node.name.as_str() == name);
        node.is_some_and(|node| node.os.is_nixos())
    }

    /// The machine as it was before the step.
    pub(super) fn earlier(&self, name: &str) -> Option<&Inspection> {
        let position = self.fleet.nodes.iter().position(|node| node.machine.name == name)?;
        self.before[position].0.as_ref().ok()
    }

    fn inspect(&self, machine: &FleetMachine) -> Result<Inspection, String> {
        self.fleet.inspect_one(self.ssh, machine).0.map_err(|error| error.to_string())
    }

    fn wait_until_prepared(
        &self,
        node: &FleetNode,
        session: &mut Session<'_>,
    ) -> Result<StepResult, Failure> {
        let started = Stopwatch::start();
        let mut last = String::new();
        loop {
            let now = match self.inspect(&node.machine).map(|inspection| inspection.preparation) {
                Ok(Preparation::Done) => return Ok(StepResult::Done),
                Ok(Preparation::Running(reason)) => format!("prepares itself: {reason}"),
                Ok(Preparation::Stopped(reason)) => format!("is not prepared: {reason}"),
                Err(reason) => reason,
            };
            if started.elapsed() > self.patience {
                return Ok(StepResult::Failed(format!("{}: {now}", node.machine.name)));
            }
            if now != last {
                session.info(format_args!("  {}: {now}", node.machine.name))?;
                last = now;
            }
            thread::sleep(PAUSE);
        }
    }

    fn deliver(
        &mut self,
        node: &'run FleetNode,
        step: &PlanStep,
        session: &mut Session<'_>,
    ) -> Result<StepResult, Failure> {
        let name = &node.machine.name;
        let was_member = self.earlier(name).is_some_and(Inspection::is_member);
        let joins = !was_member && !node.machine.initialises;
        let delivery = self.delivery(node, joins)?;
        let options = if step.keep { " --keep" } else { "" };
        let command = node.machine.as_root(&format!("meshwright-node apply{options}"));
        let started = Stopwatch::start();
        match self.ssh.run(&node.machine, &command, delivery.expose()) {
            Ok(RemoteResult { code: 0, .. }) => {}
            Ok(done) => {
                let (code, message) = (done.code, done.last_lines());
                return Ok(StepResult::Failed(format!(
                    "{name} refused the delivery, or put it back ({code}):\n  {message}"
                )));
            }
            // The host finishes a delivery whose connection ends. The gate sees which files it has.
            Err(error) => session.info(format_args!("  {name}: {error}; looking again"))?,
        }
        session.info(format_args!("  {name}: delivered, {} s", started.elapsed().as_secs()))?;
        let patience = if was_member { RECOVERY } else { self.patience };
        let result = self.gate(node, step, patience);
        if matches!(result, StepResult::Done) {
            session.info(format_args!("  {name}: in order, {} s", started.elapsed().as_secs()))?;
        }
        Ok(result)
    }

    /// The delivery of a node, as `export` makes it.
    pub(super) fn delivery(&self, node: &FleetNode, joins: bool) -> Result<Secret, Failure> {
        let nodes = &self.opened.plan.nodes;
        let own = nodes.iter().find(|one| one.name.as_str() == node.machine.name);
        let own = own.unwrap_or_else(|| unreachable!("the fleet is that of the plan"));
        fleet::delivery(self.opened, own, joins)
    }

    /// Waits until the machine has and does what it should, and no other one is worse than before.
    fn gate(&mut self, node: &FleetNode, step: &PlanStep, patience: Duration) -> StepResult {
        let name = &node.machine.name;
        self.lost.extend(step.lost.iter().cloned());
        self.lost.retain(|pair| pair.until > step.number);
        let expected = self.expectation(node);
        let started = Stopwatch::start();
        loop {
            let own = match self.inspect(&node.machine) {
                Ok(inspection) => expected.faults(&inspection),
                Err(reason) => vec![reason],
            };
            let mut faults: Vec<_> =
                own.into_iter().map(|fault| format!("{name}: {fault}")).collect();
            // The others are asked only when the machine itself works.
            if faults.is_empty() {
                let now = self.fleet.inspect(self.ssh);
                faults = self.worsened(&[name], &now);
                if faults.is_empty() {
                    self.before = now;
                    return StepResult::Done;
                }
            }
            if started.elapsed() > patience {
                return StepResult::Failed(format!(
                    "{} has its delivery, and after {} s:\n  {}",
                    name,
                    started.elapsed().as_secs(),
                    faults.join("\n  ")
                ));
            }
            thread::sleep(PAUSE);
        }
    }

    /// The machines to which the plan has cut the flows of this one, until a later step.
    fn cut_from(&self, name: &str) -> Vec<&str> {
        let ends =
            self.lost.iter().flat_map(|pair| [(&pair.from, &pair.to), (&pair.to, &pair.from)]);
        ends.filter(|(own, _)| *own == name).map(|(_, other)| other.as_str()).collect()
    }

    pub(super) fn expectation(&self, node: &FleetNode) -> GateExpectation {
        let before = self.earlier(&node.machine.name);
        let cut = self.cut_from(&node.machine.name);
        let heard = before.into_iter().flat_map(|inspection| &inspection.peers);
        let is_kept = |name: &str| !cut.contains(&name) && self.node(name).is_some();
        let peers = heard.filter(|peer| peer.is_node && peer.is_heard() && is_kept(&peer.name));
        GateExpectation {
            digest: node.wanted.digest,
            peers: peers.map(|peer| peer.name.clone()).collect(),
            is_member: true,
        }
    }

    /// What is worse on the other machines.
    pub(super) fn worsened(&self, touched: &[&str], now: &[Inspected]) -> Vec<String> {
        let mut faults = Vec::new();
        for ((node, before), after) in self.fleet.nodes.iter().zip(&self.before).zip(now) {
            let other = &node.machine.name;
            let (Ok(before), false) = (&before.0, touched.contains(&other.as_str())) else {
                continue;
            };
            let cut = self.cut_from(other);
            match &after.0 {
                Ok(after) => {
                    let found = worsened(before, after, &cut);
                    faults.extend(found.into_iter().map(|fault| format!("{other}: {fault}")));
                }
                Err(error) => faults.push(format!("{other}: {error}")),
            }
        }
        faults
    }

    /// The init node applies the objects by itself after its delivery.
    fn wait_for_objects(&self, node: &FleetNode) -> StepResult {
        let machine = &node.machine;
        let is_manual = !self.opened.plan.control_plane.applies_manifests;
        if is_manual {
            let command = machine.as_root("/etc/meshwright/cluster/apply.sh");
            return match self.ssh.run(machine, &command, b"") {
                Ok(RemoteResult { code: 0, .. }) => StepResult::Done,
                Ok(done) => StepResult::Failed(format!(
                    "apply.sh ended with {}: {}",
                    done.code, done.errors
                )),
                Err(error) => StepResult::Failed(error.to_string()),
            };
        }
        let started = Stopwatch::start();
        loop {
            let state = self.inspect(machine).map(|inspection| inspection.membership);
            match state {
                Ok(Some(Membership::Joined | Membership::Waiting(_))) => return StepResult::Done,
                Ok(_) if started.elapsed() > self.patience => {
                    return StepResult::Failed(format!(
                        "{}: the objects are not applied; its log: {}",
                        machine.name,
                        machine.command_on_it("journalctl -u meshwright-bootstrap")
                    ));
                }
                Err(reason) if started.elapsed() > self.patience => {
                    return StepResult::Failed(reason);
                }
                _ => thread::sleep(PAUSE),
            }
        }
    }

    /// The cluster's objects before the nodes get their files: with the kubeconfig and the programs of this machine.
    fn apply_objects_from_here(&self, session: &mut Session<'_>) -> Result<StepResult, Failure> {
        let folder = tempfile::tempdir()?;
        let manifests = Delivery::manifests(&self.opened.plan, &self.opened.store)?;
        manifests.write_below(folder.path())?;
        let script = session.out_dir().join("cluster/apply.sh");
        let done = Command::new(&script).arg("--secrets").arg(folder.path()).output()?;
        Ok(match done.status.success() {
            true => StepResult::Done,
            false => StepResult::Failed(format!(
                "{} failed: {}",
                script.display(),
                String::from_utf8_lossy(&done.stderr).trim()
            )),
        })
    }
}
