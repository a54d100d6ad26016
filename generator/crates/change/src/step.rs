//! The steps of a change: commands, and what a person does by hand.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::difference::ExposureDifference;
use crate::order::{OrderedPart, PartOrder};
use crate::part::{Part, PartChange, is_zone};
use crate::state::ChangeStates;
use crate::tree::ComparedTree;
use meshwright_proof::facts::NodeFacts;
use meshwright_proof::matrix::{LostFlows, flows_of};
use meshwright_value::delivery::{delivery_command, joining_command, ssh_command, sudo};
use meshwright_value::{Os, Role};

/// One step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PlanStep {
    /// Its number, from 1.
    pub number: usize,
    /// The kind.
    pub action: StepAction,
    /// The machine, if it concerns one.
    pub machine: Option<String>,
    /// What happens, as a sentence without a full stop.
    pub text: String,
    /// The commands, in their order. Those of `kubectl` need a kubeconfig of the cluster.
    pub commands: Vec<String>,
    /// Whether a person does something that no command does.
    pub by_hand: bool,
    /// Whether the host keeps the delivery although fewer peers answer afterwards (`apply --keep`).
    pub keep: bool,
    /// Steps with the same number here are done directly after one another: between them, flows are lost.
    pub together: Option<usize>,
    /// The flows that are lost from this step on.
    pub lost: Vec<LostPair>,
    /// The line that stops the first of them.
    pub cause: Option<String>,
}

/// The kind of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StepAction {
    /// The provider's firewall admits more.
    OpenProviderFirewall,
    /// A machine leaves the cluster.
    RemoveNode,
    /// A machine is created.
    CreateNode,
    /// A node gets its files.
    Deliver,
    /// The objects of the cluster are applied.
    ApplyObjects,
    /// Pods are replaced.
    ReplacePods,
    /// A client gets its file.
    InstallClient,
    /// The programs of Kubernetes on a node get other settings.
    Reconfigure,
    /// A node gets another version of Kubernetes.
    Upgrade,
    /// Records of public names change.
    ChangeRecords,
    /// The provider's firewall admits less.
    CloseProviderFirewall,
}

impl StepAction {
    /// All kinds, in the order in which they occur.
    pub const ALL: [Self; 11] = [
        Self::OpenProviderFirewall,
        Self::RemoveNode,
        Self::CreateNode,
        Self::Deliver,
        Self::ApplyObjects,
        Self::ReplacePods,
        Self::InstallClient,
        Self::Reconfigure,
        Self::Upgrade,
        Self::ChangeRecords,
        Self::CloseProviderFirewall,
    ];
}

/// Flows from one machine to another that are lost for some steps.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LostPair {
    /// The sender.
    pub from: String,
    /// The receiver.
    pub to: String,
    /// The flows.
    pub flows: Vec<&'static str>,
    /// The step after which all of them hold again.
    pub until: usize,
}

/// All steps of an order.
#[must_use]
pub fn steps(
    states: &ChangeStates<'_>,
    order: &PartOrder,
    exposure: &[ExposureDifference],
) -> Vec<PlanStep> {
    let mut builder = StepBuilder { old: Some(states.old), new: states.new, steps: Vec::new() };
    builder.provider_firewall(exposure, StepAction::OpenProviderFirewall);
    let mut step_of_part = Vec::new();
    for position in 0..order.parts.len() {
        builder.part(states, order, position);
        step_of_part.push(builder.steps.len());
    }
    builder.mark_lost(states, order, &step_of_part);
    builder.reconfigurations();
    builder.upgrades();
    builder.records();
    builder.provider_firewall(exposure, StepAction::CloseProviderFirewall);
    builder.steps
}

/// The steps of a tree that no machine has: the first control plane first, then the others in the order of the
/// topology.
#[must_use]
pub fn installation(new: &ComparedTree) -> Vec<PlanStep> {
    let mut builder = StepBuilder { old: None, new, steps: Vec::new() };
    let is_first = |node: &&NodeFacts| node.initialises;
    let first = new.facts.nodes.iter().filter(is_first);
    let others = new.facts.nodes.iter().filter(|node| !is_first(node));
    for node in first.chain(others) {
        builder.create(node);
        builder.deliver(node, false, PartChange::Added);
    }
    new.clients().for_each(|client| builder.install(client));
    builder.records();
    builder.steps
}

