//! The packets of a set that pass the chains of a hook, each with the line that decides about it.
//!
//! This is the only interpreter of rulesets: the walk, the public side and the invariants use it.

use std::borrow::Cow;
use std::cell::Cell;

use crate::read::nftables::{
    BaseChain, ChainKind, ChainPolicy, Hook, NO_INTERFACE, NftChain, NftRule, NftVerdict, Ruleset,
};
use crate::space::{Dimension, Ranges, Region};

/// Packets about which one line decides.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DecidedRegion {
    /// The packets.
    pub region: Region,
    /// The line of the rule or policy; none if there is no chain at this hook.
    pub line: Option<u32>,
}

/// The decision about all packets of a set.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Admission {
    /// Those that pass, each with the line that admits it last.
    pub admitted: Vec<DecidedRegion>,
    /// Those that do not.
    pub dropped: Vec<DecidedRegion>,
}

/// Which chains of a hook are evaluated, by their priority.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Priorities {
    /// All.
    All,
    /// Those before the destination is translated.
    BeforeTranslation,
    /// Those after it.
    AfterTranslation,
    /// Those before the source is masqueraded, or restored in an answer.
    BeforeMasquerade,
    /// Those after it.
    AfterMasquerade,
}

/// The priority at which destinations are translated (`NF_IP_PRI_NAT_DST`).
const TRANSLATION: i32 = -100;

/// The priority at which sources are translated, at postrouting and input (`NF_IP_PRI_NAT_SRC`).
const MASQUERADE: i32 = 100;

/// The priority at which conntrack looks at packets, at prerouting and output
/// (`NF_IP_PRI_CONNTRACK`).
const CONNTRACK: i32 = -200;

impl Priorities {
    const fn includes(self, priority: i32) -> bool {
        match self {
            Self::All => true,
            Self::BeforeTranslation => priority < TRANSLATION,
            Self::AfterTranslation => priority >= TRANSLATION,
            Self::BeforeMasquerade => priority < MASQUERADE,
            Self::AfterMasquerade => priority >= MASQUERADE,
        }
    }
}

/// The chains that are evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct HookChains {
    pub hook: Hook,
    pub priorities: Priorities,
}

/// The line that masquerades these packets at postrouting; none if some of them keep their source.
#[must_use]
pub(crate) fn masquerades(
    ruleset: &Ruleset,
    regions: Vec<Region>,
    common: CommonValues<'_>,
) -> Option<u32> {
    let chains = HookChains { hook: Hook::Postrouting, priorities: Priorities::All };
    let steps = Steps::at_most(usize::MAX);
    let decided = admit_in(ruleset, (chains, ChainKind::Nat), regions, common, &steps);
    decided.dropped.first().filter(|_| decided.admitted.is_empty())?.line
}

impl From<Hook> for HookChains {
    fn from(hook: Hook) -> Self {
        Self { hook, priorities: Priorities::All }
    }
}

/// The values of all packets of a set in the dimensions in which they do not differ.
pub(crate) type CommonValues<'a> = &'a dyn Fn(Dimension) -> Option<u128>;

/// Decides about the packets of `regions`, which may differ in all dimensions.
#[must_use]
pub(crate) fn admit(ruleset: &Ruleset, chains: HookChains, regions: Vec<Region>) -> Admission {
    admit_alike(ruleset, chains, regions, &|_| None)
}

/// The packets that pass one hook after the other.
#[must_use]
pub(crate) fn admit_through(ruleset: &Ruleset, hooks: &[Hook], regions: Vec<Region>) -> Admission {
    let start = regions.into_iter().map(|region| DecidedRegion { region, line: None });
    let mut through = Admission { admitted: start.collect(), dropped: Vec::new() };
    for hook in hooks {
        let mut decided = Admission::default();
        for one in through.admitted {
            let next = admit(ruleset, (*hook).into(), vec![one.region]);
            let admitted = next.admitted.into_iter();
            decided.admitted.extend(
                admitted.map(|next| DecidedRegion { line: next.line.or(one.line), ..next }),
            );
            decided.dropped.extend(next.dropped);
        }
        through.admitted = decided.admitted;
        through.dropped.extend(decided.dropped);
    }
    through
}

