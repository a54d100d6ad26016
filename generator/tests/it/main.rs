//! The integration tests, in one binary: linking is what takes their time.

mod accept;
mod cli;
mod diagnostics;
mod docs;
mod out;
mod pipeline;
mod properties;
mod snapshot;
