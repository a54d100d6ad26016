//! What came of a proof or a trace, for those who asked.

pub mod human;
pub mod ingress;
pub mod json;
pub mod mermaid;
pub mod text;
