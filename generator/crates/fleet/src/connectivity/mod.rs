//! The connectivity test of `meshwright test`: pods on every node and the nodes themselves call each other.
//!
//! 1. [`objects`]: what is created in the cluster, and deleted again.
//! 2. [`connection`]: the connections that are tried, and what must happen.
//! 3. [`script`]: the shell scripts that try them, and their records.
//! 4. [`run`]: the test over ssh.
//! 5. [`report`]: the results as text and as JSON.

pub mod connection;
pub mod objects;
pub mod report;
pub mod run;
pub mod schema;
pub mod script;
