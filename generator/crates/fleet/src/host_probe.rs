//! A host that no topology has yet: what it says about itself, in records as those of [`crate::inspection`].

use std::net::Ipv4Addr;

use ipnet::Ipv4Net;
use meshwright_value::{Arch, Os, ProviderName, Text as _};

/// The version of the format.
const FORMAT: &str = "1";

/// Run by sh(1) of the host, as the user of the connection. It reads, and changes nothing.
pub const PROBE: &str = r#"record() { for field; do printf '%s\t' "$field"; done | sed 's/\t$//'; printf '\n'; }
record meshwright-host 1
record hostname "$(uname -n)"
record user "$(id -un)"
record arch "$(uname -m)"
(. /etc/os-release; record os "${ID-}" "${VERSION_ID-}")
for name in sys_vendor product_name chassis_asset_tag; do
  record dmi "$name" "$(cat "/sys/class/dmi/id/$name" 2>/dev/null)"
done
set -- ${SSH_CONNECTION-}
record connection "${1-}" "${3-}"
ip -4 -o address show scope global | while read -r _ interface _ network _; do
  record address "${interface%%@*}" "$network"
done
ip -4 -o route show | while read -r network rest; do
  interface=${rest##*dev }
  record route "$network" "${interface%% *}"
done
interface=$(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | head -n 1)
record mtu "$(cat "/sys/class/net/${interface:-lo}/mtu" 2>/dev/null)"
record cores "$(getconf _NPROCESSORS_ONLN)"
record memory "$(sed -n 's/^MemTotal: *\([0-9]*\) kB$/\1/p' /proc/meminfo)"
record disk "$(df -kP /var/lib | awk 'NR == 2 { print $4 }')"
record time "$(date +%s)"
if [ -d /sys/module/wireguard ] || modprobe -n wireguard 2>/dev/null; then record wireguard yes; else record wireguard no; fi
for path in /etc/wireguard/wg0.conf /etc/kubernetes/kubelet.conf /etc/rancher /var/lib/docker /etc/meshwright; do
  [ ! -e "$path" ] || record has "$path"
done
record end
"#;

/// Calls other hosts from a host, by their addresses as arguments: the mean round trip of three pings, and the size of
/// the largest packet that arrives. The sizes are those of Ethernet, PPPoE, Google Cloud, Hetzner's networks and tunnels.
pub const PING: &str = r#"record() { for field; do printf '%s\t' "$field"; done | sed 's/\t$//'; printf '\n'; }
record meshwright-host 1
for address; do
  mean=$(ping -n -q -c 3 -i 0.3 -W 2 "$address" 2>/dev/null | sed -n 's|^r.* = [^/]*/\([0-9]*\)[./].*|\1|p')
  largest=
  if [ -n "$mean" ]; then
    for size in 1500 1492 1460 1450 1420 1400 1280; do
      # 28 bytes are the headers of IPv4 and ICMP.
      if ping -n -q -c 2 -i 0.3 -W 1 -M do -s $((size - 28)) "$address" >/dev/null 2>&1; then largest=$size; break; fi
    done
  fi
  record ping "$address" "$mean" "$largest"
done
record end
"#;

/// What a host says about itself. What it did not say is `None` or empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HostProbe {
    /// Its own name.
    pub hostname: String,
    /// The user of the connection.
    pub user: String,
    /// The processor, in the kernel's word (`uname -m`).
    pub machine: String,
    /// `ID` and `VERSION_ID` of os-release(5).
    pub os_release: (String, String),
    /// `sys_vendor`, `product_name` and `chassis_asset_tag` of the firmware.
    pub firmware: Vec<(String, String)>,
    /// The address that the connection came from, as the host sees it.
    pub client: Option<Ipv4Addr>,
    /// Its own address of the connection.
    pub server: Option<Ipv4Addr>,
    /// Its global addresses, with their networks.
    pub addresses: Vec<(String, Ipv4Net)>,
    /// Its routes to networks, without the default route.
    pub routes: Vec<Ipv4Net>,
    /// The MTU of the interface of its default route.
    pub mtu: Option<u16>,
    /// Its processors.
    pub cores: Option<u32>,
    /// Its memory, in KiB.
    pub memory: Option<u64>,
    /// Free space below /var/lib, in KiB.
    pub disk: Option<u64>,
    /// Its clock, in seconds since 1970.
    pub time: Option<u64>,
    /// Whether its kernel has WireGuard.
    pub wireguard: Option<bool>,
    /// Files and folders of other installations.
    pub has: Vec<String>,
}

/// A ping to another host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostPing {
    /// The other host.
    pub address: Ipv4Addr,
    /// The mean round trip, in whole milliseconds; none if nothing answers.
    pub round_trip_ms: Option<u16>,
    /// The size of the largest packet that arrives whole, in bytes.
    pub largest: Option<u16>,
}

/// The text is not what the scripts print.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostProbeError {
    /// The first record is missing: another shell, or another program.
    #[error("it does not run the commands that look at it: {0}")]
    Foreign(String),
    /// The last record is missing.
    #[error("its answer ends too early")]
    Incomplete,
}

