//! Derivation: the formulas that both rules and plan need, each of one or a few values of a
//! topology. A rule checks a result; the plan holds it.

pub mod address;
pub mod dataplane;
pub mod etcd;
pub mod label;
pub mod location;
pub mod mtu;
pub mod package_source;
pub mod private;
pub mod zone;
