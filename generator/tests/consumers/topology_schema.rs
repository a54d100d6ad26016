//! The schema of the topology, judged by validators that others wrote: Python's jsonschema, and Taplo,
//! which editors run. It takes what `check` takes, and refuses what one value alone shows.

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

/// All of them.
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

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn schema() -> PathBuf {
    root().join("docs/topology.schema.json")
}

/// What is wrong with a file: the path of the value, and why.
type Faults = Vec<(String, String)>;

fn judge(files: &[PathBuf]) -> Result<Vec<Faults>, Failed> {
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
    let entries = fs::read_dir(root().join(folder))?.collect::<Result<Vec<_>, _>>()?;
    let mut files: Vec<_> = entries.iter().map(fs::DirEntry::path).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    files.sort();
    Ok(files)
}

fn shown() -> Result<Vec<PathBuf>, Failed> {
    Ok(testing::topologies().into_iter().map(|path| root().join(path)).collect())
}

fn accepts_topologies() -> Result<(), Failed> {
    accept(&shown()?)
}

/// What a schema says of the faults that it shares with the reader.
const SHAPES: [(&str, &str); 3] = [
    ("key-missing.", "is a required property"),
    ("key-unknown.", "Additional properties are not allowed"),
    ("type-mismatch.", "is not of type"),
];

fn fixtures(is_wanted: impl Fn(&str) -> bool) -> Result<Vec<PathBuf>, Failed> {
    let mut files = toml_files("generator/fixtures/reject")?;
    files.retain(|path| path.file_name().is_some_and(|name| is_wanted(&name.to_string_lossy())));
    Ok(files)
}

fn accepts_rules() -> Result<(), Failed> {
    let shapes =
        SHAPES.map(|(code, _)| code).into_iter().chain(["toml-syntax.", "value-malformed."]);
    let shapes: Vec<_> = shapes.collect();
    accept(&fixtures(|name| !shapes.iter().any(|code| name.starts_with(code)))?)
}

/// Each for its reason. A required key that is misspelt is missing, too, for a schema.
fn refuses_shapes() -> Result<(), Failed> {
    for (code, reason) in SHAPES {
        let files = fixtures(|name| name.starts_with(code))?;
        for (file, faults) in files.iter().zip(judge(&files)?) {
            let messages: Vec<_> = faults.iter().map(|(_, message)| message.as_str()).collect();
            match &*messages {
                [message] if message.contains(reason) => {}
                [message, "'role' is a required property"] if message.contains(reason) => {}
                _ => return Err(format!("{}: {faults:?}", file.display()).into()),
            }
        }
    }
    Ok(())
}

/// A number out of bounds, and a text in no form of its type.
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

/// The committed topology names its schema itself.
fn taplo_accepts() -> Result<(), Failed> {
    let lint = |arguments: &[&Path]| {
        let mut taplo = Command::new("taplo");
        taplo.args(["lint", "--no-auto-config"]).args(arguments).current_dir(root()).output()
    };
    succeeded(&lint(&["topology.toml".as_ref()])?)?;
    let schema = format!("file://{}", schema().canonicalize()?.display());
    let mut arguments = vec!["--schema".as_ref(), schema.as_ref()];
    let shown = shown()?;
    arguments.extend(shown.iter().map(PathBuf::as_path));
    succeeded(&lint(&arguments)?).map(drop)
}

/// The committed topology, broken in one place.
struct Broken {
    name: &'static str,
    sound: &'static str,
    unsound: &'static str,
    reason: &'static str,
}

const TAPLO_REFUSES: &[Broken] = &[
    Broken {
        name: "a_key_misspelt",
        sound: "kubernetes_version",
        unsound: "kubernets_version",
        reason: "('kubernets_version' was unexpected)",
    },
    Broken {
        name: "a_word_that_is_none",
        sound: "mode = \"ipvs\"",
        unsound: "mode = \"ipv\"",
        reason: "\"ipv\" is not one of [\"ipvs\"",
    },
];

fn taplo_refuses(broken: &Broken) -> Result<(), Failed> {
    let sound = fs::read_to_string(root().join("topology.toml"))?;
    let text = sound.replacen(broken.sound, broken.unsound, 1);
    if text == sound {
        return Err(format!("the topology has no `{}`", broken.sound).into());
    }
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    fs::create_dir(folder.path().join("docs"))?;
    fs::copy(schema(), folder.path().join("docs/topology.schema.json"))?;
    fs::write(folder.path().join("topology.toml"), text)?;
    let mut taplo = Command::new("taplo");
    taplo.args(["lint", "--no-auto-config", "topology.toml"]).current_dir(folder.path());
    let done = taplo.output()?;
    let said = String::from_utf8_lossy(&done.stderr);
    match !done.status.success() && said.contains(broken.reason) {
        true => Ok(()),
        false => Err(format!("`{}` is not what it says:\n{said}", broken.reason).into()),
    }
}
