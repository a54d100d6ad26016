//! Changes whose effect is not known in advance: each line of every `wg0.conf`, `nftables.conf` and pool
//! is removed, and each replacement of a list is applied to each line that contains its text.

use anyhow::{Context as _, Result};

use crate::tree::LabTree;

/// Replacements within a line.
const REPLACEMENTS: &[(&str, &str)] = &[
    ("/24", "/25"),
    ("/32", "/31"),
    ("10.244.", "10.245."),
    ("10.66.66.", "10.66.67."),
    ("51820", "51821"),
    ("203.0.113.10", "203.0.113.11"),
    ("MTU = 1412", "MTU = 1500"),
    ("PersistentKeepalive = 25", "PersistentKeepalive = 0"),
    ("policy drop", "policy accept"),
    (" drop", " accept"),
    (" accept", " drop"),
    ("iifname", "oifname"),
    ("saddr", "daddr"),
    ("daddr", "saddr"),
    ("@clients", "@nodes"),
    ("@nodes", "@clients"),
    ("tcp", "udp"),
    ("priority filter - 5", "priority filter + 5"),
    ("established,related", "new"),
    ("blockSize: 24", "blockSize: 26"),
    ("encapsulation: None", "encapsulation: IPIP"),
    ("natOutgoing: Enabled", "natOutgoing: Disabled"),
];

/// The files whose lines are changed.
const FILES: [&str; 4] = ["wg0.conf", "nftables.conf", "installation.yaml", "ip-pools.yaml"];

/// One line that is removed or altered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Alteration {
    /// The file.
    pub path: String,
    /// The line, from 1.
    pub line: usize,
    /// The original line.
    pub original: String,
    change: String,
    /// None if the line is removed.
    replacement: Option<String>,
}

impl Alteration {
    /// All alterations of a tree, in the order of its files.
    #[must_use]
    pub fn all(tree: &LabTree) -> Vec<Self> {
        let changed = |path: &&String| {
            let name = path.rsplit('/').next().unwrap_or_default();
            FILES.contains(&name)
        };
        let paths = tree.files.keys().filter(changed);
        paths.flat_map(|path| alterations_of_file(path, &tree.files[path])).collect()
    }

    /// The alteration with a name.
    ///
    /// # Errors
    ///
    /// When the tree has none with that name.
    pub fn find(tree: &LabTree, name: &str) -> Result<Self> {
        let mut all = Self::all(tree).into_iter();
        all.find(|one| one.name() == name).with_context(|| format!("no alteration `{name}`"))
    }

    /// Its name, which does not depend on the keys of the tree: `nodes/tokyo/wg0.conf:8 removed`.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{}:{} {}", self.path, self.line, self.change)
    }

    /// The tree with this change.
    #[must_use]
    pub fn apply_to(&self, tree: &LabTree) -> LabTree {
        let mut changed = tree.clone();
        changed.files.entry(self.path.clone()).and_modify(|text| *text = self.text(text));
        changed
    }

    fn text(&self, text: &str) -> String {
        let lines = (1..).zip(text.lines()).filter_map(|(number, line)| match &self.replacement {
            _ if number != self.line => Some(line.to_owned()),
            replacement => replacement.clone(),
        });
        lines.map(|line| line + "\n").collect()
    }
}

fn alterations_of_file(path: &str, text: &str) -> Vec<Alteration> {
    let numbered = (1..).zip(text.lines());
    let all = numbered.flat_map(|(line, original)| {
        line_changes(original).into_iter().map(move |(change, replacement)| Alteration {
            path: path.to_owned(),
            line,
            original: original.to_owned(),
            change,
            replacement,
        })
    });
    all.collect()
}

/// Each change of a line: its description, and the new line unless it is removed.
fn line_changes(line: &str) -> Vec<(String, Option<String>)> {
    let altered = REPLACEMENTS
        .iter()
        .filter(|(from, _)| line.contains(from))
        .map(|(from, to)| (format!("`{from}` becomes `{to}`"), Some(line.replacen(from, to, 1))));
    std::iter::once(("removed".to_owned(), None)).chain(altered).collect()
}
