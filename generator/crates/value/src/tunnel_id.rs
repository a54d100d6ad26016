//! Identifiers of Cloudflare tunnels.

use super::string::string_type;
use super::{Form, Malformed, Text};

string_type! {
    /// The UUID of a Cloudflare tunnel, in lower case.
    pub struct TunnelId;
}

/// Hex digits of each group of a UUID (RFC 9562 §4).
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

impl Text for TunnelId {
    const EXPECTED: &'static str = "a tunnel id such as `6ff42ae2-765d-4adf-8112-31c55c1551ef`";
    const FORM: Form = Form::Pattern(r"^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let groups: Vec<_> = text.split('-').collect();
        let hex = groups.iter().all(|group| group.bytes().all(|b| b.is_ascii_hexdigit()));
        match hex && groups.iter().map(|group| group.len()).eq(GROUPS) {
            true => Ok(Self(text.to_ascii_lowercase())),
            false => {
                Err(Malformed::new(format!("`{text}` is not a valid tunnel id"), "expected a UUID")
                    .help("`cloudflared tunnel list` prints the ids of your tunnels"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_uuids() {
        let id = "6ff42ae2-765d-4adf-8112-31c55c1551ef";
        accepts::<TunnelId>(&[(id, id), (&id.to_uppercase(), id)]);
    }

    #[test]
    fn refuses_the_rest() {
        refuses::<TunnelId>(&[(
            "atlas",
            "`atlas` is not a valid tunnel id",
            "expected a UUID",
            "`cloudflared tunnel list` prints the ids of your tunnels",
        )]);
    }
}
