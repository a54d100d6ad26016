//! The network while a change is carried out: some parts have their new files, the others their old ones.

use std::collections::BTreeSet;

use crate::part::{ChangedPart, Part, PartChange};
use crate::tree::ComparedTree;
use meshwright_proof::finding::ProofFinding;
use meshwright_proof::flows::Flow;
use meshwright_proof::matrix::{self, FlowMatrix, LostFlows};
use meshwright_proof::model::Model;
use meshwright_proof::{EmittedClient, EmittedNode, EmittedTree};
use meshwright_value::PublicKey;

/// Which parts have taken over: one entry for each part, in their order.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct TakenParts(Vec<bool>);

impl TakenParts {
    /// The state before the change.
    #[must_use]
    pub fn none(parts: usize) -> Self {
        Self(vec![false; parts])
    }

    /// The same state, and these parts have taken over too.
    #[must_use]
    pub fn with(&self, parts: &[usize]) -> Self {
        let mut taken = self.0.clone();
        for part in parts {
            taken[*part] = true;
        }
        Self(taken)
    }

    /// Whether a part has taken over.
    #[must_use]
    pub fn has(&self, part: usize) -> bool {
        self.0[part]
    }

    /// Whether it is the state before or after the change.
    #[must_use]
    pub fn is_end(&self) -> bool {
        self.0.iter().all(|taken| *taken == self.0[0])
    }

    /// The parts that have not taken over.
    pub fn missing(&self) -> impl Iterator<Item = usize> {
        self.0.iter().enumerate().filter(|(_, taken)| !**taken).map(|(part, _)| part)
    }
}

/// The flows that a state loses; sorted by sender and receiver.
pub type Losses = Vec<LostFlows>;

/// A change, with the flows that hold before and after it.
#[derive(Debug)]
pub struct ChangeStates<'trees> {
    /// The tree of the machines before.
    pub old: &'trees ComparedTree,
    /// The tree of the machines after.
    pub new: &'trees ComparedTree,
    /// The flows before.
    pub before: FlowMatrix,
    /// The flows after.
    pub after: FlowMatrix,
    /// The parts that differ.
    pub parts: Vec<ChangedPart>,
    /// The flows that hold at both ends of the change.
    required: Losses,
}

impl<'trees> ChangeStates<'trees> {
    /// Walks all flows of both trees.
    #[must_use]
    pub fn new(
        old: &'trees ComparedTree,
        new: &'trees ComparedTree,
        parts: Vec<ChangedPart>,
    ) -> Self {
        let (before, after) = (FlowMatrix::of(&old.model), FlowMatrix::of(&new.model));
        let names: BTreeSet<_> = before.names().filter(|name| after.contains(name)).collect();
        let pairs = names.iter().flat_map(|from| names.iter().map(move |to| (*from, *to)));
        let required = pairs.filter_map(|(from, to)| {
            let flows = before.pair(from, to).holding & after.pair(from, to).holding;
            (flows != 0).then(|| LostFlows { from: from.to_owned(), to: to.to_owned(), flows })
        });
        let required = required.collect();
        Self { old, new, before, after, parts, required }
    }

    /// How many flows hold before and after the change: each state is proven for all of them.
    #[must_use]
    pub fn required_flows(&self) -> u64 {
        self.required.iter().map(|pair| u64::from(pair.flows.count_ones())).sum()
    }

    /// The flows that a state loses.
    ///
    /// # Errors
    ///
    /// When the files of this state do not form a network, for example if two machines have one address.
    pub fn losses(&self, taken: &TakenParts) -> Result<Losses, Vec<ProofFinding>> {
        if taken.is_end() {
            return Ok(Losses::new());
        }
        let nothing = |pair: &LostFlows| LostFlows { flows: 0, ..pair.clone() };
        let mut lost: Losses = self.required.iter().map(nothing).collect();
        for network in self.networks(taken)? {
            let walked = FlowMatrix::of(&network);
            for (required, lost) in self.required.iter().zip(&mut lost) {
                let now = walked.pair(&required.from, &required.to);
                lost.flows |= required.flows & now.applying & !now.holding;
            }
        }
        matrix::attribute_node_ports(&mut lost);
        lost.retain(|pair| pair.flows != 0);
        Ok(lost)
    }

    /// Why a flow is lost in a state.
    #[must_use]
    pub fn cause(
        &self,
        taken: &TakenParts,
        flow: &'static Flow,
        from: &str,
        to: &str,
    ) -> Option<ProofFinding> {
        let networks = self.networks(taken).ok()?;
        networks.iter().find_map(|network| matrix::cause_of(network, flow, from, to))
    }

    /// `before:` or `after:`, and the path and line of a finding.
    #[must_use]
    pub fn show(&self, finding: &ProofFinding) -> String {
        let place = finding.place;
        let is_old = self.old.paths.contains(place.file);
        let (end, paths) =
            if is_old { ("before", &self.old.paths) } else { ("after", &self.new.paths) };
        format!("{end}:{}", paths.show(place))
    }

