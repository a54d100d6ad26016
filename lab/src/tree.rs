//! The emitted files of one topology, with keys that the lab generates.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use meshwright_compiler::artifact::Tree as _;
use meshwright_compiler::check::Checked;
use meshwright_compiler::diagnostic::{self, Format};
use meshwright_compiler::pipeline;
use meshwright_compiler::plan::Plan;
use meshwright_compiler::render::Rendering;
use meshwright_compiler::source::Source;
use meshwright_proof::files::{OutputDirectory, TreeFiles as _};
use toml_edit::{ArrayOfTables, DocumentMut, Item, value};

use crate::command::{feed, program, run};
use crate::scenario::repository;

/// The committed tree of a topology of the repository, with its manifest, as [`LabTree::files`].
///
/// # Errors
///
/// When it cannot be read.
pub fn committed(topology: &str) -> Result<BTreeMap<String, String>> {
    let out = repository().join(topology).with_file_name("out");
    let tree = OutputDirectory(&out);
    let text = |path: String| {
        let text = String::from_utf8(tree.read(&path)?).with_context(|| path.clone())?;
        Ok((path, text))
    };
    tree.paths()?.into_iter().map(text).collect()
}

/// A compiled topology.
#[derive(Clone)]
pub struct LabTree {
    /// The plan: the lab uses it to build the underlay, and to know the ports and addresses to probe.
    pub plan: Arc<Checked<Plan>>,
    /// The emitted files by their paths below `out/`.
    pub files: BTreeMap<String, String>,
    /// The keys of each machine.
    pub secrets: LabKeys,
    text: String,
}

/// The private keys by name, and the preshared key of each pair.
#[derive(Clone, Default)]
pub struct LabKeys {
    private: BTreeMap<String, String>,
    preshared: BTreeMap<(String, String), String>,
}

impl LabTree {
    /// Compiles a topology of the repository with new keys.
    ///
    /// # Errors
    ///
    /// When it does not compile; the error contains the diagnostics.
    pub fn compile_with_new_keys(path: &Path) -> Result<Self> {
        let committed = fs::read_to_string(path).with_context(|| path.display().to_string())?;
        let (text, secrets) = generate_keys(&committed)?;
        Self::compile(text, secrets)
    }

    /// Compiles a topology of the repository with the public keys that it contains. That is enough for a
    /// tree that is only read.
    ///
    /// # Errors
    ///
    /// When it does not compile.
    pub fn compile_as_written(path: &Path) -> Result<Self> {
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

    /// The same topology with other texts, with the same keys but for one machine. New members get keys.
    ///
    /// # Errors
    ///
    /// When a text is not there once, or the new topology does not compile.
    pub fn changed(&self, edits: &[(&str, &str)], rotated: Option<&str>) -> Result<Self> {
        let mut text = self.text.clone();
        for (from, to) in edits {
            ensure!(text.matches(from).count() == 1, "{from} is not there once");
            text = text.replacen(from, to, 1);
        }
        let mut document: DocumentMut = text.parse()?;
        let mut secrets = self.secrets.clone();
        secrets.complete(&[names(&document, "nodes"), names(&document, "clients")].concat())?;
        if let Some(name) = rotated {
            secrets.replace_private_key(name)?;
        }
        secrets.write_public_keys(&mut document)?;
        Self::compile(document.to_string(), secrets)
    }

    fn compile(text: String, secrets: LabKeys) -> Result<Self> {
        let source = Source { name: "topology.toml".to_owned(), text: text.clone() };
        let compiled = pipeline::compile(source)?;
        let Some(plan) = compiled.plan else {
            let mut printed = Vec::new();
            diagnostic::print(&compiled.report, Format::Human, false, &mut printed)?;
            bail!("the topology does not compile:\n{}", String::from_utf8_lossy(&printed));
        };
        Ok(Self { files: render_files(&plan)?, plan: Arc::new(plan), secrets, text })
    }

    /// The content of an emitted file.
    ///
    /// # Errors
    ///
    /// When it was not emitted.
    pub fn file(&self, path: &str) -> Result<&str> {
        self.files.get(path).map(String::as_str).with_context(|| format!("{path} is not emitted"))
    }

    /// The words of the last command of a setting in an emitted unit (systemd.service(5)). An empty
    /// assignment, by which a drop-in clears the setting, does not count.
    ///
    /// # Errors
    ///
    /// When the unit was not emitted, or has no such setting.
    pub fn unit_command(&self, unit: &str, setting: &str) -> Result<Vec<String>> {
        let path = format!("host/systemd/{unit}");
        let prefix = format!("{setting}=");
        let mut lines = self.file(&path)?.lines().filter_map(|line| line.strip_prefix(&prefix));
        let last = lines.rfind(|command| !command.is_empty());
        let command = last.with_context(|| format!("{path} has no {setting}"))?;
        Ok(command.split_whitespace().map(str::to_owned).collect())
    }
}

fn render_files(plan: &Checked<Plan>) -> Result<BTreeMap<String, String>> {
    let text = |(path, bytes)| Ok((path, String::from_utf8(bytes)?));
    Rendering::new(plan).files().map(text).collect()
}

fn generate_keys(text: &str) -> Result<(String, LabKeys)> {
    let mut document: DocumentMut = text.parse()?;
    let members = [names(&document, "nodes"), names(&document, "clients")].concat();
    let secrets = LabKeys::generate(&members)?;
    secrets.write_public_keys(&mut document)?;
    Ok((document.to_string(), secrets))
}

fn names(document: &DocumentMut, kind: &str) -> Vec<String> {
    let tables = document.get(kind).and_then(Item::as_array_of_tables);
    let table_names = tables.into_iter().flatten().filter_map(|table| table.get("name")?.as_str());
    table_names.map(str::to_owned).collect()
}

fn tables<'document>(
    document: &'document mut DocumentMut,
    kind: &str,
) -> Result<&'document mut ArrayOfTables> {
    let found = document.get_mut(kind).and_then(Item::as_array_of_tables_mut);
    found.ok_or_else(|| anyhow!("the topology has no [[{kind}]]"))
}