/// The steps that deliver to one node. `is_new`: nothing was delivered to it yet, and it joins the cluster.
#[must_use]
pub fn delivery(new: &ComparedTree, name: &str, is_new: bool) -> Vec<PlanStep> {
    let mut builder = StepBuilder { old: None, new, steps: Vec::new() };
    if let Some(node) = new.node(name) {
        if is_new {
            builder.create(node);
        }
        let change = if is_new { PartChange::Added } else { PartChange::Changed };
        builder.deliver(node, false, change);
    }
    builder.steps
}

struct StepBuilder<'trees> {
    old: Option<&'trees ComparedTree>,
    new: &'trees ComparedTree,
    steps: Vec<PlanStep>,
}

impl StepBuilder<'_> {
    fn add(
        &mut self,
        action: StepAction,
        machine: Option<&str>,
        text: impl Into<String>,
    ) -> &mut PlanStep {
        self.steps.push(PlanStep {
            number: self.steps.len() + 1,
            action,
            machine: machine.map(str::to_owned),
            text: text.into(),
            commands: Vec::new(),
            by_hand: false,
            keep: false,
            together: None,
            lost: Vec::new(),
            cause: None,
        });
        let last = self.steps.len() - 1;
        &mut self.steps[last]
    }

    /// The steps of one part; the last of them is the one with which the part takes over.
    fn part(&mut self, states: &ChangeStates<'_>, order: &PartOrder, position: usize) {
        let ordered = &order.parts[position];
        let changed = &states.parts[ordered.part];
        match (&changed.part, changed.change) {
            (Part::Node(name), PartChange::Removed) => {
                if let Some(node) = states.old.node(name) {
                    self.remove(node);
                }
            }
            (Part::Node(name), change) => {
                let Some(node) = states.new.node(name) else { return };
                if change == PartChange::Added {
                    self.create(node);
                }
                self.deliver(node, is_reverted(states, ordered), change);
            }
            (Part::Cluster, _) => self.apply_objects(states, ordered),
            (Part::Pods, _) => {
                let text = "replace all pods: a pod keeps the MTU with which it was created";
                let step = self.add(StepAction::ReplacePods, None, text);
                step.by_hand = true;
                step.commands = vec![
                    "kubectl rollout restart deployment,daemonset,statefulset -n NAMESPACE   # each namespace"
                        .to_owned(),
                ];
            }
            (Part::Client(name), _) => self.install(name),
        }
    }

    fn install(&mut self, client: &str) {
        let text = format!("install the file of the client {client}, and restart its interface");
        let step = self.add(StepAction::InstallClient, Some(client), text);
        step.by_hand = true;
        step.commands = vec![format!("meshwright export --client {client} --to {client}.conf")];
    }

    fn remove(&mut self, node: &NodeFacts) {
        let name = &node.name;
        let step =
            self.add(StepAction::RemoveNode, Some(name), format!("remove {name} from the cluster"));
        let ssh = ssh_command(node.host.ssh_port, &node.env.ssh_user, &node.ssh_host);
        step.commands = vec![
            format!("kubectl drain {name} --ignore-daemonsets --delete-emptydir-data"),
            format!("{ssh} {}kubeadm reset --force", sudo(&node.env.ssh_user)),
            format!("kubectl delete node {name}"),
        ];
        if node.role == Role::ControlPlane {
            step.by_hand = true;
            step.text += "; before the last command, check that its etcd member is gone (docs/operations.md, \
                          \"Remove a node\")";
        }
    }

    fn create(&mut self, node: &NodeFacts) {
        let name = &node.name;
        let text = match node.host.os {
            Os::Nixos => format!("install {name} with its NixOS configuration (docs/nix.md)"),
            _ => format!(
                "create {name} with nodes/{name}/user-data.yaml as its user-data, open the provider's firewall as \
                 README.md says, and wait for `waiting for:` on the console"
            ),
        };
        self.add(StepAction::CreateNode, Some(name), text).by_hand = true;
    }

    fn deliver(&mut self, node: &NodeFacts, keeps: bool, change: PartChange) {
        let name = &node.name;
        let text = match change {
            PartChange::Added if node.initialises => {
                format!(
                    "deliver to {name}, which then initialises the cluster and applies its objects"
                )
            }
            PartChange::Added => format!("deliver to {name}, which then joins the cluster"),
            _ => format!("deliver to {name}"),
        };
        let (port, user) = (node.host.ssh_port, node.env.ssh_user.as_str());
        let is_nixos = node.host.os == Os::Nixos;
        let target = format!("{user}@{}", node.ssh_host);
        let option = if keeps { " --keep" } else { "" };
        let joins = change == PartChange::Added && !node.initialises;
        let command = if joins { joining_command } else { delivery_command };
        let command = command(name, port, user, &node.ssh_host) + option;
        let step = self.add(StepAction::Deliver, Some(name), text);
        if is_nixos && change == PartChange::Changed {
            step.commands
                .push(format!("nixos-rebuild switch --flake .#{name} --target-host {target}"));
        }
        step.keep = keeps;
        step.commands.push(command);
    }

    /// The init node applies the objects after its own delivery. Before that, a machine with a kubeconfig does.
    fn apply_objects(&mut self, states: &ChangeStates<'_>, ordered: &OrderedPart) {
        let Some(init) = self.new.init().and_then(|init| self.new.node(init)) else { return };
        let init_part = states.parts.iter().position(|part| part.is_node(&init.name));
        let is_before = init_part.is_some_and(|init| !ordered.state.has(init));
        if is_before {
            let text = "apply the cluster's objects, before the nodes get their files";
            let step = self.add(StepAction::ApplyObjects, None, text);
            step.commands = vec![
                "s=$(mktemp -d) && meshwright export --manifests | tar -xC $s && out/cluster/apply.sh --secrets $s"
                    .to_owned(),
            ];
            return;
        }
        if init_part.is_none() {
            self.deliver(init, false, PartChange::Changed);
        }
        if !init.host.applies_manifests {
            let text = format!("apply the cluster's objects on {}", init.name);
            let step = self.add(StepAction::ApplyObjects, Some(&init.name), text);
            step.commands = vec![on(init, "/etc/meshwright/cluster/apply.sh")];
            return;
        }
        let text = format!(
            "{} applies the cluster's objects by itself, directly after its delivery",
            init.name
        );
        let ssh = ssh_command(init.host.ssh_port, &init.env.ssh_user, &init.ssh_host);
        let step = self.add(StepAction::ApplyObjects, Some(&init.name), text);
        step.commands = vec![format!(
            "{ssh} {}journalctl -fu meshwright-bootstrap   # until it ends",
            sudo(&init.env.ssh_user)
        )];
    }

    /// Adds to each step the flows that are lost from it on.
    fn mark_lost(&mut self, states: &ChangeStates<'_>, order: &PartOrder, step_of_part: &[usize]) {
        let mut window = 0;
        for (position, ordered) in order.parts.iter().enumerate() {
            let before = position.checked_sub(1).map(|before| &order.parts[before].losses);
            let was_whole = before.is_none_or(Vec::is_empty);
            let is_whole = ordered.losses.is_empty();
            if was_whole && !is_whole {
                window += 1;
            }
            let step = step_of_part[position] - 1;
            if !is_whole || !was_whole {
                self.steps[step].together = Some(window);
            }
            let new = ordered.losses.iter().filter_map(|pair| {
                let known = before.and_then(|losses| find(losses, pair)).map_or(0, |old| old.flows);
                let flows = pair.flows & !known;
                (flows != 0).then(|| LostFlows { flows, ..pair.clone() })
            });
            let lost: Vec<_> = new.collect();
            let listed = lost.iter().map(|pair| LostPair {
                from: pair.from.clone(),
                to: pair.to.clone(),
                flows: flows_of(pair.flows).map(|flow| flow.name).collect(),
                until: step_of_part[back(order, position, pair)],
            });
            self.steps[step].lost = listed.collect();
            self.steps[step].cause = lost.first().and_then(|pair| {
                let flow = flows_of(pair.flows).next()?;
                let finding = states.cause(&ordered.state, flow, &pair.from, &pair.to)?;
                Some(format!("{}: {}", states.show(&finding), finding.message))
            });
        }
    }

    /// The commands of docs/operations.md, "Change settings of Kubernetes' programs". An upgrade applies all settings.
    fn reconfigurations(&mut self) {
        let (Some(old), new) = (self.old, self.new) else { return };
        if old.facts.kubernetes_version != new.facts.kubernetes_version {
            return;
        }
        let has_new_arguments = arguments(old) != arguments(new);
        for node in kept(old, new) {
            let name = node.name.as_str();
            let is_first = Some(name) == new.init();
            let of_control_plane = node.role == Role::ControlPlane && has_new_arguments;
            if !of_control_plane && kubelet(old, name) == kubelet(new, name) {
                continue;
            }
            let text = format!("{name}'s programs of Kubernetes get their new settings");
            let step = self.add(StepAction::Reconfigure, Some(name), text);
            step.commands.extend((is_first && has_new_arguments).then(|| on(node, STORE)));
            step.commands.push(on(node, UPGRADE_NODE));
            step.commands.push(on(node, "systemctl restart kubelet"));
        }
    }

    /// The commands of docs/operations.md, "Upgrade", for each node: control planes first.
    fn upgrades(&mut self) {
        let (Some(old), new) = (self.old, self.new) else { return };
        let version = new.facts.kubernetes_version;
        if old.facts.kubernetes_version == version {
            return;
        }
        let stores = arguments(old) != arguments(new);
        for node in kept(old, new) {
            let name = &node.name;
            let is_first = Some(name.as_str()) == new.init();
            let text = format!("upgrade {name} to Kubernetes {version}");
            let step = self.add(StepAction::Upgrade, Some(name), text);
            step.commands.extend((is_first && stores).then(|| on(node, STORE)));
            step.commands.extend(upgrade_commands(node, is_first));
            step.by_hand = node.host.os == Os::Nixos;
        }
        if let Some(init) = new.init().and_then(|init| new.node(init)) {
            let text = "apply the cluster's objects again: `kubeadm upgrade` replaced CoreDNS and kube-dns";
            let step = self.add(StepAction::ApplyObjects, Some(&init.name), text);
            let script = "KUBECONFIG=/etc/kubernetes/admin.conf /etc/meshwright/cluster/apply.sh";
            step.commands = vec![on(init, script)];
        }
    }

    fn records(&mut self) {
        let names = |tree: &ComparedTree| -> Vec<String> {
            let tunnel = tree.facts.objects.tunnel.iter();
            tunnel.flat_map(|tunnel| &tunnel.records).map(|name| name.value.clone()).collect()
        };
        let tunnel = |tree: &ComparedTree| {
            tree.facts.objects.tunnel.as_ref().map(|tunnel| tunnel.id.clone())
        };
        let (before, after) = (self.old.map(names).unwrap_or_default(), names(self.new));
        let moves = self.old.and_then(tunnel) != tunnel(self.new);
        let is_new = |name: &&String| moves || !before.contains(name);
        let zones = self.new.files_in("cluster/cloudflared/").filter(|(path, _)| is_zone(path));
        let mut tasks = Vec::new();
        if after.iter().any(|name| is_new(&name)) {
            tasks
                .extend(zones.map(|(path, _)| {
                    format!("import {path} at Cloudflare (DNS, Records, Import)")
                }));
        }
        let gone: Vec<_> = before.iter().filter(|name| !after.contains(name)).cloned().collect();
        if !gone.is_empty() {
            tasks.push(format!("delete the records of {} at Cloudflare", gone.join(", ")));
        }
        if !tasks.is_empty() {
            self.add(StepAction::ChangeRecords, None, tasks.join("; ")).by_hand = true;
        }
    }

    /// One step for all nodes with the same packets. A new node is opened when it is created, and a machine that is
    /// deleted takes its rules with it.
    fn provider_firewall(&mut self, exposure: &[ExposureDifference], action: StepAction) {
        let is_opened = action == StepAction::OpenProviderFirewall;
        let is_kept = |node: &&ExposureDifference| {
            let is_in = |tree: &ComparedTree| tree.node(&node.node).is_some();
            self.old.is_some_and(is_in) && is_in(self.new)
        };
        let mut alike: BTreeMap<&[String], Vec<&str>> = BTreeMap::new();
        for node in exposure.iter().filter(is_kept) {
            let packets = if is_opened { &node.opened } else { &node.closed };
            if !packets.is_empty() {
                alike.entry(packets).or_default().push(&node.node);
            }
        }
        for (packets, nodes) in alike {
            let verb = if is_opened { "admit" } else { "no longer admit" };
            let (nodes, packets) = (nodes.join(", "), packets.join("; "));
            let text = format!("where the provider has a firewall, {verb} for {nodes}: {packets}");
            self.add(action, None, text).by_hand = true;
        }
    }
}

