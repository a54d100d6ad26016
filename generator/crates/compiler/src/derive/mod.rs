//! Derivation: formulas over a few values of a topology that both rules and plan need. A rule
//! checks the result, the plan contains it.

pub(crate) mod address;
pub(crate) mod api_endpoint;
pub(crate) mod dataplane;
pub(crate) mod dns_zone;
pub(crate) mod etcd;
pub(crate) mod label;
pub(crate) mod listen_port;
pub(crate) mod location;
pub(crate) mod mirror;
pub(crate) mod mtu;
pub(crate) mod package_source;
pub(crate) mod pool;
pub(crate) mod private;
pub(crate) mod reach;
pub(crate) mod relay;
pub(crate) mod routed_network;
pub(crate) mod ssh;
pub(crate) mod taint;
pub(crate) mod versions;
pub(crate) mod zone;
