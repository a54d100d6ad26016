//! `meshwright versions`: prints the pinned versions.

use std::io::{self, Write};

use clap::Args;
use serde::Serialize;
use serde_json::{Value, json};

use super::Status;
use super::failure::Failure;
use super::session::{Session, print_document};
use meshwright_compiler::diagnostic::Format;
use meshwright_compiler::topology::versions::{BUILT_IN, ControllerRelease, PinnedImage, Versions};
use meshwright_value::json_schema::object;
use meshwright_value::{Day, ImageReference, Reason, Sha256};

const EXAMPLES: &str = "\
Examples:
  meshwright versions
  meshwright versions --toml > versions.toml      # the file that is compiled in, to change it
  meshwright generate --versions versions.toml    # use the changed one instead
  meshwright versions --format json | jq .versions.calico.version";

/// Print the pinned versions, with their digests and sources
///
/// The versions, digests, ends of support and tested combinations that the other verbs use are one file, which is
/// compiled in. `--versions FILE` uses another one instead; `generate` then also writes it to the output directory.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct PrintVersions {
    /// Print the file itself
    #[arg(long)]
    toml: bool,
}

impl PrintVersions {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let versions = session.versions()?;
        let text = versions.replacement.as_deref().unwrap_or(BUILT_IN);
        if self.toml {
            session.out.write_all(text.as_bytes())?;
            return Ok(Status::Clean);
        }
        let file = session.global.versions.as_ref().map(|path| path.display().to_string());
        match session.global.format {
            Format::Json => {
                let sha256 = Sha256::compute(text.as_bytes());
                let document = VersionsDocument {
                    schema_version: SCHEMA_VERSION,
                    file,
                    sha256,
                    versions: &versions,
                };
                print_document(session.out, &document)?;
            }
            Format::Human | Format::Github => print(&versions, file.as_deref(), session.out)?,
        }
        Ok(Status::Clean)
    }
}

const SCHEMA_VERSION: u32 = 1;

/// The document of `--format json`.
#[derive(Serialize)]
struct VersionsDocument<'a> {
    schema_version: u32,
    file: Option<String>,
    sha256: Sha256,
    versions: &'a Versions,
}

/// The JSON Schema of the document.
#[must_use]
pub(super) fn schema() -> Value {
    let mut document = object(&json!({
        "schema_version": { "const": SCHEMA_VERSION },
        "file": {
            "description": "The file of --versions; null if the versions are those that are compiled in",
            "anyOf": [{ "type": "string" }, { "type": "null" }],
        },
        "sha256": { "description": "The SHA-256 digest of the file", "type": "string" },
        "versions": nullable(Versions::schema()),
    }));
    document["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    document["title"] = json!("Document of `meshwright versions --format json`");
    document
}

/// The schema of a file in which a key may be absent, for a document in which it is null then.
fn nullable(schema: Value) -> Value {
    match schema {
        Value::Object(mut table) => {
            let required = table.get("required").cloned();
            let required = required.and_then(|keys| serde_json::from_value(keys).ok());
            let required: Vec<String> = required.unwrap_or_default();
            for (_, schema) in table.iter_mut() {
                *schema = nullable(schema.take());
            }
            if let Some(Value::Object(properties)) = table.get_mut("properties") {
                let optional = properties.iter_mut().filter(|(key, _)| !required.contains(key));
                for (_, schema) in optional {
                    *schema = json!({ "anyOf": [schema.take(), { "type": "null" }] });
                }
            }
            Value::Object(table)
        }
        Value::Array(items) => Value::Array(items.into_iter().map(nullable).collect()),
        other => other,
    }
}

/// One line of the table.
struct Pin<'a> {
    name: &'static str,
    version: String,
    digest: String,
    until: &'a Day,
    source: &'a Reason,
}

