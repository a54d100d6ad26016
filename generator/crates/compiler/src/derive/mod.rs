//! Derivation: the formulas that both rules and plan need, each of one or a few values of a
//! topology. A rule checks a result; the plan holds it.

pub(crate) mod address;
pub(crate) mod dataplane;
pub(crate) mod etcd;
pub(crate) mod label;
pub(crate) mod location;
pub(crate) mod mtu;
pub(crate) mod package_source;
pub(crate) mod private;
pub(crate) mod zone;
