//! The integration tests, in one binary: linking is what takes their time.

mod accept_near_miss;
mod diagnostics;
mod plan_rules;
mod registry;
mod reject;
mod snapshot;
