//! Meshwright compiles one `topology.toml` into a private Kubernetes cluster over a WireGuard mesh.
//!
//! The crate is a pipeline, and the folders are its stages, in this order:
//!
//! 1. [`document`]: text becomes a TOML tree that knows where each value stands.
//! 2. [`topology`]: the tree becomes typed values ([`value`]); every malformed one is reported.
//! 3. [`rules`]: values that must agree with each other are checked; [`rules::Checked`] is the proof.
//! 4. [`plan`]: everything that nobody typed is derived: addresses, peers, MTU, pools, HostPlan.
//! 5. [`rules`] again, over the plan.
//! 6. [`render`]: the plan becomes files ([`artifact`]), in upstream's formats ([`format`]).
//! 7. [`out`]: the only effect: the files land atomically under `out/`.
//!
//! [`proof`] goes the other way: it reads the emitted files, and nothing else, and walks packets
//! through them.
//!
//! [`diagnostic`] holds what stages 1 to 5 report and prints it. `secrets` is the only place that
//! ever holds a private key; nothing of it enters the pipeline above. [`cli`] is the command line,
//! and `file` writes single files that are no part of a tree.

pub mod artifact;
pub mod cli;
pub mod diagnostic;
pub mod document;
mod file;
pub mod format;
pub mod out;
pub mod pipeline;
pub mod plan;
pub mod proof;
pub mod provider;
pub mod release;
pub mod render;
pub mod route;
pub mod rules;
mod secrets;
pub mod topology;
pub mod value;