/// The same for packets that have common values. The regions do not restrict these dimensions.
#[must_use]
pub(crate) fn admit_alike(
    ruleset: &Ruleset,
    chains: HookChains,
    regions: Vec<Region>,
    common: CommonValues<'_>,
) -> Admission {
    // The ruleset of a model is not too complex.
    let chains = (chains, ChainKind::Filter);
    admit_in(ruleset, chains, regions, common, &Steps::at_most(usize::MAX))
}

fn admit_in(
    ruleset: &Ruleset,
    (HookChains { hook, priorities }, kind): (HookChains, ChainKind),
    regions: Vec<Region>,
    common: CommonValues<'_>,
    steps: &Steps,
) -> Admission {
    let mut passing = Vec::new();
    let mut unseen = Vec::new();
    for region in regions {
        split_by_family(ruleset, region, common, &mut passing, &mut unseen);
    }
    let mut bases: Vec<_> = ruleset.chains.iter().filter_map(base_of).collect();
    bases.retain(|(base, _)| {
        base.kind == kind && base.hook == hook && priorities.includes(base.priority)
    });
    bases.sort_by_key(|(base, _)| base.priority);
    let mut dropped = Vec::new();
    for (base, chain) in bases {
        let tracks = matches!(hook, Hook::Prerouting | Hook::Output);
        let run = ChainRun {
            ruleset,
            common,
            hook,
            is_tracked: !tracks || base.priority >= CONNTRACK,
            steps,
            decided: Admission::default(),
        };
        let decided = run.base(base, &chain.rules, passing);
        passing = decided.admitted;
        dropped.extend(decided.dropped);
    }
    passing.extend(unseen);
    Admission { admitted: passing, dropped }
}

/// The most steps of one evaluation, each the comparison of a rule with a region. The emitted rules take
/// fewer than a thousand. Jumps that fan out, or conditions in many dimensions, could take any number.
const MOST_STEPS: usize = 200_000;

/// The line at which a ruleset has taken too many steps for all packets. It takes no more for some of them.
#[must_use]
pub(crate) fn too_complex(ruleset: &Ruleset) -> Option<u32> {
    let kinds = [ChainKind::Filter, ChainKind::Nat];
    let mut both = Hook::ALL.iter().flat_map(|hook| kinds.map(|kind| ((*hook).into(), kind)));
    both.find_map(|chains| {
        let steps = Steps::at_most(MOST_STEPS);
        let _ = admit_in(ruleset, chains, vec![Region::everything()], &|_| None, &steps);
        steps.exceeded.get()
    })
}

/// The steps that an evaluation may still take.
struct Steps {
    left: Cell<usize>,
    /// The line at which none was left.
    exceeded: Cell<Option<u32>>,
}

impl Steps {
    const fn at_most(left: usize) -> Self {
        Self { left: Cell::new(left), exceeded: Cell::new(None) }
    }

    /// Whether a rule can be compared with so many regions.
    fn allow(&self, regions: usize, line: u32) -> bool {
        match self.left.get().checked_sub(regions + 1) {
            Some(left) => self.left.set(left),
            None if self.exceeded.get().is_none() => self.exceeded.set(Some(line)),
            None => {}
        }
        self.exceeded.get().is_none()
    }
}

/// A table sees only packets of its families.
fn split_by_family(
    ruleset: &Ruleset,
    region: Region,
    common: CommonValues<'_>,
    seen: &mut Vec<DecidedRegion>,
    unseen: &mut Vec<DecidedRegion>,
) {
    let undecided = |region| DecidedRegion { region, line: None };
    if let Some(family) = common(Dimension::Family) {
        let side = if ruleset.families.contains(family) { seen } else { unseen };
        return side.push(undecided(region));
    }
    let families: Ranges = [(4, 4), (6, 6)].into_iter().collect();
    let largest = Dimension::Family.largest();
    let others = families.intersect(&ruleset.families.complement(largest));
    let not_seen = region.clone().within(Dimension::Family, &others);
    let is_seen = region.within(Dimension::Family, &ruleset.families);
    unseen.extend((!not_seen.is_empty()).then(|| undecided(not_seen)));
    seen.extend((!is_seen.is_empty()).then(|| undecided(is_seen)));
}

fn base_of(chain: &NftChain) -> Option<(&BaseChain, &NftChain)> {
    Some((chain.base.as_ref()?, chain))
}

/// Before conntrack looks at a packet, its state is `invalid`, and `ct original` and `ct status` match
/// nothing (nft_ct.c, `nft_ct_get_eval`).
const NO_ORIGINAL: u128 = 1 << 32;

