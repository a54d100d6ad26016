//! Keys and values of objects that no flow needs: each is that of this version for the facts of the tree.

use std::collections::BTreeMap;

use super::{Broken, CONTROL_PLANES, Change, EXAMPLE, Harmless, whole};
use crate::proof::{Files, prove};
use meshwright_proof::objects::{FreeForm, LATITUDES, Latitude, LatitudeKind};

const BGP: &str = "cluster/calico/bgp.yaml";
const INSTALLATION: &str = "cluster/calico/installation.yaml";
const METADATA: &str = "cluster/calico/metadata.policy.yaml";
const CLOUDFLARED: &str = "cluster/cloudflared/cloudflared.yaml";
const ZONE: &str = "cluster/cloudflared/example.com.zone";
const HELLO: &str = "cluster/hello/hello.yaml";
const NAMESPACE: &str = "cluster/ingress-nginx/namespace.yaml";
const NGINX: &str = "cluster/ingress-nginx/values.yaml";
const NGINX_POLICY: &str = "cluster/ingress-nginx/networkpolicy.yaml";
const PROXY: &str = "cluster/kube-proxy/kube-proxy.patch.yaml";
const TRAEFIK: &str = "cluster/traefik/values.yaml";
const CLASS: &str = "cluster/traefik/ingressclass.yaml";

const fn broken(
    name: &'static str,
    file: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: EXAMPLE, file, change, cause, place }
}

