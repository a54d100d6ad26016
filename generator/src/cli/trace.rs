//! `meshwright trace`: the way of one packet, hop by hop.

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::prove::print_causes;
use super::session::Session;
use meshwright_proof::flows::{self, Flow};
use meshwright_proof::ingress::{self, picture};
use meshwright_proof::judge::Proof;
use meshwright_proof::model::{MachineId, Model};
use meshwright_proof::report::{self, json, mermaid, text};
use meshwright_proof::trace::{self, PacketTrace, TraceEnd};
use meshwright_value::closest;

const EXAMPLES: &str = "\
Examples:
  meshwright trace pod@tokyo pod@home
  meshwright trace laptop pod@home
  meshwright trace tokyo hongkong --flow node-api
  meshwright trace internet hello.example.com
  meshwright trace pod@tokyo pod@home --format mermaid";

/// Trace one packet and its reply
///
/// Prints each hop with the file and the line that decide it. FROM and TO are a node (`tokyo`), a pod
/// on a node (`pod@tokyo`), a client (`laptop`) or `internet`. From `internet`, TO is a hostname of
/// the tunnel; the request is traced through the DNS zone, cloudflared and the Ingress controller to
/// the app. Reads only the output directory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Trace {
    /// The sender
    from: String,
    /// The receiver; from `internet`, also a hostname of the tunnel
    to: String,
    /// The flow [default: the usual flow between the two]
    #[arg(long, value_name = "FLOW")]
    flow: Option<String>,
    /// Output format: text, a Mermaid sequence diagram, or JSON
    // This overrides the global option of the same id, so its type is the same.
    #[arg(id = "format", long, value_name = "FORMAT", default_value = "text")]
    #[arg(value_parser = ["text", "mermaid", "json"])]
    format: String,
}

impl Trace {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let proof = session.prove()?;
        let Some(model) = &proof.model else {
            print_causes(&proof, session)?;
            return Ok(Status::Findings);
        };
        if self.from == "internet" && TraceEnd::parse(&self.to, model).is_err() {
            return self.request(&proof, model, session);
        }
        let way = self.walk(model)?;
        match self.format.as_str() {
            "json" => json::trace(model, &proof.paths, &way, session.out)?,
            "mermaid" => write!(session.out, "{}", mermaid::diagram(model, &proof.paths, &way))?,
            _ => write!(session.out, "{}", text::story(model, &proof.paths, &way))?,
        }
        Ok(Status::findings(way.stopped.is_some()))
    }

    fn request(
        &self,
        proof: &Proof,
        model: &Model,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let request = ingress::ask(model, &proof.ingress, &self.to);
        let request = request.map_err(|known| unknown_hostname(&self.to, &known))?;
        let picture = picture::draw(model, &request);
        match self.format.as_str() {
            "json" => json::request(model, &proof.paths, &picture, session.out)?,
            "mermaid" => {
                let diagram = report::ingress::diagram(model, &proof.paths, &picture);
                write!(session.out, "{diagram}")?;
            }
            _ => {
                let story = report::ingress::story(model, &proof.paths, &picture);
                write!(session.out, "{story}")?;
            }
        }
        Ok(Status::findings(picture.stopped.is_some()))
    }

    fn walk(&self, model: &Model) -> Result<PacketTrace, Failure> {
        let [from, to] = [&self.from, &self.to].map(|name| TraceEnd::parse(name, model));
        let help = "a party is a node, `pod@` and a node, a client, or `internet`";
        let (from, to) = (from.map_err(|message| Failure::usage(message, help))?, to);
        let to = to.map_err(|message| Failure::usage(message, help))?;
        let flow = self.flow(model, from, to)?;
        let (from, to) = machines(from, to).ok_or_else(|| nothing_between(self))?;
        if !flow.applies(model, from, to) {
            let message = format!("{} is not sent from {} to {}", flow.name, self.from, self.to);
            return Err(Failure::usage(message, flow.about));
        }
        Ok(trace::trace(model, flow, from, to))
    }

    fn flow(&self, model: &Model, from: TraceEnd, to: TraceEnd) -> Result<&'static Flow, Failure> {
        let Some(name) = &self.flow else {
            return trace::usual_flow(model, from, to).ok_or_else(|| nothing_between(self));
        };
        Flow::find(name).ok_or_else(|| {
            let known: Vec<_> = flows::all().map(|flow| flow.name).collect();
            Failure::usage(format!("there is no flow `{name}`"), known.join(", "))
        })
    }
}

fn unknown_hostname(name: &str, known: &[String]) -> Failure {
    if known.is_empty() {
        let help = "`[cloudflare_tunnel]` in the topology makes hostnames public";
        return Failure::usage("there is no tunnel: nothing leads in from the Internet", help);
    }
    let help = match closest(name, known.iter().map(String::as_str)) {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None => format!("the tunnel's are: {}", known.join(", ")),
    };
    Failure::usage(format!("`{name}` is no hostname of the tunnel"), help)
}

/// What leaves for the Internet is tried from its machine.
fn machines(from: TraceEnd, to: TraceEnd) -> Option<(MachineId, MachineId)> {
    let from = from.machine?;
    Some((from, to.machine.unwrap_or(from)))
}

fn nothing_between(asked: &Trace) -> Failure {
    let message = format!("no flow leads from {} to {}", asked.from, asked.to);
    Failure::usage(message, "`meshwright prove` shows what the Internet may send to each node")
}
