//! The machines of a mesh that another program has configured: files of wg-quick(8), and the database of wg-meshconf
//! (<https://github.com/k4yt3x/wg-meshconf>). They have private keys, which leave this module only for the store.

use std::io;
use std::path::{Path, PathBuf};

use ipnet::Ipv4Net;
use zeroize::Zeroizing;

use super::key_pair::{KeyPair, KeyPairState};
use super::store::{Store, StoreError, read_small};
use super::wireguard::PrivateKey;
use meshwright_compiler::topology::Topology;
use meshwright_value::{Endpoint, Name, Number as _, Port, PublicKey, Text};

/// A machine with its private key.
pub(crate) struct ExistingMachine {
    pub(crate) name: Name,
    pub(crate) public_key: PublicKey,
    pub(crate) address: Ipv4Net,
    pub(crate) listen_port: Option<Port>,
    /// Where wg-meshconf's database says that it is called.
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) peers: Vec<ExistingPeer>,
    key: PrivateKey,
}

/// What a machine knows about another one.
pub(crate) struct ExistingPeer {
    /// In the file, with its line.
    pub(crate) place: String,
    /// The word after `# Name:`.
    pub(crate) name: Option<Name>,
    pub(crate) public_key: PublicKey,
    pub(crate) endpoint: Option<Endpoint>,
    pub(crate) allowed: Vec<Ipv4Net>,
}

/// A setting that no topology has.
pub(crate) struct LeftOut {
    /// The file, with the line.
    pub(crate) place: String,
    /// Its key. Values may be secrets.
    pub(crate) key: String,
}

/// Why a file is not understood. No message has a value of the file.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ExistingError {
    #[error("cannot read {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error("{place}: {message}")]
    Fault { place: String, message: String },
}

impl ExistingMachine {
    /// Puts the private key into the store of a topology that has this machine with its public key.
    ///
    /// # Errors
    ///
    /// When the store has another key of this machine, or cannot be written.
    pub(crate) fn store_key(&self, topology: &Topology, store: &Store) -> Result<(), StoreError> {
        for key_pair in KeyPair::named(topology, &self.name) {
            match key_pair.state(store)? {
                KeyPairState::Elsewhere => {
                    store.create(&key_pair.file(), self.key.line().expose())?;
                }
                KeyPairState::Complete => {}
                _ => return Err(StoreError::Unusable { path: key_pair.path(store) }),
            }
        }
        Ok(())
    }
}

/// One setting of a file, with its place.
struct Setting<'file> {
    key: &'file str,
    value: &'file str,
    place: &'file str,
}

impl Setting<'_> {
    fn fault(&self, message: &str) -> ExistingError {
        ExistingError::Fault {
            place: self.place.to_owned(),
            message: format!("`{}` {message}", self.key),
        }
    }

    fn left_out(&self) -> LeftOut {
        LeftOut { place: self.place.to_owned(), key: self.key.to_owned() }
    }

    fn endpoint(&self) -> Result<Endpoint, ExistingError> {
        Endpoint::parse(self.value).map_err(|_| self.fault("is not a valid endpoint"))
    }

    /// Its addresses or networks; none in the place of one that is not IPv4.
    fn nets(&self) -> impl Iterator<Item = Option<Ipv4Net>> {
        self.value.split(',').map(|net| ipv4(net.trim()))
    }
}

/// A machine while its settings are read.
#[derive(Default)]
struct Settings {
    key: Option<PrivateKey>,
    address: Option<Ipv4Net>,
    listen_port: Option<Port>,
    endpoint: Option<Endpoint>,
    peers: Vec<ExistingPeer>,
}