pub(super) const BROKEN: &[Broken] = &[
    broken(
        "strategy-misspelt",
        CLOUDFLARED,
        Change::Replace("rollingUpdate:", "rollingUpdatx:"),
        "object-differs: Deployment cloudflared: spec.strategy has `rollingUpdatx`, and without `rollingUpdate`",
        "cluster/cloudflared/cloudflared.yaml:35",
    ),
    broken(
        "token-mounted",
        CLOUDFLARED,
        Change::Replace(
            "automountServiceAccountToken: false",
            "automountServiceAccountToken: falsx",
        ),
        "object-differs: Deployment cloudflared: spec.template.spec.automountServiceAccountToken is `falsx`, not `false`",
        "cluster/cloudflared/cloudflared.yaml:45",
    ),
    broken(
        "root-allowed",
        CLOUDFLARED,
        Change::Replace("        runAsNonRoot: true\n", ""),
        "object-differs: Deployment cloudflared: spec.template.spec.securityContext has no `runAsNonRoot`, which is `true`",
        "cluster/cloudflared/cloudflared.yaml:47",
    ),
    broken(
        "capabilities-misspelt",
        HELLO,
        Change::Replace("capabilities:", "capabilitiex:"),
        "object-differs: Deployment hello: spec.template.spec.containers[0].securityContext has `capabilitiex`, and without `capabilities`",
        "cluster/hello/hello.yaml:83",
    ),
    broken(
        "no-digest",
        CLOUDFLARED,
        Change::Replace(
            "@sha256:9b49eed8f62806d5d45ddf59ecefb5710429598ea6d3fcccd2af938f621b2b07",
            "",
        ),
        "object-differs: Deployment cloudflared: spec.template.spec.containers[0].image is `docker.io/cloudflare/cloudflared:2026.10.0`: it must be an image with its digest",
        "cluster/cloudflared/cloudflared.yaml:73",
    ),
    broken(
        "spread-misspelt",
        HELLO,
        Change::Replace("ScheduleAnyway", "ScheduleAnywax"),
        "object-differs: Deployment hello: spec.template.spec.topologySpreadConstraints[0].whenUnsatisfiable is `ScheduleAnywax`, not `ScheduleAnyway`",
        "cluster/hello/hello.yaml:41",
    ),
    broken(
        "checksum-of-another-text",
        CLOUDFLARED,
        Change::Replace("checksum/config: 7607", "checksum/config: 8607"),
        "object-differs: Deployment cloudflared: spec.template.metadata.annotations.checksum/config is `8607d6e9904df95802ed854657acfb9047a641a824b1e30b171a95fbadaffc3a`, not `7607d6e9904df95802ed854657acfb9047a641a824b1e30b171a95fbadaffc3a`",
        "cluster/cloudflared/cloudflared.yaml:43",
    ),
    broken(
        "rule-of-another-name",
        CLOUDFLARED,
        Change::Replace("- hostname: hello.example.com", "- hostname: hellx.example.com"),
        "object-differs: no DNS record has the name hellx.example.com",
        "cluster/cloudflared/cloudflared.yaml:15",
    ),
    broken(
        "no-host-header",
        CLOUDFLARED,
        Change::Replace("      originRequest:\n        httpHostHeader: hello.example.com\n", ""),
        "object-differs: ConfigMap cloudflared: data.config.yaml.ingress[0] has no `originRequest`, which is a value with httpHostHeader",
        "cluster/cloudflared/cloudflared.yaml:15",
    ),
    broken(
        "rule-to-another-origin",
        CLOUDFLARED,
        Change::Replace(
            "http://ingress-nginx-controller.ingress-nginx.svc.cluster.local:80",
            "https://origin.example.org",
        ),
        "object-differs: ConfigMap cloudflared: data.config.yaml.ingress[0].service is `https://origin.example.org`, not `http://ingress-nginx-controller.ingress-nginx.svc.cluster.local:80`",
        "cluster/cloudflared/cloudflared.yaml:16",
    ),
    broken(
        "rule-to-a-status",
        CLOUDFLARED,
        Change::Replace(
            "http://ingress-nginx-controller.ingress-nginx.svc.cluster.local:80",
            "http_status:503",
        ),
        "object-differs: ConfigMap cloudflared: data.config.yaml.ingress[0].service is `http_status:503`, not `http://ingress-nginx-controller.ingress-nginx.svc.cluster.local:80`",
        "cluster/cloudflared/cloudflared.yaml:16",
    ),
    broken(
        "rule-with-a-short-name",
        CLOUDFLARED,
        Change::Replace(
            "controller.ingress-nginx.svc.cluster.local:80",
            "controller.ingress-nginx",
        ),
        "object-differs: ConfigMap cloudflared: data.config.yaml.ingress[0].service is `http://ingress-nginx-controller.ingress-nginx`, not `http://ingress-nginx-controller.ingress-nginx.svc.cluster.local:80`",
        "cluster/cloudflared/cloudflared.yaml:16",
    ),
    broken(
        "another-answer",
        CLOUDFLARED,
        Change::Replace("http_status:404", "http_status:405"),
        "object-differs: ConfigMap cloudflared: data.config.yaml.ingress[2].service is `http_status:405`, not `http_status:404`",
        "cluster/cloudflared/cloudflared.yaml:21",
    ),
    broken(
        "no-budget",
        CLOUDFLARED,
        Change::Replace("maxUnavailable: 1\n", "maxUnavailable: 0\n"),
        "object-differs: PodDisruptionBudget cloudflared: spec.maxUnavailable is `0`, not `1`",
        "cluster/cloudflared/cloudflared.yaml:127",
    ),
    broken(
        "record-of-another-name",
        ZONE,
        Change::Replace("hello.example.com.", "hellx.example.com."),
        "object-differs: no DNS record has the name hello.example.com",
        "cluster/cloudflared/cloudflared.yaml:15",
    ),
    broken(
        "policy-api",
        METADATA,
        Change::Replace("projectcalico.org/v3", "projectcalico.org/v4"),
        "object-differs: Tier meshwright: apiVersion is `projectcalico.org/v4`, not `projectcalico.org/v3`",
        "cluster/calico/metadata.policy.yaml:5",
    ),
    broken(
        "policy-tier",
        METADATA,
        Change::Replace("tier: meshwright", "tier: meshwrighx"),
        "object-differs: GlobalNetworkPolicy meshwright.metadata: spec.tier is `meshwrighx`, not `meshwright`",
        "cluster/calico/metadata.policy.yaml:18",
    ),
    broken(
        "policy-without-an-address",
        METADATA,
        Change::Replace("      - 100.100.100.200/32\n", ""),
        "object-differs: GlobalNetworkPolicy meshwright.metadata: spec.egress[0].destination.nets has no `100.100.100.200/32`",
        "cluster/calico/metadata.policy.yaml:27",
    ),
    broken(
        "policy-port",
        METADATA,
        Change::Replace("- 53", "- 54"),
        "object-differs: GlobalNetworkPolicy meshwright.metadata: spec.egress[0].destination.ports[0] is `54`, not `53`",
        "cluster/calico/metadata.policy.yaml:32",
    ),
    broken(
        "pool-name",
        INSTALLATION,
        Change::Replace("pods-tokyo", "pods-tokyx"),
        "object-differs: Installation default: spec.calicoNetwork.ipPools[1].name is `pods-tokyx`, not `pods-tokyo`",
        "cluster/calico/installation.yaml:31",
    ),
    broken(
        "volume-plugin",
        INSTALLATION,
        Change::Replace("  kubeletVolumePluginPath: None\n", ""),
        "object-differs: Installation default: spec has no `kubeletVolumePluginPath`, which is `None`",
        "cluster/calico/installation.yaml:7",
    ),
    broken(
        "as-zero",
        BGP,
        Change::Replace("asNumber: 64512", "asNumber: 0"),
        "object-differs: BGPConfiguration default: spec.asNumber is `0`: it must be a number from 1 to 2147483647",
        "cluster/calico/bgp.yaml:10",
    ),
    broken(
        "namespace-name",
        NAMESPACE,
        Change::Replace("name: ingress-nginx", "name: ingress-nginy"),
        "object-differs: Namespace ingress-nginx: metadata.name is `ingress-nginy`, not `ingress-nginx`",
        "cluster/ingress-nginx/namespace.yaml:6",
    ),
    broken(
        "security-standard",
        NAMESPACE,
        Change::Replace("enforce: restricted", "enforce: restrictex"),
        "object-differs: Namespace ingress-nginx: metadata.labels.pod-security.kubernetes.io/enforce is `restrictex`, not `restricted`",
        "cluster/ingress-nginx/namespace.yaml:8",
    ),
    broken(
        "policy-selector",
        NGINX_POLICY,
        Change::Replace("      app.kubernetes.io/name: ingress-nginx\n", ""),
        "object-differs: NetworkPolicy admit-cloudflared: spec.podSelector.matchLabels has no `app.kubernetes.io/name`, which is `ingress-nginx`",
        "cluster/ingress-nginx/networkpolicy.yaml:12",
    ),
    broken(
        "snippets-allowed",
        NGINX,
        Change::Replace("allowSnippetAnnotations: false", "allowSnippetAnnotations: true"),
        "object-differs: controller.allowSnippetAnnotations is `true`, not `false`",
        "cluster/ingress-nginx/values.yaml:17",
    ),
    broken(
        "headers-of-anyone",
        NGINX,
        Change::Replace("    proxy-real-ip-cidr: 10.244.0.0/16\n", ""),
        "object-differs: controller.config has no `proxy-real-ip-cidr`, which is `10.244.0.0/16`",
        "cluster/ingress-nginx/values.yaml:31",
    ),
    broken(
        "trusted-subnet",
        NGINX,
        Change::Replace("proxy-real-ip-cidr: 10.244.0.0/16", "proxy-real-ip-cidr: 10.244.0.1/16"),
        "object-differs: controller.config.proxy-real-ip-cidr is `10.244.0.1/16`, not `10.244.0.0/16`",
        "cluster/ingress-nginx/values.yaml:37",
    ),
    broken(
        "digest-of-another-kind",
        NGINX,
        Change::Replace("digest: sha256:", "digest: sha257:"),
        "object-differs: controller.image.digest is `sha257:594ceea76b01c592858f803f9ff4d2cb40542cae2060410b2c95f75907d659e1`: it must be a digest such as `sha256:` and 64 hexadecimal digits",
        "cluster/ingress-nginx/values.yaml:16",
    ),
    broken(
        "limits-misspelt",
        NGINX,
        Change::Replace("    limits:", "    limitx:"),
        "object-differs: controller.resources has `limitx`, and without `limits`",
        "cluster/ingress-nginx/values.yaml:57",
    ),
    broken(
        "node-ports-with-host-bits",
        PROXY,
        Change::Replace("    - 10.66.66.0/24", "    - 10.66.66.1/24"),
        "object-differs: data.config.conf.nodePortAddresses[0] is `10.66.66.1/24`, not `10.66.66.0/24`",
        "cluster/kube-proxy/kube-proxy.patch.yaml:23",
    ),
    broken(
        "health-port",
        PROXY,
        Change::Replace("127.0.0.1:10256", "127.0.0.1:10257"),
        "object-differs: data.config.conf.healthzBindAddress is `127.0.0.1:10257`, not `127.0.0.1:10256`",
        "cluster/kube-proxy/kube-proxy.patch.yaml:16",
    ),
    broken(
        "service-type",
        HELLO,
        Change::Replace("  - name: http\n    port: 80", "  - name: http\n    port: 81"),
        "object-differs: Service hello: spec.ports[0].port is `81`, not `80`",
        "cluster/hello/hello.yaml:98",
    ),
    broken_traefik(
        "version-of-another-image",
        TRAEFIK,
        Change::Replace("versionOverride: v3.7.14", "versionOverride: v3.7.12"),
        "object-differs: versionOverride is `v3.7.12`, not `v3.7.14`",
        "cluster/traefik/values.yaml:12",
    ),
    broken_traefik(
        "telemetry",
        TRAEFIK,
        Change::Replace("sendAnonymousUsage: false", "sendAnonymousUsage: true"),
        "object-differs: global.sendAnonymousUsage is `true`, not `false`",
        "cluster/traefik/values.yaml:15",
    ),
    broken_traefik(
        "trusted-addresses",
        TRAEFIK,
        Change::Replace("- 10.244.0.0/16", "- 10.0.0.0/8"),
        "object-differs: ports.web.forwardedHeaders.trustedIPs[0] is `10.0.0.0/8`, not `10.244.0.0/16`",
        "cluster/traefik/values.yaml:72",
    ),
    broken_traefik(
        "class-of-another-controller",
        CLASS,
        Change::Replace(
            "controller: k8s.io/ingress-nginx",
            "controller: traefik.io/ingress-controller",
        ),
        "object-differs: IngressClass nginx: spec.controller is `traefik.io/ingress-controller`, not `k8s.io/ingress-nginx`",
        "cluster/traefik/ingressclass.yaml:10",
    ),
];

