//! `bootstrap` with three control planes: every precondition, an interruption at each step, deliveries during each
//! step, and the refusal to initialise a second cluster.

use std::process::Child;

use libtest_mimic::Failed;

use super::delivering::{APPLY, KUBEADM_CALLS, expect_equal};
use super::machine::{HostFault, HostMachine, NetworkSwitch, fault};
use super::workspace::{Workspace, forged};

const BOOTSTRAP: &str = "meshwright-node bootstrap";

/// The unit retries every 30 s; the trials run `bootstrap` themselves.
const STOP: &str = "systemctl stop meshwright-bootstrap.service";

const INIT: &str = "init --config /etc/kubernetes/kubeadm.yaml --skip-token-print\n";
const INIT_AGAIN: &str = "init --config /etc/kubernetes/kubeadm.yaml --skip-token-print \
    --ignore-preflight-errors=DirAvailable--var-lib-etcd,\
    FileAvailable--etc-kubernetes-manifests-kube-apiserver.yaml,\
    FileAvailable--etc-kubernetes-manifests-kube-controller-manager.yaml,\
    FileAvailable--etc-kubernetes-manifests-kube-scheduler.yaml,\
    FileAvailable--etc-kubernetes-manifests-etcd.yaml,\
    Port-2379,Port-2380,Port-6443,Port-10250,Port-10257,Port-10259\n";
const JOIN: &str = "join --config /etc/kubernetes/kubeadm.yaml\n";
const RESET: &str = "reset --force\n";

pub(super) fn bootstraps() -> Result<(), Failed> {
    let workspace = Workspace::new(&["alpha", "beta", "gamma"])?;
    workspace.edit(|topology| topology.replace("\"worker\"", "\"control-plane\""))?;
    workspace.compile()?;
    let switch = NetworkSwitch::new()?;
    let alpha = workspace.switch_on(&switch, "alpha", 1)?;
    let beta = workspace.switch_on(&switch, "beta", 2)?;
    let gamma = workspace.switch_on(&switch, "gamma", 3)?;
    for machine in [&alpha, &beta, &gamma] {
        machine.wait_for_console("waiting for: ")?;
        let delivered = match machine.name.as_str() {
            "alpha" => workspace.deliver(machine, APPLY)?,
            _ => workspace.deliver_to_join(machine)?,
        };
        delivered.expect(0, &format!("delivered to {}", machine.name))?;
        machine.run(STOP)?.expect(0, "")?;
    }
    for machine in [&alpha, &beta, &gamma] {
        machine.wait_for("meshwright-node status | grep -q 'wg0 has 2 of 2 peers'")?;
    }
    refuses_second_cluster(&alpha, &gamma)?;
    expect_load_balancer(&alpha)?;
    refuses(&alpha, INIT_FAULTS)?;
    refuses(&beta, JOIN_FAULTS)?;
    resumes_init(&workspace, &alpha)?;
    refuses_other_authorities(&workspace, &alpha)?;
    takes_delivery_while_manifests_wait(&workspace, &alpha)?;
    retries_for_absent_node(&workspace, &alpha)?;
    resumes_join(&workspace, &beta)?;
    keeps_etcd_member(&gamma)
}

fn deliver(workspace: &Workspace, machine: &HostMachine) -> Result<(), Failed> {
    let delivered = workspace.deliver(machine, APPLY)?;
    delivered.expect(0, &format!("delivered to {}", machine.name)).map(drop)
}

/// The first control plane is rebuilt while the third one is up.
fn refuses_second_cluster(alpha: &HostMachine, gamma: &HostMachine) -> Result<(), Failed> {
    let serve = "systemd-run --quiet --collect --unit=stray socat TCP-LISTEN:6443,bind=10.66.66.3,fork /dev/null";
    gamma.run(serve)?.expect(0, "")?;
    let refused = alpha.run(BOOTSTRAP)?;
    refused.expect(
        48,
        "the cluster exists: 10.66.66.3 answers, and this node would initialise a second one. Set \
         `init` of [control_plane] to the node with 10.66.66.3",
    )?;
    gamma.run("systemctl stop stray.service")?.expect(0, "")?;
    Ok(())
}

