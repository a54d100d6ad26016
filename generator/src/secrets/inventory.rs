//! What the store should hold of a topology, and what it does hold.

use std::collections::BTreeMap;
use std::path::Path;

use time::OffsetDateTime;

use super::authority::{self, Authority};
use super::cluster_key::{BgpPassword, ServiceAccountKey};
use super::fault::{
    AUTHORITY_EXPIRED, AUTHORITY_MALFORMED, AUTHORITY_MISMATCH, BGP_PASSWORD_MALFORMED,
    PRESHARED_KEY_MALFORMED, PRIVATE_KEY_MALFORMED, PRIVATE_KEY_MISMATCH, PRIVATE_KEY_PUBLISHED,
    RECIPIENTS_OUTDATED, SERVICE_ACCOUNT_KEY_MALFORMED, TUNNEL_CREDENTIAL_MALFORMED,
    TUNNEL_CREDENTIAL_MISMATCH, fault,
};
use super::item::{Item, State};
use super::key_pair::{self, Owner};
use super::preshared::Pair;
use super::store::{Error, Outdated, Store};
use super::{clock, tunnel};
use meshwright_compiler::diagnostic::{Diagnostic, Finding};
use meshwright_compiler::plan::{Client, Node, Plan};
use meshwright_compiler::route::Route;
use meshwright_compiler::topology::Topology;

/// How the one secret is missed that cannot be made.
pub(crate) const NO_CREDENTIAL: &str = "tunnel: no credential";

/// Which secrets are asked for.
pub(crate) struct Wanted<'a> {
    owners: Vec<Owner<'a>>,
    pairs: Vec<Pair<'a>>,
    authorities: Vec<Authority>,
    service_account_key: bool,
    bgp_password: bool,
    tunnel: bool,
}

impl<'a> Wanted<'a> {
    /// All of a topology. Without all of its public keys it has no plan, and no pair is known.
    pub(crate) fn all(topology: &'a Topology, plan: Option<&'a Plan>) -> Self {
        Self {
            owners: Owner::all(topology),
            pairs: plan.map(Pair::all).unwrap_or_default(),
            authorities: Authority::ALL.to_vec(),
            service_account_key: true,
            bgp_password: topology.calico.bgp_password,
            tunnel: topology.cloudflare_tunnel.is_some(),
        }
    }

    /// What one node is given. Every node is given what the authority of the cluster has signed.
    pub(crate) fn of_node(topology: &'a Topology, plan: &'a Plan, node: &'a Node) -> Self {
        let founds = node.id == plan.init_node().id;
        let authorities = match node.is_control_plane() {
            true => Authority::ALL.to_vec(),
            false => vec![Authority::Cluster],
        };
        Self {
            owners: Owner::named(topology, &node.name),
            pairs: Pair::of(plan, &node.name, &plan.peers(node)),
            authorities,
            service_account_key: node.is_control_plane(),
            bgp_password: founds && plan.calico.bgp_password,
            tunnel: founds && plan.tunnel.is_some(),
        }
    }

    /// What the configuration of one client holds.
    pub(crate) fn of_client(topology: &'a Topology, plan: &'a Plan, client: &'a Client) -> Self {
        let pairs = Pair::of(plan, &client.name, &plan.peers_of_client(client));
        Self { owners: Owner::named(topology, &client.name), pairs, ..Self::nothing() }
    }

    /// What the cluster's own Secrets hold.
    pub(crate) fn of_manifests(plan: &'a Plan) -> Self {
        let (bgp_password, tunnel) = (plan.calico.bgp_password, plan.tunnel.is_some());
        Self { bgp_password, tunnel, ..Self::nothing() }
    }

    /// What signs for people.
    pub(crate) fn of_kubeconfig() -> Self {
        Self { authorities: vec![Authority::Cluster], ..Self::nothing() }
    }

    fn nothing() -> Self {
        Self {
            owners: Vec::new(),
            pairs: Vec::new(),
            authorities: Vec::new(),
            service_account_key: false,
            bgp_password: false,
            tunnel: false,
        }
    }

