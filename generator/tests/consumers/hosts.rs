//! The first boot for real: a host of Debian in a container of its own, with systemd, cloud-init and
//! its user-data as it is in the tree. Its packages come from signed repositories made here, and set
//! through `[packages]` as a mirror would be.

#[path = "hosts/bootstrapping.rs"]
mod bootstrapping;
#[path = "hosts/delivering.rs"]
mod delivering;
#[path = "hosts/machine.rs"]
mod machine;
#[path = "hosts/workspace.rs"]
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use libtest_mimic::{Failed, Trial};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::consumer::need;
use crate::need::Need;
use crate::render;

/// What the trials need.
pub(crate) const NEEDS: &[Need] = &[
    need("[[ $EUID == 0 ]] && unshare --mount mount -t tmpfs disk /mnt", "not a root that mounts"),
    need("[[ -w /sys/fs/cgroup ]]", "no cgroups to write"),
    need("type systemd-nspawn", "no systemd-container"),
    need("type mmdebstrap", "no mmdebstrap"),
    need("type apt-ftparchive dpkg-deb gpg gpg-agent", "no apt-utils or gnupg"),
    need("[[ -c /dev/net/tun ]]", "no /dev/net/tun"),
];

/// All of them.
pub(crate) fn trials() -> Vec<Trial> {
    let prepares = RELEASES.iter().map(|release| {
        Trial::test(format!("hosts::prepares::{}", release.os), || prepares(release))
    });
    let refuses = [
        Trial::test("hosts::refuses_a_key_that_is_not_accepted", refuses_a_key),
        Trial::test("hosts::refuses_another_release", refuses_another_release),
    ];
    let joins = [
        Trial::test("hosts::delivers_joins_and_grows", delivering::delivers),
        Trial::test("hosts::founds_and_joins_with_three_control_planes", bootstrapping::bootstraps),
    ];
    joins.into_iter().chain(prepares).chain(refuses).collect()
}

/// A release of Debian.
struct Release {
    os: &'static str,
    suite: &'static str,
}

const BOOKWORM: Release = Release { os: "debian-12", suite: "bookworm" };

const TRIXIE: Release = Release { os: "debian-13", suite: "trixie" };

const RELEASES: &[Release] = &[BOOKWORM, TRIXIE];

/// What the console says last, for whoever watches it.
const WAITING: &str =
    "waiting for: meshwright export alpha | ssh root@203.0.113.1 sudo meshwright-node apply";

/// What the probe reports after each boot: a file, and what is in it.
const PREPARED: &[(&str, &str)] = &[
    ("failed", ""),
    (
        "packages",
        "containerd.io 2.2.1-1 hold\nkubeadm 1.36.3-1.1 hold\nkubectl 1.36.3-1.1 hold\n\
         kubelet 1.36.3-1.1 hold\n",
    ),
    (
        "enabled",
        "meshwright-bootstrap.service enabled\nmeshwright-firewall.service enabled\n\
         meshwright-guards.service enabled\n\
         meshwright-resolve.timer enabled\nwg-quick@wg0.service enabled\nkubelet.service enabled\n\
         containerd.service enabled\nnftables.service disabled\nufw.service disabled\n",
    ),
    (
        "active",
        "meshwright-firewall.service active\nmeshwright-guards.service active\n\
         containerd.service active\nnftables.service inactive\n",
    ),
    ("tables", "table inet meshwright\n"),
    (
        "guards",
        "unreachable 10.66.66.0/24 proto static metric 4294967295 \n\
         unreachable 10.244.0.0/16 proto static metric 4294967295 \n",
    ),
    ("fstab", "# meshwright: /swapfile none swap sw 0 0\n"),
    (
        "hosts",
        "127.0.0.1\tlocalhost\n::1\t\tlocalhost ip6-localhost ip6-loopback\n\
         ff02::1\t\tip6-allnodes\nff02::2\t\tip6-allrouters\n\n\
         # meshwright: begin\n10.66.66.1 k8s-api.pair.internal\n10.66.66.1 alpha\n\
         10.66.66.2 beta\n# meshwright: end\n",
    ),
    ("hostname", "alpha\n"),
    // A second run of `prepare` changes no file of /etc, /usr/local and our state.
    ("code", "0\n"),
    ("changed", ""),
];

/// The versions are the pinned ones and not the newest, everything is as promised, a second run
/// changes nothing, and a reboot keeps it.
fn prepares(release: &Release) -> Result<(), Failed> {
    let host =
        Host::boot(release, &|fingerprint| format!("fingerprints = [\"{fingerprint}\"]"), 2)?;
    host.console_says(WAITING)?;
    for boot in 0..2 {
        for (file, expected) in PREPARED {
            host.reports(boot, file, expected)?;
        }
        let config = fs::read_to_string(host.tree.join("host/containerd/config.toml"))?;
        host.reports(boot, "containerd.toml", &config)?;
    }
    Ok(())
}

/// Nothing is installed from a repository whose key nobody has accepted; the message names the key.
fn refuses_a_key() -> Result<(), Failed> {
    let host = Host::boot(&BOOKWORM, &|_| String::new(), 1)?;
    let found = &host.fingerprint;
    host.console_says(&format!(
        "the key at http://127.0.0.1:8080/kubernetes/v1.36/deb/Release.key is {found}, and accepted \
         is DE15B14486CD377B9E876E1A234654DA9A296436: if its owner announced a new one, add it to \
         `fingerprints` of [packages]"
    ))?;
    host.console_says("prepare stopped with code 16 at: adding the repository of Kubernetes")?;
    host.reports(0, "code", "16\n")?;
    host.reports(0, "packages", "")?;
    host.reports(0, "failed", "cloud-final.service\n")
}

