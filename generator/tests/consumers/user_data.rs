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
        broken: &[NUMBER_AS_WORD_OF_DEBIAN_12, FIRST_LINE],
    },
    Consumer {
        name: "cloud_init_of_debian_13",
        tier: "hosts",
        needs: hosts::NEEDS,
        reads: is_user_data,
        judge: cloud_init_of_debian_13,
        broken: &[NUMBER_AS_WORD, FIRST_LINE, MODULE],
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
        ],
    },
];

const USER_DATA: &str = "nodes/alpha/user-data.yaml";

const NUMBER_AS_WORD: BrokenFile =
    number_as_word("Cloud config schema errors: bootcmd.0.1: 7 is not of type 'string'");

/// cloud-init 22.4.2 prints the whole command, and not which of its words is wrong.
const NUMBER_AS_WORD_OF_DEBIAN_12: BrokenFile =
    number_as_word("Cloud config schema errors: bootcmd.0: ['bash', 7, ");

const fn number_as_word(reason: &'static str) -> BrokenFile {
    BrokenFile {
        name: "a_word_that_is_a_number",
        path: USER_DATA,
        original: "  - -c\n",
        replacement: "  - 7\n",
        reason,
    }
}

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
    original: "bootcmd:",
    replacement: "bootcmds:",
    reason: "'bootcmds' was unexpected",
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

/// Checks what cloud-init does not: it ignores unknown keys, and takes the last of two equal keys.
fn user_data(file: &Path) -> io::Result<ConsumerVerdict> {
    let config: Value = match serde_saphyr::from_str(&fs::read_to_string(file)?) {
        Ok(config) => config,
        Err(fault) => return Ok(ConsumerVerdict::Refused(fault.to_string())),
    };
    let fault = foreign_key(&config);
    Ok(fault.map_or(ConsumerVerdict::Accepted, ConsumerVerdict::Refused))
}

fn foreign_key(config: &Value) -> Option<String> {
    const KNOWN: [&str; 3] = ["hostname", "manage_etc_hosts", "bootcmd"];
    let mut keys = config.as_object()?.keys();
    let foreign = keys.find(|key| !KNOWN.contains(&key.as_str()))?;
    Some(format!("'{foreign}' was unexpected"))
}