    /// Looks for them.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub(crate) fn survey(self, topology: &Topology, store: &Store) -> Result<Inventory<'a>, Error> {
        let now = clock::now();
        let owners = self.owners.into_iter().map(|owner| Ok((owner.state(store)?, owner)));
        let pairs = self.pairs.into_iter().map(|pair| Ok((pair.state(store)?, pair)));
        let authorities = self.authorities.into_iter();
        let authorities = authorities.map(|one| Ok((one.state(store, now)?, one)));
        let tunnel = topology.cloudflare_tunnel.as_ref().filter(|_| self.tunnel);
        Ok(Inventory {
            owners: owners.collect::<Result<_, Error>>()?,
            pairs: pairs.collect::<Result<_, Error>>()?,
            authorities: authorities.collect::<Result<_, Error>>()?,
            service_account_key: state_if(self.service_account_key, &ServiceAccountKey, store)?,
            bgp_password: state_if(self.bgp_password, &BgpPassword, store)?,
            tunnel: tunnel.map(|tunnel| tunnel::state(store, &tunnel.id)).transpose()?,
            now,
        })
    }
}

fn state_if(wanted: bool, item: &impl Item, store: &Store) -> Result<Option<State>, Error> {
    wanted.then(|| item.state(store)).transpose()
}

/// What the store has of each secret that was asked for.
pub(crate) struct Inventory<'a> {
    /// Key pairs of nodes and clients.
    pub owners: Vec<(key_pair::State, Owner<'a>)>,
    /// Preshared keys.
    pub pairs: Vec<(State, Pair<'a>)>,
    /// Certificate authorities.
    pub authorities: Vec<(authority::State, Authority)>,
    /// The key of the service accounts, if it was asked for.
    pub service_account_key: Option<State>,
    /// The password of BGP, if it was asked for.
    pub bgp_password: Option<State>,
    /// The credential of the tunnel, if it was asked for.
    pub tunnel: Option<tunnel::State>,
    /// When it was looked at.
    pub now: OffsetDateTime,
}

impl Inventory<'_> {
    /// Files that contradict the topology, each other or the clock, or hold something else. They are
    /// reported, and never repaired by guessing.
    pub(crate) fn faults(&self, store: &Store) -> Vec<Diagnostic> {
        let owners = self.owners.iter().filter_map(|(state, owner)| of_owner(owner, *state, store));
        let pairs = self.pairs.iter().filter(|(state, _)| *state == State::Malformed);
        let pairs = pairs.map(|(_, pair)| {
            let asks = Route::root().key("wireguard").key("preshared_keys");
            malformed(PRESHARED_KEY_MALFORMED, pair, store, &asks, "asks for one", GENPSK)
        });
        let authorities = self.authorities.iter();
        let authorities =
            authorities.filter_map(|(state, authority)| of_authority(*authority, *state, store));
        let service_account_key = is_malformed(self.service_account_key).then(|| {
            let cluster = cluster_name();
            let code = SERVICE_ACCOUNT_KEY_MALFORMED;
            malformed(code, &ServiceAccountKey, store, &cluster, "is its cluster", PKCS8)
        });
        let bgp_password = is_malformed(self.bgp_password).then(|| {
            let asks = Route::root().key("calico").key("bgp_password");
            malformed(BGP_PASSWORD_MALFORMED, &BgpPassword, store, &asks, "asks for one", PASSWORD)
        });
        let tunnel = self.tunnel.as_ref().and_then(|state| of_tunnel(state, &tunnel::path(store)));
        let cluster = authorities.chain(service_account_key).chain(bgp_password).chain(tunnel);
        owners.chain(pairs).chain(cluster).collect()
    }

    /// What is missing, each with whose it is, in the order in which it is made.
    pub(crate) fn missing(&self) -> Vec<String> {
        let owners = self.owners.iter().filter_map(|(state, owner)| match state {
            key_pair::State::Missing => Some(format!("{owner}: no key pair")),
            key_pair::State::Unpublished(_) | key_pair::State::Sealed
                if owner.public_key.is_none() =>
            {
                Some(format!("{owner}: no public key in the topology"))
            }
            _ => None,
        });
        let pairs = self.missing_pairs().map(|pair| format!("{pair}: no preshared key"));
        let authorities = self.missing_authorities();
        let authorities = authorities.map(|one| format!("{one}: no certificate authority"));
        let service_account_key =
            is_missing(self.service_account_key).then(|| "service accounts: no key".to_owned());
        let bgp_password = is_missing(self.bgp_password).then(|| "BGP: no password".to_owned());
        let tunnel = self.lacks_tunnel().then(|| NO_CREDENTIAL.to_owned());
        let cluster = authorities.chain(service_account_key).chain(bgp_password).chain(tunnel);
        owners.chain(pairs).chain(cluster).collect()
    }

    /// The pairs without a preshared key.
    pub(crate) fn missing_pairs(&self) -> impl Iterator<Item = &Pair<'_>> {
        let missing = self.pairs.iter().filter(|(state, _)| *state == State::Missing);
        missing.map(|(_, pair)| pair)
    }

    /// The authorities that lack a half that can be made.
    pub(crate) fn missing_authorities(&self) -> impl Iterator<Item = Authority> {
        use authority::State::{Missing, Uncertified};
        let missing = self.authorities.iter();
        let missing = missing.filter(|(state, _)| matches!(state, Missing | Uncertified));
        missing.map(|(_, authority)| *authority)
    }

    /// Whether the one secret is missing that cannot be made.
    pub(crate) fn lacks_tunnel(&self) -> bool {
        self.tunnel == Some(tunnel::State::Missing)
    }

    /// Whether the cluster has an authority to make while the keys of all its nodes are elsewhere:
    /// it may well have one there, too.
    pub(crate) fn is_of_another_store(&self) -> bool {
        let mut nodes = self.owners.iter().filter(|(_, owner)| owner.kind == key_pair::Kind::Node);
        let authority =
            self.authorities.iter().any(|(state, _)| *state == authority::State::Missing);
        authority && nodes.all(|(state, _)| *state == key_pair::State::Elsewhere)
    }

    /// Those whose key pair was made elsewhere: the store has nothing of it.
    pub(crate) fn elsewhere(&self) -> impl Iterator<Item = &Owner<'_>> {
        let elsewhere = self.owners.iter();
        let elsewhere = elsewhere.filter(|(state, _)| *state == key_pair::State::Elsewhere);
        elsewhere.map(|(_, owner)| owner)
    }
}

