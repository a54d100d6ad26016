//! The lab judges itself: trees that are broken on purpose, each with the check that must catch it and
//! words of the reason. A check that passes whatever it is given proves nothing.

use std::process::{ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use libtest_mimic::{Failed, Trial};

use crate::sandbox::{self, Place};
use crate::scenario::{self, repository};
use crate::tree::Tree;
use crate::world::World;

/// One broken tree.
pub struct Mutant {
    /// What is wrong with it.
    pub name: &'static str,
    /// The topology that it is made from.
    topology: &'static str,
    /// Breaks it.
    breaks: fn(&mut Tree) -> Result<()>,
    /// The check that must fail.
    caught_by: &'static str,
    /// What its message must contain.
    because: &'static str,
}

/// What stands in no file: a proof from files cannot see it.
pub const IN_NO_FILE: &[&str] = &["wrong-key"];

/// A tree that is changed and not broken: neither judge may refuse it.
pub struct Harmless {
    /// What is changed.
    pub name: &'static str,
    topology: &'static str,
    changes: fn(&mut Tree) -> Result<()>,
}

const EXAMPLE: &str = "topology.toml";
const HOMES: &str = "examples/relay-and-site.toml";

/// How long a broken mesh is waited for. A whole one needs 5 s at the most.
const PATIENCE: Duration = Duration::from_secs(8);

/// How often a check may look. What must not be reached is tried with a time-out, and on a machine
/// that is busy with six worlds an answer can be later than that.
const ATTEMPTS: usize = 3;

/// All broken trees.
pub const ALL: &[Mutant] = &[
    Mutant {
        name: "pod-block-out-of-allowed-ips",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("tokyo/wg0.conf", ", 10.244.1.0/24", ""),
        caught_by: "pod-pairs",
        because: "pod-tokyo to pod-hongkong",
    },
    Mutant {
        name: "mtu-too-large",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.edit("/wg0.conf", "MTU = 1412", "MTU = 1500")?;
            tree.edit("installation.yaml", "mtu: 1412", "mtu: 1500")?;
            tree.edit("/nftables.conf", "destination-unreachable, ", "")
        },
        caught_by: "full-size-packets",
        because: "1500 bytes from pod-hongkong to pod-home",
    },
    Mutant {
        name: "table-auto",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("tokyo/wg0.conf", "Table = off\n", ""),
        caught_by: "bgp-routes",
        because: "tokyo: 10.244.1.0/24 dev wg0 scope link",
    },
    Mutant {
        name: "wrong-key",
        topology: EXAMPLE,
        breaks: |tree| tree.secrets.replace("tokyo"),
        caught_by: "node-pairs",
        because: "hongkong to tokyo",
    },
    Mutant {
        name: "swapped-preshared-key",
        topology: HOMES,
        breaks: |tree| tree.edit("nodes/vienna/wg0.conf", "wg0.psk/attic", "wg0.psk/mill"),
        caught_by: "node-pairs",
        because: "vienna to attic",
    },
    Mutant {
        name: "wg0-not-accepted-in-input",
        topology: EXAMPLE,
        breaks: |tree| tree.edit_within("tokyo/nftables.conf", INPUT, "iifname \"wg0\" accept\n"),
        caught_by: "node-pairs",
        because: "hongkong to tokyo",
    },
    Mutant {
        name: "wg0-not-accepted-in-forward",
        topology: EXAMPLE,
        breaks: |tree| tree.edit_within("/nftables.conf", FORWARD, "iifname \"wg0\" accept\n"),
        caught_by: "pod-pairs",
        because: "pod-hongkong to pod-tokyo",
    },
    Mutant {
        name: "cali-not-accepted-in-input",
        topology: EXAMPLE,
        breaks: |tree| tree.edit_within("/nftables.conf", INPUT, "iifname \"cali*\" accept\n"),
        caught_by: "pods-reach-nodes",
        because: "example-tokyo-pod to 10.66.66.2 port 6443",
    },
    Mutant {
        name: "cali-not-accepted-in-forward",
        topology: EXAMPLE,
        breaks: |tree| tree.edit_within("/nftables.conf", FORWARD, "iifname \"cali*\" accept\n"),
        caught_by: "pod-pairs",
        because: "pod-tokyo to pod-hongkong",
    },
    Mutant {
        name: "table-ip-for-inet",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.edit("/nftables.conf", "table inet", "table ip")?;
            tree.drop_lines("/nftables.conf", "    ip6 saddr")?;
            tree.drop_lines("/nftables.conf", "    icmpv6")
        },
        caught_by: "public-tcp-ports-closed",
        because: "2001:db8::1:1 answers on {1, 2, 3,",
    },
    Mutant {
        name: "input-policy-accept",
        topology: EXAMPLE,
        breaks: |tree| {
            let (from, to) = ("hook input priority filter - 5; policy drop", "policy accept");
            tree.edit("/nftables.conf", from, &format!("hook input priority filter - 5; {to}"))
        },
        caught_by: "public-udp-ports-closed",
        because: "became",
    },
    Mutant {
        name: "accepted-by-where-it-goes",
        topology: EXAMPLE,
        breaks: |tree| {
            let (from, to) = ("iifname \"cali*\" accept\n    ct state", "accept\n    ct state");
            tree.edit("/nftables.conf", from, &format!("oifname {{ \"wg0\", \"cali*\" }} {to}"))
        },
        caught_by: "public-tcp-ports-closed",
        because: "30080",
    },
    Mutant {
        name: "private-addresses-let-in",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "private address from outside"),
        caught_by: "private-addresses-not-routed-in",
        because: "answer behind hongkong",
    },
    Mutant {
        name: "metadata-let-through",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"metadata service\""),
        caught_by: "pods-reach-no-metadata",
        because: "pod-tokyo reached [169.254.169.254:80]",
    },
    Mutant {
        name: "pods-let-to-bgp",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"pod to BGP or etcd\""),
        caught_by: "pods-reach-no-bgp-or-etcd",
        because: "pod-hongkong reached",
    },
    Mutant {
        name: "client-let-to-node-ports",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"client to NodePort\""),
        caught_by: "client-reaches-nothing-else",
        because: ":30080",
    },
    Mutant {
        name: "node-subnet-for-the-set-of-nodes",
        topology: HOMES,
        breaks: |tree| {
            let accept = "ip daddr @nodes accept";
            tree.edit("/nftables.conf", accept, "ip daddr 10.66.66.0/24 accept")
        },
        caught_by: "client-reaches-nothing-else",
        because: "laptop reached phone",
    },
    Mutant {
        name: "client-trusted-as-a-node",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "jump client_input"),
        caught_by: "client-reaches-nothing-else",
        because: ":10250",
    },
    Mutant {
        name: "egress-guard-at-output",
        topology: EXAMPLE,
        breaks: |tree| {
            let (from, to) = ("hook postrouting priority srcnat + 10", "hook output priority -150");
            tree.edit("/nftables.conf", from, to)
        },
        caught_by: "cluster-ip-from-nodes",
        because: "10.96.0.100",
    },
    Mutant {
        name: "no-egress-guard",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/nftables.conf", "\"private address in clear\""),
        caught_by: "egress-guard",
        because: "in clear",
    },
    Mutant {
        name: "no-guard-for-pods",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("guards.routes", "unreachable 10.244.0.0/16"),
        caught_by: "withdrawn-pod-route",
        because: "still has a route",
    },
    Mutant {
        name: "no-guard-for-the-mesh",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("guards.routes", "unreachable 10.66.66.0/24"),
        caught_by: "wg0-down-leaks-nothing",
        because: "BIRD leads pods out of the mesh",
    },
    Mutant {
        name: "guard-proto-kernel",
        topology: EXAMPLE,
        breaks: |tree| tree.edit("guards.routes", "proto static", "proto kernel"),
        caught_by: "wg0-down-leaks-nothing",
        because: "BIRD leads pods out of the mesh",
    },
    Mutant {
        name: "no-static-pod-routes",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/wg0.routes", "route replace"),
        caught_by: "pods-without-bird",
        because: "pod-hongkong to pod-tokyo",
    },
    Mutant {
        name: "swapped-pools",
        topology: EXAMPLE,
        breaks: |tree| {
            tree.edit("installation.yaml", "== 'tokyo'", "== 'x'")?;
            tree.edit("installation.yaml", "== 'frankfurt'", "== 'tokyo'")?;
            tree.edit("installation.yaml", "== 'x'", "== 'frankfurt'")
        },
        caught_by: "pod-pairs",
        because: "pod-hongkong to pod-tokyo",
    },
    Mutant {
        name: "no-keepalive",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("/wg0.conf", "PersistentKeepalive"),
        caught_by: "wg0-restart",
        because: "pod-tokyo does not reach pod-hongkong",
    },
    Mutant {
        name: "two-relays-for-one-pair",
        topology: HOMES,
        breaks: |tree| {
            tree.edit("mill/wg0.conf", ", 10.66.66.3/32, 10.244.3.0/24", "")?;
            let vienna = "10.66.66.1/32, 10.244.1.0/24";
            tree.edit("mill/wg0.conf", vienna, &format!("{vienna}, 10.66.66.3/32, 10.244.3.0/24"))
        },
        caught_by: "relay-carries-both-ways",
        because: "attic to mill",
    },
    Mutant {
        name: "reload-without-the-key",
        topology: EXAMPLE,
        breaks: |tree| tree.drop_lines("host/meshwright-node", "PrivateKey"),
        caught_by: "node-removed-and-added-live",
        because: "pod-hongkong to pod-home",
    },
    Mutant {
        name: "unit-that-flushes-all-rules",
        topology: EXAMPLE,
        breaks: |tree| {
            let file = "ExecReload=/usr/sbin/nft -f /etc/meshwright/nftables.conf";
            let path = "meshwright-firewall.service";
            tree.edit(path, file, "ExecReload=/usr/sbin/nft flush ruleset")
        },
        caught_by: "foreign-tables-untouched",
        because: "kube-proxy",
    },
];

