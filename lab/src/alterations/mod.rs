//! Changes of emitted trees whose effect is not known in advance, drawn by a seed.
//!
//! A [single](single) change is in one place of one file. A [coordinated](coordinated) change is in several
//! files alike, as a faulty renderer makes it. A [harmless](harmless) change has no effect by construction.
//! All of them come from the lines and values of the tree: no change is written by hand for one file.

mod block;
mod coordinated;
mod draw;
pub(crate) mod first_boot;
mod harmless;
mod single;
mod tree;
mod value;

use std::collections::BTreeMap;
use std::fmt;

use meshwright_value::Sha256;
use meshwright_value::manifest::{self, MANIFEST};

pub use self::draw::Draw;
pub use self::tree::AlterableTree;

/// The texts of a tree by their paths below `out/`.
pub type TreeTexts = BTreeMap<String, String>;

/// How a change is drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// One place of one file.
    Single,
    /// Several files alike.
    Coordinated,
    /// One file, or all of a family, with the same effect as before.
    Harmless,
}

impl fmt::Display for Extent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Single => "single",
            Self::Coordinated => "coordinated",
            Self::Harmless => "harmless",
        })
    }
}

/// One change of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    /// How it was drawn.
    pub extent: Extent,
    /// What was done, such as `block removed`.
    pub kind: &'static str,
    /// What was done where. It names no key, so that it is the same in a tree with other keys.
    pub name: String,
    /// The changed files with their new texts; none for a file that is removed.
    pub files: BTreeMap<String, Option<String>>,
    /// Whether user-data contains the changed files, as a renderer would copy them.
    pub first_boot_follows: bool,
    /// Whether the manifest names the changed files, as after `generate`; otherwise they count as edited.
    pub manifest_follows: bool,
}

/// How often a draw is repeated until it changes something.
const ATTEMPTS: usize = 200;

impl Alteration {
    /// The change of a tree that belongs to a seed.
    #[must_use]
    pub fn draw(tree: &AlterableTree<'_>, extent: Extent, seed: u64) -> Option<Self> {
        let mut draw = Draw::new(seed);
        (0..ATTEMPTS).find_map(|_| {
            let drawn = match extent {
                Extent::Single => single::draw(tree, &mut draw),
                Extent::Coordinated => coordinated::draw(tree, &mut draw),
                Extent::Harmless => harmless::draw(tree, &mut draw),
            };
            drawn.filter(|one| one.is_effective(tree.texts))
        })
    }

    /// Whether it changes as many files as its extent says.
    fn is_effective(&self, texts: &TreeTexts) -> bool {
        let differs = |(path, text): &(&String, &Option<String>)| texts.get(*path) != text.as_ref();
        let changed = self.files.iter().filter(differs).count();
        match self.extent {
            Extent::Single => changed == 1,
            Extent::Coordinated => changed > 1,
            Extent::Harmless => changed > 0,
        }
    }

    /// Whether a value is another one in every file, or two are exchanged: it is the tree of another topology,
    /// and `prove` has walked it as such.
    #[must_use]
    pub fn is_renaming(&self) -> bool {
        let is_of_value = ["values swapped", "value replaced"].contains(&self.kind);
        is_of_value && self.name.ends_with(" in all files")
    }

    /// The tree with this change.
    #[must_use]
    pub fn apply_to(&self, texts: &TreeTexts) -> TreeTexts {
        let mut changed = texts.clone();
        for (path, text) in &self.files {
            match text {
                Some(text) => changed.insert(path.clone(), text.clone()),
                None => changed.remove(path),
            };
        }
        if self.first_boot_follows {
            first_boot::follow(texts, &mut changed);
        }
        if self.manifest_follows && changed.contains_key(MANIFEST) {
            write_manifest(&mut changed);
        }
        changed
    }
}

/// A manifest that names the files as they are.
fn write_manifest(texts: &mut TreeTexts) {
    let files = texts.iter().filter(|(path, _)| *path != MANIFEST);
    let digests = files.map(|(path, text)| (path.clone(), Sha256::compute(text.as_bytes())));
    if let Ok(bytes) = manifest::render(&digests.collect()) {
        texts.insert(MANIFEST.to_owned(), String::from_utf8_lossy(&bytes).into_owned());
    }
}
