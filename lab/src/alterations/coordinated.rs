//! Changes in several files alike, as a faulty renderer or a faulty derivation makes them.

use std::collections::BTreeMap;

use super::block::{block, with_line, with_lines, without};
use super::draw::Draw;
use super::single::described;
use super::tree::{AlterableTree, TreeLine};
use super::value::{LineValue, ValueKind, another, replaced_everywhere, shape, values, with_value};
use super::{Alteration, Extent};

type ChangedFiles = BTreeMap<String, Option<String>>;

/// Draws one.
pub(super) fn draw(tree: &AlterableTree<'_>, draw: &mut Draw) -> Option<Alteration> {
    let line = tree.line(draw)?;
    let (kind, detail, files) = match draw.below(16) {
        0..6 => value_in_several_files(tree, line, draw)?,
        6..9 => values_of_two_machines_swapped(tree, line, draw)?,
        9..12 => line_altered_in_all(tree, line, draw)?,
        12..14 => block_removed_in_all(tree, line, draw)?,
        14 => block_moved_in_all(tree, line, draw)?,
        _ => lines_with_a_value_removed(tree, line, draw)?,
    };
    Some(Alteration {
        extent: Extent::Coordinated,
        kind,
        name: format!("{} {kind}{detail}", line.place()),
        files,
        first_boot_follows: draw.once_in(2),
        manifest_follows: !draw.once_in(3),
    })
}

type DrawnChange = (&'static str, String, ChangedFiles);

/// Which of the files that contain a value are changed.
fn scope<'texts>(
    tree: &AlterableTree<'texts>,
    line: TreeLine<'texts>,
    draw: &mut Draw,
) -> (String, Vec<&'texts str>) {
    let folder =
        |path: &str| path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
    let machine: String = line.path.split('/').take(2).collect::<Vec<_>>().join("/");
    let all: Vec<_> = tree.paths().filter(|path| !path.ends_with("user-data.yaml")).collect();
    let those =
        |is_in: &dyn Fn(&str) -> bool| all.iter().copied().filter(|path| is_in(path)).collect();
    match draw.below(6) {
        0 => (format!("the files of {machine}"), those(&|path| path.starts_with(&machine))),
        1 => {
            let family = tree.family_of(line.path);
            (format!("all {family}"), tree.paths_of(family).to_vec())
        }
        2 => ("all files".to_owned(), all),
        3 => (
            format!("all files but those of {machine}"),
            those(&|path| !path.starts_with(&machine)),
        ),
        4 => {
            let family = tree.family_of(line.path);
            (format!("all files but {family}"), those(&|path| tree.family_of(path) != family))
        }
        _ => {
            let own = folder(line.path);
            (format!("the folder {own}"), those(&|path| folder(path) == own))
        }
    }
}

/// The files of a scope in which a text is changed; of more than three, sometimes only some.
fn changed_files<'texts>(
    tree: &AlterableTree<'texts>,
    line: TreeLine<'texts>,
    draw: &mut Draw,
    change: impl Fn(&str) -> String,
) -> Option<(String, ChangedFiles)> {
    let (name, paths) = scope(tree, line, draw);
    let texts = paths.into_iter().map(|path| (path, change(tree.text(path))));
    let mut files: Vec<_> = texts.filter(|(path, text)| tree.text(path) != text).collect();
    let mut name = name;
    if files.len() > 2 && draw.once_in(3) {
        let paths: Vec<_> = files.iter().map(|(path, _)| *path).collect();
        let mut chosen = draw.some(&paths, 2);
        chosen.truncate(3);
        files.retain(|(path, _)| chosen.contains(path));
        name = chosen.join(", ");
    }
    let owned = files.into_iter().map(|(path, text)| (path.to_owned(), Some(text)));
    let files: ChangedFiles = owned.collect();
    (files.len() > 1).then_some((name, files))
}

/// Whether equal texts of this value are one value: `1` and `true` are many.
fn is_distinctive(value: &LineValue<'_>, line: &str) -> bool {
    match value.kind {
        ValueKind::Number => value.text.len() > 2,
        // A name: the last word of its line, or quoted.
        ValueKind::Word => {
            let after = &line[value.start + value.text.len()..];
            value.text.len() > 2 && after.trim_end_matches(['"', '\'', ',']).is_empty()
        }
        _ => true,
    }
}

fn distinctive_value<'texts>(line: TreeLine<'texts>, draw: &mut Draw) -> Option<LineValue<'texts>> {
    let found = values(line.text).into_iter().filter(|value| is_distinctive(value, line.text));
    draw.pick(&found.collect::<Vec<_>>()).copied()
}

/// Another port, key, address, MTU, pool, subnet or name in several files that state it.
fn value_in_several_files(
    tree: &AlterableTree<'_>,
    line: TreeLine<'_>,
    draw: &mut Draw,
) -> Option<DrawnChange> {
    let value = distinctive_value(line, draw)?;
    let new = another(value, tree.known(value), draw)?;
    let (scope, files) = changed_files(tree, line, draw, |text| {
        replaced_everywhere(text, value.kind, value.text, &new)
    })?;
    Some((
        "value replaced",
        format!("{} in {scope}", described(value.kind, value.text, &new)),
        files,
    ))
}