const INPUT: &str = "chain input {";
const FORWARD: &str = "chain forward {";

impl Mutant {
    /// The trial of one mutant. Outside it starts a sandbox for itself, so that several are tried at
    /// once; inside it brings the broken tree up.
    pub fn trial(&'static self) -> Trial {
        let run = || if sandbox::is_inside() { self.is_caught() } else { self.try_inside() };
        Trial::test(self.name, move || run().map_err(|error| Failed::from(format!("{error:#}"))))
    }

    fn try_inside(&self) -> Result<()> {
        let arguments = ["--exact", "--quiet", self.name].map(str::to_owned);
        let mut inside = sandbox::start(arguments, Stdio::piped)?;
        let _lifeline = inside.stdin.take();
        let output = inside.wait_with_output()?;
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        Ok(())
    }

    fn is_caught(&self) -> Result<()> {
        let mut tree = Tree::of(&repository().join(self.topology))?;
        (self.breaks)(&mut tree)?;
        let mut world = World::bring_up("example", tree).context("bring-up")?;
        world.patience = PATIENCE;
        world.settle();
        let check = scenario::check(self.caught_by)?;
        let Some(error) = (0..ATTEMPTS).find_map(|_| (check.run)(&world).err()) else {
            bail!("{} passes", self.caught_by);
        };
        let said = format!("{error:#}");
        ensure!(said.contains(self.because), "{} fails for another reason: {said}", self.caught_by);
        Ok(())
    }
}

