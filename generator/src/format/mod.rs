//! Formats: how values are spelt. Header lines, newlines and quoting are decided here and nowhere
//! else.

pub mod json;
pub mod manifest;
pub mod template;
pub mod yaml;
