//! Rules: what must hold between values. One file a rule, named by its code.
//!
//! To add one: a file here, its `mod` line and its place in [`TOPOLOGY`] or [`PLAN`], and a fixture
//! `fixtures/reject/<code>.toml`. Its section in `docs/rules.md` is made from here. Tests find what
//! is missing and name it.

mod address_duplicate;
mod address_outside_subnet;
mod allowed_ips_overlap;
mod api_name_public;
mod api_name_taken;
mod calico_kubernetes_untested;
mod calico_version_unknown;
mod client_via_behind_nat;
mod client_via_unknown;
mod client_without_public_node;
mod control_plane_behind_nat;
mod control_plane_even;
mod control_plane_init_unknown;
mod control_plane_missing;
mod control_planes_far_apart;
mod control_planes_one_site;
mod dataplane_mismatch;
mod endpoint_duplicate;
mod endpoint_inside_mesh;
mod endpoint_is_name;
mod endpoint_name_private;
mod endpoint_private;
mod hello_hostname_unknown;
mod hostname_duplicate;
mod hostname_inside_cluster_domain;
mod hostname_too_deep;
mod hostname_wildcard_host_header;
mod id_duplicate;
mod id_outside_subnet;
mod id_retired;
mod ingress_nginx_retired;
mod interface_taken;
mod keepalive_zero_behind_nat;
mod kube_proxy_ipvs_deprecated;
mod kube_proxy_ipvs_removed;
mod kube_proxy_nftables_crash;
mod kubernetes_version_ended;
mod kubernetes_version_old;
mod kubernetes_version_unknown;
mod label_refused;
mod lan_endpoint_outside_site;
mod lan_endpoint_without_site;
mod lint_allow_unknown;
pub mod lint_allow_unused;
mod machine;
mod mtu_out_of_bounds;
mod name_duplicate;
mod open_port_exposes;
mod open_port_wide;
mod package_source_unknown;
mod pair_unreachable;
mod pod_subnet_outside;
mod pod_subnet_overlap;
mod pod_subnet_size;
mod public_interface_trusted;
mod public_key_duplicate;
mod public_key_missing;
mod reference;
mod relay_behind_nat;
mod relay_unknown;
mod relay_unused;
mod relays_differ;
mod replicas_above_nodes;
mod round_trip_missing;
mod route_reflector_single;
mod route_reflector_unknown;
mod service_subnet_size;
mod shape;
mod site_unknown;
mod ssh_closed;
mod ssh_open_to_world;
mod subnet_not_private;
mod subnet_of_home_routers;
mod subnet_overlap;
mod taint_drops_control_plane;
mod taint_duplicate;
mod theme;
mod url_not_https;
mod user_data;
mod user_data_too_large;
mod user_data_without_firewall;
mod wireguard_port_taken;

use std::ops::Deref;

use crate::diagnostic::{Finding, Problems, Severity};
use crate::plan::Plan;
use crate::topology::Topology;

pub(crate) use shape::propose_ids;
pub use theme::Theme;

/// One thing that must hold, with the words for when it does not.
pub struct Rule<T: 'static> {
    /// The fault in kebab-case, subject first: the name of this rule's file and fixture.
    pub code: &'static str,
    /// What a breach means for the run.
    pub severity: Severity,
    /// What it is about.
    pub theme: Theme,
    /// The fault in one line, for lists.
    pub summary: &'static str,
    /// What happens on the machines if it is ignored, what to do, and the source. Markdown.
    pub explain: &'static str,
    /// Whether the rule may run while parts of the document could not be read.
    pub scope: Scope,
    /// Finds every breach.
    pub check: fn(&T, &mut Findings),
}

/// What a rule must see to be right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scope {
    /// Each breach shows in the values that it names, whatever else is missing.
    Present,
    /// The rule misses something (a control plane, the node that a name means): where a part of these
    /// tables of the document could not be read, it would complain about what is there, misspelt.
    Tables(&'static [&'static str]),
    /// The rule warns of what is missing or a default: on a document of which any part could not be
    /// read, it would bury the faults of one just begun.
    Whole,
}

/// What a rule has found so far.
#[derive(Debug, Default)]
pub struct Findings(Vec<Finding>);

impl Findings {
    /// Reports one breach.
    pub fn push(&mut self, finding: Finding) {
        self.0.push(finding);
    }
}

/// A value that has passed all of its rules; only [`check`] makes one.
#[derive(Debug)]
pub struct Checked<T>(T);

impl<T> Checked<T> {
    /// The value without the proof.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.0
    }
}

impl<T> Deref for Checked<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

/// Runs every rule, never only up to the first breach.
///
/// Returns the subject as checked when nothing so far is an error.
///
/// # Errors
///
/// The subject as it is.
pub fn check<T>(subject: T, rules: &[Rule<T>], problems: &mut Problems) -> Result<Checked<T>, T> {
    let is_whole = |rule: &&Rule<T>| match rule.scope {
        Scope::Present => true,
        Scope::Tables(tables) => problems.spare(tables),
        Scope::Whole => !problems.has_errors(),
    };
    // What the rules find themselves leaves everything readable.
    let rules: Vec<_> = rules.iter().filter(is_whole).collect();
    for rule in rules {
        let mut findings = Findings::default();
        (rule.check)(&subject, &mut findings);
        for finding in findings.0 {
            if !problems.concerns_broken(&finding) {
                problems.report(rule.code, rule.severity, finding);
            }
        }
    }
    if problems.has_errors() { Err(subject) } else { Ok(Checked(subject)) }
}

