//! The credential of the Cloudflare Tunnel, which Cloudflare makes and we import.
//!
//! It comes in two forms with the same content: `credentials.json` of `cloudflared tunnel create`, and
//! the token of the dashboard (`connection.TunnelToken` in cloudflared). The store keeps the first;
//! what a cluster is given follows from the mode of its tunnel.

use std::io::Write;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::secret::Secret;
use super::store::{Error, Found, Store};
use meshwright_value::{Text as _, TunnelId, TunnelMode};

/// Its file in the store.
const FILE: &str = "cluster/tunnel.json";

/// What lets a connector serve the tunnel.
pub(crate) struct Credential {
    account: String,
    /// In base64.
    secret: Zeroizing<String>,
    /// Whose it is.
    pub id: TunnelId,
    /// Where the edge is, if not everywhere.
    endpoint: Option<String>,
}

/// What the store has of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// Nothing.
    Missing,
    /// The credential of this tunnel.
    Complete,
    /// A sealed file, and no identity to look into it.
    Sealed,
    /// A file that holds something else.
    Malformed,
    /// The credential of another tunnel.
    Other(TunnelId),
}

/// `credentials.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct File<Text> {
    account_tag: Text,
    tunnel_secret: Text,
    #[serde(rename = "TunnelID")]
    tunnel_id: Text,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    endpoint: Option<Text>,
}

/// What a token holds.
#[derive(Serialize, Deserialize)]
struct Token<Text> {
    #[serde(rename = "a")]
    account_tag: Text,
    #[serde(rename = "s")]
    tunnel_secret: Text,
    #[serde(rename = "t")]
    tunnel_id: Text,
    #[serde(rename = "e", default = "none", skip_serializing_if = "Option::is_none")]
    endpoint: Option<Text>,
}

fn none<Text>() -> Option<Text> {
    None
}

impl Credential {
    /// Reads either form. A token may come with the words that the dashboard shows before it.
    pub(crate) fn parse(secret: &Secret) -> Option<Self> {
        let text = secret.text()?.trim();
        if text.starts_with('{') {
            let file: File<String> = serde_json::from_str(text).ok()?;
            return Self::new(file.account_tag, file.tunnel_secret, &file.tunnel_id, file.endpoint);
        }
        let token = text.split_ascii_whitespace().next_back()?;
        let json = Zeroizing::new(STANDARD.decode(token).ok()?);
        let token: Token<String> = serde_json::from_slice(&json).ok()?;
        Self::new(token.account_tag, token.tunnel_secret, &token.tunnel_id, token.endpoint)
    }

    fn new(account: String, secret: String, id: &str, endpoint: Option<String>) -> Option<Self> {
        let secret = Zeroizing::new(secret);
        let bytes = Zeroizing::new(STANDARD.decode(secret.as_bytes()).ok()?);
        let id = TunnelId::parse(id).ok()?;
        (!account.is_empty() && !bytes.is_empty()).then_some(Self { account, secret, id, endpoint })
    }

    /// The form that each mode reads: `credentials.json`, or a token.
    pub(super) fn in_form_of(&self, mode: TunnelMode) -> Secret {
        match mode {
            TunnelMode::Local => self.file(),
            TunnelMode::Remote => self.token(),
        }
    }

    fn file(&self) -> Secret {
        json(&File {
            account_tag: self.account.as_str(),
            tunnel_secret: self.secret.as_str(),
            tunnel_id: self.id.as_str(),
            endpoint: self.endpoint.as_deref(),
        })
    }

    fn token(&self) -> Secret {
        let json = json(&Token {
            account_tag: self.account.as_str(),
            tunnel_secret: self.secret.as_str(),
            tunnel_id: self.id.as_str(),
            endpoint: self.endpoint.as_deref(),
        });
        let mut token = vec![0; json.expose().len().div_ceil(3) * 4];
        let written = STANDARD.encode_slice(json.expose(), &mut token);
        debug_assert_eq!(written, Ok(token.len()), "base64 is as long as it is");
        Secret::new(token)
    }