fn print(versions: &Versions, file: Option<&str>, out: &mut dyn Write) -> io::Result<()> {
    let origin = file.unwrap_or("compiled in");
    writeln!(out, "{origin}, compared with its sources on {}\n", versions.compared)?;
    let pins = pins(versions);
    let width = |of: fn(&Pin<'_>) -> usize| pins.iter().map(of).max().unwrap_or_default();
    let (name, version, digest) = (
        width(|pin| pin.name.len()),
        width(|pin| pin.version.len()),
        width(|pin| pin.digest.len()),
    );
    for pin in &pins {
        let Pin { name: pin_name, version: pin_version, digest: pin_digest, until, source } = pin;
        writeln!(
            out,
            "{pin_name:name$}  {pin_version:version$}  {pin_digest:digest$}  {until}  {source}"
        )?;
    }
    writeln!(out)?;
    for support in &versions.kubernetes.support {
        writeln!(out, "Kubernetes {} gets patch releases until {}", support.line, support.end)?;
    }
    for tested in &versions.calico.tested {
        let (oldest, newest) = (tested.oldest, tested.newest);
        writeln!(out, "Calico {} is tested with Kubernetes {oldest} to {newest}", tested.line)?;
    }
    for (repository, key) in versions.repository_keys() {
        let end = key.end.as_ref().map_or("an unknown day".to_owned(), Day::to_string);
        let fingerprint = &key.fingerprint;
        writeln!(out, "the key {fingerprint} of the repository of {repository} ends on {end}")?;
    }
    Ok(())
}

/// The pins, in the order of the file.
fn pins(versions: &Versions) -> Vec<Pin<'_>> {
    let Versions { kubernetes, containerd, calico, helm, .. } = versions;
    let newest = &kubernetes.newest;
    let kubernetes = Pin {
        name: "kubernetes",
        version: kubernetes.version.to_string(),
        digest: String::new(),
        until: &newest.until,
        source: &newest.source,
    };
    let containerd = Pin {
        name: "containerd",
        version: containerd.version.to_string(),
        digest: String::new(),
        until: &containerd.until,
        source: &containerd.source,
    };
    let manifests = versions.calico_manifests(calico.version);
    let calico = Pin {
        name: "calico",
        version: calico.version.to_string(),
        digest: manifests
            .map_or_else(String::new, |manifests| shortened(&manifests.operator.to_string())),
        until: &calico.until,
        source: &calico.source,
    };
    let helm = Pin {
        name: "helm",
        version: helm.version.to_string(),
        digest: shortened(&helm.amd64.to_string()),
        until: &helm.until,
        source: &helm.source,
    };
    let controllers = [
        ("ingress-nginx chart", "ingress-nginx image", &versions.ingress_nginx),
        ("traefik chart", "traefik image", &versions.traefik),
    ];
    let images = [
        ("cloudflared", &versions.cloudflared),
        ("whoami", &versions.whoami),
        ("busybox", &versions.busybox),
    ];
    let mut pins = vec![kubernetes, containerd, calico, helm];
    pins.extend(
        controllers
            .into_iter()
            .flat_map(|(chart, image, release)| of_controller(chart, image, release)),
    );
    pins.extend(images.into_iter().map(|(name, pinned)| of_image(name, pinned)));
    pins
}

fn of_controller<'a>(
    chart: &'static str,
    image: &'static str,
    release: &'a ControllerRelease,
) -> [Pin<'a>; 2] {
    let ControllerRelease { until, source, .. } = release;
    let sha256 = release.sha256.map(|sha256| shortened(&sha256.to_string()));
    [
        Pin {
            name: chart,
            version: release.version.to_string(),
            digest: sha256.unwrap_or_default(),
            until,
            source,
        },
        Pin {
            name: image,
            version: release.image.tag().to_owned(),
            digest: digest_of(&release.image),
            until,
            source,
        },
    ]
}

fn of_image<'a>(name: &'static str, pinned: &'a PinnedImage) -> Pin<'a> {
    let PinnedImage { image, until, source, .. } = pinned;
    Pin { name, version: image.tag().to_owned(), digest: digest_of(image), until, source }
}

fn digest_of(image: &ImageReference) -> String {
    let digest = image.digest().unwrap_or_default();
    shortened(digest.trim_start_matches("sha256:"))
}

/// The beginning of a digest: `--format json` has all of it.
fn shortened(digest: &str) -> String {
    digest.chars().take(12).collect()
}
