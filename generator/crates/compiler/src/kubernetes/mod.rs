//! The objects of Kubernetes' APIs, with upstream's own field names.

pub mod container;
pub mod manifest;
pub mod network_policy;
pub mod rbac;
pub mod workload;
