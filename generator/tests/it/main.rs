//! The integration tests, in one binary: linking is what takes their time.

mod arrows;
mod cli;
mod crash;
mod damaged;
mod determinism;
mod diagnostics;
mod docs;
mod examples;
mod host_plan;
mod json_schema;
mod mesh;
mod mistakes;
mod near_miss;
mod network;
mod out;
mod plan_rules;
mod program;
mod proof;
mod proof_broken;
mod proof_damaged;
mod properties;
mod registry;
mod reject;
mod snapshot;
mod testing;
mod user_data;