fn run_wg(kind: &str) -> Result<String> {
    Ok(run(program("wg").arg(kind))?.trim().to_owned())
}

/// The public key of a private key.
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
    /// When the machine has none.
    pub fn private_key(&self, name: &str) -> Result<&str> {
        self.private.get(name).map(String::as_str).with_context(|| format!("no key of {name}"))
    }

    /// Gives a machine a new private key, whose public key its peers do not have.
    ///
    /// # Errors
    ///
    /// When `wg` fails.
    pub fn replace_private_key(&mut self, name: &str) -> Result<()> {
        self.private.insert(name.to_owned(), run_wg("genkey")?);
        Ok(())
    }

    /// The preshared key of a pair, in either order.
    ///
    /// # Errors
    ///
    /// When the pair has none.
    pub fn preshared_key(&self, one: &str, other: &str) -> Result<&str> {
        let key = self.preshared.get(&pair(one, other)).map(String::as_str);
        key.with_context(|| format!("no preshared key of {one} and {other}"))
    }

    fn generate(names: &[String]) -> Result<Self> {
        let mut secrets = Self::default();
        secrets.complete(names)?;
        Ok(secrets)
    }

    /// Generates the keys that are missing.
    fn complete(&mut self, names: &[String]) -> Result<()> {
        for (position, name) in names.iter().enumerate() {
            if !self.private.contains_key(name) {
                self.private.insert(name.clone(), run_wg("genkey")?);
            }
            for other in &names[..position] {
                if let Entry::Vacant(vacant) = self.preshared.entry(pair(name, other)) {
                    vacant.insert(run_wg("genpsk")?);
                }
            }
        }
        Ok(())
    }

    fn write_public_keys(&self, document: &mut DocumentMut) -> Result<()> {
        for kind in ["nodes", "clients"] {
            let Ok(members) = tables(document, kind) else { continue };
            for table in members.iter_mut() {
                let name = table.get("name").and_then(Item::as_str).unwrap_or_default();
                let key = public_key(self.private_key(name)?)?;
                table.insert("public_key", value(key));
            }
        }
        Ok(())
    }
}

fn pair(one: &str, other: &str) -> (String, String) {
    let (lower, higher) = if one < other { (one, other) } else { (other, one) };
    (lower.to_owned(), higher.to_owned())
}
