//! From an empty folder to a mesh: three machines boot from user-data alone, one command delivers to each, and
//! a fourth is added to the topology.

use std::fs;
use std::process::{Child, Command};

use libtest_mimic::Failed;

use super::machine::{HostMachine, NetworkSwitch};
use super::state;
use super::workspace::{Workspace, forged};

pub(super) const APPLY: &str = "meshwright-node apply";

/// All files of configuration, programs and state, with mode, owner and digest.
pub(super) const LIST_FILES: &str = "find /etc /usr/local /var/lib/meshwright -xdev -type f \
    -exec stat -c '%n %a %u %g' {} + -exec sha256sum {} + | sort";

/// The line of `status` if the kernel and systemd have what the files say.
pub(super) const IN_ORDER: &str = "state      the kernel and systemd have what the files say\n";

/// The calls of kubeadm.
pub(super) const KUBEADM_CALLS: &str = "cat /var/lib/probe/kubeadm/calls";

pub(super) fn delivers() -> Result<(), Failed> {
    let workspace = Workspace::new(&["alpha", "beta", "gamma"])?;
    workspace.edit(|topology| format!("{topology}\n[[clients]]\nname = \"laptop\"\nid = 200\n"))?;
    workspace.compile()?;
    let switch = NetworkSwitch::new()?;
    let mut machines = Vec::new();
    for (node, host) in [("alpha", 1), ("beta", 2), ("gamma", 3)] {
        machines.push(workspace.switch_on(&switch, node, host)?);
    }
    for machine in &machines {
        let command = format!("waiting for: meshwright export {}", machine.name);
        machine.wait_for_console(&command)?;
    }
    refuses_forged_deliveries(&workspace, &machines[0])?;
    forms_mesh(&workspace, &machines)?;
    state::is_compared(&workspace, &machines[1])?;
    resumes_interrupted_delivery(&workspace, &machines[1])?;
    reverts_ssh_lockout(&workspace, &machines[0])?;
    refuses_closed_ssh(&workspace, &machines[0])?;
    reverts_mesh_outage(&workspace, &machines[0])?;
    keeps_change_on_request(&workspace, &machines)?;
    names_disconnected_peers(&workspace, &machines)?;
    adds_node_without_loss(&workspace, &switch, machines)
}

/// Kinds of forged deliveries, each with the exit code and a part of the message. None changes the host.
const REFUSED: &[(&str, i32, &str)] = &[
    ("truncated", 30, "standard input is not a tar, or is truncated"),
    ("no-marker", 31, "does not end with its marker, etc/meshwright/delivery"),
    ("changed", 31, "refused: changed in transit: etc/wireguard/wg0.conf: FAILED"),
    ("beside-the-marker", 31, "not in both the marker and the delivery: etc/meshwright/extra"),
    ("only-in-the-marker", 31, "not in both the marker and the delivery: etc/wireguard/wg0.conf"),
    ("elsewhere", 31, "refused: etc/cron.d/x is not a path of Meshwright"),
    ("upwards", 31, "refused: etc/meshwright/../x is not a path of Meshwright"),
    ("folder", 31, "refused: the mode of the folder etc/ is not set by deliveries"),
    ("link", 31, "refused: not a file or folder of root: lrwx"),
    ("device", 31, "refused: not a file or folder of root: crw-"),
    ("setuid", 31, "refused: not a file or folder of root: -rws"),
    ("owner", 31, "refused: not a file or folder of root: drwx"),
    (
        "other-cluster",
        32,
        "refused: this is the delivery for alpha of atlas, and this host is alpha of pair",
    ),
];

