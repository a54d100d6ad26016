//! The secrets that a topology requires, and the state of each in the store.

use std::collections::BTreeMap;

use time::OffsetDateTime;

use super::authority::{Authority, AuthorityState};
use super::clock;
use super::cluster_key::{BgpPassword, EncryptionKeys, ServiceAccountKey};
use super::fault::{
    AUTHORITY_EXPIRED, AUTHORITY_MALFORMED, AUTHORITY_MISMATCH, AUTHORITY_REPLACED,
    BGP_PASSWORD_MALFORMED, ENCRYPTION_KEYS_MALFORMED, PRESHARED_KEY_MALFORMED,
    PRIVATE_KEY_MALFORMED, PRIVATE_KEY_MISMATCH, PRIVATE_KEY_PUBLISHED, RECIPIENTS_OUTDATED,
    SERVICE_ACCOUNT_KEY_MALFORMED, TUNNEL_CREDENTIAL_MALFORMED, TUNNEL_CREDENTIAL_MISMATCH, fault,
};
use super::item::{Item, SecretState};
use super::key_pair::{KeyPair, KeyPairState};
use super::pinned::{PinState, PinnedKey};
use super::preshared::PeerPair;
use super::store::{Outdated, Store, StoreError};
use super::tunnel::{self, CredentialState};
use meshwright_compiler::diagnostic::{Diagnostic, Finding};
use meshwright_compiler::plan::hardening;
use meshwright_compiler::plan::{ClientPlan, NodePlan, Plan};
use meshwright_compiler::route::Route;
use meshwright_compiler::topology::Topology;
use meshwright_compiler::topology::member::MemberKind;

/// How a missing credential of the tunnel is listed. It is the only secret that is imported, not
/// generated.
pub(crate) const NO_CREDENTIAL: &str = "tunnel: no credential";

/// The secrets that one command requires.
#[derive(Default)]
pub(crate) struct Requirements<'a> {
    key_pairs: Vec<KeyPair<'a>>,
    preshared_keys: Vec<PeerPair<'a>>,
    authorities: Vec<Authority>,
    service_account_key: bool,
    encryption_keys: bool,
    bgp_password: bool,
    tunnel: bool,
}

impl<'a> Requirements<'a> {
    /// All secrets of a topology. A topology without all of its public keys has no plan; its pairs
    /// of peers are unknown.
    pub(crate) fn all(topology: &'a Topology, plan: Option<&'a Plan>) -> Self {
        Self {
            key_pairs: KeyPair::all(topology),
            preshared_keys: plan.map(PeerPair::all).unwrap_or_default(),
            authorities: Authority::ALL.to_vec(),
            service_account_key: true,
            encryption_keys: hardening::has_own_encryption(&topology.kubeadm),
            bgp_password: topology.calico.bgp_password,
            tunnel: topology.cloudflare_tunnel.is_some(),
        }
    }

    /// The secrets that are delivered to one node. The certificate authority of the cluster signs the
    /// credential of a node that joins.
    pub(crate) fn for_node(
        topology: &'a Topology,
        plan: &'a Plan,
        node: &'a NodePlan,
        joins: bool,
    ) -> Self {
        let initialises = node.id == plan.init_node().id;
        let authorities = match node.is_control_plane() {
            true => Authority::ALL.to_vec(),
            false if joins => vec![Authority::Cluster],
            false => Vec::new(),
        };
        Self {
            key_pairs: KeyPair::named(topology, &node.name),
            preshared_keys: PeerPair::with_peers(plan, &node.name, &plan.peers(node)),
            authorities,
            service_account_key: node.is_control_plane(),
            encryption_keys: node.is_control_plane()
                && hardening::has_own_encryption(&topology.kubeadm),
            bgp_password: initialises && plan.calico.bgp_password,
            tunnel: initialises && plan.tunnel.is_some(),
        }
    }

    /// The secrets in the configuration of one client.
    pub(crate) fn for_client(
        topology: &'a Topology,
        plan: &'a Plan,
        client: &'a ClientPlan,
    ) -> Self {
        Self {
            key_pairs: KeyPair::named(topology, &client.name),
            preshared_keys: PeerPair::with_peers(plan, &client.name, &plan.peers_of_client(client)),
            ..Self::default()
        }
    }

    /// The secrets in the Kubernetes Secrets of the cluster.
    pub(crate) fn for_manifests(plan: &'a Plan) -> Self {
        let (bgp_password, tunnel) = (plan.calico.bgp_password, plan.tunnel.is_some());
        Self { bgp_password, tunnel, ..Self::default() }
    }

