//! The machines of a topology, for the verbs that call them over ssh.

use std::collections::BTreeMap;
use std::path::Path;

use clap::Args;

use super::export::{find_node, marked};
use super::failure::Failure;
use super::opened::Opened;
use super::session::Session;
use crate::git::{self, CommittedFolder};
use crate::secrets::clock;
use crate::secrets::delivery::Delivery;
use crate::secrets::requirements::Requirements;
use crate::secrets::secret::Secret;
use meshwright_compiler::plan::{NodePlan, Plan};
use meshwright_compiler::render::Rendering;
use meshwright_compiler::render::host_tree;
use meshwright_fleet::delivery::{DeliveredState, FileSums, TreeRevision, WantedDelivery};
use meshwright_fleet::inspection::Inspection;
use meshwright_fleet::machine::FleetMachine;
use meshwright_fleet::ssh::Ssh;
use meshwright_fleet::survey::{self, InspectError, MachineSurvey};
use meshwright_proof::files::TreeFiles;
use meshwright_value::{InterfaceName, Name, Sha256, Text as _};

/// How many revisions of the output directory are compared with what a machine has.
const REVISIONS: usize = 20;

/// How machines are called.
#[derive(Debug, Clone, Default, Args)]
pub(super) struct SshArguments {
    /// An option for ssh, as for `ssh -o`; can be repeated
    #[arg(long = "ssh-option", value_name = "OPTION")]
    options: Vec<String>,
}

impl SshArguments {
    pub(super) fn ssh(&self) -> Ssh {
        Ssh { program: "ssh".to_owned(), options: self.options.clone() }
    }
}

/// A machine, and what it should have.
pub(super) struct FleetNode {
    pub(super) machine: FleetMachine,
    pub(super) wanted: WantedDelivery,
}

/// An inspection, and the time of this machine when it arrived, in seconds since 1970.
pub(super) type Inspected = (Result<Inspection, InspectError>, u64);

/// The machines of a topology, in its order.
pub(super) struct Fleet {
    pub(super) cluster: String,
    pub(super) nodes: Vec<FleetNode>,
}

impl Fleet {
    /// The named nodes, or all of them.
    pub(super) fn of(
        opened: &Opened,
        names: &[String],
        session: &mut Session<'_>,
    ) -> Result<Self, Failure> {
        let plan = &opened.plan;
        for name in names {
            find_node(name, plan)?;
        }
        let rendering = Rendering::new(plan);
        let is_named = |node: &&NodePlan| {
            names.is_empty() || names.iter().any(|name| *name == node.name.as_str())
        };
        let mut nodes = Vec::new();
        for node in plan.nodes.iter().filter(is_named) {
            let wanted = wanted(opened, &rendering, node, session)?;
            nodes.push(FleetNode { machine: machine(plan, node), wanted });
        }
        Ok(Self { cluster: plan.name.to_string(), nodes })
    }

    /// Asks all machines at the same time.
    pub(super) fn inspect(&self, ssh: &Ssh) -> Vec<Inspected> {
        survey::for_each(&self.nodes, |node| self.inspect_one(ssh, &node.machine))
    }

    /// Asks one machine.
    pub(super) fn inspect_one(&self, ssh: &Ssh, machine: &FleetMachine) -> Inspected {
        let inspected = survey::inspect(ssh, machine, &self.cluster);
        (inspected, clock::now().unix_timestamp().unsigned_abs())
    }

    /// Asks all machines, and compares them with what they should have.
    pub(super) fn look(
        &self,
        ssh: &Ssh,
        session: &mut Session<'_>,
    ) -> Result<Vec<MachineSurvey>, Failure> {
        let inspected = self.inspect(ssh);
        let revisions = self.revisions(&inspected, session)?;
        Ok(self.survey(inspected, &revisions))
    }

    /// Compares the inspections with what the machines should have.
    pub(super) fn survey(
        &self,
        inspected: Vec<Inspected>,
        revisions: &[TreeRevision],
    ) -> Vec<MachineSurvey> {
        let compare = |(node, (inspected, now)): (&FleetNode, Inspected)| {
            survey::survey(&node.machine, inspected, &node.wanted, revisions, now)
        };
        self.nodes.iter().zip(inspected).map(compare).collect()
    }

