//! Names in settings of Kubernetes' programs.

use std::net::IpAddr;

use super::string::string_type;
use super::{DnsName, Form, Hostname, Malformed, Text, checked};

string_type! {
    /// The name of an argument of a program, without dashes before it: `audit-log-maxage`.
    pub struct ArgumentName;
}

string_type! {
    /// A feature gate of Kubernetes: `ContainerStopSignals`.
    pub struct FeatureGate;
}

string_type! {
    /// A name or address in a certificate: `api.example.com`, `*.example.com` or `203.0.113.10`.
    pub struct CertificateName;
}

impl Text for ArgumentName {
    const EXPECTED: &'static str = "the name of an argument such as `audit-log-maxage`";
    const FORM: Form = Form::Pattern(r"^[a-z0-9]+(-[a-z0-9]+)*$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        checked(text, check_argument, correct_argument).map(Self)
    }
}

fn check_argument(text: &str) -> Result<(), Malformed> {
    let is_word = |word: &str| {
        !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit())
    };
    if text.split('-').all(is_word) {
        return Ok(());
    }
    let message = format!("`{text}` is not the name of an argument");
    Err(Malformed::new(message, "not the name of an argument")
        .help("write it without dashes before it, in lower case, such as `audit-log-maxage`"))
}

fn correct_argument(text: &str) -> String {
    text.trim().trim_start_matches('-').to_lowercase().replace('_', "-")
}

impl Text for FeatureGate {
    const EXPECTED: &'static str = "a feature gate such as `ContainerStopSignals`";
    const FORM: Form = Form::Pattern(r"^[A-Z][A-Za-z0-9]*$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let is_letter = |c: char| c.is_ascii_alphanumeric();
        if text.starts_with(|c: char| c.is_ascii_uppercase()) && text.chars().all(is_letter) {
            return Ok(Self(text.to_owned()));
        }
        let message = format!("`{text}` is not a valid feature gate");
        Err(Malformed::new(message, "not a valid feature gate")
            .help("write its name as in Kubernetes' documentation, such as `ContainerStopSignals`"))
    }
}

impl Text for CertificateName {
    const EXPECTED: &'static str = "a DNS name or address such as `api.example.com`";
    const FORM: Form = Form::Pattern(r"^[0-9A-Za-z*:.-]+$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        match text.parse::<IpAddr>() {
            Ok(address) => Ok(Self(address.to_string())),
            Err(_) if text.starts_with("*.") => {
                Hostname::parse(text).map(|name| Self(name.to_string()))
            }
            Err(_) => DnsName::parse(text).map(|name| Self(name.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_names_as_their_programs_have_them() {
        accepts::<ArgumentName>(&[
            ("v", "v"),
            ("node-cidr-mask-size-ipv4", "node-cidr-mask-size-ipv4"),
        ]);
        accepts::<FeatureGate>(&[("DRAPartitionableDevices", "DRAPartitionableDevices")]);
        accepts::<CertificateName>(&[
            ("api.example.com", "api.example.com"),
            ("*.example.com", "*.example.com"),
            ("203.0.113.10", "203.0.113.10"),
            ("2001:db8:0::1", "2001:db8::1"),
        ]);
    }

    #[test]
    fn refuses_the_rest() {
        refuses::<ArgumentName>(&[
            (
                "--audit-log_path",
                "`--audit-log_path` is not the name of an argument",
                "not the name of an argument",
                "did you mean `audit-log-path`?",
            ),
            (
                "audit log",
                "`audit log` is not the name of an argument",
                "not the name of an argument",
                "write it without dashes before it, in lower case, such as `audit-log-maxage`",
            ),
        ]);
        refuses::<FeatureGate>(&[(
            "sidecars",
            "`sidecars` is not a valid feature gate",
            "not a valid feature gate",
            "write its name as in Kubernetes' documentation, such as `ContainerStopSignals`",
        )]);
        refuses::<CertificateName>(&[(
            "203.0.113.300",
            "`203.0.113.300` is not a valid IPv4 address",
            "not a valid IPv4 address",
            "",
        )]);
    }
}
