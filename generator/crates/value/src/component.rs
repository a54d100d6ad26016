//! The programs of Kubernetes and the charts that a user may give settings of their own, and the names that their releases
//! know.
//!
//! The lists are those of Kubernetes 1.37.2 and etcd 3.7.3: `--help` of each program, and the fields of
//! `KubeletConfiguration` (k8s.io/kubelet, config/v1beta1/types.go). A consumer test compares them with the programs.

use super::IngressController;

/// A program of the control plane, which kubeadm starts with arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Component {
    /// The API server.
    ApiServer,
    /// The controller manager.
    ControllerManager,
    /// The scheduler.
    Scheduler,
    /// etcd.
    Etcd,
}

impl Component {
    /// All of them.
    pub const ALL: [Self; 4] =
        [Self::ApiServer, Self::ControllerManager, Self::Scheduler, Self::Etcd];

    /// Its program.
    #[must_use]
    pub const fn program(self) -> &'static str {
        match self {
            Self::ApiServer => "kube-apiserver",
            Self::ControllerManager => "kube-controller-manager",
            Self::Scheduler => "kube-scheduler",
            Self::Etcd => "etcd",
        }
    }

    /// The names of its arguments, without dashes.
    pub fn arguments(self) -> impl Iterator<Item = &'static str> {
        let text = match self {
            Self::ApiServer => include_str!("component/kube-apiserver.arguments"),
            Self::ControllerManager => include_str!("component/kube-controller-manager.arguments"),
            Self::Scheduler => include_str!("component/kube-scheduler.arguments"),
            Self::Etcd => include_str!("component/etcd.arguments"),
        };
        text.lines()
    }
}

/// Whether a pattern means a name: `*` at the beginning or the end of a pattern is any text.
#[must_use]
pub fn is_named(pattern: &str, name: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        (Some(end), _) => name.ends_with(end),
        (None, Some(start)) => name.starts_with(start),
        (None, None) => pattern == name,
    }
}

/// The feature gates of Kubernetes.
pub fn feature_gates() -> impl Iterator<Item = &'static str> {
    include_str!("component/feature-gates").lines()
}

/// The fields of `KubeletConfiguration`, each with the type of its value: `array`, `boolean`, `integer`, `number`,
/// `string` or `table`.
pub fn kubelet_fields() -> impl Iterator<Item = (&'static str, &'static str)> {
    include_str!("component/kubelet.fields").lines().filter_map(|line| line.split_once(' '))
}

/// The values of a chart, by their paths: those in `values.yaml` of ingress-nginx 4.15.1, commented ones included, and
/// those in `values.schema.json` of traefik 41.3.0. Below a path that ends in `.*`, any key is one of Kubernetes, of the
/// controller, or of the user.
pub fn chart_values(controller: IngressController) -> impl Iterator<Item = &'static str> {
    let text = match controller {
        IngressController::IngressNginx => include_str!("component/ingress-nginx.values"),
        IngressController::Traefik => include_str!("component/traefik.values"),
        IngressController::Absent => "",
    };
    text.lines()
}
