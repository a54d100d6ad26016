//! Sentences that all formats print.

use std::collections::{BTreeMap, BTreeSet};

use crate::difference::{ReachDifference, ValueDifference};
use crate::plan::ChangePlan;
use crate::step::PlanStep;
use meshwright_value::count;

/// `mtu 1420 → 1380`; of a list only what differs.
pub(super) fn value(one: &ValueDifference) -> String {
    let ValueDifference { value, before, after, .. } = one;
    match (before, after) {
        (Some(before), Some(after)) if before.contains(", ") || after.contains(", ") => {
            let [old, new] = [before, after].map(|list| list.split(", ").collect::<Vec<_>>());
            let added = new.iter().filter(|one| !old.contains(one)).map(|one| format!("+{one}"));
            let removed = old.iter().filter(|one| !new.contains(one)).map(|one| format!("-{one}"));
            let all: Vec<_> = removed.chain(added).filter(|one| one.len() > 1).collect();
            format!("{value} {}", all.join(" "))
        }
        (Some(before), Some(after)) if before.is_empty() => format!("{value} {after}"),
        (Some(before), Some(after)) if !after.is_empty() => format!("{value} {before} → {after}"),
        (None, Some(after)) => format!("{value} {after}"),
        (before, _) => format!("{value} {} → none", before.as_deref().unwrap_or("none")),
    }
}

/// The values of each subject, in one line: `node osaka (new): address 10.66.66.5, …`.
#[must_use]
pub fn subjects(plan: &ChangePlan) -> Vec<(String, Vec<String>)> {
    let mut subjects: Vec<(String, Vec<&ValueDifference>)> = Vec::new();
    for one in &plan.values {
        match subjects.last_mut().filter(|(subject, _)| *subject == one.subject) {
            Some((_, values)) => values.push(one),
            None => subjects.push((one.subject.clone(), vec![one])),
        }
    }
    let named = subjects.into_iter().map(|(subject, values)| {
        let is_new = values.iter().all(|one| one.before.is_none());
        let is_gone = values.iter().all(|one| one.after.is_none());
        let machine = subject != "cluster";
        let mark = match (machine && is_new, machine && is_gone) {
            (true, _) => " (new)",
            (_, true) => " (gone)",
            _ => "",
        };
        let lines =
            if machine && is_gone { Vec::new() } else { values.into_iter().map(value).collect() };
        (format!("{subject}{mark}"), lines)
    });
    named.collect()
}

/// How many pairs, and how many flows, a line names.
const NAMED: usize = 6;

