//! The real programs, which `lab/tools/build` builds from Go modules.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, ensure};

use crate::command::{program, run};
use crate::scenario::repository;

/// The tiers of `lab/tools/build` that the cluster needs.
pub const TIERS: &str = "kubeadm api containerd helm cluster previous";

/// The variable that names the folder of the programs.
pub const VARIABLE: &str = "MESHWRIGHT_TOOLS_BIN";

/// The programs of these tiers.
const NAMES: &[&str] = &[
    "containerd",
    "containerd-shim-runc-v2",
    "coredns",
    "ctr",
    "etcd",
    "etcdctl",
    "etcdutl",
    "helm",
    "host-local",
    "kube-apiserver",
    "kube-controller-manager",
    "kube-proxy",
    "kube-scheduler",
    "kubeadm",
    "kubectl",
    "kubelet",
    "loopback",
    "portmap",
    "previous/kube-apiserver",
    "previous/kube-controller-manager",
    "previous/kube-proxy",
    "previous/kube-scheduler",
    "previous/kubeadm",
    "previous/kubectl",
    "previous/kubelet",
];

/// The folder of the programs.
#[derive(Debug, Clone)]
pub struct RealPrograms {
    /// Its path, which depends on the versions.
    pub folder: PathBuf,
}

impl RealPrograms {
    /// Finds the programs.
    ///
    /// # Errors
    ///
    /// When one was not built; the error names the command.
    pub fn find() -> Result<Self> {
        let folder = match std::env::var_os(VARIABLE).filter(|set| !set.is_empty()) {
            Some(folder) => folder.into(),
            None => {
                let mut build = std::process::Command::new(repository().join("lab/tools/build"));
                run(&mut build)?.trim().into()
            }
        };
        let programs = Self { folder };
        let missing: Vec<_> =
            NAMES.iter().copied().filter(|name| !programs.path(name).is_file()).collect();
        ensure!(missing.is_empty(), "{} not built: lab/tools/build {TIERS}", missing.join(", "));
        Ok(programs)
    }

    /// Kubernetes of the patch release before: only its programs are in this folder.
    #[must_use]
    pub fn previous(&self) -> Self {
        Self { folder: self.folder.join("previous") }
    }

    /// The path of a program.
    #[must_use]
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The version of Kubernetes, without `v`.
    ///
    /// # Errors
    ///
    /// When kubeadm does not run.
    pub fn kubernetes_version(&self) -> Result<String> {
        let printed = run(program(text(&self.path("kubeadm"))?).args(["version", "-o", "short"]))?;
        Ok(printed.trim().trim_start_matches('v').to_owned())
    }

    /// The name of an image with the tag that this kubeadm pulls.
    ///
    /// # Errors
    ///
    /// When kubeadm lists no such image.
    pub fn image(&self, name: &str) -> Result<String> {
        let version = format!("v{}", self.kubernetes_version()?);
        let mut kubeadm = program(text(&self.path("kubeadm"))?);
        let list = ["config", "images", "list", "--kubernetes-version", &version];
        let printed = run(kubeadm.args(list))?;
        let prefix = format!("registry.k8s.io/{name}:");
        let found = printed.lines().find(|line| line.starts_with(&prefix));
        Ok(found.with_context(|| format!("kubeadm lists no {name}"))?.to_owned())
    }
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("a path that is not UTF-8")
}
