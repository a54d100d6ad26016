//! Reports of a proof or a trace, for people and for programs.

pub mod causes;
pub mod failure;
pub mod human;
pub mod ingress;
pub mod json;
pub mod mermaid;
pub mod schema;
pub mod text;
