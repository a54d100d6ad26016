//! A plan as text for a terminal.

use std::fmt::Write as _;

use super::wording;
use crate::plan::ChangePlan;
use crate::step::PlanStep;

/// The plan.
#[must_use]
pub fn text(plan: &ChangePlan) -> String {
    let mut text = String::new();
    section(&mut text, "Values", &subjects(plan));
    section(&mut text, "Flows between machines", &wording::reachability(plan));
    section(&mut text, "Public sides", &wording::public_sides(plan));
    let refused: Vec<_> = plan
        .refusals
        .iter()
        .map(|one| {
            format!(
                "{} ({}): {}\n      on the machines: {}\n      instead: {}",
                one.code, one.subject, one.message, one.effect, one.help
            )
        })
        .collect();
    section(&mut text, "A running cluster cannot change", &refused);
    if !plan.steps.is_empty() {
        let _ = writeln!(text, "Steps");
        plan.steps.iter().for_each(|one| step(&mut text, one));
        text.push('\n');
    }
    if let Some(proven) = wording::proven(plan) {
        let _ = writeln!(text, "{proven}");
    }
    text
}

/// The flows that are lost, one line for each step and kind.
#[must_use]
pub fn lost_lines(plan: &ChangePlan) -> Vec<String> {
    let lines = plan.steps.iter().flat_map(|step| {
        let lost = wording::lost(step).into_iter();
        lost.map(|line| format!("step {} ({}): {line}", step.number, step.text))
    });
    lines.collect()
}

fn section(text: &mut String, title: &str, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    let _ = writeln!(text, "{title}");
    for line in lines {
        let _ = writeln!(text, "  {line}");
    }
    text.push('\n');
}

fn subjects(plan: &ChangePlan) -> Vec<String> {
    let subjects = wording::subjects(plan).into_iter();
    let line = |(subject, values): (String, Vec<String>)| match values.is_empty() {
        true => subject,
        false => format!("{subject}: {}", values.join("; ")),
    };
    subjects.map(line).collect()
}

fn step(text: &mut String, step: &PlanStep) {
    let hand = if step.by_hand { " (by hand)" } else { "" };
    let together = match step.together {
        Some(window) => format!(" [together {window}]"),
        None => String::new(),
    };
    let _ = writeln!(text, "  {:>2}. {}{hand}{together}", step.number, step.text);
    for command in &step.commands {
        let _ = writeln!(text, "        {command}");
    }
    for line in wording::lost(step) {
        let _ = writeln!(text, "      {line}");
    }
    if let Some(cause) = &step.cause {
        let _ = writeln!(text, "      because of {cause}");
    }
}
