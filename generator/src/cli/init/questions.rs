//! The questions of `init` at a terminal. The rules of the topology check each answer before the next question, so
//! that no answer has to be given twice.

use std::io::{self, IsTerminal as _};
use std::net::IpAddr;
use std::sync::Arc;

use dialoguer::Input;
use dialoguer::console::Term;

use super::{BEHIND_NAT, CLUSTER_NAME, Init, NodeArgument};
use crate::cli::argument::parse;
use crate::cli::failure::Failure;
use meshwright_compiler::topology::versions::Versions;
use meshwright_value::{Hostname, Name, Os, ProviderName, SourceNet, Text, TunnelId};

/// The answer that there is no such value. It is not a valid name.
const NONE: &str = "-";

/// The answer that SSH is open to the whole Internet.
const ANYWHERE: &str = "anywhere";

/// Whether there is a person who can answer.
pub(super) fn has_terminal() -> bool {
    io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks for everything that the options of `init` can say.
pub(super) fn ask(versions: Arc<Versions>) -> Result<Init, Failure> {
    let questions = Questions(Term::stderr());
    questions.0.write_line("Each answer is checked at once. Ctrl-C ends without a file.")?;
    let name = questions.ask("Name of the cluster", Some(CLUSTER_NAME), parse::<Name>)?;
    let mut init = Init { name: Some(name), versions: Some(versions), ..Init::default() };
    while let Some(node) = questions.node(&init)? {
        init.nodes.push(node);
    }
    questions.ssh(&mut init)?;
    questions.client(&mut init)?;
    questions.tunnel(&mut init)?;
    Ok(init)
}

struct Questions(Term);

impl Questions {
    /// Asks until the answer can be read.
    fn ask<T>(
        &self,
        prompt: &str,
        default: Option<&str>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, Failure> {
        let input = Input::<String>::new().with_prompt(prompt);
        let input = match default {
            Some(default) => input.default(default.to_owned()),
            None => input,
        };
        let validated = input.validate_with(|answer: &String| read(answer.trim()).map(drop));
        let answer = validated.interact_text_on(&self.0).map_err(|error| match error {
            dialoguer::Error::IO(fault) => Failure::Stream(fault),
        })?;
        read(answer.trim()).map_err(|fault| Failure::usage(fault, "answer again"))
    }

    /// The next node; none after the last one.
    fn node(&self, init: &Init) -> Result<Option<NodeArgument>, Failure> {
        let unused = |answer: &str| match parse::<Name>(answer)? {
            name if init.nodes.iter().any(|node| node.name == name) => {
                Err(format!("`{name}` is the name of another node"))
            }
            name => Ok(name),
        };
        let name = match init.nodes.len() {
            0 => Some(self.ask("Node 1, the control plane: its name", None, unused)?),
            others => {
                let prompt = format!("Node {}: its name, or {NONE} for no other node", others + 1);
                self.ask(&prompt, Some(NONE), |answer| optional(answer, unused))?
            }
        };
        let Some(name) = name else { return Ok(None) };
        let prompt = match init.nodes.is_empty() {
            true => format!("  public address or DNS name ({BEHIND_NAT}: it stays the only node)"),
            false => format!("  public address or DNS name, or {BEHIND_NAT} if it is behind NAT"),
        };
        let mut node = self.ask(&prompt, None, |answer| {
            let node: NodeArgument = format!("{name}={answer}").parse()?;
            init.with(|init| init.nodes.push(node.clone())).check()?;
            Ok(node)
        })?;
        if init.nodes.is_empty() {
            for line in provider_lines() {
                self.0.write_line(&line)?;
            }
        }
        let other = ProviderName::Other.as_str();
        let provider = self.ask("  provider", Some(other), parse::<ProviderName>)?;
        node.provider = Some(provider).filter(|provider| *provider != ProviderName::Other);
        let prompt = "  operating system";
        node.os = Some(self.ask(prompt, Some(Os::Debian13.as_str()), parse::<Os>)?);
        Ok(Some(node))
    }

    /// Who may use SSH. The address from which this shell was opened is offered.
    fn ssh(&self, init: &mut Init) -> Result<(), Failure> {
        let prompt = format!("Addresses that may use SSH, with commas between, or {ANYWHERE}");
        let own = own_address().map(|address| address.to_string());
        init.ssh_from = self.ask(&prompt, own.as_deref(), |answer| match answer {
            ANYWHERE => Ok(Vec::new()),
            listed => list::<SourceNet>(listed),
        })?;
        init.accepts_open_ssh =
            init.ssh_from.is_empty() || init.ssh_from.iter().any(SourceNet::is_everything);
        if init.accepts_open_ssh {
            return Ok(());
        }
        for node in init.nodes.iter_mut().filter(|node| node.endpoint.is_none()) {
            let prompt = format!("Local network of {}, which may use SSH, or {NONE}", node.name);
            node.lan = self.ask(&prompt, None, |answer| optional(answer, parse::<SourceNet>))?;
            init.accepts_closed_lan |= node.lan.is_none();
        }
        Ok(())
    }

    fn client(&self, init: &mut Init) -> Result<(), Failure> {
        let prompt = format!("Client, such as the laptop that runs kubectl, or {NONE}");
        let client = self.ask(&prompt, Some("laptop"), |answer| {
            let client = optional(answer, parse::<Name>)?;
            init.with(|init| init.clients.extend(client.clone())).check()?;
            Ok(client)
        })?;
        init.clients.extend(client);
        Ok(())
    }

    fn tunnel(&self, init: &mut Init) -> Result<(), Failure> {
        let prompt = format!("Id of a Cloudflare Tunnel, or {NONE}");
        init.tunnel =
            self.ask(&prompt, Some(NONE), |answer| optional(answer, parse::<TunnelId>))?;
        if init.tunnel.is_none() {
            return Ok(());
        }
        init.hostnames = self.ask("  public names, with commas between", None, |answer| {
            let hostnames = list::<Hostname>(answer)?;
            init.with(|init| init.hostnames.clone_from(&hostnames)).check()?;
            Ok(hostnames)
        })?;
        Ok(())
    }
}

fn optional<T>(
    answer: &str,
    read: impl Fn(&str) -> Result<T, String>,
) -> Result<Option<T>, String> {
    if answer == NONE { Ok(None) } else { read(answer).map(Some) }
}

fn list<T: Text>(answer: &str) -> Result<Vec<T>, String> {
    answer.split(',').map(|one| parse::<T>(one.trim())).collect()
}

/// The valid providers, in lines that fit a terminal of 80 columns.
fn provider_lines() -> Vec<String> {
    let mut lines = vec!["  providers:".to_owned()];
    for provider in ProviderName::ALL {
        let word = format!(" {provider}");
        match lines.last_mut() {
            Some(line) if line.len() + word.len() < 80 => line.push_str(&word),
            _ => lines.push(format!("   {word}")),
        }
    }
    lines
}

/// The address from which a person has logged in to this machine (ssh(1), ENVIRONMENT).
#[expect(
    clippy::disallowed_methods,
    reason = "an answer is offered, and written only if a person takes it"
)]
fn own_address() -> Option<IpAddr> {
    let connection = std::env::var("SSH_CONNECTION").ok()?;
    connection.split(' ').next()?.parse().ok()
}
