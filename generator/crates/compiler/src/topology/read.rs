//! Reads the TOML tree into typed values, and reports every one that cannot be read.
//!
//! Not serde: serde stops at the first error of a table, but all mistakes are to be reported in one
//! run. [`table!`] makes a struct whose keys are read one by one.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::diagnostic::Problems;
use crate::diagnostic::{Finding, Fix, LabelPlace, Severity};
use crate::document::{TomlInteger, TomlTable, TomlValue};
use crate::route::Route;
use crate::topology::reference::{self, Key};
use crate::topology::schema;
use crate::topology::synonym::{self, Synonym};
use meshwright_value::{
    Address, AdvisoryId, AdvisorySeverity, ApiEndpoint, Arch, AsNumber, AudienceTag,
    CertificateName, ConnectionCount, CpuMillis, Dataplane, Day, DnsName, Endpoint, Endpoints,
    Fingerprint, Hostname, ImageReference, ImageRepository, IngressController, InterfaceName,
    Keepalive, LabelValue, Malformed, MemoryMib, Mtu, Name, NodeId, Number, OpenPort,
    OriginService, OriginTimeout, Os, PackageVersion, PinnedProgram, PodPrefixLen, Port,
    ProviderName, ProxyMode, PublicKey, PublicKeyHash, Reach, Reason, Recipient, Relays,
    ReleaseLine, Replicas, Role, RoundTripMs, Scheduler, Sha256, SnapshotCount, SourceNet,
    SourceUrl, SshHost, Subnet, Taint, TcpTimeout, Text, TunnelId, TunnelMode, TunnelProtocol, Url,
    UserName, Version, closest, constant, is_secret, parse_written,
};

/// Code of a key that no table has.
pub const KEY_UNKNOWN: &str = "key-unknown";
/// Code of a key that must be there.
pub const KEY_MISSING: &str = "key-missing";
/// Code of a value of another TOML type than the key takes.
pub const TYPE_MISMATCH: &str = "type-mismatch";
/// Code of a value that has the form of a secret.
pub const SECRET_IN_TOPOLOGY: &str = "secret-in-topology";
/// Code of a value that its type does not accept.
pub const VALUE_MALFORMED: &str = "value-malformed";

/// The most elements of an array: Kubernetes supports 5000 nodes (kubernetes.io, "Considerations
/// for large clusters"), and no other array is longer. Rules may take time for each pair of them.
const LONGEST: usize = 5000;

/// [`Field::EXPECTED`] of an array.
const ARRAY: &str = "an array";

/// Something that a key can hold.
pub(super) trait Field: Sized {
    /// The description in messages, with its article: `a string`, `an array`.
    const EXPECTED: &'static str;
    /// Whether an absent key is a fault, if its table has no default.
    const REQUIRED: bool = true;
    /// Whether the value holds its own place; other elements of an array have only their position.
    const KNOWS_ITS_PLACE: bool = false;

    /// Its JSON Schema.
    fn schema() -> Value;

    /// Reads the value at `at`. `None` when it was reported as broken.
    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self>;

    /// The remedy for a value of another TOML type.
    fn remedy(_: &TomlValue) -> Option<Remedy> {
        None
    }

    /// The value of an absent key: by default, a fault is reported.
    fn absent(at: &Route, problems: &mut Problems) -> Option<Self> {
        let message = format!("`{at}` is missing");
        let finding = Finding::missing(message, at, format!("expected {} here", Self::EXPECTED));
        problems.broken(KEY_MISSING, at, finding);
        Self::placeholder(at)
    }

    /// A value to continue with after the real one was reported as broken, so that the other keys
    /// of its table are still checked. No rule reports it: see [`Problems::broken`].
    fn placeholder(_: &Route) -> Option<Self> {
        None
    }
}

/// The remedy for a value of the wrong TOML type.
pub(super) enum Remedy {
    /// The only value that it can mean, as TOML.
    Write(String),
    /// A help text, if it can mean several values.
    Describe(String),
}