/// Whether it was asked for and is not there.
pub(crate) fn is_missing(state: Option<State>) -> bool {
    state == Some(State::Missing)
}

fn is_malformed(state: Option<State>) -> bool {
    state == Some(State::Malformed)
}

/// Files that are in another form than the topology asks for.
pub(crate) fn outdated(outdated: Outdated, store: &Store) -> Diagnostic {
    let route = Route::root().key("secrets").key("recipients");
    let folder = store.folder("");
    let folder = folder.display();
    let (message, label) = match outdated {
        Outdated::Plain => (format!("{folder} holds plain files"), "asks for encrypted ones"),
        Outdated::Sealed => (format!("{folder} holds encrypted files"), "names nobody"),
        Outdated::Recipients => {
            (format!("{folder} is encrypted to other recipients"), "are not those of the files")
        }
    };
    let finding = Finding::new(message, &route, label)
        .help("`meshwright keys --recrypt --identity FILE` writes them anew");
    fault(RECIPIENTS_OUTDATED, finding)
}

const GENKEY: &str = "put back what `wg genkey` has printed, or move the file away";
const GENPSK: &str = "put back what `wg genpsk` has printed, or move the file away";
const PKCS8: &str = "put back an RSA or ECDSA key in PKCS #8 (`openssl pkcs8 -topk8 -nocrypt` makes \
                     one of an older form), or move the file away";
const PASSWORD: &str = "write 1 to 80 characters without spaces, quotes and backslashes, or move \
                        the file away";
const CREDENTIAL: &str = "move the file away, then `meshwright keys import tunnel FILE`";

fn cluster_name() -> Route {
    Route::root().key("cluster").key("name")
}

fn malformed<I: Item>(
    code: &'static str,
    item: &I,
    store: &Store,
    asked_by: &Route,
    label: &str,
    help: &str,
) -> Diagnostic {
    let noun = I::NOUN.split_once(' ').map_or(I::NOUN, |(_, noun)| noun);
    let message = format!("{} holds no {noun}", item.path(store).display());
    fault(code, Finding::new(message, asked_by, label).help(help))
}

fn of_owner(owner: &Owner<'_>, state: key_pair::State, store: &Store) -> Option<Diagnostic> {
    let path = owner.path(store);
    let path = path.display();
    match state {
        key_pair::State::Mismatch(derived) => {
            let message = format!("the public key of {owner} is not that of {path}");
            let route = owner.origin.key("public_key");
            let finding = Finding::new(message, &route, "belongs to another private key");
            let help = format!(
                "if the file is right, write public_key = \"{derived}\"; if not, move it away"
            );
            Some(fault(PRIVATE_KEY_MISMATCH, finding.help(help)))
        }
        key_pair::State::Published(derived) => {
            // At the name: a report ends in logs, and the line of the key must not.
            let message = format!("the `public_key` of {owner} is its private key, a secret");
            let route = owner.origin.key("name");
            let finding = Finding::new(message, &route, "everybody who reads this file can be it");
            let help =
                format!("write public_key = \"{derived}\"; if others saw it, make a new pair");
            Some(fault(PRIVATE_KEY_PUBLISHED, finding.help(help)))
        }
        key_pair::State::Malformed => {
            let message = format!("{path} holds no private key");
            let route = owner.origin.key("name");
            let finding = Finding::new(message, &route, "its key is kept there").help(GENKEY);
            Some(fault(PRIVATE_KEY_MALFORMED, finding))
        }
        _ => None,
    }
}