/// The API's name resolves to this host, where haproxy listens.
fn expect_load_balancer(machine: &HostMachine) -> Result<(), Failed> {
    machine.run("getent hosts k8s-api.pair.internal")?.expect(0, "127.0.0.1")?;
    machine.run("systemctl is-active haproxy.service")?.expect(0, "active\n")?;
    machine.run("ss -Htln 'sport = :6443'")?.expect(0, "127.0.0.1:6443")?;
    Ok(())
}

const INIT_FAULTS: &[HostFault] = &[
    fault(
        "sed -i s/PROXY_MODE=nftables/PROXY_MODE=ipvs/ /etc/meshwright/node.env",
        "sed -i s/PROXY_MODE=ipvs/PROXY_MODE=nftables/ /etc/meshwright/node.env",
        40,
        "has no ip_vs, but `mode` of [kube_proxy] is ipvs",
    ),
    fault(
        "printf '#!/bin/sh\\n[ $2 != wireguard ]\\n' >/usr/local/bin/modprobe; \
         mv /usr/local/sbin/modprobe /root; chmod 755 /usr/local/bin/modprobe",
        "mv /root/modprobe /usr/local/sbin; rm /usr/local/bin/modprobe",
        40,
        "has no feature wireguard, and /lib/modules/",
    ),
    fault(
        "ip address del 10.66.66.1/24 dev wg0",
        "systemctl restart wg-quick@wg0",
        42,
        "wg0 does not have 10.66.66.1: systemctl status wg-quick@wg0",
    ),
    fault(
        "sed -i 's/^127.0.0.1 k8s-api/10.66.66.1 k8s-api/' /etc/hosts",
        "sed -i 's/^10.66.66.1 k8s-api/127.0.0.1 k8s-api/' /etc/hosts",
        43,
        "k8s-api.pair.internal is 10.66.66.1 on this host, not 127.0.0.1",
    ),
    fault(
        "cp /etc/resolv.conf /root 2>/dev/null; echo nameserver 127.0.0.1 >/run/resolver; \
         touch /etc/resolv.conf; mount --bind /run/resolver /etc/resolv.conf",
        "umount /etc/resolv.conf",
        52,
        "/etc/resolv.conf names the resolver 127.0.0.1, which is another one inside a pod",
    ),
    fault(
        "echo nameserver ::1 >/run/resolver; touch /etc/resolv.conf; \
         mount --bind /run/resolver /etc/resolv.conf",
        "umount /etc/resolv.conf",
        52,
        "/etc/resolv.conf names the resolver ::1, which is another one inside a pod",
    ),
    // The stub of systemd-resolved, which does not run.
    fault(
        "echo nameserver 127.0.0.53 >/run/resolver; touch /etc/resolv.conf; \
         mount --bind /run/resolver /etc/resolv.conf",
        "umount /etc/resolv.conf",
        52,
        "/etc/resolv.conf names the resolver 127.0.0.53, which is another one inside a pod",
    ),
    fault(
        "ip route del default",
        "ip route add default via 203.0.113.254",
        55,
        "this host has no IPv4 default route, and without one its pods reach nothing",
    ),
    fault("echo no >/run/clock", "rm /run/clock", 44, "the clock is not synchronised"),
    fault(
        "touch /etc/kubernetes/kubelet.conf",
        "rm /etc/kubernetes/kubelet.conf",
        45,
        "/etc/kubernetes contains files of another cluster, or of a manual run of kubeadm",
    ),
    fault("echo '30 years' >/run/later", "rm /run/later", 47, "the cluster's CA was valid until"),
    fault(
        "echo '30 years ago' >/run/later",
        "rm /run/later",
        47,
        "but the cluster's CA is valid from",
    ),
    fault(
        "systemd-run --quiet --collect --unit=stray socat TCP-LISTEN:2379,bind=10.66.66.1 -; sleep 1",
        "systemctl stop stray.service",
        49,
        "port 2379 is in use by 10.66.66.1:2379",
    ),
];

const JOIN_FAULTS: &[HostFault] = &[
    fault("", "", 48, "no control plane answers on port 6443 through wg0: 10.66.66.1 10.66.66.2"),
    fault(
        "mv /etc/kubernetes/join.key /root",
        "mv /root/join.key /etc/kubernetes",
        46,
        "/etc/kubernetes/join.key is missing; deliver it with: meshwright export beta --join | ssh",
    ),
    fault(
        "echo '25 hours' >/run/later",
        "rm /run/later",
        46,
        "deliver a new one with: meshwright export beta --join | ssh root@203.0.113.2 meshwright-node apply",
    ),
];

