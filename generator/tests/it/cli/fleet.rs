//! Tests of `status` and `apply`. `fleet/ssh` is in the place of ssh and of the machines, and says what it cannot show.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::{BINARY, Ended, Place, ended, stderr_only};
use crate::snapshot;

const MACHINES: [(&str, &str, &str); 2] =
    [("203.0.113.10", "hongkong", "tokyo"), ("203.0.113.20", "tokyo", "hongkong")];

/// A committed cluster whose machines are prepared.
pub(super) fn prepared() -> Place {
    let place = Place::complete();
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    place.git(&["init", "--quiet"]);
    commit(&place);
    fs::create_dir(place.path().join("machines")).expect("a folder");
    place.write("machines/ssh", include_str!("fleet/ssh"));
    let program = place.path().join("machines/ssh");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("executable");
    for (address, name, other) in MACHINES {
        fs::create_dir(place.path().join("machines").join(address)).expect("a folder");
        place.write(&format!("machines/{address}/name"), &format!("{name} {other}\n"));
    }
    place
}

/// The same, installed.
pub(super) fn installed() -> Place {
    let place = prepared();
    assert_eq!(call(&place, &["apply", "--yes", "-q"]).0, Some(1), "the client's file is left");
    place.write("machines/calls", "");
    place
}

fn commit(place: &Place) {
    place.git(&["add", "topology.toml", "out"]);
    place.git(&["commit", "--quiet", "--message", "change"]);
}

pub(super) fn call(place: &Place, arguments: &[&str]) -> Ended {
    let mut command = place.command(BINARY);
    let machines = place.path().join("machines");
    #[expect(
        clippy::disallowed_methods,
        reason = "the programs of this machine, after the test's own ssh"
    )]
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", machines.display()));
    ended(command.args(arguments).output().expect("the binary runs"))
}

/// The commands that were run on the machines, in their order, without the looks.
pub(super) fn calls(place: &Place) -> Vec<String> {
    let calls = place.read("machines/calls");
    let words = calls.lines().filter_map(|line| line.split_once(" -- ")).map(|(_, words)| words);
    words.filter(|words| !words.ends_with("sh -s")).map(str::to_owned).collect()
}

fn change(place: &Place) {
    place.edit("[kube_proxy]", "[wireguard]\npersistent_keepalive = 20\n\n[kube_proxy]");
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
}

#[test]
fn installs_in_order() {
    let place = prepared();
    let (code, plan, printed) = call(&place, &["apply", "--yes"]);
    assert_eq!(code, Some(1), "{printed}");
    assert_eq!(
        calls(&place),
        ["203.0.113.10 meshwright-node apply", "203.0.113.20 meshwright-node apply"]
    );
    assert!(plan.contains("deliver to hongkong, which then initialises the cluster"), "{plan}");
    assert!(printed.ends_with("left to do by hand, as printed above: 5\n"), "{printed}");
    let (code, table, errors) = call(&place, &["status"]);
    assert_eq!((code, errors.as_str()), (Some(0), ""));
    snapshot::settings().bind(|| insta::assert_snapshot!("fleet-status", table));
}

#[test]
fn what_is_done_is_not_done_again() {
    let place = installed();
    let nothing =
        stderr_only(0, "asking 2 machines\nall machines have the files of the topology\n");
    assert_eq!(call(&place, &["apply", "--yes"]), nothing);
    place.write("machines/203.0.113.20/more", "version\tkubelet\t1.35.0-1.1\t1.36.1-*\n");
    let (code, _, printed) = call(&place, &["apply", "--yes", "-q"]);
    assert_eq!(code, Some(1), "the files are there, and another version runs");
    assert_eq!(
        printed,
        "next, tokyo: upgrade kubelet from 1.35.0-1.1 to 1.36.1-*: docs/operations.md\n"
    );
    assert_eq!(calls(&place), Vec::<String>::new());
}

#[test]
fn what_a_running_cluster_cannot_change() {
    let place = installed();
    place.edit("[kube_proxy]", "[network]\npod_subnet = \"10.200.0.0/16\"\n\n[kube_proxy]");
    // A warning.
    assert_eq!(place.run(&["generate", "-q"]).0, Some(0));
    let (code, plan, _) = call(&place, &["apply", "--yes", "-q"]);
    assert_eq!(code, Some(1));
    assert!(plan.contains("A running cluster cannot change\n"), "{plan}");
    assert_eq!(calls(&place), Vec::<String>::new());
}