/// Whether the host would revert the delivery: fewer peers answer, and the host does not know that both ends of a pair
/// have to change. It knows this for keys, preshared keys and relays.
fn is_reverted(states: &ChangeStates<'_>, ordered: &OrderedPart) -> bool {
    let port = |tree: &ComparedTree, name: &str| {
        let node = tree.emitted().nodes.iter().find(|node| node.name == name)?;
        Some(node.json.content.listen_port.value)
    };
    let mut kept = states.new.nodes().filter(|name| states.old.node(name).is_some());
    let moves = kept.any(|name| port(states.old, name) != port(states.new, name));
    moves && !ordered.losses.is_empty()
}

/// The entry of the same pair.
fn find<'losses>(losses: &'losses [LostFlows], pair: &LostFlows) -> Option<&'losses LostFlows> {
    losses.iter().find(|other| other.from == pair.from && other.to == pair.to)
}

/// The position of the part with which all of these flows hold again.
fn back(order: &PartOrder, position: usize, pair: &LostFlows) -> usize {
    let later = order.parts.iter().enumerate().skip(position + 1);
    let mut whole = later.filter(|(_, ordered)| {
        find(&ordered.losses, pair).is_none_or(|other| other.flows & pair.flows == 0)
    });
    whole.next().map_or(order.parts.len() - 1, |(position, _)| position)
}

