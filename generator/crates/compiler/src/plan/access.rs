//! Who may do what in the cluster, beside those that kubeadm knows.

/// The group of those who may read: what `meshwright kubeconfig --role view` signs for.
pub const VIEWERS: &str = "meshwright:viewers";

/// What they may do: everything in all namespaces but read Secrets (Kubernetes, "User-facing roles").
pub const VIEWERS_ROLE: &str = "view";
