//! Where a file may differ from the expected one: values that only a topology decides and no other file
//! states, keys that a program adds with the same value, and lists whose order has a meaning.

use meshwright_value::{Hostname, ImageReference, Text as _};

use crate::read::data::DataScalar;

/// One place where a file may differ.
#[derive(Debug, Clone, Copy)]
pub struct Latitude {
    /// The family of the file.
    pub family: &'static str,
    /// The document's kind, if it has one, and the keys below it; `*` is each item of a list.
    pub path: &'static str,
    /// How it may differ.
    pub kind: LatitudeKind,
    /// Why.
    pub reason: &'static str,
}

/// How a place may differ.
#[derive(Debug, Clone, Copy)]
pub enum LatitudeKind {
    /// Another value of this form.
    Free(FreeForm),
    /// The key may be absent if this value, which a program adds then, is expected.
    Default(&'static str),
}

/// The form of a free value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FreeForm {
    /// A whole number from the first to the last.
    Number(i128, i128),
    /// One of these words.
    Word(&'static [&'static str]),
    /// `true` or `false`.
    Switch,
    /// A public hostname.
    Hostname,
    /// The registry of an image.
    Registry,
    /// The path of an image.
    ImagePath,
    /// The tag of an image.
    Tag,
    /// The digest of an image, or an empty text.
    Digest,
    /// An image with its digest.
    PinnedImage,
    /// A whole number from the first to the last, with this unit behind it.
    Quantity(u32, u32, &'static str),
}

impl FreeForm {
    /// Whether a value has this form.
    pub(super) fn contains(self, scalar: &DataScalar) -> bool {
        match (self, scalar) {
            (Self::Number(first, last), DataScalar::Number(number)) => {
                (first..=last).contains(number)
            }
            (Self::Switch, DataScalar::Switch(_)) => true,
            (form, DataScalar::Text(text, _)) => form.contains_text(text),
            _ => false,
        }
    }

    fn contains_text(self, text: &str) -> bool {
        let is_image = |image: String| ImageReference::parse(&image).is_ok();
        match self {
            Self::Word(words) => words.contains(&text),
            Self::Hostname => Hostname::parse(text).is_ok_and(|name| name.as_str() == text),
            Self::Registry => !text.contains('/') && is_image(format!("{text}/a:1")),
            Self::ImagePath => is_image(format!("localhost/{text}:1")),
            Self::Tag => !text.contains('@') && is_image(format!("localhost/a:{text}")),
            Self::Digest => text.is_empty() || is_image(format!("localhost/a:1@{text}")),
            Self::PinnedImage => text.contains('@') && is_image(text.to_owned()),
            Self::Quantity(first, last, unit) => {
                let digits = text.strip_suffix(unit).filter(|text| !text.starts_with('+'));
                let number = digits.and_then(|digits| digits.parse().ok());
                number.is_some_and(|number| (first..=last).contains(&number))
            }
            Self::Number(..) | Self::Switch => false,
        }
    }

    /// The form in words, after "must be".
    pub(super) fn expected(self) -> String {
        match self {
            Self::Number(first, last) => format!("a number from {first} to {last}"),
            Self::Word(words) => format!("one of {}", words.join(", ")),
            Self::Switch => "`true` or `false`".to_owned(),
            Self::Hostname => "a hostname".to_owned(),
            Self::Registry => "the registry of an image".to_owned(),
            Self::ImagePath => "the path of an image".to_owned(),
            Self::Tag => "the tag of an image".to_owned(),
            Self::Quantity(first, last, unit) => {
                format!("a number from {first} to {last} with `{unit}` behind it")
            }
            Self::PinnedImage => "an image with its digest".to_owned(),
            Self::Digest => "a digest such as `sha256:` and 64 hexadecimal digits".to_owned(),
        }
    }
}

const fn free(
    family: &'static str,
    path: &'static str,
    form: FreeForm,
    reason: &'static str,
) -> Latitude {
    Latitude { family, path, kind: LatitudeKind::Free(form), reason }
}

const fn default(
    family: &'static str,
    path: &'static str,
    value: &'static str,
    reason: &'static str,
) -> Latitude {
    Latitude { family, path, kind: LatitudeKind::Default(value), reason }
}

