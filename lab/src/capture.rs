//! A capture of the underlay (packet(7)), sorted into WireGuard's packets and all others.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::num::NonZeroU32;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Result, anyhow};
use ipnet::Ipv4Net;
use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size_force, set_socket_timeout};
use rustix::net::{AddressFamily, Protocol, RecvFlags, SocketFlags, SocketType, recv, socket_with};

use crate::namespace::Namespace;

/// Every protocol, in network byte order (`ETH_P_ALL` of packet(7)).
const ALL_PROTOCOLS: NonZeroU32 = NonZeroU32::new(0x0300_u32).unwrap();

/// How often the reader checks whether it must end.
const POLL: Duration = Duration::from_millis(100);

const ETHERNET_HEADER: usize = 14;
const PROTOCOL_UDP: u8 = 17;

/// The packets of the underlay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CaptureCounts {
    /// Number of WireGuard packets.
    pub wireguard: usize,
    /// Length of the largest of them in bytes, including the IP header.
    pub largest: usize,
    /// Number of fragments of packets.
    pub fragments: usize,
    /// Unencrypted packets to or from a private address, and how many of each.
    pub unencrypted: BTreeMap<String, usize>,
    /// All other packets except ARP and neighbour discovery, and how many of each.
    pub other: BTreeMap<String, usize>,
}

/// A running capture.
pub struct Capture {
    reader: JoinHandle<Result<CaptureCounts>>,
    ended: Arc<AtomicBool>,
}

impl Capture {
    /// Starts to capture on every interface of a namespace.
    ///
    /// # Errors
    ///
    /// When the socket is refused.
    pub fn start(
        namespace: &Namespace,
        listen_ports: Vec<u16>,
        private: Vec<Ipv4Net>,
    ) -> Result<Self> {
        let socket = namespace.enter(open)?;
        let ended = Arc::<AtomicBool>::default();
        let reader = thread::spawn({
            let ended = Arc::clone(&ended);
            move || read(&socket, &ended, &PacketSorter { listen_ports, private })
        });
        Ok(Self { reader, ended })
    }

    /// Ends the capture and returns its counts.
    ///
    /// # Errors
    ///
    /// When reading failed.
    pub fn finish(self) -> Result<CaptureCounts> {
        self.ended.store(true, Ordering::Relaxed);
        self.reader.join().map_err(|_| anyhow!("the capture panicked"))?
    }
}

fn open() -> Result<OwnedFd> {
    let protocol = Some(Protocol::from_raw(ALL_PROTOCOLS));
    let socket =
        socket_with(AddressFamily::PACKET, SocketType::RAW, SocketFlags::CLOEXEC, protocol)?;
    set_socket_timeout(&socket, Timeout::Recv, Some(POLL))?;
    // Refused in a user namespace, where the default size remains.
    let _ = set_socket_recv_buffer_size_force(&socket, 16 << 20);
    Ok(socket)
}

fn read(socket: &OwnedFd, ended: &AtomicBool, sorter: &PacketSorter) -> Result<CaptureCounts> {
    let mut seen = CaptureCounts::default();
    let mut frame = [0; 2048];
    while !ended.load(Ordering::Relaxed) {
        match recv(socket, &mut frame, RecvFlags::empty()) {
            Ok((length, _)) => sorter.sort(&frame[..length], &mut seen),
            Err(rustix::io::Errno::AGAIN | rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(seen)
}

/// Counts packets by kind.
struct PacketSorter {
    listen_ports: Vec<u16>,
    private: Vec<Ipv4Net>,
}

/// Fields of an IPv4 header (RFC 791).
struct Ipv4Header {
    length: usize,
    fragment: bool,
    protocol: u8,
    source: Ipv4Addr,
    destination: Ipv4Addr,
    ports: Option<(u16, u16)>,
}

impl PacketSorter {
    fn sort(&self, frame: &[u8], seen: &mut CaptureCounts) {
        let Some((ethernet, packet)) = frame.split_at_checked(ETHERNET_HEADER) else { return };
        match [ethernet[12], ethernet[13]] {
            [0x08, 0x00] => self.sort_ipv4(packet, seen),
            [0x86, 0xdd] => self.sort_ipv6(packet, seen),
            _ => {}
        }
    }

    fn sort_ipv4(&self, packet: &[u8], seen: &mut CaptureCounts) {
        let Some(header) = Ipv4Header::read(packet) else { return };
        seen.fragments += usize::from(header.fragment);
        if self.is_private(header.source) || self.is_private(header.destination) {
            *seen.unencrypted.entry(header.describe()).or_default() += 1;
        } else if self.is_wireguard(&header) {
            seen.wireguard += 1;
            seen.largest = seen.largest.max(header.length);
        } else {
            *seen.other.entry(header.describe()).or_default() += 1;
        }
    }

    /// Neighbour discovery uses ICMPv6, and MLD has a hop-by-hop header.
    fn sort_ipv6(&self, packet: &[u8], seen: &mut CaptureCounts) {
        let Some((header, payload)) = packet.split_at_checked(IPV6_HEADER) else { return };
        let number = |bytes: &[u8], from: usize| {
            Some(u16::from_be_bytes([*bytes.get(from)?, *bytes.get(from + 1)?]))
        };
        let ports = number(payload, 0).zip(number(payload, 2));
        match header[6] {
            PROTOCOL_ICMPV6 | PROTOCOL_HOP_BY_HOP => {}
            PROTOCOL_FRAGMENT => seen.fragments += 1,
            PROTOCOL_UDP if ports.is_some_and(|ports| self.has_listen_port(ports)) => {
                let length = IPV6_HEADER + number(header, 4).map_or(0, usize::from);
                seen.wireguard += 1;
                seen.largest = seen.largest.max(length);
            }
            next => *seen.other.entry(format!("IPv6, protocol {next}")).or_default() += 1,
        }
    }

    fn is_private(&self, address: Ipv4Addr) -> bool {
        self.private.iter().any(|subnet| subnet.contains(&address))
    }

    /// The router of a node behind NAT chooses its source port; the other end has its listen port.
    fn is_wireguard(&self, header: &Ipv4Header) -> bool {
        header.protocol == PROTOCOL_UDP
            && header.ports.is_some_and(|ports| self.has_listen_port(ports))
    }

    fn has_listen_port(&self, (source, destination): (u16, u16)) -> bool {
        self.listen_ports.iter().any(|port| [source, destination].contains(port))
    }
}

impl Ipv4Header {
    fn read(packet: &[u8]) -> Option<Self> {
        let words = usize::from(packet.first()? & 0x0f);
        let address = |from: usize| -> Option<Ipv4Addr> {
            let bytes: [u8; 4] = packet.get(from..from + 4)?.try_into().ok()?;
            Some(bytes.into())
        };
        let number =
            |from: usize| Some(u16::from_be_bytes([*packet.get(from)?, *packet.get(from + 1)?]));
        let (fragment_offset, ports) = (number(6)? & 0x3fff, words * 4);
        Some(Self {
            length: number(2)?.into(),
            fragment: fragment_offset != 0,
            protocol: *packet.get(9)?,
            source: address(12)?,
            destination: address(16)?,
            ports: number(ports).zip(number(ports + 2)),
        })
    }

    fn describe(&self) -> String {
        let Self { source, destination, protocol, .. } = self;
        format!("{source} to {destination}, protocol {protocol}")
    }
}

const PROTOCOL_ICMPV6: u8 = 58;
const PROTOCOL_HOP_BY_HOP: u8 = 0;
const PROTOCOL_FRAGMENT: u8 = 44;
const IPV6_HEADER: usize = 40;
