//! Changes one file of a delivery, as if it had been emitted so: the marker has the new checksum.

use std::io::{Cursor, Read as _};

use anyhow::{Context as _, Result, ensure};
use sha2::{Digest as _, Sha256};
use tar::{Archive, Builder, EntryType, Header};

use super::supplies::hexadecimal;

/// The last file of a delivery: a head line, and a line of sha256sum(1) for every other file.
const MARKER: &str = "etc/meshwright/delivery";

/// The delivery with a text replaced in one of its files.
///
/// # Errors
///
/// When it has no such file, or the file has the text not exactly once.
pub fn replace(delivery: &[u8], path: &str, original: &str, replacement: &str) -> Result<Vec<u8>> {
    let mut entries = read(delivery)?;
    let changed = entries.iter_mut().find(|entry| entry.path == path);
    let entry = changed.with_context(|| format!("the delivery has no {path}"))?;
    let text = String::from_utf8(std::mem::take(&mut entry.content))?;
    let count = text.matches(original).count();
    ensure!(count == 1, "{path} has `{original}` {count} times:\n{text}");
    entry.content = text.replace(original, replacement).into_bytes();
    let line = format!("{}  {path}", hexadecimal(&Sha256::digest(&entry.content)));
    let marker = entries.iter_mut().find(|entry| entry.path == MARKER).context("no marker")?;
    let suffix = format!("  {path}");
    let marked = String::from_utf8(std::mem::take(&mut marker.content))?;
    let lines = marked.lines().map(|old| if old.ends_with(&suffix) { line.as_str() } else { old });
    marker.content = lines.map(|line| format!("{line}\n")).collect::<String>().into_bytes();
    write(&entries)
}

struct DeliveryEntry {
    path: String,
    header: Header,
    content: Vec<u8>,
}

fn read(delivery: &[u8]) -> Result<Vec<DeliveryEntry>> {
    let mut archive = Archive::new(Cursor::new(delivery));
    let mut entries = Vec::new();
    for entry in archive.entries()? {
        let mut open = entry?;
        let path = open.path()?.to_str().context("UTF-8")?.to_owned();
        let header = open.header().clone();
        let mut content = Vec::new();
        open.read_to_end(&mut content)?;
        entries.push(DeliveryEntry { path, header, content });
    }
    Ok(entries)
}

fn write(entries: &[DeliveryEntry]) -> Result<Vec<u8>> {
    let mut archive = Builder::new(Vec::new());
    for entry in entries {
        let mut header = entry.header.clone();
        if header.entry_type() == EntryType::Regular {
            header.set_size(entry.content.len().try_into()?);
            header.set_cksum();
        }
        archive.append(&header, entry.content.as_slice())?;
    }
    Ok(archive.into_inner()?)
}
