//! Changes in one place of one file.

use std::collections::BTreeMap;

use super::block::{block, with_line, with_lines, without};
use super::draw::Draw;
use super::tree::{AlterableTree, TreeLine};
use super::value::{ValueKind, another, values, with_value};
use super::{Alteration, Extent};

/// Draws one.
pub(super) fn draw(tree: &AlterableTree<'_>, draw: &mut Draw) -> Option<Alteration> {
    let line = tree.line(draw)?;
    let text = tree.text(line.path);
    let lines: Vec<_> = text.lines().collect();
    let own = block(&lines, line.number);
    let (kind, detail, changed) = match draw.below(16) {
        0..9 => {
            let (detail, new) = with_other_value(tree, line, draw)?;
            ("value replaced", detail, Some(with_line(text, line.number, &new)))
        }
        9..12 => ("block removed", String::new(), Some(without(text, &own))),
        12 => {
            let twice = with_lines(text, own.end, &lines[own.clone()]);
            ("block repeated", String::new(), Some(twice))
        }
        13 => {
            let rest = without(text, &own);
            let before = draw.below(lines.len().saturating_sub(own.len()) + 1);
            let moved = with_lines(&rest, before, &lines[own]);
            ("block moved", format!(" to line {}", before + 1), Some(moved))
        }
        14 => {
            let other = tree.line_of(line.path, draw)?;
            let swapped = with_line(text, line.number, other.text);
            let swapped = with_line(&swapped, other.number, line.text);
            ("lines swapped", format!(" with line {}", other.number + 1), Some(swapped))
        }
        _ if draw.once_in(3) => ("file removed", String::new(), None),
        _ => {
            let cut: Vec<_> =
                lines.iter().take(line.number).map(|line| format!("{line}\n")).collect();
            ("rest cut off", String::new(), Some(cut.concat()))
        }
    };
    Some(Alteration {
        extent: Extent::Single,
        kind,
        name: format!("{} {kind}{detail}", line.place()),
        files: BTreeMap::from([(line.path.to_owned(), changed)]),
        first_boot_follows: draw.once_in(2),
        manifest_follows: draw.once_in(2),
    })
}

/// A line with one of its values replaced, and the description of the replacement.
pub(super) fn with_other_value(
    tree: &AlterableTree<'_>,
    line: TreeLine<'_>,
    draw: &mut Draw,
) -> Option<(String, String)> {
    let values = values(line.text);
    let value = *draw.pick(&values)?;
    let new = another(value, tree.known(value), draw)?;
    let detail = described(value.kind, value.text, &new);
    Some((detail, with_value(line.text, value, &new)))
}

/// A replacement for a person. Keys are not named: they differ when the tree is made again with other keys.
pub(super) fn described(kind: ValueKind, from: &str, to: &str) -> String {
    match kind {
        ValueKind::Key => ": a key becomes another".to_owned(),
        _ => format!(": `{from}` becomes `{to}`"),
    }
}