/// The machines have the committed revision; an interrupted run goes on.
#[test]
fn changes_one_after_the_other() {
    let place = installed();
    change(&place);
    place.write("machines/203.0.113.20/refuses", "");
    let (code, _, printed) = call(&place, &["apply", "--yes"]);
    assert_eq!(code, Some(1));
    let refused = "tokyo refused the delivery, or put it back (35):\n  meshwright: fewer peers answer than before\n";
    assert!(printed.contains(refused), "{printed}");
    fs::remove_file(place.path().join("machines/203.0.113.20/refuses")).expect("it is there");
    let (_, table, _) = call(&place, &["status"]);
    assert!(table.lines().any(|line| line.starts_with("hongkong  current")), "{table}");
    place.write("machines/calls", "");
    assert_eq!(call(&place, &["apply", "--yes"]).0, Some(1), "the client's file is left");
    assert_eq!(
        calls(&place),
        ["203.0.113.10 meshwright-node hold", "203.0.113.20 meshwright-node apply"]
    );
}

/// A key changes: no order of the two deliveries keeps the pair.
#[test]
fn takes_over_at_one_moment() {
    let place = installed();
    assert_eq!(place.run(&["rotate", "tokyo", "-q"]).0, Some(0));
    assert_eq!(place.run(&["generate", "-q"]).0, Some(0));
    let before = place.read("machines/203.0.113.10/delivery");
    let (code, _, printed) = call(&place, &["apply", "--yes", "-q"]);
    let refused =
        "the plan loses flows in between, so nothing was changed; to accept this: --allow-loss\n";
    assert_eq!((code, printed.as_str()), (Some(1), refused));
    place.write("machines/203.0.113.20/refuses", "");
    let (code, _, printed) = call(&place, &["apply", "--yes", "--allow-loss", "-q"]);
    assert_eq!(code, Some(1));
    let stopped = "stopped at steps 1, 2: tokyo (54): meshwright: the clock is not synchronised\n  the machines that took \
                   over and were not confirmed go back by themselves within two minutes\n";
    assert!(printed.starts_with(stopped), "{printed}");
    fs::remove_file(place.path().join("machines/203.0.113.20/refuses")).expect("it is there");
    // What the first machine does by itself.
    fs::remove_file(place.path().join("machines/203.0.113.10/unconfirmed")).expect("it is there");
    place.write("machines/203.0.113.10/delivery", &before);
    place.write("machines/calls", "");
    let (code, _, printed) = call(&place, &["apply", "--yes", "--allow-loss"]);
    assert_eq!(code, Some(1), "the client's file is left");
    assert!(printed.contains("  2 machines are in order, "), "{printed}");
    let mut calls = calls(&place);
    assert!(calls[3].contains(" meshwright-node commit --at "), "{calls:?}");
    assert_eq!(calls[3].rsplit(' ').next(), calls[4].rsplit(' ').next(), "one moment");
    calls.retain(|call| !call.contains(" commit "));
    // Both are called at the same time.
    calls[3..].sort();
    let expected = [
        "203.0.113.10 meshwright-node hold",
        "203.0.113.10 meshwright-node apply --stage",
        "203.0.113.20 meshwright-node apply --stage",
        "203.0.113.10 meshwright-node confirm",
        "203.0.113.20 meshwright-node confirm",
    ];
    assert_eq!(calls, expected);
}

#[test]
fn a_dry_run_plans_only() {
    let place = installed();
    change(&place);
    let (code, plan, _) = call(&place, &["apply", "--dry-run"]);
    assert_eq!(code, Some(1), "something is left to do");
    assert!(plan.contains("deliver to tokyo"), "{plan}");
    assert_eq!(calls(&place), Vec::<String>::new());
}

#[test]
fn a_second_apply_names_the_first() {
    let place = installed();
    change(&place);
    place.write("machines/203.0.113.10/held", "");
    let (code, _, printed) = call(&place, &["apply", "--yes", "-q"]);
    assert_eq!(code, Some(2));
    let refused = "error: hongkong: another `meshwright apply` is running: from 198.51.100.9\n |\n = help: wait until it has \
                   ended; nothing was changed\n";
    assert_eq!(printed, refused);
    assert_eq!(calls(&place), ["203.0.113.10 meshwright-node hold"]);
}

