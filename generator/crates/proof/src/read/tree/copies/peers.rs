//! The peers: `node.json`, `wg0.conf`, `wg0.endpoints` and `wg0.peers` have the same ones.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::CopyComparison;
use crate::finding::{FindingCode, ProofFinding};
use crate::read::ParseError;
use crate::read::node_json::{NodeJsonDocument, PeerJson};
use crate::read::peer_list::ListedPeer;
use crate::read::tree::FromFile;
use crate::read::wg_quick::{LONGEST_INTERVAL, PresharedKeyFile, WgConf, WgPeer, late_message};
use crate::span::{FileId, FileLine};
use meshwright_value::{Endpoint, PublicKey};

/// One peer of `node.json`, with its values read.
struct StatedPeer<'a, 'text> {
    peer: &'a PeerJson<'text>,
    public_key: PublicKey,
    nets: Vec<Ipv4Net>,
}

/// The same peer in `wg0.conf`.
struct ConfiguredPeer<'a> {
    peer: &'a WgPeer,
    nets: Vec<Ipv4Net>,
}

impl<'a, 'text> CopyComparison<'a, 'text> {
    pub(super) fn peers(&mut self) -> Result<(), ParseError> {
        let stated = self.document.wireguard.peers.iter();
        let stated = stated.map(|peer| self.stated(peer)).collect::<Result<Vec<_>, _>>()?;
        let configured = configured(&self.files.conf.content);
        let of_conf = self.positions(
            self.files
                .conf
                .content
                .peers
                .iter()
                .map(|peer| (peer.public_key.value, peer.public_key.line)),
            self.files.conf.file,
        );
        self.named_endpoints(&of_conf);
        let preshared = self.preshared_keys(&of_conf);
        let listed = &self.files.listed.content;
        let keys = listed.iter().map(|peer| (peer.public_key, peer.line));
        let of_list = self.positions(keys, self.files.listed.file);
        let mut met = vec![false; configured.len()];
        let mut met_in_list = vec![false; listed.len()];
        let mut missing = Vec::new();
        for one in &stated {
            match of_conf.get(&one.public_key) {
                Some(position) => {
                    met[*position] = true;
                    let line = of_list.get(&one.public_key).map(|found| &listed[*found]);
                    self.compare(one, &configured[*position], line)?;
                    self.compare_preshared_key(one, preshared.get(&one.public_key).copied());
                }
                None => missing.push(one),
            }
            match of_list.get(&one.public_key) {
                Some(position) => {
                    met_in_list[*position] = true;
                    self.compare_listed(one, &listed[*position]);
                }
                None => self.is_not_listed(one),
            }
        }
        let further = configured.iter().zip(met).filter(|(_, met)| !met).map(|(peer, _)| peer);
        let unmet_in_list = listed.iter().zip(met_in_list).filter(|(_, met)| !met);
        let is_unstated = |peer: &&ListedPeer| !stated.iter().any(|one| one.peer.name == peer.name);
        let further_in_list = unmet_in_list.map(|(peer, _)| peer).filter(is_unstated);
        self.unmatched(missing, further.collect(), further_in_list.collect());
        Ok(())
    }

    fn stated(&self, peer: &'a PeerJson<'text>) -> Result<StatedPeer<'a, 'text>, ParseError> {
        let public_key = self.lines.value(peer.public_key)?.value;
        let nets = sorted(NodeJsonDocument::nets(&peer.allowed_ips, self.lines)?);
        Ok(StatedPeer { peer, public_key, nets })
    }

    /// The position of each key, and a finding for each key that is there twice.
    fn positions(
        &mut self,
        keys: impl Iterator<Item = (PublicKey, u32)>,
        file: FileId,
    ) -> BTreeMap<PublicKey, usize> {
        let mut positions = BTreeMap::new();
        for (position, (key, line)) in keys.enumerate() {
            if positions.insert(key, position).is_some() {
                let message = format!("two peers have the key {key}: they are one peer to wg(8)");
                let place = file.line(line);
                self.finds(FindingCode::KeysDisagree, place, place, message);
            }
        }
        positions
    }

