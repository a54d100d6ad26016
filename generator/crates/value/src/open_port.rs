//! Ports that a host opens to the public.

use std::fmt;

use super::string::serialize_as_displayed;
use super::{Form, Malformed, Number, Port, Protocol, Text};

/// A port of a protocol, or a range of them, that a host opens to the public.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct OpenPort {
    first: Port,
    last: Port,
    protocol: Protocol,
}

impl OpenPort {
    /// The lowest port.
    #[must_use]
    pub const fn first(&self) -> Port {
        self.first
    }

    /// The highest port; the lowest if there is only one.
    #[must_use]
    pub const fn last(&self) -> Port {
        self.last
    }

    /// The protocol.
    #[must_use]
    pub const fn protocol(&self) -> Protocol {
        self.protocol
    }
}

impl Text for OpenPort {
    const EXPECTED: &'static str = "a port and its protocol such as `443/tcp`";
    const FORM: Form = Form::Pattern(r"^[0-9]+(-[0-9]+)?/(tcp|udp)$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let Some((ports, protocol)) = text.split_once('/') else {
            return Err(without_protocol(text));
        };
        if Protocol::parse(ports).is_ok() && parse_port(protocol).is_ok() {
            return Err(no_open_port(text).did_you_mean(format!("{protocol}/{ports}")));
        }
        let (first, last) = ports.split_once(['-', ':']).unwrap_or((ports, ports));
        let (first, last) = (parse_port(first)?, parse_port(last)?);
        let protocol = Protocol::parse(protocol)?;
        let range = Self { first: first.min(last), last: first.max(last), protocol };
        match first <= last && !ports.contains(':') {
            true => Ok(range),
            false => Err(no_open_port(text).did_you_mean(range)),
        }
    }
}

fn no_open_port(text: &str) -> Malformed {
    Malformed::new(format!("`{text}` is not a valid open port"), "expected port/protocol")
}

fn without_protocol(text: &str) -> Malformed {
    let refusal = Malformed::new(format!("`{text}` has no protocol"), "protocol missing");
    refusal.help("append `/tcp` or `/udp`, as in `443/tcp`")
}

/// Reads the port of a longer value.
pub(super) fn parse_port(text: &str) -> Result<Port, Malformed> {
    if text.is_empty() {
        return Err(Malformed::new("the port is empty", "empty port"));
    }
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => Port::from_integer(text.parse().unwrap_or(i64::MAX)),
        false => {
            Err(Malformed::new(format!("`{text}` is not a valid port"), "expected 1 to 65535")
                .help("ports are from 1 to 65535"))
        }
    }
}

impl fmt::Display for OpenPort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.first == self.last {
            true => write!(f, "{}/{}", self.first, self.protocol),
            false => write!(f, "{}-{}/{}", self.first, self.last, self.protocol),
        }
    }
}

serialize_as_displayed!(OpenPort);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_ports_and_ranges() {
        accepts::<OpenPort>(&[
            ("443/tcp", "443/tcp"),
            ("30000-30010/udp", "30000-30010/udp"),
            ("80-80/tcp", "80/tcp"),
        ]);
        let range = OpenPort::parse("1-2/udp").unwrap();
        let parts = (range.first().get(), range.last().get(), range.protocol());
        assert_eq!(parts, (1, 2, Protocol::Udp));
    }

    #[test]
    fn refuses_the_rest() {
        let bounds = "ports are from 1 to 65535";
        let label = "expected port/protocol";
        refuses::<OpenPort>(&[
            (
                "443",
                "`443` has no protocol",
                "protocol missing",
                "append `/tcp` or `/udp`, as in `443/tcp`",
            ),
            ("443/TCP", "`TCP` is not a valid protocol", "unknown protocol", "did you mean `tcp`?"),
            (
                "443/sctp",
                "`sctp` is not a valid protocol",
                "unknown protocol",
                "valid values: tcp, udp",
            ),
            ("tcp/443", "`tcp/443` is not a valid open port", label, "did you mean `443/tcp`?"),
            ("9-8/tcp", "`9-8/tcp` is not a valid open port", label, "did you mean `8-9/tcp`?"),
            ("8:9/tcp", "`8:9/tcp` is not a valid open port", label, "did you mean `8-9/tcp`?"),
            ("0/tcp", "`0` is not a valid port", "expected 1 to 65535", bounds),
            ("tcp/udp", "`tcp` is not a valid port", "expected 1 to 65535", bounds),
            ("+1/tcp", "`+1` is not a valid port", "expected 1 to 65535", bounds),
        ]);
    }
}