/// The rules between values of the topology.
pub const TOPOLOGY: &[Rule<Topology>] = &[
    address_duplicate::RULE,
    address_outside_subnet::RULE,
    api_name_public::RULE,
    api_name_taken::RULE,
    calico_kubernetes_untested::RULE,
    calico_version_unknown::RULE,
    client_via_behind_nat::RULE,
    client_via_unknown::RULE,
    client_without_public_node::RULE,
    control_plane_behind_nat::RULE,
    control_plane_even::RULE,
    control_plane_init_unknown::RULE,
    control_plane_missing::RULE,
    control_planes_far_apart::RULE,
    control_planes_one_site::RULE,
    dataplane_mismatch::RULE,
    endpoint_duplicate::RULE,
    endpoint_inside_mesh::RULE,
    endpoint_is_name::RULE,
    endpoint_name_private::RULE,
    endpoint_private::RULE,
    hello_hostname_unknown::RULE,
    hostname_duplicate::RULE,
    hostname_inside_cluster_domain::RULE,
    hostname_too_deep::RULE,
    hostname_wildcard_host_header::RULE,
    id_duplicate::RULE,
    id_outside_subnet::RULE,
    id_retired::RULE,
    ingress_nginx_retired::RULE,
    interface_taken::RULE,
    keepalive_zero_behind_nat::RULE,
    kube_proxy_ipvs_deprecated::RULE,
    kube_proxy_ipvs_removed::RULE,
    kube_proxy_nftables_crash::RULE,
    kubernetes_version_ended::RULE,
    kubernetes_version_old::RULE,
    kubernetes_version_unknown::RULE,
    label_refused::RULE,
    lan_endpoint_outside_site::RULE,
    lan_endpoint_without_site::RULE,
    lint_allow_unknown::RULE,
    mtu_out_of_bounds::RULE,
    name_duplicate::RULE,
    open_port_exposes::RULE,
    open_port_wide::RULE,
    package_source_unknown::RULE,
    pair_unreachable::RULE,
    pod_subnet_outside::RULE,
    pod_subnet_overlap::RULE,
    pod_subnet_size::RULE,
    public_interface_trusted::RULE,
    public_key_duplicate::RULE,
    public_key_missing::RULE,
    relay_behind_nat::RULE,
    relay_unknown::RULE,
    relay_unused::RULE,
    relays_differ::RULE,
    replicas_above_nodes::RULE,
    round_trip_missing::RULE,
    route_reflector_single::RULE,
    route_reflector_unknown::RULE,
    service_subnet_size::RULE,
    site_unknown::RULE,
    ssh_closed::RULE,
    ssh_open_to_world::RULE,
    subnet_not_private::RULE,
    subnet_of_home_routers::RULE,
    subnet_overlap::RULE,
    taint_drops_control_plane::RULE,
    taint_duplicate::RULE,
    url_not_https::RULE,
    wireguard_port_taken::RULE,
];

/// The rules between derived values.
pub const PLAN: &[Rule<Plan>] =
    &[allowed_ips_overlap::RULE, user_data_too_large::RULE, user_data_without_firewall::RULE];

/// What is known of one code, whoever reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// See [`Diagnostic::code`].
    pub code: &'static str,
    /// See [`Rule::severity`].
    pub severity: Severity,
    /// See [`Rule::theme`].
    pub theme: Theme,
    /// See [`Rule::summary`].
    pub summary: &'static str,
    /// See [`Rule::explain`].
    pub explain: &'static str,
}

impl<T> From<&Rule<T>> for Entry {
    fn from(rule: &Rule<T>) -> Self {
        let Rule { code, severity, theme, summary, explain, .. } = *rule;
        Self { code, severity, theme, summary, explain }
    }
}

/// Every code that a report can hold, by theme, then in the order of the alphabet.
pub fn catalogue() -> impl Iterator<Item = Entry> {
    let shape = shape::ENTRIES.into_iter().chain([lint_allow_unused::ENTRY]);
    let secrets = crate::secrets::FAULTS;
    let rules = TOPOLOGY.iter().map(Entry::from).chain(PLAN.iter().map(Entry::from));
    let mut entries: Vec<_> = shape.chain(secrets).chain(rules).collect();
    entries.sort_by_key(|entry| (entry.theme, entry.code));
    entries.into_iter()
}

/// The codes of each theme that has some.
pub fn by_theme() -> impl Iterator<Item = (Theme, Vec<Entry>)> {
    let entries: Vec<_> = catalogue().collect();
    let of = move |theme| entries.iter().filter(|entry| entry.theme == theme).copied().collect();
    Theme::ALL.into_iter().map(move |theme| (theme, of(theme)))
}

/// `docs/rules.md`: every code with its explanation.
#[must_use]
pub fn markdown() -> String {
    let mut page = MARKDOWN_HEAD.to_owned();
    for (theme, entries) in by_theme() {
        page.push_str(&format!("\n## {}\n", theme.title()));
        for Entry { code, severity, summary, explain, .. } in entries {
            let severity = severity.as_str();
            page.push_str(&format!("\n### {code}\n\n*{severity}*: {summary}\n\n{explain}\n"));
        }
    }
    page
}

const MARKDOWN_HEAD: &str = "\
<!-- made from generator/src/rules -->
# Rules

Every code that a report can hold. An error ends the run: the cluster would not work, or not be private. A
warning can be accepted by a `[[lint.allow]]` with its `code` and a `reason`.
";
