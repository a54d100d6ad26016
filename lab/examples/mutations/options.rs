//! The command line.

use anyhow::{Context as _, Result, bail};

/// The options of a run.
pub(crate) struct MutationOptions {
    /// The topology, below the repository.
    pub topology: String,
    /// Whether a sample is run in the lab.
    pub lab: bool,
    /// The seed of the sample: the same seed draws the same changes.
    pub seed: u64,
    /// How many changes are drawn.
    pub count: usize,
    /// How many worlds run in parallel.
    pub at_once: usize,
    /// Draw only changes with this verdict of `prove`.
    pub only: Option<ProveVerdict>,
}

/// The verdict of `prove`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProveVerdict {
    /// The tree is proven.
    Holds,
    /// The tree is refused.
    Refused,
}

impl MutationOptions {
    /// Reads `[TOPOLOGY] [--lab] [--seed N] [--count N] [--at-once N] [--only holds|refused]`.
    ///
    /// # Errors
    ///
    /// When an option is unknown or its value is not valid.
    pub(crate) fn parse(arguments: Vec<String>) -> Result<Self> {
        let topology = "topology.toml".to_owned();
        let mut options = Self { topology, lab: false, seed: 0, count: 20, at_once: 6, only: None };
        let mut words = arguments.into_iter();
        while let Some(word) = words.next() {
            let mut value = || words.next().with_context(|| format!("{word} needs a value"));
            match word.as_str() {
                "--lab" => options.lab = true,
                "--seed" => options.seed = value()?.parse()?,
                "--count" => options.count = value()?.parse()?,
                "--at-once" => options.at_once = value()?.parse()?,
                "--only" => options.only = Some(ProveVerdict::parse(&value()?)?),
                unknown if unknown.starts_with('-') => bail!("unknown option {unknown}"),
                _ => options.topology = word,
            }
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
