//! The plan of a change: from the tree that the machines have to the tree that they will have.
//!
//! 1. [`tree`]: both trees as networks.
//! 2. [`part`]: the parts that change, each of which takes over at its own time: a node, the objects of the
//!    cluster, the pods, a client.
//! 3. [`refusals`]: values that a running cluster cannot change.
//! 4. [`state`]: the network in which some parts have their new files, and the flows that it loses.
//! 5. [`order`]: the order of the parts that loses the fewest flows.
//! 6. [`step`]: the commands of that order, and what a person does by hand.
//! 7. [`plan`] has all of it, and [`report`] prints it.
//!
//! It reads emitted trees only, and never a topology: what is judged is what the machines get.

pub mod difference;
pub mod order;
pub mod part;
pub mod plan;
pub mod refusals;
pub mod report;
pub mod state;
pub mod step;
pub mod tree;