/// The same value of two machines, exchanged.
fn values_of_two_machines_swapped(
    tree: &AlterableTree<'_>,
    line: TreeLine<'_>,
    draw: &mut Draw,
) -> Option<DrawnChange> {
    let others: Vec<_> = tree
        .paths_of(tree.family_of(line.path))
        .iter()
        .copied()
        .filter(|path| *path != line.path)
        .collect();
    let counterpart = counterpart(tree, line, draw.pick(&others)?)?;
    let pairs = values(line.text).into_iter().zip(values(counterpart.text));
    let differing: Vec<_> =
        pairs.filter(|(one, other)| one.kind == other.kind && one.text != other.text).collect();
    let (one, other) = *draw.pick(&differing)?;
    let (scope, files) = changed_files(tree, line, draw, |text| {
        let without_one = replaced_everywhere(text, one.kind, one.text, "\u{1}");
        let swapped = replaced_everywhere(&without_one, one.kind, other.text, one.text);
        swapped.replace('\u{1}', other.text)
    })?;
    let detail = match one.kind {
        ValueKind::Key => ": two keys".to_owned(),
        _ => format!(": `{}` and `{}`", one.text, other.text),
    };
    Some(("values swapped", format!("{detail} in {scope}"), files))
}

/// The line of another file that states the same: with the same text, or the same shape at the same
/// position among lines of that shape.
fn counterpart<'texts>(
    tree: &AlterableTree<'texts>,
    line: TreeLine<'_>,
    path: &'texts str,
) -> Option<TreeLine<'texts>> {
    if let Some(same) = tree.lines(path).find(|other| other.text == line.text) {
        return Some(same);
    }
    let wanted = shape(line.text);
    let own = tree.text(line.path).lines().take(line.number);
    let rank = own.filter(|other| shape(other) == wanted).count();
    tree.lines(path).filter(|other| shape(other.text) == wanted).nth(rank)
}

/// The lines of the other files of a family that state the same, and this line.
fn alike<'texts>(
    tree: &AlterableTree<'texts>,
    line: TreeLine<'texts>,
    draw: &mut Draw,
) -> Option<Vec<TreeLine<'texts>>> {
    let paths = tree.paths_of(tree.family_of(line.path));
    let lines: Vec<_> = paths.iter().filter_map(|path| counterpart(tree, line, path)).collect();
    let chosen = if draw.once_in(4) { draw.some(&lines, 2) } else { lines };
    (chosen.len() > 1).then_some(chosen)
}

/// How many files of a family are changed.
fn in_files(tree: &AlterableTree<'_>, lines: &[TreeLine<'_>]) -> String {
    let family = lines.first().map_or("", |line| tree.family_of(line.path));
    let all = tree.paths_of(family).len();
    format!(" in {} of {all} {family}", lines.len())
}

fn line_altered_in_all(
    tree: &AlterableTree<'_>,
    line: TreeLine<'_>,
    draw: &mut Draw,
) -> Option<DrawnChange> {
    let position = draw.below(values(line.text).len());
    let lines = alike(tree, line, draw)?;
    let mut files = ChangedFiles::new();
    let mut detail = String::new();
    for one in &lines {
        let Some(value) = values(one.text).get(position).copied() else { continue };
        // The same choices for each file: what is off by one is so everywhere.
        let Some(new) = another(value, tree.known(value), &mut draw.clone()) else { continue };
        if detail.is_empty() {
            detail = described(value.kind, value.text, &new);
        }
        let text = with_line(tree.text(one.path), one.number, &with_value(one.text, value, &new));
        files.insert(one.path.to_owned(), Some(text));
    }
    draw.below(1);
    Some(("line altered", detail + &in_files(tree, &lines), files))
}

fn block_removed_in_all(
    tree: &AlterableTree<'_>,
    line: TreeLine<'_>,
    draw: &mut Draw,
) -> Option<DrawnChange> {
    let lines = alike(tree, line, draw)?;
    let removed = lines.iter().map(|one| {
        let text = tree.text(one.path);
        let all: Vec<_> = text.lines().collect();
        (one.path.to_owned(), Some(without(text, &block(&all, one.number))))
    });
    let files = removed.collect();
    Some(("block removed", in_files(tree, &lines), files))
}

/// A block that is before another line in all files, or there too.
fn block_moved_in_all(
    tree: &AlterableTree<'_>,
    line: TreeLine<'_>,
    draw: &mut Draw,
) -> Option<DrawnChange> {
    let target = tree.line_of(line.path, draw)?;
    let is_copied = draw.once_in(2);
    let lines = alike(tree, line, draw)?;
    let mut files = ChangedFiles::new();
    for one in &lines {
        let Some(before) = counterpart(tree, target, one.path) else { continue };
        let text = tree.text(one.path);
        let all: Vec<_> = text.lines().collect();
        let own = block(&all, one.number);
        if own.contains(&before.number) {
            continue;
        }
        let inserted = with_lines(text, before.number, &all[own.clone()]);
        let shift = if before.number <= own.start { own.len() } else { 0 };
        let moved = own.start + shift..own.end + shift;
        let text = if is_copied { inserted } else { without(&inserted, &moved) };
        files.insert(one.path.to_owned(), Some(text));
    }
    let kind = if is_copied { "block copied" } else { "block moved" };
    Some((kind, format!(" before line {}{}", target.number + 1, in_files(tree, &lines)), files))
}

/// Each line that states a value is gone: a field less in several files.
fn lines_with_a_value_removed(
    tree: &AlterableTree<'_>,
    line: TreeLine<'_>,
    draw: &mut Draw,
) -> Option<DrawnChange> {
    let value = distinctive_value(line, draw)?;
    let (scope, files) = changed_files(tree, line, draw, |text| {
        let mut shorter = text.to_owned();
        let states = |line: &str| values(line).iter().any(|one| one.text == value.text);
        let lines: Vec<_> = text.lines().collect();
        for number in (0..lines.len()).rev().filter(|number| states(lines[*number])) {
            shorter = without(&shorter, &(number..number + 1));
        }
        shorter
    })?;
    let what = if value.kind == ValueKind::Key { "a key" } else { value.text };
    Some(("lines removed", format!(" with `{what}` in {scope}"), files))
}