/// While a fault exists, kubeadm is not called.
fn refuses(machine: &HostMachine, table: &[HostFault]) -> Result<(), Failed> {
    for HostFault { inject, repair, code, output } in table {
        machine.run(&format!("{inject}\n"))?.expect(0, "")?;
        machine.run(BOOTSTRAP)?.expect(*code, output)?;
        machine.run(&format!("{repair}\n"))?.expect(0, "")?;
    }
    let unified = "unshare --mount sh -c 'mount -t tmpfs none /sys/fs/cgroup; exec \"$0\" bootstrap' \
                   /usr/local/sbin/meshwright-node";
    machine.run(unified)?.expect(41, "this host has cgroup v1")?;
    machine.run(KUBEADM_CALLS)?.expect(1, "No such file")?;
    machine.wait_for("meshwright-node status | grep -q 'wg0 has 2 of 2 peers'").map(drop)
}

/// Starts `bootstrap` with a kubeadm that hangs until the power is cut.
fn start_hanging_bootstrap(machine: &HostMachine) -> Result<Child, Failed> {
    machine.run("touch /var/lib/probe/hangs")?.expect(0, "")?;
    let bootstrap = machine.start(BOOTSTRAP)?;
    machine.wait_for("test -e /run/kubeadm-waits")?;
    Ok(bootstrap)
}

/// Cuts the power, and lets the next kubeadm finish. The unit then continues `bootstrap`.
fn cut_power(machine: &HostMachine, bootstrap: Child) -> Result<(), Failed> {
    machine.run("rm /var/lib/probe/hangs; sync")?.expect(0, "")?;
    machine.cut_power()?;
    bootstrap.wait_with_output()?;
    Ok(())
}

const IS_COMPLETE: &str = "test -e /var/lib/meshwright/bootstrapped";

/// Issues a certificate with a delivered CA at the path where kubeadm puts it.
fn issued(certificate: &str, authority: &str, days: u8) -> String {
    format!(
        "mkdir -p $(dirname {certificate}) && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 \
         -nodes -subj /CN=issued -keyout /root/issued.key 2>/dev/null | openssl x509 -req -days {days} \
         -CA /etc/kubernetes/pki/{authority}.crt -CAkey /etc/kubernetes/pki/{authority}.key \
         -set_serial 1 -out {certificate} 2>/dev/null"
    )
}

/// The certificates that kubeadm and kubelet have on a control plane, each with its CA.
const ISSUED: &[(&str, &str)] = &[
    ("/etc/kubernetes/pki/apiserver.crt", "ca"),
    ("/var/lib/kubelet/pki/kubelet-client-current.pem", "ca"),
    ("/etc/kubernetes/pki/front-proxy-client.crt", "front-proxy-ca"),
    ("/etc/kubernetes/pki/etcd/server.crt", "etcd/ca"),
];

/// The authorities of a store that was generated again change no file on a host of the cluster, whichever of its
/// certificates shows it.
fn refuses_other_authorities(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    let digests = "cd /etc/kubernetes/pki && find . -type f | sort | xargs sha256sum";
    let other = forged("recorder", &workspace.export_of_other_authorities("alpha")?)?;
    for (certificate, authority) in ISSUED {
        alpha.run(&issued(certificate, authority, 1))?.expect(0, "")?;
        let before = alpha.run(digests)?.output;
        let message = format!(
            "refused: the CA in /etc/kubernetes/pki/{authority}.crt of the delivery did not sign {certificate} \
             of this host: restore the store of this cluster and export again"
        );
        alpha.feed(APPLY, &other)?.expect(37, &message)?;
        expect_equal(&before, &alpha.run(digests)?.output)?;
        deliver(workspace, alpha)?;
        alpha.run(&format!("rm {certificate}"))?.expect(0, "")?;
    }
    // A certificate of the right CA may have expired, and a person can insist on another CA.
    let (certificate, authority) = ISSUED[0];
    alpha.run(&issued(certificate, authority, 0))?.expect(0, "")?;
    deliver(workspace, alpha)?;
    alpha.feed("meshwright-node apply --new-authority", &other)?.expect(0, "delivered to alpha")?;
    alpha.run(&format!("rm {certificate}"))?.expect(0, "")?;
    deliver(workspace, alpha)
}

