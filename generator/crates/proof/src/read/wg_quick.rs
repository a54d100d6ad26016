//! `wg0.conf` of nodes and clients: the subset of wg-quick(8) that is emitted. Lines that wg-quick
//! refuses, or replaces without an error message, are refused here.

use std::net::Ipv4Addr;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net};

use super::nftables::{self, Ruleset};
use super::{MOST_FAULTS, ParseError};
use crate::span::LineSpanned;
use meshwright_value::{Endpoint, PublicKey, Text};

/// One interface.
#[derive(Debug, Clone, Default)]
pub struct WgConf {
    /// Its address, and the prefix that is on the link.
    pub address: Option<LineSpanned<Ipv4Net>>,
    /// Its UDP port; without one, the kernel chooses any.
    pub listen_port: Option<LineSpanned<u16>>,
    /// Its MTU; without one, wg-quick derives it from a route.
    pub mtu: Option<LineSpanned<u16>>,
    /// Whether `Table = off` is set: wg-quick adds no routes.
    pub table_off: Option<LineSpanned<()>>,
    /// The first line that sets the host's resolver.
    pub dns: Option<u32>,
    /// The file of its private key.
    pub private_key: Option<LineSpanned<String>>,
    /// The files of preshared keys.
    pub preshared: Vec<PresharedKeyFile>,
    /// Whether a command lets the host forward packets.
    pub forwards: Option<LineSpanned<()>>,
    /// The firewall that a command loads; all its rules have the line of this command.
    pub firewall: Option<LineSpanned<Arc<Ruleset>>>,
    /// Its peers.
    pub peers: Vec<WgPeer>,
    /// The peers' `AllowedIPs`, in the order of the file.
    pub allowed: Vec<AllowedIp>,
}

/// A `PostUp` that loads a preshared key.
#[derive(Debug, Clone)]
pub struct PresharedKeyFile {
    /// The peer's key.
    pub public_key: PublicKey,
    /// Its path on the host.
    pub path: String,
    /// Its line.
    pub line: u32,
}

/// A `[Peer]` section.
#[derive(Debug, Clone)]
pub struct WgPeer {
    /// Its key.
    pub public_key: LineSpanned<PublicKey>,
    /// The line of its `AllowedIPs`, or that of its section without one.
    pub allowed_line: u32,
    /// Its endpoint.
    pub endpoint: Option<Box<LineSpanned<Endpoint>>>,
    /// Seconds between keepalives.
    pub keepalive: Option<LineSpanned<u16>>,
}

/// One prefix of one peer.
#[derive(Debug, Clone, Copy)]
pub struct AllowedIp {
    /// The addresses.
    pub net: Ipv4Net,
    /// The position of the peer.
    pub peer: u32,
}

/// The longest interval of keepalives, in seconds: a NAT keeps a mapping of UDP for at least two minutes
/// (RFC 4787, REQ-5), and Linux a stream for 120 s (`nf_conntrack_udp_timeout_stream`).
pub(crate) const LONGEST_INTERVAL: u16 = 120;

/// The message about an interval that is longer.
pub(crate) fn late_message(seconds: u16) -> String {
    format!(
        "{seconds} s between keepalives: a NAT may close its mapping after {LONGEST_INTERVAL} s"
    )
}

impl WgConf {
    /// The line of a prefix.
    #[must_use]
    pub fn line_of(&self, allowed: AllowedIp) -> u32 {
        self.peers[allowed.peer as usize].allowed_line
    }
}

/// Reads a configuration.
///
/// # Errors
///
/// Every line that is not understood.
pub(crate) fn read(text: &str) -> Result<WgConf, Vec<ParseError>> {
    let mut reader =
        WgConfReader { conf: WgConf::default(), section: WgSection::None, unread: Vec::new() };
    for (number, line) in (1..).zip(text.lines()) {
        if let Err(message) = reader.line(line, number) {
            reader.unread.push(ParseError { line: number, message });
        }
        if reader.unread.len() >= MOST_FAULTS {
            return Err(reader.unread);
        }
    }
    reader.finish_peer();
    reader.refuse_default_route();
    reader.refuse_half_of_forwarding();
    if reader.unread.is_empty() { Ok(reader.conf) } else { Err(reader.unread) }
}

enum WgSection {
    None,
    Interface,
    Peer(WgPeerBuilder),
}