    /// The authority that signs kubeconfigs.
    pub(crate) fn for_kubeconfig() -> Self {
        Self { authorities: vec![Authority::Cluster], ..Self::default() }
    }

    /// Reads the state of each required secret.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn look_up(
        self,
        topology: &Topology,
        store: &Store,
    ) -> Result<StoreState<'a>, StoreError> {
        let now = clock::now();
        let mut key_pairs = Vec::new();
        for key_pair in self.key_pairs {
            key_pairs.push((key_pair.state(store)?, key_pair));
        }
        let mut preshared_keys = Vec::new();
        for pair in self.preshared_keys {
            preshared_keys.push((pair.state(store)?, pair));
        }
        let mut authorities = Vec::new();
        for authority in self.authorities {
            authorities.push((authority.state(store, now)?, authority));
        }
        let required = authorities.iter().map(|(_, authority)| PinnedKey::Authority(*authority));
        let of_accounts = self.service_account_key.then_some(PinnedKey::ServiceAccounts);
        let mut pins = Vec::new();
        for pinned in required.chain(of_accounts) {
            pins.push((pinned.state(&topology.cluster, store)?, pinned));
        }
        let tunnel = topology.cloudflare_tunnel.as_ref().filter(|_| self.tunnel);
        Ok(StoreState {
            key_pairs,
            preshared_keys,
            authorities,
            pins,
            service_account_key: state_if(self.service_account_key, &ServiceAccountKey, store)?,
            encryption_keys: state_if(self.encryption_keys, &EncryptionKeys, store)?,
            bgp_password: state_if(self.bgp_password, &BgpPassword, store)?,
            tunnel: tunnel.map(|tunnel| tunnel::state(store, &tunnel.id)).transpose()?,
            now,
        })
    }
}

fn state_if(
    required: bool,
    item: &impl Item,
    store: &Store,
) -> Result<Option<SecretState>, StoreError> {
    required.then(|| item.state(store)).transpose()
}