/// Reports a value of the wrong TOML type.
pub(super) fn mismatch<T: Field>(
    value: &TomlValue,
    at: &Route,
    problems: &mut Problems,
) -> Option<T> {
    let message = format!("`{at}` takes {}, not {}", T::EXPECTED, type_name(value));
    let finding = Finding::new(message, at, format!("expected {}", T::EXPECTED));
    let finding = match T::remedy(value) {
        Some(Remedy::Write(value)) => finding.fix(Fix::write(at, value)),
        Some(Remedy::Describe(help)) => finding.help(help),
        None if matches!(value, TomlValue::Table(_)) && T::EXPECTED == ARRAY => {
            finding.help(format!("write a header `[[{at}]]` for each entry"))
        }
        None => finding,
    };
    problems.broken(TYPE_MISMATCH, at, finding);
    None
}

/// A scalar as TOML.
fn literal(value: &TomlValue) -> Option<String> {
    match value {
        TomlValue::String(text) => Some(toml::Value::from(text.as_str()).to_string()),
        TomlValue::Integer(TomlInteger { text, .. }) | TomlValue::Float(text) => Some(text.clone()),
        TomlValue::Boolean(boolean) => Some(boolean.to_string()),
        TomlValue::Datetime | TomlValue::Array(_) | TomlValue::Table(_) => None,
    }
}

/// A boolean that was meant as text.
fn quote_any<T: Text>(value: &TomlValue) -> Option<Remedy> {
    let boolean = value.as_bool().map(|boolean| boolean.to_string());
    match boolean.filter(|text| T::parse(text).is_ok()) {
        Some(text) => Some(Remedy::Write(toml::Value::from(text).to_string())),
        None => quote::<T>(value),
    }
}

/// A number that was meant as text.
fn quote<T: Text>(value: &TomlValue) -> Option<Remedy> {
    let (TomlValue::Integer(_) | TomlValue::Float(_)) = value else { return None };
    let text = literal(value)?;
    match T::parse(&text) {
        Ok(_) => Some(Remedy::Write(toml::Value::from(text).to_string())),
        Err(fault) => {
            fault.help.map(|help| Remedy::Describe(format!("put it between quotes; {help}")))
        }
    }
}

/// A number that was put between quotes, perhaps with a unit, or written with a fraction of zero.
fn unquote<T: Number>(value: &TomlValue) -> Option<Remedy> {
    let text = match value {
        TomlValue::String(text) => text.trim(),
        TomlValue::Float(text) => text.strip_suffix(".0")?,
        _ => return None,
    };
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let number: i64 = digits.parse().ok()?;
    let _ = T::from_integer(number).ok()?;
    match unit.trim() {
        "" => Some(Remedy::Write(number.to_string())),
        unit if unit.chars().all(char::is_alphabetic) => {
            Some(Remedy::Describe(format!("write `{number}`, without a unit")))
        }
        _ => None,
    }
}

fn type_name(value: &TomlValue) -> &'static str {
    match value {
        TomlValue::String(_) => "a string",
        TomlValue::Integer(_) => "an integer",
        TomlValue::Float(_) => "a float",
        TomlValue::Boolean(_) => "a boolean",
        TomlValue::Datetime => "a date",
        TomlValue::Array(_) => "an array",
        TomlValue::Table(_) => "a table",
    }
}

/// Reports a value that its type does not accept.
fn malformed<T>(malformed: Malformed, at: &Route, problems: &mut Problems) -> Option<T> {
    let mut finding = Finding::new(malformed.message, at, malformed.label);
    finding.help = malformed.help;
    finding.change = malformed.suggestion.map(|text| Fix::suggest(at, &text).change);
    problems.broken(VALUE_MALFORMED, at, finding);
    None
}

