//! A request as a picture: its stations on nodes, and the packets between them.

use super::connection::{IngressConnection, nodes_of_picture};
use super::request::{IngressRequest, RequestEnd, RequestEvent, RequestStation};
use crate::finding::ProofFinding;
use crate::hop::PacketHop;
use crate::model::{MachineId, Model};
use crate::span::FileLine;
use crate::trace;

/// The path of a request.
#[derive(Debug)]
pub struct RequestPicture {
    /// The public name.
    pub hostname: String,
    /// The scenes in their order.
    pub scenes: Vec<Scene>,
    /// Where it ends.
    pub end: Option<RequestEnd>,
    /// Why it ends too early.
    pub stopped: Option<ProofFinding>,
}

/// One scene.
#[derive(Debug)]
pub enum Scene {
    /// A station looks up a name or an object.
    Lookup {
        /// The station.
        by: StationOnNode,
        /// The result.
        what: String,
        /// The line that decides it.
        place: Option<FileLine>,
    },
    /// Packets and their answers.
    Sent {
        /// The station.
        by: StationOnNode,
        /// The receiver.
        called: StationOnNode,
        /// Their steps.
        hops: Vec<PacketHop>,
    },
}

/// A station, and an example node for its pod.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StationOnNode {
    /// The station.
    pub station: RequestStation,
    /// The node; none outside of the cluster.
    pub node: Option<MachineId>,
}

impl StationOnNode {
    /// Its name in reports.
    #[must_use]
    pub fn name(&self, model: &Model) -> String {
        let name = self.station.name();
        match self.node {
            Some(node) => format!("{name}, a pod on {}", model.machine(node).name),
            None => name.to_owned(),
        }
    }
}

/// Draws each pod on another node, if there are enough. On other nodes the steps are the same, which is
/// proven.
#[must_use]
pub fn draw(model: &Model, request: &IngressRequest) -> RequestPicture {
    let mut painter = PictureBuilder { model, places: Vec::new(), scenes: Vec::new() };
    let stopped = painter.paint(&request.events);
    let scenes = painter.scenes;
    let end = request.end.clone();
    // The proof also walks from and to other nodes.
    let stopped = request.stopped.clone().or(stopped);
    RequestPicture { hostname: request.hostname.clone(), scenes, end, stopped }
}

struct PictureBuilder<'a> {
    model: &'a Model,
    /// Pods, each with its node.
    places: Vec<(RequestStation, MachineId)>,
    scenes: Vec<Scene>,
}

impl PictureBuilder<'_> {
    fn paint(&mut self, events: &[RequestEvent]) -> Option<ProofFinding> {
        for event in events {
            match event {
                RequestEvent::Lookup { by, what, place } => {
                    let (by, what, place) = (self.station_on_node(by), what.clone(), *place);
                    self.scenes.push(Scene::Lookup { by, what, place });
                }
                RequestEvent::Connected { by, called, connection } => {
                    let [by, called] = [by, called].map(|station| self.station_on_node(station));
                    if self.is_known(&by, &called) {
                        continue;
                    }
                    if let Some(stopped) = self.send(by, called, *connection) {
                        return Some(stopped);
                    }
                }
            }
        }
        None
    }

    /// cloudflared connects to the edge with two protocols. One is shown.
    fn is_known(&self, from: &StationOnNode, to: &StationOnNode) -> bool {
        self.scenes.iter().any(|scene| match scene {
            Scene::Sent { by, called, .. } => by == from && called == to,
            Scene::Lookup { .. } => false,
        })
    }

    fn send(
        &mut self,
        by: StationOnNode,
        called: StationOnNode,
        connection: IngressConnection,
    ) -> Option<ProofFinding> {
        let (from, flow) = (by.node?, connection.flow()?);
        let path = trace::trace(self.model, &flow, from, called.node.unwrap_or(from));
        self.scenes.push(Scene::Sent { by, called, hops: path.hops });
        path.cause
    }

    fn station_on_node(&mut self, station: &RequestStation) -> StationOnNode {
        let node = matches!(station, RequestStation::Pod(_)).then(|| self.node(station));
        StationOnNode { station: station.clone(), node: node.flatten() }
    }

    fn node(&mut self, station: &RequestStation) -> Option<MachineId> {
        let known = self.places.iter().find(|(known, _)| known == station);
        if let Some((_, node)) = known {
            return Some(*node);
        }
        let nodes = nodes_of_picture(self.model);
        let node = *nodes.get(self.places.len() % nodes.len().max(1))?;
        self.places.push((station.clone(), node));
        Some(node)
    }
}
