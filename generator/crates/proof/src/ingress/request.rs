//! One request and the events on its path.

use super::connection::IngressConnection;
use crate::finding::ProofFinding;
use crate::span::FileLine;

/// The path of a request for one public name.
#[derive(Debug, Clone)]
pub struct IngressRequest {
    /// The name in the zone, in the rules or in an Ingress.
    pub hostname: String,
    /// The events in their order.
    pub events: Vec<RequestEvent>,
    /// Where it ends, unless it is stopped.
    pub end: Option<RequestEnd>,
    /// Why it ends too early.
    pub stopped: Option<ProofFinding>,
}

/// One event.
#[derive(Debug, Clone)]
pub enum RequestEvent {
    /// A station looks up a name or an object.
    Lookup {
        /// The station.
        by: RequestStation,
        /// The result.
        what: String,
        /// The line that decides it; none if no emitted file decides it.
        place: Option<FileLine>,
    },
    /// A connection is opened, from any node to any node.
    Connected {
        /// The station.
        by: RequestStation,
        /// The receiver.
        called: RequestStation,
        /// The packets.
        connection: IngressConnection,
    },
}

/// A station of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestStation {
    /// The visitor and their resolver.
    Visitor,
    /// Cloudflare.
    Edge,
    /// A pod, by the name of its workload.
    Pod(String),
    /// A host outside of the cluster.
    Outside,
}

impl RequestStation {
    /// The name that reports use.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Visitor => "visitor",
            Self::Edge => "Cloudflare's edge",
            Self::Pod(name) => name,
            Self::Outside => "outside",
        }
    }
}

/// The end of a request's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestEnd {
    /// At the pods of an app.
    App(String),
    /// At the Ingress controller: the tree has no Ingress for that name.
    Controller {
        /// A name with a similar spelling.
        near: Option<String>,
    },
    /// At the pods of a Service that is not in the tree.
    OwnService(String),
    /// cloudflared answers itself.
    Status(u16),
    /// At a host outside of the tree.
    Outside(String),
}

impl std::fmt::Display for RequestEnd {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::App(name) => write!(f, "to the pods of {name}"),
            Self::Controller { near } => {
                f.write_str("to the Ingress controller; the tree has no Ingress for it")?;
                near.as_ref().map_or(Ok(()), |near| write!(f, ", but one for {near}"))
            }
            Self::OwnService(name) => {
                write!(f, "to the pods of the Service {name}, which the tree does not have")
            }
            Self::Status(status) => write!(f, "cloudflared answers {status}"),
            Self::Outside(host) => write!(f, "out to {host}"),
        }
    }
}

impl IngressRequest {
    /// The connections that are opened for it.
    pub fn connections(&self) -> impl Iterator<Item = IngressConnection> {
        self.events.iter().filter_map(|event| match event {
            RequestEvent::Connected { connection, .. } => Some(*connection),
            RequestEvent::Lookup { .. } => None,
        })
    }
}
