//! Proposes the newest patch release where a version has none.

use crate::diagnostic::{Diagnostic, LabelPlace, Problems};
use crate::document::{Document, TomlInteger, TomlValue};
use crate::topology::versions::Versions;
use crate::topology::{TYPE_MISMATCH, VALUE_MALFORMED};
use meshwright_value::plain_text;

/// Completes the help of each diagnostic about a version without a patch release: it probably means the newest one that
/// is known. The reader of the document does not know which one that is.
pub fn propose_patches(versions: &Versions, document: &Document, problems: &mut Problems) {
    for found in problems.iter_mut() {
        let Some(text) = incomplete_version(document, found) else { continue };
        let plain = plain_text(&text);
        let line = plain.trim().trim_start_matches(['v', 'V']);
        let line = line.strip_suffix(".x").or(line.strip_suffix(".*")).unwrap_or(line);
        let Some(newest) = versions.newest_patch(line) else { continue };
        let quotes = if found.code == TYPE_MISMATCH { "put it between quotes; " } else { "" };
        found.finding.help = Some(format!("{quotes}did you mean `{newest}`?"));
    }
}

/// The text of a version that could not be read, and for which no other one is proposed.
fn incomplete_version(document: &Document, found: &Diagnostic) -> Option<String> {
    let label = found.finding.labels.first()?;
    let LabelPlace::Value(route) = &label.place else { return None };
    let is_version = matches!(route.last(), "version" | "kubernetes_version");
    let is_unread = matches!(found.code, VALUE_MALFORMED | TYPE_MISMATCH);
    if !is_version || !is_unread || found.finding.change.is_some() {
        return None;
    }
    match &document.item(route)?.value {
        TomlValue::String(text) | TomlValue::Float(text) => Some(text.clone()),
        TomlValue::Integer(TomlInteger { text, .. }) => Some(text.clone()),
        _ => None,
    }
}