const fn broken_traefik(
    name: &'static str,
    file: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: CONTROL_PLANES, file, change, cause, place }
}

const fn harmless(name: &'static str, file: &'static str, change: Change) -> Harmless {
    Harmless { name, topology: EXAMPLE, file, change }
}

pub(super) const HARMLESS: &[Harmless] = &[
    harmless(
        "comment-in-settings",
        CLOUDFLARED,
        Change::Replace("    tunnel:", "    # one\n    tunnel:"),
    ),
    harmless(
        "flow-style",
        CLOUDFLARED,
        Change::Replace(
            "matchLabelKeys:\n        - pod-template-hash",
            "matchLabelKeys: [\"pod-template-hash\"] # one revision",
        ),
    ),
    harmless("quoted-value", HELLO, Change::Replace("name: hello", "name: \"hello\"")),
    harmless(
        "order-of-keys",
        PROXY,
        Change::Replace(
            "      scheduler: rr\n      strictARP: false\n",
            "      strictARP: false\n      scheduler: rr\n",
        ),
    ),
    harmless(
        "order-of-a-list",
        CLOUDFLARED,
        Change::Replace("  - Ingress\n  - Egress\n", "  - Egress\n  - Ingress\n"),
    ),
    harmless("default-of-calico", BGP, Change::Replace("  logSeverityScreen: Info\n", "")),
    harmless("another-as", BGP, Change::Replace("64512", "64513")),
    harmless("time-to-live", ZONE, Change::Replace(". 1 IN", ". 300 IN")),
    harmless(
        "another-digest-of-a-free-image",
        NGINX,
        Change::Replace("sha256:594ceea7", "sha256:694ceea7"),
    ),
];

