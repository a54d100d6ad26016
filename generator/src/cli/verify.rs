//! `meshwright verify`: whether what is proven is what runs.

use std::collections::BTreeMap;

use clap::Args;
use serde::Serialize;

use super::Status;
use super::failure::Failure;
use super::fleet::{Fleet, SshArguments};
use super::opened::Opened;
use super::session::{Session, count, print_document};
use meshwright_compiler::diagnostic::Format;
use meshwright_compiler::render::host_tree;
use meshwright_fleet::drift::{self, Drift, TreeTexts};
use meshwright_fleet::inspection::Inspection;
use meshwright_fleet::survey::{self, MachineSurvey};
use meshwright_proof::files::{OutputDirectory, TreeFiles as _};
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright verify
  meshwright verify tokyo --format json | jq '.drifts[] | {machine, file, line, text}'";

/// The version of the structure of [`DriftDocument`].
const SCHEMA_VERSION: u32 = 1;

/// Compare what runs on the machines with the output directory
///
/// Calls all nodes at the same time with your own ssh and changes nothing. Compares the delivered files
/// with the output directory; the firewall that the kernel has with the file, both in the words of nft;
/// rules of other programs; WireGuard's peers, routes, route guards, parameters of the kernel and units
/// with their files; and, on the node that applies them, the objects of the cluster with their files by
/// `kubectl diff`. Each difference is printed with its machine, the file and line that say otherwise,
/// what it does, and the command that corrects it. Not compared: Secrets, the chart of the Ingress
/// controller, the arguments of running static pods. Exit code 1: something differs, or was not reached.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Verify {
    /// The nodes [default: all]
    nodes: Vec<String>,
    #[command(flatten)]
    ssh: SshArguments,
}

/// The document of `verify --format json`.
#[derive(Debug, Serialize)]
struct DriftDocument<'run> {
    schema_version: u32,
    cluster: &'run str,
    /// The machines that were compared.
    verified: Vec<&'run str>,
    /// The machines that were not reached, and why.
    unreachable: BTreeMap<&'run str, &'run str>,
    /// The files with objects that were compared.
    objects: usize,
    drifts: &'run [Drift],
}

impl Verify {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let Some(opened) = Opened::open(session)? else { return Ok(Status::Findings) };
        let fleet = Fleet::of(&opened, &self.nodes, session)?;
        let ssh = self.ssh.ssh();
        let machines = fleet.look(&ssh, session)?;
        let texts = texts(session)?;
        let mut drifts = Vec::new();
        let mut objects = 0;
        let mut is_whole = machines.iter().all(|machine| machine.unreachable.is_none());
        for (node, machine) in fleet.nodes.iter().zip(&machines) {
            let (Some(inspection), Some(delivered)) = (&machine.inspection, &machine.delivered)
            else {
                continue;
            };
            let place = places(&opened, &texts, &node.machine.name);
            drifts.extend(drift::of_machine(&node.machine, inspection, delivered, &texts, &place));
            if node.machine.initialises && inspection.is_member() {
                match survey::objects(&ssh, &node.machine) {
                    Ok(found) => {
                        objects = found.len();
                        drifts.extend(drift::of_objects(&node.machine, &found));
                    }
                    Err(error) => {
                        is_whole = false;
                        let name = &node.machine.name;
                        session.print(format_args!("{name}: objects not compared: {error}"))?;
                    }
                }
            }
        }
        print(&fleet.cluster, &machines, objects, &drifts, session)?;
        Ok(Status::findings(!drifts.is_empty() || !is_whole))
    }
}

/// The texts of the output directory.
fn texts(session: &Session<'_>) -> Result<TreeTexts, Failure> {
    let dir = session.out_dir();
    let files = OutputDirectory(&dir);
    let mut texts = TreeTexts::new();
    for path in files.paths()? {
        let text = String::from_utf8_lossy(&files.read(&path)?).into_owned();
        texts.insert(path, text);
    }
    Ok(texts)
}

/// The file of the output directory for each path on a node, without a leading slash.
fn places(opened: &Opened, texts: &TreeTexts, node: &str) -> BTreeMap<String, String> {
    let own = opened.plan.nodes.iter().find(|one| one.name.as_str() == node);
    let interface = &opened.plan.wireguard.interface;
    let place = |path: &String| {
        let object = || host_tree::place_of_object_file(path);
        let place = host_tree::place(path, &own?.name, interface).or_else(object)?;
        Some((place.trim_start_matches('/').to_owned(), path.clone()))
    };
    texts.keys().filter_map(place).collect()
}

fn print(
    cluster: &str,
    machines: &[MachineSurvey],
    objects: usize,
    drifts: &[Drift],
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    let has_delivery = |inspection: &Inspection| inspection.delivery.is_some();
    let is_verified =
        |machine: &&MachineSurvey| machine.inspection.as_ref().is_some_and(has_delivery);
    let verified: Vec<_> =
        machines.iter().filter(is_verified).map(|machine| machine.name.as_str()).collect();
    let unreachable: BTreeMap<_, _> = machines
        .iter()
        .filter_map(|machine| Some((machine.name.as_str(), machine.unreachable.as_deref()?)))
        .collect();
    if session.global.format == Format::Json {
        let document = DriftDocument {
            schema_version: SCHEMA_VERSION,
            cluster,
            verified,
            unreachable,
            objects,
            drifts,
        };
        return Ok(print_document(session.out, &document)?);
    }
    let dir = session.out_dir();
    for drift in drifts {
        let line = drift.line.map_or_else(String::new, |line| format!(":{line}"));
        let place =
            drift.file.as_ref().map(|file| format!(" ({}{line})", dir.join(file).display()));
        let text = format!(
            "{}: {}{}\n  effect: {}\n  remedy: {}\n",
            drift.machine,
            drift.text,
            place.unwrap_or_default(),
            drift.effect,
            drift.remedy
        );
        write!(session.out, "{}", printable_lines(&text))?;
    }
    for (name, reason) in &unreachable {
        write!(session.out, "{}", printable_lines(&format!("{name}: not verified: {reason}\n")))?;
    }
    let summary = format!(
        "{} of {} and {} of objects compared: {}",
        verified.len(),
        count(machines.len(), "machine"),
        count(objects, "file"),
        count(drifts.len(), "difference")
    );
    writeln!(session.out, "{summary}")?;
    Ok(())
}
