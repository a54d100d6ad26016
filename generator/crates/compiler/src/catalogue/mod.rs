//! The catalogue: every code that can be reported, whoever reports it.

mod document;
pub mod lint;
pub mod store;

use crate::check::{Rule, Theme};
use crate::diagnostic::Severity;
use crate::rules;

/// What is known of one code, whoever reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// See [`Diagnostic::code`].
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

/// Every code that a report can hold, by theme, then in the order of the alphabet.
pub fn entries() -> impl Iterator<Item = Entry> {
    let topology = rules::topology::rules().map(Entry::from);
    let plan = rules::plan::RULES.iter().map(Entry::from);
    let output = rules::output::RULES.iter().map(Entry::from);
    let others = document::ENTRIES.into_iter().chain(lint::ENTRIES).chain(store::ENTRIES);
    let mut entries: Vec<_> = others.chain(topology).chain(plan).chain(output).collect();
    entries.sort_by_key(|entry| (entry.theme, entry.code));
    entries.into_iter()
}

/// The codes of each theme that has some.
pub fn by_theme() -> impl Iterator<Item = (Theme, Vec<Entry>)> {
    let entries: Vec<_> = entries().collect();
    let of = move |theme| entries.iter().filter(|entry| entry.theme == theme).copied().collect();
    Theme::ALL.into_iter().map(move |theme| (theme, of(theme)))
}

/// `docs/rules.md`: every code with its explanation.
#[must_use]
pub fn markdown() -> String {
    let mut page = MARKDOWN_HEAD.to_owned();
    for (theme, entries) in by_theme() {
        page.push_str(&format!("\n## {}\n", theme.title()));
        for Entry { code, severity, summary, explain, .. } in entries {
            let severity = severity.as_str();
            page.push_str(&format!("\n### {code}\n\n*{severity}*: {summary}\n\n{explain}\n"));
        }
    }
    page
}

const MARKDOWN_HEAD: &str = "\
<!-- made from generator/src/rules -->
# Rules

Every code that a report can hold. An error ends the run: the cluster would not work, or not be private. A
warning can be accepted by a `[[lint.allow]]` with its `code` and a `reason`.
";
