//! The text as a whole: names that are used twice.
//!
//! Errors of one key or value are found while the document is read; see `catalogue/document.rs`.

mod name_duplicate;

use crate::check::Rule;
use crate::topology::Topology;

pub(super) const RULES: &[Rule<Topology>] = &[name_duplicate::RULE];
