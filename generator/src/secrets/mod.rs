//! Secrets: the only place that ever holds a private key.
//!
//! [`store`] is the folder with the files, which [`seal`] encrypts where the topology names
//! recipients. [`wireguard`] and [`signing_key`] have the types of the keys. [`key_pair`],
//! [`preshared`], [`authority`], [`cluster_key`] and [`tunnel`] are what the store keeps, and
//! [`inventory`] holds it against the topology. [`delivery`], [`client_conf`], [`manifest`] and
//! [`kubeconfig`] are the forms in which secrets leave. Nothing here can be printed or serialised by
//! accident: what leaves is a [`secret::Secret`].

pub(crate) mod authority;
pub(crate) mod certificate;
pub(crate) mod client_conf;
pub(crate) mod clock;
pub(crate) mod cluster_key;
pub(crate) mod delivery;
pub(crate) mod fault;
pub(crate) mod inventory;
pub(crate) mod item;
pub(crate) mod key_pair;
pub(crate) mod kubeconfig;
pub(crate) mod manifest;
pub(crate) mod preshared;
pub(crate) mod seal;
pub(crate) mod secret;
mod signing_key;
pub(crate) mod store;
pub(crate) mod tunnel;
mod wireguard;