impl Settings {
    /// Reads a setting of the machine itself.
    fn set(
        &mut self,
        setting: &Setting<'_>,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<(), ExistingError> {
        match setting.key.to_ascii_lowercase().as_str() {
            "privatekey" => {
                let private = PrivateKey::parse(setting.value.as_bytes());
                self.key = Some(private.ok_or_else(|| setting.fault("is not a valid key"))?);
            }
            "address" => {
                for net in setting.nets() {
                    match net {
                        Some(net) if self.address.is_none() => self.address = Some(net),
                        _ => left_out.push(setting.left_out()),
                    }
                }
            }
            "listenport" => {
                let number = setting.value.parse().ok();
                let port = number.and_then(|number| Port::from_integer(number).ok());
                self.listen_port = Some(port.ok_or_else(|| setting.fault("is not a valid port"))?);
            }
            "endpoint" => self.endpoint = Some(setting.endpoint()?),
            _ => left_out.push(setting.left_out()),
        }
        Ok(())
    }

    fn finish(self, name: Name, place: &str) -> Result<ExistingMachine, ExistingError> {
        let lacks = |key: &str| ExistingError::Fault {
            place: place.to_owned(),
            message: format!("`{key}` is missing"),
        };
        let Self { key, address, listen_port, endpoint, peers } = self;
        let key = key.ok_or_else(|| lacks("PrivateKey"))?;
        let address = address.ok_or_else(|| lacks("Address"))?;
        let public_key = key.public_key();
        Ok(ExistingMachine { name, public_key, address, listen_port, endpoint, peers, key })
    }
}

/// A peer while its settings are read.
#[derive(Default)]
struct PeerSettings {
    place: String,
    name: Option<Name>,
    public_key: Option<PublicKey>,
    endpoint: Option<Endpoint>,
    allowed: Vec<Ipv4Net>,
}

impl PeerSettings {
    fn set(
        &mut self,
        setting: &Setting<'_>,
        left_out: &mut Vec<LeftOut>,
    ) -> Result<(), ExistingError> {
        match setting.key.to_ascii_lowercase().as_str() {
            "publickey" => {
                let public = PublicKey::parse(setting.value);
                self.public_key = Some(public.map_err(|_| setting.fault("is not a valid key"))?);
            }
            "endpoint" => self.endpoint = Some(setting.endpoint()?),
            "allowedips" => {
                for net in setting.nets() {
                    match net {
                        Some(net) => self.allowed.push(net),
                        None => left_out.push(setting.left_out()),
                    }
                }
            }
            _ => left_out.push(setting.left_out()),
        }
        Ok(())
    }

    fn finish(self) -> Result<ExistingPeer, ExistingError> {
        let Self { place, name, public_key, endpoint, allowed } = self;
        match public_key {
            Some(public_key) => Ok(ExistingPeer { place, name, public_key, endpoint, allowed }),
            None => {
                Err(ExistingError::Fault { place, message: "`PublicKey` is missing".to_owned() })
            }
        }
    }
}

/// An address with or without a prefix, or a network, of IPv4.
fn ipv4(text: &str) -> Option<Ipv4Net> {
    match text.contains('/') {
        true => text.parse().ok(),
        false => text.parse::<std::net::Ipv4Addr>().ok().map(Ipv4Net::from),
    }
}

/// Reads a file of wg-quick(8), and adds what no topology has to a list.
///
/// # Errors
///
/// When the file cannot be read, or is not understood.
pub(crate) fn wg_quick(
    name: Name,
    path: &Path,
    left_out: &mut Vec<LeftOut>,
) -> Result<ExistingMachine, ExistingError> {
    let bytes = read(path)?;
    let text = text(&bytes, path)?;
    let mut settings = Settings::default();
    let mut peer: Option<PeerSettings> = None;
    for (number, line) in (1..).zip(text.lines()) {
        let place = format!("{}:{number}", path.display());
        if let (Some(peer), Some(comment)) = (&mut peer, line.trim().strip_prefix("# Name:")) {
            peer.name = Name::parse(comment.trim()).ok();
        }
        let content = line.split('#').next().unwrap_or_default().trim();
        if content.is_empty() {
        } else if content.eq_ignore_ascii_case("[interface]") {
            settings.peers.extend(peer.take().map(PeerSettings::finish).transpose()?);
        } else if content.eq_ignore_ascii_case("[peer]") {
            let next = PeerSettings { place, ..PeerSettings::default() };
            settings.peers.extend(peer.replace(next).map(PeerSettings::finish).transpose()?);
        } else if let Some((key, value)) = content.split_once('=') {
            let setting = Setting { key: key.trim(), value: value.trim(), place: &place };
            match &mut peer {
                Some(peer) => peer.set(&setting, left_out)?,
                None => settings.set(&setting, left_out)?,
            }
        } else {
            let message = "expected `[Interface]`, `[Peer]` or `Key = value`".to_owned();
            return Err(ExistingError::Fault { place, message });
        }
    }
    settings.peers.extend(peer.map(PeerSettings::finish).transpose()?);
    settings.finish(name, &path.display().to_string())
}

