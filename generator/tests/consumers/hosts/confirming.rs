//! A delivery whose firewall would end the SSH session it came by: it is undone unless a new connection confirms it.

use libtest_mimic::Failed;

use super::delivering::{APPLY, LIST_FILES, expect_equal, in_session};
use super::machine::{HostMachine, NetworkSwitch};
use super::workspace::Workspace;

const OPEN: &str = "ssh_from = [\"0.0.0.0/0\", \"::/0\"]";
const CLOSED: &str = "ssh_from = [\"198.51.100.7\"]";

/// The session in which deliveries come, which no list after the first one accepts.
const CLIENT: &str = "203.0.113.254";
const SERVER: &str = "203.0.113.1";

const UNDO: &str = "/var/lib/meshwright/undo";

/// The five minutes are over.
const EXPIRE: &str =
    "echo $(cat /proc/sys/kernel/random/boot_id) 0 >/var/lib/meshwright/undo/deadline";

pub(super) fn undoes() -> Result<(), Failed> {
    let workspace = Workspace::new(&["alpha", "beta"])?;
    let switch = NetworkSwitch::new()?;
    let alpha = workspace.switch_on(&switch, "alpha", 1)?;
    alpha.wait_for_console("waiting for: meshwright export alpha")?;
    closes_with_the_first_delivery(&workspace, &alpha)?;
    set_list(&workspace, CLOSED, OPEN)?;
    workspace.deliver(&alpha, APPLY)?.expect(0, "delivered to alpha")?;
    alpha.wait_for("test -e /var/lib/meshwright/bootstrapped")?;
    let before = settled_files(&alpha)?;
    set_list(&workspace, OPEN, CLOSED)?;
    workspace.edit(|topology| {
        topology.replace("[firewall]", "[calico]\nbgp_password = false\n\n[firewall]")
    })?;
    workspace.compile()?;
    waits_for_a_new_connection(&workspace, &alpha)?;
    alpha.run(EXPIRE)?.expect(0, "")?;
    is_undone(&alpha, "0.0.0.0/0")?;
    expect_equal(&before, &settled_files(&alpha)?)?;
    close(&workspace, &alpha)?;
    alpha.cut_power()?;
    is_undone(&alpha, "0.0.0.0/0")?;
    expect_equal(&before, &settled_files(&alpha)?)?;
    is_confirmed(&workspace, &alpha)?;
    returns_to_what_was_confirmed(&workspace, &alpha)?;
    leaves_nothing_of_a_delivery_that_fails(&workspace, &alpha)
}

fn set_list(workspace: &Workspace, old: &str, new: &str) -> Result<(), Failed> {
    workspace.edit(|topology| topology.replace(old, new))?;
    workspace.compile()
}

fn close(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    workspace
        .deliver(alpha, &in_session(CLIENT, SERVER, "--close-ssh"))?
        .expect(0, "delivered to alpha")?
        .expect(
            0,
            " unless it is confirmed from a new connection: ssh root@203.0.113.1 meshwright-node confirm\n",
        )
        .map(drop)
}

/// The list of the kernel's table.
fn expect_list(alpha: &HostMachine, element: &str) -> Result<(), Failed> {
    let table = "nft list set inet meshwright ssh_from_v4";
    alpha.run(table)?.expect(0, &format!("elements = {{ {element} }}")).map(drop)
}

fn is_undone(alpha: &HostMachine, element: &str) -> Result<(), Failed> {
    alpha.wait_for(&format!("test ! -e {UNDO} && test ! -e {UNDO}.new"))?;
    expect_list(alpha, element)
}

/// All files, when the timer has copied the firewall that is loaded.
fn settled_files(alpha: &HostMachine) -> Result<String, Failed> {
    alpha.wait_for("cmp /etc/meshwright/nftables.conf /var/lib/meshwright/nftables.conf")?;
    Ok(alpha.run(LIST_FILES)?.output)
}

