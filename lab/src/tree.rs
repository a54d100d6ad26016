//! The emitted files of one topology, with keys that the lab makes.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail};
use meshwright_compiler::artifact::Tree as _;
use meshwright_compiler::check::Checked;
use meshwright_compiler::diagnostic::{self, Format};
use meshwright_compiler::pipeline;
use meshwright_compiler::plan::Plan;
use meshwright_compiler::render::Rendering;
use meshwright_compiler::source::Source;
use toml_edit::{ArrayOfTables, DocumentMut, Item, value};

use crate::command::{feed, program, run};

/// A topology, compiled.
#[derive(Clone)]
pub struct LabTree {
    /// What the generator derived: the lab takes from it only what the underlay is made of.
    pub plan: Arc<Checked<Plan>>,
    /// The emitted files by their paths below `out/`.
    pub files: BTreeMap<String, String>,
    /// What a person would hand to each machine.
    pub secrets: LabKeys,
    text: String,
}

/// Private keys by name, and the preshared key of each pair.
#[derive(Clone, Default)]
pub struct LabKeys {
    private: BTreeMap<String, String>,
    preshared: BTreeMap<(String, String), String>,
}

impl LabTree {
    /// Compiles a topology of the repository with keys of its own.
    ///
    /// # Errors
    ///
    /// When it does not compile; with what a person would be told.
    pub fn of(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let (text, secrets) = with_keys(&text)?;
        Self::compile(text, secrets)
    }

    /// Compiles a topology of the repository with the keys that stand in it: what is only read needs no
    /// others.
    ///
    /// # Errors
    ///
    /// When it does not compile.
    pub fn as_written(path: &Path) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::compile(text, LabKeys::default())
    }

    /// The same topology without one of its nodes, with the same keys.
    ///
    /// # Errors
    ///
    /// When that does not compile.
    pub fn without_node(&self, name: &str) -> Result<Self> {
        let mut document: DocumentMut = self.text.parse()?;
        let nodes = tables(&mut document, "nodes")?;
        nodes.retain(|node| node.get("name").and_then(Item::as_str) != Some(name));
        Self::compile(document.to_string(), self.secrets.clone())
    }

    fn compile(text: String, secrets: LabKeys) -> Result<Self> {
        let source = Source { name: "topology.toml".to_owned(), text: text.clone() };
        let compiled = pipeline::compile(source);
        let Some(plan) = compiled.plan else {
            let mut said = Vec::new();
            diagnostic::print(&compiled.report, Format::Human, false, &mut said)?;
            bail!("the topology does not compile:\n{}", String::from_utf8_lossy(&said));
        };
        let files = files(&plan)?;
        Ok(Self { plan: Arc::new(plan), files, secrets, text })
    }

    /// One emitted file.
    ///
    /// # Errors
    ///
    /// When it was not emitted.
    pub fn file(&self, path: &str) -> Result<&str> {
        self.files.get(path).map(String::as_str).with_context(|| format!("{path} is not emitted"))
    }

    /// The command lines of one setting of an emitted unit (systemd.service(5)), with those that a
    /// drop-in clears left out.
    ///
    /// # Errors
    ///
    /// When the unit was not emitted, or has no such setting.
    pub fn unit_command(&self, unit: &str, setting: &str) -> Result<Vec<String>> {
        let path = format!("host/systemd/{unit}");
        let prefix = format!("{setting}=");
        let mut lines = self.file(&path)?.lines().filter_map(|line| line.strip_prefix(&prefix));
        let command = lines.rfind(|command| !command.is_empty());
        let command = command.with_context(|| format!("{path} has no {setting}"))?;
        Ok(command.split_whitespace().map(str::to_owned).collect())
    }
}

fn files(plan: &Checked<Plan>) -> Result<BTreeMap<String, String>> {
    let text = |(path, bytes)| Ok((path, String::from_utf8(bytes)?));
    Rendering::new(plan).files().map(text).collect()
}

fn with_keys(text: &str) -> Result<(String, LabKeys)> {
    let mut document: DocumentMut = text.parse()?;
    let names = [names(&document, "nodes"), names(&document, "clients")].concat();
    let secrets = LabKeys::make(&names)?;
    secrets.write_public_keys(&mut document)?;
    Ok((document.to_string(), secrets))
}

fn names(document: &DocumentMut, kind: &str) -> Vec<String> {
    let tables = document.get(kind).and_then(Item::as_array_of_tables);
    let names = tables.into_iter().flatten().filter_map(|table| table.get("name")?.as_str());
    names.map(str::to_owned).collect()
}

fn tables<'document>(
    document: &'document mut DocumentMut,
    kind: &str,
) -> Result<&'document mut ArrayOfTables> {
    let tables = document.get_mut(kind).and_then(Item::as_array_of_tables_mut);
    tables.ok_or_else(|| anyhow!("the topology has no [[{kind}]]"))
}

fn generate(kind: &str) -> Result<String> {
    Ok(run(program("wg").arg(kind))?.trim().to_owned())
}

/// The public key that belongs to a private one.
///
/// # Errors
///
/// When `wg` refuses it.
pub fn public_key(private: &str) -> Result<String> {
    Ok(feed(program("wg").arg("pubkey"), private)?.trim().to_owned())
}

impl LabKeys {
    /// The private key of a machine.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn private_key(&self, name: &str) -> Result<&str> {
        self.private.get(name).map(String::as_str).with_context(|| format!("no key of {name}"))
    }

    /// Gives a machine another private key than the one that its peers know.
    ///
    /// # Errors
    ///
    /// When none can be made.
    pub fn replace(&mut self, name: &str) -> Result<()> {
        self.private.insert(name.to_owned(), generate("genkey")?);
        Ok(())
    }

    /// The preshared key of a pair, the same from both ends.
    ///
    /// # Errors
    ///
    /// When there is none.
    pub fn preshared_key(&self, one: &str, other: &str) -> Result<&str> {
        let key = self.preshared.get(&pair(one, other)).map(String::as_str);
        key.with_context(|| format!("no preshared key of {one} and {other}"))
    }

    fn make(names: &[String]) -> Result<Self> {
        let mut secrets = Self::default();
        for (position, name) in names.iter().enumerate() {
            secrets.private.insert(name.clone(), generate("genkey")?);
            for other in &names[..position] {
                secrets.preshared.insert(pair(name, other), generate("genpsk")?);
            }
        }
        Ok(secrets)
    }

    fn write_public_keys(&self, document: &mut DocumentMut) -> Result<()> {
        for kind in ["nodes", "clients"] {
            let Ok(tables) = tables(document, kind) else { continue };
            for table in tables.iter_mut() {
                let name = table.get("name").and_then(Item::as_str).unwrap_or_default();
                let public_key = public_key(self.private_key(name)?)?;
                table.insert("public_key", value(public_key));
            }
        }
        Ok(())
    }
}

fn pair(one: &str, other: &str) -> (String, String) {
    let (lower, higher) = if one < other { (one, other) } else { (other, one) };
    (lower.to_owned(), higher.to_owned())
}
