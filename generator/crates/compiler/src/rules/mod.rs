//! Rules: checks that compare values with each other, or with facts about the programs that use them.
//! Each rule has one file, which is named after its code. The folders are named after the value that
//! a rule reads:
//!
//! - [`topology`]: the values of the topology, one folder per theme.
//! - [`plan`]: derived values.
//! - [`output`]: rendered files.
//!
//! To add a rule, write a file in one of these folders, add two lines to the folder's `mod.rs`, and
//! write a fixture `fixtures/reject/<code>.toml`. `docs/rules.md` is generated. A test names the part
//! that is missing.

pub mod output;
pub mod plan;
pub mod topology;
