//! Settings of Kubernetes' programs that no reader models: stricter ones than the defaults, and those that a user has
//! added. Those that change what is proven are refused; of the others, some are known to change nothing of it.

use serde_saphyr::Spanned;

use super::ParseError;
use super::data::{DataNode, DataScalar, DataValue};
use super::setting_value::SettingValue;
use super::yaml::YamlDocument;
use crate::span::LineSpanned;
use meshwright_value::component::is_named;

/// One setting.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserSetting {
    /// Its program, its name and its value: `kube-apiserver --audit-log-maxage=30`.
    pub text: String,
    /// Its line.
    pub line: u32,
    /// Whether no address, port, packet or object that is proven depends on it.
    pub is_harmless: bool,
}

/// What the proof knows about the settings of a program. A name that ends in `*` is that of all settings that begin
/// with it.
struct KnownSettings {
    program: &'static str,
    /// Those on which a flow, a listening address or an object of the proof depends.
    decisive: &'static [&'static str],
    /// Those on which none of them depends: logs, metrics, limits, sizes of caches, times of garbage collection, and the
    /// tokens of people.
    harmless: &'static [&'static str],
    /// The values of those that this version emits: the program does not start with another one.
    values: &'static [(&'static str, SettingValue)],
}

impl KnownSettings {
    fn is_decisive(&self, name: &str) -> bool {
        self.decisive.iter().any(|pattern| is_named(pattern, name))
    }

    fn is_harmless(&self, name: &str) -> bool {
        self.harmless.iter().any(|pattern| is_named(pattern, name))
    }
}

/// A program of the control plane.
#[derive(Debug, Clone, Copy)]
pub(super) enum Program {
    ApiServer,
    ControllerManager,
    Scheduler,
    Etcd,
}

impl Program {
    const fn known(self) -> &'static KnownSettings {
        match self {
            Self::ApiServer => &API_SERVER,
            Self::ControllerManager => &CONTROLLER_MANAGER,
            Self::Scheduler => &SCHEDULER,
            Self::Etcd => &ETCD,
        }
    }
}

const API_SERVER: KnownSettings = KnownSettings {
    program: "kube-apiserver",
    decisive: &[
        "advertise-address",
        "allow-privileged",
        "anonymous-auth",
        "authorization-config",
        "authorization-mode",
        "bind-address",
        "client-ca-file",
        "egress-selector-config-file",
        "endpoint-reconciler-type",
        "etcd-cafile",
        "etcd-certfile",
        "etcd-keyfile",
        "etcd-prefix",
        "etcd-servers*",
        "external-hostname",
        "kubelet-client-*",
        "kubelet-preferred-address-types",
        "kubernetes-service-node-port",
        "permit-address-sharing",
        "permit-port-sharing",
        "proxy-client-*",
        "requestheader-*",
        "secure-port",
        "service-account-key-file",
        "service-account-signing-*",
        "service-cluster-ip-range",
        "service-node-port-range",
        "tls-cert-file",
        "tls-private-key-file",
        "tls-sni-cert-key",
        "token-auth-file",
    ],
    harmless: &[
        "admission-control-config-file",
        "allow-metric-labels*",
        "api-audiences",
        "audit-*",
        "contention-profiling",
        "cors-allowed-origins",
        "default-not-ready-toleration-seconds",
        "default-unreachable-toleration-seconds",
        "delete-collection-workers",
        "disabled-metrics",
        "encryption-provider-config*",
        "etcd-compaction-interval",
        "etcd-count-metric-poll-period",
        "etcd-db-metric-poll-interval",
        "event-ttl",
        "goaway-chance",
        "http2-max-streams-per-connection",
        "log-*",
        "logging-format",
        "max-mutating-requests-inflight",
        "max-requests-inflight",
        "min-request-timeout",
        "oidc-*",
        "profiling",
        "request-timeout",
        "service-account-extend-token-expiration",
        "service-account-issuer",
        "service-account-jwks-uri",
        "service-account-max-token-expiration",
        "show-hidden-metrics-for-version",
        "tls-cipher-suites",
        "tls-min-version",
        "tracing-config-file",
        "v",
        "vmodule",
        "watch-cache*",
    ],
    values: &[
        ("admission-control-config-file", SettingValue::HostFile),
        ("audit-log-compress", SettingValue::Switch),
        ("audit-log-maxage", SettingValue::Count),
        ("audit-log-maxbackup", SettingValue::Count),
        ("audit-log-maxsize", SettingValue::Count),
        ("audit-log-path", SettingValue::HostFileOrOutput),
        ("audit-policy-file", SettingValue::HostFile),
        ("authentication-config", SettingValue::HostFile),
        ("encryption-provider-config", SettingValue::HostFile),
        ("encryption-provider-config-automatic-reload", SettingValue::Switch),
        ("profiling", SettingValue::Switch),
        ("tls-cipher-suites", SettingValue::CipherSuites),
        ("tls-min-version", SettingValue::TlsVersion),
    ],
};