/// A `[Peer]` section that is being read.
struct WgPeerBuilder {
    line: u32,
    public_key: Option<LineSpanned<PublicKey>>,
    allowed_line: Option<u32>,
    endpoint: Option<Box<LineSpanned<Endpoint>>>,
    keepalive: Option<LineSpanned<u16>>,
}

struct WgConfReader {
    conf: WgConf,
    section: WgSection,
    unread: Vec<ParseError>,
}

impl WgConfReader {
    fn line(&mut self, line: &str, number: u32) -> Result<(), String> {
        // wg-quick(8) and wg(8) both remove text after a `#`, at any position.
        let setting = line.split('#').next().unwrap_or_default().trim_matches(BLANKS);
        match setting {
            "" => Ok(()),
            _ if setting.eq_ignore_ascii_case("[Interface]") => self.begin(WgSection::Interface),
            _ if setting.eq_ignore_ascii_case("[Peer]") => {
                let (public_key, allowed_line, endpoint, keepalive) = (None, None, None, None);
                let builder =
                    WgPeerBuilder { line: number, public_key, allowed_line, endpoint, keepalive };
                self.begin(WgSection::Peer(builder))
            }
            _ => {
                let (key, value) = setting
                    .split_once('=')
                    .ok_or_else(|| format!("`{setting}` is not a setting"))?;
                let [key, value] = [key, value].map(|part| part.trim_matches(BLANKS));
                self.setting(as_in_the_manual(key), value, number)
            }
        }
    }

    fn begin(&mut self, section: WgSection) -> Result<(), String> {
        self.finish_peer();
        self.section = section;
        Ok(())
    }

    fn setting(&mut self, key: &str, value: &str, line: u32) -> Result<(), String> {
        match &mut self.section {
            WgSection::Interface => interface(&mut self.conf, key, value, line),
            WgSection::Peer(builder) => {
                let peer = u32::try_from(self.conf.peers.len()).unwrap_or(u32::MAX);
                peer_setting(builder, peer, &mut self.conf.allowed, key, value, line)
            }
            WgSection::None => Err(format!("`{key}` is not in a section")),
        }
    }

    /// For such a prefix, wg-quick sets a firewall mark and policy routing instead of a route (`add_default`
    /// in wg-quick of wireguard-tools 1.0.20210914).
    fn refuse_default_route(&mut self) {
        if self.conf.table_off.is_some() {
            return;
        }
        if let Some(whole) = self.conf.allowed.iter().find(|allowed| allowed.net.prefix_len() == 0)
        {
            let message =
                format!("`{}` replaces the default route, which is not understood", whole.net);
            let line = self.conf.line_of(*whole);
            self.unread.push(ParseError { line, message });
        }
    }

    /// Forwarding needs both: the kernel's parameter, and the rules that limit it.
    fn refuse_half_of_forwarding(&mut self) {
        let (line, missing) = match (&self.conf.forwards, &self.conf.firewall) {
            (Some(forwards), None) => (forwards.line, "no command loads rules that limit it"),
            (None, Some(firewall)) => (firewall.line, "no command sets net.ipv4.ip_forward"),
            _ => return,
        };
        let message = format!("the host forwards packets, and {missing}");
        self.unread.push(ParseError { line, message });
    }

    fn finish_peer(&mut self) {
        let WgSection::Peer(builder) = std::mem::replace(&mut self.section, WgSection::None) else {
            return;
        };
        let Some(public_key) = builder.public_key else {
            let message = "the peer has no PublicKey: wg(8) refuses the whole file".to_owned();
            return self.unread.push(ParseError { line: builder.line, message });
        };
        self.conf.peers.push(WgPeer {
            public_key,
            allowed_line: builder.allowed_line.unwrap_or(builder.line),
            endpoint: builder.endpoint,
            keepalive: builder.keepalive,
        });
    }
}

fn interface(conf: &mut WgConf, key: &str, value: &str, line: u32) -> Result<(), String> {
    match key {
        "Address" => once(&mut conf.address, parse_net(key, value)?, key, line),
        "ListenPort" => once(&mut conf.listen_port, number(key, value)?, key, line),
        "MTU" => once(&mut conf.mtu, number(key, value)?, key, line),
        "Table" if value == "off" => once(&mut conf.table_off, (), key, line),
        // The default of wg-quick(8).
        "Table" if value == "auto" => Ok(()),
        // The defaults of wg-quick(8) and wg(8).
        "SaveConfig" if value == "false" => Ok(()),
        "FwMark" if ["0", "0x0", "off"].contains(&value) => Ok(()),
        "DNS" => {
            conf.dns.get_or_insert(line);
            Ok(())
        }
        "PostUp" => post_up(conf, value, line),
        _ => Err(format!("`{key} = {value}` is not understood")),
    }
}

