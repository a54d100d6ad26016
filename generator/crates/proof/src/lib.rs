//! The proof: the emitted files alone show that the network works.
//!
//! 1. [`read`]: a strict reader for each format; every value keeps its line ([`span`]).
//! 2. [`model`]: the values become machines, routes, links and firewalls, for all addresses at once
//!    ([`model::address_class`]).
//! 3. [`walk`]: a packet and its answer go from hook to hook ([`hop`]); [`flows`] lists the packets
//!    that must arrive, and [`judge`] sends all of them.
//! 4. [`report`]: the results, for people and for programs.
//!
//! [`matrix`] has the results for each pair, so that two networks can be compared.
//!
//! The proof does not read the plan: an error of the plan or of a renderer would then be repeated here.

mod admission;
#[cfg(test)]
mod agreement;
mod assumed;
pub mod assumption;
pub mod cause;
pub mod exposure;
pub mod facts;
pub mod failure;
pub mod families;
pub mod files;
pub mod finding;
mod first_boot;
pub mod fixed;
pub mod flows;
mod hop;
pub mod ingress;
mod invariants;
pub mod judge;
pub mod matrix;
pub mod model;
pub mod objects;
mod pairs;
mod read;
mod relays;
pub mod report;
mod space;
pub mod span;
pub mod trace;
mod unjudged;
mod walk;

pub use hop::FlowEnd;
pub use read::tree::{EmittedClient, EmittedNode, EmittedTree, FromFile};