/// The state of each required secret.
pub(crate) struct StoreState<'a> {
    /// The key pairs of nodes and clients.
    pub key_pairs: Vec<(KeyPairState, KeyPair<'a>)>,
    /// The preshared keys.
    pub preshared_keys: Vec<(SecretState, PeerPair<'a>)>,
    /// The certificate authorities.
    pub authorities: Vec<(AuthorityState, Authority)>,
    /// The authorities and the key of the service accounts, compared with the hashes in the topology.
    pub pins: Vec<(PinState, PinnedKey)>,
    /// The key of the service accounts, if required.
    pub service_account_key: Option<SecretState>,
    /// The keys that encrypt Secrets in etcd, if required.
    pub encryption_keys: Option<SecretState>,
    /// The BGP password, if required.
    pub bgp_password: Option<SecretState>,
    /// The credential of the tunnel, if required.
    pub tunnel: Option<CredentialState>,
    /// The time at which the store was read.
    pub now: OffsetDateTime,
}

impl StoreState<'_> {
    /// The files that contradict the topology, each other or the clock, and malformed files. They
    /// are reported and never repaired.
    pub(crate) fn faults(&self, store: &Store) -> Vec<Diagnostic> {
        let key_pairs =
            self.key_pairs.iter().filter_map(|(state, pair)| key_pair_fault(pair, *state, store));
        let mut faults: Vec<_> = key_pairs.collect();
        for (_, pair) in self.preshared_keys.iter().filter(|(state, _)| is_malformed(*state)) {
            let route = Route::root().key("wireguard").key("preshared_keys");
            let code = PRESHARED_KEY_MALFORMED;
            faults.push(malformed(code, pair, store, &route, "requires a preshared key", GENPSK));
        }
        let authorities = self.authorities.iter();
        faults.extend(
            authorities.filter_map(|(state, authority)| authority_fault(*authority, *state, store)),
        );
        if self.service_account_key.is_some_and(is_malformed) {
            let (code, route) = (SERVICE_ACCOUNT_KEY_MALFORMED, cluster_name());
            faults.push(malformed(code, &ServiceAccountKey, store, &route, OF_CLUSTER, PKCS8));
        }
        faults.extend(
            self.pins.iter().filter_map(|(state, pinned)| pin_fault(*pinned, *state, store)),
        );
        if self.encryption_keys.is_some_and(is_malformed) {
            let (code, route) = (ENCRYPTION_KEYS_MALFORMED, cluster_name());
            faults.push(malformed(code, &EncryptionKeys, store, &route, OF_CLUSTER, KEYS));
        }
        if self.bgp_password.is_some_and(is_malformed) {
            let route = Route::root().key("calico").key("bgp_password");
            let (code, label) = (BGP_PASSWORD_MALFORMED, "requires a password");
            faults.push(malformed(code, &BgpPassword, store, &route, label, PASSWORD));
        }
        faults.extend(self.tunnel.as_ref().and_then(|state| credential_fault(state, store)));
        faults
    }

    /// The missing secrets, each with its owner, in the order in which they are generated.
    pub(crate) fn missing(&self) -> Vec<String> {
        let key_pairs = self.key_pairs.iter().filter_map(|(state, pair)| match state {
            KeyPairState::Missing => Some(format!("{}: no key pair", pair.member)),
            KeyPairState::Unpublished(_) | KeyPairState::Sealed
                if pair.member.public_key.is_none() =>
            {
                Some(format!("{}: no public key in the topology", pair.member))
            }
            _ => None,
        });
        let mut missing: Vec<_> = key_pairs.collect();
        missing
            .extend(self.missing_preshared_keys().map(|pair| format!("{pair}: no preshared key")));
        missing.extend(
            self.missing_authorities()
                .map(|authority| format!("{authority}: no certificate authority")),
        );
        if self.service_account_key.is_some_and(is_missing) {
            missing.push("service accounts: no key".to_owned());
        }
        if self.encryption_keys.is_some_and(is_missing) {
            missing.push("Secrets in etcd: no key".to_owned());
        }
        if self.bgp_password.is_some_and(is_missing) {
            missing.push("BGP: no password".to_owned());
        }
        if self.lacks_tunnel() {
            missing.push(NO_CREDENTIAL.to_owned());
        }
        missing
    }

    /// The pairs of peers without a preshared key.
    pub(crate) fn missing_preshared_keys(&self) -> impl Iterator<Item = &PeerPair<'_>> {
        let missing = self.preshared_keys.iter().filter(|(state, _)| is_missing(*state));
        missing.map(|(_, pair)| pair)
    }

    /// The authorities that lack a file that can be generated.
    pub(crate) fn missing_authorities(&self) -> impl Iterator<Item = Authority> {
        let missing = self.authorities.iter().filter(|(state, _)| {
            matches!(state, AuthorityState::Missing | AuthorityState::Uncertified)
        });
        missing.map(|(_, authority)| *authority)
    }

    /// Whether the credential of the tunnel is missing.
    pub(crate) fn lacks_tunnel(&self) -> bool {
        self.tunnel == Some(CredentialState::Missing)
    }

    /// The keys of the cluster whose hash the topology does not have, although the store has the key.
    pub(crate) fn unwritten_pins(&self) -> impl Iterator<Item = PinnedKey> {
        let unwritten =
            self.pins.iter().filter(|(state, _)| matches!(state, PinState::Unwritten(_)));
        unwritten.map(|(_, pinned)| *pinned)
    }

    /// Whether the topology belongs to a cluster whose authorities are not in this store: it has the
    /// hash of a missing one, or the public key of a node, which exists since the first `keys`.
    pub(crate) fn is_of_another_store(&self) -> bool {
        let lacks_pinned = self.pins.iter().any(|(state, _)| *state == PinState::Elsewhere);
        let lacks_authority =
            self.authorities.iter().any(|(state, _)| *state == AuthorityState::Missing);
        let has_known_node = self.key_pairs.iter().any(|(_, pair)| {
            pair.member.kind == MemberKind::Node && pair.member.public_key.is_some()
        });
        lacks_pinned || lacks_authority && has_known_node
    }

    /// The key pairs whose private key is not in the store.
    pub(crate) fn elsewhere(&self) -> impl Iterator<Item = &KeyPair<'_>> {
        let elsewhere =
            self.key_pairs.iter().filter(|(state, _)| *state == KeyPairState::Elsewhere);
        elsewhere.map(|(_, pair)| pair)
    }
}

/// Whether a secret is missing.
pub(crate) fn is_missing(state: SecretState) -> bool {
    state == SecretState::Missing
}

fn is_malformed(state: SecretState) -> bool {
    state == SecretState::Malformed
}