fn refuses_forged_deliveries(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    alpha.run("meshwright-node status")?.expect(1, "waiting for: meshwright export alpha | ssh")?;
    let before = alpha.run(LIST_FILES)?.output;
    let sound = workspace.export("alpha")?;
    for (kind, code, message) in REFUSED {
        alpha.feed(APPLY, &forged(kind, &sound)?)?.expect(*code, message)?;
    }
    alpha.feed(APPLY, b"")?.expect(30, "standard input is empty: meshwright export alpha")?;
    alpha.feed(APPLY, &workspace.export("beta")?)?.expect(
        32,
        "refused: this is the delivery for beta of pair, and this host is alpha of pair",
    )?;
    let public = workspace.meshwright(&["export", "alpha", "--public"])?;
    alpha.feed(APPLY, &public)?.expect(31, "this is the public part only")?;
    let prepared = "mv /var/lib/meshwright/prepared /root";
    alpha.run(prepared)?.expect(0, "")?;
    alpha.run("meshwright-node status")?.expect(1, "next: sudo meshwright-node prepare")?;
    alpha.feed(APPLY, &sound)?.expect(33, "sudo meshwright-node prepare, then deliver again")?;
    alpha.run("mv /root/prepared /var/lib/meshwright")?.expect(0, "")?;
    alpha.run("mv /etc/meshwright/node.env /root")?.expect(0, "")?;
    alpha.feed(APPLY, &sound)?.expect(33, "boot it with out/nodes/<this node>/user-data.yaml")?;
    alpha.run("mv /root/node.env /etc/meshwright")?.expect(0, "")?;
    expect_equal(&before, &alpha.run(LIST_FILES)?.output)
}

fn forms_mesh(workspace: &Workspace, machines: &[HostMachine]) -> Result<(), Failed> {
    let [alpha, workers @ ..] = machines else { return Err("no machines".into()) };
    keeps_foreign_folders(workspace, alpha)?;
    let first = forged("recorder", &workspace.export("alpha")?)?;
    let done = alpha.feed(APPLY, &first)?.expect(0, "delivered to alpha")?;
    done.expect(0, "/etc/wireguard/wg0.key (secret)")?;
    let mut deliveries = vec![first];
    for worker in workers {
        names_the_missing_credential(workspace, worker)?;
        let delivery = workspace.export_to_join(&worker.name)?;
        worker.feed(APPLY, &delivery)?.expect(0, &format!("delivered to {}", worker.name))?;
        deliveries.push(delivery);
    }
    for machine in machines {
        machine.wait_for("test -e /var/lib/meshwright/bootstrapped")?;
        machine.wait_for("meshwright-node status | grep -q 'wg0 has 2 of 2 peers'")?;
        let verb = if machine.name == "alpha" { "init" } else { "join" };
        let file = format!("nodes/{}/kubeadm.yaml", machine.name);
        let recorded = machine.run(&format!("cat /var/lib/probe/kubeadm/{verb}.yaml"))?.output;
        expect_equal(&workspace.generated(&file)?, &recorded)?;
        expect_joined(machine)?;
    }
    alpha.run("cat /var/lib/probe/applied")?.expect(0, "/etc/kubernetes/admin.conf\n")?;
    for worker in workers {
        let spent = "ls /etc/kubernetes/discovery.conf /etc/kubernetes/join.*";
        worker.run(spent)?.expect(2, "No such file")?;
    }
    status_reports_state(alpha, &workers[0])?;
    for (machine, delivery) in machines.iter().zip(&deliveries) {
        expect_no_change(machine, delivery)?;
        // Another credential changes nothing either: a node of the cluster does not take it.
        if machine.name != "alpha" {
            expect_no_change(machine, &workspace.export_to_join(&machine.name)?)?;
            expect_no_change(machine, &workspace.export(&machine.name)?)?;
        }
    }
    survives_power_cut(&workers[1])
}

/// A first delivery without a credential, and one after it: the host says how to get one, and keeps the one that it
/// has.
fn names_the_missing_credential(workspace: &Workspace, worker: &HostMachine) -> Result<(), Failed> {
    let name = &worker.name;
    let message = format!(
        "{name} has not joined, and has no credential to join: meshwright export {name} --join | ssh root@"
    );
    worker.feed(APPLY, &workspace.export(name)?)?.expect(0, &message)?;
    worker.run("systemctl stop meshwright-bootstrap")?.expect(0, "")?;
    worker.run("ls /etc/kubernetes/join.key")?.expect(2, "No such file")?;
    let hold = "mkdir -p /run/systemd/system/meshwright-bootstrap.service.d; \
        printf '[Service]\\nExecStart=\\nExecStart=true\\n' >/run/systemd/system/meshwright-bootstrap.service.d/hold.conf; systemctl daemon-reload";
    worker.run(hold)?.expect(0, "")?;
    worker
        .feed(APPLY, &workspace.export_to_join(name)?)?
        .expect(0, "/etc/kubernetes/join.key (secret)")?;
    let kept = worker.feed(APPLY, &workspace.export(name)?)?.expect(0, "delivered to ")?;
    worker.run("ls /etc/kubernetes/join.key")?.expect(0, "")?;
    worker
        .run("rm -r /run/systemd/system/meshwright-bootstrap.service.d; systemctl daemon-reload")?
        .expect(0, "")?;
    match kept.output.contains("credential") {
        true => Err(kept.output.into()),
        false => Ok(()),
    }
}

