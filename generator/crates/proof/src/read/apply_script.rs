//! The table of external files at the head of `apply.sh`. The rest of the script is of a fixed family: the nodes with
//! their labels and taints too, which `kubeadm.yaml` of each node states.

use super::ParseError;
use crate::facts::ExternalSource;

/// Reads the table.
///
/// # Errors
///
/// When an entry has not its three lines.
pub(crate) fn read(text: &str) -> Result<Vec<ExternalSource>, ParseError> {
    let mut sources = Vec::new();
    let mut lines = (1..).zip(text.lines());
    while let Some((line, one)) = lines.next() {
        let Some((name, version)) = entry("version", one) else { continue };
        let mut further = |key: &str| {
            let (line, text) = lines.next().unwrap_or((line, ""));
            let found = entry(key, text).filter(|(other, _)| *other == name);
            let message = format!("`{text}` is not `{key}[{name}]='…'`");
            found.map(|(_, value)| value.to_owned()).ok_or(ParseError { line, message })
        };
        let (url, checksum) = (further("url")?, further("checksum")?);
        sources.push(ExternalSource {
            name: name.to_owned(),
            version: version.to_owned(),
            url,
            checksum,
        });
    }
    Ok(sources)
}

/// The name and the value of `key[name]='value'`. bash(1) would expand nothing in such a value, and
/// the value contains no quote.
fn entry<'line>(key: &str, line: &'line str) -> Option<(&'line str, &'line str)> {
    let (name, value) = line.strip_prefix(key)?.strip_prefix('[')?.split_once("]='")?;
    value.strip_suffix('\'').filter(|value| !value.contains('\'')).map(|value| (name, value))
}
