//! A whole real cluster: machines with systemd that boot from the emitted user-data, the real programs of
//! Kubernetes, and `meshwright export | meshwright-node apply`.
//!
//! Everything runs inside the lab's [`sandbox`](crate::sandbox), and what it has that a real installation does not
//! have is in one list ([`deviations`]).
//!
//! 1. [`programs`], [`base_image`], [`packages`] and [`images`] create what a machine gets from the Internet;
//!    [`file_server`] serves it.
//! 2. [`machine`] boots machines on the lab's [`underlay`](crate::underlay).
//! 3. [`workspace`] is the folder of the cluster's owner, in which `meshwright` runs.
//! 4. [`laptop`] is a client with kubectl, [`owner`] the same laptop with `meshwright` and ssh(1), and [`operations`] reads the commands of the documentation.
//! 5. [`founding`] has a cluster's machines, and [`memory`] measures what they need; [`checks`] are what must work,
//!    and [`broken`] damages emitted files.
//! 6. [`stand_in`] replaces the programs that no registry has.

pub mod base_image;
pub mod broken;
pub mod broken_trials;
pub mod checks;
pub mod conntrack;
pub mod credential;
pub mod delivery_archive;
pub mod deviations;
pub mod file_server;
pub mod founding;
pub mod images;
pub mod laptop;
pub mod machine;
pub mod memory;
pub mod operations;
pub mod owner;
pub mod packages;
pub mod programs;
pub mod run_folder;
pub mod stand_in;
pub mod supplies;
pub mod trials;
pub mod workload;
pub mod workspace;