/// The number of `invalid` in [`STATES`](crate::read::nftables::STATES).
const INVALID: u128 = 0;

fn untracked(dimension: Dimension) -> Option<u128> {
    match dimension {
        Dimension::State => Some(INVALID),
        Dimension::Translated => Some(0),
        Dimension::Original4 => Some(NO_ORIGINAL),
        _ => None,
    }
}

/// The interfaces that are unknown at a hook. At postrouting, forwarded packets have their input
/// interface (Linux 5.7, "netfilter: Support iif matches in POSTROUTING").
fn absent(hook: Hook, dimension: Dimension) -> Option<u128> {
    match (hook, dimension) {
        (Hook::Prerouting | Hook::Input, Dimension::OutInterface)
        | (Hook::Output, Dimension::InInterface) => Some(NO_INTERFACE),
        _ => None,
    }
}

/// The evaluation of one base chain.
struct ChainRun<'a> {
    ruleset: &'a Ruleset,
    common: CommonValues<'a>,
    hook: Hook,
    is_tracked: bool,
    steps: &'a Steps,
    decided: Admission,
}

impl ChainRun<'_> {
    fn base(
        mut self,
        base: &BaseChain,
        rules: &[NftRule],
        passing: Vec<DecidedRegion>,
    ) -> Admission {
        let regions = passing.into_iter().map(|one| one.region).collect();
        let left = self.chain(rules, regions);
        self.decide(left, base.policy == ChainPolicy::Accept, Some(base.line));
        self.decided
    }

    fn decide(&mut self, regions: Vec<Region>, accepted: bool, line: Option<u32>) {
        let side = if accepted { &mut self.decided.admitted } else { &mut self.decided.dropped };
        let decided = regions.into_iter().filter(|region| !region.is_empty());
        side.extend(decided.map(|region| DecidedRegion { region, line }));
    }

    /// The value of all packets in a dimension, if they do not differ in it.
    fn value(&self, dimension: Dimension) -> Option<u128> {
        let before_conntrack = if self.is_tracked { None } else { untracked(dimension) };
        let known = before_conntrack.or_else(|| absent(self.hook, dimension));
        known.or_else(|| (self.common)(dimension))
    }

    /// The conditions of a rule in the dimensions in which the packets differ. None if it matches none
    /// of them.
    fn conditions<'rule>(&self, rule: &'rule NftRule) -> Option<Cow<'rule, Region>> {
        let mut known = Vec::new();
        for (dimension, ranges) in rule.region.iter() {
            let Some(value) = self.value(dimension) else {
                continue;
            };
            if !ranges.contains(value) {
                return None;
            }
            known.push(dimension);
        }
        if known.is_empty() {
            return Some(Cow::Borrowed(&rule.region));
        }
        Some(Cow::Owned(rule.region.clone().without(&known)))
    }

    /// Records the packets about which a rule decides, and returns those that reach the end of the
    /// chain.
    fn chain(&mut self, rules: &[NftRule], mut regions: Vec<Region>) -> Vec<Region> {
        let mut returned = Vec::new();
        for rule in rules {
            if !self.steps.allow(regions.len(), rule.line) {
                return Vec::new();
            }
            let Some(verdict) = rule.verdict else { continue };
            let Some(conditions) = self.conditions(rule) else { continue };
            let met = regions.iter().map(|region| region.intersect(&conditions));
            let met: Vec<_> = met.filter(|region| !region.is_empty()).collect();
            if met.is_empty() {
                continue;
            }
            if !rule.partial {
                regions = regions.iter().flat_map(|region| region.subtract(&conditions)).collect();
            }
            match verdict {
                NftVerdict::Accept => self.decide(met, true, Some(rule.line)),
                // A chain of the type nat drops nothing: there, the others are those with a new source.
                NftVerdict::Drop | NftVerdict::Masquerade => {
                    self.decide(met, false, Some(rule.line));
                }
                NftVerdict::Return => returned.extend(met),
                NftVerdict::Jump(target) => {
                    let rules = &self.ruleset.chains[target].rules;
                    regions.extend(self.chain(rules, met));
                }
                NftVerdict::Goto(target) => {
                    let rules = &self.ruleset.chains[target].rules;
                    returned.extend(self.chain(rules, met));
                }
            }
        }
        regions.extend(returned);
        regions
    }
}