const CONTROLLER_MANAGER: KnownSettings = KnownSettings {
    program: "kube-controller-manager",
    decisive: &[
        "allocate-node-cidrs",
        "authentication-kubeconfig",
        "authorization-kubeconfig",
        "bind-address",
        "cidr-allocator-type",
        "client-ca-file",
        "cluster-cidr",
        "cluster-signing-cert-file",
        "cluster-signing-key-file",
        "kubeconfig",
        "leader-elect",
        "master",
        "node-cidr-mask-*",
        "requestheader-*",
        "root-ca-file",
        "secure-port",
        "service-account-private-key-file",
        "service-cluster-ip-range",
    ],
    harmless: &[
        "allow-metric-labels*",
        "attach-detach-reconcile-sync-period",
        "cluster-signing-duration",
        "concurrent-*",
        "contention-profiling",
        "disabled-metrics",
        "horizontal-pod-autoscaler-*",
        "kube-api-burst",
        "kube-api-qps",
        "large-cluster-size-threshold",
        "leader-elect-lease-duration",
        "leader-elect-renew-deadline",
        "leader-elect-retry-period",
        "log-*",
        "logging-format",
        "min-resync-period",
        "namespace-sync-period",
        "node-eviction-rate",
        "node-monitor-grace-period",
        "node-monitor-period",
        "node-startup-grace-period",
        "profiling",
        "resource-quota-sync-period",
        "secondary-node-eviction-rate",
        "show-hidden-metrics-for-version",
        "terminated-pod-gc-threshold",
        "unhealthy-zone-threshold",
        "v",
        "vmodule",
    ],
    values: &[("profiling", SettingValue::Switch)],
};

const SCHEDULER: KnownSettings = KnownSettings {
    program: "kube-scheduler",
    decisive: &[
        "authentication-kubeconfig",
        "authorization-kubeconfig",
        "bind-address",
        "client-ca-file",
        "kubeconfig",
        "leader-elect",
        "master",
        "requestheader-*",
        "secure-port",
    ],
    harmless: &[
        "allow-metric-labels*",
        "contention-profiling",
        "disabled-metrics",
        "kube-api-burst",
        "kube-api-qps",
        "leader-elect-lease-duration",
        "leader-elect-renew-deadline",
        "leader-elect-retry-period",
        "log-*",
        "logging-format",
        "pod-max-in-unschedulable-pods-duration",
        "profiling",
        "show-hidden-metrics-for-version",
        "v",
        "vmodule",
    ],
    values: &[("profiling", SettingValue::Switch)],
};

const ETCD: KnownSettings = KnownSettings {
    program: "etcd",
    decisive: &[
        "advertise-client-urls",
        "auto-tls",
        "cert-file",
        "client-cert-auth",
        "client-cert-file",
        "client-key-file",
        "data-dir",
        "discovery*",
        "force-new-cluster",
        "initial-*",
        "key-file",
        "listen-*",
        "name",
        "peer-*",
        "socket-reuse-*",
        "trusted-ca-file",
        "unsafe-no-fsync",
        "wal-dir",
    ],
    harmless: &[
        "auto-compaction-*",
        "backend-batch-*",
        "cipher-suites",
        "compaction-*",
        "log-format",
        "log-level",
        "log-outputs",
        "logger",
        "max-request-bytes",
        "max-snapshots",
        "max-txn-ops",
        "max-wals",
        "metrics",
        "quota-backend-bytes",
        "snapshot-catchup-entries",
        "snapshot-count",
        "tls-min-version",
        "warning-apply-duration",
        "warning-unary-request-duration",
        "watch-progress-notify-interval",
    ],
    values: &[
        ("cipher-suites", SettingValue::CipherSuites),
        ("tls-min-version", SettingValue::EtcdTlsVersion),
    ],
};

const KUBELET: KnownSettings = KnownSettings {
    program: "kubelet",
    decisive: &[
        "authentication",
        "authorization",
        "cgroupDriver",
        "clusterDNS",
        "clusterDomain",
        "containerRuntimeEndpoint",
        "enableServer",
        "hairpinMode",
        "healthzBindAddress",
        "healthzPort",
        "imageServiceEndpoint",
        "makeIPTablesUtilChains",
        "podCIDR",
        "port",
        "registerNode",
        "registerWithTaints",
        "runOnce",
        "staticPodPath",
        "staticPodURL*",
    ],
    harmless: &[
        "configMapAndSecretChangeDetectionStrategy",
        "containerLog*",
        "cpuCFSQuota*",
        "cpuManager*",
        "crashLoopBackOff",
        "enableContentionProfiling",
        "eventBurst",
        "eventRecordQPS",
        "eviction*",
        "fileCheckFrequency",
        "httpCheckFrequency",
        "imageGC*",
        "imageMaximumGCAge",
        "imageMinimumGCAge",
        "kubeAPIBurst",
        "kubeAPIQPS",
        "kubeReserved*",
        "logging",
        "maxOpenFiles",
        "maxParallelImagePulls",
        "memoryManagerPolicy",
        "memoryReservationPolicy",
        "memoryThrottlingFactor",
        "nodeStatusMaxImages",
        "oomScoreAdj",
        "podLogsDir",
        "podPidsLimit",
        "registryBurst",
        "registryPullQPS",
        "reservedMemory",
        "reservedSystemCPUs",
        "rotateCertificates",
        "runtimeRequestTimeout",
        "seccompDefault",
        "serializeImagePulls",
        "shutdownGracePeriod*",
        "streamingConnectionIdleTimeout",
        "syncFrequency",
        "systemReserved*",
        "tlsCipherSuites",
        "tlsMinVersion",
        "topologyManager*",
        "tracing",
        "volumeStatsAggPeriod",
    ],
    values: &[
        ("rotateCertificates", SettingValue::Switch),
        ("seccompDefault", SettingValue::Switch),
        ("tlsCipherSuites", SettingValue::CipherSuites),
        ("tlsMinVersion", SettingValue::TlsVersion),
    ],
};