/// A command on a node.
fn on(node: &NodeFacts, command: &str) -> String {
    let user = &node.env.ssh_user;
    format!("{} {}{command}", ssh_command(node.host.ssh_port, user, &node.ssh_host), sudo(user))
}

/// The nodes of both trees: the init node, then the other control planes, then the workers.
fn kept<'trees>(
    old: &'trees ComparedTree,
    new: &'trees ComparedTree,
) -> impl Iterator<Item = &'trees NodeFacts> {
    let rank = |node: &&NodeFacts| match node.role {
        _ if Some(node.name.as_str()) == new.init() => 0,
        Role::ControlPlane => 1,
        Role::Worker => 2,
    };
    let nodes = new.facts.nodes.iter();
    let mut nodes: Vec<_> = nodes.filter(|node| old.node(&node.name).is_some()).collect();
    nodes.sort_by_key(rank);
    nodes.into_iter()
}

/// The arguments of the programs of the control plane, besides those that are derived from addresses.
fn arguments(tree: &ComparedTree) -> Vec<&str> {
    let clusters =
        tree.emitted().nodes.iter().filter_map(|node| node.kubeadm.content.cluster.as_ref());
    clusters.flat_map(|cluster| &cluster.added).map(|setting| setting.text.as_str()).collect()
}