/// Reads the database of wg-meshconf, and adds what no topology has to a list.
///
/// # Errors
///
/// When the file cannot be read, or is not understood.
pub(crate) fn wg_meshconf(
    path: &Path,
    left_out: &mut Vec<LeftOut>,
) -> Result<Vec<ExistingMachine>, ExistingError> {
    let bytes = read(path)?;
    let mut records = records(text(&bytes, path)?).into_iter();
    let header: Vec<_> = records.next().unwrap_or_default();
    let mut machines = Vec::new();
    for (number, record) in (2..).zip(records) {
        let place = format!("{}: record {number}", path.display());
        let mut settings = Settings::default();
        let mut name = None;
        for (key, value) in header.iter().zip(&record).filter(|(_, value)| !value.is_empty()) {
            match key.as_str() {
                "Name" => {
                    name = Some(Name::parse(value).map_err(|malformed| ExistingError::Fault {
                        place: place.clone(),
                        message: malformed.message,
                    })?);
                }
                _ => settings.set(&Setting { key, value, place: &place }, left_out)?,
            }
        }
        let name = name.ok_or_else(|| ExistingError::Fault {
            place: place.clone(),
            message: "`Name` is missing".to_owned(),
        })?;
        machines.push(settings.finish(name, &place)?);
    }
    Ok(machines)
}

fn read(path: &Path) -> Result<Zeroizing<Vec<u8>>, ExistingError> {
    read_small(path).map_err(|source| ExistingError::File { path: path.to_owned(), source })
}

fn text<'a>(bytes: &'a [u8], path: &Path) -> Result<&'a str, ExistingError> {
    str::from_utf8(bytes).map_err(|_| ExistingError::Fault {
        place: path.display().to_string(),
        message: "is not UTF-8".to_owned(),
    })
}

/// The records of a CSV file (RFC 4180). No buffer grows: growing leaves copies of the keys in memory.
fn records(text: &str) -> Vec<Vec<Zeroizing<String>>> {
    let field = || Zeroizing::new(String::with_capacity(text.len()));
    let mut records = Vec::new();
    let (mut record, mut value, mut is_quoted) = (Vec::new(), field(), false);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if is_quoted && characters.next_if_eq(&'"').is_some() => value.push('"'),
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => record.push(std::mem::replace(&mut value, field())),
            '\r' if !is_quoted => {}
            '\n' if !is_quoted => {
                record.push(std::mem::replace(&mut value, field()));
                records.push(std::mem::take(&mut record));
            }
            other => value.push(other),
        }
    }
    if !value.is_empty() || !record.is_empty() {
        record.push(value);
        records.push(record);
    }
    records.retain(|record| record.iter().any(|value| !value.is_empty()));
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_have_quotes_commas_and_line_breaks() {
        let text = "a,\"b, c\",\"d \"\"e\"\"\"\r\n\n\"x\ny\",,z";
        let read: Vec<Vec<String>> = records(text)
            .iter()
            .map(|record| record.iter().map(|value| value.to_string()).collect())
            .collect();
        assert_eq!(read, [["a", "b, c", "d \"e\""], ["x\ny", "", "z"]]);
    }
}
