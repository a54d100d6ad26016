//! The integration tests, in one binary: linking is what takes their time.

mod diagnostics;
mod snapshot;
