//! What a trial needs of this machine, and what becomes of it where that is missing.

#![expect(clippy::disallowed_methods, reason = "the environment says what must be here")]
#![expect(clippy::print_stderr, reason = "the harness prints its own results too")]

use std::collections::BTreeMap;
use std::env;
use std::path::Path;

use libtest_mimic::Trial;

use crate::namespace;

/// Something that must be here.
pub(crate) struct Need {
    /// A command that succeeds if it is.
    pub(crate) probe: &'static str,
    /// What to say if it is not.
    pub(crate) missing: &'static str,
    /// The name by which `MESHWRIGHT_REQUIRE` asks for it.
    pub(crate) tier: &'static str,
}

impl Need {
    /// A need of the tier that all consumers but kubeadm belong to.
    pub(crate) const fn new(probe: &'static str, missing: &'static str) -> Self {
        Self { probe, missing, tier: "consumers" }
    }
}

/// What was required, what is missing, and how many trials that cost.
pub(crate) struct Needs {
    required: String,
    /// Whether each probe succeeded.
    probed: BTreeMap<&'static str, bool>,
    ignored: BTreeMap<&'static str, usize>,
}

impl Needs {
    /// `MESHWRIGHT_REQUIRE` names tiers, separated by commas.
    pub(crate) fn from_environment() -> Self {
        let required = env::var("MESHWRIGHT_REQUIRE").unwrap_or_default();
        Self { required, probed: BTreeMap::new(), ignored: BTreeMap::new() }
    }

    /// The trial as it is if its needs are met; else one that fails, ignored unless it is required.
    pub(crate) fn gate(&mut self, needs: &'static [Need], trial: Trial) -> Trial {
        let Some(need) = needs.iter().find(|need| !self.is_met(need)) else { return trial };
        let required = self.required.split(',').any(|tier| tier.trim() == need.tier);
        if !required {
            *self.ignored.entry(need.missing).or_default() += 1;
        }
        Trial::test(trial.name(), || Err(need.missing.into()))
            .with_kind(need.missing)
            .with_ignored_flag(!required)
    }

    fn is_met(&mut self, need: &Need) -> bool {
        *self.probed.entry(need.probe).or_insert_with(|| succeeds(need.probe))
    }

    /// Says what was left out.
    pub(crate) fn report(&self) {
        for (missing, trials) in &self.ignored {
            eprintln!("ignored {trials} trials: {missing}");
        }
    }
}

fn succeeds(probe: &str) -> bool {
    namespace::outside(probe, Path::new("")).is_ok_and(|done| done.status.success())
}
