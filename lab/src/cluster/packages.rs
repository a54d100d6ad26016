//! The Debian packages of Kubernetes and containerd: the real programs in packages like upstream's.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result};

use super::base_image::{BaseImage, SUITE};
use super::programs::RealPrograms;
use crate::command::{program, run};
use crate::scenario::repository;

/// A package.
struct Package {
    /// `kubernetes` or `docker`.
    repository: &'static str,
    name: &'static str,
    dependencies: &'static str,
    /// Programs and their folder.
    programs: (&'static str, &'static [&'static str]),
    /// Other files.
    files: &'static [(&'static str, &'static str)],
}

/// Units and dependencies are those of the packages of pkgs.k8s.io (kubernetes/release, `cmd/krel/templates`) and
/// download.docker.com (containerd.io 2.x).
const PACKAGES: &[Package] = &[
    Package {
        repository: "kubernetes",
        name: "kubeadm",
        dependencies: "",
        programs: ("usr/bin", &["kubeadm"]),
        files: &[("usr/lib/systemd/system/kubelet.service.d/10-kubeadm.conf", KUBEADM_DROP_IN)],
    },
    Package {
        repository: "kubernetes",
        name: "kubectl",
        dependencies: "",
        programs: ("usr/bin", &["kubectl"]),
        files: &[],
    },
    Package {
        repository: "kubernetes",
        name: "kubelet",
        dependencies: "iptables (>= 1.4.21), kubernetes-cni (>= 1.2.0), iproute2, mount, util-linux",
        programs: ("usr/bin", &["kubelet"]),
        files: &[("usr/lib/systemd/system/kubelet.service", KUBELET_UNIT)],
    },
    Package {
        repository: "kubernetes",
        name: "kubernetes-cni",
        dependencies: "",
        programs: ("opt/cni/bin", &["host-local", "loopback", "portmap"]),
        files: &[],
    },
    Package {
        repository: "docker",
        name: "containerd.io",
        dependencies: "libc6, libseccomp2 (>= 2.5.0)",
        programs: ("usr/bin", &["containerd", "containerd-shim-runc-v2", "ctr"]),
        files: &[
            ("usr/lib/systemd/system/containerd.service", CONTAINERD_UNIT),
            // Docker's package disables the plugin that kubelet needs.
            ("etc/containerd/config.toml", "disabled_plugins = [\"cri\"]\n"),
        ],
    },
];

const KUBELET_UNIT: &str = "[Unit]
Description=kubelet: The Kubernetes Node Agent
Wants=network-online.target
After=network-online.target

[Service]
ExecStart=/usr/bin/kubelet
Restart=always
StartLimitInterval=0
RestartSec=10

[Install]
WantedBy=multi-user.target
";

const KUBEADM_DROP_IN: &str = r#"[Service]
Environment="KUBELET_KUBECONFIG_ARGS=--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf --kubeconfig=/etc/kubernetes/kubelet.conf"
Environment="KUBELET_CONFIG_ARGS=--config=/var/lib/kubelet/config.yaml"
EnvironmentFile=-/var/lib/kubelet/kubeadm-flags.env
EnvironmentFile=-/etc/default/kubelet
ExecStart=
ExecStart=/usr/bin/kubelet $KUBELET_KUBECONFIG_ARGS $KUBELET_CONFIG_ARGS $KUBELET_KUBEADM_ARGS $KUBELET_EXTRA_ARGS
"#;

const CONTAINERD_UNIT: &str = "[Unit]
Description=containerd container runtime
After=network.target dbus.service local-fs.target

[Service]
ExecStartPre=-/sbin/modprobe overlay
ExecStart=/usr/bin/containerd
Type=notify
Delegate=yes
KillMode=process
Restart=always
RestartSec=5
LimitNPROC=infinity
LimitCORE=infinity
TasksMax=infinity
OOMScoreAdjust=-999

[Install]
WantedBy=multi-user.target
";

/// The version of kubernetes-cni beside the version of the CNI plugins in `lab/tools/runtime`.
const CNI_VERSION: &str = "1.9.1-1.1";

/// The version of containerd in `lab/tools/runtime`, as Docker's repository writes it.
const CONTAINERD_VERSION: &str = "2.4.2-1~debian.13~trixie";

/// Writes both repositories into `folder/www`, and returns the fingerprint of the key that signs them.
///
/// # Errors
///
/// When dpkg-deb, apt-ftparchive or gpg fails.
pub fn write(programs: &RealPrograms, image: &BaseImage, folder: &Path) -> Result<String> {
    let version = programs.kubernetes_version()?;
    let minor = version.rsplit_once('.').context("a version without a patch")?.0;
    let mut list = fs::File::create(folder.join("packages"))?;
    for package in PACKAGES {
        add(package, programs, &mut list, folder)?;
    }
    for package in PACKAGES.iter().filter(|package| package.is_kubernetes()) {
        add(package, &programs.previous(), &mut list, folder)?;
    }
    let containerd = format!("files/containerd.io_{CONTAINERD_VERSION}");
    extract_runc(image, &folder.join(containerd))?;
    let script = repository().join("generator/tests/consumers/hosts/repository.sh");
    let fingerprint = run(program("bash").arg(script).arg(folder).args([SUITE, minor]))?;
    fs::remove_dir_all(folder.join("files"))?;
    Ok(fingerprint.trim().to_owned())
}

impl Package {
    /// Whether its version is that of Kubernetes.
    fn is_kubernetes(&self) -> bool {
        self.repository == "kubernetes" && self.name != "kubernetes-cni"
    }
}

/// Adds a package to the list, and its files to the folder that `repository.sh` reads.
fn add(
    package: &Package,
    programs: &RealPrograms,
    list: &mut fs::File,
    folder: &Path,
) -> Result<()> {
    let Package { repository, name, dependencies, .. } = package;
    let number = match *name {
        "kubernetes-cni" => CNI_VERSION.to_owned(),
        "containerd.io" => CONTAINERD_VERSION.to_owned(),
        _ => format!("{}-1.1", programs.kubernetes_version()?),
    };
    writeln!(list, "{repository} {name} {number} {dependencies}")?;
    write_files(package, programs, &folder.join("files").join(format!("{name}_{number}")))
}

fn write_files(package: &Package, programs: &RealPrograms, root: &Path) -> Result<()> {
    let (place, names) = package.programs;
    fs::create_dir_all(root.join(place))?;
    for name in names {
        let to = root.join(place).join(name);
        // A link, where the cache is on the same file system.
        if fs::hard_link(programs.path(name), &to).is_err() {
            fs::copy(programs.path(name), &to)?;
        }
    }
    for (path, text) in package.files {
        let to = root.join(path);
        fs::create_dir_all(to.parent().context("a folder")?)?;
        fs::write(&to, text)?;
        fs::set_permissions(&to, fs::Permissions::from_mode(0o644))?;
    }
    Ok(())
}

/// containerd.io contains runc; this one is Debian's. A runc from Go modules has no seccomp, because that needs C
/// ("config provided but seccomp not supported", observed with runc 1.3, 2026-11).
fn extract_runc(image: &BaseImage, root: &Path) -> Result<()> {
    let entries = fs::read_dir(&image.pool)?.filter_map(|entry| Some(entry.ok()?.path()));
    let is_runc = |path: &std::path::PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("runc_"))
    };
    let archive = entries.into_iter().find(is_runc).context("the pool has no runc")?;
    let scratch = tempfile::tempdir_in(&image.pool)?;
    run(program("dpkg-deb").arg("-x").arg(archive).arg(scratch.path()))?;
    fs::copy(scratch.path().join("usr/sbin/runc"), root.join("usr/bin/runc"))?;
    Ok(())
}