/// Values that are written as a string.
fn read_text<T: Text + Field>(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<T> {
    match value {
        TomlValue::String(text) => match parse_written(text) {
            Ok(_) if is_secret(text) => secret(at, problems),
            read => read.map_or_else(|fault| malformed(fault, at, problems), Some),
        },
        _ => mismatch(value, at, problems),
    }
}

/// Reports a valid value that has the form of a secret: it would be copied into `out/`.
fn secret<T>(at: &Route, problems: &mut Problems) -> Option<T> {
    let message = format!("`{at}` looks like a secret");
    let finding = Finding::new(message, at, "looks like a secret");
    problems.broken(SECRET_IN_TOPOLOGY, at, finding.help(SECRET_HELP));
    None
}

const SECRET_HELP: &str =
    "remove it, and revoke it if it is one: this file and `out/` are committed";

/// Values that are written as an integer.
fn read_number<T: Number + Field>(
    value: &TomlValue,
    at: &Route,
    problems: &mut Problems,
) -> Option<T> {
    let TomlValue::Integer(integer) = value else { return mismatch(value, at, problems) };
    T::from_integer(integer.value).map_or_else(|fault| malformed(fault, at, problems), Some)
}

/// Makes keys of value types; `or` gives the placeholder of a required value that is broken.
macro_rules! fields {
    (
        $read:ident, $remedy:ident as $trait:ident, $schema:ident:
        $($type:ty $(, or $placeholder:literal)?;)*
    ) => { $(
        impl Field for $type {
            const EXPECTED: &'static str = <$type as $trait>::EXPECTED;

            fn schema() -> Value {
                schema::$schema::<$type>()
            }

            fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
                $read(value, at, problems)
            }

            fn remedy(value: &TomlValue) -> Option<Remedy> {
                $remedy::<Self>(value)
            }

            $( fn placeholder(_: &Route) -> Option<Self> {
                Some(constant($placeholder))
            } )?
        }
    )* };
}

fields! { read_text, quote as Text, text:
    Address; ApiEndpoint; Arch; AudienceTag; CertificateName; Dataplane; DnsName; Endpoint; Fingerprint;
    Hostname, or "broken.invalid";
    ImageReference; ImageRepository; IngressController; InterfaceName;
    Name, or "broken";
    OpenPort; OriginService; Os; ProviderName; ProxyMode; PublicKey; PublicKeyHash; Reach;
    Reason, or "broken";
    Recipient;
    Role, or "worker";
    Scheduler; Sha256; SourceNet;
    SourceUrl, or "/broken.invalid";
    SshHost; Subnet; Taint;
    TunnelId, or "00000000-0000-0000-0000-000000000000";
    TunnelMode; TunnelProtocol;
    Url, or "https://broken.invalid";
    UserName;
    Version, or "1.37.0";
    // Of versions.toml.
    AdvisoryId, or "CVE-0000-0000";
    AdvisorySeverity, or "low";
    Day, or "1970-01-01";
    PackageVersion, or "0";
    PinnedProgram, or "kubernetes";
    ReleaseLine, or "0.0";
}

// In Kubernetes every label is text, and users write `true` for the text.
fields! { read_text, quote_any as Text, text: LabelValue; }

fields! { read_number, unquote as Number, number: AsNumber; ConnectionCount; CpuMillis; Keepalive; MemoryMib; Mtu; OriginTimeout; PodPrefixLen; Port; Replicas; RoundTripMs; SnapshotCount; TcpTimeout; }

fn no_endpoint(at: &Route) -> Malformed {
    Malformed::new(format!("`{at}` is empty"), "expected an address or a DNS name")
        .help("leave the key out if the node is behind NAT")
}

fn many_endpoints(at: &Route, length: usize) -> Malformed {
    Malformed::new(
        format!("`{at}` has {length} entries"),
        "expected one IPv4 and one IPv6 address at the most",
    )
    .help("a machine has one endpoint of each address family: leave the others out")
}

/// One endpoint as a string, or an array with an address of each family.
impl Field for Endpoints {
    const EXPECTED: &'static str = "an address or DNS name such as `203.0.113.10:51820`, or an array with an IPv4 and an IPv6 address";

    fn schema() -> Value {
        schema::one_or_two::<Endpoint>()
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        let (first, second) = match value {
            TomlValue::String(_) => (Endpoint::read(value, at, problems)?, None),
            TomlValue::Array(array) => {
                let read = Vec::<Endpoint>::read(value, at, problems)?;
                if read.len() < array.len() {
                    // An element that cannot be read is reported.
                    return None;
                }
                let mut read = read.into_iter();
                match (read.next(), read.next(), read.next()) {
                    (Some(first), second, None) => (first, second),
                    (None, ..) => return malformed(no_endpoint(at), at, problems),
                    (_, _, Some(_)) => {
                        return malformed(many_endpoints(at, array.len()), at, problems);
                    }
                }
            }
            _ => return mismatch(value, at, problems),
        };
        Self::new(first, second).map_or_else(|fault| malformed(fault, at, problems), Some)
    }

    fn remedy(value: &TomlValue) -> Option<Remedy> {
        quote::<Endpoint>(value)
    }
}

