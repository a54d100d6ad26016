//! The compiler: the text of a topology becomes the files of a cluster.
//!
//! The crate is a pipeline, and its modules are the stages, in this order:
//!
//! 1. [`document`]: text becomes a TOML tree with the place of each value.
//! 2. [`topology`]: the tree becomes typed values; every malformed one is reported.
//! 3. [`rules`] about the topology are checked ([`check`]).
//! 4. [`plan`]: every value that the topology does not contain is derived, with the formulas of
//!    `derive`.
//! 5. [`rules`] about the plan, then about the output.
//! 6. [`render`]: the plan becomes files ([`artifact`]): objects of [`kubernetes`] and templates,
//!    written by [`encode`].
//! 7. [`out`]: the only effect: the files are committed to the output directory.
//!
//! [`pipeline`] runs stages 1 to 5. [`diagnostic`] holds the findings that they report, and
//! [`catalogue`] every code that can be reported. No secret is read here: the crates that generate
//! or decrypt secrets are not among the dependencies.

pub mod artifact;
pub mod catalogue;
pub mod check;
mod derive;
pub mod diagnostic;
pub mod document;
pub mod encode;
pub mod kubernetes;
mod lint;
pub mod out;
pub mod overlay;
pub mod pipeline;
pub mod plan;
pub mod release;
pub mod render;
pub mod route;
pub mod rules;
pub mod source;
pub mod topology;