    fn compare(
        &mut self,
        one: &StatedPeer<'_, '_>,
        other: &ConfiguredPeer<'_>,
        listed: Option<&ListedPeer>,
    ) -> Result<(), ParseError> {
        let conf = self.files.conf.file;
        if one.nets != other.nets {
            let conf_place = conf.line(other.peer.allowed_line);
            let json_line = one.peer.allowed_ips.first().unwrap_or(&one.peer.public_key);
            let json_place = self.json.line(self.lines.line_of(json_line));
            // Of three copies, the one that differs is wrong.
            let carried = listed.map(|listed| ascending(&listed.addresses));
            let with_list = carried.as_ref() == Some(&self.machines(&one.nets))
                && carried != Some(self.machines(&other.nets));
            let (place, shown, here, there) = if with_list {
                (conf_place, json_place, &other.nets, &one.nets)
            } else {
                (json_place, conf_place, &one.nets, &other.nets)
            };
            let message = format!(
                "the AllowedIPs of {} are {} here, and {} in {}",
                one.peer.name,
                comma_separated(here),
                comma_separated(there),
                self.paths.show(shown)
            );
            self.differs_from(place, shown, message);
        }
        self.compare_endpoint(one, other)?;
        self.compare_keepalive(one, other)
    }

    /// An end without an endpoint in `wg0.conf` may still be called by the other end.
    fn compare_endpoint(
        &mut self,
        one: &StatedPeer<'_, '_>,
        other: &ConfiguredPeer<'_>,
    ) -> Result<(), ParseError> {
        let stated =
            one.peer.endpoint.map(|text| self.lines.value::<Endpoint>(text)).transpose()?;
        match (stated, self.configured_endpoint(other.peer)) {
            (Some(stated), Some((endpoint, place))) => {
                let subject = format!("the endpoint of {}", one.peer.name);
                self.same(&subject, &stated, (endpoint, place));
            }
            (None, Some((_, place))) => {
                let name = one.peer.name;
                let shown = self.paths.show(place);
                let at = self.json.line(self.lines.line_of(name));
                self.differs(at, format!("{name} has no endpoint here, and one in {shown}"));
            }
            (Some(stated), None) => {
                self.differences.further_endpoints.push((one.public_key, stated));
            }
            (None, None) => {}
        }
        Ok(())
    }

    /// Each line of `wg0.endpoints` is for a peer that has no `Endpoint` in `wg0.conf`: the host sets it
    /// by `wg set`, and would replace the other.
    fn named_endpoints(&mut self, of_conf: &BTreeMap<PublicKey, usize>) {
        let Some(named) = self.files.endpoints else { return };
        let peers = &self.files.conf.content.peers;
        for (key, endpoint) in &named.content {
            let place = named.file.line(endpoint.line);
            let in_conf = of_conf.get(key).map(|position| peers[*position].endpoint.as_ref());
            match in_conf {
                Some(None) => {}
                Some(Some(configured)) => {
                    let other = self.files.conf.file.line(configured.line);
                    let shown = self.paths.show(other);
                    let message = format!("this peer has an endpoint in {shown} too");
                    self.differs_from(place, other, message);
                }
                None => {
                    let message = format!("no peer in the interface's file has the key {key}");
                    self.finds(FindingCode::KeysDisagree, place, place, message);
                }
            }
        }
    }

    /// `Endpoint`, or the line of `wg0.endpoints` for a peer without one.
    fn configured_endpoint(&self, peer: &'a WgPeer) -> Option<(&'a Endpoint, FileLine)> {
        if let Some(endpoint) = &peer.endpoint {
            return Some((&endpoint.value, self.files.conf.file.line(endpoint.line)));
        }
        let named = self.files.endpoints?;
        let key = peer.public_key.value;
        let (_, endpoint) = named.content.iter().find(|(known, _)| *known == key)?;
        Some((&endpoint.value, named.file.line(endpoint.line)))
    }

