//! Themes: the headings under which codes are listed.

/// The part of a cluster that a code is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Theme {
    /// The text itself: grammar, keys, values, accepted warnings.
    File,
    /// Subnets, addresses, ids and pod blocks.
    Addresses,
    /// WireGuard: keys, endpoints, relays, clients.
    Mesh,
    /// The API server, etcd and where they run.
    ControlPlane,
    /// kube-proxy and Calico.
    PodNetwork,
    /// Releases: which versions work together, and how long they are supported.
    Versions,
    /// Ingress controller, tunnel and hostnames.
    Ingress,
    /// Firewall, interfaces, labels and packages of the machines.
    Hosts,
    /// The store of secrets beside the topology.
    Keys,
    /// What a running cluster cannot change.
    Changes,
}

impl Theme {
    /// All of them, in the order of a topology.
    pub const ALL: [Self; 10] = [
        Self::File,
        Self::Addresses,
        Self::Mesh,
        Self::ControlPlane,
        Self::PodNetwork,
        Self::Versions,
        Self::Ingress,
        Self::Hosts,
        Self::Keys,
        Self::Changes,
    ];

    /// Its heading.
    #[must_use]
    pub const fn title(self) -> &'static str {
        match self {
            Self::File => "The file",
            Self::Addresses => "Addresses",
            Self::Mesh => "The mesh",
            Self::ControlPlane => "The control plane",
            Self::PodNetwork => "kube-proxy and the pod network",
            Self::Versions => "Versions",
            Self::Ingress => "Ingress and tunnel",
            Self::Hosts => "Firewall and hosts",
            Self::Keys => "The store of secrets",
            Self::Changes => "Changes of a running cluster",
        }
    }
}
