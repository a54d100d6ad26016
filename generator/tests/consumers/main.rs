//! The programs that read the emitted files accept them: they check every file of every example and of
//! the committed `out/`. Each program is tested too: it must refuse broken files, for the expected reason.
//!
//! If a program is missing, its trials are ignored, and the end of the run prints how many and why.
//! `MESHWRIGHT_REQUIRE=consumers,kubeadm` makes that a failure instead.

#![expect(clippy::expect_used, reason = "a test may stop if its input is missing")]

mod api_server;
mod apply;
mod apply_fakes;
mod cluster;
mod connectivity;
mod consumer;
mod control_plane;
mod docs;
mod expect;
mod firewall_texts;
mod full_disk;
mod hosts;
mod kube_proxy;
mod kubeadm_init;
mod kubelet;
#[path = "../it/mesh.rs"]
mod mesh;
mod namespace;
mod need;
mod other_formats;
mod pictures;
mod proof;
mod report_page;
mod secrets;
mod terminal;
#[allow(dead_code, reason = "the tests in `it` use the rest")]
#[path = "../it/testing.rs"]
mod testing;
mod tools;
mod topology_schema;
mod user_data;

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use libtest_mimic::{Arguments, Failed, Trial};
use meshwright_compiler::out;
use meshwright_compiler::render::Rendering;
use tempfile::TempDir;

