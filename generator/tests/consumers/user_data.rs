//! The consumers of user-data: cloud-init of both releases of Debian. Debian 12's accepts keys that have no
//! effect at boot, so this module checks the file too.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::consumer::{BrokenFile, Consumer, ConsumerVerdict, each, need};
use crate::hosts;
use crate::namespace::outside;

/// All consumers of user-data.
pub(crate) const CONSUMERS: &[Consumer] = &[
    Consumer {
        name: "cloud_init",
        tier: "consumers",
        needs: &[need("type cloud-init", "no cloud-init")],
        reads: is_user_data,
        judge: |files| each(files, cloud_init),
        broken: &[NUMBER_AS_MODE, KEY_OF_A_FILE, FIRST_LINE],
    },
    Consumer {
        name: "cloud_init_of_debian_13",
        tier: "hosts",
        needs: hosts::NEEDS,
        reads: is_user_data,
        judge: cloud_init_of_debian_13,
        broken: &[NUMBER_AS_MODE, KEY_OF_A_FILE, FIRST_LINE, MODULE],
    },
    Consumer {
        name: "user_data",
        tier: "consumers",
        needs: &[],
        reads: is_user_data,
        judge: |files| each(files, user_data),
        broken: &[
            MODULE,
            BrokenFile {
                name: "a_duplicate_key",
                path: USER_DATA,
                original: "manage_etc_hosts: false",
                replacement: "manage_etc_hosts: false\nmanage_etc_hosts: true",
                reason: "duplicate mapping key",
            },
            BrokenFile {
                name: "a_relative_path",
                path: IN_CLEAR,
                original: "- path: /etc/",
                replacement: "- path: etc/",
                reason: "is not an absolute path",
            },
            BrokenFile {
                name: "a_duplicate_file",
                path: IN_CLEAR,
                original: "- path: /etc/containerd/config.toml",
                replacement: "- path: /etc/meshwright/node.env",
                reason: "/etc/meshwright/node.env is written twice",
            },
        ],
    },
];

const USER_DATA: &str = "nodes/alpha/user-data.yaml";

/// Its provider's limit is large enough for files in clear text.
const IN_CLEAR: &str = "nodes/rock/user-data.yaml";

const NUMBER_AS_MODE: BrokenFile = BrokenFile {
    name: "a_mode_that_is_a_number",
    path: USER_DATA,
    original: "permissions: \"0700\"",
    replacement: "permissions: 0700",
    reason: "448 is not of type 'string'",
};

const KEY_OF_A_FILE: BrokenFile = BrokenFile {
    name: "a_misspelt_key_of_a_file",
    path: USER_DATA,
    original: "owner: root:root",
    replacement: "ownr: root:root",
    reason: "('ownr' was unexpected)",
};

const FIRST_LINE: BrokenFile = BrokenFile {
    name: "another_first_line",
    path: USER_DATA,
    original: "#cloud-config",
    replacement: "# cloud-config",
    reason: "#cloud-config",
};

/// cloud-init reports no error at boot for a key that no module reads.
const MODULE: BrokenFile = BrokenFile {
    name: "a_misspelt_module",
    path: USER_DATA,
    original: "runcmd:",
    replacement: "runcmds:",
    reason: "'runcmds' was unexpected",
};

fn is_user_data(path: &str) -> bool {
    path.ends_with("/user-data.yaml")
}

fn cloud_init(file: &Path) -> io::Result<ConsumerVerdict> {
    outside(r#"cloud-init schema --config-file "$1" 2>&1"#, file).map(ConsumerVerdict::from_output)
}

/// cloud-init of the image that the hosts boot.
fn cloud_init_of_debian_13(files: &[PathBuf]) -> io::Result<Vec<ConsumerVerdict>> {
    let image = hosts::debian_13().map_err(|fault| io::Error::other(format!("{fault:?}")))?;
    let script = format!(
        r#"unshare --mount bash -euc '
            mount --bind "${{1%/*}}" "$0/mnt"
            mount -t tmpfs run "$0/run"
            chroot "$0" cloud-init schema --config-file "/mnt/${{1##*/}}" 2>&1
        ' '{}' "$(realpath "$1")""#,
        image.display()
    );
    files.iter().map(|file| outside(&script, file).map(ConsumerVerdict::from_output)).collect()
}

/// Checks what cloud-init does not: it ignores unknown keys, takes the last of two equal keys, and resolves a
/// relative path from `/`.
fn user_data(file: &Path) -> io::Result<ConsumerVerdict> {
    let config: Value = match serde_saphyr::from_str(&fs::read_to_string(file)?) {
        Ok(config) => config,
        Err(fault) => return Ok(ConsumerVerdict::Refused(fault.to_string())),
    };
    let fault = foreign_key(&config).or_else(|| misplaced_file(&config));
    Ok(fault.map_or(ConsumerVerdict::Accepted, ConsumerVerdict::Refused))
}

fn foreign_key(config: &Value) -> Option<String> {
    const KNOWN: [&str; 4] = ["hostname", "manage_etc_hosts", "write_files", "runcmd"];
    let mut keys = config.as_object()?.keys();
    let foreign = keys.find(|key| !KNOWN.contains(&key.as_str()))?;
    Some(format!("'{foreign}' was unexpected"))
}

fn misplaced_file(config: &Value) -> Option<String> {
    let files = config["write_files"].as_array()?;
    let paths: Vec<_> = files.iter().map(|file| file["path"].as_str().unwrap_or("")).collect();
    let mut numbered = paths.iter().enumerate();
    numbered.find_map(|(position, path)| match path {
        path if !path.starts_with('/') => Some(format!("{path} is not an absolute path")),
        path if paths[..position].contains(path) => Some(format!("{path} is written twice")),
        _ => None,
    })
}
