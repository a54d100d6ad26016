//! Edits of `topology.toml` by the program: comments, order, line ends and spacing stay as people
//! wrote them.

pub mod correction;
pub mod insertion;