    /// Keeps it.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or is there already.
    pub(crate) fn keep(&self, store: &Store) -> Result<(), Error> {
        store.create(FILE, self.file().expose())
    }

    /// Reads it from the store.
    ///
    /// # Errors
    ///
    /// When it is not there or cannot be read.
    pub(super) fn read(store: &Store) -> Result<Self, Error> {
        Self::find(store)?.ok_or_else(|| Error::Missing { path: path(store) })
    }

    /// Reads it from the store; none if it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn find(store: &Store) -> Result<Option<Self>, Error> {
        let unusable = || Error::Unusable { path: path(store) };
        let kept = store.read(FILE)?;
        kept.map(|kept| Self::parse(&kept).ok_or_else(unusable)).transpose()
    }

    /// Whether it says what the other says.
    pub(crate) fn is(&self, other: &Self) -> bool {
        self.file().expose() == other.file().expose()
    }
}

/// Into a buffer that never grows: one that does leaves copies behind.
fn json(value: &impl Serialize) -> Secret {
    let mut bytes = Vec::with_capacity(4096);
    let written = serde_json::to_writer(&mut bytes as &mut dyn Write, value);
    written.unwrap_or_else(|fault| unreachable!("strings are JSON: {fault}"));
    Secret::new(bytes)
}

/// The path of the credential, for messages.
pub(crate) fn path(store: &Store) -> PathBuf {
    store.path(FILE)
}

/// What the store has of the credential of this tunnel.
///
/// # Errors
///
/// When the store cannot be read.
pub(crate) fn state(store: &Store, id: &TunnelId) -> Result<State, Error> {
    let secret = match store.find(FILE)? {
        Found::Nothing => return Ok(State::Missing),
        Found::Sealed => return Ok(State::Sealed),
        Found::Open(secret) => secret,
    };
    Ok(match Credential::parse(&secret) {
        None => State::Malformed,
        Some(credential) if credential.id == *id => State::Complete,
        Some(credential) => State::Other(credential.id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made up; in the form that cloudflared writes.
    const FILE: &str = r#"{"AccountTag":"0123456789abcdef0123456789abcdef","TunnelSecret":"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=","TunnelID":"6ff42ae2-765d-4adf-8112-31c55c1551ef"}"#;
    const TOKEN: &str = "eyJhIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYiLCJzIjoiQVFJREJBVUdCd2dKQ2dzTURRNFBFQkVTRXhRVkZoY1lHUm9iSEIwZUh5QT0iLCJ0IjoiNmZmNDJhZTItNzY1ZC00YWRmLTgxMTItMzFjNTVjMTU1MWVmIn0=";

    fn parse(text: &str) -> Option<Credential> {
        Credential::parse(&Secret::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn each_form_gives_the_other() {
        let command = format!("sudo cloudflared service install {TOKEN}\n");
        for text in [FILE, TOKEN, &command] {
            let credential = parse(text).unwrap();
            let forms =
                [TunnelMode::Local, TunnelMode::Remote].map(|mode| credential.in_form_of(mode));
            let [file, token] = forms.each_ref().map(|form| form.text().unwrap());
            assert_eq!((file, token), (FILE, TOKEN));
        }
    }

    #[test]
    fn an_endpoint_is_kept() {
        let credential = parse(&FILE.replace("{", r#"{"Endpoint":"us","#)).unwrap();
        let token = credential.in_form_of(TunnelMode::Remote);
        assert!(Credential::parse(&token).is_some_and(|again| again.is(&credential)));
        assert!(credential.file().text().unwrap().ends_with(r#","Endpoint":"us"}"#));
    }

    #[test]
    fn refuses_the_rest() {
        let broken = [
            "",
            "{}",
            "eyJhIjoi",
            &TOKEN[..TOKEN.len() - 8],
            &FILE.replace("6ff42ae2", "6ff42ae"),
            &FILE.replace("AQID", "AQI"),
            &FILE.replace("0123456789abcdef0123456789abcdef", ""),
        ];
        for text in broken {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
