//! The change from another tree, as `plan` has it: in its own words.

use meshwright_change::plan::ChangePlan;
use meshwright_change::report::wording;
use meshwright_change::step::PlanStep;
use serde::Serialize;

#[derive(Serialize)]
pub(crate) struct ChangeView<'a> {
    from: &'a str,
    proven: Option<String>,
    refusals: Vec<RefusalView<'a>>,
    /// Subjects with the values that differ.
    values: Vec<(String, Vec<String>)>,
    flows: Vec<String>,
    public_sides: Vec<String>,
    steps: Vec<StepView<'a>>,
}

#[derive(Serialize)]
struct RefusalView<'a> {
    code: &'a str,
    subject: String,
    message: &'a str,
    effect: &'a str,
    help: &'a str,
}

#[derive(Serialize)]
struct StepView<'a> {
    text: &'a str,
    by_hand: bool,
    commands: &'a [String],
    lost: Vec<String>,
    cause: Option<&'a str>,
}

impl<'a> ChangeView<'a> {
    pub(crate) fn new(from: &'a str, plan: &'a ChangePlan) -> Self {
        let refusals = plan.refusals.iter().map(|refusal| RefusalView {
            code: refusal.code,
            subject: refusal.subject.to_string(),
            message: &refusal.message,
            effect: refusal.effect,
            help: refusal.help,
        });
        Self {
            from,
            proven: wording::proven(plan),
            refusals: refusals.collect(),
            values: wording::subjects(plan),
            flows: wording::reachability(plan),
            public_sides: wording::public_sides(plan),
            steps: plan.steps.iter().map(step).collect(),
        }
    }
}

fn step(step: &PlanStep) -> StepView<'_> {
    StepView {
        text: &step.text,
        by_hand: step.by_hand,
        commands: &step.commands,
        lost: wording::lost(step),
        cause: step.cause.as_deref(),
    }
}