/// One relay as a string, or an array of relays in their order.
impl Field for Relays {
    const EXPECTED: &'static str = "the name of a node, or an array of names";

    fn schema() -> Value {
        schema::one_or_more::<Name>()
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        let names = match value {
            TomlValue::String(_) => vec![Name::read(value, at, problems)?],
            TomlValue::Array(array) => {
                let read = Vec::<Name>::read(value, at, problems)?;
                if read.len() < array.len() {
                    // An element that cannot be read is reported.
                    return None;
                }
                read
            }
            _ => return mismatch(value, at, problems),
        };
        Self::new(names).map_or_else(|fault| malformed(fault, at, problems), Some)
    }

    fn remedy(value: &TomlValue) -> Option<Remedy> {
        quote::<Name>(value)
    }
}

impl Field for NodeId {
    const EXPECTED: &'static str = <Self as Number>::EXPECTED;

    fn schema() -> Value {
        schema::number::<Self>()
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        read_number(value, at, problems)
    }

    fn remedy(value: &TomlValue) -> Option<Remedy> {
        unquote::<Self>(value)
    }

    fn placeholder(_: &Route) -> Option<Self> {
        Self::from_integer(1).ok()
    }
}

impl Field for bool {
    const EXPECTED: &'static str = "true or false";

    fn schema() -> Value {
        schema::boolean()
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        value.as_bool().or_else(|| mismatch(value, at, problems))
    }

    fn remedy(value: &TomlValue) -> Option<Remedy> {
        let boolean = match value.as_str()?.to_ascii_lowercase().as_str() {
            "true" | "yes" | "on" => true,
            "false" | "no" | "off" => false,
            _ => return None,
        };
        Some(Remedy::Write(boolean.to_string()))
    }
}

impl<T: Field> Field for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const REQUIRED: bool = false;

    fn schema() -> Value {
        T::schema()
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        T::read(value, at, problems).map(Some)
    }

    fn absent(_: &Route, _: &mut Problems) -> Option<Self> {
        Some(None)
    }

    fn placeholder(_: &Route) -> Option<Self> {
        Some(None)
    }
}

/// Reports an array with more elements than the limit.
fn too_long(length: usize, at: &Route, problems: &mut Problems) {
    let message = format!("`{at}` has {length} entries");
    let label = format!("{LONGEST} are taken at the most");
    let help = "Kubernetes carries no more nodes than that, and nothing here has more";
    let route = at.index(LONGEST);
    problems.broken(VALUE_MALFORMED, &route, Finding::new(message, &route, label).help(help));
}

/// An array; elements that cannot be read are reported and left out. The positions of later
/// elements are then not those of the file, so no rule may report them.
impl<T: Field> Field for Vec<T> {
    const EXPECTED: &'static str = ARRAY;

    fn schema() -> Value {
        schema::array::<T>()
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        let TomlValue::Array(array) = value else { return mismatch(value, at, problems) };
        if array.len() > LONGEST {
            too_long(array.len(), at, problems);
        }
        let mut read = Self::new();
        for (index, element) in array.iter().take(LONGEST).enumerate() {
            if problems.are_too_many() {
                break;
            }
            read.extend(T::read(&element.value, &at.index(index), problems));
        }
        if read.len() < array.len() && !T::KNOWS_ITS_PLACE {
            problems.silence(at);
        }
        Some(read)
    }

    /// One element without its brackets; an element that is not valid is reported with its own
    /// remedy.
    fn remedy(value: &TomlValue) -> Option<Remedy> {
        let element = literal(value)?;
        let mut problems = Problems::default();
        if T::read(value, &Route::root(), &mut problems).is_some() {
            return Some(Remedy::Write(format!("[{element}]")));
        }
        let help = problems.into_diagnostics().pop().and_then(|found| found.finding.help);
        let further = help.map(|help| format!("; {help}")).unwrap_or_default();
        Some(Remedy::Describe(format!("put it between brackets, as in `[{element}]`{further}")))
    }

    fn placeholder(_: &Route) -> Option<Self> {
        Some(Self::new())
    }
}

/// A table whose keys the user chooses; entries that cannot be read are reported and left out.
impl<K: Text + Ord, V: Field> Field for BTreeMap<K, V> {
    const EXPECTED: &'static str = "a table";

