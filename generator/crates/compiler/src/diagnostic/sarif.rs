//! The report in SARIF 2.1.0, which GitHub's code scanning and editors read.
//!
//! <https://docs.oasis-open.org/sarif/sarif/v2.1.0/os/sarif-v2.1.0-os.html>,
//! <https://docs.github.com/code-security/reference/code-scanning/sarif-files/sarif-support>

use std::collections::BTreeSet;
use std::io;

use serde::Serialize;

use super::{Located, Severity, ShownReport, Span};

const SCHEMA: &str =
    "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";

/// What the catalogue says about one code.
#[derive(Debug, Clone, Copy)]
pub struct SarifRule {
    /// The code.
    pub code: &'static str,
    /// Its severity.
    pub severity: Severity,
    /// One sentence.
    pub summary: &'static str,
    /// What happens, and what to do.
    pub explain: &'static str,
}

#[derive(Serialize)]
struct Log<'a> {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run<'a>; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run<'a> {
    tool: Tool<'a>,
    /// How columns are counted.
    column_kind: &'static str,
    results: Vec<RuleResult<'a>>,
}

#[derive(Serialize)]
struct Tool<'a> {
    driver: Driver<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver<'a> {
    name: &'static str,
    version: &'static str,
    information_uri: &'static str,
    rules: Vec<Descriptor<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor<'a> {
    id: &'a str,
    short_description: Text<'a>,
    help: Text<'a>,
    default_configuration: Configuration,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct RuleResult<'a> {
    rule_id: &'a str,
    level: &'static str,
    message: OwnedText,
    locations: Vec<Location<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    related_locations: Vec<Location<'a>>,
}

#[derive(Serialize)]
struct Text<'a> {
    text: &'a str,
}

#[derive(Serialize)]
struct OwnedText {
    text: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location<'a> {
    physical_location: PhysicalLocation,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Text<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

/// Lines and columns from 1; the end is the column after the last.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: usize,
    start_column: usize,
    end_line: usize,
    end_column: usize,
}

/// Prints the whole report, also where it is empty. `rules` describe the codes that it has.
///
/// # Errors
///
/// Those of `out`.
pub fn print(
    ShownReport(report): &ShownReport,
    rules: impl Iterator<Item = SarifRule>,
    out: &mut dyn io::Write,
) -> io::Result<()> {
    let codes: BTreeSet<_> = report.diagnostics.iter().map(|located| located.code).collect();
    let rules = rules.filter(|rule| codes.contains(rule.code)).map(descriptor);
    let driver = Driver {
        name: "meshwright",
        version: env!("CARGO_PKG_VERSION"),
        information_uri: env!("CARGO_PKG_REPOSITORY"),
        rules: rules.collect(),
    };
    let uri = uri(&report.source.name);
    let results = report.diagnostics.iter().map(|located| result(&uri, located)).collect();
    let run = Run { tool: Tool { driver }, column_kind: "unicodeCodePoints", results };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    serde_json::to_writer_pretty(&mut *out, &log)?;
    writeln!(out)
}

fn descriptor<'a>(rule: SarifRule) -> Descriptor<'a> {
    Descriptor {
        id: rule.code,
        short_description: Text { text: rule.summary },
        help: Text { text: rule.explain },
        default_configuration: Configuration { level: rule.severity.as_str() },
    }
}

fn result<'a>(uri: &str, located: &'a Located) -> RuleResult<'a> {
    let help = located.help.iter().map(|help| format!("\nhelp: {help}")).collect::<String>();
    let mut spans = located.spans.iter().map(|span| location(uri, span));
    RuleResult {
        rule_id: located.code,
        level: located.severity.as_str(),
        message: OwnedText { text: format!("{}{help}", located.message) },
        locations: spans.by_ref().take(1).collect(),
        related_locations: spans.collect(),
    }
}

fn location<'a>(uri: &str, span: &'a Span) -> Location<'a> {
    // The file as a whole has line 0, which SARIF does not allow.
    let region = Region {
        start_line: span.line.max(1),
        start_column: span.column.max(1),
        end_line: span.end_line.max(1),
        end_column: span.end_column.max(1),
    };
    Location {
        physical_location: PhysicalLocation {
            artifact_location: ArtifactLocation { uri: uri.to_owned() },
            region,
        },
        message: (!span.label.is_empty()).then_some(Text { text: &span.label }),
    }
}

/// A path as a URI reference (RFC 3986): relative to the working directory unless it is absolute.
fn uri(path: &str) -> String {
    let scheme = if path.starts_with('/') { "file://" } else { "" };
    let path = path.strip_prefix("./").unwrap_or(path);
    let encoded = path.bytes().map(|byte| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    });
    format!("{scheme}{}", encoded.collect::<String>())
}
