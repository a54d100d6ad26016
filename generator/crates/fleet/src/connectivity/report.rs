//! The results as text for a terminal, and as JSON.

use std::fmt::Write as _;

use serde::Serialize;

use super::connection::{Seen, TestedConnection, TestedFlow};

/// The version of the structure of [`ConnectivityDocument`].
pub const SCHEMA_VERSION: u32 = 1;

/// The result of one connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ConnectionResult {
    /// Its kind.
    pub flow: TestedFlow,
    /// The node that called, or whose pod called; for a public name, `here`.
    pub from: String,
    /// What was called: a node, the Service, the Internet, a metadata service, or a public name.
    pub to: String,
    /// The called host and port.
    pub address: String,
    /// Whether what must happen has happened.
    pub passed: bool,
    /// What was seen.
    pub seen: String,
}

impl ConnectionResult {
    /// The result of a connection that was tried.
    #[must_use]
    pub fn of(connection: &TestedConnection, seen: &Seen) -> Self {
        let text = match seen {
            Seen::Text(text) => text.clone(),
            Seen::Connected => "a connection was accepted".to_owned(),
            Seen::Silence(reason) => format!("no answer: {reason}"),
        };
        Self::new(connection, connection.expected.is_met(seen), text)
    }

    /// The result of a connection that was not tried, or whose result was lost.
    #[must_use]
    pub fn without_record(connection: &TestedConnection, reason: &str) -> Self {
        Self::new(connection, false, format!("not tried: {reason}"))
    }

    fn new(connection: &TestedConnection, passed: bool, seen: String) -> Self {
        let TestedConnection { flow, from, to, host, port, .. } = connection;
        let address = match host.contains(':') {
            true => format!("[{host}]:{port}"),
            false => format!("{host}:{port}"),
        };
        Self { flow: *flow, from: from.clone(), to: to.clone(), address, passed, seen }
    }
}

/// Something that was not tested.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Untested {
    /// What.
    pub what: String,
    /// Why.
    pub reason: String,
}

/// All results.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ConnectivityReport {
    /// The results, in the order of the connections.
    pub results: Vec<ConnectionResult>,
    /// What was not tested.
    pub untested: Vec<Untested>,
}

/// The document of `meshwright test --format json`.
#[derive(Debug, Serialize)]
pub struct ConnectivityDocument<'report> {
    /// [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The cluster.
    pub cluster: &'report str,
    /// Whether every connection was tried and had its result.
    pub passed: bool,
    /// The results.
    pub results: &'report [ConnectionResult],
    /// What was not tested.
    pub untested: &'report [Untested],
}

impl ConnectivityReport {
    /// Whether every connection was tried and had its result.
    #[must_use]
    pub fn passed(&self) -> bool {
        self.untested.is_empty() && self.results.iter().all(|result| result.passed)
    }

    /// The document for machines.
    #[must_use]
    pub fn document<'report>(
        &'report self,
        cluster: &'report str,
    ) -> ConnectivityDocument<'report> {
        ConnectivityDocument {
            schema_version: SCHEMA_VERSION,
            cluster,
            passed: self.passed(),
            results: &self.results,
            untested: &self.untested,
        }
    }

    /// A line for each kind of connection, then each one that failed, then what was not tested.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = String::new();
        let width = TestedFlow::ALL.map(|flow| flow.description().len()).into_iter().max();
        let width = width.unwrap_or_default();
        for flow in TestedFlow::ALL {
            let results = self.results.iter().filter(|result| result.flow == flow);
            let (all, passed) =
                (results.clone().count(), results.filter(|result| result.passed).count());
            if all > 0 {
                let _ = writeln!(text, "{:width$}  {passed} of {all}", flow.description());
            }
        }
        for result in self.results.iter().filter(|result| !result.passed) {
            let ConnectionResult { flow, from, to, address, seen, .. } = result;
            let description = flow.description();
            let _ = writeln!(text, "failed, {description}: {from} to {to} ({address}): {seen}");
        }
        for Untested { what, reason } in &self.untested {
            let _ = writeln!(text, "not tested, {what}: {reason}");
        }
        text
    }
}
