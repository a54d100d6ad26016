//! The files of a release: one version and one list of targets in all of them, and a package that its own installer
//! installs.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;

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

/// Packs the binary of the tests without its debugging symbols, which are most of it.
fn pack(folder: &Path) -> Output {
    fs::create_dir_all(folder).expect("a folder");
    let stripped = folder.join("meshwright");
    let mut strip = Command::new("strip");
    let done = strip.arg("-o").arg(&stripped).arg(BINARY).status().expect("strip runs");
    assert!(done.success(), "strip: {done}");
    run("release/package", &[stripped.as_os_str(), target().as_ref(), folder.as_os_str()])
}

/// A folder with the packed binary and its package, made once for several tests.
fn packed() -> (&'static Path, PathBuf) {
    static PACKED: LazyLock<TempDir> = LazyLock::new(|| {
        let place = TempDir::new().expect("a folder");
        let done = pack(place.path());
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        place
    });
    let folder = PACKED.path();
    (folder, folder.join(format!("meshwright-{VERSION}-{}.tar.gz", target())))
}

fn run(script: &str, arguments: &[&OsStr]) -> Output {
    let mut command = Command::new(repository().join(script));
    command.args(arguments).output().expect("its interpreter runs")
}

/// Runs a script twice, and returns the file that it names, whose bytes are the same.
fn made_twice(script: &str, package: &Path, place: &Path) -> PathBuf {
    let made = [place.join("first"), place.join("second")].map(|folder| {
        let done = run(script, &[package.as_os_str(), folder.as_os_str()]);
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        PathBuf::from(String::from_utf8(done.stdout).expect("UTF-8").trim_end())
    });
    let [first, second] = &made;
    assert!(fs::read(first).expect("made") == fs::read(second).expect("made"), "other bytes");
    first.clone()
}

fn sha256(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unpack(program: &str, arguments: &[&OsStr]) {
    let done = Command::new(program).args(arguments).status().expect("it runs");
    assert!(done.success(), "{program}: {done}");
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

    let digest = sha256(&packed);
    fs::write(folder.join("SHA256SUMS"), format!("{digest}  {name}\n")).expect("written");
    let bin = place.path().join("bin");
    let done = install(&releases, &bin);
    let stdout = String::from_utf8(done.stdout).expect("UTF-8");
    let first = format!("{}: meshwright {VERSION}\n", bin.join("meshwright").display());
    assert!(done.status.success() && stdout.starts_with(&first), "{stdout}");
    assert!(
        fs::read(bin.join("meshwright")).expect("installed")
            == fs::read(folder.join("meshwright")).expect("packed")
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

#[test]
fn the_debian_package_installs_what_was_packed() {
    let place = TempDir::new().expect("a folder");
    let (folder, package) = packed();
    let deb = made_twice("release/deb", &package, place.path());
    let root = place.path().join("root");
    unpack("dpkg-deb", &["--extract".as_ref(), deb.as_os_str(), root.as_os_str()]);
    let binary = fs::read(root.join("usr/bin/meshwright")).expect("installed");
    assert!(binary == fs::read(folder.join("meshwright")).expect("packed"), "another binary");
    for path in [
        "usr/share/bash-completion/completions/meshwright",
        "usr/share/doc/meshwright/copyright",
        "usr/share/man/man1/meshwright-generate.1.gz",
        "usr/share/zsh/vendor-completions/_meshwright",
    ] {
        assert!(root.join(path).is_file(), "{path}");
    }
    let refused = run(
        "release/deb",
        &["meshwright-1.0.0-x86_64-apple-darwin.tar.gz".as_ref(), folder.as_os_str()],
    );
    let message = "error: meshwright-1.0.0-x86_64-apple-darwin is not a package for Linux\n";
    assert_eq!(String::from_utf8_lossy(&refused.stderr), message);
}

/// Every blob has the digest by which it is called, and the layer is the binary alone.
#[test]
fn the_image_is_the_binary_alone() {
    let place = TempDir::new().expect("a folder");
    let (folder, package) = packed();
    let image = made_twice("release/image", &package, place.path());
    let layout = place.path().join("layout");
    fs::create_dir(&layout).expect("a folder");
    let into = |archive: &Path, folder: &Path| {
        unpack("tar", &["-xf".as_ref(), archive.as_os_str(), "-C".as_ref(), folder.as_os_str()]);
    };
    into(&image, &layout);
    let blobs = layout.join("blobs/sha256");
    let json = |path: &Path| -> serde_json::Value {
        serde_json::from_slice(&fs::read(path).expect("readable")).expect("JSON")
    };
    let blob = |descriptor: &serde_json::Value| {
        let digest = descriptor["digest"].as_str().expect("a digest");
        let path = blobs.join(digest.strip_prefix("sha256:").expect("of SHA-256"));
        let bytes = fs::read(&path).expect("a blob");
        assert_eq!(descriptor["size"], bytes.len());
        assert_eq!(format!("sha256:{}", sha256(&bytes)), digest);
        path
    };
    let manifest = json(&blob(&json(&layout.join("index.json"))["manifests"][0]));
    let configuration = json(&blob(&manifest["config"]));
    assert_eq!(configuration["config"]["Entrypoint"], serde_json::json!(["/meshwright"]));
    let [layer] = manifest["layers"].as_array().expect("an array").as_slice() else {
        panic!("not one layer: {manifest}");
    };
    let root = place.path().join("root");
    fs::create_dir(&root).expect("a folder");
    into(&blob(layer), &root);
    let names: Vec<_> = fs::read_dir(&root)
        .expect("unpacked")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(names, ["meshwright"]);
    let binary = fs::read(root.join("meshwright")).expect("unpacked");
    assert!(binary == fs::read(folder.join("meshwright")).expect("packed"), "another binary");
}

#[test]
fn the_formula_names_each_package_with_its_digest() {
    let place = TempDir::new().expect("a folder");
    let targets = read("release/targets");
    for target in targets.lines() {
        let name = format!("meshwright-{VERSION}-{target}.tar.gz");
        fs::write(place.path().join(name), target).expect("written");
    }
    let done = run("release/formula", &[place.path().as_os_str()]);
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    let formula = String::from_utf8(done.stdout).expect("UTF-8");
    for target in targets.lines() {
        let expected = format!(
            "      url \"https://github.com/meshwright/meshwright/releases/download/v{VERSION}/\
             meshwright-{VERSION}-{target}.tar.gz\"\n      sha256 \"{}\"\n",
            sha256(target.as_bytes())
        );
        assert!(formula.contains(&expected), "no {expected}:\n{formula}");
    }
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
