//! The objects of Kubernetes' APIs, with upstream's own field names.

pub(crate) mod container;
pub mod manifest;
pub(crate) mod network_policy;
pub(crate) mod rbac;
pub(crate) mod workload;
