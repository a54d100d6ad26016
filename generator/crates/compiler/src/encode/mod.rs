//! Encoders: how values are spelt. Header lines, newlines and quoting are decided here and nowhere
//! else.

pub mod json;
pub mod template;
pub mod yaml;

/// The first comment of every file that can hold one. No date, version or path.
pub const GENERATED: &str = "generated from topology.toml by meshwright; do not edit";