use consumer::{BrokenFile, Consumer, ConsumerVerdict, TreeConsumer};
use need::Needs;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let rendered = TempDir::new_in(env!("CARGO_TARGET_TMPDIR")).expect("a folder");
    let trees = write_trees(rendered.path());
    let mut needs = Needs::from_environment();
    let mut trials = Vec::new();
    // The machines wait for most of their time, one of them for five minutes: the others run meanwhile.
    for trial in hosts::trials() {
        trials.push(needs.gate("hosts", hosts::NEEDS, trial));
    }
    let consumers = [
        consumer::CONSUMERS,
        user_data::CONSUMERS,
        cluster::CONSUMERS,
        api_server::CONSUMERS,
        kubelet::CONSUMERS,
        pictures::CONSUMERS,
    ];
    for consumer in consumers.into_iter().flatten() {
        let accepted = trees.iter().filter_map(|tree| acceptance_trial(consumer, tree));
        let refused = (consumer.broken.iter())
            .map(|broken| file_refusal_trial(consumer, broken, valid_tree(&trees, broken)));
        trials.extend(
            accepted.chain(refused).map(|trial| needs.gate(consumer.tier, consumer.needs, trial)),
        );
    }
    for consumer in TREE_CONSUMERS {
        let accepted = trees.iter().map(|tree| tree_acceptance_trial(consumer, tree));
        let refused = (consumer.broken.iter())
            .map(|broken| tree_refusal_trial(consumer, broken, valid_tree(&trees, broken)));
        trials.extend(
            accepted.chain(refused).map(|trial| needs.gate(consumer.tier, consumer.needs, trial)),
        );
    }
    for trial in [
        Trial::test("full_disk::while_staging", full_disk::while_staging),
        Trial::test("full_disk::while_committing", full_disk::while_committing),
    ] {
        trials.push(needs.gate("consumers", full_disk::NEEDS, trial));
    }
    let agree =
        Trial::test("firewall_texts::reader_and_nft_agree", firewall_texts::reader_and_nft_agree);
    trials.push(needs.gate("consumers", firewall_texts::NEEDS, agree));
    for trial in apply_fakes::trials() {
        trials.push(needs.gate("consumers", apply_fakes::NEEDS, trial));
    }
    let pictures = Trial::test("mermaid::accepts::documentation", pictures::documentation_diagrams);
    trials.push(needs.gate("judges", pictures::NEEDS, pictures));
    for trial in topology_schema::trials() {
        trials.push(needs.gate("judges", topology_schema::NEEDS, trial));
    }
    trials.push(Trial::test("proof::names_every_judge", || proof::names_every_judge(&judges())));
    for trial in apply::trials() {
        let gated = needs.gate("api", apply::NEEDS, trial);
        trials.push(needs.gate("api", api_server::NEEDS, gated));
    }
    for trial in docs::trials() {
        trials.push(needs.gate("consumers", docs::NEEDS, trial));
    }
    for trial in report_page::trials(&trees) {
        trials.push(needs.gate("browser", report_page::NEEDS, trial));
    }
    for trial in report_page::axe_trials(&trees) {
        let gated = needs.gate("browser", report_page::NEEDS, trial);
        trials.push(needs.gate("judges", report_page::AXE_NEEDS, gated));
    }
    let maps = [
        ("mermaid", "judges", other_formats::MERMAID_NEEDS),
        ("dot", "consumers", other_formats::DOT_NEEDS),
        ("svg", "consumers", other_formats::XML_NEEDS),
    ];
    for (format, tier, format_needs) in maps {
        for trial in other_formats::map_trials(&trees, format) {
            trials.push(needs.gate(tier, format_needs, trial));
        }
    }
    trials.push(needs.gate("sarif", other_formats::SARIF_NEEDS, other_formats::sarif_trial()));
    for trial in terminal::trials() {
        trials.push(needs.gate("consumers", terminal::NEEDS, trial));
    }
    for trial in secrets::trials() {
        trials.push(needs.gate("consumers", secrets::NEEDS, trial));
    }
    let waits = Trial::test(
        "kubeadm_init::waits_for_a_slow_api_server",
        kubeadm_init::waits_for_slow_api_server,
    );
    trials.push(needs.gate("kubeadm", kubeadm_init::CONSUMER.needs, waits));
    let timeout =
        Trial::test("kube_proxy::reads_the_timeout_of_ipvs", kube_proxy::reads_the_timeout_of_ipvs);
    trials.push(needs.gate("api", kube_proxy::CONSUMER.needs, timeout));
    let charts = Trial::test(
        "cluster::values_are_those_of_the_charts",
        cluster::values_are_those_of_the_charts,
    );
    trials.push(needs.gate("charts", cluster::CHARTS, charts));
    for trial in [
        Trial::test(
            "kubelet::names_are_those_of_the_programs",
            kubelet::names_are_those_of_the_programs,
        ),
        Trial::test("kubelet::fields_are_those_of_kubelet", kubelet::fields_are_those_of_kubelet),
    ] {
        let gated = needs.gate("api", kubelet::NEEDS, trial);
        trials.push(needs.gate("api", kubelet::CONSUMERS[0].needs, gated));
    }
    let serves = Trial::test(
        "control_plane::serves_and_accepts_join",
        control_plane::serves_and_accepts_join,
    );
    trials.push(needs.gate("api", control_plane::NEEDS, serves));
    let scripts = Trial::test(
        "connectivity::scripts_see_what_is_there",
        connectivity::scripts_see_what_is_there,
    );
    trials.push(needs.gate("consumers", connectivity::NEEDS, scripts));
    let applied = trials
        .iter()
        .any(|trial| trial.name().starts_with("apply::") && !arguments.is_filtered_out(trial));
    let ignored = need::ignored(&arguments, &trials);
    let conclusion = libtest_mimic::run(&arguments, trials);
    if applied {
        need::report_placeholders(apply::PLACEHOLDERS);
    }
    if conclusion.num_ignored > 0 {
        need::report_ignored(&ignored);
    }
    conclusion.exit_code()
}

/// Every consumer with the files that it must refuse.
fn judges() -> Vec<(&'static str, &'static [BrokenFile])> {
    let consumers =
        [consumer::CONSUMERS, cluster::CONSUMERS, api_server::CONSUMERS, kubelet::CONSUMERS];
    let files = consumers.into_iter().flatten().map(|judge| (judge.name, judge.broken));
    files.chain(TREE_CONSUMERS.iter().map(|judge| (judge.name, judge.broken))).collect()
}

/// The consumers of whole trees.
const TREE_CONSUMERS: &[TreeConsumer] = &[kubeadm_init::CONSUMER, kube_proxy::CONSUMER];

/// The example whose files are broken, if it has them: they are short.
const BROKEN_EXAMPLE: &str = "minimal";

/// The rendered examples, each in a folder of the example's name, and the committed `out/`.
fn write_trees(folder: &Path) -> Vec<PathBuf> {
    let repository = testing::repository();
    let mut trees = Vec::new();
    for topology in testing::topologies() {
        let path = Path::new(&topology);
        let name = match path.strip_prefix("examples") {
            Ok(below) => below.parent(),
            Err(_) => path.file_stem().map(Path::new),
        };
        let tree = folder.join(name.expect("a name"));
        if topology != "topology.toml" {
            render(&repository.join(path), &tree);
            trees.push(tree);
        }
    }
    trees.push(repository.join("out"));
    trees
}