const BGP: &str = "cluster/calico/bgp.yaml";
const INSTALLATION: &str = "cluster/calico/installation.yaml";
const IPAM: &str = "cluster/calico/ipam.yaml";
const CLOUDFLARED: &str = "cluster/cloudflared/cloudflared.yaml";
const HELLO: &str = "cluster/hello/hello.yaml";
const INGRESS_NGINX: &str = "cluster/ingress-nginx/values.yaml";
const TRAEFIK: &str = "cluster/traefik/values.yaml";
const KUBE_PROXY: &str = "cluster/kube-proxy/kube-proxy.patch.yaml";

/// The numbers of replicas that a topology accepts.
const REPLICAS: FreeForm = FreeForm::Number(1, 25);
/// Private and public AS numbers that fit into Calico's int32.
const AS_NUMBER: FreeForm = FreeForm::Number(1, 2_147_483_647);
/// Calico's type of numbers.
const INT32: FreeForm = FreeForm::Number(0, 2_147_483_647);

const ANY_IMAGE: &str = "`ingress.image` may be any image, and no other file names it";
const DECLARED_IMAGE: &str =
    "a topology may declare another image with its digest, and no other file names it";
const OPERATORS_DEFAULT: &str = "the operator adds it (pkg/controller/ippool/defaults.go)";
const PROXYS_DEFAULT: &str = "it is kube-proxy's default";

/// All places where a file may differ.
pub const LATITUDES: &[Latitude] = &[
    free(
        BGP,
        "BGPConfiguration/spec/asNumber",
        AS_NUMBER,
        "all nodes have the same number, whatever it is",
    ),
    default(BGP, "BGPConfiguration/spec/logSeverityScreen", "Info", "it is Calico's default"),
    free(
        BGP,
        "BGPConfiguration/spec/logSeverityScreen",
        FreeForm::Word(&["Trace", "Debug", "Info", "Warning", "Error", "Fatal"]),
        "it decides what BIRD logs",
    ),
    free(
        INSTALLATION,
        "Installation/spec/calicoNetwork/mtu",
        FreeForm::Number(576, 65_535),
        "pods may have a smaller MTU than the mesh; packets of this size are walked",
    ),
    free(
        INSTALLATION,
        "Installation/spec/calicoNetwork/linuxDataplane",
        FreeForm::Word(&["Iptables", "Nftables"]),
        "it is compared with kube-proxy's mode",
    ),
    default(INSTALLATION, "Installation/spec/variant", "Calico", "it is the operator's default"),
    default(
        INSTALLATION,
        "Installation/spec/calicoNetwork/ipPools/*/assignmentMode",
        "Automatic",
        OPERATORS_DEFAULT,
    ),
    default(
        INSTALLATION,
        "Installation/spec/calicoNetwork/ipPools/*/disableNewAllocations",
        "false",
        OPERATORS_DEFAULT,
    ),
    default(
        INSTALLATION,
        "Installation/spec/calicoNetwork/ipPools/*/disableBGPExport",
        "false",
        "its CRD adds it",
    ),
    default(IPAM, "IPAMConfiguration/spec/maxBlocksPerHost", "0", "it is Calico's default"),
    free(
        IPAM,
        "IPAMConfiguration/spec/maxBlocksPerHost",
        INT32,
        "0 means no limit, and a node has one block, so each number is enough",
    ),
    free(CLOUDFLARED, "Deployment/spec/replicas", REPLICAS, "only the topology decides it"),
    free(
        CLOUDFLARED,
        "Deployment/spec/template/spec/containers/*/image",
        FreeForm::PinnedImage,
        DECLARED_IMAGE,
    ),
    free(
        CLOUDFLARED,
        "Deployment/spec/template/spec/containers/*/resources/limits/memory",
        FreeForm::Quantity(64, 1_048_576, "Mi"),
        "only the topology decides it",
    ),
    free(
        CLOUDFLARED,
        "Deployment/spec/template/spec/containers/*/resources/requests/cpu",
        FreeForm::Quantity(2, 256_000, "m"),
        "only the topology decides it",
    ),
    free(
        HELLO,
        "Deployment/spec/template/spec/containers/*/image",
        FreeForm::PinnedImage,
        DECLARED_IMAGE,
    ),
    free(HELLO, "Deployment/spec/replicas", REPLICAS, "each number of pods answers"),
    free(
        HELLO,
        "Ingress/spec/rules/*/host",
        FreeForm::Hostname,
        "the tunnel must serve it, perhaps with a wildcard; a request for it is followed",
    ),
    free(INGRESS_NGINX, "controller/replicaCount", REPLICAS, "only the topology decides it"),
    free(
        INGRESS_NGINX,
        "controller/admissionWebhooks/enabled",
        FreeForm::Switch,
        "only the topology decides it; the policy for its callers is compared with it",
    ),
    free(INGRESS_NGINX, "controller/image/registry", FreeForm::Registry, ANY_IMAGE),
    free(INGRESS_NGINX, "controller/image/image", FreeForm::ImagePath, ANY_IMAGE),
    free(INGRESS_NGINX, "controller/image/tag", FreeForm::Tag, ANY_IMAGE),
    free(INGRESS_NGINX, "controller/image/digest", FreeForm::Digest, ANY_IMAGE),
    free(TRAEFIK, "deployment/replicas", REPLICAS, "only the topology decides it"),
    free(TRAEFIK, "image/registry", FreeForm::Registry, ANY_IMAGE),
    free(TRAEFIK, "image/repository", FreeForm::ImagePath, ANY_IMAGE),
    free(TRAEFIK, "image/digest", FreeForm::Digest, ANY_IMAGE),
    default(KUBE_PROXY, "data/config.conf/ipvs/scheduler", "rr", PROXYS_DEFAULT),
    default(KUBE_PROXY, "data/config.conf/ipvs/strictARP", "false", PROXYS_DEFAULT),
    default(KUBE_PROXY, "data/config.conf/ipvs/excludeCIDRs", "", PROXYS_DEFAULT),
];

