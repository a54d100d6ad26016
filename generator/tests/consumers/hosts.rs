//! The first boot of Debian hosts in containers, with systemd, cloud-init and the user-data of the tree.
//! Packages come from signed repositories that the test creates and sets in `[packages]`, as a mirror.

#[path = "hosts/bootstrapping.rs"]
mod bootstrapping;
#[path = "hosts/confirming.rs"]
mod confirming;
#[path = "hosts/delivering.rs"]
mod delivering;
#[path = "hosts/first_boot.rs"]
mod first_boot;
#[path = "hosts/machine.rs"]
mod machine;
#[path = "hosts/state.rs"]
mod state;
#[path = "hosts/workspace.rs"]
mod workspace;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, PoisonError};

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::consumer::need;
use crate::expect::{expect_text, sha256_hex};
use crate::need::Need;
use crate::render;

/// The requirements of the trials.
pub(crate) const NEEDS: &[Need] = &[
    need(
        "[[ $EUID == 0 ]] && unshare --mount mount -t tmpfs disk /mnt",
        "not root, or mounting is not permitted",
    ),
    need("[[ -w /sys/fs/cgroup ]]", "cgroups are not writable"),
    need("type systemd-nspawn", "no systemd-container"),
    need("type mmdebstrap", "no mmdebstrap"),
    need("type apt-ftparchive dpkg-deb gpg gpg-agent", "no apt-utils or gnupg"),
    need("[[ -c /dev/net/tun ]]", "no /dev/net/tun"),
    need("/usr/bin/python3 -c 'import prometheus_client.parser'", "no python3-prometheus-client"),
];

/// All trials with hosts.
pub(crate) fn trials() -> Vec<Trial> {
    let prepare_host = RELEASES.iter().map(|release| {
        Trial::test(format!("hosts::prepares::{}", release.os), || prepare_host(release))
    });
    let refuses = [
        Trial::test("hosts::refuses_a_key_that_is_not_accepted", refuse_unknown_key),
        Trial::test("hosts::refuses_another_release", refuse_other_release),
    ];
    let joins = [
        Trial::test("hosts::waits_for_lock_and_mirror", first_boot::waits_for_lock_and_mirror),
        Trial::test("hosts::looks_before_it_takes_over", first_boot::looks_before_it_takes_over),
        Trial::test("hosts::delivers_joins_and_grows", delivering::delivers),
        Trial::test("hosts::undoes_what_is_not_confirmed", confirming::undoes),
        Trial::test(
            "hosts::initialises_and_joins_with_three_control_planes",
            bootstrapping::bootstraps,
        ),
    ];
    joins.into_iter().chain(prepare_host).chain(refuses).collect()
}

/// A release of Debian.
struct DebianRelease {
    os: &'static str,
    suite: &'static str,
}

const BOOKWORM: DebianRelease = DebianRelease { os: "debian-12", suite: "bookworm" };

const TRIXIE: DebianRelease = DebianRelease { os: "debian-13", suite: "trixie" };

const RELEASES: &[DebianRelease] = &[BOOKWORM, TRIXIE];

/// The last line of the console.
const WAITING: &str =
    "waiting for: meshwright export alpha | ssh root@203.0.113.1 meshwright-node apply";

/// The probe's report after each boot: files and their contents.
const PREPARED: &[(&str, &str)] = &[
    ("failed", ""),
    (
        "packages",
        "containerd.io 2.2.1-1 hold\nkubeadm 1.36.3-1.1 hold\nkubectl 1.36.3-1.1 hold\n\
         kubelet 1.36.3-1.1 hold\n",
    ),
    (
        "enabled",
        "meshwright-firewall.service enabled\nmeshwright-guards.service enabled\n\
         meshwright-prepare.service enabled\nwg-quick@wg0.service disabled\nkubelet.service enabled\n\
         containerd.service enabled\nnftables.service masked\nufw.service disabled\n",
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
         ff02::1\t\tip6-allnodes\nff02::2\t\tip6-allrouters\n\n",
    ),
    ("hostname", "alpha\n"),
    // A second run of `prepare` changes no file in /etc, /usr/local and /var/lib/meshwright.
    ("code", "0\n"),
    ("changed", ""),
];

/// Pinned versions are installed, not the newest; all files and units are as expected; a second run changes
/// nothing, and a reboot keeps the state.
fn prepare_host(release: &DebianRelease) -> Result<(), Failed> {
    let host =
        BootedHost::boot(release, &|fingerprint| format!("fingerprints = [\"{fingerprint}\"]"), 2)?;
    host.expect_console(WAITING)?;
    host.expect_no_output_of_dpkg()?;
    for boot in 0..2 {
        for (file, expected) in PREPARED {
            host.expect_report(boot, file, expected)?;
        }
        let config = fs::read_to_string(host.tree.join("host/containerd/config.toml"))?;
        host.expect_report(boot, "containerd.toml", &config)?;
    }
    Ok(())
}