/// The flows that differ: one line for each machine that comes or goes, and one for pairs with the same difference.
#[must_use]
pub fn reachability(plan: &ChangePlan) -> Vec<String> {
    let machines = |word: &str| -> BTreeSet<&str> {
        let subjects = subjects(plan).into_iter().filter(|(subject, _)| subject.ends_with(word));
        let names = subjects.filter_map(|(subject, _)| {
            let name = subject.split(' ').nth(1)?.to_owned();
            plan.reachability
                .iter()
                .flat_map(|pair| [&pair.from, &pair.to])
                .find(|one| **one == name)
        });
        names.map(String::as_str).collect()
    };
    let mut lines = Vec::new();
    let (new, gone) = (machines("(new)"), machines("(gone)"));
    for (names, word) in [(&new, "new"), (&gone, "gone")] {
        for name in names {
            let pairs =
                plan.reachability.iter().filter(|pair| pair.from == *name || pair.to == *name);
            let flows: usize = pairs.map(|pair| pair.new.len() + pair.gone.len()).sum();
            lines.push(format!("{name}: all its flows are {word} ({flows})"));
        }
    }
    let is_known = |name: &str| !new.contains(name) && !gone.contains(name);
    type Flows<'a> = (&'a [&'static str], &'a [&'static str]);
    let mut alike: BTreeMap<Flows<'_>, Vec<&ReachDifference>> = BTreeMap::new();
    for pair in plan.reachability.iter().filter(|pair| is_known(&pair.from) && is_known(&pair.to)) {
        alike.entry((&pair.new, &pair.gone)).or_default().push(pair);
    }
    let line = |((new, gone), pairs): (Flows<'_>, Vec<&ReachDifference>)| {
        let flows =
            [("new", new), ("gone", gone)].into_iter().filter(|(_, flows)| !flows.is_empty());
        let flows = flows.map(|(word, flows)| format!("{word}: {}", flows.join(", ")));
        let flows = flows.collect::<Vec<_>>().join("; ");
        let named: Vec<_> =
            pairs.iter().map(|pair| format!("{} → {}", pair.from, pair.to)).collect();
        format!("{}: {flows}", cut(&named, "pair"))
    };
    lines.extend(alike.into_iter().map(line));
    lines
}

/// `a, b and 3 more pairs`
fn cut(names: &[String], noun: &str) -> String {
    let hidden = names.len().saturating_sub(NAMED);
    let shown = names[..names.len() - hidden].join(", ");
    if hidden == 0 {
        shown
    } else {
        format!("{shown} and {}", count(hidden, &format!("more {noun}")))
    }
}

/// The lost flows of a step: one line for the pairs whose flows come back with the same step.
#[must_use]
pub fn lost(step: &PlanStep) -> Vec<String> {
    let mut alike: BTreeMap<usize, BTreeMap<[&str; 2], Vec<&'static str>>> = BTreeMap::new();
    for pair in &step.lost {
        let mut ends = [pair.from.as_str(), pair.to.as_str()];
        ends.sort_unstable();
        alike.entry(pair.until).or_default().entry(ends).or_default().extend(&pair.flows);
    }
    let line = |(until, pairs): (usize, BTreeMap<[&str; 2], Vec<&'static str>>)| {
        let total = pairs.values().map(Vec::len).sum();
        let named = pairs.iter().map(|([one, other], flows)| match flows.len() {
            0..=3 => format!("{one} – {other} ({})", flows.join(", ")),
            number => format!("{one} – {other} ({number})"),
        });
        let named: Vec<_> = named.collect();
        format!(
            "lost until step {until} is done: {} of {}",
            count(total, "flow"),
            cut(&named, "pair")
        )
    };
    alike.into_iter().map(line).collect()
}

/// What the public sides accept before or after the change only: one line for nodes with the same difference.
#[must_use]
pub fn public_sides(plan: &ChangePlan) -> Vec<String> {
    let mut alike: BTreeMap<(&str, &[String]), Vec<&str>> = BTreeMap::new();
    for node in &plan.exposure {
        for (verb, packets) in [("accept", &node.opened), ("no longer accept", &node.closed)] {
            if !packets.is_empty() {
                alike.entry((verb, packets)).or_default().push(&node.node);
            }
        }
    }
    let line = |((verb, packets), nodes): ((&str, &[String]), Vec<&str>)| {
        let verb =
            if nodes.len() == 1 { verb.replacen("accept", "accepts", 1) } else { verb.to_owned() };
        format!("{} {verb}: {}", nodes.join(", "), packets.join("; "))
    };
    alike.into_iter().map(line).collect()
}

/// What was proven, in one sentence.
#[must_use]
pub fn proven(plan: &ChangePlan) -> Option<String> {
    let proven = plan.proven?;
    if plan.steps.is_empty() {
        return Some("no machine and no object of the cluster changes".to_owned());
    }
    let between = proven.states.saturating_sub(2);
    let walked = format!(
        "{} between the two trees proven for {} flows that hold in both",
        count(between, "state"),
        proven.flows
    );
    let result = match (plan.loses(), proven.is_best) {
        (false, _) => "nothing is lost".to_owned(),
        (true, true) => "no order loses less".to_owned(),
        (true, false) => format!(
            "the order loses flows; {} were tried, and not every order",
            count(proven.walked, "state")
        ),
    };
    Some(format!("{walked}: {result}"))
}
