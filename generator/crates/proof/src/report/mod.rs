//! What came of a proof or a trace, for those who asked.

pub mod entry;
pub mod human;
pub mod json;
pub mod mermaid;
pub mod text;