/// The fields of kubelet's configuration on a node, besides its address.
fn kubelet<'tree>(tree: &'tree ComparedTree, name: &str) -> (Option<u32>, Vec<&'tree str>) {
    let mut nodes = tree.emitted().nodes.iter();
    let Some(node) = nodes.find(|node| node.name == name) else { return (None, Vec::new()) };
    let conf = &node.kubelet.content;
    let settings = conf.added.iter().map(|setting| setting.text.as_str());
    (conf.max_pods.as_ref().map(|number| number.value), settings.collect())
}

/// Stores the settings of the control plane in the cluster, where each `kubeadm upgrade` reads them.
const STORE: &str =
    "kubeadm init phase upload-config kubeadm --config /etc/kubernetes/kubeadm.yaml";

/// Writes the manifests of static pods and kubelet's configuration again, with the patches of the node. With the version
/// that runs, it changes nothing else.
const UPGRADE_NODE: &str = "kubeadm upgrade node --config /etc/kubernetes/upgrade.yaml";

fn upgrade_commands(node: &NodeFacts, is_first: bool) -> Vec<String> {
    let name = &node.name;
    let drain = format!("kubectl drain {name} --ignore-daemonsets --delete-emptydir-data");
    let upgrade = match is_first {
        true => "kubeadm upgrade apply --yes --config /etc/kubernetes/upgrade.yaml",
        false => UPGRADE_NODE,
    };
    let mut commands = Vec::new();
    if node.host.os != Os::Nixos {
        commands.push(on(node, &in_shell(&format!(
            "apt-mark unhold kubeadm kubelet kubectl; apt-get update; apt-get install -y \"kubeadm={VERSION}\""
        ))));
    }
    commands.push(on(node, upgrade));
    commands.push(drain);
    if node.host.os != Os::Nixos {
        commands.push(on(node, &in_shell(&format!(
            "apt-get install -y \"kubelet={VERSION}\" \"kubectl={VERSION}\"; apt-mark hold kubeadm kubelet kubectl; \
             systemctl restart kubelet"
        ))));
    }
    commands.push(format!("kubectl uncordon {name}"));
    commands
}

/// The version of the packages, in `node.env`.
const VERSION: &str = "$MESHWRIGHT_KUBERNETES_VERSION";

/// A script that has the variables of `node.env`, as one argument of ssh(1).
fn in_shell(script: &str) -> String {
    format!(
        "'sh -ec \". /etc/meshwright/node.env; {}\"'",
        script.replace('"', "\\\"").replace('$', "\\$")
    )
}
