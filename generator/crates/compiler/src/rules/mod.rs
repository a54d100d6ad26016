//! Rules: what must hold between values. One file a rule, named by its code, in the folder of what
//! it looks at:
//!
//! - [`topology`]: values that people wrote, by theme.
//! - [`plan`]: derived values.
//! - [`output`]: rendered files.
//!
//! To add one: a file in such a folder, its two lines in the folder's `mod.rs`, and a fixture
//! `fixtures/reject/<code>.toml`. Its section in `docs/rules.md` is generated. Tests find what is
//! missing and name it.

pub mod output;
pub mod plan;
pub mod topology;