    fn schema() -> Value {
        schema::map::<K, V>()
    }

    fn read(value: &TomlValue, at: &Route, problems: &mut Problems) -> Option<Self> {
        let TomlValue::Table(table) = value else { return mismatch(value, at, problems) };
        let mut map = Self::new();
        for (key, item) in table {
            if problems.are_too_many() {
                break;
            }
            let entry = at.key(key.clone());
            let value = V::read(&item.value, &entry, problems);
            match K::parse(key) {
                Ok(_) if is_secret(key) => {
                    let message = format!("a key of `{at}` looks like a secret");
                    let place = LabelPlace::Key(entry.clone());
                    let finding = Finding::at_place(message, place, "looks like a secret");
                    problems.broken(SECRET_IN_TOPOLOGY, &entry, finding.help(SECRET_HELP));
                }
                Ok(key) => drop(value.map(|value| map.insert(key, value))),
                Err(fault) => {
                    let place = LabelPlace::Key(entry.clone());
                    let mut finding = Finding::at_place(fault.message, place, fault.label);
                    finding.help = fault.help;
                    problems.broken(VALUE_MALFORMED, &entry, finding);
                }
            }
        }
        Some(map)
    }
}

/// Reads the keys of one table.
pub(super) struct Keys<'a> {
    table: Option<&'a TomlTable>,
    at: &'a Route,
    /// Known keys for which an unknown one was probably meant. They are not reported as missing.
    misspelt: Vec<&'static str>,
    problems: &'a mut Problems,
}

impl<'a> Keys<'a> {
    /// Opens a table, and reports the keys that it does not know. `None` is an absent
    /// table: each of its keys is absent.
    pub(super) fn open(
        table: Option<&'a TomlTable>,
        at: &'a Route,
        known: &[Key],
        problems: &'a mut Problems,
    ) -> Self {
        let keys = table.into_iter().flat_map(|table| table.keys());
        let mut misspelt = Vec::new();
        for key in keys.filter(|key| known.iter().all(|known| known.name != *key)) {
            let synonym = synonym::find(key, |name| known.iter().any(|known| known.name == name));
            let suggestion = match synonym {
                Some(Synonym::Key(meant)) => Some(meant),
                Some(Synonym::OfOtherTables | Synonym::Absent(_)) => None,
                None => closest(key, known.iter().map(|known| known.name)),
            };
            let mut finding = unknown(key, at, known, suggestion);
            if let Some(Synonym::Absent(advice)) = synonym {
                finding = finding.help(advice);
            }
            problems.report(KEY_UNKNOWN, Severity::Error, finding);
            misspelt.extend(suggestion);
            if problems.are_too_many() {
                break;
            }
        }
        Self { table, at, misspelt, problems }
    }

    /// Reads one key. `default` is the value of an absent key, if the type does not define one.
    pub(super) fn read<T: Field>(&mut self, key: &'static str, default: Option<T>) -> Option<T> {
        let at = self.at.key(key);
        if self.misspelt.contains(&key) {
            self.problems.silence(&at);
        }
        match (self.table.and_then(|table| table.get(key)), default) {
            (Some(value), default) => {
                let read = T::read(&value.value, &at, self.problems);
                read.or(default).or_else(|| T::placeholder(&at))
            }
            (None, Some(default)) => Some(default),
            (None, None) if self.misspelt.contains(&key) => T::placeholder(&at),
            (None, None) => T::absent(&at, self.problems),
        }
    }
}

/// Tables of components that are deployed for themselves: the same key means another thing in each of them.
const COMPONENTS: [&str; 6] =
    ["calico", "cloudflare_tunnel", "hello", "ingress", "kube_proxy", "wireguard"];

/// Whether a header, with or without brackets, is that of a component.
fn is_component(header: &str) -> bool {
    COMPONENTS.contains(&header.trim_matches(['[', ']']))
}

