//! `/opt/cni/bin/calico`: connects a pod as Calico's plugin does (a /32 address, the gateway 169.254.1.1, proxy
//! ARP on an interface named `cali…`). host-local assigns the address.

#![expect(clippy::print_stdout, reason = "a CNI plugin prints its result")]

use std::env;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

/// The gateway of every pod (Calico FAQ, "Why can't I see the 169.254.1.1 address").
const GATEWAY: &str = "169.254.1.1";

/// The program that assigns addresses.
pub(super) const IPAM: &str = "host-local";

pub(super) fn run() -> Result<()> {
    let mut config = String::new();
    std::io::stdin().read_to_string(&mut config)?;
    match variable("CNI_COMMAND")?.as_str() {
        "ADD" => add(&config),
        "DEL" => delete(&config),
        "VERSION" => {
            println!(
                "{}",
                json!({ "cniVersion": "1.0.0", "supportedVersions": ["0.4.0", "1.0.0"] })
            );
            Ok(())
        }
        "CHECK" | "STATUS" | "GC" => Ok(()),
        command => bail!("unknown command {command}"),
    }
}

fn variable(name: &str) -> Result<String> {
    env::var(name).with_context(|| name.to_owned())
}

/// As Calico's: `cali` and eleven hexadecimal digits. The container's id is a hash already.
fn host_interface() -> Result<String> {
    let id = variable("CNI_CONTAINERID")?;
    Ok(format!("cali{}", id.get(..11).context("a short CNI_CONTAINERID")?))
}

fn add(config: &str) -> Result<()> {
    let parsed: Value = serde_json::from_str(config)?;
    let mtu = parsed["mtu"].as_u64().context("mtu")?;
    let assigned: Value = serde_json::from_str(&run_ipam(config)?)?;
    let subnet = assigned["ips"][0]["address"].as_str().context("no address")?;
    let address = subnet.split('/').next().unwrap_or_default();
    let (host, inside) = (host_interface()?, variable("CNI_IFNAME")?);
    let pod = variable("CNI_NETNS")?;
    shell(&format!(
        "ip link add {host} mtu {mtu} type veth peer name {inside} mtu {mtu} netns {pod}
         echo 1 >/proc/sys/net/ipv4/conf/{host}/proxy_arp
         echo 1 >/proc/sys/net/ipv4/conf/{host}/forwarding
         echo 0 >/proc/sys/net/ipv4/neigh/{host}/proxy_delay
         ip link set {host} address ee:ee:ee:ee:ee:ee up
         ip route replace {address} dev {host} scope link
         nsenter --net={pod} ip link set lo up
         nsenter --net={pod} ip address add {address}/32 dev {inside}
         nsenter --net={pod} ip link set {inside} up
         nsenter --net={pod} ip route add {GATEWAY} dev {inside} scope link
         nsenter --net={pod} ip route add default via {GATEWAY} dev {inside}"
    ))?;
    let result = json!({
        "cniVersion": parsed["cniVersion"],
        "interfaces": [{ "name": host }, { "name": inside, "sandbox": pod }],
        "ips": [{ "address": format!("{address}/32"), "interface": 1 }],
    });
    println!("{result}");
    Ok(())
}

fn delete(config: &str) -> Result<()> {
    let host = host_interface()?;
    shell(&format!("[ ! -e /sys/class/net/{host} ] || ip link delete {host}"))?;
    run_ipam(config).map(drop)
}

/// Calls the plugin for addresses with our own environment and configuration, as CNI requires.
fn run_ipam(config: &str) -> Result<String> {
    let path = variable("CNI_PATH")?;
    let folder = path.split(':').next().unwrap_or_default();
    let mut child = Command::new(format!("{folder}/{IPAM}"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .context(IPAM)?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(config.as_bytes())?;
    }
    let done = child.wait_with_output()?;
    let output = String::from_utf8(done.stdout)?;
    ensure!(done.status.success(), "{IPAM}: {output}");
    Ok(output)
}

fn shell(script: &str) -> Result<()> {
    let done = Command::new("sh").args(["-ec", script]).output()?;
    let stderr = String::from_utf8_lossy(&done.stderr);
    ensure!(done.status.success(), "{script}: {stderr}");
    Ok(())
}