/// No package is installed from a repository whose key is not accepted; the message names the key.
fn refuse_unknown_key() -> Result<(), Failed> {
    let host = BootedHost::boot(&BOOKWORM, &|_| String::new(), 1)?;
    let found = &host.fingerprint;
    host.expect_console(&format!(
        "the key at http://127.0.0.1:8080/kubernetes/v1.36/deb/Release.key is {found}, but only DE15B14486CD377B9E876E1A234654DA9A296436 is accepted: if its owner announced a new key, add it to \
         `fingerprints` of [packages]"
    ))?;
    host.expect_console("prepare stopped with code 16 at: adding the repository of Kubernetes")?;
    host.expect_report(0, "code", "16\n")?;
    host.expect_report(0, "packages", "")?;
    host.expect_report(0, "failed", "meshwright-prepare.service\n")
}

/// On a release that differs from the declared one, nothing is changed: the packages are for another release.
fn refuse_other_release() -> Result<(), Failed> {
    let release = DebianRelease { os: "debian-13", suite: BOOKWORM.suite };
    let host = BootedHost::boot(&release, &|_| String::new(), 1)?;
    host.expect_console(
        "this host runs debian-12, but `os` of alpha is debian-13: correct it in the topology",
    )?;
    host.expect_report(0, "code", "10\n")?;
    host.expect_report(0, "fstab", "/swapfile none swap sw 0 0\n")?;
    host.expect_report(0, "tables", "")
}

/// A host that was booted and is off again.
struct BootedHost {
    folder: TempDir,
    /// Its rendered tree.
    tree: PathBuf,
    /// The key that signs its repositories.
    fingerprint: String,
}

impl BootedHost {
    /// Boots a host of the release; `packages` returns further lines of `[packages]` for the fingerprint of the
    /// repositories' key.
    fn boot(
        release: &DebianRelease,
        packages: &dyn Fn(&str) -> String,
        times: u32,
    ) -> Result<Self, Failed> {
        let image = create_image(release)?;
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let path = folder.path();
        let fingerprint = create_repository(path, release, "1.36")?;
        let topology = path.join("topology.toml");
        fs::write(&topology, self::topology(release, &packages(&fingerprint)))?;
        let tree = path.join("out");
        render(&topology, &tree);
        let user_data = tree.join("nodes/alpha/user-data.yaml");
        let count = times.to_string();
        script(
            "boot.sh",
            &[image.as_os_str(), path.as_os_str(), user_data.as_os_str(), count.as_ref()],
        )?;
        Ok(Self { folder, tree, fingerprint })
    }

    fn expect_console(&self, expected: &str) -> Result<(), Failed> {
        let console = fs::read(self.folder.path().join("console.0"))?;
        expect_text(&String::from_utf8_lossy(&console), expected)
    }

    /// dpkg prints its progress also when apt-get is quiet.
    fn expect_no_output_of_dpkg(&self) -> Result<(), Failed> {
        let console = fs::read(self.folder.path().join("console.0"))?;
        let text = String::from_utf8_lossy(&console);
        let noise =
            ["Reading database", "Selecting previously", "Preparing to unpack", "Setting up kube"];
        match noise.iter().find(|noise| text.contains(*noise)) {
            Some(noise) => Err(format!("`{noise}` is in:\n{text}").into()),
            None => Ok(()),
        }
    }

    fn expect_report(&self, boot: u32, file: &str, expected: &str) -> Result<(), Failed> {
        let path = self.folder.path().join(format!("root/var/lib/probe/{boot}/{file}"));
        let found = fs::read_to_string(&path).map_err(|fault| {
            let console = fs::read(self.folder.path().join(format!("console.{boot}")));
            let text = String::from_utf8_lossy(&console.unwrap_or_default()).into_owned();
            format!("{}: {fault}\n{text}", path.display())
        })?;
        match found == expected {
            true => Ok(()),
            false => Err(format!(
                "boot {boot}, {file}:\n{found}\ninstead of:\n{expected}\noutput of `prepare`:\n{}",
                fs::read_to_string(path.with_file_name("again")).unwrap_or_default()
            )
            .into()),
        }
    }
}

/// The image of Debian 13.
pub(crate) fn debian_13() -> Result<PathBuf, Failed> {
    create_image(&TRIXIE)
}

/// The image of a release. It is created once for each version of image.sh.
fn create_image(release: &DebianRelease) -> Result<PathBuf, Failed> {
    static CREATING: Mutex<()> = Mutex::new(());
    let _only_one = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
    let digest = sha256_hex(fs::read(folder().join("image.sh"))?);
    let name = format!("image-{}-{}", release.suite, &digest[..12]);
    let image = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    if !image.exists() {
        script("image.sh", &[image.as_os_str(), release.suite.as_ref()])?;
    }
    Ok(image)
}

/// Creates the package repositories of placeholders in a folder, and returns the fingerprint of their key.
fn create_repository(path: &Path, release: &DebianRelease, minor: &str) -> Result<String, Failed> {
    script("placeholders.sh", &[path.as_os_str(), minor.as_ref()])?;
    let arguments = [path.as_os_str(), release.suite.as_ref(), minor.as_ref()];
    Ok(script("repository.sh", &arguments)?.trim().to_owned())
}

/// Runs a script of the folder `hosts`, and returns what it printed.
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

/// A topology of two nodes, of which the first is booted.
fn topology(release: &DebianRelease, packages: &str) -> String {
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