/// kubeadm was called exactly once.
fn expect_joined(machine: &HostMachine) -> Result<(), Failed> {
    let command = match machine.name.as_str() {
        "alpha" => "init --config /etc/kubernetes/kubeadm.yaml --skip-token-print\n",
        _ => "join --config /etc/kubernetes/kubeadm.yaml\n",
    };
    expect_equal(command, &machine.run(KUBEADM_CALLS)?.output)
}

/// tar(1), as root over a complete root file system, keeps the modes of folders that are not ours.
fn keeps_foreign_folders(workspace: &Workspace, machine: &HostMachine) -> Result<(), Failed> {
    let script = "set -e; cat >/root/tar; mkdir /root/copy; cd /etc; \
        find . -type d -exec install -d -m 0710 /root/copy/etc/{} \\;; \
        cd /root/copy; find . -type d ! -path '*meshwright*' ! -name patches | sort >../folders; \
        list() { xargs stat -c '%n %a %u %g' <../folders; }; \
        list >../before; tar -xpf ../tar; list | diff ../before -; \
        stat -c %a etc/meshwright etc/meshwright/secrets; rm -r /root/copy /root/tar";
    machine.feed(script, &workspace.export("alpha")?)?.expect(0, "755\n700\n")?;
    Ok(())
}

/// The status before and after BIRD is up, without the firewall, and with a changed file.
fn status_reports_state(machine: &HostMachine, peer: &HostMachine) -> Result<(), Failed> {
    let status = "meshwright-node status";
    machine
        .run(status)?
        .expect(1, "bgp        calico-node is not running here\n")?
        .expect(1, "next: wait for Calico")?;
    for (machine, own, other) in [(machine, 1, 2), (peer, 2, 1)] {
        let bird = format!(
            "mkdir -p /run/calico && printf 'router id 10.66.66.{own};\nprotocol device {{}}\nprotocol bgp \
             Mesh_10_66_66_{other} {{ local 10.66.66.{own} as 64512; neighbor 10.66.66.{other} as \
             64512; ipv4 {{}}; }}\n' >/run/bird.conf && bird -c /run/bird.conf -s /run/calico/bird.ctl"
        );
        machine.run(&bird)?.expect(0, "")?;
    }
    machine.wait_for("meshwright-node status")?;
    let mut printed = machine.run(status)?;
    for line in [
        "bgp        1 of 1 sessions established\n",
        "delivered  no file has changed since\n",
        IN_ORDER,
        "cluster    joined\n",
        "  beta                 ",
    ] {
        printed = printed.expect(0, line)?;
    }
    expect_clients_that_have_called(machine, peer)?;
    let restarts = "pkill -STOP -x bird; ls /run/calico/bird.ctl";
    machine.run(restarts)?.expect(0, "")?;
    expect_silent_bird(machine)?;
    // As after a crash of calico-node: nothing listens at the socket.
    machine.run("pkill -KILL -x bird")?.expect(0, "")?;
    expect_silent_bird(machine)?;
    machine
        .run("rm /run/calico/bird.ctl; bird -c /run/bird.conf -s /run/calico/bird.ctl")?
        .expect(0, "")?;
    machine.wait_for(status)?;
    machine.run("echo >>/etc/meshwright/hosts")?.expect(0, "")?;
    machine.run(status)?.expect(1, "delivered  changed since: etc/meshwright/hosts\n")?;
    machine.run("sed -i '$d' /etc/meshwright/hosts")?.expect(0, "")?;
    machine.run(status)?.expect(0, "")?;
    Ok(())
}

