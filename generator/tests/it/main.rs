//! The integration tests, in one binary: linking is what takes their time.

mod accept;
mod accept_near_miss;
mod cli;
mod diagnostics;
mod docs;
mod out;
mod pipeline;
mod plan_rules;
mod properties;
mod registry;
mod reject;
mod snapshot;
mod user_data;
