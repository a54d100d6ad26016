//! How names match: in the zone, in cloudflared, in an Ingress. The three differ.

use crate::read::cloudflared::TunnelRule;
use crate::read::dns_zone::ZoneRecord;

/// Whether a pattern that begins with a wildcard matches a name of any depth.
fn is_below(pattern: &str, name: &str) -> bool {
    let parent = pattern.strip_prefix('*').filter(|parent| parent.starts_with('.'));
    parent.is_some_and(|parent| name.strip_suffix(parent).is_some_and(|label| !label.is_empty()))
}

/// The first rule that matches, with its position (cloudflared, `Rule.Matches` and `matchHost` in
/// ingress/rule.go): wildcards match names of any depth, but only in lower case (observed with cloudflared 2026.8.2,
/// 2026-11).
#[must_use]
pub(super) fn rule_for<'rules>(
    rules: &'rules [TunnelRule],
    name: &str,
) -> Option<(usize, &'rules TunnelRule)> {
    rules.iter().enumerate().find(|(_, rule)| takes(rule, name))
}

fn takes(rule: &TunnelRule, name: &str) -> bool {
    let Some(pattern) = rule.hostname.as_ref().map(|pattern| pattern.value.as_str()) else {
        return true;
    };
    ["", "*"].contains(&pattern) || is_below(pattern, name) || pattern.eq_ignore_ascii_case(name)
}

/// Whether a rule matches every name.
#[must_use]
pub(super) fn matches_all(rule: &TunnelRule) -> bool {
    rule.hostname.as_ref().is_none_or(|pattern| ["", "*"].contains(&pattern.value.as_str()))
}

/// The record for a name (RFC 4592): its own, or the wildcard of the closest encloser.
#[must_use]
pub(super) fn record_for<'zone>(
    records: &'zone [ZoneRecord],
    name: &str,
) -> Option<&'zone ZoneRecord> {
    let find = |name: &str| records.iter().find(|record| record.name.value == name);
    if let Some(own) = find(name) {
        return Some(own);
    }
    let exists = |name: &str| {
        let below = format!(".{name}");
        records
            .iter()
            .any(|record| record.name.value == name || record.name.value.ends_with(&below))
    };
    // A name without a record exists if a name below it has one.
    if exists(name) {
        return None;
    }
    let mut above = name;
    while let Some((_, parent)) = above.split_once('.') {
        if let Some(wildcard) = find(&format!("*.{parent}")) {
            return Some(wildcard);
        }
        if exists(parent) {
            return None;
        }
        above = parent;
    }
    None
}

/// Whether an Ingress's host matches a name (`IngressRule.host`): a wildcard matches one label.
#[must_use]
pub(super) fn matches_host(host: &str, name: &str) -> bool {
    let Some(parent) = host.strip_prefix("*.") else { return host == name };
    name.split_once('.').is_some_and(|(label, rest)| !label.is_empty() && rest == parent)
}

/// An example name for a hostname: for a wildcard, a name that no other rule has.
#[must_use]
pub(super) fn typed(hostname: &str) -> String {
    match hostname.strip_prefix("*.") {
        Some(parent) => format!("any-name.{parent}"),
        None => hostname.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::{matches_host, record_for, rule_for};
    use crate::read::cloudflared::TunnelRule;
    use crate::read::dns_zone::{self, ZoneRecord};
    use crate::span::{FileId, FileSpanned, TreePaths};
    use meshwright_value::OriginRequest;

    fn file() -> FileId {
        TreePaths::new(vec!["a".to_owned()]).find("a").unwrap()
    }

    fn rules(hostnames: &[Option<&str>]) -> Vec<TunnelRule> {
        let fact = |text: &str| FileSpanned { value: text.to_owned(), place: file().whole() };
        let rule = |hostname: &Option<&str>| TunnelRule {
            hostname: hostname.map(fact),
            service: fact("http_status:404"),
            host_header: None,
            request: OriginRequest::default(),
        };
        hostnames.iter().map(rule).collect()
    }

    fn zone(names: &[&str]) -> Vec<ZoneRecord> {
        let lines: String =
            names.iter().map(|name| format!("{name}. 1 IN CNAME t.example.com.\n")).collect();
        dns_zone::read(&lines, "com", file()).unwrap()
    }

    #[test]
    fn the_first_rule_that_matches_is_taken() {
        let rules = rules(&[
            Some("App.example.com"),
            Some("*.a.example.com"),
            Some("*.example.com"),
            Some("*.Example.net"),
            None,
        ]);
        let table = [
            ("app.example.com", 0),
            ("x.a.example.com", 1),
            ("a.example.com", 2),
            ("x.y.example.com", 2),
            ("example.com", 4),
            ("x.example.net", 4),
        ];
        for (name, expected) in table {
            assert_eq!(rule_for(&rules, name).map(|(at, _)| at), Some(expected), "{name}");
        }
    }

    #[test]
    fn a_wildcard_record_ends_where_a_name_exists() {
        let zone = zone(&["*.example.com", "app.example.com", "x.deep.example.com"]);
        let table = [
            ("app.example.com", Some("app.example.com")),
            ("other.example.com", Some("*.example.com")),
            ("a.b.example.com", Some("*.example.com")),
            ("below.app.example.com", None),
            ("y.deep.example.com", None),
            ("deep.example.com", None),
            ("example.com", None),
            ("example.net", None),
        ];
        for (name, expected) in table {
            let found = record_for(&zone, name).map(|record| record.name.value.as_str());
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_wildcard_ingress_is_for_one_label() {
        let table = [
            ("app.example.com", "app.example.com", true),
            ("*.example.com", "app.example.com", true),
            ("*.example.com", "a.b.example.com", false),
            ("*.example.com", "example.com", false),
        ];
        for (host, name, expected) in table {
            assert_eq!(matches_host(host, name), expected, "{host} {name}");
        }
    }
}
