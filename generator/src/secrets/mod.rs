//! Secrets: the only place that ever holds a private key.
//!
//! [`store`] is the folder with the files, [`wireguard`] has the types of the keys. [`key_pair`]
//! brings the two together with the public keys of the topology, [`preshared`] with the pairs of the
//! plan. Nothing here can be
//! printed or serialised; only public keys leave.

pub(crate) mod key_pair;
pub(crate) mod preshared;
pub(crate) mod store;
mod wireguard;

use crate::diagnostic::Severity;
use crate::rules::{Entry, Theme};

/// Code of a private key in the store that does not belong to the public key of the topology.
pub(crate) const PRIVATE_KEY_MISMATCH: &str = "private-key-mismatch";
/// Code of a file in the store that holds no private key.
pub(crate) const PRIVATE_KEY_MALFORMED: &str = "private-key-malformed";

/// Code of a file in the store that holds no preshared key.
pub(crate) const PRESHARED_KEY_MALFORMED: &str = "preshared-key-malformed";

/// What can be wrong between store and topology. No rule finds it: rules never see a secret.
pub(crate) const FAULTS: [Entry; 3] = [
    Entry {
        code: PRESHARED_KEY_MALFORMED,
        severity: Severity::Error,
        theme: Theme::Keys,
        summary: "a file of the store holds no preshared key",
        explain: "\
The file is not what `wg genpsk` prints: 32 bytes in base64, with a newline or without. `PostUp = wg set … \
preshared-key` would fail with it on both machines of the pair, and wg0 would not come up on either. The file \
is never replaced: one of the two may have the whole key already.",
    },
    Entry {
        code: PRIVATE_KEY_MALFORMED,
        severity: Severity::Error,
        theme: Theme::Keys,
        summary: "a file of the store holds no private key",
        explain: "\
The file is not what `wg genkey` prints: 32 bytes in base64, with a newline or without. `PostUp = wg set … \
private-key` would fail with it, and wg0 would not come up. The file is never replaced: it may be a key \
that was cut short while it was copied, and whole elsewhere.",
    },
    Entry {
        code: PRIVATE_KEY_MISMATCH,
        severity: Severity::Error,
        theme: Theme::Keys,
        summary: "a private key is not that of the public key in the topology",
        explain: "\
The peers of this machine expect the key that the topology names, and it would answer with another: no \
handshake ever completes, and WireGuard says nothing about it (wg(8): packets that do not authenticate are \
dropped). One of the two is outdated. Nothing is changed until it is said which.",
    },
];