const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

const PINNED: &str =
    "ghcr.io/a:1@sha256:0000000000000000000000000000000000000000000000000000000000000000";

/// A valid and an invalid value of a form.
fn samples(form: FreeForm) -> Option<(&'static str, &'static str)> {
    Some(match form {
        FreeForm::Number(..) => ("3", "-1"),
        FreeForm::Hostname => ("other.example.com", "other_.example.com"),
        FreeForm::Registry => ("ghcr.io", "ghcr.io/a"),
        FreeForm::ImagePath => ("other/path", "Other/path"),
        FreeForm::Tag => ("v9", "v9@"),
        FreeForm::Digest => (DIGEST, "sha256:0"),
        FreeForm::Quantity(_, _, "Mi") => ("65Mi", "1Mi"),
        FreeForm::Quantity(..) => ("65m", "1m"),
        // The reader knows all of them, and other files depend on these.
        FreeForm::PinnedImage => (PINNED, "ghcr.io/a:1"),
        FreeForm::Word(_) | FreeForm::Switch => return None,
    })
}

/// The tree that has the file of a latitude, and the line of its key, which is below that of the key before it.
fn place_of(latitude: &Latitude, trees: &BTreeMap<&'static str, Files>) -> (&'static str, String) {
    let mut keys = latitude.path.rsplit('/');
    let key = keys.next().expect("a path has a key");
    let parent = keys.next().filter(|parent| *parent != "*");
    let has_it = |topology: &&str| trees[topology].contains_key(latitude.family);
    let topology = [EXAMPLE, CONTROL_PLANES].into_iter().find(has_it);
    let topology = topology.expect(latitude.family);
    let is_parent = |line: &&str| {
        parent.is_none_or(|parent| line.trim_start().starts_with(&format!("{parent}:")))
    };
    let is_here =
        |line: &&str| line.trim_start().trim_start_matches("- ").starts_with(&format!("{key}: "));
    let lines = trees[topology][latitude.family].split_inclusive('\n');
    let line = lines.skip_while(|line| !is_parent(line)).find(is_here);
    (topology, line.expect(key).to_owned())
}