/// A delivery that changes a manifest does not wait for the end of apply.sh, and is what the next run applies.
fn takes_delivery_while_manifests_wait(
    workspace: &Workspace,
    alpha: &HostMachine,
) -> Result<(), Failed> {
    alpha.run("touch /var/lib/probe/apply-waits; rm /var/lib/probe/applied; echo old >/var/lib/meshwright/applied")?;
    alpha.run(
        "rm /var/lib/meshwright/bootstrapped; systemctl start --no-block meshwright-bootstrap",
    )?;
    alpha.wait_for("test -e /var/lib/probe/applied")?;
    alpha
        .run("meshwright-node status")?
        .expect(1, "joined; the cluster's manifests are not applied yet")?;
    // A new password of the BGP sessions is a new manifest.
    workspace.edit(|topology| {
        topology.replace("[firewall]", "[calico]\nbgp_password = false\n\n[firewall]")
    })?;
    workspace.compile()?;
    deliver(workspace, alpha)?;
    alpha.wait_for("test $(wc -l </var/lib/probe/applied) = 2")?;
    alpha.run("rm /var/lib/probe/apply-waits")?.expect(0, "")?;
    alpha.wait_for(IS_COMPLETE)?;
    alpha.run("wc -l </var/lib/probe/applied")?.expect(0, "2\n")?;
    alpha.run("meshwright-node status")?.expect(1, "cluster    joined\n")?;
    alpha.run("ls /run/meshwright-manifests")?.expect(2, "No such file")?;
    Ok(())
}

/// A node that is off: the unit does not fail and does not run again each half minute, `status` names the node,
/// and a timer and each delivery try again.
fn retries_for_absent_node(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    alpha.run("touch /var/lib/probe/node-off; echo old >/var/lib/meshwright/applied; rm /var/lib/meshwright/bootstrapped")?;
    alpha.run(BOOTSTRAP)?.expect(
        0,
        "bootstrap is complete, except what waits for node/beta: not joined: it is tried again in 1 min, and \
         after each delivery",
    )?;
    let waits = "cluster    joined; a part of the manifests waits for node/beta: not joined\n";
    alpha.run("meshwright-node status")?.expect(1, waits)?;
    alpha.run("systemctl is-active meshwright-retry.timer")?.expect(0, "active\n")?;
    alpha.run(IS_COMPLETE)?.expect(1, "")?;
    alpha
        .run("systemctl start meshwright-bootstrap; systemctl is-failed meshwright-bootstrap")?
        .expect(1, "inactive\n")?;
    alpha.run("systemctl is-active meshwright-retry.timer")?.expect(0, "active\n")?;
    alpha.run("rm /var/lib/probe/node-off")?.expect(0, "")?;
    deliver(workspace, alpha)?;
    alpha.wait_for(IS_COMPLETE)?;
    alpha.run("! systemctl is-active --quiet meshwright-retry.timer")?.expect(0, "")?;
    alpha.run("meshwright-node status")?.expect(1, "cluster    joined\n")?;
    Ok(())
}

/// kubeadm runs again over its own files; the manifests are retried separately.
fn resumes_init(workspace: &Workspace, alpha: &HostMachine) -> Result<(), Failed> {
    alpha.run("touch /var/lib/probe/apply-fails")?.expect(0, "")?;
    let bootstrap = start_hanging_bootstrap(alpha)?;
    takes_delivery_while_kubeadm_runs(workspace, alpha)?;
    cut_power(alpha, bootstrap)?;
    alpha.wait_for("journalctl -u meshwright-bootstrap | grep -q 'kubeadm is not run again'")?;
    alpha.run(STOP)?.expect(0, "")?;
    alpha.run(BOOTSTRAP)?.expect(51, "kubeadm is not run again")?;
    let status = "meshwright-node status";
    alpha.run(status)?.expect(1, "joined; the cluster's manifests are not applied yet")?;
    alpha.run("rm /var/lib/probe/apply-fails")?.expect(0, "")?;
    alpha.run(BOOTSTRAP)?.expect(0, "bootstrap is complete")?;
    alpha.run("wc -l </var/lib/probe/applied >/root/times")?.expect(0, "")?;
    alpha.run(BOOTSTRAP)?.expect(0, "bootstrap is complete")?;
    // A delivery without changes starts nothing.
    deliver(workspace, alpha)?;
    alpha.run("wc -l </var/lib/probe/applied | diff - /root/times")?.expect(0, "")?;
    expect_equal(&format!("{INIT}{INIT_AGAIN}"), &alpha.run(KUBEADM_CALLS)?.output)
}