    /// Two intervals both keep a link open; an interval and none do not.
    fn compare_keepalive(
        &mut self,
        one: &StatedPeer<'_, '_>,
        other: &ConfiguredPeer<'_>,
    ) -> Result<(), ParseError> {
        let stated = one.peer.persistent_keepalive;
        let stated = stated.map(|raw| self.lines.parse::<u16>(raw.get())).transpose()?;
        if let Some(late) = stated.filter(|stated| stated.value > LONGEST_INTERVAL) {
            let at = self.json.line(late.line);
            self.finds(FindingCode::KeepaliveMissing, at, at, late_message(late.value));
        }
        let seconds = stated.map_or(0, |stated| stated.value);
        let configured = other.peer.keepalive.map_or(0, |keepalive| keepalive.value);
        if seconds == 0 && configured != 0 {
            let line = stated.map_or_else(|| self.lines.line_of(one.peer.name), |one| one.line);
            let shown = self.paths.show(self.files.conf.file.line(other.peer.public_key.line));
            let message = format!(
                "no keepalives are sent to {}, and one every {configured} s in {shown}",
                one.peer.name
            );
            let code = FindingCode::KeepaliveMissing;
            let at = self.json.line(line);
            self.finds(code, at, at, message);
        }
        Ok(())
    }

