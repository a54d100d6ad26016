//! Files of fixed families: each is compared with the text that the caller of the proof expects for the
//! facts that the modelled files state. The proof itself has no template.

use std::collections::BTreeMap;

use crate::assumption::Assumption;
use crate::facts::TreeFacts;
use crate::families::{Account, Compared, FileFamily, family};
use crate::finding::{FindingCode, ProofFinding};
use crate::span::{FileId, TreePaths};

/// The expected files of fixed families.
pub trait FixedFiles: Sync {
    /// The files of a tree with these facts.
    fn expected(&self, facts: &TreeFacts) -> Vec<ExpectedFile>;
}

/// One expected file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExpectedFile {
    /// Its path below the output directory.
    pub path: String,
    /// Its text.
    pub content: String,
}

/// The texts of the files of fixed families, in the order of their paths.
pub(crate) type FixedTexts = BTreeMap<FileId, String>;

/// Compares the files of fixed families with the expected ones.
pub(crate) fn compare(
    paths: &TreePaths,
    facts: &TreeFacts,
    texts: &FixedTexts,
    expected: &[ExpectedFile],
) -> Vec<ProofFinding> {
    let belongs = |account| matches!(account, Account::Fixed(_));
    compare_each(paths, facts, (texts, expected), belongs, |file, family, text, content| {
        let compared = match family.map(|family| family.account) {
            Some(Account::Fixed(compared)) => compared,
            _ => Compared::Bytes,
        };
        let difference = first_difference(text, content, compared);
        let finding = difference.map(|(line, message)| {
            ProofFinding::new(FindingCode::FileDiffers, file.line(line), message)
        });
        finding.into_iter().collect()
    })
}

/// Compares each file that is there with the expected one, by `compare_file`: its family, its text and the
/// expected text. A file that no tree with these facts has is a finding, and so is an expected file of a family
/// that `belongs` accepts and that is not there.
pub(crate) fn compare_each(
    paths: &TreePaths,
    facts: &TreeFacts,
    (texts, expected): (&FixedTexts, &[ExpectedFile]),
    belongs: impl Fn(Account) -> bool,
    compare_file: impl Fn(FileId, Option<&FileFamily>, &str, &str) -> Vec<ProofFinding>,
) -> Vec<ProofFinding> {
    let family_of = |path: &str| family(path, &facts.interface);
    let by_path: BTreeMap<_, _> =
        expected.iter().map(|file| (file.path.as_str(), file.content.as_str())).collect();
    let mut findings = Vec::new();
    for (file, text) in texts {
        let path = paths.path(*file);
        match by_path.get(path) {
            Some(content) => findings.extend(compare_file(*file, family_of(path), text, content)),
            None => {
                let message =
                    "this file belongs to no host and no cluster with the facts of the other files";
                findings.push(ProofFinding::new(FindingCode::FileUnknown, file.whole(), message));
            }
        }
    }
    let is_absent = |file: &&ExpectedFile| {
        family_of(&file.path).is_some_and(|family| belongs(family.account))
            && paths.find(&file.path).is_none()
    };
    findings.extend(expected.iter().filter(is_absent).map(|file| {
        let message = format!("{} is missing: a tree with these facts has it", file.path);
        ProofFinding::new(FindingCode::FileMissing, facts.source.whole(), message)
    }));
    findings
}

/// The first line that differs, with its number in the file that was found. A line that is missing at
/// the end has the number of the last line.
fn first_difference(found: &str, expected: &str, compared: Compared) -> Option<(u32, String)> {
    let (mut found_lines, mut expected_lines) =
        (statements(found, compared), statements(expected, compared));
    let mut last = 0;
    loop {
        match (found_lines.next(), expected_lines.next()) {
            (None, None) => return None,
            (Some((line, one)), Some((_, other))) if one == other => last = line,
            (Some((line, one)), Some((_, other))) => {
                let message = format!("`{}` differs from `{}`", shown(one), shown(other));
                return Some((line, message));
            }
            (Some((line, one)), None) => {
                return Some((line, format!("`{}` is a line too many", shown(one))));
            }
            (None, Some((_, other))) => {
                return Some((last, format!("`{}` is missing after this line", shown(other))));
            }
        }
    }
}

/// Lines with their numbers. A comment after a line that ends in a backslash belongs to that line.
fn statements(text: &str, compared: Compared) -> impl Iterator<Item = (u32, &str)> {
    let mut continued = false;
    let lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
    let lines = lines.take(if text.is_empty() { 0 } else { usize::MAX });
    (1..).zip(lines).filter(move |(_, line)| {
        let is_comment = line.trim_start_matches([' ', '\t']).starts_with('#');
        let is_ignored = (is_comment || line.is_empty()) && !continued;
        continued = line.ends_with('\\');
        compared == Compared::Bytes || !is_ignored
    })
}

/// A line for a message, at most 100 characters of it.
fn shown(line: &str) -> String {
    let escaped =
        |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    line.chars().take(100).map(escaped).collect()
}

/// One assumption for each family that was not compared.
pub(crate) fn assumptions(
    paths: &TreePaths,
    interface: &str,
    texts: &FixedTexts,
) -> Vec<Assumption> {
    let mut families: BTreeMap<&str, (FileId, u32)> = BTreeMap::new();
    for file in texts.keys() {
        let Some(family) = family(paths.path(*file), interface) else { continue };
        families.entry(family.pattern).or_insert((*file, 0)).1 += 1;
    }
    let texts = families.into_iter().map(|(pattern, (file, count))| {
        let files =
            if count == 1 { "the file is".to_owned() } else { format!("all {count} files are") };
        Assumption::new(
            file.whole(),
            format!(
                "{pattern}: {files} as this version writes it, because no expected text was given"
            ),
        )
    });
    texts.collect()
}

#[cfg(test)]
mod tests {
    use super::first_difference;
    use crate::families::Compared::{Bytes, Statements};

    #[test]
    fn a_difference_has_the_line_of_the_edited_file() {
        let table = [
            ("a\nb\n", "a\nb\n", Bytes, None),
            ("a\n# x\nb\n", "a\nb\n", Bytes, Some((2, "`# x` differs from `b`"))),
            ("a\n# x\n\nb\n", "a\nb\n", Statements, None),
            ("a\n", "a\nb\n", Statements, Some((1, "`b` is missing after this line"))),
            ("", "a\n", Statements, Some((0, "`a` is missing after this line"))),
            ("a\nb\nc\n", "a\nb\n", Bytes, Some((3, "`c` is a line too many"))),
            ("a\r\nb\n", "a\nb\n", Statements, Some((1, "`a\\r` differs from `a`"))),
            ("a \\\n# x\nb\n", "a \\\nb\n", Statements, Some((2, "`# x` differs from `b`"))),
            ("a\nb", "a\nb\n", Statements, None),
        ];
        for (found, expected, compared, difference) in table {
            let difference = difference.map(|(line, message)| (line, message.to_owned()));
            assert_eq!(first_difference(found, expected, compared), difference, "{found:?}");
        }
    }
}