#[test]
fn a_machine_that_is_not_reached() {
    let place = installed();
    change(&place);
    fs::rename(place.path().join("machines/203.0.113.20"), place.path().join("machines/off"))
        .expect("a folder");
    let (code, _, printed) = call(&place, &["apply", "--yes", "-q"]);
    assert_eq!(code, Some(1));
    let expected = "tokyo: ssh: connect to host 203.0.113.20 port 22: Connection timed out\n  try `ssh root@203.0.113.20 \
                    true`; options of ssh are given with --ssh-option or in ~/.ssh/config\nnothing was changed: the plan \
                    needs the state of all machines\n";
    assert_eq!(printed, expected);
    let (code, table, _) = call(&place, &["status"]);
    assert_eq!(code, Some(1));
    assert!(
        table.contains("tokyo: ssh: connect to host 203.0.113.20 port 22: Connection timed out\n"),
        "{table}"
    );
}

#[test]
fn a_tree_that_git_does_not_have() {
    let place = installed();
    change(&place);
    place.git(&["commit", "--quiet", "--amend", "--all", "--message", "rewritten"]);
    place.edit("persistent_keepalive = 20", "persistent_keepalive = 21");
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    let (code, _, printed) = call(&place, &["apply", "--yes", "-q"]);
    assert_eq!(code, Some(2));
    let expected = "error: hongkong, tokyo have files of no known revision of out\n |\n = help: name the tree that the machines \
                    have with --from; `meshwright status` lists what differs\n";
    assert_eq!(printed, expected);
    let (_, table, _) = call(&place, &["status"]);
    assert!(
        table.contains("hongkong: not as in the output directory: /etc/wireguard/wg0.conf\n"),
        "{table}"
    );
}

#[test]
fn what_is_not_as_delivered() {
    let place = installed();
    place.write(
        "machines/203.0.113.20/more",
        "changed\tetc/meshwright/guards.routes\ndifference\tfirewall\tthe firewall is not that of \
         /etc/meshwright/nftables.conf\nrule\tadditional\taccept\nforeign\tall\ttable ip filter, chain FORWARD\n\
         certificate\t1\tetc/kubernetes/pki/apiserver.crt\ndisk\t12\nversion\tkubelet\t1.35.0-1.1\t1.36.1-*\n",
    );
    let (code, table, errors) = call(&place, &["status"]);
    assert_eq!((code, errors.as_str()), (Some(1), ""));
    snapshot::settings().bind(|| insta::assert_snapshot!("fleet-status-drift", table));
    let (code, document, _) = call(&place, &["status", "tokyo", "--format", "json"]);
    assert_eq!(code, Some(1));
    assert!(document.contains("\"is_in_order\": false"), "{document}");
}

/// With the file and the line of the output directory.
#[test]
fn verifies_what_runs() {
    let place = installed();
    let nothing = "2 of 2 machines and 1 file of objects compared: 0 differences\n";
    assert_eq!(call(&place, &["verify"]), (Some(0), nothing.to_owned(), String::new()));
    place.write("machines/203.0.113.10/refuses", "");
    let (code, text, printed) = call(&place, &["verify"]);
    assert_eq!(code, Some(1), "the objects were not compared");
    assert_eq!(text, "2 of 2 machines and 0 files of objects compared: 0 differences\n");
    let reason = "hongkong: objects not compared: it ended with 33: meshwright: this host does not apply the objects\n";
    assert_eq!(printed, reason);
    fs::remove_file(place.path().join("machines/203.0.113.10/refuses")).expect("it is there");
    place.write(
        "machines/203.0.113.20/more",
        "changed\tetc/meshwright/guards.routes\ndifference\troutes\tthe route to the pods 10.244.1.0/24 is missing\n\
         difference\tfirewall\tthe firewall is not that of /etc/meshwright/nftables.conf\nrule\tmissing\tiif lo accept\n\
         foreign\tall\ttable ip filter, chain FORWARD\n",
    );
    place.write(
        "machines/203.0.113.10/objects",
        "object\tdiffers\tcalico/felix.yaml\tFelixConfiguration.default\n",
    );
    let (code, text, errors) = call(&place, &["verify"]);
    assert_eq!((code, errors.as_str()), (Some(1), ""));
    snapshot::settings().bind(|| insta::assert_snapshot!("fleet-verify", text));
    fs::rename(place.path().join("machines/203.0.113.20"), place.path().join("machines/off"))
        .expect("a folder");
    let (code, document, _) = call(&place, &["verify", "tokyo", "--format", "json"]);
    assert_eq!(code, Some(1), "nothing was verified");
    let unreachable = "\"unreachable\": {\n    \"tokyo\": \"ssh: connect to host 203.0.113.20 port 22: Connection timed out\"";
    assert!(document.contains(unreachable), "{document}");
}

