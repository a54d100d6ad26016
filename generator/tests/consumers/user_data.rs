//! Who reads user-data: the cloud-init of both releases of Debian. Debian 12's lets much through that
//! does nothing at boot, so a judge of our own stands beside it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::consumer::{Broken, Consumer, Verdict, each, need};
use crate::hosts;
use crate::namespace::outside;

/// All of them.
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
            Broken {
                name: "a_key_given_twice",
                path: USER_DATA,
                sound: "manage_etc_hosts: false",
                unsound: "manage_etc_hosts: false\nmanage_etc_hosts: true",
                reason: "duplicate mapping key",
            },
            Broken {
                name: "a_relative_path",
                path: USER_DATA,
                sound: "- path: /etc/",
                unsound: "- path: etc/",
                reason: "is no absolute path",
            },
            Broken {
                name: "a_file_written_twice",
                path: USER_DATA,
                sound: "- path: /etc/containerd/config.toml",
                unsound: "- path: /etc/meshwright/node.env",
                reason: "/etc/meshwright/node.env is written twice",
            },
        ],
    },
];

const USER_DATA: &str = "nodes/alpha/user-data.yaml";

const NUMBER_AS_MODE: Broken = Broken {
    name: "a_mode_that_is_a_number",
    path: USER_DATA,
    sound: "permissions: \"0644\"",
    unsound: "permissions: 0644",
    reason: "420 is not of type 'string'",
};

const KEY_OF_A_FILE: Broken = Broken {
    name: "a_key_of_a_file_misspelt",
    path: USER_DATA,
    sound: "owner: root:root",
    unsound: "ownr: root:root",
    reason: "('ownr' was unexpected)",
};

const FIRST_LINE: Broken = Broken {
    name: "another_first_line",
    path: USER_DATA,
    sound: "#cloud-config",
    unsound: "# cloud-config",
    reason: "#cloud-config",
};

/// At boot it would be left unsaid that no module reads it.
const MODULE: Broken = Broken {
    name: "a_module_misspelt",
    path: USER_DATA,
    sound: "runcmd:",
    unsound: "runcmds:",
    reason: "'runcmds' was unexpected",
};

fn is_user_data(path: &str) -> bool {
    path.ends_with("/user-data.yaml")
}

fn cloud_init(file: &Path) -> io::Result<Verdict> {
    outside(r#"cloud-init schema --config-file "$1" 2>&1"#, file).map(Verdict::of)
}

/// The one in the image that the hosts boot from.
fn cloud_init_of_debian_13(files: &[PathBuf]) -> io::Result<Vec<Verdict>> {
    let image = hosts::debian_13().map_err(|fault| io::Error::other(format!("{fault:?}")))?;
    let script = format!(
        r#"unshare --mount bash -euc '
            mount --bind "${{1%/*}}" "$0/mnt"
            mount -t tmpfs run "$0/run"
            chroot "$0" cloud-init schema --config-file "/mnt/${{1##*/}}" 2>&1
        ' '{}' "$(realpath "$1")""#,
        image.display()
    );
    files.iter().map(|file| outside(&script, file).map(Verdict::of)).collect()
}

/// What each release of cloud-init reads of ours. What it does not know it ignores; where a key comes
/// twice, the last one counts; a relative path is one below `/`, where nobody looks.
fn user_data(file: &Path) -> io::Result<Verdict> {
    let config: Value = match serde_saphyr::from_str(&fs::read_to_string(file)?) {
        Ok(config) => config,
        Err(fault) => return Ok(Verdict::Refused(fault.to_string())),
    };
    let fault = foreign_key(&config).or_else(|| misplaced_file(&config));
    Ok(fault.map_or(Verdict::Accepted, Verdict::Refused))
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
        path if !path.starts_with('/') => Some(format!("{path} is no absolute path")),
        path if paths[..position].contains(path) => Some(format!("{path} is written twice")),
        _ => None,
    })
}
