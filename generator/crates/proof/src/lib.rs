//! The proof: that what was emitted works, shown from the emitted files alone.
//!
//! 1. [`read`]: each format is read back, strictly; every fact keeps its line ([`span`]).
//! 2. [`model`]: the facts become machines, routes, links and firewalls, for all addresses at once
//!    ([`model::address_class`]).
//! 3. [`walk`]: a packet and its answer go from hook to hook ([`hop`]); [`flows`] says which must
//!    arrive, and [`judge`] sends all of them.
//! 4. [`report`]: what came of it, for people and for programs.
//!
//! Nothing of the plan is seen here: a renderer that errs is not believed twice.

#[cfg(test)]
mod agreement;
pub mod exposure;
pub mod files;
pub mod finding;
pub mod flows;
pub mod hop;
pub mod ingress;
pub mod invariants;
pub mod judge;
pub mod model;
pub mod read;
pub mod report;
pub mod space;
pub mod span;
pub mod trace;
pub mod walk;
