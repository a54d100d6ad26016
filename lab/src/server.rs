//! Servers that say who answers and whom they saw, so that a check knows both ends.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::namespace::Namespace;

/// How long a connection may take. A dropped packet is repeated after 1 s.
const CONNECT: Duration = Duration::from_millis(2500);

/// After how long a connection counts as dropped: its SYN was repeated once, after 1 s.
const DROPPED: Duration = Duration::from_millis(1300);

/// What a server said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAnswer {
    /// Who answered.
    pub server: String,
    /// The address that it saw.
    pub peer: IpAddr,
}

/// Listens on a TCP port of every address, IPv4 and IPv6, until the sandbox ends.
///
/// # Errors
///
/// When the port is taken.
pub fn serve(namespace: &Namespace, name: &str, port: u16) -> Result<()> {
    let listener = namespace
        .enter(|| Ok(TcpListener::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?))
        .with_context(|| format!("{name} listens on {port}"))?;
    let name = name.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // Whoever hung up again needs no answer.
            let _ = greet(stream, &name);
        }
    });
    Ok(())
}

fn greet(mut stream: TcpStream, name: &str) -> Result<()> {
    let peer = stream.peer_addr()?.ip().to_canonical();
    write!(stream, "{name} {peer}")?;
    Ok(())
}

/// Connects and hears who answers.
///
/// # Errors
///
/// When nobody answers within 2.5 s.
pub fn ask(from: &Namespace, address: IpAddr, port: u16) -> Result<ServerAnswer> {
    from.enter(|| {
        let mut stream = TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECT)?;
        stream.set_read_timeout(Some(CONNECT))?;
        let mut said = String::new();
        stream.read_to_string(&mut said)?;
        let Some((server, peer)) = said.split_once(' ') else {
            bail!("{said:?} is no answer of ours");
        };
        Ok(ServerAnswer { server: server.to_owned(), peer: peer.parse()? })
    })
    .with_context(|| format!("{} to {address} port {port}", from.name()))
}

/// Connects to many ports at once and returns those that were not dropped: open or refused.
///
/// # Errors
///
/// When the namespace is gone.
pub fn not_dropped(from: &Namespace, targets: &[SocketAddr]) -> Result<Vec<SocketAddr>> {
    let reached = |target: &SocketAddr| match TcpStream::connect_timeout(target, DROPPED) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    };
    from.enter(|| {
        thread::scope(|scope| {
            let tries = targets.iter().map(|target| (target, scope.spawn(|| reached(target))));
            let tries: Vec<_> = tries.collect();
            let reached = tries
                .into_iter()
                .filter_map(|(target, reached)| reached.join().unwrap_or(true).then_some(*target));
            Ok(reached.collect())
        })
    })
}

/// A UDP port that counts what reaches it.
#[derive(Debug, Clone)]
pub struct UdpInbox {
    /// The port.
    pub port: u16,
    count: Arc<AtomicUsize>,
}

impl UdpInbox {
    /// Listens on a UDP port of every address until the sandbox ends.
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub fn open(namespace: &Namespace, port: u16) -> Result<Self> {
        let socket = namespace
            .enter(|| Ok(UdpSocket::bind(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))?))?;
        let inbox = Self { port, count: Arc::default() };
        let count = Arc::clone(&inbox.count);
        thread::spawn(move || {
            while socket.recv(&mut [0; 64]).is_ok() {
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Ok(inbox)
    }

    /// How many packets have come in.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

/// Sends one small UDP packet to each of some ports.
///
/// # Errors
///
/// When there is no route.
pub fn send_udp(from: &Namespace, address: IpAddr, ports: &[u16]) -> Result<()> {
    from.enter(|| {
        for port in ports {
            let unspecified = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
            UdpSocket::bind(unspecified)?.send_to(b"lab", SocketAddr::new(address, *port))?;
        }
        Ok(())
    })
}
