//! Batches for ip(8): `wg0.routes` and `guards.routes`.

use ipnet::Ipv4Net;

use super::ParseError;

/// One `route replace` of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmittedRoute {
    /// The destination.
    pub net: Ipv4Net,
    /// Its target.
    pub kind: RouteKind,
    /// The routing protocol, by which BIRD and Felix know its origin.
    pub protocol: RouteProtocol,
    /// The lowest wins among routes to one destination.
    pub metric: u32,
    /// Its line.
    pub line: u32,
}

/// The target of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteKind {
    /// Into the mesh.
    Mesh,
    /// The kernel sends an ICMP error to the sender.
    Unreachable,
}

/// The routing protocol of a route.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RouteProtocol {
    /// BIRD ignores it.
    Kernel,
    /// BIRD learns it, and resolves next hops by it.
    Static,
}

impl RouteProtocol {
    /// The word of ip-route(8).
    #[must_use]
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Kernel => "kernel",
            Self::Static => "static",
        }
    }
}

/// Reads a batch; `interface` is that of the mesh.
///
/// # Errors
///
/// Every line that is not understood.
pub(crate) fn read(text: &str, interface: &str) -> Result<Vec<EmittedRoute>, Vec<ParseError>> {
    super::lines(text, |line, command| route(line, command, interface))
}

fn route(line: u32, command: &str, interface: &str) -> Result<EmittedRoute, String> {
    let words: Vec<_> = command.split_whitespace().collect();
    let not_understood = || format!("`{command}` is not understood");
    let (kind, net, rest) = match words[..] {
        ["route", "replace", "unreachable", net, ref rest @ ..] => {
            (RouteKind::Unreachable, net, rest)
        }
        ["route", "replace", net, "dev", device, ref rest @ ..] if device == interface => {
            (RouteKind::Mesh, net, rest)
        }
        _ => return Err(not_understood()),
    };
    let ["proto", protocol, "metric", metric] = *rest else { return Err(not_understood()) };
    let protocol = match protocol {
        "kernel" => RouteProtocol::Kernel,
        "static" => RouteProtocol::Static,
        _ => return Err(not_understood()),
    };
    let net: Ipv4Net = net.parse().map_err(|_| not_understood())?;
    if net.trunc() != net {
        return Err(format!("{net} has host bits, and ip(8) refuses it"));
    }
    let metric = metric.parse().map_err(|_| not_understood())?;
    Ok(EmittedRoute { net, kind, protocol, metric, line })
}
