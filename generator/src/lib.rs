//! Meshwright compiles one `topology.toml` into a private Kubernetes cluster over a WireGuard mesh.
//!
//! This package is the program. It uses four crates:
//!
//! - `meshwright-value`: the types of values, such as names and keys.
//! - `meshwright-compiler`: compiles a topology to files. It cannot access secrets.
//! - `meshwright-proof`: proves the generated files. It cannot access the plan.
//! - `meshwright-change`: plans the change from one output directory to another.
//!
//! `secrets` is the only module that handles private keys. `edit` changes `topology.toml`, [`cli`] is
//! the command line, [`fixed`] gives the proof the text of files that only this version knows, `file`
//! writes single files outside the output directory, `git` reads files of a revision, and [`overlays`] reads the
//! manifests beside the topology.

pub mod cli;
pub mod edit;
mod file;
pub mod fixed;
mod git;
pub mod overlays;
mod secrets;