/// A delivery is installed while kubeadm runs, unless it changes files that kubeadm reads. kubeadm is not
/// interrupted.
fn takes_delivery_while_kubeadm_runs(
    workspace: &Workspace,
    alpha: &HostMachine,
) -> Result<(), Failed> {
    alpha.run("echo >>/etc/meshwright/hosts")?.expect(0, "")?;
    deliver(workspace, alpha)?;
    alpha.run("echo >>/etc/kubernetes/upgrade.yaml")?.expect(0, "")?;
    workspace.deliver(alpha, APPLY)?.expect(
        36,
        "kubeadm is running, and this delivery changes files that it reads. Deliver again when it has ended: \
         journalctl -fu meshwright-bootstrap. To end it now: sudo systemctl stop meshwright-bootstrap",
    )?;
    alpha
        .run("sed -i '$d' /etc/kubernetes/upgrade.yaml && pgrep --full --exact 'sleep infinity'")?
        .expect(0, "")?;
    expect_equal(INIT, &alpha.run(KUBEADM_CALLS)?.output)
}

/// A reset keeps the delivered CAs.
fn resumes_join(workspace: &Workspace, beta: &HostMachine) -> Result<(), Failed> {
    let authorities = "cd /etc/kubernetes && sha256sum pki/*.* pki/etcd/*";
    let before = beta.run(authorities)?.expect(0, "pki/etcd/ca.key")?.output;
    let bootstrap = start_hanging_bootstrap(beta)?;
    beta.cut_power()?;
    bootstrap.wait_with_output()?;
    beta.wait_for("test -e /run/kubeadm-waits")?;
    expect_equal(&before, &beta.run(authorities)?.output)?;
    beta.run("rm /var/lib/probe/hangs; sync")?.expect(0, "")?;
    beta.cut_power()?;
    beta.wait_for(IS_COMPLETE)?;
    expect_equal(&before, &beta.run(authorities)?.output)?;
    let calls = format!("{JOIN}{RESET}{JOIN}{RESET}{JOIN}");
    expect_equal(&calls, &beta.run(KUBEADM_CALLS)?.output)?;
    beta.run("ls /etc/kubernetes/join.key /etc/kubernetes/discovery.conf")?.expect(2, "")?;
    // A node that left the cluster joins again with the next delivery.
    beta.run("kubeadm reset --force; rm -r /var/lib/etcd/member; systemctl stop api.service")?;
    beta.run("meshwright-node status")?.expect(1, "cluster    not joined yet")?;
    workspace.deliver_to_join(beta)?.expect(0, "delivered to beta")?;
    beta.wait_for(IS_COMPLETE)?;
    expect_equal(&before, &beta.run(authorities)?.output)?;
    expect_equal(&format!("{calls}{RESET}{JOIN}"), &beta.run(KUBEADM_CALLS)?.output)
}

/// Its etcd may be a voting member: `bootstrap` finishes the join, or leaves it to a person.
fn keeps_etcd_member(gamma: &HostMachine) -> Result<(), Failed> {
    let bootstrap = start_hanging_bootstrap(gamma)?;
    gamma.run("mkdir -p /var/lib/etcd/member")?.expect(0, "")?;
    cut_power(gamma, bootstrap)?;
    gamma.wait_for(
        "journalctl -u meshwright-bootstrap | grep -q 'its etcd may be a member already'",
    )?;
    gamma.run("touch /run/member /etc/kubernetes/kubelet.conf")?.expect(0, "")?;
    gamma.wait_for(IS_COMPLETE)?;
    let mark =
        "join phase control-plane-join mark-control-plane --config /etc/kubernetes/kubeadm.yaml\n";
    expect_equal(&format!("{JOIN}{mark}"), &gamma.run(KUBEADM_CALLS)?.output)
}