/// A release that is not the declared one gets another release's packages: nothing is touched.
fn refuses_another_release() -> Result<(), Failed> {
    let release = Release { os: "debian-13", suite: BOOKWORM.suite };
    let host = Host::boot(&release, &|_| String::new(), 1)?;
    host.console_says(
        "this host runs debian-12, and `os` of alpha is debian-13: correct it in the topology",
    )?;
    host.reports(0, "code", "10\n")?;
    host.reports(0, "fstab", "/swapfile none swap sw 0 0\n")?;
    host.reports(0, "tables", "table inet filter\n")
}

/// A host that has been booted and is off again.
struct Host {
    folder: TempDir,
    /// What was rendered for it.
    tree: PathBuf,
    /// The key that signs its repositories.
    fingerprint: String,
}

impl Host {
    /// Boots a host of the release; `packages` gives the rest of `[packages]` from the key's
    /// fingerprint.
    fn boot(
        release: &Release,
        packages: &dyn Fn(&str) -> String,
        times: u32,
    ) -> Result<Self, Failed> {
        let image = image(release)?;
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let path = folder.path();
        let fingerprint =
            script("repository.sh", &[path.as_os_str(), release.suite.as_ref(), "1.36".as_ref()])?;
        let fingerprint = fingerprint.trim().to_owned();
        let topology = path.join("topology.toml");
        fs::write(&topology, self::topology(release, &packages(&fingerprint)))?;
        let tree = path.join("out");
        render(&topology, &tree);
        let user_data = tree.join("nodes/alpha/user-data.yaml");
        let times = times.to_string();
        script(
            "boot.sh",
            &[image.as_os_str(), path.as_os_str(), user_data.as_os_str(), times.as_ref()],
        )?;
        Ok(Self { folder, tree, fingerprint })
    }

    fn console_says(&self, expected: &str) -> Result<(), Failed> {
        let console = fs::read(self.folder.path().join("console.0"))?;
        let console = String::from_utf8_lossy(&console);
        match console.contains(expected) {
            true => Ok(()),
            false => Err(format!("the console does not say `{expected}`:\n{console}").into()),
        }
    }

    fn reports(&self, boot: u32, file: &str, expected: &str) -> Result<(), Failed> {
        let path = format!("root/var/lib/probe/{boot}/{file}");
        let path = self.folder.path().join(path);
        let found = fs::read_to_string(&path).map_err(|fault| {
            let console = fs::read(self.folder.path().join(format!("console.{boot}")));
            let console = console.unwrap_or_default();
            format!("{}: {fault}\n{}", path.display(), String::from_utf8_lossy(&console))
        })?;
        match found == expected {
            true => Ok(()),
            false => Err(format!(
                "boot {boot}, {file}:\n{found}\ninstead of:\n{expected}\n`prepare` said:\n{}",
                fs::read_to_string(path.with_file_name("again")).unwrap_or_default()
            )
            .into()),
        }
    }
}

/// The image of Debian 13.
pub(crate) fn debian_13() -> Result<PathBuf, Failed> {
    image(&TRIXIE)
}

/// The image of a release, made once for each version of the script that makes it.
fn image(release: &Release) -> Result<PathBuf, Failed> {
    static MAKING: Mutex<()> = Mutex::new(());
    let _only_one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
    let digest = Sha256::digest(fs::read(folder().join("image.sh"))?);
    let version: String = digest.iter().take(6).map(|byte| format!("{byte:02x}")).collect();
    let name = format!("image-{}-{version}", release.suite);
    let image = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !image.exists() {
        script("image.sh", &[image.as_os_str(), release.suite.as_ref()])?;
    }
    Ok(image)
}

/// Runs one of the scripts beside this file; gives what it printed.
fn script(name: &str, arguments: &[&std::ffi::OsStr]) -> Result<String, Failed> {
    let done = Command::new(folder().join(name)).args(arguments).output()?;
    match done.status.success() {
        true => Ok(String::from_utf8(done.stdout)?),
        false => Err(format!("{name}: {}", String::from_utf8_lossy(&done.stderr)).into()),
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers/hosts")
}

/// Two nodes, of which the first is booted.
fn topology(release: &Release, packages: &str) -> String {
    let os = release.os;
    format!(
        r#"[cluster]
name = "pair"
kubernetes_version = "1.36.3"

[kube_proxy]
mode = "nftables"

[ingress]
controller = "traefik"

[firewall]
ssh_from = ["198.51.100.0/24"]

[packages]
kubernetes_apt = "http://127.0.0.1:8080/kubernetes"
containerd_apt = "http://127.0.0.1:8080/docker"
{packages}

[[nodes]]
name = "alpha"
id = 1
role = "control-plane"
provider = "hetzner"
os = "{os}"
endpoint = "203.0.113.1"
public_key = "NayNjZtB0ZqbX60CIQ/1v3Ik0eXLEZODZiEgAx6Mr0o="

[[nodes]]
name = "beta"
id = 2
role = "worker"
endpoint = "203.0.113.2"
public_key = "MIUzNygZnLcBRFP5PZ8sy1C+o1jlqvh3UxOeNQRjjDc="
"#
    )
}