    /// The preshared keys that `wg0.conf` loads, by the keys of their peers.
    fn preshared_keys(
        &mut self,
        peers: &BTreeMap<PublicKey, usize>,
    ) -> BTreeMap<PublicKey, &'a PresharedKeyFile> {
        let conf = self.files.conf;
        let (loaded, findings) = preshared_keys(&conf.content, conf.file, peers);
        for finding in findings {
            self.finds(finding.code, finding.place, finding.place, finding.message);
        }
        loaded
    }

    fn compare_preshared_key(
        &mut self,
        one: &StatedPeer<'_, '_>,
        loaded: Option<&PresharedKeyFile>,
    ) {
        let conf = self.files.conf;
        let stated = one.peer.preshared_key_file;
        if stated == loaded.map(|loaded| loaded.path.as_str()) {
            return;
        }
        let line = self.lines.line_of(stated.unwrap_or(one.peer.name));
        let place = conf.file.line(loaded.map_or(0, |loaded| loaded.line));
        let message = format!(
            "the preshared key with {} is in {} here, and in {} in {}",
            one.peer.name,
            stated.unwrap_or("no file"),
            loaded.map_or("no file", |loaded| &loaded.path),
            self.paths.show(place)
        );
        let code = FindingCode::PresharedKeysDisagree;
        self.finds(code, self.json.line(line), place, message);
    }

    /// The line of `wg0.peers`, from which a reload takes the preshared keys.
    fn compare_listed(&mut self, one: &StatedPeer<'_, '_>, listed: &ListedPeer) {
        let place = self.files.listed.file.line(listed.line);
        let name = one.peer.name;
        if listed.name != name {
            let message =
                format!("{} is the key of {name} in {}", listed.public_key, self.shown_json());
            self.differs(place, message);
            return;
        }
        let is_node = self.nodes.binary_search_by(|node| node.as_str().cmp(name)).is_ok();
        if listed.is_node != is_node {
            let kind = if is_node { "node" } else { "client" };
            self.differs(place, format!("{name} is a {kind}"));
        }
        let (carried, wanted) = (ascending(&listed.addresses), self.machines(&one.nets));
        let configured = self.files.conf.content.peers.iter();
        let agrees = carried == wanted;
        // The AllowedIPs of node.json alone may be wrong, and have their own finding.
        if !agrees && !self.carries(configured, one, &carried) {
            let message = format!(
                "{name} carries {} here, and {} in {}",
                comma_separated(&carried),
                comma_separated(&wanted),
                self.shown_json()
            );
            self.differs(place, message);
        }
        if listed.preshared_key_file.as_deref() != one.peer.preshared_key_file {
            let message = format!(
                "the preshared key with {name} is in {} here, and in {} in {}",
                listed.preshared_key_file.as_deref().unwrap_or("no file"),
                one.peer.preshared_key_file.unwrap_or("no file"),
                self.shown_json()
            );
            let code = FindingCode::PresharedKeysDisagree;
            self.finds(code, place, place, message);
        }
    }

    /// Whether a peer of `wg0.conf` carries these machines.
    fn carries<'peer>(
        &self,
        mut peers: impl Iterator<Item = &'peer WgPeer>,
        one: &StatedPeer<'_, '_>,
        carried: &[std::net::Ipv4Addr],
    ) -> bool {
        let conf = &self.files.conf.content;
        let position = peers.position(|peer| peer.public_key.value == one.public_key);
        let Some(position) = position.and_then(|found| u32::try_from(found).ok()) else {
            return false;
        };
        let allowed = conf.allowed.iter().filter(|allowed| allowed.peer == position);
        self.machines(&allowed.map(|allowed| allowed.net).collect::<Vec<_>>()) == carried
    }

    fn is_not_listed(&mut self, one: &StatedPeer<'_, '_>) {
        let listed = self.files.listed;
        let same_name = listed.content.iter().find(|peer| peer.name == one.peer.name);
        let name = one.peer.name;
        let stated = self.json.line(self.lines.line_of(one.peer.public_key));
        let (code, line, message) = match same_name {
            Some(peer) => {
                let message = format!(
                    "the key of {name} is {} here, and {} in {}",
                    peer.public_key,
                    one.public_key,
                    self.paths.show(stated)
                );
                (FindingCode::KeysDisagree, peer.line, message)
            }
            None => {
                let message =
                    format!("there is no line of {name}: {} has that peer", self.shown_json());
                (FindingCode::FilesDisagree, 0, message)
            }
        };
        self.finds(code, listed.file.line(line), stated, message);
    }

    /// Peers of one file that the other one does not have. Of two with the same addresses, the key
    /// differs.
    fn unmatched(
        &mut self,
        missing: Vec<&StatedPeer<'_, '_>>,
        mut further: Vec<&ConfiguredPeer<'_>>,
        mut further_in_list: Vec<&ListedPeer>,
    ) {
        let conf = self.files.conf.file;
        for one in missing {
            let place = self.json.line(self.lines.line_of(one.peer.public_key));
            match further.iter().position(|other| other.nets == one.nets) {
                Some(position) => {
                    let other = further.swap_remove(position);
                    let listed = self.files.listed.content.iter();
                    let mut listed = listed.filter(|peer| peer.name == one.peer.name);
                    let with_list = listed.all(|peer| peer.public_key == one.public_key);
                    let conf_place = conf.line(other.peer.public_key.line);
                    let there = other.peer.public_key.value;
                    let (at, shown, here, there) = if with_list {
                        (conf_place, place, there, one.public_key)
                    } else {
                        (place, conf_place, one.public_key, there)
                    };
                    let message = format!(
                        "the key of {} is {here} here, and {there} in {}",
                        one.peer.name,
                        self.paths.show(shown)
                    );
                    self.finds(FindingCode::KeysDisagree, at, shown, message);
                }
                None => {
                    let message = format!(
                        "there is no peer with the key of {}, which {} has",
                        one.peer.name,
                        self.paths.show(place)
                    );
                    self.differs(conf.whole(), message);
                }
            }
        }
        for other in further {
            let place = conf.line(other.peer.public_key.line);
            let key = other.peer.public_key.value;
            let in_list = further_in_list.iter().position(|listed| listed.public_key == key);
            match in_list.map(|position| further_in_list.swap_remove(position)) {
                // Of three files, the one that differs is wrong.
                Some(listed) => {
                    let shown = self.paths.show(place);
                    let message = format!("there is no peer {}: it is in {shown}", listed.name);
                    self.differs(self.json.whole(), message);
                }
                None => {
                    let message = format!("{} has no peer with this key", self.shown_json());
                    self.differs(place, message);
                }
            }
        }
        for listed in further_in_list {
            let place = self.files.listed.file.line(listed.line);
            self.differs(place, format!("{} has no peer {}", self.shown_json(), listed.name));
        }
    }

    fn shown_json(&self) -> String {
        self.paths.show(self.json.whole())
    }
}

