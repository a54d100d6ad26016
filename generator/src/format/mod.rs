//! Formats: how values are spelt. Header lines, newlines and quoting are decided here and nowhere
//! else.

pub(crate) mod json;
pub(crate) mod manifest;
pub(crate) mod template;
pub(crate) mod yaml;
