//! Edits of `topology.toml` that keep comments, order, line ends and spacing.

pub mod correction;
pub(crate) mod draft;
pub(crate) mod insertion;