/// The preshared keys that an interface loads, and a finding for each that no peer uses or that
/// replaces another one.
fn preshared_keys<'conf>(
    conf: &'conf WgConf,
    file: FileId,
    peers: &BTreeMap<PublicKey, usize>,
) -> (BTreeMap<PublicKey, &'conf PresharedKeyFile>, Vec<ProofFinding>) {
    let mut loaded: BTreeMap<_, &PresharedKeyFile> = BTreeMap::new();
    let mut findings = Vec::new();
    for preshared in &conf.preshared {
        let key = preshared.public_key;
        let message = match loaded.insert(key, preshared) {
            Some(earlier) => {
                format!("this peer's preshared key is loaded on line {} too", earlier.line)
            }
            None if peers.contains_key(&key) => continue,
            None => format!("no peer has the key {key}: `wg set` adds one without addresses"),
        };
        let place = file.line(preshared.line);
        findings.push(ProofFinding::new(FindingCode::PresharedKeysDisagree, place, message));
    }
    (loaded, findings)
}

/// The faults of the keys of a client.
pub(in crate::read::tree) fn of_client(
    conf: &FromFile<WgConf>,
    interface: &str,
) -> Vec<ProofFinding> {
    let keys = conf.content.peers.iter().enumerate();
    let keys = keys.map(|(position, peer)| (peer.public_key.value, position)).collect();
    let mut findings = preshared_keys(&conf.content, conf.file, &keys).1;
    let file = format!("/etc/wireguard/{interface}.key");
    let stated = conf.content.private_key.as_ref();
    if let Some(other) = stated.filter(|stated| stated.value != file) {
        let place = conf.file.line(other.line);
        let message = format!("the private key is read from {}, not from {file}", other.value);
        findings.push(ProofFinding::new(FindingCode::FilesDisagree, place, message));
    }
    findings
}

/// The peers of `wg0.conf`, each with its prefixes.
fn configured(conf: &WgConf) -> Vec<ConfiguredPeer<'_>> {
    let peers = conf.peers.iter();
    let mut configured: Vec<_> =
        peers.map(|peer| ConfiguredPeer { peer, nets: Vec::new() }).collect();
    for allowed in &conf.allowed {
        if let Some(peer) = configured.get_mut(allowed.peer as usize) {
            peer.nets.push(allowed.net);
        }
    }
    for peer in &mut configured {
        peer.nets = sorted(std::mem::take(&mut peer.nets));
    }
    configured
}

fn sorted(nets: Vec<Ipv4Net>) -> Vec<Ipv4Net> {
    let mut nets: Vec<_> = nets.into_iter().map(|net| net.trunc()).collect();
    nets.sort_unstable();
    nets.dedup();
    nets
}

fn ascending(addresses: &[std::net::Ipv4Addr]) -> Vec<std::net::Ipv4Addr> {
    let mut addresses = addresses.to_vec();
    addresses.sort_unstable();
    addresses
}

fn comma_separated(items: &[impl ToString]) -> String {
    if items.is_empty() {
        return "nothing".to_owned();
    }
    items.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
