//! Meshwright compiles one `topology.toml` into a private Kubernetes cluster over a WireGuard mesh.
//!
//! This package is the program around three crates, each of which keeps a promise:
//!
//! - `meshwright-value`: one value, one type.
//! - `meshwright-compiler`: text in, files out. It never sees a secret.
//! - `meshwright-proof`: reads the emitted files and nothing else. It never sees a plan.
//!
//! `secrets` is the only place that ever holds a private key. [`edit`] changes `topology.toml`,
//! [`cli`] is the command line, and `file` writes single files that are not part of a tree.

pub mod cli;
pub mod edit;
mod file;
mod secrets;
