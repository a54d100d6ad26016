//! The topology's schema in two independent validators: Python's jsonschema, and Taplo, which editors run. The
//! schema accepts every topology that `check` accepts, and refuses faults that a single value shows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::consumer::need;
use crate::need::Need;
use crate::testing;

pub(crate) const NEEDS: &[Need] =
    &[need("type schema-validate taplo", "no judges: generator/tests/consumers/judges/install")];

/// All trials of the schema.
pub(crate) fn trials() -> Vec<Trial> {
    let refused = TAPLO_REFUSES.iter().map(|broken| {
        Trial::test(format!("schema::taplo_refuses::{}", broken.name), || taplo_refuses(broken))
    });
    let others = [
        Trial::test("schema::accepts::every_topology_that_is_shown", accepts_topologies),
        Trial::test("schema::accepts::what_only_two_values_show", accepts_rules),
        Trial::test("schema::refuses::what_the_reader_refuses", refuses_shapes),
        Trial::test("schema::refuses::malformed_values", refuses_values),
        Trial::test("schema::taplo_accepts::every_topology_that_is_shown", taplo_accepts),
    ];
    others.into_iter().chain(refused).collect()
}

fn schema() -> PathBuf {
    testing::repository().join("docs/topology.schema.json")
}

/// The faults of a file: the path of each value, and a message.
type SchemaFaults = Vec<(String, String)>;

fn judge(files: &[PathBuf]) -> Result<Vec<SchemaFaults>, Failed> {
    let done = Command::new("schema-validate").arg(schema()).args(files).output()?;
    let lines = succeeded(&done)?;
    let faults: Vec<_> = lines.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    match faults.len() == files.len() {
        true => Ok(faults),
        false => Err(format!("{} files, {} verdicts", files.len(), faults.len()).into()),
    }
}

fn succeeded(done: &Output) -> Result<&str, Failed> {
    match done.status.success() {
        true => Ok(str::from_utf8(&done.stdout)?),
        false => Err(String::from_utf8_lossy(&done.stderr).into()),
    }
}

fn accept(files: &[PathBuf]) -> Result<(), Failed> {
    for (file, faults) in files.iter().zip(judge(files)?) {
        if !faults.is_empty() {
            return Err(format!("{}: {faults:?}", file.display()).into());
        }
    }
    Ok(())
}

fn toml_files(folder: &str) -> Result<Vec<PathBuf>, Failed> {
    let entries =
        fs::read_dir(testing::repository().join(folder))?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}

fn shown_topologies() -> Result<Vec<PathBuf>, Failed> {
    Ok(testing::topologies().into_iter().map(|path| testing::repository().join(path)).collect())
}

fn accepts_topologies() -> Result<(), Failed> {
    accept(&shown_topologies()?)
}

/// The schema's messages for faults that the reader of topologies finds too.
const SHAPES: [(&str, &[&str]); 3] = [
    ("key-missing.", &["is a required property"]),
    ("key-unknown.", &["Additional properties are not allowed"]),
    // An argument is a text, a number or a boolean.
    ("type-mismatch.", &["is not of type", "is not valid under any of the given schemas"]),
];

fn fixtures(matches: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Failed> {
    let mut files = toml_files("generator/fixtures/reject")?;
    files.retain(|path| path.file_name().is_some_and(|name| matches(&name.to_string_lossy())));
    Ok(files)
}

fn accepts_rules() -> Result<(), Failed> {
    let mut codes: Vec<_> = SHAPES.iter().map(|(code, _)| *code).collect();
    codes.extend(["toml-syntax.", "value-malformed."]);
    accept(&fixtures(|name| !codes.iter().any(|code| name.starts_with(code)))?)
}

/// A date of TOML where the schema takes a text: in JSON, a date is a text.
const DATE: &str = "type-mismatch.date.toml";

/// Each for its reason. For a schema, a misspelt required key is missing too.
fn refuses_shapes() -> Result<(), Failed> {
    for (code, reasons) in SHAPES {
        let is_expected = |message: &str| reasons.iter().any(|reason| message.contains(reason));
        let files = fixtures(|name| name.starts_with(code) && name != DATE)?;
        for (file, faults) in files.iter().zip(judge(&files)?) {
            let messages: Vec<_> = faults.iter().map(|(_, message)| message.as_str()).collect();
            match &*messages {
                [message] if is_expected(message) => {}
                [message, "'role' is a required property"] if is_expected(message) => {}
                _ => return Err(format!("{}: {faults:?}", file.display()).into()),
            }
        }
    }
    Ok(())
}

/// A number out of bounds, and a text that does not match the pattern of its type.
fn refuses_values() -> Result<(), Failed> {
    let expected = [
        ("api-port", "$.control_plane.endpoint", "'api.example.com:443' does not match"),
        ("round-trip", "$.control_plane.round_trip_ms", "3334 is greater than the maximum of 3333"),
    ];
    for (fixture, place, reason) in expected {
        let files = fixtures(|name| name == format!("value-malformed.{fixture}.toml"))?;
        match &*judge(&files)? {
            [faults] if matches!(&**faults, [(at, why)] if at == place && why.contains(reason)) => {
            }
            verdicts => return Err(format!("{fixture}: {verdicts:?}").into()),
        }
    }
    Ok(())
}

/// The committed topology contains the path of its schema.
fn taplo_accepts() -> Result<(), Failed> {
    let lint = |arguments: &[&Path]| {
        let mut taplo = Command::new("taplo");
        taplo
            .args(["lint", "--no-auto-config"])
            .args(arguments)
            .current_dir(testing::repository())
            .output()
    };
    succeeded(&lint(&["topology.toml".as_ref()])?)?;
    let schema = format!("file://{}", schema().canonicalize()?.display());
    let mut arguments = vec!["--schema".as_ref(), schema.as_ref()];
    let files = shown_topologies()?;
    arguments.extend(files.iter().map(PathBuf::as_path));
    succeeded(&lint(&arguments)?).map(drop)
}

/// The committed topology with one fault.
struct BrokenTopology {
    name: &'static str,
    original: &'static str,
    replacement: &'static str,
    reason: &'static str,
}

const TAPLO_REFUSES: &[BrokenTopology] = &[
    BrokenTopology {
        name: "a_misspelt_key",
        original: "kubernetes_version",
        replacement: "kubernets_version",
        reason: "('kubernets_version' was unexpected)",
    },
    BrokenTopology {
        name: "an_unknown_word",
        original: "mode = \"ipvs\"",
        replacement: "mode = \"ipv\"",
        reason: "\"ipv\" is not one of [\"ipvs\"",
    },
];

fn taplo_refuses(broken: &BrokenTopology) -> Result<(), Failed> {
    let sound = fs::read_to_string(testing::repository().join("topology.toml"))?;
    let text = sound.replacen(broken.original, broken.replacement, 1);
    if text == sound {
        return Err(format!("the topology has no `{}`", broken.original).into());
    }
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    fs::create_dir(folder.path().join("docs"))?;
    fs::copy(schema(), folder.path().join("docs/topology.schema.json"))?;
    fs::write(folder.path().join("topology.toml"), text)?;
    let mut taplo = Command::new("taplo");
    taplo.args(["lint", "--no-auto-config", "topology.toml"]).current_dir(folder.path());
    let done = taplo.output()?;
    let stderr = String::from_utf8_lossy(&done.stderr);
    match !done.status.success() && stderr.contains(broken.reason) {
        true => Ok(()),
        false => Err(format!("the reason is not `{}`:\n{stderr}", broken.reason).into()),
    }
}
