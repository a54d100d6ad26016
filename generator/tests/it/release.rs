//! The files of a release: one version and one list of targets in all of them, and a package that its own installer
//! installs.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::testing::repository;

const VERSION: &str = env!("CARGO_PKG_VERSION");

const BINARY: &str = env!("CARGO_BIN_EXE_meshwright");

fn read(path: &str) -> String {
    fs::read_to_string(repository().join(path)).expect("readable")
}

/// The target whose binaries run on this machine.
fn target() -> String {
    format!("{}-unknown-linux-musl", std::env::consts::ARCH)
}

#[test]
fn every_file_names_the_same_version_and_targets() {
    assert!(read("install.sh").contains(&format!("\nversion=${{1:-{VERSION}}}\n")));
    assert!(read("action.yml").contains(&format!("\n    default: {VERSION}\n")));
    let targets = read("release/targets");
    let workflow = read(".github/workflows/release.yml");
    let built = workflow.lines().filter_map(|line| line.split("- { target: ").nth(1));
    let built: Vec<_> = built.filter_map(|rest| rest.split(',').next()).collect();
    assert_eq!(built, targets.lines().collect::<Vec<_>>());
    for target in targets.lines() {
        let (machine, system) = target.split_once('-').expect("a target");
        let installer = read("install.sh");
        assert!(installer.contains(&format!("machine={machine} ;;")), "{machine}");
        assert!(installer.contains(&format!("target=$machine-{system} ;;")), "{system}");
    }
    for line in workflow.lines().filter(|line| line.contains("uses: ")) {
        let (_, revision) = line.split_once('@').expect("a revision");
        let hash = revision.split(' ').next().expect("a word");
        assert!(hash.len() == 40 && hash.chars().all(|c| c.is_ascii_hexdigit()), "{line}");
    }
}

fn pack(folder: &Path) -> Output {
    let mut package = Command::new(repository().join("release/package"));
    package.arg(BINARY).arg(target()).arg(folder).output().expect("bash runs")
}

fn install(releases: &Path, folder: &Path) -> Output {
    let mut installer = Command::new("sh");
    installer
        .arg(repository().join("install.sh"))
        .env("MESHWRIGHT_RELEASES", format!("file://{}", releases.display()))
        .env("MESHWRIGHT_INSTALL_DIR", folder);
    installer.output().expect("sh runs")
}

#[test]
fn a_package_is_reproducible_and_installed_after_its_checksum() {
    let place = TempDir::new().expect("a folder");
    let releases = place.path().join("releases");
    let folder = releases.join(format!("v{VERSION}"));
    let done = pack(&folder);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let name = format!("meshwright-{VERSION}-{}.tar.gz", target());
    let packed = fs::read(folder.join(&name)).expect("a package");
    let again = place.path().join("again");
    assert!(pack(&again).status.success());
    assert!(fs::read(again.join(&name)).expect("a package") == packed, "other bytes");

    let digest: String = Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
    fs::write(folder.join("SHA256SUMS"), format!("{digest}  {name}\n")).expect("written");
    let bin = place.path().join("bin");
    let done = install(&releases, &bin);
    let stdout = String::from_utf8(done.stdout).expect("UTF-8");
    let first = format!("{}: meshwright {VERSION}\n", bin.join("meshwright").display());
    assert!(done.status.success() && stdout.starts_with(&first), "{stdout}");
    assert!(
        fs::read(bin.join("meshwright")).expect("installed") == fs::read(BINARY).expect("built")
    );

    fs::write(folder.join(&name), [&packed[..], b"\0"].concat()).expect("written");
    let (done, other) =
        (install(&releases, &place.path().join("other")), place.path().join("other"));
    let message = format!("error: {name} has another checksum than in SHA256SUMS\n");
    assert_eq!(
        (done.status.code(), String::from_utf8_lossy(&done.stderr).as_ref()),
        (Some(1), message.as_str())
    );
    assert!(!other.exists());
}

/// The crates that the binary contains, and no crate of its tests.
#[test]
fn the_bill_of_materials_has_what_is_linked() {
    let mut sbom = Command::new(repository().join("release/sbom"));
    let done = sbom.arg(target()).current_dir(repository()).output().expect("python3 runs");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let bill: serde_json::Value = serde_json::from_slice(&done.stdout).expect("JSON");
    let described =
        (&bill["bomFormat"], &bill["specVersion"], &bill["metadata"]["component"]["name"]);
    assert_eq!(described, (&"CycloneDX".into(), &"1.5".into(), &"meshwright".into()));
    let components = bill["components"].as_array().expect("an array");
    let has = |name: &str| components.iter().any(|component| component["name"] == name);
    for linked in ["age", "clap", "meshwright-proof", "ring", "x25519-dalek"] {
        assert!(has(linked), "{linked}");
    }
    for unlinked in ["insta", "proptest", "lab", "libtest-mimic"] {
        assert!(!has(unlinked), "{unlinked}");
    }
}
