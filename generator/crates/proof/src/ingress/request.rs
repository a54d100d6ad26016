//! One request: what happens to it on its way.

use super::connection::Leg;
use crate::finding::Finding;
use crate::span::Place;

/// What becomes of a request for one public name.
#[derive(Debug, Clone)]
pub struct Request {
    /// The name, as the zone, the rules or an Ingress have it.
    pub hostname: String,
    /// What happens, in order.
    pub events: Vec<Event>,
    /// Where it ends, unless it is stopped.
    pub end: Option<End>,
    /// Why it ends too early.
    pub stopped: Option<Finding>,
}

/// One thing that happens.
#[derive(Debug, Clone)]
pub enum Event {
    /// Something is looked up.
    Told {
        /// By whom.
        by: Station,
        /// What is found.
        what: String,
        /// The line that decides it; none where nothing emitted does.
        place: Option<Place>,
    },
    /// A connection is made, between whichever nodes.
    Made {
        /// By whom.
        by: Station,
        /// Who is called.
        called: Station,
        /// What is sent.
        leg: Leg,
    },
}

/// Who has the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Station {
    /// Whoever asks, and the resolver that they use.
    Visitor,
    /// Cloudflare.
    Edge,
    /// A pod, by the name of what made it.
    Pod(String),
    /// A host outside.
    Outside,
}

impl Station {
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
pub enum End {
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

impl std::fmt::Display for End {
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

impl Request {
    /// The connections that are made for it.
    pub fn legs(&self) -> impl Iterator<Item = Leg> {
        self.events.iter().filter_map(|event| match event {
            Event::Made { leg, .. } => Some(*leg),
            Event::Told { .. } => None,
        })
    }
}
