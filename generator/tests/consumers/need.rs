//! The requirements of trials on this machine, and how a trial with a missing requirement is reported.

#![expect(clippy::disallowed_methods, reason = "an environment variable names the required tiers")]
#![expect(clippy::print_stderr, reason = "the harness prints its own results too")]

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use libtest_mimic::{Arguments, Trial};

use crate::namespace;

/// A requirement of a trial.
pub(crate) struct Need {
    /// A command that succeeds if the requirement is met.
    pub(crate) probe: &'static str,
    /// The message if it is not met.
    pub(crate) missing: &'static str,
}

/// The required tiers, and the results of probes.
pub(crate) struct Needs {
    required: String,
    /// Whether each probe has succeeded.
    probed: BTreeMap<&'static str, bool>,
}

impl Needs {
    /// `MESHWRIGHT_REQUIRE` names tiers, separated by commas.
    pub(crate) fn from_environment() -> Self {
        let required = env::var("MESHWRIGHT_REQUIRE").unwrap_or_default();
        Self { required, probed: BTreeMap::new() }
    }

    /// Returns the trial if its requirements are met. If not, returns a trial that fails if its tier is required,
    /// and is ignored otherwise.
    pub(crate) fn gate(&mut self, tier: &str, needs: &'static [Need], trial: Trial) -> Trial {
        let Some(need) = needs.iter().find(|need| !self.is_met(need)) else { return trial };
        let required = self.required.split(',').any(|required| required.trim() == tier);
        Trial::test(trial.name(), || Err(need.missing.into()))
            .with_kind(need.missing)
            .with_ignored_flag(!required)
    }

    fn is_met(&mut self, need: &Need) -> bool {
        *self.probed.entry(need.probe).or_insert_with(|| succeeds(need.probe))
    }
}

fn succeeds(probe: &str) -> bool {
    namespace::outside(probe, Path::new("")).is_ok_and(|done| done.status.success())
}

/// How many trials are ignored for each reason.
pub(crate) fn ignored(arguments: &Arguments, trials: &[Trial]) -> BTreeMap<String, usize> {
    let mut ignored = BTreeMap::new();
    for trial in trials {
        if arguments.is_ignored(trial) && !arguments.is_filtered_out(trial) {
            *ignored.entry(trial.kind().to_owned()).or_default() += 1;
        }
    }
    ignored
}

/// Prints the ignored trials.
pub(crate) fn report_ignored(ignored: &BTreeMap<String, usize>) {
    for (reason, trials) in ignored {
        eprintln!("ignored, requirements not met: {trials} trials ({reason})");
    }
}

/// Prints the placeholders for real programs.
pub(crate) fn report_placeholders(placeholders: &[&str]) {
    for placeholder in placeholders {
        eprintln!("placeholder: {placeholder}");
    }
}
