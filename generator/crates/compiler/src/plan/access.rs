//! Access to the API beside the groups that kubeadm defines.

/// The group with read access, in certificates of `meshwright kubeconfig --role view`.
pub const VIEWERS: &str = "meshwright:viewers";

/// Their ClusterRole: read access to all namespaces, except to Secrets (Kubernetes, "User-facing
/// roles").
pub const VIEWERS_ROLE: &str = "view";
