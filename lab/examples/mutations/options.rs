//! The command line.

use anyhow::{Context as _, Result, bail};

/// The options of a run.
pub(crate) struct MutationOptions {
    /// The topologies whose trees are changed, below the repository.
    pub topologies: Vec<String>,
    /// Whether the changes that the format's own programs do not decide are run in the lab.
    pub lab: bool,
    /// The seed: the same seed draws the same changes.
    pub seed: u64,
    /// How many single changes are drawn.
    pub single: usize,
    /// How many coordinated changes are drawn.
    pub coordinated: usize,
    /// How many harmless changes are drawn.
    pub harmless: usize,
    /// How many worlds run in parallel.
    pub at_once: usize,
    /// The verdict of `prove` on changes that are run in the lab.
    pub only: ProveVerdict,
}

/// The verdict of `prove`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ProveVerdict {
    /// The tree is proven.
    Holds,
    /// The tree is refused.
    Refused,
}

/// Every tree of the repository.
const TOPOLOGIES: &[&str] = &[
    "topology.toml",
    "examples/relay-and-site/topology.toml",
    "examples/high-availability/topology.toml",
    "examples/nixos/topology.toml",
    "examples/one-machine/topology.toml",
    "examples/small-subnets/topology.toml",
    "examples/minimal/topology.toml",
];

impl MutationOptions {
    /// Reads `[TOPOLOGY…] [--seed N] [--single N] [--coordinated N] [--harmless N]
    /// [--lab] [--at-once N] [--only holds|refused]`.
    ///
    /// # Errors
    ///
    /// When an option is unknown or its value is not valid.
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self> {
        let mut options = Self {
            topologies: Vec::new(),
            lab: false,
            seed: 16,
            single: 1400,
            coordinated: 600,
            harmless: 300,
            at_once: 6,
            only: ProveVerdict::Holds,
        };
        let mut words = arguments.into_iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--lab" => options.lab = true,
                "--seed" => options.seed = value()?.parse()?,
                "--single" => options.single = value()?.parse()?,
                "--coordinated" => options.coordinated = value()?.parse()?,
                "--harmless" => options.harmless = value()?.parse()?,
                "--at-once" => options.at_once = value()?.parse()?,
                "--only" => options.only = ProveVerdict::parse(&value()?)?,
                unknown if unknown.starts_with('-') => bail!("unknown option {unknown}"),
                _ => options.topologies.push(word),
            }
        }
        if options.topologies.is_empty() {
            options.topologies = TOPOLOGIES.iter().map(|name| (*name).to_owned()).collect();
        }
        Ok(options)
    }
}

impl ProveVerdict {
    fn parse(word: &str) -> Result<Self> {
        match word {
            "holds" => Ok(Self::Holds),
            "refused" => Ok(Self::Refused),
            _ => bail!("{word} is not a valid verdict: use `holds` or `refused`"),
        }
    }
}
