//! The credential of the Cloudflare Tunnel, which Cloudflare generates and `keys import` imports.
//!
//! It has two forms with the same content: `credentials.json` of `cloudflared tunnel create`, and the
//! token of the dashboard (`connection.TunnelToken` in cloudflared). The store contains the first; the
//! form in the cluster depends on the mode of its tunnel.

use std::io::Write;
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::secret::Secret;
use super::store::{Found, Store, StoreError};
use meshwright_value::{Text as _, TunnelId, TunnelMode};

/// The file in the store.
const FILE: &str = "cluster/tunnel.json";

/// The secret with which cloudflared connects to the tunnel.
pub(crate) struct TunnelCredential {
    account: String,
    /// In base64.
    secret: Zeroizing<String>,
    /// The tunnel.
    pub id: TunnelId,
    /// The region of the edge, if restricted.
    endpoint: Option<String>,
}

/// The state of the credential in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CredentialState {
    /// There is no file.
    Missing,
    /// The file contains the credential of this tunnel.
    Complete,
    /// The file is encrypted, and no identity was given.
    Sealed,
    /// The file contains something else.
    Malformed,
    /// The file contains the credential of another tunnel.
    Other(TunnelId),
}

/// `credentials.json`.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CredentialFile<Text> {
    account_tag: Text,
    tunnel_secret: Text,
    #[serde(rename = "TunnelID")]
    tunnel_id: Text,
    #[serde(default = "none", skip_serializing_if = "Option::is_none")]
    endpoint: Option<Text>,
}

/// The JSON in a token.
#[derive(Serialize, Deserialize)]
struct TunnelToken<Text> {
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

impl TunnelCredential {
    /// Parses either form. A token may follow the command that the dashboard shows.
    pub(crate) fn parse(secret: &Secret) -> Option<Self> {
        let text = secret.text()?.trim();
        if text.starts_with('{') {
            let file: CredentialFile<String> = serde_json::from_str(text).ok()?;
            return Self::new(file.account_tag, file.tunnel_secret, &file.tunnel_id, file.endpoint);
        }
        let token = text.split_ascii_whitespace().next_back()?;
        let json = Zeroizing::new(STANDARD.decode(token).ok()?);
        let token: TunnelToken<String> = serde_json::from_slice(&json).ok()?;
        Self::new(token.account_tag, token.tunnel_secret, &token.tunnel_id, token.endpoint)
    }

    fn new(account: String, secret: String, id: &str, endpoint: Option<String>) -> Option<Self> {
        let secret = Zeroizing::new(secret);
        let bytes = Zeroizing::new(STANDARD.decode(secret.as_bytes()).ok()?);
        let id = TunnelId::parse(id).ok()?;
        (!account.is_empty() && !bytes.is_empty()).then_some(Self { account, secret, id, endpoint })
    }

    /// The form that the mode requires: `credentials.json`, or a token.
    pub(super) fn encode_for(&self, mode: TunnelMode) -> Secret {
        match mode {
            TunnelMode::Local => self.file(),
            TunnelMode::Remote => self.token(),
        }
    }

    fn file(&self) -> Secret {
        serialize(&CredentialFile {
            account_tag: self.account.as_str(),
            tunnel_secret: self.secret.as_str(),
            tunnel_id: self.id.as_str(),
            endpoint: self.endpoint.as_deref(),
        })
    }

    fn token(&self) -> Secret {
        let json = serialize(&TunnelToken {
            account_tag: self.account.as_str(),
            tunnel_secret: self.secret.as_str(),
            tunnel_id: self.id.as_str(),
            endpoint: self.endpoint.as_deref(),
        });
        let mut token = vec![0; json.expose().len().div_ceil(3) * 4];
        let written = STANDARD.encode_slice(json.expose(), &mut token);
        debug_assert_eq!(written, Ok(token.len()), "the length of base64 is known");
        Secret::new(token)
    }

