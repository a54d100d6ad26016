//! The lab: it brings the emitted files up as a real mesh, and checks the mesh with packets.
//!
//! Every machine of a topology becomes a network namespace with its own `/etc` and `/run`. The real
//! `wg-quick`, `nft`, `ip` and the emitted script read the emitted files at the paths that they have
//! on a host. BIRD replaces calico-node and is configured from the emitted Calico objects alone.
//! Everything runs inside one `unshare` that ends with the test ([`sandbox`]): no packet leaves the
//! machine, and no process or mount remains.
//!
//! 1. [`tree`]: compiles a topology with new keys to the emitted files.
//! 2. [`world`]: starts nodes ([`node`]) and clients ([`client`]) from the files on a small Internet
//!    ([`underlay`]), with BIRD ([`bird`]), pods ([`pod`]) and Services ([`service`]).
//! 3. [`checks`]: send packets ([`probe`]) and capture them ([`capture`], [`scan`]).
//! 4. [`planned`]: changes a running mesh in the order of a plan, and lets single machines fail.
//! 5. [`mutants`]: tests the lab with deliberately broken trees; [`verdict`] judges the changes that
//!    [`alterations`] makes, and [`effect`] asks the program that reads a changed file.

pub mod alterations;
pub mod bird;
pub mod calico;
pub mod capture;
pub mod checks;
pub mod client;
pub mod cluster;
pub mod command;
pub mod effect;
mod failing;
pub mod file_lock;
pub mod machine;
pub mod mutants;
pub mod namespace;
pub mod network;
pub mod node;
pub mod planned;
pub mod pod;
pub mod probe;
mod relaying;
pub mod sandbox;
pub mod scan;
pub mod scenario;
pub mod server;
pub mod service;
pub mod tree;
pub mod underlay;
pub mod verdict;
pub mod vm;
pub mod world;
