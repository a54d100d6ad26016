//! Secrets: the only module that handles private keys.
//!
//! [`store`] is the folder with the files; [`seal`] encrypts them if the topology names recipients.
//! [`wireguard`] and [`signing_key`] define the types of keys. [`key_pair`], [`preshared`],
//! [`authority`], [`cluster_key`] and [`tunnel`] are the secrets in the store; [`pinned`] and
//! [`requirements`] compare the store with the topology, and [`rotation`] replaces keys; [`exposure`] looks at its files.
//! [`existing`] reads the machines of another program's mesh. [`delivery`], [`client_conf`], [`encryption`], [`manifest`] and
//! [`kubeconfig`] write secrets for other programs. A [`secret::Secret`] cannot be printed or serialised by accident.

pub(crate) mod authority;
pub(crate) mod certificate;
pub(crate) mod client_conf;
pub(crate) mod clock;
pub(crate) mod cluster_key;
pub(crate) mod delivery;
mod encryption;
pub(crate) mod existing;
pub(crate) mod exposure;
pub(crate) mod fault;
pub(crate) mod item;
pub(crate) mod key_pair;
pub(crate) mod kubeconfig;
pub(crate) mod manifest;
pub(crate) mod pinned;
pub(crate) mod preshared;
pub(crate) mod requirements;
pub(crate) mod rotation;
pub(crate) mod seal;
pub(crate) mod secret;
mod signing_key;
pub(crate) mod snapshot;
pub(crate) mod store;
pub(crate) mod tunnel;
mod wireguard;
