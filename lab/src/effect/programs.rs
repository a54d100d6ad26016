//! The programs that read emitted files, in namespaces of their own.

use std::collections::BTreeMap;
use std::process::Output;

use anyhow::{Context as _, Result};
use ipnet::IpNet;
use serde_json::Value;

use super::Effect;
use super::ruleset;
use super::values::statements;
use crate::command::{feed_any, program};

/// A script that reads a text, as root of its own mounts and interfaces.
fn inside(script: &str, text: &str) -> Result<Output> {
    let mut command = program("unshare");
    command.args(["--map-root-user", "--mount", "--net", "bash", "-c"]);
    command.arg(format!("set -euo pipefail\n{script}"));
    feed_any(&mut command, text)
}

/// The state that a script prints, or the message with which it fails.
fn state(script: &str, text: &str) -> Result<Result<String, String>> {
    let output = inside(script, text)?;
    let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(Ok(stdout));
    }
    let stderr = String::from_utf8_lossy(&output.stderr);
    Ok(Err(format!("{stderr}{stdout}").trim().to_owned()))
}

/// Compares the states after both texts.
fn compare<State: PartialEq>(
    program: &'static str,
    script: &str,
    (before, after): (&str, &str),
    read: impl Fn(&str) -> Result<State>,
) -> Result<Effect> {
    let after = match state(script, after)? {
        Ok(after) => after,
        Err(output) => return Ok(Effect::Refused { program, output }),
    };
    let before = state(script, before)?.map_err(anyhow::Error::msg)?;
    Ok(Effect::from_equality(read(&before)? == read(&after)?))
}

/// The rules after nft(8) has loaded the file, as far as a packet can notice them.
pub(super) fn nft(before: &str, after: &str) -> Result<Effect> {
    compare("nft", "nft --file -\nnft --json list ruleset", (before, after), |listed| {
        let mut ruleset: Value = serde_json::from_str(listed)?;
        let objects = ruleset.get_mut("nftables").and_then(Value::as_array_mut);
        let objects = objects.context("nft lists no objects")?;
        Ok(ruleset::normal_form(std::mem::take(objects)))
    })
}

/// The routes after ip(8) has read the file.
pub(super) fn ip(before: &str, after: &str) -> Result<Effect> {
    const SCRIPT: &str = r#"
        batch=$(cat)
        for interface in $(sed -n 's/.* dev \([^ ]*\).*/\1/p' <<<"$batch" | sort -u); do
            case $interface in wg0 | mesh0) ;; *) continue ;; esac
            ip link add "$interface" type dummy 2>/dev/null || ip tuntap add "$interface" mode tun
            ip link set "$interface" up
        done
        ip -force -batch - <<<"$batch"
        ip -4 route show
    "#;
    compare("ip", SCRIPT, (before, after), |routes| {
        let mut routes: Vec<_> = routes.lines().map(str::to_owned).collect();
        routes.sort_unstable();
        Ok(routes)
    })
}

/// Whether wg-quick(8) and wg(8) accept the file, and its settings. wg parses the whole file before it looks
/// for the interface, so the interface need not exist. It resolves names while it parses, so all of them must
/// resolve.
pub(super) fn wg_quick(before: &str, after: &str) -> Result<Effect> {
    const SCRIPT: &str = r#"
        mount -t tmpfs files /mnt
        cat >/mnt/wg0.conf
        chmod 600 /mnt/wg0.conf
        sed -n 's/^ *endpoint *= *\([^ ]*\):[0-9]*.*$/192.0.2.1 \1/Ip' /mnt/wg0.conf >/mnt/hosts
        mount --bind /mnt/hosts /etc/hosts
        stripped=$(wg-quick strip /mnt/wg0.conf)
        output=$(WG_ENDPOINT_RESOLUTION_RETRIES=0 wg setconf no-such-device /dev/stdin <<<"$stripped" 2>&1) || true
        echo "$output"
        # Warnings come before it.
        [[ ${output##*$'\n'} == 'Unable to modify interface: '* ]]
    "#;
    match state(SCRIPT, after)? {
        Err(output) => Ok(Effect::Refused { program: "wg-quick", output }),
        Ok(_) => Ok(Effect::from_equality(wg_settings(before) == wg_settings(after))),
    }
}

/// The settings of each section: wg(8) ignores the case of keys, and the order of peers has no meaning.
fn wg_settings(text: &str) -> Vec<BTreeMap<String, Vec<String>>> {
    let mut sections = vec![BTreeMap::new()];
    let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default().trim());
    for line in lines.filter(|line| !line.is_empty()) {
        if let Some(name) = line.strip_prefix('[') {
            sections.push(BTreeMap::from([("[".to_owned(), vec![name.to_lowercase()])]));
        } else if let Some(settings) = sections.last_mut() {
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            let key = key.trim().to_lowercase();
            let values: &mut Vec<String> = settings.entry(key.clone()).or_default();
            match key.as_str() {
                "allowedips" => {
                    values.extend(value.split(',').map(|net| without_host_part(net.trim())))
                }
                _ => values.push(value.trim().to_owned()),
            }
        }
    }
    for settings in &mut sections {
        // resolvconf is told about DNS servers; no packet of the mesh depends on them.
        settings.remove("dns");
        for values in settings.values_mut() {
            values.sort_unstable();
            values.dedup();
        }
    }
    sections.sort_unstable();
    sections
}

/// A network as the kernel has it: wg(8) warns of a host part, and the kernel clears it.
fn without_host_part(net: &str) -> String {
    net.parse().map_or_else(|_| net.to_owned(), |net: IpNet| net.trunc().to_string())
}

/// Whether haproxy accepts the file, and its statements.
pub(super) fn haproxy(before: &str, after: &str) -> Result<Effect> {
    const SCRIPT: &str = "mount -t tmpfs files /mnt\ncat >/mnt/file\nhaproxy -c -f /mnt/file";
    match state(SCRIPT, after)? {
        Err(output) => Ok(Effect::Refused { program: "haproxy", output }),
        Ok(_) => Ok(Effect::from_equality(haproxy_sections(before) == haproxy_sections(after))),
    }
}

/// The statements of each section. The order of servers is that of the turns.
fn haproxy_sections(text: &str) -> Vec<Vec<Vec<String>>> {
    let mut sections = Vec::new();
    for line in statements(text) {
        let code = line.split(" #").next().unwrap_or_default();
        let words: Vec<_> = code.split_whitespace().map(str::to_owned).collect();
        let heads = ["global", "defaults", "frontend", "backend"];
        if heads.contains(&words[0].as_str()) || sections.is_empty() {
            sections.push(Vec::new());
        }
        if let Some(section) = sections.last_mut() {
            section.push(words);
        }
    }
    sections.iter_mut().for_each(|section: &mut Vec<_>| section[1..].sort_unstable());
    sections
}

/// Whether bash parses the file, and its lines.
pub(super) fn bash(before: &str, after: &str) -> Result<Effect> {
    match state("bash -n", after)? {
        Err(output) => Ok(Effect::Refused { program: "bash", output }),
        Ok(_) => Ok(super::values::lines(before, after)),
    }
}
