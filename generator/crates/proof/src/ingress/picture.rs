//! A request as one can look at it: its stations on nodes, and the packets between them.

use super::connection::{Leg, nodes_of_picture};
use super::request::{End, Event, Request, Station};
use crate::finding::Finding;
use crate::hop::Hop;
use crate::model::{MachineId, Model};
use crate::span::Place;
use crate::trace;

/// A request on its way.
#[derive(Debug)]
pub struct Picture {
    /// The public name.
    pub hostname: String,
    /// What happens, in order.
    pub scenes: Vec<Scene>,
    /// Where it ends.
    pub end: Option<End>,
    /// Why it ends too early.
    pub stopped: Option<Finding>,
}

/// One thing that happens.
#[derive(Debug)]
pub enum Scene {
    /// Something is looked up.
    Told {
        /// By whom.
        by: Stand,
        /// What is found.
        what: String,
        /// The line that decides it.
        place: Option<Place>,
    },
    /// Packets go there, and their answers back.
    Sent {
        /// By whom.
        by: Stand,
        /// To whom.
        called: Stand,
        /// Their steps.
        hops: Vec<Hop>,
    },
}

/// A station, and the node that its pod is taken to be on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stand {
    /// The station.
    pub station: Station,
    /// The node; none outside of the cluster.
    pub node: Option<MachineId>,
}

impl Stand {
    /// How it is called.
    #[must_use]
    pub fn name(&self, model: &Model) -> String {
        let name = self.station.name();
        match self.node {
            Some(node) => format!("{name}, a pod on {}", model.machine(node).name),
            None => name.to_owned(),
        }
    }
}

/// Puts each app's pod on a node of its own, as far as there are any: elsewhere its packets would go the
/// same steps, which is proven.
#[must_use]
pub fn of(model: &Model, request: &Request) -> Picture {
    let mut painter = Painter { model, places: Vec::new(), scenes: Vec::new() };
    let stopped = painter.paint(&request.events);
    let scenes = painter.scenes;
    let end = request.end.clone();
    let stopped = stopped.or_else(|| request.stopped.clone());
    Picture { hostname: request.hostname.clone(), scenes, end, stopped }
}

struct Painter<'a> {
    model: &'a Model,
    /// Pods, each with its node.
    places: Vec<(Station, MachineId)>,
    scenes: Vec<Scene>,
}

impl Painter<'_> {
    fn paint(&mut self, events: &[Event]) -> Option<Finding> {
        for event in events {
            match event {
                Event::Told { by, what, place } => {
                    let (by, what, place) = (self.stand(by), what.clone(), *place);
                    self.scenes.push(Scene::Told { by, what, place });
                }
                Event::Made { by, called, leg } => {
                    let [by, called] = [by, called].map(|station| self.stand(station));
                    if self.is_known(&by, &called) {
                        continue;
                    }
                    if let Some(stopped) = self.send(by, called, *leg) {
                        return Some(stopped);
                    }
                }
            }
        }
        None
    }

    /// cloudflared calls the edge in two ways, of which one is enough to look at.
    fn is_known(&self, from: &Stand, to: &Stand) -> bool {
        self.scenes.iter().any(|scene| match scene {
            Scene::Sent { by, called, .. } => by == from && called == to,
            Scene::Told { .. } => false,
        })
    }

    fn send(&mut self, by: Stand, called: Stand, leg: Leg) -> Option<Finding> {
        let (from, flow) = (by.node?, leg.flow()?);
        let way = trace::trace(self.model, &flow, from, called.node.unwrap_or(from));
        self.scenes.push(Scene::Sent { by, called, hops: way.hops });
        way.stopped
    }

    fn stand(&mut self, station: &Station) -> Stand {
        let node = matches!(station, Station::Pod(_)).then(|| self.node(station));
        Stand { station: station.clone(), node: node.flatten() }
    }

    fn node(&mut self, station: &Station) -> Option<MachineId> {
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