/// A first delivery returns to the firewall of the first boot. The rest of it stays, and nothing joins before.
fn closes_with_the_first_delivery(
    workspace: &Workspace,
    alpha: &HostMachine,
) -> Result<(), Failed> {
    set_list(workspace, OPEN, CLOSED)?;
    close(workspace, alpha)?;
    expect_list(alpha, "198.51.100.7")?;
    alpha.run("meshwright-node bootstrap")?.expect(0, "the last delivery is undone at ")?;
    alpha.run("ls /var/lib/probe/kubeadm/calls")?.expect(2, "No such file")?;
    alpha.run(EXPIRE)?.expect(0, "")?;
    is_undone(alpha, "0.0.0.0/0")?;
    alpha
        .run("meshwright-node status")?
        .expect(1, "delivered  changed since: etc/meshwright/nftables.conf\n")
        .map(drop)
}

/// Neither the session of the delivery nor another one of that time confirms it; meanwhile, nothing is applied to
/// the cluster.
fn waits_for_a_new_connection(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    let other = "systemctl stop ssh; \
        systemd-run --quiet --collect --unit=echo socat TCP-LISTEN:22,fork,reuseaddr PIPE; sleep 1; \
        systemd-run --quiet --collect --unit=session socat TCP:203.0.113.1:22,bind=203.0.113.1:40100 \
        EXEC:'sleep infinity'; sleep 1";
    alpha.run(other)?.expect(0, "")?;
    close(workspace, alpha)?;
    alpha.run("systemctl stop echo session; systemctl start ssh")?.expect(0, "")?;
    expect_list(alpha, "198.51.100.7")?;
    alpha.run("meshwright-node status")?.expect(1, "confirm    the last delivery is undone at ")?;
    for (client, port) in [(CLIENT, 40022), ("::ffff:203.0.113.1", 40100)] {
        alpha.run(&confirm(client, port))?.expect(
            53,
            "this connection is older than the delivery, and does not show that a new login is possible.",
        )?;
    }
    alpha.run("wc -l </var/lib/probe/applied")?.expect(0, "1\n").map(drop)
}

fn confirm(client: &str, port: u16) -> String {
    format!(
        "SSH_CONNECTION='{client} {port} {SERVER} 22' sh -c 'env -u SSH_CONNECTION meshwright-node confirm; exit $?'"
    )
}

fn is_confirmed(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    close(workspace, alpha)?;
    alpha.run(&confirm("198.51.100.7", 40022))?.expect(0, "the delivery is confirmed\n")?;
    is_undone(alpha, "198.51.100.7")?;
    alpha.wait_for("test $(wc -l </var/lib/probe/applied) = 2")?;
    alpha
        .run("meshwright-node confirm")?
        .expect(0, "no delivery waits for a confirmation\n")
        .map(drop)
}

/// A second delivery before the first one is confirmed: both are undone, or the second one shows a way in.
fn returns_to_what_was_confirmed(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    let before = settled_files(alpha)?;
    let (first, second) = ("ssh_from = [\"198.51.100.8\"]", "ssh_from = [\"198.51.100.9\"]");
    set_list(workspace, CLOSED, first)?;
    close(workspace, alpha)?;
    workspace.edit(|topology| {
        topology.replace("[firewall]", "[images]\nmirrors = { \"docker.io\" = [\"https://mirror.example.com\"] }\n\n[firewall]")
    })?;
    set_list(workspace, first, second)?;
    close(workspace, alpha)?;
    alpha.run("ls /etc/containerd/certs.d/docker.io/hosts.toml")?.expect(0, "")?;
    alpha.run(EXPIRE)?.expect(0, "")?;
    is_undone(alpha, "198.51.100.7")?;
    expect_equal(&before, &settled_files(alpha)?)?;
    close(workspace, alpha)?;
    set_list(workspace, second, "ssh_from = [\"203.0.113.254\"]")?;
    workspace.deliver(alpha, &in_session(CLIENT, SERVER, ""))?.expect(0, "delivered to alpha")?;
    is_undone(alpha, "203.0.113.254")
}

fn leaves_nothing_of_a_delivery_that_fails(
    workspace: &Workspace,
    alpha: &HostMachine,
) -> Result<(), Failed> {
    let before = settled_files(alpha)?;
    workspace.edit(|topology| topology.replace("# ssh_port = 22", "ssh_port = 2222"))?;
    set_list(workspace, "ssh_from = [\"203.0.113.254\"]", CLOSED)?;
    workspace
        .deliver(alpha, &in_session(CLIENT, SERVER, "--close-ssh"))?
        .expect(34, "everything is put back")?;
    is_undone(alpha, "203.0.113.254")?;
    expect_equal(&before, &settled_files(alpha)?)
}