/// No program's own message, and no count of sessions.
fn expect_silent_bird(machine: &HostMachine) -> Result<(), Failed> {
    let printed = machine.run("meshwright-node status")?;
    let printed = printed.expect(1, "bgp        BIRD does not answer: calico-node starts\n")?;
    match printed.output.contains("socat") || printed.output.contains("sessions") {
        true => Err(printed.output.into()),
        false => Ok(()),
    }
}

/// A client is listed when it has called.
fn expect_clients_that_have_called(
    machine: &HostMachine,
    peer: &HostMachine,
) -> Result<(), Failed> {
    let printed = machine.run("meshwright-node status")?.output;
    match printed.contains("laptop") || !printed.contains(&format!("  {} ", peer.name)) {
        true => Err(printed.into()),
        false => Ok(()),
    }
}

/// A repeated delivery changes no file, and does not call kubeadm.
fn expect_no_change(machine: &HostMachine, delivery: &[u8]) -> Result<(), Failed> {
    let files = format!("{LIST_FILES} | grep -v /etc/meshwright/delivery");
    let before = machine.run(&files)?.output;
    machine.feed(APPLY, delivery)?.expect(0, "no file changes")?;
    expect_equal(&before, &machine.run(&files)?.output)?;
    expect_joined(machine)
}

fn survives_power_cut(machine: &HostMachine) -> Result<(), Failed> {
    machine.cut_power()?;
    machine.wait_for("meshwright-node status | grep -q 'wg0 has 2 of 2 peers'")?;
    machine.run("getent hosts k8s-api.pair.internal")?.expect(0, "10.66.66.1")?;
    machine.run("nft list tables")?.expect(0, "table inet meshwright")?;
    expect_joined(machine)
}

/// The call of mv(1) at which `apply` is killed: at the first file, between files, and at the marker.
const KILLED_AT: [u8; 3] = [1, 2, 3];

/// A delivery that changes two files is killed at each of them and at the marker. The next delivery completes it
/// with the same result.
fn resumes_interrupted_delivery(workspace: &Workspace, beta: &HostMachine) -> Result<(), Failed> {
    let sound = workspace.export("beta")?;
    beta.feed(APPLY, &sound)?.expect(0, "no file changes")?;
    let files = format!("{LIST_FILES} | grep -v -e /etc/meshwright/delivery -e /usr/local/bin/mv");
    let expected = beta.run(&files)?.output;
    let mv = "#!/bin/sh\necho >>/run/moves\nif [ $(wc -l </run/moves) = \"$(cat /run/killed-at)\" ]; \
              then kill -KILL $PPID; fi\nexec /usr/bin/mv \"$@\"\n";
    beta.feed("cat >/usr/local/bin/mv; chmod 755 /usr/local/bin/mv", mv.as_bytes())?;
    for last in KILLED_AT {
        let spoil = "echo >>/etc/meshwright/hosts; echo >>/etc/modules-load.d/meshwright.conf; \
                     echo '203.0.113.9 spoilt' >>/etc/meshwright/hosts; rm -f /run/moves";
        beta.run(&format!("{spoil}; echo {last} >/run/killed-at"))?.expect(0, "")?;
        let done = beta.feed(APPLY, &workspace.export("beta")?)?;
        if done.code == Some(0) {
            return Err(format!("not killed at {last}: {}", done.output).into());
        }
        beta.run("meshwright-node status")?.expect(1, "the last delivery was interrupted\n")?;
        beta.run("rm /run/killed-at")?.expect(0, "")?;
        // The interrupted one may have been complete, and is newer.
        beta.feed("meshwright-node apply --older", &sound)?.expect(0, "delivered to beta")?;
        expect_equal(&expected, &beta.run(&files)?.output)?;
    }
    beta.run("rm /usr/local/bin/mv")?.expect(0, "")?;
    expect_joined(beta)
}

