//! A plan as Markdown, for a comment of a pull request.

use std::fmt::Write as _;

use super::wording;
use crate::plan::ChangePlan;
use crate::step::PlanStep;

/// The plan.
#[must_use]
pub fn text(plan: &ChangePlan) -> String {
    let mut text = "## Plan of this change\n".to_owned();
    if let Some(proven) = wording::proven(plan) {
        let _ = writeln!(text, "\n{}.", capitalised(&proven));
    }
    if !plan.refusals.is_empty() {
        let _ = writeln!(text, "\n### A running cluster cannot change\n");
        for one in &plan.refusals {
            let _ =
                writeln!(text, "- **{}**, {}: {}.", one.code, one.subject, escape(&one.message));
            let _ = writeln!(text, "  On the machines: {}. Instead: {}.", one.effect, one.help);
        }
    }
    let subjects = wording::subjects(plan);
    if !subjects.is_empty() {
        let _ = writeln!(text, "\n### Values\n\n| | |\n|---|---|");
        for (subject, values) in subjects {
            let _ = writeln!(text, "| {subject} | {} |", escape(&values.join("<br>")));
        }
    }
    list(&mut text, "Flows between machines", &wording::reachability(plan));
    list(&mut text, "Public sides", &wording::public_sides(plan));
    if !plan.steps.is_empty() {
        let _ = writeln!(text, "\n### Steps\n");
        plan.steps.iter().for_each(|one| step(&mut text, one));
    }
    text
}

fn list(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "\n### {title}\n");
    for line in lines {
        let _ = writeln!(text, "- {}", escape(line));
    }
}

fn step(text: &mut String, step: &PlanStep) {
    let hand = if step.by_hand { " (by hand)" } else { "" };
    let _ = writeln!(text, "{}. {}{hand}", step.number, escape(&step.text));
    if !step.commands.is_empty() {
        let _ = writeln!(text, "   ```sh");
        for command in &step.commands {
            let _ = writeln!(text, "   {command}");
        }
        let _ = writeln!(text, "   ```");
    }
    for line in wording::lost(step) {
        let _ = writeln!(text, "   - **{}**", escape(&line));
    }
    if let Some(cause) = &step.cause {
        let _ = writeln!(text, "   - because of {}", escape(cause));
    }
}

/// Characters that a table or HTML would take for its own.
fn escape(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace("&lt;br>", "<br>")
}

fn capitalised(text: &str) -> String {
    let mut characters = text.chars();
    characters
        .next()
        .map_or_else(String::new, |first| first.to_uppercase().chain(characters).collect())
}
