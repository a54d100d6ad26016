//! A scan of all TCP ports like nmap's `-sS`: a SYN to each. A port that answers, open or refused, is not
//! dropped by a firewall. A full connect would need a socket and a timeout for each port.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU16, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rustix::net::sockopt::{Timeout, set_socket_recv_buffer_size_force, set_socket_timeout};
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketAddrAny, SocketFlags, SocketType, ipproto, recv,
    sendto, socket_with,
};

use crate::namespace::Namespace;

/// How long the scan waits for the answer to the last segment.
const TIMEOUT: Duration = Duration::from_secs(2);

/// How often every port is tried: queues drop segments when the machine is busy.
const SWEEPS: usize = 2;

/// The source port of the next scan. It assigns answers to scans that run in parallel.
static SOURCE_PORT: AtomicU16 = AtomicU16::new(40_000);

const TCP_HEADER: usize = 20;
const FLAG_SYN: u8 = 0x02;

/// Sends a SYN to each of 65,535 ports and returns those that answered, whether open or refused.
///
/// # Errors
///
/// When the raw socket is refused.
pub fn answering_ports(from: &Namespace, source: IpAddr, target: IpAddr) -> Result<BTreeSet<u16>> {
    let scan = SynScan { source, target, port: SOURCE_PORT.fetch_add(1, Ordering::Relaxed) };
    from.enter(|| {
        let socket = open(target)?;
        let swept = AtomicBool::new(false);
        thread::scope(|scope| {
            let listener = scope.spawn(|| scan.listen(&socket, &swept));
            let sent = (0..SWEEPS).try_for_each(|_| scan.sweep(&socket));
            swept.store(true, Ordering::Release);
            let answered = listener.join().unwrap_or_default();
            sent.map(|()| answered)
        })
    })
    .with_context(|| format!("scan of {target}"))
}

fn open(target: IpAddr) -> Result<OwnedFd> {
    let family = if target.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, SocketType::RAW, SocketFlags::CLOEXEC, Some(ipproto::TCP))?;
    set_socket_timeout(&socket, Timeout::Recv, Some(TIMEOUT))?;
    // Refused in a user namespace, where the default size remains.
    let _ = set_socket_recv_buffer_size_force(&socket, 16 << 20);
    Ok(socket)
}

/// One scan of one address.
struct SynScan {
    source: IpAddr,
    target: IpAddr,
    port: u16,
}

impl SynScan {
    fn sweep(&self, socket: &OwnedFd) -> Result<()> {
        let address = SocketAddrAny::from(SocketAddr::new(self.target, 0));
        for port in 1..=u16::MAX {
            let segment = self.syn(port);
            let sent = sendto(socket, &segment, SendFlags::empty(), &address)?;
            ensure!(sent == segment.len(), "a segment was cut");
        }
        Ok(())
    }

    /// Collects source ports until all segments are sent and no answer has arrived for [`TIMEOUT`]. On a
    /// busy machine a sweep takes seconds, in which a closed firewall sends no answer either.
    fn listen(&self, socket: &OwnedFd, swept: &AtomicBool) -> BTreeSet<u16> {
        let mut answered = BTreeSet::new();
        let mut packet = [0; 256];
        loop {
            // Read before the wait, so that the last segments get the whole timeout.
            let last = swept.load(Ordering::Acquire);
            match recv(socket, &mut packet, RecvFlags::empty()) {
                Ok((length, _)) => answered.extend(self.answering_port(&packet[..length])),
                Err(_) if last => return answered,
                Err(_) => {}
            }
        }
    }

    /// A raw socket returns the IPv4 header too, but not the IPv6 header (raw(7), ipv6(7)).
    fn answering_port(&self, packet: &[u8]) -> Option<u16> {
        let words = usize::from(packet.first()? & 0x0f);
        let header = if self.target.is_ipv4() { words * 4 } else { 0 };
        let segment = packet.get(header..header + TCP_HEADER)?;
        let number = |from: usize| u16::from_be_bytes([segment[from], segment[from + 1]]);
        (number(2) == self.port).then(|| number(0))
    }

    /// A TCP segment without options (RFC 9293 §3.1).
    fn syn(&self, port: u16) -> [u8; TCP_HEADER] {
        let mut segment = [0; TCP_HEADER];
        segment[0..2].copy_from_slice(&self.port.to_be_bytes());
        segment[2..4].copy_from_slice(&port.to_be_bytes());
        segment[7] = 1; // sequence number
        segment[12] = 5 << 4; // length in words
        segment[13] = FLAG_SYN;
        segment[14..16].copy_from_slice(&u16::MAX.to_be_bytes()); // window
        let sum = checksum(self.source, self.target, &segment);
        segment[16..18].copy_from_slice(&sum.to_be_bytes());
        segment
    }
}

/// The Internet checksum (RFC 1071) over the pseudo-header and the segment.
fn checksum(source: IpAddr, target: IpAddr, segment: &[u8]) -> u16 {
    let mut bytes = [octets(source), octets(target)].concat();
    bytes.extend([0, 6, 0, TCP_HEADER as u8]);
    bytes.extend(segment);
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let mut sum: u32 = words.sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    }
}
