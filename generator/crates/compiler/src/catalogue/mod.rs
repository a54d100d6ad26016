//! The catalogue: all codes that a report can have, from all reporters.

pub mod change;
mod document;
pub mod lint;
pub mod store;

use crate::check::{Rule, Theme};
use crate::diagnostic::Severity;
use crate::rules;

/// One code with its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// See [`Rule::code`].
    pub code: &'static str,
    /// See [`Rule::severity`].
    pub severity: Severity,
    /// See [`Rule::theme`].
    pub theme: Theme,
    /// See [`Rule::summary`].
    pub summary: &'static str,
    /// See [`Rule::explain`].
    pub explain: &'static str,
}

impl<T> From<&Rule<T>> for Entry {
    fn from(rule: &Rule<T>) -> Self {
        let Rule { code, severity, theme, summary, explain, .. } = *rule;
        Self { code, severity, theme, summary, explain }
    }
}

/// All codes, by theme, then in alphabetical order.
pub fn entries() -> impl Iterator<Item = Entry> {
    let topology = rules::topology::rules().map(Entry::from);
    let plan = rules::plan::RULES.iter().map(Entry::from);
    let output = rules::output::RULES.iter().map(Entry::from);
    let others = document::ENTRIES.into_iter().chain(lint::ENTRIES).chain(store::ENTRIES);
    let others = others.chain(change::ENTRIES);
    let mut entries: Vec<_> = others.chain(topology).chain(plan).chain(output).collect();
    entries.sort_by_key(|entry| (entry.theme, entry.code));
    entries.into_iter()
}

/// All themes, each with its codes.
pub fn by_theme() -> impl Iterator<Item = (Theme, Vec<Entry>)> {
    let all: Vec<_> = entries().collect();
    let with_theme =
        move |theme| all.iter().filter(|entry| entry.theme == theme).copied().collect();
    Theme::ALL.into_iter().map(move |theme| (theme, with_theme(theme)))
}

/// The page `docs/rules.md`: all codes with their explanations.
#[must_use]
pub fn markdown() -> String {
    let mut page = MARKDOWN_HEAD.to_owned();
    for (theme, entries) in by_theme() {
        page.push_str(&format!("\n## {}\n", theme.title()));
        for Entry { code, severity, summary, explain, .. } in entries {
            let kind = severity.as_str();
            page.push_str(&format!("\n### {code}\n\n*{kind}*: {summary}\n\n{explain}\n"));
        }
    }
    page
}

const MARKDOWN_HEAD: &str = "\
<!-- generated from generator/crates/compiler/src/{rules,catalogue} by `meshwright explain --markdown` -->
# Rules

All codes that a report can have. An error stops the run: the cluster would not work, or would not be private. To
accept a warning, add a `[[lint.allow]]` with its `code` and a `reason`.
";
