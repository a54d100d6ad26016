//! `<zone>.zone`: the public names of one DNS zone, one CNAME on each line (RFC 1035, section 5).

use super::ParseError;
use crate::span::{FileId, FileSpanned};

/// One record.
#[derive(Debug, Clone)]
pub struct ZoneRecord {
    /// The name, without the dot at its end.
    pub name: FileSpanned<String>,
    /// The target of the alias, without the dot at its end.
    pub target: String,
    /// Whether Cloudflare's edge serves it, instead of publishing the alias.
    pub proxied: bool,
}

/// The tag that Cloudflare's zone import reads as "proxied" (Cloudflare, "Import and export records").
const PROXIED: &str = "cf_tags=cf-proxied:true";

/// Reads the records of the zone `zone`.
///
/// # Errors
///
/// Every line that is neither a comment nor a CNAME with whole names, and every name outside of the zone: an import
/// does not take it.
pub(crate) fn read(
    text: &str,
    zone: &str,
    file: FileId,
) -> Result<Vec<ZoneRecord>, Vec<ParseError>> {
    let records = super::lines(text, |line, statement| {
        let (record, comment) = statement.split_once(';').unwrap_or((statement, ""));
        let words: Vec<_> = record.split_whitespace().collect();
        match words[..] {
            [] => Ok(None),
            [name, ttl, "IN", "CNAME", target] if is_ttl(ttl) => {
                let name =
                    FileSpanned { value: inside(whole(name)?, zone)?, place: file.line(line) };
                let proxied = comment.trim() == PROXIED;
                Ok(Some(ZoneRecord { name, target: whole(target)?, proxied }))
            }
            _ => Err(format!("`{statement}` is not understood")),
        }
    });
    records.map(|records| records.into_iter().flatten().collect())
}

fn inside(name: String, zone: &str) -> Result<String, String> {
    let before = name.strip_suffix(zone);
    match before.is_some_and(|before| before.is_empty() || before.ends_with('.')) {
        true => Ok(name),
        false => Err(format!("`{name}` is not in the zone {zone}")),
    }
}

/// A lifetime that Cloudflare accepts, in seconds: 1 is its "automatic" (Cloudflare, "Time to Live"). The
/// smallest depends on the plan, and is 60 at least for some.
fn is_ttl(text: &str) -> bool {
    text.parse::<u32>().is_ok_and(|ttl| ttl == 1 || (60..=86_400).contains(&ttl))
}

/// A name that ends in a dot. Other names would be relative to the zone.
fn whole(name: &str) -> Result<String, String> {
    let whole = name.strip_suffix('.').filter(|name| !name.is_empty());
    whole.map(str::to_lowercase).ok_or_else(|| format!("`{name}` does not end in a dot"))
}
