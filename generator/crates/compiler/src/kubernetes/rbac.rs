//! Permissions: the kinds of `rbac.authorization.k8s.io` (Kubernetes, "Using RBAC
//! Authorization").

use serde::Serialize;

use crate::kubernetes::manifest::ObjectMeta;

/// The group of the kinds.
pub(crate) const GROUP: &str = "rbac.authorization.k8s.io";

/// The version of the kinds.
pub(crate) const API_VERSION: &str = "rbac.authorization.k8s.io/v1";

/// The fields of a `RoleBinding` or a `ClusterRoleBinding` with one subject.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Binding<Subject> {
    /// Its own name.
    pub metadata: ObjectMeta<'static>,
    /// The role that is granted.
    pub role_ref: RoleRef,
    /// The subject that gets the role.
    pub subjects: [Subject; 1],
}

/// A role by its name.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct RoleRef {
    /// [`GROUP`].
    pub api_group: &'static str,
    /// `Role` or `ClusterRole`.
    pub kind: &'static str,
    /// The role's name.
    pub name: &'static str,
}

impl RoleRef {
    /// A role of this kind and name.
    #[must_use]
    pub(crate) const fn new(kind: &'static str, name: &'static str) -> Self {
        Self { api_group: GROUP, kind, name }
    }
}
