//! One of the two trees that are compared.

use std::collections::BTreeMap;

use meshwright_proof::EmittedTree;
use meshwright_proof::facts::{NodeFacts, TreeFacts};
use meshwright_proof::files::{TreeFiles, TreeReadError};
use meshwright_proof::finding::ProofFinding;
use meshwright_proof::judge;
use meshwright_proof::model::Model;
use meshwright_proof::span::TreePaths;
use meshwright_value::{PublicKey, Sha256};

/// A tree that was read.
#[derive(Debug)]
pub struct ComparedTree {
    /// The paths of its files. The two trees that are compared have no [`FileId`] in common.
    ///
    /// [`FileId`]: meshwright_proof::span::FileId
    pub paths: TreePaths,
    /// Its network.
    pub model: Model,
    /// The facts that its files state.
    pub facts: TreeFacts,
    /// The digest of each file.
    pub digests: BTreeMap<String, Sha256>,
}

/// Why a tree cannot be compared.
#[derive(Debug)]
pub enum TreeFault {
    /// The operating system refuses a file.
    Unreadable(TreeReadError),
    /// Files that this version does not understand; sorted, at least one.
    NotUnderstood {
        /// The paths of all files.
        paths: TreePaths,
        /// The faults.
        findings: Vec<ProofFinding>,
    },
    /// The tree has no node that initialises the cluster, or more than one.
    WithoutCluster,
}

impl From<TreeReadError> for TreeFault {
    fn from(error: TreeReadError) -> Self {
        Self::Unreadable(error)
    }
}

impl ComparedTree {
    /// Reads a tree. `beside` is the tree that it is compared with.
    ///
    /// # Errors
    ///
    /// When a file cannot be read, or is not understood.
    pub fn read(files: &dyn TreeFiles, beside: Option<&Self>) -> Result<Self, TreeFault> {
        let read = judge::read_model(files, beside.map(|other| &other.paths))?;
        let paths = read.paths;
        let model = match read.model {
            Ok(model) => model,
            Err(findings) => return Err(TreeFault::NotUnderstood { paths, findings }),
        };
        let facts = TreeFacts::from_tree(&model.emitted).ok_or(TreeFault::WithoutCluster)?;
        let mut digests = BTreeMap::new();
        for path in files.paths()? {
            let digest = Sha256::compute(&files.read(&path)?);
            digests.insert(path, digest);
        }
        Ok(Self { paths, model, facts, digests })
    }

    /// What its files contain.
    #[must_use]
    pub fn emitted(&self) -> &EmittedTree {
        &self.model.emitted
    }

    /// The facts of a node.
    #[must_use]
    pub fn node(&self, name: &str) -> Option<&NodeFacts> {
        self.facts.nodes.iter().find(|node| node.name == name)
    }

    /// The names of all nodes, in the order of the topology.
    pub fn nodes(&self) -> impl Iterator<Item = &str> {
        self.facts.nodes.iter().map(|node| node.name.as_str())
    }

    /// The names of all clients, sorted.
    pub fn clients(&self) -> impl Iterator<Item = &str> {
        self.emitted().clients.iter().map(|client| client.name.as_str())
    }

    /// The public key of a machine, if a file states it.
    #[must_use]
    pub fn key(&self, machine: &str) -> Option<PublicKey> {
        self.model.key(self.model.find(machine)?)
    }

    /// The node that initialises the cluster and applies its objects.
    #[must_use]
    pub fn init(&self) -> Option<&str> {
        let init = self.facts.nodes.iter().find(|node| node.initialises);
        init.map(|node| node.name.as_str())
    }

    /// The digests of the files of a folder, whose name ends in `/`.
    pub fn files_in<'a>(&'a self, folder: &'a str) -> impl Iterator<Item = (&'a str, Sha256)> {
        let from = self.digests.range(folder.to_owned()..);
        let within = from.take_while(move |(path, _)| path.starts_with(folder));
        within.map(|(path, digest)| (path.as_str(), *digest))
    }
}