/// Trees that are changed and not broken.
pub const HARMLESS: &[Harmless] = &[
    Harmless {
        name: "comments-gone",
        topology: EXAMPLE,
        changes: |tree| tree.drop_lines("/nftables.conf", "    # "),
    },
    Harmless {
        name: "one-end-does-not-call",
        topology: EXAMPLE,
        changes: |tree| tree.edit("tokyo/wg0.conf", "Endpoint = 192.0.2.30:51820\n", ""),
    },
    Harmless {
        name: "keepalive-of-twenty",
        topology: EXAMPLE,
        changes: |tree| {
            tree.edit("/wg0.conf", "PersistentKeepalive = 25", "PersistentKeepalive = 20")
        },
    },
    Harmless {
        name: "smaller-mtu",
        topology: EXAMPLE,
        changes: |tree| {
            tree.edit("/wg0.conf", "MTU = 1412", "MTU = 1380")?;
            tree.edit("installation.yaml", "mtu: 1412", "mtu: 1380")
        },
    },
    Harmless {
        name: "pods-smaller-than-the-mesh",
        topology: EXAMPLE,
        changes: |tree| tree.edit("installation.yaml", "mtu: 1412", "mtu: 1300"),
    },
    Harmless {
        name: "uncounted-drops",
        topology: EXAMPLE,
        changes: |tree| tree.edit("/nftables.conf", "counter drop", "drop"),
    },
    Harmless {
        name: "two-rules-for-one",
        topology: HOMES,
        changes: |tree| {
            let one = "iifname \"lo\" accept\n";
            tree.edit("/nftables.conf", one, &format!("{one}    {one}"))
        },
    },
];