fn render(topology: &Path, tree: &Path) {
    let plan = testing::compile(topology).plan.expect("it is accepted");
    out::write(&Rendering::new(&plan), tree, out::Options::default()).expect("written");
}

/// The name of a tree's folder.
fn tree_name(tree: &Path) -> String {
    tree.file_name().expect("a tree has a name").display().to_string()
}

/// The trial that all files of a tree are accepted; none if the tree has no file for this consumer.
fn acceptance_trial(consumer: &'static Consumer, tree: &Path) -> Option<Trial> {
    let files = testing::read(tree).into_iter().filter(|(_, entry)| entry.bytes.is_some());
    let read = files.filter(|(path, _)| (consumer.reads)(path));
    let files: Vec<_> = read.map(|(path, _)| tree.join(path)).collect();
    let name = format!("{}::accepts::{}", consumer.name, tree.file_name()?.display());
    (!files.is_empty()).then(|| Trial::test(name, move || expect_acceptance(consumer, &files)))
}

fn expect_acceptance(consumer: &Consumer, files: &[PathBuf]) -> Result<(), Failed> {
    let verdicts = (consumer.judge)(files)?;
    if verdicts.len() != files.len() {
        return Err(format!("{} files, {} verdicts", files.len(), verdicts.len()).into());
    }
    for (file, verdict) in files.iter().zip(verdicts) {
        if let ConsumerVerdict::Refused(reason) = verdict {
            return Err(format!("{} is refused:\n{reason}", file.display()).into());
        }
    }
    Ok(())
}

/// The tree whose file is broken.
fn valid_tree<'a>(trees: &'a [PathBuf], broken: &BrokenFile) -> &'a Path {
    let with_file = trees.iter().filter(|tree| tree.join(broken.path).is_file());
    let preferred = with_file.max_by_key(|tree| tree.ends_with(BROKEN_EXAMPLE));
    preferred.expect("an example has the file")
}

/// The trial that a broken file is refused, for the right reason.
fn file_refusal_trial(
    consumer: &'static Consumer,
    broken: &'static BrokenFile,
    valid_tree: &Path,
) -> Trial {
    refusal_trial(consumer.name, broken, valid_tree, |tree, folder| {
        (consumer.judge)(&[broken.write(tree, folder)?])
    })
}

/// The trial that a tree with a broken file is refused, for the right reason.
fn tree_refusal_trial(
    consumer: &'static TreeConsumer,
    broken: &'static BrokenFile,
    valid_tree: &Path,
) -> Trial {
    refusal_trial(consumer.name, broken, valid_tree, |tree, folder| {
        broken.write_tree(tree, folder)?;
        Ok(vec![(consumer.judge)(folder)?])
    })
}

/// `judge` gets the valid tree and a folder for the broken files.
fn refusal_trial(
    consumer: &str,
    broken: &'static BrokenFile,
    valid_tree: &Path,
    judge: impl Fn(&Path, &Path) -> io::Result<Vec<ConsumerVerdict>> + Send + 'static,
) -> Trial {
    let name = format!("{consumer}::refuses::{}", broken.name);
    let original = valid_tree.to_owned();
    Trial::test(name, move || {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        expect_refusal(&judge(&original, folder.path())?, broken)
    })
}

fn expect_refusal(verdicts: &[ConsumerVerdict], broken: &BrokenFile) -> Result<(), Failed> {
    match verdicts {
        [ConsumerVerdict::Refused(reason)] if reason.contains(broken.reason) => Ok(()),
        [ConsumerVerdict::Refused(reason)] => {
            Err(format!("the reason is not `{}`:\n{reason}", broken.reason).into())
        }
        _ => Err("the broken file is accepted".into()),
    }
}

/// The trial that a tree is accepted.
fn tree_acceptance_trial(consumer: &'static TreeConsumer, tree: &Path) -> Trial {
    let example = tree.file_name().expect("a tree has a name").display();
    let name = format!("{}::accepts::{example}", consumer.name);
    let path = tree.to_owned();
    Trial::test(name, move || match (consumer.judge)(&path)? {
        ConsumerVerdict::Accepted => Ok(()),
        ConsumerVerdict::Refused(reason) => Err(reason.into()),
    })
}
