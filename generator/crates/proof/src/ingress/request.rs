//! One request: what happens to it on its way.

use super::connection::IngressConnection;
use crate::finding::ProofFinding;
use crate::span::FileLine;

/// What becomes of a request for one public name.
#[derive(Debug, Clone)]
pub struct IngressRequest {
    /// The name, as the zone, the rules or an Ingress have it.
    pub hostname: String,
    /// What happens, in order.
    pub events: Vec<RequestEvent>,
    /// Where it ends, unless it is stopped.
    pub end: Option<RequestEnd>,
    /// Why it ends too early.
    pub stopped: Option<ProofFinding>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum RequestEvent {
    /// Something is looked up.
    Lookup {
        /// By whom.
        by: RequestStation,
        /// What is found.
        what: String,
        /// The line that decides it; none where nothing emitted does.
        place: Option<FileLine>,
    },
    /// A connection is made, between whichever nodes.
    Connected {
        /// By whom.
        by: RequestStation,
        /// Who is called.
        called: RequestStation,
        /// What is sent.
        connection: IngressConnection,
    },
}

/// Who has the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestStation {
    /// Whoever asks, and the resolver that they use.
    Visitor,
    /// Cloudflare.
    Edge,
    /// A pod, by the name of what made it.
    Pod(String),
    /// A host outside.
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

/// Where a request ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RequestEnd {
    /// At the pods of an app.
    App(String),
    /// At the Ingress controller: the tree has no Ingress of that name.
    Controller {
        /// One that is spelt nearly so.
        near: Option<String>,
    },
    /// cloudflared answers itself.
    Status(u16),
    /// At a host that the tree knows nothing of.
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
            Self::Status(status) => write!(f, "cloudflared answers {status}"),
            Self::Outside(host) => write!(f, "out to {host}"),
        }
    }
}

impl IngressRequest {
    /// The connections that are made for it.
    pub fn connections(&self) -> impl Iterator<Item = IngressConnection> {
        self.events.iter().filter_map(|event| match event {
            RequestEvent::Connected { connection, .. } => Some(*connection),
            RequestEvent::Lookup { .. } => None,
        })
    }
}
