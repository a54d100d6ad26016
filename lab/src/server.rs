//! Servers that send their name and the address of the client, so that a check sees both ends.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};

use crate::namespace::Namespace;

/// How long a connection may take. TCP sends a dropped packet again after 1 s.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(2500);

/// When a connection counts as dropped: TCP has sent its SYN again once, after 1 s.
const DROP_TIMEOUT: Duration = Duration::from_millis(1300);

/// The answer of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerAnswer {
    /// The name of the server.
    pub server: String,
    /// The client's address, as the server sees it.
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
    let server = name.to_owned();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            // The client may have closed the connection.
            let _ = greet(stream, &server);
        }
    });
    Ok(())
}

fn greet(mut stream: TcpStream, name: &str) -> Result<()> {
    let peer = stream.peer_addr()?.ip().to_canonical();
    write!(stream, "{name} {peer}")?;
    Ok(())
}

/// Answers each datagram to a UDP port of one address until the sandbox ends. An answer from a socket of all
/// addresses could have another source.
///
/// # Errors
///
/// When the port is taken, or no interface has the address.
pub fn serve_udp(namespace: &Namespace, name: &str, address: SocketAddr) -> Result<()> {
    let socket = namespace
        .enter(|| Ok(UdpSocket::bind(address)?))
        .with_context(|| format!("{name} listens on UDP {address}"))?;
    let server = name.to_owned();
    thread::spawn(move || {
        while let Ok((_, peer)) = socket.recv_from(&mut [0; 64]) {
            // The client may have closed its port.
            let _ = socket.send_to(format!("{server} {}", peer.ip()).as_bytes(), peer);
        }
    });
    Ok(())
}

/// How long the answer to a datagram may take.
const UDP_TIMEOUT: Duration = Duration::from_millis(700);

/// How often a datagram is sent until it is answered: a new tunnel loses the first one.
const UDP_ATTEMPTS: usize = 3;

/// Sends a datagram to a port of [`serve_udp`] and reads the answer.
///
/// # Errors
///
/// When no server answers.
pub fn exchange_udp(from: &Namespace, address: IpAddr, port: u16) -> Result<ServerAnswer> {
    let exchange = || {
        let unspecified = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
        let socket = UdpSocket::bind(unspecified)?;
        socket.set_read_timeout(Some(UDP_TIMEOUT))?;
        socket.connect(SocketAddr::new(address, port))?;
        socket.send(b"lab")?;
        let mut answer = [0; 128];
        let length = socket.recv(&mut answer)?;
        parse_greeting(&String::from_utf8_lossy(&answer[..length]))
    };
    from.enter(|| {
        let mut last = exchange();
        for _ in 1..UDP_ATTEMPTS {
            if last.is_ok() {
                break;
            }
            last = exchange();
        }
        last
    })
    .with_context(|| format!("{} to {address} UDP port {port}", from.name()))
}

fn parse_greeting(greeting: &str) -> Result<ServerAnswer> {
    let Some((server, peer)) = greeting.split_once(' ') else {
        bail!("{greeting:?} is not a greeting of the lab's servers");
    };
    Ok(ServerAnswer { server: server.to_owned(), peer: peer.parse()? })
}

/// Connects and reads the server's answer.
///
/// # Errors
///
/// When no server answers within 2.5 s.
pub fn connect(from: &Namespace, address: IpAddr, port: u16) -> Result<ServerAnswer> {
    from.enter(|| {
        let mut stream =
            TcpStream::connect_timeout(&SocketAddr::new(address, port), CONNECT_TIMEOUT)?;
        stream.set_read_timeout(Some(CONNECT_TIMEOUT))?;
        let mut greeting = String::new();
        stream.read_to_string(&mut greeting)?;
        parse_greeting(&greeting)
    })
    .with_context(|| format!("{} to {address} port {port}", from.name()))
}

/// Connects to many ports in parallel and returns those that answer: open or refused.
///
/// # Errors
///
/// When the namespace is gone.
pub fn reachable_targets(from: &Namespace, targets: &[SocketAddr]) -> Result<Vec<SocketAddr>> {
    let answers = |target: &SocketAddr| match TcpStream::connect_timeout(target, DROP_TIMEOUT) {
        Ok(_) => true,
        Err(error) => error.kind() == ErrorKind::ConnectionRefused,
    };
    from.enter(|| {
        thread::scope(|scope| {
            let probes: Vec<_> =
                targets.iter().map(|target| (target, scope.spawn(|| answers(target)))).collect();
            let answered = probes
                .into_iter()
                .filter_map(|(target, probe)| probe.join().unwrap_or(true).then_some(*target));
            Ok(answered.collect())
        })
    })
}

/// A UDP port that counts the packets that it receives.
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

    /// How many packets it has received.
    #[must_use]
    pub fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }
}

/// Sends one small UDP packet to each port.
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