/// An argument as its document has it.
pub(super) struct Argument {
    pub(super) name: Spanned<String>,
    pub(super) value: Spanned<String>,
}

/// Reads the arguments of a program that this version does not emit by itself.
///
/// # Errors
///
/// The first on which a proven flow depends, or with which the program would not start.
pub(super) fn arguments(
    document: &YamlDocument<'_>,
    program: Program,
    arguments: impl IntoIterator<Item = Argument>,
) -> Result<Vec<UserSetting>, ParseError> {
    let known = program.known();
    let read = arguments.into_iter().map(|argument| {
        let LineSpanned { value: name, line } = document.with_line(argument.name);
        let value = document.with_line(argument.value.clone());
        known.check(&name, value.line, |valid| valid.check_argument(&value.value))?;
        let text = format!("{} --{name}={}", known.program, argument.value.value);
        known.setting(&name, text, line)
    });
    read.collect()
}

/// Reads a field of `KubeletConfiguration` that this version does not emit by itself.
///
/// # Errors
///
/// If a proven flow depends on it, or if kubelet would not start.
pub(super) fn kubelet_field(name: &str, value: &DataNode) -> Result<UserSetting, ParseError> {
    KUBELET.check(name, value.line, |valid| valid.check_field(value))?;
    KUBELET.setting(name, format!("kubelet's {name}: {}", flow_style(value)), value.line)
}

impl KnownSettings {
    fn check(
        &self,
        name: &str,
        line: u32,
        is_valid: impl Fn(SettingValue) -> Result<(), String>,
    ) -> Result<(), ParseError> {
        let value = self.values.iter().find(|(of, _)| *of == name);
        let checked = value.map_or(Ok(()), |(_, valid)| is_valid(*valid));
        checked.map_err(|reason| ParseError {
            line,
            message: format!("the setting `{name}` of {}: {reason}", self.program),
        })
    }

    fn setting(&self, name: &str, text: String, line: u32) -> Result<UserSetting, ParseError> {
        if self.is_decisive(name) {
            let message =
                format!("the setting `{name}` of {} is not understood here", self.program);
            return Err(ParseError { line, message });
        }
        Ok(UserSetting { text, line, is_harmless: self.is_harmless(name) })
    }
}

/// A value on one line, as YAML's flow style has it.
pub(super) fn flow_style(value: &DataNode) -> String {
    match &value.value {
        DataValue::Scalar(DataScalar::Null) => "null".to_owned(),
        DataValue::Scalar(DataScalar::Switch(switch)) => switch.to_string(),
        DataValue::Scalar(DataScalar::Number(number)) => number.to_string(),
        DataValue::Scalar(DataScalar::Fraction(number)) => number.to_string(),
        DataValue::Scalar(DataScalar::Text(text, _)) => text.clone(),
        DataValue::List(items) => {
            let items: Vec<_> = items.iter().map(flow_style).collect();
            format!("[{}]", items.join(", "))
        }
        DataValue::Map(fields) => {
            let fields = fields.iter().map(|(key, value)| format!("{key}: {}", flow_style(value)));
            format!("{{{}}}", fields.collect::<Vec<_>>().join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{
        API_SERVER, CONTROLLER_MANAGER, ETCD, KUBELET, KnownSettings, SCHEDULER, is_named,
    };
    use meshwright_value::component::{Component, kubelet_fields};

    /// Each name is one of its program, and in one list.
    #[test]
    fn lists_have_names_of_their_programs() {
        let of = |component: Component| component.arguments().collect::<Vec<_>>();
        let tables: [(&KnownSettings, Vec<&str>); 5] = [
            (&API_SERVER, of(Component::ApiServer)),
            (&CONTROLLER_MANAGER, of(Component::ControllerManager)),
            (&SCHEDULER, of(Component::Scheduler)),
            (&ETCD, of(Component::Etcd)),
            (&KUBELET, kubelet_fields().map(|(field, _)| field).collect()),
        ];
        for (known, names) in tables {
            let values = known.values.iter().map(|(name, _)| name);
            for pattern in known.decisive.iter().chain(known.harmless).chain(values) {
                let program = known.program;
                assert!(names.iter().any(|name| is_named(pattern, name)), "{program} {pattern}");
            }
            let both = names.iter().find(|name| known.is_decisive(name) && known.is_harmless(name));
            assert_eq!(both, None, "{}", known.program);
        }
    }
}