/// The fault of a store whose files do not have the form that the topology requires.
pub(crate) fn outdated_fault(outdated: Outdated, store: &Store) -> Diagnostic {
    let route = Route::root().key("secrets").key("recipients");
    let root = store.folder("");
    let folder = root.display();
    let (message, label) = match outdated {
        Outdated::Plain => {
            (format!("{folder} contains unencrypted files"), "requires encrypted files")
        }
        Outdated::Sealed => {
            (format!("{folder} contains encrypted files"), "contains no recipients")
        }
        Outdated::Recipients => (
            format!("{folder} is encrypted for other recipients"),
            "differ from the recipients of the files",
        ),
    };
    let finding = Finding::new(message, &route, label).help(RECRYPT);
    fault(RECIPIENTS_OUTDATED, finding)
}

/// The remedy for files that are not in the form that the topology requires.
pub(super) const RECRYPT: &str =
    "run `meshwright recrypt --identity FILE` to write the files again";

const GENKEY: &str = "restore the output of `wg genkey`, or move the file away";
const GENPSK: &str = "restore the output of `wg genpsk`, or move the file away";
const PKCS8: &str = "restore an RSA or ECDSA key in PKCS #8 (`openssl pkcs8 -topk8 -nocrypt` converts \
                     older forms), or move the file away";
const KEYS: &str =
    "restore the file: without its keys, the API servers cannot read the Secrets in etcd";
const PASSWORD: &str = "write 1 to 80 characters without spaces, quotes and backslashes, or move \
                        the file away";
const CREDENTIAL: &str = "move the file away, then run `meshwright keys import tunnel FILE`";
const OF_CLUSTER: &str = "the file belongs to this cluster";

/// The place of what is about the store as a whole.
pub(super) fn cluster_name() -> Route {
    Route::root().key("cluster").key("name")
}

fn malformed<I: Item>(
    code: &'static str,
    item: &I,
    store: &Store,
    route: &Route,
    label: &str,
    help: &str,
) -> Diagnostic {
    let message = format!("{} does not contain {}", item.path(store).display(), I::NOUN);
    fault(code, Finding::new(message, route, label).help(help))
}

fn key_pair_fault(pair: &KeyPair<'_>, state: KeyPairState, store: &Store) -> Option<Diagnostic> {
    let member = pair.member;
    let file = pair.path(store);
    let path = file.display();
    match state {
        KeyPairState::Mismatch(derived) => {
            let message = format!("the public key of {member} does not belong to {path}");
            let route = member.origin.key("public_key");
            let finding = Finding::new(message, &route, "belongs to another private key");
            let help = format!(
                "if the file is right, write public_key = \"{derived}\"; if not, move it away"
            );
            Some(fault(PRIVATE_KEY_MISMATCH, finding.help(help)))
        }
        KeyPairState::Published(derived) => {
            // The span is the name: a report ends in logs, and the line of the key must not.
            let message = format!("the `public_key` of {member} is its private key, a secret");
            let route = member.origin.key("name");
            let label = "any reader of this file can impersonate it";
            let help =
                format!("write public_key = \"{derived}\"; if others saw it, generate a new pair");
            let finding = hiding_key(Finding::new(message, &route, label).help(help), pair);
            Some(fault(PRIVATE_KEY_PUBLISHED, finding))
        }
        KeyPairState::Malformed => {
            let message = format!("{path} does not contain a private key");
            let route = member.origin.key("name");
            let label = "its private key is in that file";
            Some(fault(PRIVATE_KEY_MALFORMED, Finding::new(message, &route, label).help(GENKEY)))
        }
        _ => None,
    }
}

/// The faults of members whose private key is in the topology. A store that cannot be read is not a
/// fault here: users without access to the secrets check the topology, too. Without the store, the
/// fault is found if the topology contains both keys of a pair.
pub(crate) fn published_key_faults(topology: &Topology, store: &Store) -> Vec<Diagnostic> {
    let key_pairs = KeyPair::all(topology);
    let by_public_key: BTreeMap<_, _> =
        key_pairs.iter().filter_map(|pair| Some((pair.member.public_key?, pair))).collect();
    let suspects = key_pairs.iter().filter(|pair| pair.may_be_published());
    let published = suspects.filter_map(|pair| match pair.state(store) {
        Ok(state @ KeyPairState::Published(_)) => key_pair_fault(pair, state, store),
        Ok(_) | Err(_) => {
            let other = by_public_key.get(&pair.derived_public_key()?)?;
            Some(both_keys_fault(pair, other))
        }
    });
    published.collect()
}