/// If sshd does not listen on the SSH port that the firewall accepts, neither a delivery nor `prepare` loads the
/// table.
fn reverts_ssh_lockout(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    let files = format!("{LIST_FILES} | grep -v /etc/meshwright/delivery");
    let before = alpha.run(&files)?.output;
    let (sound, locking) = ("# ssh_port = 22", "ssh_port = 2222");
    workspace.edit(|topology| topology.replace(sound, locking))?;
    workspace.compile()?;
    let refused = workspace.deliver(alpha, APPLY)?;
    let without_sshd = refused.expect(
        34,
        "nothing listens on TCP port 2222, the only port on which the firewall accepts SSH",
    )?;
    without_sshd.expect(34, "everything is put back")?;
    expect_equal(&before, &alpha.run(&files)?.output)?;
    alpha.run("nft list chain inet meshwright input")?.expect(0, "tcp dport 22 accept")?;
    workspace.edit(|topology| topology.replace(locking, sound))?;
    workspace.compile()?;
    alpha.run("systemctl stop ssh.service")?.expect(0, "")?;
    let stopped = alpha.run("meshwright-node prepare")?;
    stopped.expect(
        24,
        "nothing listens on TCP port 22, the only port on which the firewall accepts SSH",
    )?;
    alpha.run("systemctl start ssh.service")?.expect(0, "")?;
    Ok(())
}

/// In an SSH session from this address to that one. sshd sets the variable, and sudo removes it from its command.
pub(super) fn in_session(client: &str, server: &str, options: &str) -> String {
    format!(
        "SSH_CONNECTION='{client} 40022 {server} 22' sh -c 'env -u SSH_CONNECTION {APPLY} {options}; exit $?'"
    )
}

/// A list without the address that delivers. Through the mesh and on request, it is taken.
fn refuses_closed_ssh(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    let (open, closed) = (
        "ssh_from = [\"0.0.0.0/0\", \"::/0\"]",
        "ssh_from = [\"198.51.100.7\", \"2001:db8::/32\"]",
    );
    let table = "nft list set inet meshwright ssh_from_v4";
    let before = alpha.run(LIST_FILES)?.output;
    workspace.edit(|topology| topology.replace(open, closed))?;
    workspace.compile()?;
    for client in ["203.0.113.254", "::ffff:203.0.113.254", "2001:db9::1", "fe80::1%host0"] {
        let address = client.trim_start_matches("::ffff:").split('%').next().unwrap_or_default();
        let message =
            format!("refused: the firewall of this delivery does not accept SSH from {address}, ");
        let command = in_session(client, "203.0.113.1", "");
        workspace.deliver(alpha, &command)?.expect(39, &message)?;
    }
    expect_equal(&before, &alpha.run(LIST_FILES)?.output)?;
    alpha.run(table)?.expect(0, "elements = { 0.0.0.0/0 }")?;
    for (client, server, options) in [
        ("2001:db8::1", "203.0.113.1", ""),
        ("10.66.66.200", "10.66.66.1", ""),
        ("127.0.0.1", "127.0.0.1", ""),
        ("203.0.113.254", "203.0.113.1", "--close-ssh"),
    ] {
        workspace
            .deliver(alpha, &in_session(client, server, options))?
            .expect(0, "delivered to alpha")?;
        alpha.run(table)?.expect(0, "elements = { 198.51.100.7 }")?;
    }
    workspace.edit(|topology| topology.replace(closed, open))?;
    workspace.compile()?;
    workspace.deliver(alpha, APPLY)?.expect(0, "delivered to alpha")?;
    Ok(())
}

/// A port that the peers do not have yet: no peer answers, and the host restores its files.
fn reverts_mesh_outage(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    let files = format!("{LIST_FILES} | grep -v /etc/meshwright/delivery");
    let before = alpha.run(&files)?.output;
    workspace.edit(|topology| topology.replace("# listen_port = 51820", "listen_port = 51821"))?;
    workspace.compile()?;
    let refused = workspace.deliver(alpha, APPLY)?;
    let silent = refused.expect(35, "fewer peers answer than before; silent: beta gamma.")?;
    silent.expect(35, "everything is put back")?;
    expect_equal(&before, &alpha.run(&files)?.output)?;
    alpha.run("wg show wg0 listen-port")?.expect(0, "51820\n")?;
    alpha.wait_for("ping -c 1 -W 2 10.66.66.2 && ping -c 1 -W 2 10.66.66.3").map(drop)
}

/// The same change with `--keep`: a host is disconnected until the others have the change too.
fn keeps_change_on_request(workspace: &Workspace, machines: &[HostMachine]) -> Result<(), Failed> {
    for machine in machines {
        let delivered = workspace.deliver(machine, &format!("{APPLY} --keep"))?;
        delivered.expect(0, &format!("delivered to {}", machine.name))?;
        machine.run("wg show wg0 listen-port")?.expect(0, "51821\n")?;
    }
    expect_all_pings(machines)
}

