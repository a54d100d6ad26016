//! Changes as a unified diff.

use std::fs;
use std::io::Write;
use std::path::Path;

use similar::TextDiff;

use super::disk_state::is_executable;
use super::error::OutError;
use super::manifest::OutManifest;
use super::{Changes, MANIFEST};
use crate::artifact::{FileMode, Tree};
use meshwright_value::{Mask, printable_lines};

const CONTEXT_LINES: usize = 3;

/// Prints each changed file, part by part, then each removed one.
pub(super) fn print(
    tree: &dyn Tree,
    root: &Path,
    changes: &Changes,
    text: &mut dyn Write,
) -> Result<(), OutError> {
    for (path, new) in tree.files() {
        if contains(&changes.added, &path) {
            print_mode(&path, None, &new, text)?;
            print_file(&path, None, Some(&new), text)?;
        } else if contains(&changes.changed, &path) {
            let executable = is_executable(root, &path)?;
            print_mode(&path, Some(executable), &new, text)?;
            print_file(&path, Some(&read_old(root, &path)?), Some(&new), text)?;
        }
    }
    changes
        .removed
        .iter()
        .try_for_each(|path| print_file(path, Some(&read_old(root, path)?), None, text))
}

/// Prints the manifest's change.
pub(super) fn print_manifest(
    old: &OutManifest,
    new: &[u8],
    text: &mut dyn Write,
) -> Result<(), OutError> {
    print_file(MANIFEST, old.source(), Some(new), text)
}

fn contains(sorted: &[String], path: &str) -> bool {
    sorted.binary_search_by(|other| other.as_str().cmp(path)).is_ok()
}

fn read_old(root: &Path, path: &str) -> Result<Vec<u8>, OutError> {
    let file = root.join(path);
    fs::read(&file).map_err(OutError::io("read", file))
}

/// Prints that a file becomes a script, in git's format, which patch(1) reads; `old` is whether the
/// owner can execute the existing file.
fn print_mode(
    path: &str,
    old: Option<bool>,
    new: &[u8],
    text: &mut dyn Write,
) -> Result<(), OutError> {
    let modes = match old {
        _ if FileMode::from_content(new) != FileMode::Program => return Ok(()),
        Some(true) => return Ok(()),
        Some(false) => "old mode 100644\nnew mode 100755",
        None => "new file mode 100755",
    };
    writeln!(text, "diff --git a/{path} b/{path}\n{modes}")
        .map_err(OutError::io("write", "the diff"))
}

fn print_file(
    path: &str,
    old: Option<&[u8]>,
    new: Option<&[u8]>,
    text: &mut dyn Write,
) -> Result<(), OutError> {
    let (old_text, new_text) = (lossy(old), lossy(new));
    let name = |side: &str, exists: bool| {
        if exists { format!("{side}/{path}") } else { "/dev/null".to_owned() }
    };
    let names = [name("a", old.is_some()), name("b", new.is_some())];
    print_hidden(&names, &old_text, &new_text, text).map_err(OutError::io("write", "the diff"))
}

/// Prints the change of a text that the user wrote.
///
/// # Errors
///
/// Those of `out`.
pub fn print_texts(name: &str, old: &str, new: &str, out: &mut dyn Write) -> std::io::Result<()> {
    print_hidden(&[format!("a/{name}"), format!("b/{name}")], old, new, out)
}

/// Prints a diff without what looks like a secret in one of the texts. A correction may complete a
/// key, so the secrets of the old text are hidden in the new one, too.
fn print_hidden(
    names: &[String; 2],
    old: &str,
    new: &str,
    out: &mut dyn Write,
) -> std::io::Result<()> {
    let mut mask = Mask::of(old);
    mask.add(new);
    let diff = TextDiff::from_lines(old, new)
        .unified_diff()
        .context_radius(CONTEXT_LINES)
        .header(&names[0], &names[1])
        .to_string();
    out.write_all(printable_lines(&mask.hide(&diff)).as_bytes())
}

fn lossy(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}
