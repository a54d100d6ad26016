//! Formats: how values are spelt. Header lines, newlines and quoting are decided here and nowhere
//! else.

pub mod container;
pub mod json;
pub mod manifest;
pub mod network_policy;
pub mod rbac;
pub mod template;
pub mod workload;
pub mod yaml;
