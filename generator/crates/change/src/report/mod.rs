//! Prints a plan: for people, for pull requests, and its JSON Schema.

pub mod human;
pub mod markdown;
pub mod schema;
pub mod wording;