    /// The networks of a state: a second one if pods with the old MTU run beside pods with the new one.
    fn networks(&self, taken: &TakenParts) -> Result<Vec<Model>, Vec<ProofFinding>> {
        let has = |wanted: Part| {
            let mut parts = self.parts.iter().enumerate();
            parts.find(|(_, part)| part.part == wanted).map(|(number, _)| taken.has(number))
        };
        let [old, new] = [self.old, self.new].map(|tree| tree.emitted().installation.content.mtu);
        let mtus = match (has(Part::Cluster), has(Part::Pods)) {
            (_, None) => vec![new],
            (Some(false), Some(_)) => vec![old],
            (_, Some(false)) => vec![old, new],
            (_, Some(true)) => vec![new],
        };
        let networks = mtus.into_iter().map(|mtu| {
            let mut emitted = self.emitted(taken);
            emitted.installation.content.mtu = mtu;
            let keys = self.keys(taken, &emitted);
            Model::build_mixed(emitted, keys)
        });
        networks.collect()
    }

    /// The tree whose files a part has.
    fn tree_of(&self, taken: &TakenParts, part: impl Fn(&Part) -> bool) -> &'trees ComparedTree {
        let changed = self.parts.iter().position(|one| part(&one.part));
        if changed.is_none_or(|number| taken.has(number)) { self.new } else { self.old }
    }

    /// The tree whose files a node has.
    fn tree_of_node(&self, taken: &TakenParts, name: &str) -> &'trees ComparedTree {
        self.tree_of(taken, |part| matches!(part, Part::Node(node) if node == name))
    }

    fn tree_of_client(&self, taken: &TakenParts, name: &str) -> &'trees ComparedTree {
        self.tree_of(taken, |part| matches!(part, Part::Client(client) if client == name))
    }

    fn emitted(&self, taken: &TakenParts) -> EmittedTree {
        let cluster = self.tree_of(taken, |part| *part == Part::Cluster).emitted();
        let mut emitted = EmittedTree { nodes: self.nodes(taken), ..cluster.clone() };
        emitted.clients = self.clients(taken);
        emitted
    }

    fn nodes(&self, taken: &TakenParts) -> Vec<EmittedNode> {
        let names: BTreeSet<_> = self.old.nodes().chain(self.new.nodes()).collect();
        let nodes = names.into_iter().filter_map(|name| {
            let nodes = &self.tree_of_node(taken, name).emitted().nodes;
            nodes.iter().find(|node| node.name == name).cloned()
        });
        let mut nodes: Vec<_> = nodes.collect();
        self.keep_cluster_settings(&mut nodes);
        nodes
    }

    /// The cluster's settings are in the file of the node that initialises it, and equal in both trees. While
    /// `init` moves to another node, no node or two nodes have them.
    fn keep_cluster_settings(&self, nodes: &mut [EmittedNode]) {
        let settings = self.new.emitted().nodes.iter().find_map(|node| {
            let cluster = node.kubeadm.content.cluster.as_ref()?;
            Some((node.name.as_str(), cluster))
        });
        let Some((init, settings)) = settings else { return };
        if nodes.iter().any(|node| node.kubeadm.content.cluster.is_some()) {
            return;
        }
        for node in nodes.iter_mut().filter(|node| node.name == init) {
            node.kubeadm.content.cluster = Some(settings.clone());
        }
    }

    fn clients(&self, taken: &TakenParts) -> Vec<EmittedClient> {
        let names: BTreeSet<_> = self.old.clients().chain(self.new.clients()).collect();
        let clients = names.into_iter().filter_map(|name| {
            let clients = &self.tree_of_client(taken, name).emitted().clients;
            clients.iter().find(|client| client.name == name).cloned()
        });
        clients.collect()
    }

    /// The key that each machine loads: `apply` installs a new key with the files that belong to it.
    fn keys(&self, taken: &TakenParts, emitted: &EmittedTree) -> Vec<Option<PublicKey>> {
        let nodes = emitted.nodes.iter().map(|node| {
            let name = node.name.as_str();
            self.tree_of_node(taken, name).key(name)
        });
        let clients = emitted.clients.iter().map(|client| {
            let name = client.name.as_str();
            self.tree_of_client(taken, name).key(name)
        });
        nodes.chain(clients).collect()
    }

    /// The parts that may take over next, in the order of [`Self::parts`].
    ///
    /// The init node applies the cluster's objects right after its own delivery, unless `[bootstrap] apply = false`.
    /// Pods get another MTU when they are replaced after that. New nodes come after those that leave.
    #[must_use]
    pub fn next(&self, taken: &TakenParts) -> Vec<usize> {
        let position = |wanted: &Part| self.parts.iter().position(|part| part.part == *wanted);
        let init = self.new.init().and_then(|init| position(&Part::Node(init.to_owned())));
        let cluster = position(&Part::Cluster);
        let has = |part: Option<usize>| part.is_none_or(|part| taken.has(part));
        let init_node = self.new.init().and_then(|init| self.new.node(init));
        let applies = init_node.is_some_and(|init| init.host.applies_manifests);
        if applies
            && let (Some(init), Some(cluster)) = (init, cluster)
            && taken.has(init)
            && !taken.has(cluster)
        {
            return vec![cluster];
        }
        let is_ready = |number: &usize| {
            let changed = &self.parts[*number];
            match (&changed.part, changed.change) {
                (Part::Pods, _) => has(cluster),
                (Part::Node(_), PartChange::Added) => {
                    self.leavers().all(|leaver| taken.has(leaver))
                }
                _ => true,
            }
        };
        taken.missing().filter(is_ready).collect()
    }

    /// The nodes that leave.
    fn leavers(&self) -> impl Iterator<Item = usize> {
        let parts = self.parts.iter().enumerate();
        let leaves = |part: &ChangedPart| {
            matches!(part.part, Part::Node(_)) && part.change == PartChange::Removed
        };
        parts.filter(move |(_, part)| leaves(part)).map(|(number, _)| number)
    }
}
