//! systemd units, and one line of the script that they run.

use super::ParseError;

/// One setting of a unit.
#[derive(Debug, Clone)]
pub struct UnitSetting {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// Its line.
    pub line: u32,
}

/// Reads a unit (systemd.syntax(7)), without its sections.
///
/// # Errors
///
/// Every line that is neither a section nor a setting.
pub(crate) fn read(text: &str) -> Result<Vec<UnitSetting>, Vec<ParseError>> {
    let sections = |line: &str| line.starts_with('[') && line.ends_with(']');
    let settings = super::lines(text, |line, statement| {
        if sections(statement) {
            return Ok(None);
        }
        let (name, value) =
            statement.split_once('=').ok_or_else(|| format!("`{statement}` is not a setting"))?;
        Ok(Some(UnitSetting { name: name.to_owned(), value: value.to_owned(), line }))
    });
    settings.map(|settings| settings.into_iter().flatten().collect())
}

/// Whether the script writes `PrivateKey` into the input of `wg syncconf`. The rest of the script is
/// not proven. Without this line, a reload removes the private key and every link goes down.
///
/// # Errors
///
/// Never; a script is any text.
pub(crate) fn hands_the_key_over(text: &str) -> Result<bool, ParseError> {
    let mut code = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    Ok(code.any(|line| line.contains("PrivateKey")))
}
