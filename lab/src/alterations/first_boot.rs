//! `user-data.yaml` that follows the changed files of its node, as the renderer of a first boot copies what
//! other renderers have made.

use std::io::{Read as _, Write as _};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use super::TreeTexts;

/// Writes the changed files into each user-data that contained the original ones.
pub(crate) fn follow(original: &TreeTexts, changed: &mut TreeTexts) {
    let differ = |(path, text): (&String, &String)| {
        let new = changed.get(path)?;
        (new != text && !text.is_empty()).then(|| (path.clone(), (text.clone(), new.clone())))
    };
    let edits: Vec<_> = original.iter().filter_map(differ).collect();
    for (path, text) in changed {
        let Some(folder) = path.strip_suffix("user-data.yaml") else { continue };
        let is_carried = |path: &str| path.starts_with(folder) || path.starts_with("host/");
        let carried =
            edits.iter().filter(|(path, _)| is_carried(path)).map(|(_, edit)| edit.clone());
        *text = with_files(text, &carried.collect::<Vec<_>>());
    }
}

/// The document with other contents of files: pairs of the former and the new text.
fn with_files(document: &str, edits: &[(String, String)]) -> String {
    let with_script = |line: &str| {
        let packed = line.strip_prefix(SCRIPT)?;
        let script = with_files_of_script(&unpack(packed)?, edits);
        Some(format!("{SCRIPT}{}", pack(&script)?))
    };
    let lines = document.lines().map(|line| with_script(line).unwrap_or_else(|| line.to_owned()));
    lines.map(|line| line + "\n").collect()
}

/// The start of the line with the compressed script.
const SCRIPT: &str = "  - ";

/// The script with other contents of the files that it writes, each up to a line `MESHWRIGHT-END`.
fn with_files_of_script(script: &str, edits: &[(String, String)]) -> String {
    const BEGIN: &str = "<<'MESHWRIGHT-END'\n";
    const END: &str = "MESHWRIGHT-END\n";
    let section = |section: &str| {
        let (command, rest) = section.split_once(BEGIN)?;
        let new = find(edits, rest.strip_suffix(END)?)?;
        Some(format!("{command}{BEGIN}{new}{END}"))
    };
    let sections = script.split_inclusive(END);
    sections.map(|text| section(text).unwrap_or_else(|| text.to_owned())).collect()
}

fn find<'edits>(edits: &'edits [(String, String)], text: &str) -> Option<&'edits str> {
    edits.iter().find(|(former, _)| former == text).map(|(_, new)| new.as_str())
}

fn unpack(packed: &str) -> Option<String> {
    let bytes = STANDARD.decode(packed).ok()?;
    let mut text = String::new();
    GzDecoder::new(&bytes[..]).read_to_string(&mut text).ok()?;
    Some(text)
}

fn pack(text: &str) -> Option<String> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text.as_bytes()).ok()?;
    Some(STANDARD.encode(encoder.finish().ok()?))
}