/// What both programs skip around keys and values: `[[:space:]]` of bash(1), `isspace` of wg(8).
const BLANKS: [char; 6] = [' ', '\t', '\r', '\n', '\u{b}', '\u{c}'];

/// The keys that are understood, as wg-quick(8) and wg(8) write them.
const KEYS: [&str; 12] = [
    "Address",
    "ListenPort",
    "MTU",
    "Table",
    "DNS",
    "SaveConfig",
    "FwMark",
    "PostUp",
    "PublicKey",
    "AllowedIPs",
    "Endpoint",
    "PersistentKeepalive",
];

/// A key in the case of the manuals: both programs ignore it (`nocasematch` in wg-quick of
/// wireguard-tools 1.0.20210914, `key_match` in its `config.c`).
fn as_in_the_manual(key: &str) -> &str {
    KEYS.into_iter().find(|known| known.eq_ignore_ascii_case(key)).unwrap_or(key)
}

/// The commands that are emitted. The effect of other commands is unknown.
fn post_up(conf: &mut WgConf, command: &str, line: u32) -> Result<(), String> {
    if let Some(rules) = command.strip_prefix("nft '").and_then(|rest| rest.strip_suffix('\'')) {
        return once(&mut conf.firewall, ruleset(rules, line)?, "PostUp … nft", line);
    }
    let words: Vec<_> = command.split_ascii_whitespace().collect();
    match words[..] {
        ["wg", "set", "%i", "private-key", path] => {
            once(&mut conf.private_key, path.to_owned(), "PostUp … private-key", line)
        }
        ["wg", "set", "%i", "peer", key, "preshared-key", path] => {
            let public_key = public_key(key)?;
            conf.preshared.push(PresharedKeyFile { public_key, path: path.to_owned(), line });
            Ok(())
        }
        ["sysctl", "-q", "-w", "net.ipv4.ip_forward=1"] => {
            once(&mut conf.forwards, (), "PostUp … ip_forward", line)
        }
        _ => Err(format!("the command `{command}` is not understood")),
    }
}

/// The rules of a command on this line. wg-quick(8) replaces `%i` with the interface.
fn ruleset(text: &str, line: u32) -> Result<Arc<Ruleset>, String> {
    if text.contains('\'') {
        return Err("a quote inside the rules is not understood".to_owned());
    }
    let above = usize::try_from(line).unwrap_or(usize::MAX).saturating_sub(1);
    let numbered = "\n".repeat(above) + text;
    let read = nftables::read(&numbered, "%i").map_err(|error| error.message)?;
    Ok(Arc::new(read))
}

fn peer_setting(
    builder: &mut WgPeerBuilder,
    peer: u32,
    allowed: &mut Vec<AllowedIp>,
    key: &str,
    value: &str,
    line: u32,
) -> Result<(), String> {
    match key {
        "PublicKey" => once(&mut builder.public_key, public_key(value)?, key, line),
        "AllowedIPs" => {
            for net in value.split(',') {
                let net = prefix(key, net.trim_matches(BLANKS))?;
                allowed.push(AllowedIp { net: net.trunc(), peer });
            }
            builder.allowed_line = Some(line);
            Ok(())
        }
        "Endpoint" => {
            let endpoint = Endpoint::parse(value).map_err(|_| malformed(key, value))?;
            if endpoint.port().is_none() {
                return Err(format!("`{value}` has no port, and wg(8) refuses it"));
            }
            let mut at = None;
            once(&mut at, endpoint, key, line)?;
            if builder.endpoint.is_some() {
                return Err(twice(key));
            }
            builder.endpoint = at.map(Box::new);
            Ok(())
        }
        "PersistentKeepalive" if value == "off" => once(&mut builder.keepalive, 0, key, line),
        "PersistentKeepalive" => once(&mut builder.keepalive, number(key, value)?, key, line),
        _ => Err(format!("`{key} = {value}` is not understood")),
    }
}

