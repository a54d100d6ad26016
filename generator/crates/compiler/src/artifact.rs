//! Artifacts: the files of one run, as paths and bytes, before anything touches the disk.

use std::collections::BTreeMap;
use std::collections::btree_map::{self, Entry};

/// Files by their path relative to the output directory, with `/` between folders.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ArtifactSet(BTreeMap<String, Vec<u8>>);

impl ArtifactSet {
    /// Adds a file.
    ///
    /// # Panics
    ///
    /// When a renderer has already added the path: a bug, whatever the topology contains.
    pub fn add(&mut self, path: impl Into<String>, bytes: impl Into<Vec<u8>>) {
        match self.0.entry(path.into()) {
            Entry::Vacant(vacant) => drop(vacant.insert(bytes.into())),
            Entry::Occupied(taken) => unreachable!("two renderers add {}", taken.key()),
        }
    }

    /// The bytes of a file that a renderer has added.
    ///
    /// # Panics
    ///
    /// When no renderer has added it: a bug, whatever the topology contains.
    #[must_use]
    pub fn get(&self, path: &str) -> &[u8] {
        self.0.get(path).unwrap_or_else(|| unreachable!("no renderer has added {path}"))
    }

    /// Whether a renderer has added this file.
    #[must_use]
    pub fn contains(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    /// The files in the order of their paths.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.0.iter().map(|(path, bytes)| (path.as_str(), bytes.as_slice()))
    }
}

impl IntoIterator for ArtifactSet {
    type Item = (String, Vec<u8>);
    type IntoIter = btree_map::IntoIter<String, Vec<u8>>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

/// The mode of a file, in the output directory and on a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum FileMode {
    /// Every user reads it.
    Plain,
    /// Only root reads it; wg-quick(8) warns of every other mode.
    Private,
    /// Every user executes it.
    Program,
}

impl FileMode {
    /// The mode of a file of the output directory, from its content: a script is executable. No
    /// renderer sets a mode.
    #[must_use]
    pub fn from_content(bytes: &[u8]) -> Self {
        if bytes.starts_with(b"#!") { Self::Program } else { Self::Plain }
    }

    /// As a number.
    #[must_use]
    pub const fn bits(self) -> u32 {
        match self {
            Self::Plain => 0o644,
            Self::Private => 0o600,
            Self::Program => 0o755,
        }
    }

    /// In octal, as chmod(1) reads it.
    #[must_use]
    pub fn octal(self) -> String {
        format!("{:04o}", self.bits())
    }

    /// The mode of a folder for such files, as a number.
    #[must_use]
    pub const fn folder_bits(self) -> u32 {
        match self {
            Self::Plain | Self::Program => 0o755,
            Self::Private => 0o700,
        }
    }
}

/// A tree of artifacts that is rendered part by part, so that the whole tree is never in memory.
///
/// No two parts contain the same path. A part has the same bytes each time it is rendered.
pub trait Tree: Sync {
    /// How many parts there are.
    fn parts(&self) -> usize;

    /// Renders one part; `part` is below [`Tree::parts`].
    fn render(&self, part: usize) -> ArtifactSet;

    /// Every file as its path and bytes. Only one part at a time is in memory.
    fn files(&self) -> Box<dyn Iterator<Item = (String, Vec<u8>)> + '_> {
        Box::new((0..self.parts()).flat_map(|part| self.render(part)))
    }
}
