//! A request as text, or as a sequence diagram.

use std::fmt::Write as _;

use super::mermaid::{self, escape};
use super::text;
use crate::hop::{FlowEnd, HopStep, PacketHop};
use crate::ingress::picture::{RequestPicture, Scene, StationOnNode};
use crate::ingress::request::RequestStation;
use crate::model::Model;
use crate::span::{FileLine, TreePaths};

/// The request's path, without the cause if it fails. Answers take the same steps back; `--format json` lists them.
#[must_use]
pub fn story(model: &Model, paths: &TreePaths, picture: &RequestPicture) -> String {
    let mut story = StoryText { text: String::new(), heading: String::new() };
    for scene in &picture.scenes {
        match scene {
            Scene::Lookup { by, what, place } => {
                story.head(by.name(model));
                story.line(what, place.map(|place| paths.show(place)));
            }
            Scene::Sent { by, hops, .. } => {
                for hop in there(hops) {
                    story.head(match hop.step {
                        HopStep::Sent(FlowEnd::Pod) => by.name(model),
                        _ => model.machine(hop.machine).name.clone(),
                    });
                    story.line(&text::step(model, hop), hop.place.map(|place| paths.show(place)));
                }
                if comes_back(hops) {
                    story.line("and its answer arrives", None);
                }
            }
        }
    }
    let mut text = story.text;
    if let (None, Some(end)) = (&picture.stopped, &picture.end) {
        let _ = writeln!(text, "\n{}: {end}", picture.hostname);
    }
    text
}

struct StoryText {
    text: String,
    heading: String,
}

impl StoryText {
    fn head(&mut self, heading: String) {
        if self.heading != heading {
            let gap = if self.text.is_empty() { "" } else { "\n" };
            let _ = writeln!(self.text, "{gap}{heading}");
            self.heading = heading;
        }
    }

    fn line(&mut self, what: &str, place: Option<String>) {
        let _ = writeln!(self.text, "  {what}");
        if let Some(place) = place {
            let _ = writeln!(self.text, "      {place}");
        }
    }
}

/// The steps of a packet, without those of its answer.
fn there(hops: &[PacketHop]) -> &[PacketHop] {
    let arrived = hops.iter().position(|hop| matches!(hop.step, HopStep::Delivered(_)));
    &hops[..arrived.map_or(hops.len(), |at| at + 1)]
}

fn comes_back(hops: &[PacketHop]) -> bool {
    hops.iter().filter(|hop| matches!(hop.step, HopStep::Delivered(_))).count() == 2
}

/// The diagram (<https://mermaid.js.org/syntax/sequenceDiagram.html>).
#[must_use]
pub fn diagram(model: &Model, paths: &TreePaths, picture: &RequestPicture) -> String {
    let mut diagram =
        SequenceDiagram { model, paths, participants: Vec::new(), steps: String::new() };
    let mut last = String::new();
    for scene in &picture.scenes {
        match scene {
            Scene::Lookup { by, what, place } => {
                let id = diagram.station(by);
                // No emitted file decides about the request between visitor and edge.
                if by.station == RequestStation::Edge {
                    diagram.step(&format!("visitor->>{id}: https://{}", picture.hostname), None);
                }
                diagram.step(&format!("Note over {id}: {}", escape(what)), *place);
                last = id;
            }
            Scene::Sent { by, called, hops } => {
                let ids = [diagram.station(by), diagram.station(called)];
                there(hops).iter().for_each(|hop| diagram.hop(hop, &ids));
            }
        }
    }
    if let Some(finding) = &picture.stopped {
        let what = escape(&format!("{}: {}", finding.code, finding.message));
        diagram.step(&format!("Note over {last}: ends here<br/>{what}"), Some(finding.place));
    }
    diagram.finish()
}

struct SequenceDiagram<'a> {
    model: &'a Model,
    paths: &'a TreePaths,
    participants: Vec<(String, String)>,
    steps: String,
}

impl SequenceDiagram<'_> {
    fn meet(&mut self, id: String, label: String) -> String {
        if !self.participants.iter().any(|(known, _)| *known == id) {
            self.participants.push((id.clone(), label));
        }
        id
    }

    fn station(&mut self, station: &StationOnNode) -> String {
        let id = match &station.station {
            RequestStation::Visitor => "visitor".to_owned(),
            RequestStation::Edge => "edge".to_owned(),
            RequestStation::Outside => "outside".to_owned(),
            // Pods' names can be keywords of mermaid.
            RequestStation::Pod(name) => format!("app_{}", name.replace('-', "_")),
        };
        self.meet(id, station.name(self.model))
    }

    fn step(&mut self, step: &str, place: Option<FileLine>) {
        let place = place.map(|place| format!("<br/>{}", escape(&self.paths.show(place))));
        let _ = writeln!(self.steps, "  {step}{}", place.unwrap_or_default());
    }

    fn hop(&mut self, hop: &PacketHop, [by, called]: &[String; 2]) {
        let name = self.model.machine(hop.machine).name.clone();
        let host = self.meet(mermaid::host(hop.machine), name);
        let what = escape(&text::step(self.model, hop));
        let step = match hop.step {
            HopStep::Sent(_) => format!("{by}->>{host}: {what}"),
            HopStep::Delivered(_) => format!("{host}->>{called}: {what}"),
            HopStep::Encrypted { to, .. } => {
                let name = self.model.machine(to).name.clone();
                let to = self.meet(mermaid::host(to), name);
                format!("{host}->>{to}: {what}")
            }
            _ => format!("Note over {host}: {what}"),
        };
        self.step(&step, hop.place);
    }

    fn finish(self) -> String {
        let mut text = String::from("sequenceDiagram\n");
        for (id, label) in self.participants {
            let _ = writeln!(text, "  participant {id} as {}", escape(&label));
        }
        text + &self.steps
    }
}
