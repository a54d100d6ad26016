//! Encoders: the syntax of the emitted files. Only this module decides header lines, newlines and
//! quoting.

pub mod json;
pub mod template;
pub mod yaml;

/// The first comment of every format with comments. It contains no date, version or path.
pub const GENERATED: &str = "generated from topology.toml by meshwright; do not edit";
