//! The faults between store and topology, which the store's own checks report: rules never see a
//! secret.

use super::Entry;
use crate::check::Theme;
use crate::diagnostic::Severity;

/// Code of an authority that has ended.
pub const AUTHORITY_EXPIRED: &str = "authority-expired";
/// Code of a half of an authority that is something else.
pub const AUTHORITY_MALFORMED: &str = "authority-malformed";
/// Code of two halves of an authority that do not belong together.
pub const AUTHORITY_MISMATCH: &str = "authority-mismatch";
/// Code of a file that BGP cannot have as its password.
pub const BGP_PASSWORD_MALFORMED: &str = "bgp-password-malformed";
/// Code of a file that holds no preshared key.
pub const PRESHARED_KEY_MALFORMED: &str = "preshared-key-malformed";
/// Code of a file that holds no private key.
pub const PRIVATE_KEY_MALFORMED: &str = "private-key-malformed";
/// Code of a private key that does not belong to the public key of the topology.
pub const PRIVATE_KEY_MISMATCH: &str = "private-key-mismatch";
/// Code of a private key that stands in the topology.
pub const PRIVATE_KEY_PUBLISHED: &str = "private-key-published";
/// Code of a recipient that nothing can be encrypted to.
pub const RECIPIENT_UNUSABLE: &str = "recipient-unusable";
/// Code of files that are not encrypted to the recipients of the topology.
pub const RECIPIENTS_OUTDATED: &str = "recipients-outdated";
/// Code of a file that holds no key for service accounts.
pub const SERVICE_ACCOUNT_KEY_MALFORMED: &str = "service-account-key-malformed";
/// Code of a file that holds no credential of a tunnel.
pub const TUNNEL_CREDENTIAL_MALFORMED: &str = "tunnel-credential-malformed";
/// Code of the credential of another tunnel.
pub const TUNNEL_CREDENTIAL_MISMATCH: &str = "tunnel-credential-mismatch";

const fn entry(code: &'static str, summary: &'static str, explain: &'static str) -> Entry {
    Entry { code, severity: Severity::Error, theme: Theme::Keys, summary, explain }
}