/// The `public_key` of one member is the private key of a pair, that of another member the public
/// key.
fn both_keys_fault(pair: &KeyPair<'_>, other: &KeyPair<'_>) -> Diagnostic {
    let (member, other) = (pair.member, other.member);
    let message = format!("the `public_key` of {member} is the private key of {other}, a secret");
    // The spans are the names: a report ends in logs, and the line of the key must not.
    let finding =
        Finding::new(message, &member.origin.key("name"), "any reader of this file has the key")
            .and(&other.origin.key("name"), "its public key is of the same pair")
            .help(format!(
                "write the public key of {member}; if others saw it, generate new pairs"
            ));
    fault(PRIVATE_KEY_PUBLISHED, hiding_key(finding, pair))
}

/// The key in the topology is a secret, also where the source line of another place contains it.
fn hiding_key(finding: Finding, pair: &KeyPair<'_>) -> Finding {
    match pair.member.public_key {
        Some(key) => finding.hiding(key.to_string()),
        None => finding,
    }
}

/// The key in the store is not the one of the hash in the topology.
fn pin_fault(pinned: PinnedKey, state: PinState, store: &Store) -> Option<Diagnostic> {
    if state != PinState::Replaced {
        return None;
    }
    let (file, key) = (pinned.path(store), pinned.key());
    let path = file.display();
    let message = format!("{path} is not of the key whose hash is `{key}`");
    let help = format!(
        "restore the file of this cluster; if the cluster gets a new key, remove `{key}` and run \
         `meshwright keys`"
    );
    let finding = Finding::new(message, &pinned.route(), "is the hash of another key").help(help);
    Some(fault(AUTHORITY_REPLACED, finding))
}

fn authority_fault(
    authority: Authority,
    state: AuthorityState,
    store: &Store,
) -> Option<Diagnostic> {
    let (certificate_path, key_path) =
        (authority.certificate_path(store), authority.key_path(store));
    let (certificate, key) = (certificate_path.display(), key_path.display());
    let (code, message, help) = match state {
        AuthorityState::CertificateMalformed => (
            AUTHORITY_MALFORMED,
            format!("{certificate} does not contain the certificate of an authority"),
            "restore the certificate, or move it away: `meshwright keys` issues a new one"
                .to_owned(),
        ),
        AuthorityState::KeyMalformed => {
            (AUTHORITY_MALFORMED, format!("{key} does not contain a private key"), PKCS8.to_owned())
        }
        AuthorityState::KeyMissing => (
            AUTHORITY_MISMATCH,
            format!("the key of {certificate} is missing"),
            format!("restore {key}; without it no node can join"),
        ),
        AuthorityState::Mismatch => (
            AUTHORITY_MISMATCH,
            format!("{certificate} does not belong to {key}"),
            "restore the file that belongs to the other".to_owned(),
        ),
        AuthorityState::Expired(time) => (
            AUTHORITY_EXPIRED,
            format!("{certificate} expired on {}", clock::format_day(time)),
            "move the certificate away: `meshwright keys` issues a new one for the same key"
                .to_owned(),
        ),
        AuthorityState::Missing
        | AuthorityState::Uncertified
        | AuthorityState::Complete
        | AuthorityState::Sealed => return None,
    };
    let finding = Finding::new(message, &cluster_name(), OF_CLUSTER).help(help);
    Some(fault(code, finding))
}

fn credential_fault(state: &CredentialState, store: &Store) -> Option<Diagnostic> {
    let file = tunnel::path(store);
    let path = file.display();
    match state {
        CredentialState::Malformed => {
            let message = format!("{path} does not contain a tunnel credential");
            Some(tunnel_fault(TUNNEL_CREDENTIAL_MALFORMED, message, REQUIRED, CREDENTIAL))
        }
        CredentialState::Other(id) => {
            let message = format!("{path} is the credential of the tunnel {id}");
            Some(tunnel_fault(TUNNEL_CREDENTIAL_MISMATCH, message, OTHER_TUNNEL, CREDENTIAL))
        }
        CredentialState::Missing | CredentialState::Complete | CredentialState::Sealed => None,
    }
}

/// The label of a tunnel whose credential is malformed.
pub(crate) const REQUIRED: &str = "requires a credential";
/// The label of a tunnel whose credential is that of another tunnel.
pub(crate) const OTHER_TUNNEL: &str = "is another tunnel";

/// A fault of the credential of the tunnel in the topology.
pub(crate) fn tunnel_fault(
    code: &'static str,
    message: String,
    label: &str,
    help: &str,
) -> Diagnostic {
    let route = Route::root().key("cloudflare_tunnel").key("id");
    fault(code, Finding::new(message, &route, label).help(help))
}