/// Lists whose order has a meaning, by the end of their paths. In every other list, each item counts by
/// itself.
pub(super) const ORDERED: &[&str] = &[
    // A command line.
    "containers/*/args",
    // cloudflared takes the first rule that matches.
    "config.yaml/ingress",
    "config/ingress",
    // So does Calico.
    "GlobalNetworkPolicy/spec/egress",
];

/// Texts that are files, by the end of their paths.
pub(super) const NESTED: &[&str] = &["data/config.conf", "data/config.yaml"];

#[cfg(test)]
mod tests {
    use super::FreeForm;
    use crate::read::data::DataScalar;

    #[test]
    fn a_free_value_has_a_form() {
        let digest = format!("sha256:{}", "0a".repeat(32));
        let text = |text: &str| DataScalar::Text(text.to_owned(), 1);
        let table = [
            (FreeForm::Number(1, 25), DataScalar::Number(25), true),
            (FreeForm::Number(1, 25), DataScalar::Number(0), false),
            (FreeForm::Number(1, 25), text("2"), false),
            (FreeForm::Switch, DataScalar::Switch(true), true),
            (FreeForm::Switch, text("falsx"), false),
            (FreeForm::Hostname, text("a.example.com"), true),
            (FreeForm::Hostname, text("A.example.com"), false),
            (FreeForm::Registry, text("registry.k8s.io"), true),
            (FreeForm::Registry, text("registry.k8s.io/a"), false),
            (FreeForm::ImagePath, text("ingress-nginx/controller"), true),
            (FreeForm::ImagePath, text("Controller"), false),
            (FreeForm::Tag, text("v1.15.1"), true),
            (FreeForm::Tag, text("v1@sha256"), false),
            (FreeForm::Digest, text(&digest), true),
            (FreeForm::Digest, text(""), true),
            (FreeForm::Digest, text(&digest.replace("256", "257")), false),
            (FreeForm::Digest, text(&digest[..70]), false),
            (FreeForm::Quantity(64, 512, "Mi"), text("256Mi"), true),
            (FreeForm::Quantity(64, 512, "Mi"), text("63Mi"), false),
            (FreeForm::Quantity(64, 512, "Mi"), text("256"), false),
            (FreeForm::Quantity(64, 512, "Mi"), text("+256Mi"), false),
            (FreeForm::Word(&["Info"]), text("Info"), true),
            (FreeForm::Word(&["Info"]), text("Infx"), false),
        ];
        for (form, scalar, valid) in table {
            assert_eq!(form.contains(&scalar), valid, "{form:?} {scalar}");
        }
    }
}