/// The fake answers as a whole cluster would. `consumers connectivity::` runs the scripts, and the cluster tier all of it.
#[test]
fn tests_connections() {
    let place = installed();
    for (address, pod) in [("203.0.113.10", "10.244.1.5\n"), ("203.0.113.20", "10.244.2.5\n")] {
        place.write(&format!("machines/{address}/pod"), pod);
    }
    let (code, text, printed) = call(&place, &["test"]);
    assert_eq!((code, text.contains("failed")), (Some(0), false), "{text}{printed}");
    assert_eq!(printed, "creating a pod on every node\ntrying 40 connections\ndeleting the pods\n");
    assert_eq!(place.read("machines/deleted"), "hongkong\n");
    fs::remove_file(place.path().join("machines/203.0.113.10/pod")).expect("it is there");
    place.write("machines/203.0.113.20/closed", "10.244.2.5\n");
    let (code, text, errors) = call(&place, &["test", "-q"]);
    assert_eq!((code, errors.as_str()), (Some(1), ""));
    snapshot::settings().bind(|| insta::assert_snapshot!("fleet-test", text));
    let (code, document, _) = call(&place, &["test", "-q", "--format", "json"]);
    assert_eq!(code, Some(1));
    assert!(document.contains("\"passed\": false,\n  \"results\": ["), "{document}");
    place.write("machines/deleted", "");
    let removed = "the namespace meshwright-test does not exist any more\n";
    assert_eq!(call(&place, &["test", "--remove"]), stderr_only(0, removed));
    assert_eq!(place.read("machines/deleted"), "hongkong\n");
}

#[test]
fn a_test_needs_a_control_plane() {
    let place = prepared();
    let (code, _, printed) = call(&place, &["test"]);
    assert_eq!(code, Some(2));
    let expected = "error: no control plane was reached: hongkong has not joined the cluster\n |\n = help: see `meshwright \
                    status`\n";
    assert_eq!(printed, expected);
}

#[test]
fn a_node_behind_nat_needs_an_address_for_ssh() {
    let place = prepared();
    place.edit("endpoint = \"203.0.113.20\"\n", "");
    let (code, table, _) = call(&place, &["status", "tokyo"]);
    assert_eq!(code, Some(1));
    assert!(table.contains("tokyo: its address for ssh is not known\n"), "{table}");
    assert!(table.ends_with("next, tokyo: write `ssh_host` in the table of tokyo\n"), "{table}");
    place.edit("labels.zone", "ssh_host = \"203.0.113.20\"\nlabels.zone");
    let (_, table, _) = call(&place, &["status", "tokyo"]);
    assert!(table.contains("nothing yet"), "{table}");
}

/// Options of the user come first, and no secret is an argument.
#[test]
fn arguments_of_ssh() {
    let place = prepared();
    let options = ["--ssh-option", "ProxyJump=bastion.example.com"];
    call(&place, &[&["apply", "--yes", "-q"], options.as_slice()].concat());
    let calls = place.read("machines/calls");
    let first = "-o ProxyJump=bastion.example.com -o BatchMode=yes ";
    assert!(calls.lines().all(|line| line.starts_with(first)), "{calls}");
    for secret in ["nodes/tokyo/wg0.key", "nodes/hongkong/wg0.key"] {
        let secret = place.read(&format!("secrets/{secret}"));
        assert!(!calls.contains(secret.trim()));
    }
}

#[test]
fn refuses_what_it_cannot_do() {
    let place = installed();
    let (code, _, printed) = call(&place, &["status", "tokio"]);
    assert_eq!(code, Some(2));
    assert_eq!(printed, "error: there is no node `tokio`\n |\n = help: did you mean `tokyo`?\n");
    place.edit("[kube_proxy]", "[wireguard]\npersistent_keepalive = 20\n\n[kube_proxy]");
    let (code, _, printed) = call(&place, &["apply", "--yes"]);
    assert_eq!(code, Some(2));
    let stale = "error: out/ is not what the topology gives\n |\n = help: run `meshwright generate`, and review what changed\n";
    assert_eq!(printed, stale);
    assert_eq!(place.run(&["generate", "-q"]), stderr_only(0, ""));
    // The tests have no terminal.
    let (code, _, printed) = call(&place, &["apply", "-q"]);
    assert_eq!(code, Some(2));
    assert!(printed.starts_with("error: there is no terminal to ask: carry out "), "{printed}");
    assert_eq!(calls(&place), Vec::<String>::new());
}
