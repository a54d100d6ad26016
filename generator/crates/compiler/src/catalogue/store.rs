//! Codes of the store of secrets, and of its comparison with the topology. The store's own checks
//! report these, because rules never see a secret.

use super::Entry;
use crate::check::Theme;
use crate::diagnostic::Severity;

/// Code of a certificate authority that has expired.
pub const AUTHORITY_EXPIRED: &str = "authority-expired";
/// Code of a file that is not a valid certificate or key of an authority.
pub const AUTHORITY_MALFORMED: &str = "authority-malformed";
/// Code of a certificate and a key of an authority that do not belong together.
pub const AUTHORITY_MISMATCH: &str = "authority-mismatch";
/// Code of an authority, or a key of service accounts, that is not the one in the topology.
pub const AUTHORITY_REPLACED: &str = "authority-replaced";
/// Code of a file that is not a valid password for BGP.
pub const BGP_PASSWORD_MALFORMED: &str = "bgp-password-malformed";
/// Code of a file that has no valid keys for the encryption of Secrets.
pub const ENCRYPTION_KEYS_MALFORMED: &str = "encryption-keys-malformed";
/// Code of a file that is not a valid preshared key.
pub const PRESHARED_KEY_MALFORMED: &str = "preshared-key-malformed";
/// Code of a file that is not a valid private key.
pub const PRIVATE_KEY_MALFORMED: &str = "private-key-malformed";
/// Code of a private key that does not belong to the public key in the topology.
pub const PRIVATE_KEY_MISMATCH: &str = "private-key-mismatch";
/// Code of a private key that is written as `public_key`.
pub const PRIVATE_KEY_PUBLISHED: &str = "private-key-published";
/// Code of a recipient to which no file can be encrypted.
pub const RECIPIENT_UNUSABLE: &str = "recipient-unusable";
/// Code of files that are not encrypted to the recipients of the topology.
pub const RECIPIENTS_OUTDATED: &str = "recipients-outdated";
/// Code of a file that is not a valid key for service accounts.
pub const SERVICE_ACCOUNT_KEY_MALFORMED: &str = "service-account-key-malformed";
/// Code of a file that is not a valid credential of a tunnel.
pub const TUNNEL_CREDENTIAL_MALFORMED: &str = "tunnel-credential-malformed";
/// Code of a credential of another tunnel than the one in the topology.
pub const TUNNEL_CREDENTIAL_MISMATCH: &str = "tunnel-credential-mismatch";

/// Code of an old key that is kept because its rotation is not finished.
pub const ROTATION_UNFINISHED: &str = "rotation-unfinished";
/// Code of files without encryption in a store with recipients.
pub const STORE_FILES_PLAIN: &str = "store-files-plain";
/// Code of secrets that git has, or would take.
pub const STORE_IN_GIT: &str = "store-in-git";
/// Code of temporary files of killed runs.
pub const STORE_LEFTOVER: &str = "store-leftover";
/// Code of modes and owners that give others access.
pub const STORE_OPEN: &str = "store-open";
/// Code of a store that is encrypted for other recipients.
pub const STORE_OUTDATED: &str = "store-outdated";

/// The warnings about the files of the store. They depend on the machine, so an entry of `[[lint.allow]]`
/// for one of them may be unused.
pub const WARNINGS: [&str; 6] = [
    ROTATION_UNFINISHED,
    STORE_FILES_PLAIN,
    STORE_IN_GIT,
    STORE_LEFTOVER,
    STORE_OPEN,
    STORE_OUTDATED,
];

const fn warning(code: &'static str, summary: &'static str, explain: &'static str) -> Entry {
    Entry { code, severity: Severity::Warning, theme: Theme::Keys, summary, explain }
}

const fn entry(code: &'static str, summary: &'static str, explain: &'static str) -> Entry {
    Entry { code, severity: Severity::Error, theme: Theme::Keys, summary, explain }
}

