//! The lab: what the generator emits is brought up as a real mesh, and packets decide.
//!
//! Every machine of a topology becomes a network namespace with its own `/etc` and `/run`; the real
//! `wg-quick`, `nft`, `ip` and the emitted script read the emitted files at the paths that they have
//! on a host. BIRD stands in for calico-node and is configured from the emitted Calico objects
//! alone. Nothing leaves the machine, and nothing is left on it: everything lives inside one
//! `unshare` that ends with the test ([`sandbox`]).
//!
//! 1. [`tree`]: a topology with fresh keys becomes the emitted files.
//! 2. [`world`]: the files become nodes ([`node`]) and clients ([`client`]) on a small Internet
//!    ([`underlay`]), with BIRD ([`bird`]), pods ([`pod`]) and Services ([`service`]).
//! 3. [`checks`]: packets are sent ([`probe`]) and caught ([`capture`], [`scan`]).
//! 4. [`mutants`]: the lab judges itself by trees that are broken on purpose, and [`verdict`] judges
//!    changes that nobody listed ([`alterations`]).

pub mod alterations;
pub mod bird;
pub mod calico;
pub mod capture;
pub mod checks;
pub mod client;
pub mod command;
pub mod machine;
pub mod mutants;
pub mod namespace;
pub mod node;
pub mod pod;
pub mod probe;
pub mod sandbox;
pub mod scan;
pub mod scenario;
pub mod server;
pub mod service;
pub mod tree;
pub mod underlay;
pub mod verdict;
pub mod world;