/// Preshared keys for all pairs: a peer without its key stops answering when its session ends. That is not a
/// failure, and `apply` names the peer.
fn names_disconnected_peers(workspace: &Workspace, machines: &[HostMachine]) -> Result<(), Failed> {
    workspace
        .edit(|topology| topology.replace("[wireguard]", "[wireguard]\npreshared_keys = true"))?;
    workspace.compile()?;
    let [alpha, others @ ..] = machines else { return Err("no machines".into()) };
    let expected = "deliver both ends: alpha and these nodes cannot reach each other until they get their delivery: beta gamma\n";
    workspace.deliver(alpha, APPLY)?.expect(0, expected)?;
    for machine in others {
        let delivered = workspace.deliver(machine, APPLY)?;
        delivered.expect(0, &format!("delivered to {}", machine.name))?;
    }
    expect_all_pings(machines)
}

pub(super) fn expect_all_pings(machines: &[HostMachine]) -> Result<(), Failed> {
    let ping = |host| format!("ping -c 1 -W 2 10.66.66.{host}");
    let pings = (1..=machines.len()).map(ping).collect::<Vec<_>>().join(" && ");
    machines.iter().try_for_each(|machine| machine.wait_for(&pings).map(drop))
}

/// One more node: its table in the topology, then `keys` and `generate`, and one delivery for each node. No
/// packet between the others is lost.
fn adds_node_without_loss(
    workspace: &Workspace,
    switch: &NetworkSwitch,
    mut machines: Vec<HostMachine>,
) -> Result<(), Failed> {
    workspace.edit(|topology| {
        format!(
            "{topology}\n[[nodes]]\nname = \"delta\"\nid = 4\nrole = \"worker\"\n\
             os = \"debian-12\"\nendpoint = \"203.0.113.4\"\n"
        )
    })?;
    workspace.compile()?;
    let delta = workspace.switch_on(switch, "delta", 4)?;
    delta.wait_for_console("waiting for: meshwright export delta")?;
    machines[1].wait_for("ping -c 1 -W 2 10.66.66.1 && ping -c 1 -W 2 10.66.66.3")?;
    let ping = "exec ping -q -i 0.02 -W 5";
    let pings = [
        machines[0].start(&format!("{ping} 10.66.66.2"))?,
        machines[1].start(&format!("{ping} 10.66.66.3"))?,
        machines[2].start(&format!("{ping} 10.66.66.1"))?,
    ];
    machines.push(delta);
    for machine in &machines {
        let delivered = match machine.name.as_str() {
            "delta" => workspace.deliver_to_join(machine)?,
            _ => workspace.deliver(machine, APPLY)?,
        };
        delivered.expect(0, &format!("delivered to {}", machine.name))?;
    }
    for machine in &machines {
        machine.wait_for("meshwright-node status | grep -q 'wg0 has 3 of 3 peers'")?;
        machine.wait_for("test -e /var/lib/meshwright/bootstrapped")?;
        expect_joined(machine)?;
    }
    for ping in pings {
        expect_no_loss(ping)?;
    }
    Ok(())
}

/// Ends ping(8) with SIGINT, so that it prints its summary. One packet may be in flight.
fn expect_no_loss(ping: Child) -> Result<(), Failed> {
    // nsenter(1) waits for its child.
    let inside = fs::read_to_string(format!("/proc/{0}/task/{0}/children", ping.id()))?;
    Command::new("kill").args(["-INT", inside.trim()]).status()?;
    let done = ping.wait_with_output()?;
    let summary = String::from_utf8_lossy(&done.stdout);
    let counts: Vec<u32> =
        summary.split_whitespace().filter_map(|word| word.parse().ok()).collect();
    match counts[..] {
        [sent, received, ..] if sent > 100 && received + 1 >= sent => Ok(()),
        _ => Err(format!("packets were lost:\n{summary}").into()),
    }
}

pub(super) fn expect_equal(expected: &str, found: &str) -> Result<(), Failed> {
    if expected == found {
        return Ok(());
    }
    let difference = similar::TextDiff::from_lines(expected, found);
    Err(difference.unified_diff().to_string().into())
}