/// Machines whose private key stands in the topology. What cannot be read is not judged: this is
/// for those who look at a topology, and may not be those who look at its secrets. Without the store
/// it shows where the topology has both halves of a pair.
pub(crate) fn published(topology: &Topology, store: &Store) -> Vec<Diagnostic> {
    let owners = Owner::all(topology);
    let public_halves: BTreeMap<_, _> =
        owners.iter().filter_map(|owner| Some((owner.public_key?, owner))).collect();
    let suspects = owners.iter().filter(|owner| owner.may_be_published());
    let published = suspects.filter_map(|owner| match owner.state(store) {
        Ok(state @ key_pair::State::Published(_)) => of_owner(owner, state, store),
        Ok(_) | Err(_) => {
            let other = public_halves.get(&owner.taken_for_private()?)?;
            Some(both_halves(owner, other))
        }
    });
    published.collect()
}

/// The private half stands where the public key of one belongs, the public one at the other.
fn both_halves(owner: &Owner<'_>, other: &Owner<'_>) -> Diagnostic {
    let message = format!("the `public_key` of {owner} is the private key of {other}, a secret");
    // At the names: a report ends in logs, and the line of the key must not.
    let finding =
        Finding::new(message, &owner.origin.key("name"), "everybody who reads this file has it")
            .and(&other.origin.key("name"), "its public key is of the same pair")
            .help(format!("write the public key of {owner}; if others saw it, make new pairs"));
    fault(PRIVATE_KEY_PUBLISHED, finding)
}

fn of_authority(
    authority: Authority,
    state: authority::State,
    store: &Store,
) -> Option<Diagnostic> {
    use authority::State;
    let (certificate, key) = (authority.certificate_path(store), authority.key_path(store));
    let (certificate, key) = (certificate.display(), key.display());
    let (code, message, help) = match state {
        State::CertificateMalformed => (
            AUTHORITY_MALFORMED,
            format!("{certificate} holds no certificate of an authority"),
            "put back the certificate, or move it away: one is made of the key".to_owned(),
        ),
        State::KeyMalformed => {
            (AUTHORITY_MALFORMED, format!("{key} holds no private key"), PKCS8.to_owned())
        }
        State::KeyMissing => (
            AUTHORITY_MISMATCH,
            format!("{certificate} has no key beside it"),
            format!("put {key} back; without it no node can join"),
        ),
        State::Mismatch => (
            AUTHORITY_MISMATCH,
            format!("{certificate} is not of {key}"),
            "put back the half that belongs to the other".to_owned(),
        ),
        State::Expired(at) => (
            AUTHORITY_EXPIRED,
            format!("{certificate} has ended on {}", clock::day(at)),
            "move the certificate away: `meshwright keys` makes one of the same key".to_owned(),
        ),
        State::Missing | State::Uncertified | State::Complete | State::Sealed => return None,
    };
    let finding = Finding::new(message, &cluster_name(), "is its cluster").help(help);
    Some(fault(code, finding))
}

fn of_tunnel(state: &tunnel::State, path: &Path) -> Option<Diagnostic> {
    let path = path.display();
    match state {
        tunnel::State::Malformed => {
            let message = format!("{path} holds no credential of a tunnel");
            Some(tunnel_fault(TUNNEL_CREDENTIAL_MALFORMED, message, "needs one", CREDENTIAL))
        }
        tunnel::State::Other(id) => {
            let message = format!("{path} is the credential of the tunnel {id}");
            Some(tunnel_fault(TUNNEL_CREDENTIAL_MISMATCH, message, "is another", CREDENTIAL))
        }
        tunnel::State::Missing | tunnel::State::Complete | tunnel::State::Sealed => None,
    }
}

/// A fault of a credential, which is that of the tunnel in the topology or should be.
pub(crate) fn tunnel_fault(
    code: &'static str,
    message: String,
    label: &str,
    help: &str,
) -> Diagnostic {
    let route = Route::root().key("cloudflare_tunnel").key("id");
    fault(code, Finding::new(message, &route, label).help(help))
}