/// Every code of the store.
pub(super) const ENTRIES: [Entry; 13] = [
    entry(
        AUTHORITY_EXPIRED,
        "a certificate authority has ended",
        "\
Every certificate that the authority has signed ended with it: the API server, kubelets and etcd refuse each \
other, and no kubeconfig works. `meshwright keys` makes a new certificate of the same key when the old one is \
moved away; what the old one had signed holds under the new one. Export to every node, then restart the control \
plane and kubelets.

Source: RFC 5280 §4.1.2.5.",
    ),
    entry(
        AUTHORITY_MALFORMED,
        "a certificate or key of an authority is something else",
        "\
The file is not what kubeadm reads below `/etc/kubernetes/pki`: a certificate in PEM that may sign others \
(`CA:TRUE`), or its key in PKCS #8 in PEM, RSA or ECDSA. kubeadm would stop with it, or make an authority of \
its own, which no other node knows. Nothing is replaced: the whole file may be elsewhere.

Source: kubeadm, \"Custom certificates\"; `TryLoadCertAndKeyFromDisk` in its pkiutil.",
    ),
    entry(
        AUTHORITY_MISMATCH,
        "a certificate and a key of an authority do not belong together",
        "\
What the key signs, nobody who trusts the certificate accepts: nodes cannot join, and the API server's own \
certificate is refused by every client. A certificate without a key is kubeadm's external mode, in which nothing \
can be signed on the hosts, and joining needs that. One of the two is outdated or lost. Nothing is changed until \
it is said which.

Source: kubeadm, \"External CA mode\".",
    ),
    entry(
        BGP_PASSWORD_MALFORMED,
        "a file of the store holds no password for BGP",
        "\
The kernel takes passwords of 1 to 80 bytes, and BIRD's configuration, into which calico-node writes it, knows \
no way to escape a quote: with another text BIRD would not start on any node, and pods of different nodes would \
not reach each other. All nodes have the same password, so a change interrupts every session until each has it.

Sources: `TCP_MD5SIG_MAXKEYLEN` in linux/tcp.h; RFC 2385; Calico, \"Secure BGP sessions\".",
    ),
    entry(
        PRESHARED_KEY_MALFORMED,
        "a file of the store holds no preshared key",
        "\
The file is not what `wg genpsk` prints: 32 bytes in base64, with a newline or without. `PostUp = wg set … \
preshared-key` would fail with it on both machines of the pair, and wg0 would not come up on either. The file \
is never replaced: one of the two may have the whole key already.",
    ),
    entry(
        PRIVATE_KEY_MALFORMED,
        "a file of the store holds no private key",
        "\
The file is not what `wg genkey` prints: 32 bytes in base64, with a newline or without. `PostUp = wg set … \
private-key` would fail with it, and wg0 would not come up. The file is never replaced: it may be a key \
that was cut short while it was copied, and whole elsewhere.",
    ),
    entry(
        PRIVATE_KEY_MISMATCH,
        "a private key is not that of the public key in the topology",
        "\
The peers of this machine expect the key that the topology names, and it would answer with another: no \
handshake ever completes, and WireGuard says nothing about it (wg(8): packets that do not authenticate are \
dropped). One of the two is outdated. Nothing is changed until it is said which.",
    ),
    entry(
        PRIVATE_KEY_PUBLISHED,
        "a private key stands where its public one belongs",
        "\
The `public_key` of a machine is the private key that the store keeps for it. Both are 44 characters of \
base64, and `wg` tells neither from the other. Written into every peer's configuration, and committed with \
it, it lets whoever reads it be that machine: decrypt nothing that was recorded, but take its place in the \
mesh. And no handshake would complete, since peers expect the key that would belong to it as a public one.

Write the public key in the help. If the file has left your machine, in a commit that was pushed or a paste, \
the key is lost: remove its file from the store and `public_key` from the topology, run `meshwright keys`, \
and deliver to every node.

It is seen in two ways, both by `check` and `generate` too, of keys that have the form of a private one. \
The store on the same machine is looked at, as far as it is plain: where it is encrypted, or elsewhere, it \
says nothing. And a private key is found without any store where its public one stands in the same topology.

Source: wg(8), `pubkey`; `curve25519_clamp_secret` of wireguard-tools.",
    ),
    entry(
        RECIPIENT_UNUSABLE,
        "nothing can be encrypted to a recipient",
        "\
The recipient looks like one, and its checksum or its kind says that it is none we can encrypt to: a character \
was lost, or it belongs to a plugin such as age-plugin-yubikey, whose program would have to run. What is \
encrypted to it could be opened by nobody. Keys of age's own (`age1…`, 62 characters), ssh-ed25519 and ssh-rsa \
keys of 2048 bits and more are taken.

Source: age-encryption.org/v1, \"X25519 recipient stanza\".",
    ),
    entry(
        RECIPIENTS_OUTDATED,
        "the store is not encrypted to the recipients of the topology",
        "\
Some files of the store are plain, or can be opened by others than the topology names: new secrets beside them \
would be readable by other people than the old ones. `meshwright keys --recrypt` writes every file anew, for \
which it needs an identity that opens the old ones.

Who was a recipient once has read what there was: taking a key off the list protects what is made from then on. \
docs/secrets.md says how each secret is replaced.",
    ),
    entry(
        SERVICE_ACCOUNT_KEY_MALFORMED,
        "a file of the store holds no key for service accounts",
        "\
The file is not what kubeadm reads as `/etc/kubernetes/pki/sa.key`: an RSA or ECDSA key in PKCS #8 in PEM. The \
API server would not start with it. With another key than before, every token of a service account that pods \
hold is refused. The file is never replaced: the whole key may be elsewhere, on a control plane for one.

Source: `ParsePrivateKeyPEM` in client-go's keyutil.",
    ),
    entry(
        TUNNEL_CREDENTIAL_MALFORMED,
        "a file holds no credential of a tunnel",
        "\
The file is neither the `credentials.json` that `cloudflared tunnel create` writes nor a token as the dashboard \
shows it. cloudflared would stop with \"Invalid JSON when parsing tunnel credentials file\" or \"Provided Tunnel \
token is not valid.\", and no request would come in.

Source: `connection.Credentials` and `connection.TunnelToken` in cloudflared.",
    ),
    entry(
        TUNNEL_CREDENTIAL_MISMATCH,
        "a credential is of another tunnel than the topology names",
        "\
cloudflared does not compare the two: it connects as the tunnel of the credential, and the DNS records of the \
topology's hostnames lead to the other, which has no connector. Visitors see Cloudflare's error 1033. Either the \
`id` of `[cloudflare_tunnel]` or the credential is outdated.

Source: cloudflared, `tunnel run`; Cloudflare, \"Error 1033\".",
    ),
];