/// The records between the first and the last one, each as its fields.
fn records(text: &str) -> Result<Vec<Vec<&str>>, HostProbeError> {
    let mut lines = text.lines().map(|line| line.split('\t').collect::<Vec<_>>());
    let first = lines.find(|line| !line.iter().all(|field| field.trim().is_empty()));
    if first.as_deref() != Some(&["meshwright-host", FORMAT][..]) {
        let seen = first.map(|line| line.join(" ")).unwrap_or_default();
        return Err(HostProbeError::Foreign(seen));
    }
    let mut records: Vec<_> = lines.collect();
    match records.pop().as_deref() {
        Some(["end"]) => Ok(records),
        _ => Err(HostProbeError::Incomplete),
    }
}

/// Reads the records of [`PROBE`]. A record of another form is left out.
///
/// # Errors
///
/// When the text is not whole.
pub fn probe(text: &str) -> Result<HostProbe, HostProbeError> {
    let mut host = HostProbe::default();
    for record in records(text)? {
        match record.as_slice() {
            ["hostname", name] => host.hostname = (*name).to_owned(),
            ["user", name] => host.user = (*name).to_owned(),
            ["arch", machine] => host.machine = (*machine).to_owned(),
            ["os", id, version] => host.os_release = ((*id).to_owned(), (*version).to_owned()),
            ["dmi", name, value] => {
                host.firmware.push(((*name).to_owned(), value.trim().to_owned()));
            }
            ["connection", client, server] => {
                (host.client, host.server) = (client.parse().ok(), server.parse().ok());
            }
            ["address", interface, network] => {
                let network =
                    network.parse().ok().map(|network| ((*interface).to_owned(), network));
                host.addresses.extend(network);
            }
            ["route", network, _] => host.routes.extend(route(network)),
            ["mtu", mtu] => host.mtu = mtu.parse().ok(),
            ["cores", number] => host.cores = number.parse().ok(),
            ["memory", number] => host.memory = number.parse().ok(),
            ["disk", number] => host.disk = number.parse().ok(),
            ["time", seconds] => host.time = seconds.parse().ok(),
            ["wireguard", word] => host.wireguard = Some(*word == "yes"),
            ["has", path] => host.has.push((*path).to_owned()),
            _ => {}
        }
    }
    Ok(host)
}

/// The network of a route: one address without a length is a route to a host (ip-route(8)).
fn route(text: &str) -> Option<Ipv4Net> {
    let host = || text.parse::<Ipv4Addr>().ok().map(Ipv4Net::from);
    text.parse().ok().or_else(host)
}

/// Reads the records of [`PING`].
///
/// # Errors
///
/// When the text is not whole.
pub fn pings(text: &str) -> Result<Vec<HostPing>, HostProbeError> {
    let read = |record: Vec<&str>| match record.as_slice() {
        ["ping", address, rest @ ..] => Some(HostPing {
            address: address.parse().ok()?,
            round_trip_ms: rest.first().and_then(|mean| mean.parse().ok()),
            largest: rest.get(1).and_then(|size| size.parse().ok()),
        }),
        _ => None,
    };
    Ok(records(text)?.into_iter().filter_map(read).collect())
}

impl HostProbe {
    /// The operating system, if Meshwright supports it.
    #[must_use]
    pub fn os(&self) -> Option<Os> {
        let (id, version) = &self.os_release;
        match id.as_str() {
            "nixos" => Some(Os::Nixos),
            "debian" | "ubuntu" => Os::parse(&format!("{id}-{version}")).ok(),
            _ => None,
        }
    }

    /// The architecture, if Meshwright supports it.
    #[must_use]
    pub fn arch(&self) -> Option<Arch> {
        match self.machine.as_str() {
            "x86_64" => Some(Arch::Amd64),
            "aarch64" => Some(Arch::Arm64),
            _ => None,
        }
    }

    /// The provider, by what the firmware of its machines says. cloud-init recognises them by the same fields
    /// (tools/ds-identify and its data sources); Contabo, netcup and OVHcloud have none of their own.
    #[must_use]
    pub fn provider(&self) -> Option<ProviderName> {
        let known = |(name, value): &(String, String)| match (name.as_str(), value.as_str()) {
            ("sys_vendor", "Hetzner") => Some(ProviderName::Hetzner),
            ("sys_vendor", "DigitalOcean") => Some(ProviderName::Digitalocean),
            ("sys_vendor", "Vultr") => Some(ProviderName::Vultr),
            ("sys_vendor", "Akamai" | "Linode") => Some(ProviderName::Linode),
            ("sys_vendor", "UpCloud") => Some(ProviderName::Upcloud),
            ("sys_vendor", "Scaleway") => Some(ProviderName::Scaleway),
            ("sys_vendor", "Amazon EC2") => Some(ProviderName::Aws),
            ("sys_vendor", "Alibaba Cloud") => Some(ProviderName::Alibaba),
            ("sys_vendor", "Tencent Cloud") => Some(ProviderName::Tencent),
            ("product_name", "Google Compute Engine") => Some(ProviderName::Gcp),
            ("chassis_asset_tag", "OracleCloud.com") => Some(ProviderName::Oracle),
            ("chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77") => Some(ProviderName::Azure),
            _ => None,
        };
        self.firmware.iter().find_map(known)
    }

