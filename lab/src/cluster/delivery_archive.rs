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
    edit(delivery, path, |text| {
        let count = text.matches(original).count();
        ensure!(count == 1, "{path} has `{original}` {count} times:\n{text}");
        Ok(text.replace(original, replacement))
    })
}

/// The delivery with one of its files changed.
///
/// # Errors
///
/// When it has no such file, or the change fails.
pub fn edit(
    delivery: &[u8],
    path: &str,
    change: impl FnOnce(&str) -> Result<String>,
) -> Result<Vec<u8>> {
    let mut entries = read(delivery)?;
    let changed = entries.iter_mut().find(|entry| entry.path == path);
    let entry = changed.with_context(|| format!("the delivery has no {path}"))?;
    entry.content = change(std::str::from_utf8(&entry.content)?)?.into_bytes();
    let line = format!("{}  {path}", hexadecimal(&Sha256::digest(&entry.content)));
    let marker = entries.iter_mut().find(|entry| entry.path == MARKER).context("no marker")?;
    let suffix = format!("  {path}");
    let marked = String::from_utf8(std::mem::take(&mut marker.content))?;
    let lines = marked.lines().map(|old| if old.ends_with(&suffix) { line.as_str() } else { old });
    marker.content = lines.map(|line| format!("{line}\n")).collect::<String>().into_bytes();
    write(&entries)
}

/// One of its files.
///
/// # Errors
///
/// When it has no such file.
pub fn file(delivery: &[u8], path: &str) -> Result<String> {
    let entry = read(delivery)?.into_iter().find(|entry| entry.path == path);
    Ok(String::from_utf8(entry.with_context(|| format!("the delivery has no {path}"))?.content)?)
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