impl Harmless {
    /// The changed tree, with the keys of its topology.
    ///
    /// # Errors
    ///
    /// When there is nothing to change.
    pub fn tree(&self) -> Result<Tree> {
        let mut tree = Tree::as_written(&repository().join(self.topology))?;
        (self.changes)(&mut tree)?;
        Ok(tree)
    }
}

impl Mutant {
    /// The broken tree, with the keys of its topology.
    ///
    /// # Errors
    ///
    /// When there is nothing to break.
    pub fn tree(&self) -> Result<Tree> {
        let mut tree = Tree::as_written(&repository().join(self.topology))?;
        (self.breaks)(&mut tree)?;
        Ok(tree)
    }
}

/// A path matches by its end; a mutation that finds nothing to change is an error, so that it is not
/// forgotten when a renderer changes its words.
impl Tree {
    fn edit(&mut self, path: &str, from: &str, to: &str) -> Result<()> {
        self.change(path, |text| text.replace(from, to))
    }

    fn drop_lines(&mut self, path: &str, word: &str) -> Result<()> {
        self.change(path, |text| {
            text.split_inclusive('\n').filter(|line| !line.contains(word)).collect()
        })
    }

    /// Takes one line out of a block that begins with `head`.
    fn edit_within(&mut self, path: &str, head: &str, line: &str) -> Result<()> {
        self.change(path, |text| match text.split_once(head) {
            Some((before, after)) => format!("{before}{head}{}", after.replacen(line, "\n", 1)),
            None => text.to_owned(),
        })
    }

    fn change(&mut self, path: &str, edit: impl Fn(&str) -> String) -> Result<()> {
        let mut changed = 0;
        for text in
            self.files.iter_mut().filter(|(name, _)| name.ends_with(path)).map(|(_, text)| text)
        {
            let edited = edit(text);
            changed += usize::from(edited != *text);
            *text = edited;
        }
        ensure!(changed > 0, "the mutation finds nothing to change in {path}");
        Ok(())
    }
}

/// Tries several mutants at once: they wait more than they work.
#[must_use]
pub fn main() -> ExitCode {
    let mut arguments = libtest_mimic::Arguments::from_args();
    arguments.test_threads = arguments.test_threads.or(Some(6));
    let trials = || ALL.iter().map(Mutant::trial).collect();
    sandbox::main(&arguments, Place::Apart, trials)
}
