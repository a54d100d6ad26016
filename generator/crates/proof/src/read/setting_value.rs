//! Values of settings that keep a program from starting: no flow depends on which of the valid ones it is.

use super::data::{DataNode, DataScalar, DataValue};

/// The valid values of a setting.
#[derive(Debug, Clone, Copy)]
pub(super) enum SettingValue {
    /// `true` or `false`.
    Switch,
    /// A number that is not negative.
    Count,
    /// A list of cipher suites: names of Go's crypto/tls (`cipher_suites.go`, 1.26). HTTP/2 needs one of two
    /// (`http2ConfigureServer` in net/http), and the program ends without.
    CipherSuites,
    /// A version of TLS, as the programs of Kubernetes name it (component-base/cli/flag/ciphersuites_flag.go).
    TlsVersion,
    /// A version of TLS, as etcd names it (client/pkg/tlsutil/versions.go).
    EtcdTlsVersion,
    /// A file of the host in a folder that the static pod has.
    HostFile,
    /// The same, or `-` for the standard output.
    HostFileOrOutput,
}

/// One of them must be among the cipher suites of a server with HTTP/2 and TLS 1.2.
const OF_HTTP_2: [&str; 2] =
    ["TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256", "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256"];

/// The other names, those of insecure suites included: the programs accept them with a warning.
const CIPHER_SUITES: [&str; 23] = [
    "TLS_AES_128_GCM_SHA256",
    "TLS_AES_256_GCM_SHA384",
    "TLS_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_ECDSA_WITH_RC4_128_SHA",
    "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA",
    "TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
    "TLS_ECDHE_RSA_WITH_RC4_128_SHA",
    "TLS_RSA_WITH_3DES_EDE_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA",
    "TLS_RSA_WITH_AES_128_CBC_SHA256",
    "TLS_RSA_WITH_AES_128_GCM_SHA256",
    "TLS_RSA_WITH_AES_256_CBC_SHA",
    "TLS_RSA_WITH_AES_256_GCM_SHA384",
    "TLS_RSA_WITH_RC4_128_SHA",
];

/// Folders of the host in the static pod of an API server: ours, and those of kubeadm (cmd/kubeadm/app/phases/controlplane/
/// volumes.go).
const MOUNTED: [&str; 7] = [
    "/etc/ca-certificates/",
    "/etc/kubernetes/pki/",
    "/etc/meshwright/api-server/",
    "/etc/ssl/certs/",
    "/usr/local/share/ca-certificates/",
    "/usr/share/ca-certificates/",
    "/var/log/kubernetes/audit/",
];

impl SettingValue {
    /// Checks an argument; the error is what is wrong with it.
    pub(super) fn check_argument(self, value: &str) -> Result<(), String> {
        let is_valid = match self {
            Self::Switch => ["true", "false"].contains(&value),
            Self::Count => value.parse::<u32>().is_ok(),
            Self::CipherSuites => return check_cipher_suites(value.split(',')),
            Self::TlsVersion => {
                let number = value.strip_prefix("VersionTLS1");
                number.is_some_and(|number| ["0", "1", "2", "3"].contains(&number))
            }
            Self::EtcdTlsVersion => ["TLS1.2", "TLS1.3"].contains(&value),
            Self::HostFileOrOutput if value == "-" => true,
            Self::HostFile | Self::HostFileOrOutput => {
                MOUNTED.iter().any(|folder| value.starts_with(folder))
            }
        };
        is_valid.then_some(()).ok_or_else(|| match self {
            Self::HostFile | Self::HostFileOrOutput => {
                format!("`{value}` is not in a folder that the static pod has")
            }
            _ => format!("`{value}` is not a valid value: the program would not start"),
        })
    }

    /// Checks a field of a configuration file.
    pub(super) fn check_field(self, value: &DataNode) -> Result<(), String> {
        match (self, &value.value) {
            (Self::Switch, DataValue::Scalar(DataScalar::Switch(_))) => Ok(()),
            (Self::TlsVersion, DataValue::Scalar(DataScalar::Text(text, _))) => {
                self.check_argument(text)
            }
            (Self::CipherSuites, DataValue::List(items)) => {
                let names = items.iter().map(|item| match &item.value {
                    DataValue::Scalar(DataScalar::Text(text, _)) => text.as_str(),
                    _ => "",
                });
                check_cipher_suites(names)
            }
            _ => Err("the value is not valid: the program would not start".to_owned()),
        }
    }
}

fn check_cipher_suites<'name>(names: impl Iterator<Item = &'name str>) -> Result<(), String> {
    let names: Vec<_> = names.collect();
    let is_known = |name: &&str| OF_HTTP_2.contains(name) || CIPHER_SUITES.contains(name);
    if let Some(name) = names.iter().find(|name| !is_known(name)) {
        return Err(format!("`{name}` is not a cipher suite: the program would not start"));
    }
    match names.iter().any(|name| OF_HTTP_2.contains(name)) {
        true => Ok(()),
        false => Err(format!(
            "neither {} nor {} is in the list: HTTP/2 needs one, and the program would not start",
            OF_HTTP_2[0], OF_HTTP_2[1]
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::SettingValue::{self, *};

    fn refused(kind: SettingValue, values: &[&str], reason: &str) {
        for value in values {
            assert_eq!(kind.check_argument(value), Err(format!("`{value}` is not {reason}")));
        }
    }

    #[test]
    fn refuses_values_with_which_a_program_does_not_start() {
        const INVALID: &str = "a valid value: the program would not start";
        let suites = "TLS_RSA_WITH_RC4_128_SHA,TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256";
        let valid = [
            (Switch, "true"),
            (Count, "30"),
            (CipherSuites, suites),
            (TlsVersion, "VersionTLS13"),
            (EtcdTlsVersion, "TLS1.3"),
            (HostFile, "/etc/kubernetes/pki/audit.yaml"),
            (HostFileOrOutput, "-"),
        ];
        for (kind, value) in valid {
            assert_eq!(kind.check_argument(value), Ok(()));
        }
        refused(Switch, &["True", "yes", ""], INVALID);
        refused(Count, &["-1", "many"], INVALID);
        refused(TlsVersion, &["VersionTLS14", "VersionTLS1", "TLS1.2"], INVALID);
        refused(EtcdTlsVersion, &["TLS1.1", "VersionTLS12"], INVALID);
        let files = ["-", "audit.yaml", "/etc/audit.yaml"];
        refused(HostFile, &files, "in a folder that the static pod has");
        let unknown = "a cipher suite: the program would not start";
        refused(CipherSuites, &["TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA"], unknown);
        let without = "neither TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 nor TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256 \
                       is in the list: HTTP/2 needs one, and the program would not start";
        assert_eq!(CipherSuites.check_argument("TLS_AES_128_GCM_SHA256"), Err(without.to_owned()));
    }
}