    /// Writes it to the store.
    ///
    /// # Errors
    ///
    /// When the file cannot be written, or exists.
    pub(crate) fn store(&self, store: &Store) -> Result<(), StoreError> {
        store.create(FILE, self.file().expose())
    }

    /// Reads it from the store.
    ///
    /// # Errors
    ///
    /// When the file is missing or cannot be read.
    pub(super) fn read(store: &Store) -> Result<Self, StoreError> {
        Self::find(store)?.ok_or_else(|| StoreError::Missing { path: path(store) })
    }

    /// Reads it from the store; `None` if there is no file.
    ///
    /// # Errors
    ///
    /// When it cannot be read.
    pub(crate) fn find(store: &Store) -> Result<Option<Self>, StoreError> {
        let unusable = || StoreError::Unusable { path: path(store) };
        let stored = store.read(FILE)?;
        stored.map(|secret| Self::parse(&secret).ok_or_else(unusable)).transpose()
    }

    /// Whether both are the same credential.
    pub(crate) fn equals(&self, other: &Self) -> bool {
        self.file().expose() == other.file().expose()
    }
}

/// Serialises into a buffer that never grows: growing leaves copies of the secret in memory.
fn serialize(value: &impl Serialize) -> Secret {
    let mut bytes = Vec::with_capacity(4096);
    let written = serde_json::to_writer(&mut bytes as &mut dyn Write, value);
    written.unwrap_or_else(|fault| unreachable!("strings are JSON: {fault}"));
    Secret::new(bytes)
}

/// The path of the credential, for messages.
pub(crate) fn path(store: &Store) -> PathBuf {
    store.path(FILE)
}

/// The state of the credential of this tunnel.
///
/// # Errors
///
/// When the store cannot be read.
pub(crate) fn state(store: &Store, id: &TunnelId) -> Result<CredentialState, StoreError> {
    let secret = match store.find(FILE)? {
        Found::Nothing => return Ok(CredentialState::Missing),
        Found::Sealed => return Ok(CredentialState::Sealed),
        Found::Open(secret) => secret,
    };
    Ok(match TunnelCredential::parse(&secret) {
        None => CredentialState::Malformed,
        Some(credential) if credential.id == *id => CredentialState::Complete,
        Some(credential) => CredentialState::Other(credential.id),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Invented for this test, in the form that cloudflared writes.
    const FILE: &str = r#"{"AccountTag":"0123456789abcdef0123456789abcdef","TunnelSecret":"AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=","TunnelID":"6ff42ae2-765d-4adf-8112-31c55c1551ef"}"#;
    const TOKEN: &str = "eyJhIjoiMDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWYiLCJzIjoiQVFJREJBVUdCd2dKQ2dzTURRNFBFQkVTRXhRVkZoY1lHUm9iSEIwZUh5QT0iLCJ0IjoiNmZmNDJhZTItNzY1ZC00YWRmLTgxMTItMzFjNTVjMTU1MWVmIn0=";

    fn parse(text: &str) -> Option<TunnelCredential> {
        TunnelCredential::parse(&Secret::new(text.as_bytes().to_vec()))
    }

    #[test]
    fn each_form_gives_the_other() {
        let command = format!("sudo cloudflared service install {TOKEN}\n");
        for text in [FILE, TOKEN, &command] {
            let credential = parse(text).unwrap();
            let forms =
                [TunnelMode::Local, TunnelMode::Remote].map(|mode| credential.encode_for(mode));
            let [file, token] = forms.each_ref().map(|form| form.text().unwrap());
            assert_eq!((file, token), (FILE, TOKEN));
        }
    }

    #[test]
    fn an_endpoint_is_kept() {
        let credential = parse(&FILE.replace("{", r#"{"Endpoint":"us","#)).unwrap();
        let token = credential.encode_for(TunnelMode::Remote);
        assert!(TunnelCredential::parse(&token).is_some_and(|again| again.equals(&credential)));
        assert!(credential.file().text().unwrap().ends_with(r#","Endpoint":"us"}"#));
    }

    #[test]
    fn rejects_malformed_credentials() {
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
