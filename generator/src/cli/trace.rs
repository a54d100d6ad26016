//! `meshwright trace`: traces one packet and its reply.

use std::io;

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::prove::{print_causes, print_end};
use super::session::Session;
use meshwright_proof::flows::{self, Flow};
use meshwright_proof::ingress::{self, picture};
use meshwright_proof::judge::Proof;
use meshwright_proof::model::{MachineId, Model};
use meshwright_proof::report::{self, json, mermaid, text};
use meshwright_proof::trace::{self, PacketTrace, TraceEnd};
use meshwright_value::{closest, printable_lines};

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
/// on a node (`pod@tokyo`), a client (`laptop`) or `internet`; TO is also an address of `[[networks]]`. From `internet`, TO is a hostname of
/// the tunnel; the request is traced through the DNS zone, cloudflared and the Ingress controller to
/// the app. Reads only the output directory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Trace {
    /// The sender
    from: String,
    /// The receiver, also an address of `[[networks]]`; from `internet`, also a hostname of the tunnel
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
        let trace = self.trace(model)?;
        match self.format.as_str() {
            "json" => json::trace(model, &proof.paths, &trace, session.out)?,
            "mermaid" => {
                let diagram = mermaid::diagram(model, &proof.paths, &trace);
                write!(session.out, "{}", printable_lines(&diagram))?;
            }
            _ => print_trace(&proof, model, &trace, session)?,
        }
        Ok(Status::findings(trace.cause.is_some()))
    }

    fn request(
        &self,
        proof: &Proof,
        model: &Model,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let request = ingress::ask(model, &proof.ingress, &self.to)
            .map_err(|known| unknown_hostname(&self.to, &known))?;
        let drawn = picture::draw(model, &request);
        match self.format.as_str() {
            "json" => json::request(model, &proof.paths, &drawn, session.out)?,
            "mermaid" => {
                let diagram = report::ingress::diagram(model, &proof.paths, &drawn);
                write!(session.out, "{}", printable_lines(&diagram))?;
            }
            _ => {
                let story = report::ingress::story(model, &proof.paths, &drawn);
                write!(session.out, "{}", printable_lines(&story))?;
                if let Some(finding) = &drawn.stopped {
                    write!(session.out, "\nIt ends here:\n\n")?;
                    print_end(&proof.paths, finding, "", session)?;
                }
            }
        }
        Ok(Status::findings(drawn.stopped.is_some()))
    }

    fn trace(&self, model: &Model) -> Result<PacketTrace, Failure> {
        let parse = |name: &str| {
            let help = "use a node, `pod@` and a node, a client, an address of `[[networks]]`, or `internet`";
            TraceEnd::parse(name, model).map_err(|message| Failure::usage(message, help))
        };
        let (sender, receiver) = (parse(&self.from)?, parse(&self.to)?);
        let flow = self.flow(model, sender, receiver)?;
        let (from, to) = machines(sender, receiver).ok_or_else(|| no_flow_between(self))?;
        if !flow.applies(model, from, to) {
            let message = format!("{} is not sent from {} to {}", flow.name, self.from, self.to);
            return Err(Failure::usage(message, flow.about));
        }
        Ok(trace::trace(model, &receiver.narrow(flow), from, to))
    }

    fn flow(&self, model: &Model, from: TraceEnd, to: TraceEnd) -> Result<&'static Flow, Failure> {
        let Some(name) = &self.flow else {
            return trace::usual_flow(model, from, to).ok_or_else(|| no_flow_between(self));
        };
        Flow::find(name).ok_or_else(|| {
            let known: Vec<_> = flows::all().map(|flow| flow.name).collect();
            Failure::usage(format!("there is no flow `{name}`"), known.join(", "))
        })
    }
}

/// The steps, then their end.
fn print_trace(
    proof: &Proof,
    model: &Model,
    trace: &PacketTrace,
    session: &mut Session<'_>,
) -> io::Result<()> {
    let story = text::story(model, &proof.paths, trace);
    write!(session.out, "{}", printable_lines(&story))?;
    match (&trace.cause, &trace.stopped) {
        (Some(cause), _) => {
            let [from, to] = [trace.from, trace.to].map(|id| model.machine(id).name.as_str());
            let effect = format!("{} fails from {from} to {to}", trace.flow);
            write!(session.out, "\n{}\n\n", text::end(trace))?;
            print_end(&proof.paths, cause, &effect, session)
        }
        (None, Some(stopped)) => {
            let place = proof.paths.show(stopped.place);
            let end = format!("{}: {}\n      {place}", text::end(trace), stopped.message);
            writeln!(session.out, "\n{}", printable_lines(&end))
        }
        (None, None) => Ok(()),
    }
}

fn unknown_hostname(name: &str, known: &[String]) -> Failure {
    if known.is_empty() {
        let help = "add `[cloudflare_tunnel]` to the topology";
        return Failure::usage("the tree has no tunnel, so no hostname is public", help);
    }
    let help = match closest(name, known.iter().map(String::as_str)) {
        Some(suggestion) => format!("did you mean `{suggestion}`?"),
        None => format!("the tunnel has {}", known.join(", ")),
    };
    Failure::usage(format!("`{name}` is not a hostname of the tunnel"), help)
}

/// The two machines. A packet to the Internet is traced from its machine to its machine.
fn machines(from: TraceEnd, to: TraceEnd) -> Option<(MachineId, MachineId)> {
    let sender = from.machine?;
    Some((sender, to.machine.unwrap_or(sender)))
}

fn no_flow_between(asked: &Trace) -> Failure {
    let message = format!("there is no flow from {} to {}", asked.from, asked.to);
    Failure::usage(message, "run `meshwright prove` for the public ports of each node")
}