    /// The network of its own address of the connection.
    #[must_use]
    pub fn local_network(&self) -> Option<Ipv4Net> {
        let server = self.server?;
        let mut networks = self.addresses.iter().map(|(_, network)| network);
        networks.find(|network| network.addr() == server).map(Ipv4Net::trunc)
    }
}

/// Whether an address is one of the Internet: not private, shared, loopback, link-local, or for documentation
/// (IANA, "IPv4 Special-Purpose Address Registry"). Addresses for documentation count, so that examples can be run.
#[must_use]
pub fn is_public(address: Ipv4Addr) -> bool {
    let [first, second, ..] = address.octets();
    let is_shared = first == 100 && (64..128).contains(&second);
    !(address.is_private()
        || is_shared
        || address.is_loopback()
        || address.is_link_local()
        || address.is_unspecified()
        || address.is_multicast())
}

#[cfg(test)]
mod tests {
    use super::*;

    const RECORDS: &str = "meshwright-host\t1\nhostname\ttokyo\nuser\tadmin\narch\taarch64\nos\tdebian\t13\n\
        dmi\tsys_vendor\tAmazon EC2\ndmi\tproduct_name\tt4g.small\ndmi\tchassis_asset_tag\t\n\
        connection\t198.51.100.7\t172.31.5.4\naddress\tens5\t172.31.5.4/20\nroute\tdefault\tens5\n\
        route\t172.31.0.0/20\tens5\nroute\t172.31.0.2\tens5\nmtu\t9001\ncores\t2\nmemory\t1900000\ndisk\t8000000\n\
        time\t1764500000\nwireguard\tyes\nhas\t/var/lib/docker\nlater\trecord\nend\n";

    #[test]
    fn a_host_is_read_from_its_records() {
        let host = probe(RECORDS).unwrap();
        assert_eq!((host.hostname.as_str(), host.user.as_str()), ("tokyo", "admin"));
        assert_eq!((host.os(), host.arch()), (Some(Os::Debian13), Some(Arch::Arm64)));
        assert_eq!(host.provider(), Some(ProviderName::Aws));
        assert_eq!(host.client, Some(Ipv4Addr::new(198, 51, 100, 7)));
        assert_eq!(
            host.local_network().map(|net| net.to_string()).as_deref(),
            Some("172.31.0.0/20")
        );
        let routes: Vec<_> = host.routes.iter().map(ToString::to_string).collect();
        assert_eq!(routes, ["172.31.0.0/20", "172.31.0.2/32"]);
        assert_eq!((host.mtu, host.cores, host.memory), (Some(9001), Some(2), Some(1_900_000)));
        assert_eq!((host.wireguard, host.has), (Some(true), vec!["/var/lib/docker".to_owned()]));
    }

    #[test]
    fn another_answer_is_refused() {
        let foreign = probe("\nThis account is currently not available.\n");
        let message = "it does not run the commands that look at it: This account is currently not available.";
        assert_eq!(foreign.unwrap_err().to_string(), message);
        let short = probe(RECORDS.trim_end().strip_suffix("end").unwrap());
        assert_eq!(short, Err(HostProbeError::Incomplete));
    }

    #[test]
    fn pings_without_an_answer_have_no_time() {
        let text = "meshwright-host\t1\nping\t203.0.113.10\t24\t1500\nping\t203.0.113.20\nend\n";
        let ping = |address: [u8; 4], round_trip_ms, largest| HostPing {
            address: address.into(),
            round_trip_ms,
            largest,
        };
        let expected = vec![
            ping([203, 0, 113, 10], Some(24), Some(1500)),
            ping([203, 0, 113, 20], None, None),
        ];
        assert_eq!(pings(text), Ok(expected));
    }

    /// The scripts run on this machine, as on a host.
    #[test]
    fn this_machine_answers_whole() {
        use std::process::Command;
        let run = |script: &str, arguments: &[&str]| {
            let mut sh = Command::new("sh");
            let done = sh.args(["-c", script, "sh"]).args(arguments).output().unwrap();
            assert_eq!(String::from_utf8_lossy(&done.stderr), "");
            String::from_utf8(done.stdout).unwrap()
        };
        let host = probe(&run(PROBE, &[])).unwrap();
        assert!(!host.hostname.is_empty() && !host.user.is_empty(), "{host:?}");
        assert!(host.arch().is_some() && host.memory.is_some_and(|memory| memory > 0), "{host:?}");
        assert!(host.disk.is_some() && host.time.is_some() && host.cores.is_some(), "{host:?}");
    }
}
