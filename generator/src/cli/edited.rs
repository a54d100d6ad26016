//! What the verbs that change the topology have in common: the new text is compiled before it is written, and
//! an error leaves the file as it was.

use std::fmt::Display;
use std::io;

use clap::Args;

use super::Status;
use super::changed::{TreeChange, with_placeholder_keys};
use super::failure::Failure;
use super::keys::PUBLIC_KEY_MISSING;
use super::opened::{self, KeylessTopology};
use super::session::Session;
use crate::edit::draft::Draft;
use meshwright_compiler::diagnostic::{Format, Located, Report, Severity};
use meshwright_compiler::document::Document;
use meshwright_compiler::out::unified_diff;
use meshwright_compiler::route::Route;
use meshwright_compiler::topology::Topology;
use meshwright_compiler::topology::member::{Member, MemberKind, free_ids, members};
use meshwright_value::{Name, NodeId};

/// The option of every verb that changes the topology.
#[derive(Debug, Args)]
pub(super) struct EditOptions {
    /// Write nothing; print the change of the topology as a patch
    #[arg(long)]
    pub(super) dry_run: bool,
}

/// A topology without errors, and the text that a verb makes of it.
pub(super) struct EditedTopology {
    pub(super) document: Document,
    report: Report,
    pub(super) topology: Topology,
    pub(super) draft: Draft,
}

impl EditedTopology {
    /// Reads the topology; `None` after reporting errors. Missing keys are not an error: `keys` generates them.
    pub(super) fn open(session: &mut Session<'_>) -> Result<Option<Self>, Failure> {
        let mut compilation = session.compile()?;
        opened::refuse_published(&mut compilation, session);
        let Some(accepted) = KeylessTopology::accept(compilation, session)? else {
            return Ok(None);
        };
        let KeylessTopology { document, report, topology, .. } = accepted;
        let draft = Draft::new(document.source());
        Ok(Some(Self { document, report, topology, draft }))
    }

    /// Compiles the new text, prints the patch and what was `done`, and writes the text.
    pub(super) fn finish(
        self,
        options: &EditOptions,
        done: &[String],
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let (old, new) = (self.document.source(), self.draft.source());
        let mut compilation = session.compile_text(new.clone())?;
        let change = TreeChange::of(&compilation, session)?;
        if let Some(change) = &change {
            change.add_warnings(&mut compilation);
        }
        let mut report = compilation.report;
        let lacks_keys = report.diagnostics.iter().any(|found| found.code == PUBLIC_KEY_MISSING);
        report.diagnostics.retain(|found| found.code != PUBLIC_KEY_MISSING && self.is_new(found));
        if report.count(Severity::Error) > 0 {
            session.report(&report)?;
            session.info(format_args!("{}: nothing was written", old.name))?;
            return Ok(Status::Findings);
        }
        if options.dry_run {
            return self.print_preview(done, &report, change.as_ref(), session);
        }
        self.print_patch(session)?;
        session.replace_topology(old, &new.text)?;
        for line in done {
            session.info(format_args!("{}: {line}", old.name))?;
        }
        session.report(&report)?;
        print_summary(change.as_ref(), session)?;
        session.info(next(lacks_keys))?;
        Ok(Status::Clean)
    }

    /// Prints the patch and what would be done, if the draft has no key yet at these places.
    pub(super) fn preview(
        &self,
        done: &[String],
        without_key: &[Route],
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        let assumed = with_placeholder_keys(self.draft.source(), without_key);
        let change = TreeChange::of(&session.compile_text(assumed)?, session)?;
        let nothing_found = Report::new(self.draft.source().clone(), Vec::new(), 0);
        self.print_preview(done, &nothing_found, change.as_ref(), session)
    }

    fn print_preview(
        &self,
        done: &[String],
        report: &Report,
        change: Option<&TreeChange>,
        session: &mut Session<'_>,
    ) -> Result<Status, Failure> {
        self.print_patch(session)?;
        for line in done {
            session.info(format_args!("dry run: {line}"))?;
        }
        session.report(report)?;
        print_summary(change, session)?;
        session.info(format_args!("{}: nothing was written", self.document.source().name))?;
        Ok(Status::Clean)
    }

    fn print_patch(&self, session: &mut Session<'_>) -> Result<(), Failure> {
        let (old, new) = (self.document.source(), self.draft.source());
        // With other formats, stdout contains only the report.
        let human = session.global.format == Format::Human;
        let stream = if human { &mut *session.out } else { &mut *session.err };
        unified_diff::print_texts(&old.name, &old.text, &new.text, stream)?;
        session.out.flush()?;
        Ok(())
    }

    /// Whether a finding is a consequence of the edit.
    fn is_new(&self, found: &Located) -> bool {
        let is_same = |old: &Located| old.code == found.code && old.message == found.message;
        !self.report.diagnostics.iter().any(is_same)
    }

    /// The member of a kind with this name.
    pub(super) fn member(&self, kind: MemberKind, name: &Name) -> Result<Member<'_>, Failure> {
        let found =
            members(&self.topology).find(|member| member.kind == kind && member.name == name);
        found.ok_or_else(|| {
            let of_kind = members(&self.topology).filter(|member| member.kind == kind);
            let known: Vec<_> = of_kind.map(|member| member.name.to_string()).collect();
            let noun = match kind {
                MemberKind::Node => "node",
                MemberKind::Client => "client",
            };
            let help = match known.is_empty() {
                true => format!("the topology has no {noun}"),
                false => format!("the topology has: {}", known.join(", ")),
            };
            Failure::usage(format!("there is no {noun} `{name}`"), help)
        })
    }

    /// The id of a new member: above those of its kind, and one that no member has or had.
    pub(super) fn next_id(&self, kind: MemberKind) -> u32 {
        let of_kind = members(&self.topology).filter(|member| member.kind == kind);
        let highest = of_kind.map(|member| member.id.get()).max().unwrap_or(match kind {
            MemberKind::Node => 0,
            MemberKind::Client => BELOW_CLIENTS,
        });
        free_ids(&self.topology).find(|id| *id > highest).unwrap_or(highest)
    }

    /// Adds an id to those that no later member may have.
    pub(super) fn retire(&mut self, id: NodeId) {
        let at = self.topology.cluster.origin.key("retired_ids");
        self.draft.push(&at, &id.to_string());
    }
}

/// The first client that `init` proposes has the next id, so that nodes are counted below.
const BELOW_CLIENTS: u32 = 199;

/// Whom to deliver to after `generate`, if there is an output directory to compare with.
fn print_summary(change: Option<&TreeChange>, session: &mut Session<'_>) -> io::Result<()> {
    let lines = change.map(TreeChange::summary).unwrap_or_default();
    lines.into_iter().try_for_each(|line| session.info(line))
}

fn next(lacks_keys: bool) -> impl Display {
    match lacks_keys {
        true => "next: `meshwright keys`, `meshwright generate`, then `meshwright plan`",
        false => "next: `meshwright generate`, then `meshwright plan`",
    }
}
