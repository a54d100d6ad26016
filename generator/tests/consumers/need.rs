//! What a trial needs of this machine, and what becomes of it where that is missing.

#![expect(clippy::disallowed_methods, reason = "the environment says what must be here")]
#![expect(clippy::print_stderr, reason = "the harness prints its own results too")]

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use libtest_mimic::{Arguments, Trial};

use crate::namespace;

/// Something that must be here.
pub(crate) struct Need {
    /// A command that succeeds if it is.
    pub(crate) probe: &'static str,
    /// What to say if it is not.
    pub(crate) missing: &'static str,
}

/// What was required, and what is here.
pub(crate) struct Needs {
    required: String,
    /// Whether each probe succeeded.
    probed: BTreeMap<&'static str, bool>,
}

impl Needs {
    /// `MESHWRIGHT_REQUIRE` names tiers, separated by commas.
    pub(crate) fn from_environment() -> Self {
        let required = env::var("MESHWRIGHT_REQUIRE").unwrap_or_default();
        Self { required, probed: BTreeMap::new() }
    }

    /// The trial as it is if its needs are met; else one that fails, and is ignored unless its tier
    /// is required.
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

/// Says what was left out.
pub(crate) fn report(ignored: &BTreeMap<String, usize>) {
    for (reason, trials) in ignored {
        eprintln!("ignored for want of what they need: {trials} trials ({reason})");
    }
}

/// Says what was another than the real thing.
pub(crate) fn say_what_is_not_real(stand_ins: &[&str]) {
    for stand_in in stand_ins {
        eprintln!("stand-in: {stand_in}");
    }
}