/// All codes of the store.
pub(super) const ENTRIES: [Entry; 21] = [
    entry(
        AUTHORITY_EXPIRED,
        "a certificate authority has expired",
        "\
All certificates that the authority has signed are invalid with it: the API server, kubelets and etcd \
refuse each other, and no kubeconfig works.

Move the old certificate away and run `meshwright keys`: it issues a new certificate for the same key. \
Certificates that the old one signed are valid under the new one. Export to every node, then restart \
the control plane and the kubelets.

Source: RFC 5280 §4.1.2.5.",
    ),
    entry(
        AUTHORITY_MALFORMED,
        "a file is not a valid certificate or key of an authority",
        "\
kubeadm reads two files for each authority below `/etc/kubernetes/pki`: a certificate in PEM that may \
sign others (`CA:TRUE`), and its key in PKCS #8 in PEM, RSA or ECDSA. With other content, kubeadm would \
stop, or create its own authority, which no other node knows.

Restore the file. Meshwright does not replace it, because a complete copy may exist elsewhere.

Source: kubeadm, \"Custom certificates\"; `TryLoadCertAndKeyFromDisk` in its pkiutil.",
    ),
    entry(
        AUTHORITY_MISMATCH,
        "a certificate and a key of an authority do not belong together",
        "\
A program that trusts the certificate does not accept certificates of this key: nodes cannot join, and every \
client refuses the API server's certificate. A certificate without a key is kubeadm's external mode: \
the hosts can then sign nothing, but joining needs a signature.

One of the two files is outdated or lost. Restore the right one. Meshwright changes nothing, because \
it cannot decide which one is right.

Source: kubeadm, \"External CA mode\".",
    ),
    entry(
        AUTHORITY_REPLACED,
        "an authority of the store is not the one that the topology names",
        "\
`meshwright keys` writes the hash of the public key of each authority, and of the key of the service \
accounts, into `[cluster]`. The store has another key now: it belongs to another cluster, was restored \
from a wrong copy, or a change of the encrypted store in git has replaced the file, for which no identity \
is needed. Programs of the running cluster do not accept what the new key signs.

Restore the file. If the cluster really gets a new authority, remove the hash from the topology, run \
`meshwright keys`, which writes the new one, and deliver with `meshwright-node apply --new-authority`.

Sources: RFC 7469 §2.4; kubeadm, \"Token-based discovery with CA pinning\"; age(1): a file names no sender.",
    ),
    entry(
        BGP_PASSWORD_MALFORMED,
        "a file of the store is not a valid password for BGP",
        "\
The kernel accepts passwords of 1 to 80 bytes. calico-node writes the password into the configuration \
of BIRD, which has no escape for a quote. With another text, BIRD would not start on any node, and pods \
on different nodes would not reach each other. All nodes have the same password: a change interrupts \
every session until both of its nodes have the new one.

Write 1 to 80 characters without spaces, quotes and backslashes. Or move the file away and run \
`meshwright keys`, which generates a new password.

Sources: `TCP_MD5SIG_MAXKEYLEN` in linux/tcp.h; RFC 2385; Calico, \"Secure BGP sessions\".",
    ),
    entry(
        ENCRYPTION_KEYS_MALFORMED,
        "a file of the store has no valid keys for the encryption of Secrets",
        "\
The API servers encrypt Secrets before they write them to etcd. The first key of the file encrypts, and all of \
them decrypt. With a file that they cannot read, the API servers do not start; with another key, they start, and \
cannot read any Secret that they have written before.

Restore the file. Each line is a key: 32 bytes in base64, as `head -c 32 /dev/urandom | base64` prints them. \
docs/operations.md has the steps to replace a key.

Sources: Kubernetes, \"Encrypting Confidential Data at Rest\" (provider `secretbox`).",
    ),
    entry(
        PRESHARED_KEY_MALFORMED,
        "a file of the store is not a valid preshared key",
        "\
A preshared key has the form that `wg genpsk` prints: 32 bytes in base64, with or without a newline. \
With this file, `PostUp = wg set … preshared-key` would fail on both ends of the pair, and wg0 would \
not come up on either.

Restore the file. Meshwright does not replace it, because one of the two machines may already have \
the complete key.",
    ),
    entry(
        PRIVATE_KEY_MALFORMED,
        "a file of the store is not a valid private key",
        "\
A private key has the form that `wg genkey` prints: 32 bytes in base64, with or without a newline. With \
this file, `PostUp = wg set … private-key` would fail, and wg0 would not come up.

Restore the file. Meshwright does not replace it: the key may have been cut short while it was \
copied, and a complete copy may exist elsewhere.",
    ),
    entry(
        PRIVATE_KEY_MISMATCH,
        "a private key does not belong to the public key in the topology",
        "\
The peers of this node or client expect the key in the topology, but it answers with another one. No \
handshake ever completes, and WireGuard reports no error (wg(8): packets that do not authenticate are \
dropped).

One of the two keys is outdated. Correct it. Meshwright changes nothing, because it cannot decide \
which one is right.",
    ),
    entry(
        PRIVATE_KEY_PUBLISHED,
        "a private key is written as `public_key`",
        "\
The `public_key` of a node or client is its private key. Both have 44 characters of base64, and `wg` \
cannot distinguish them. The private key would be written into the configuration of every peer and \
committed with it. Everyone who reads it can take the place of this node or client in the mesh, but \
cannot decrypt recorded traffic. And no handshake would complete, because the peers use the private key \
as a public one.

Write the public key that the help shows. If the file has left your machine, for example in a commit \
that was pushed or a paste, the key is lost: remove its file from the store and `public_key` from the \
topology, run `meshwright keys`, and deliver to every node.

`check` and `generate` find this error too, in two ways, for keys that have the form of a private key. \
They compare the topology with the store on the same machine, if it is there and not encrypted. And \
they find a private key without a store, if its public key is in the same topology.

Source: wg(8), `pubkey`; `curve25519_clamp_secret` of wireguard-tools.",
    ),
    entry(
        RECIPIENT_UNUSABLE,
        "no file can be encrypted to a recipient",
        "\
The recipient has the form of a key, but it cannot be used. Either its checksum is wrong, because a \
character is missing or changed. Or it needs a plugin such as age-plugin-yubikey, whose program would \
have to run. No identity could open a file that is encrypted to it.

Use a key of age (`age1…`, 62 characters), an ssh-ed25519 key, or an ssh-rsa key of at least 2048 bits.

Source: age-encryption.org/v1, \"X25519 recipient stanza\".",
    ),
    entry(
        RECIPIENTS_OUTDATED,
        "the store is not encrypted to the recipients of the topology",
        "\
Some files of the store are not encrypted, or are encrypted to other recipients than those in the \
topology. New secrets in the same store would be readable by other people than the old ones.

Run `meshwright recrypt`. It encrypts every file again, and needs an identity that opens the old \
files.

A former recipient may have read all old secrets. Removing the recipient protects only the secrets that \
are created later. docs/secrets.md explains how to replace each secret.",
    ),
    warning(
        ROTATION_UNFINISHED,
        "the rotation of a WireGuard key is not finished",
        "\
`meshwright rotate` has written a new key into the store and the topology, and keeps the old one as \
`wg0.former.key`. Whether the new key is on the machines is unknown here. A pair of members cannot \
communicate while one has the old key of the other. While the old key exists, its holder can impersonate \
the member at each peer that does not have the new one.

Deliver to the machines that `meshwright plan` names. Then run `meshwright rotate NAME --finish`, which \
deletes the old key. To take the rotation back before the delivery, rename the old key to `wg0.key` and \
restore `public_key` in the topology.

Source: wg(8): a peer is its public key.",
    ),
    entry(
        SERVICE_ACCOUNT_KEY_MALFORMED,
        "a file of the store is not a valid key for service accounts",
        "\
kubeadm reads this file as `/etc/kubernetes/pki/sa.key`: an RSA or ECDSA key in PKCS #8 in PEM. With \
other content, the API server would not start. With a different key than before, it refuses every \
service account token that pods have.

Restore the file. Meshwright does not replace it, because a complete copy may exist elsewhere, for \
example on a control plane.

Source: `ParsePrivateKeyPEM` in client-go's keyutil.",
    ),
    warning(
        STORE_FILES_PLAIN,
        "files of an encrypted store are not encrypted",
        "\
The topology names recipients, so the folder is probably in git or is copied by tools. A file without \
encryption is left from before, or from a run of `meshwright recrypt` that was interrupted.

Run `meshwright recrypt`. If the folder was shared with these files, replace the secrets: \
docs/secrets.md explains how.",
    ),
    warning(
        STORE_IN_GIT,
        "git has secrets without encryption, or would take them",
        "\
The `.gitignore` of a store excludes its files. It is missing or was edited, or the files were added with \
`git add --force`. Every clone of the repository would have the keys and authorities of the cluster. A \
secret in a commit stays in the history, also after the file is removed.

Replace secrets that are in a commit. Restore the `.gitignore`, or name recipients: then the files are \
encrypted. Without git, or outside of a repository, nothing is looked at; the history is not searched.

Source: git-ls-files(1).",
    ),
    warning(
        STORE_LEFTOVER,
        "temporary files of an interrupted run are in the store",
        "\
A new file of the store is written under a temporary name, and then renamed. If the run is killed between \
the two, the temporary file remains. It may contain a whole secret.

Run `meshwright keys`, which removes these files, unless another run is writing them.",
    ),
    warning(
        STORE_OPEN,
        "other users of this machine can read the store, or own a part of it",
        "\
Files of the store have mode 0600 and folders mode 0700. An archive, a copy or a checkout may have changed \
that. Every user of the machine could then read the keys of the cluster. The owner of a file can change \
its mode at any time.

Change modes and owners as the report shows. If others had access to the machine, replace the secrets.",
    ),
    warning(
        STORE_OUTDATED,
        "the store is not encrypted for the recipients in the topology",
        "\
The recipients in the topology have changed, but the files have not. A new recipient cannot read them, and \
a removed one still can. `meshwright keys` refuses to continue with `recipients-outdated`.

Run `meshwright recrypt`.",
    ),
    entry(
        TUNNEL_CREDENTIAL_MALFORMED,
        "a file is not a valid credential of a tunnel",
        "\
A credential is the `credentials.json` that `cloudflared tunnel create` writes, or a token as the \
dashboard shows it. With other content, cloudflared would stop with \"Invalid JSON when parsing tunnel \
credentials file\" or \"Provided Tunnel token is not valid.\", and no request would arrive.

Source: `connection.Credentials` and `connection.TunnelToken` in cloudflared.",
    ),
    entry(
        TUNNEL_CREDENTIAL_MISMATCH,
        "a credential belongs to another tunnel than the one in the topology",
        "\
cloudflared does not compare the two. It connects as the tunnel of the credential, but the DNS records \
of the hostnames point to the tunnel in the topology, which has no connector. Visitors see Cloudflare's \
error 1033.

Either the `id` of `[cloudflare_tunnel]` or the credential is outdated. Correct it.

Source: cloudflared, `tunnel run`; Cloudflare, \"Error 1033\".",
    ),
];
