//! The lines and values of a tree from which changes are drawn.

use std::collections::BTreeMap;

use meshwright_proof::families::{Account, family};
use meshwright_value::manifest::MANIFEST;

use super::TreeTexts;
use super::draw::Draw;
use super::value::{LineValue, ValueKind, values};

/// A tree, with its families and values.
#[derive(Debug)]
pub struct AlterableTree<'texts> {
    /// Its files.
    pub texts: &'texts TreeTexts,
    interface: String,
    /// The paths of each family that programs read.
    families: BTreeMap<&'static str, Vec<&'texts str>>,
    /// The values of each kind in modelled files, in the order of their first appearance.
    values: BTreeMap<ValueKind, Vec<&'texts str>>,
}

/// A line of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct TreeLine<'texts> {
    /// The path of the file.
    pub(super) path: &'texts str,
    /// Its number, from 0.
    pub(super) number: usize,
    /// Its text.
    pub(super) text: &'texts str,
}

impl TreeLine<'_> {
    /// Its place for a person: `nodes/tokyo/wg0.conf:8`.
    pub(super) fn place(&self) -> String {
        format!("{}:{}", self.path, self.number + 1)
    }
}

impl<'texts> AlterableTree<'texts> {
    /// Lists the families and values of a tree.
    #[must_use]
    pub fn new(texts: &'texts TreeTexts) -> Self {
        let interface = texts.keys().find_map(|path| {
            let routes = path.strip_suffix(".routes")?;
            routes.strip_prefix("nodes/")?.split('/').nth(1)
        });
        let interface = interface.unwrap_or("wg0").to_owned();
        let mut families: BTreeMap<_, Vec<_>> = BTreeMap::new();
        let mut known: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (path, text) in texts.iter().filter(|(path, _)| *path != MANIFEST) {
            let Some(family) = family(path, &interface) else { continue };
            if family.account == Account::Prose {
                continue;
            }
            families.entry(family.pattern).or_default().push(path.as_str());
            let is_listed =
                family.account == Account::Modelled && !path.ends_with("user-data.yaml");
            let lines = text.lines().filter(|_| is_listed);
            for value in lines.filter(|line| !is_comment(line)).flat_map(values) {
                let of_kind = known.entry(value.kind).or_default();
                if !of_kind.contains(&value.text) {
                    of_kind.push(value.text);
                }
            }
        }
        Self { texts, interface, families, values: known }
    }

    /// The family of a file.
    #[must_use]
    pub fn family_of(&self, path: &str) -> &'static str {
        family(path, &self.interface).map_or("", |family| family.pattern)
    }

    /// How the bytes of a file are accounted for.
    pub(super) fn account_of(&self, path: &str) -> Option<Account> {
        family(path, &self.interface).map(|family| family.account)
    }

    /// The paths of a family.
    pub(super) fn paths_of(&self, pattern: &str) -> &[&'texts str] {
        self.families.get(pattern).map_or(&[], Vec::as_slice)
    }

    /// The text of a file.
    pub(super) fn text(&self, path: &str) -> &'texts str {
        self.texts.get(path).map_or("", String::as_str)
    }

    /// All paths of families that programs read.
    pub(super) fn paths(&self) -> impl Iterator<Item = &'texts str> {
        self.families.values().flatten().copied()
    }

    /// The known values that can replace one.
    pub(super) fn known(&self, value: LineValue<'_>) -> &[&'texts str] {
        self.values.get(&value.kind).map_or(&[], Vec::as_slice)
    }

    /// A line that states something. Half of the draws choose the family first, so that each family is
    /// drawn; the other half chooses among the lines of nodes and Calico, which state most of the network.
    pub(super) fn line(&self, draw: &mut Draw) -> Option<TreeLine<'texts>> {
        let path = if draw.once_in(2) {
            let families: Vec<_> = self.families.values().collect();
            draw.pick(&families).and_then(|paths| draw.pick(paths).copied())
        } else {
            let is_of_network = |path: &&str| {
                let is_of_machine = path.starts_with("nodes/") || path.starts_with("clients/");
                is_of_machine && !path.ends_with("user-data.yaml")
                    || path.starts_with("cluster/calico/")
            };
            let paths: Vec<_> = self.paths().filter(is_of_network).collect();
            draw.pick(&paths).copied()
        }?;
        self.line_of(path, draw)
    }

    /// A line of a file that states something.
    pub(super) fn line_of(&self, path: &'texts str, draw: &mut Draw) -> Option<TreeLine<'texts>> {
        let lines: Vec<_> = self.lines(path).filter(|line| !is_comment(line.text)).collect();
        draw.pick(&lines).copied()
    }

    /// The lines of a file.
    pub(super) fn lines(
        &self,
        path: &'texts str,
    ) -> impl Iterator<Item = TreeLine<'texts>> + use<'texts> {
        let lines = self.text(path).lines().enumerate();
        lines.map(move |(number, text)| TreeLine { path, number, text })
    }
}

/// Whether a line states nothing: it is empty, or a comment of its format.
pub(super) fn is_comment(line: &str) -> bool {
    let text = line.trim_start();
    text.is_empty() || text.starts_with('#') || text.starts_with(';')
}
