//! The folder of the cluster's owner: `topology.toml`, `secrets/` and `out/`, and the commands of the README.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, ensure};
use toml_edit::{ArrayOfTables, DocumentMut, Item, Table, value};

use super::file_server;
use super::images::file_digest;
use super::supplies::{self, Supplies};
use crate::tree::LabTree;
use crate::underlay;

/// The folder.
#[derive(Debug)]
pub struct Workspace {
    folder: PathBuf,
}

impl Workspace {
    /// Runs `init` in a new folder with these nodes (`cp1=203.0.113.10`, `home=nat`), and adds the laptop to the
    /// topology.
    ///
    /// # Errors
    ///
    /// When a command fails.
    pub fn initialise(folder: &Path, nodes: &[String]) -> Result<Self> {
        fs::create_dir_all(folder)?;
        let workspace = Self { folder: folder.to_owned() };
        let options = nodes.iter().flat_map(|node| ["--node", node]);
        workspace.meshwright(&["init"].into_iter().chain(options).collect::<Vec<_>>())?;
        workspace.edit(|topology| add_client(topology, "laptop", 200))?;
        Ok(workspace)
    }

    /// The same with the mirrors of the lab; runs `keys` and `generate`.
    ///
    /// # Errors
    ///
    /// When a command fails.
    pub fn create(folder: &Path, nodes: &[String], supplies: &Supplies) -> Result<Self> {
        let workspace = Self::initialise(folder, nodes)?;
        let digests =
            [supplies::HELM, supplies::CHART].map(|file| file_digest(&supplies.www.join(file)));
        let [helm, chart] = digests;
        let (helm, chart) = (helm?, chart?);
        workspace.edit(|topology| {
            let server = format!("http://{}:{}", underlay::SERVER, file_server::PORT);
            for registry in ["registry.k8s.io", "quay.io", "docker.io"] {
                topology["images"]["mirrors"][registry] =
                    value(toml_edit::Array::from_iter([&server]));
            }
            let packages = &mut topology["packages"];
            packages["kubernetes_apt"] = value(format!("{server}/kubernetes"));
            packages["containerd_apt"] = value(format!("{server}/docker"));
            packages["fingerprints"] = value(toml_edit::Array::from_iter([&supplies.fingerprint]));
            let sources = [
                ("calico-crds", supplies::DEFINITIONS, None),
                ("calico-operator", supplies::OPERATOR, None),
                ("helm-amd64", supplies::HELM, Some(&helm)),
                ("traefik", supplies::CHART, Some(&chart)),
            ];
            for (name, file, digest) in sources {
                let path = supplies.www.join(file);
                let sha256 = digest.cloned().map_or_else(|| file_digest(&path), Ok)?;
                packages["sources"][name]["url"] = value(format!("{server}/{file}"));
                packages["sources"][name]["sha256"] = value(sha256);
            }
            Ok(())
        })?;
        workspace.compile()?;
        Ok(workspace)
    }

    /// Changes the topology.
    ///
    /// # Errors
    ///
    /// When the change fails.
    pub fn edit(&self, change: impl FnOnce(&mut DocumentMut) -> Result<()>) -> Result<()> {
        let path = self.folder.join("topology.toml");
        let mut topology: DocumentMut = fs::read_to_string(&path)?.parse()?;
        change(&mut topology)?;
        fs::write(&path, topology.to_string())?;
        Ok(())
    }

    /// Changes the version of Kubernetes.
    ///
    /// # Errors
    ///
    /// When the topology is refused.
    pub fn set_kubernetes_version(&self, version: &str) -> Result<()> {
        self.edit(|topology| {
            topology["cluster"]["kubernetes_version"] = value(version);
            Ok(())
        })?;
        self.compile()
    }

    /// Runs the commands that follow each change of the topology.
    ///
    /// # Errors
    ///
    /// When a command fails.
    pub fn compile(&self) -> Result<()> {
        self.meshwright(&["keys"])?;
        self.meshwright(&["generate"]).map(drop)
    }

    /// The delivery of a node.
    ///
    /// # Errors
    ///
    /// When `export` fails.
    pub fn export(&self, node: &str) -> Result<Vec<u8>> {
        self.meshwright(&["export", node])
    }

    /// The delivery of a node with a credential to join the cluster.
    ///
    /// # Errors
    ///
    /// When `export` fails.
    pub fn export_to_join(&self, node: &str) -> Result<Vec<u8>> {
        self.meshwright(&["export", node, "--join"])
    }

    /// Runs `meshwright` in the folder, and returns what it printed on standard output.
    ///
    /// # Errors
    ///
    /// When it fails; the error contains what it printed on standard error.
    pub fn meshwright(&self, arguments: &[&str]) -> Result<Vec<u8>> {
        let topology = self.folder.join("topology.toml");
        let topology = topology.to_str().context("UTF-8")?;
        let line = [&["meshwright", "--topology", topology], arguments].concat();
        let (mut output, mut errors) = (Vec::new(), Vec::new());
        let code = meshwright::cli::run(line, &mut output, &mut errors);
        let printed = String::from_utf8_lossy(&errors);
        let command = arguments.join(" ");
        ensure!(code == ExitCode::SUCCESS, "meshwright {command}: {printed}");
        Ok(output)
    }

    /// A file of `out/`.
    ///
    /// # Errors
    ///
    /// When it does not exist.
    pub fn generated(&self, path: &str) -> Result<String> {
        let file = self.path("out").join(path);
        fs::read_to_string(&file).with_context(|| file.display().to_string())
    }

    /// The path of a file of the folder.
    #[must_use]
    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.join(path)
    }

    /// The plan of the present topology.
    ///
    /// # Errors
    ///
    /// When it does not compile.
    pub fn tree(&self) -> Result<LabTree> {
        LabTree::compile_as_written(&self.folder.join("topology.toml"))
    }
}

fn add_client(topology: &mut DocumentMut, name: &str, id: i64) -> Result<()> {
    let clients = topology.entry("clients").or_insert(Item::ArrayOfTables(ArrayOfTables::new()));
    let mut client = Table::new();
    client["name"] = value(name);
    client["id"] = value(id);
    clients.as_array_of_tables_mut().context("clients")?.push(client);
    Ok(())
}