/// Of two equal keys, wg(8) uses the last one without an error message.
fn once<T>(
    slot: &mut Option<LineSpanned<T>>,
    value: T,
    key: &str,
    line: u32,
) -> Result<(), String> {
    if slot.is_some() {
        return Err(twice(key));
    }
    *slot = Some(LineSpanned { value, line });
    Ok(())
}

fn twice(key: &str) -> String {
    format!(
        "`{key}` is set twice in this section: wg(8) uses the last one without an error message"
    )
}

fn parse<T: FromStr>(key: &str, value: &str) -> Result<T, String> {
    value.parse().map_err(|_| malformed(key, value))
}

/// The mesh, pods and Services have IPv4 addresses only. WireGuard drops an IPv6 packet that no
/// `AllowedIPs` contain, so none is inside the tunnels.
fn parse_net(key: &str, value: &str) -> Result<Ipv4Net, String> {
    match value.parse::<IpNet>() {
        Ok(IpNet::V6(_)) => Err(format!("IPv6 inside the mesh is not understood: `{value}`")),
        _ => parse(key, value),
    }
}

/// A number in digits: wg(8) refuses a sign.
fn number(key: &str, value: &str) -> Result<u16, String> {
    let is_plain = value.bytes().all(|byte| byte.is_ascii_digit());
    if is_plain { parse(key, value) } else { Err(malformed(key, value)) }
}

/// A prefix; an address without a length is a single one (wg(8), `AllowedIPs`).
fn prefix(key: &str, value: &str) -> Result<Ipv4Net, String> {
    let single = value.parse::<Ipv4Addr>().map(Ipv4Net::from);
    single.or_else(|_| parse_net(key, value))
}

fn malformed(key: &str, value: &str) -> String {
    format!("`{value}` is not a valid {key}")
}

fn public_key(text: &str) -> Result<PublicKey, String> {
    PublicKey::parse(text).map_err(|_| malformed("public key", text))
}

/// Peers whose endpoint is a name, with their endpoints.
pub(crate) type WgEndpoints = Vec<(PublicKey, LineSpanned<Endpoint>)>;

/// Reads `wg0.endpoints`.
///
/// # Errors
///
/// Every line that is not understood.
pub(crate) fn read_endpoints(text: &str) -> Result<WgEndpoints, Vec<ParseError>> {
    let read = |line: u32, setting: &str| {
        let (key, endpoint) = setting
            .split_once(' ')
            .ok_or_else(|| format!("`{setting}` is not a key and an endpoint"))?;
        let endpoint = Endpoint::parse(endpoint).map_err(|_| malformed("endpoint", endpoint))?;
        Ok((public_key(key)?, LineSpanned { value: endpoint, line }))
    };
    super::lines(text, read)
}

#[cfg(test)]
mod tests {
    use super::read;

    /// Observed with `wg-quick strip` and `wg setconf` of wireguard-tools 1.0.20210914, 2026-11.
    #[test]
    fn forms_of_lines_are_those_of_both_programs() {
        let taken = [
            "listenport=51820",
            "\tMTU\t=\t1412\r",
            "MTU = 1412 # x",
            "table = off",
            "SaveConfig = false",
            "FwMark = off",
            "fwmark = 0",
            "DNS = 10.0.0.53, example.org",
            "[PEER]\nAllowedIPs = 10.0.0.2,10.0.1.0/24\nPUBLICKEY = kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
        ];
        let refused = [
            "MTU = 1412\u{a0}",
            "MTU = +1412",
            "ListenPort = 51820 51821",
            "SaveConfig = true",
            "FwMark = 5",
            "Table = off\nTable = off",
            "; MTU = 1412",
            "[Peer]\nAllowedIPs = 10.0.0.2,\nPublicKey = kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
            "[Peer]\nPersistentKeepalive = +25\nPublicKey = kxC6HY+jjMDsKomHioaBVCk5uGobn2GzyXa+7hZUmlU=",
        ];
        let forms = taken.map(|text| (text, true)).into_iter();
        for (text, is_taken) in forms.chain(refused.map(|text| (text, false))) {
            let conf = read(&format!("[Interface]\nAddress = 10.0.0.1/24\n{text}\n"));
            assert_eq!(conf.is_ok(), is_taken, "{text:?}: {conf:?}");
        }
    }
}