    /// The revisions of git that are compared with the machines: none if all have what they should have.
    pub(super) fn revisions(
        &self,
        inspected: &[Inspected],
        session: &mut Session<'_>,
    ) -> Result<Vec<TreeRevision>, Failure> {
        let is_unknown = |(node, (inspected, _)): (&FleetNode, &Inspected)| {
            inspected.as_ref().is_ok_and(|inspection| {
                let state = DeliveredState::of(&node.machine.name, inspection, &node.wanted, &[]);
                matches!(state, DeliveredState::Unknown { .. } | DeliveredState::OtherSecret { .. })
            })
        };
        if !self.nodes.iter().zip(inspected).any(is_unknown) {
            return Ok(Vec::new());
        }
        let dir = session.out_dir();
        let names = match git::revisions_of(&dir, REVISIONS) {
            Ok(names) => names,
            Err(error) => {
                session
                    .info(format_args!("revisions of {} are not known: {error}", dir.display()))?;
                return Ok(Vec::new());
            }
        };
        // A revision without the folder has nothing to compare.
        Ok(names.into_iter().filter_map(|name| tree_revision(name, &dir)).collect())
    }
}

/// Where a node is reached.
pub(super) fn machine(plan: &Plan, node: &NodePlan) -> FleetMachine {
    FleetMachine {
        name: node.name.to_string(),
        ssh_host: node.known_ssh_host(),
        ssh_port: plan.firewall.ssh_port.get(),
        ssh_user: node.ssh_user.clone(),
        initialises: node.id == plan.init_node().id,
    }
}

/// The delivery of a node, as `export` makes it.
pub(super) fn delivery(opened: &Opened, node: &NodePlan, joins: bool) -> Result<Secret, Failure> {
    let Opened { topology, plan, store, .. } = opened;
    let mut delivery = Delivery::public(&Rendering::new(plan), node);
    delivery.add_secrets(topology, plan, node, store)?;
    if joins {
        delivery.add_join(plan, node, store, clock::now())?;
    }
    marked(delivery, &Delivery::dated_head(plan, node, clock::now()))
}

/// What a delivery contains. Without access to the secrets, only the public files are known.
fn wanted(
    opened: &Opened,
    rendering: &Rendering<'_>,
    node: &NodePlan,
    session: &mut Session<'_>,
) -> Result<WantedDelivery, Failure> {
    let Opened { topology, plan, store, .. } = opened;
    let mut delivery = Delivery::public(rendering, node);
    let files = delivery.sums();
    let required = Requirements::for_node(topology, plan, node, false);
    let digest = match required.look_up(topology, store) {
        Ok(state) if state.faults(store).is_empty() && state.missing().is_empty() => {
            delivery.add_secrets(topology, plan, node, store)?;
            Some(WantedDelivery::digest_of(&delivery.sums()))
        }
        Ok(_) => None,
        Err(error) => {
            session.info(format_args!("secrets of {} are not compared: {error}", node.name))?;
            None
        }
    };
    Ok(WantedDelivery { files, digest })
}

/// The files of each node in a revision of the output directory.
fn tree_revision(name: String, dir: &Path) -> Option<TreeRevision> {
    let tree = CommittedFolder::read(&name, dir).ok()?;
    let paths = tree.paths().ok()?;
    let mut nodes = BTreeMap::new();
    let of_nodes =
        paths.iter().filter_map(|path| path.strip_prefix("nodes/")?.strip_suffix(".peers"));
    for (node, interface) in of_nodes.filter_map(|path| path.split_once('/')) {
        let sums = delivered_sums(&tree, &paths, node, interface);
        nodes.extend(sums.map(|sums| (node.to_owned(), sums)));
    }
    Some(TreeRevision { name, nodes })
}

/// The public files that a node gets from a tree, as [`Delivery::public`] selects them.
fn delivered_sums(
    tree: &CommittedFolder,
    paths: &[String],
    node: &str,
    interface: &str,
) -> Option<FileSums> {
    let (name, interface) = (Name::parse(node).ok()?, InterfaceName::parse(interface).ok()?);
    let settings = String::from_utf8(tree.read(&format!("nodes/{node}/node.env")).ok()?).ok()?;
    let has = |line: &str| settings.lines().any(|one| one == line);
    let mut sums = FileSums::new();
    if has("MESHWRIGHT_OS=nixos") {
        return Some(sums);
    }
    let applies = has("MESHWRIGHT_BOOTSTRAP=init");
    for path in paths {
        let object = || host_tree::place_of_object_file(path).filter(|_| applies);
        if let Some(place) = host_tree::place(path, &name, &interface).or_else(object) {
            let sum = Sha256::compute(&tree.read(path).ok()?);
            sums.insert(place.trim_start_matches('/').to_owned(), sum);
        }
    }
    Some(sums)
}