/// Whether a tree with another line holds.
fn holds_with(files: &Files, family: &str, line: &str, other: &str) -> bool {
    let mut changed = files.clone();
    changed.insert(family.to_owned(), files[family].replacen(line, other, 1));
    prove(&changed).holds()
}

#[test]
fn each_free_value_may_be_another_of_its_form_and_of_no_other() {
    let trees = whole();
    for latitude in LATITUDES {
        let LatitudeKind::Free(form) = latitude.kind else { continue };
        let Some((valid, invalid)) = samples(form) else { continue };
        let (topology, line) = place_of(latitude, &trees);
        let (before, _) = line.split_once(": ").expect("it has a value");
        let holds = |value: &str| {
            let other = format!("{before}: {value}\n");
            holds_with(&trees[topology], latitude.family, &line, &other)
        };
        // Pods need an MTU that fits.
        let valid = if latitude.path.ends_with("mtu") { "1400" } else { valid };
        assert!(holds(valid), "{latitude:?}: {valid}");
        assert!(!holds(invalid), "{latitude:?}: {invalid}");
    }
}

#[test]
fn each_default_may_be_absent() {
    let trees = whole();
    for latitude in LATITUDES {
        let LatitudeKind::Default(_) = latitude.kind else { continue };
        let (topology, line) = place_of(latitude, &trees);
        let holds = holds_with(&trees[topology], latitude.family, &line, "");
        assert!(holds, "{latitude:?}: without `{line}`");
    }
}
