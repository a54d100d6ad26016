//! Secrets: the only place that ever holds a private key.
//!
//! [`store`] is the folder with the files, [`wireguard`] the type of a private key, and
//! [`key_pair`] brings the two together with the public keys of the topology. Nothing here can be
//! printed or serialised; only public keys leave.

pub mod key_pair;
pub mod store;
mod wireguard;