fn unknown(key: &str, table: &Route, known: &[Key], suggestion: Option<&str>) -> Finding {
    let at = table.key(key.to_owned());
    let message = format!("there is no key `{at}`");
    let finding = Finding::at_place(message, LabelPlace::Key(at), "unknown key");
    let tables = reference::tables_with(key, known);
    let is_of_another_component =
        is_component(&table.to_string()) && tables.iter().all(|table| is_component(table));
    match (suggestion, tables.as_slice()) {
        (Some(suggestion), _) => {
            let is_array = known.iter().any(|key| key.name == suggestion && key.expected == ARRAY);
            let header = if is_array && *table == Route::root() {
                format!("[[{suggestion}]]")
            } else {
                suggestion.to_owned()
            };
            finding.help(format!("did you mean `{header}`?"))
        }
        (None, tables) if tables.is_empty() || is_of_another_component => {
            let names: Vec<_> = known.iter().map(|key| key.name).collect();
            finding.help(format!("valid keys here: {}", names.join(", ")))
        }
        (None, tables) => finding.help(format!("`{key}` belongs in {}", tables.join(" or "))),
    }
}

/// Defines a table of the topology: a struct, how it is read, and its part of reference and schema.
///
/// `key: Type` must be written (or its type defines the value of an absent key); `key: Type =
/// default` is optional. The values of `beside` are not keys: the caller sets them.
macro_rules! table {
    (
        $(#[doc = $about:literal])*
        pub struct $name:ident {
            $( $(#[doc = $key_about:literal])* $key:ident: $type:ty $(= $default:expr)?, )*
        } $( beside {
            $( $(#[doc = $beside_about:literal])* $beside:ident: $beside_type:ty = $initial:expr, )*
        } )?
    ) => {
        $(#[doc = $about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize)]
        pub struct $name {
            /// The place of this table in the document.
            #[serde(skip)]
            pub origin: $crate::route::Route,
            $( $(#[doc = $key_about])* pub $key: $type, )*
            $( $( $(#[doc = $beside_about])* #[serde(skip)] pub $beside: $beside_type, )* )?
        }

        impl $name {
            /// The keys that this table has.
            pub(in crate::topology) const KEYS: &'static [$crate::topology::reference::Key] = &[$(
                $crate::topology::reference::Key {
                    name: stringify!($key),
                    about: concat!($($key_about),*),
                    expected: <$type as $crate::topology::read::Field>::EXPECTED,
                    required: $crate::topology::read::table!(@required $type $(, $default)?),
                    default: || $crate::topology::read::table!(@shown $type $(, $default)?),
                    schema: <$type as $crate::topology::read::Field>::schema,
                },
            )*];

            fn read_keys(
                table: Option<&$crate::document::TomlTable>,
                at: &$crate::route::Route,
                problems: &mut $crate::diagnostic::Problems,
            ) -> Option<Self> {
                let mut keys = $crate::topology::read::Keys::open(table, at, Self::KEYS, problems);
                $( let $key = keys.read(
                    stringify!($key),
                    $crate::topology::read::table!(@default $($default)?),
                ); )*
                Some(Self { origin: at.clone(), $( $key: $key?, )* $( $( $beside: $initial, )* )? })
            }
        }

        impl $crate::topology::read::Field for $name {
            const EXPECTED: &'static str = "a table";
            const REQUIRED: bool = $crate::topology::reference::has_required(Self::KEYS);
            const KNOWS_ITS_PLACE: bool = true;

            fn schema() -> serde_json::Value {
                $crate::topology::schema::table(Self::KEYS)
            }

            fn read(
                value: &$crate::document::TomlValue,
                at: &$crate::route::Route,
                problems: &mut $crate::diagnostic::Problems,
            ) -> Option<Self> {
                match value {
                    $crate::document::TomlValue::Table(table) => Self::read_keys(Some(table), at, problems),
                    _ => $crate::topology::read::mismatch(value, at, problems),
                }
            }

            fn absent(
                at: &$crate::route::Route,
                problems: &mut $crate::diagnostic::Problems,
            ) -> Option<Self> {
                Self::read_keys(None, at, problems)
            }

            fn placeholder(at: &$crate::route::Route) -> Option<Self> {
                Self::read_keys(None, at, &mut $crate::diagnostic::Problems::default())
            }
        }
    };
    (@default) => { None };
    (@default $default:expr) => { Some($default) };
    (@required $type:ty) => { <$type as $crate::topology::read::Field>::REQUIRED };
    (@required $type:ty, $default:expr) => { false };
    (@shown $type:ty) => { None };
    (@shown $type:ty, $default:expr) => {{
        let default: $type = $default;
        serde_json::to_value(&default).ok()
    }};
}
pub(super) use table;
