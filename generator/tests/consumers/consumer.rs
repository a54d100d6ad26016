//! The consumers: the files that each reads, how it is run, and the broken files that it must refuse.
//!
//! To add one: add its entry to [`CONSUMERS`], and the function that runs it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::expect::printed;
use crate::namespace::{inside, outside};
use crate::need::Need;
use crate::testing;

/// A program that reads single emitted files.
pub(crate) struct Consumer {
    pub(crate) name: &'static str,
    /// Its tier in `MESHWRIGHT_REQUIRE`.
    pub(crate) tier: &'static str,
    pub(crate) needs: &'static [Need],
    /// Whether it reads the file with this path in the tree.
    pub(crate) reads: fn(&str) -> bool,
    /// Runs it on files, and returns a verdict for each.
    pub(crate) judge: fn(&[PathBuf]) -> io::Result<Vec<ConsumerVerdict>>,
    pub(crate) broken: &'static [BrokenFile],
}

/// A program that reads a whole tree.
pub(crate) struct TreeConsumer {
    pub(crate) name: &'static str,
    /// Its tier in `MESHWRIGHT_REQUIRE`.
    pub(crate) tier: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) judge: fn(&Path) -> io::Result<ConsumerVerdict>,
    pub(crate) broken: &'static [BrokenFile],
}

/// The verdict of a consumer on a file.
pub(crate) enum ConsumerVerdict {
    Accepted,
    /// The output of the program.
    Refused(String),
}

/// A file of an example, broken in one place.
pub(crate) struct BrokenFile {
    pub(crate) name: &'static str,
    /// The path of the file in the tree.
    pub(crate) path: &'static str,
    /// The text that is replaced, once.
    pub(crate) original: &'static str,
    /// The new text.
    pub(crate) replacement: &'static str,
    /// A part of the output that is expected from the consumer.
    pub(crate) reason: &'static str,
}

impl BrokenFile {
    /// Writes a copy of the tree's file with the fault, to the same path in the folder.
    pub(crate) fn write(&self, tree: &Path, folder: &Path) -> io::Result<PathBuf> {
        let text = fs::read_to_string(tree.join(self.path))?;
        let broken = text.replacen(self.original, self.replacement, 1);
        if broken == text {
            return Err(io::Error::other(format!("{} has no `{}`", self.path, self.original)));
        }
        write(&folder.join(self.path), broken.as_bytes())
    }

    /// Writes a copy of the whole tree with the fault.
    pub(crate) fn write_tree(&self, tree: &Path, folder: &Path) -> io::Result<()> {
        for (path, entry) in testing::read(tree) {
            if let Some(bytes) = entry.bytes {
                write(&folder.join(path), &bytes)?;
            }
        }
        self.write(tree, folder).map(drop)
    }
}

/// Writes a file, and the folders above it.
fn write(file: &Path, bytes: &[u8]) -> io::Result<PathBuf> {
    fs::create_dir_all(file.parent().unwrap_or(file))?;
    fs::write(file, bytes)?;
    Ok(file.to_owned())
}

pub(crate) const NAMESPACES: Need =
    need("unshare --map-root-user --mount --net true", "no namespaces");

pub(crate) const fn need(probe: &'static str, missing: &'static str) -> Need {
    Need { probe, missing }
}

/// All consumers of single files.
pub(crate) const CONSUMERS: &[Consumer] = &[
    Consumer {
        name: "wg_quick",
        tier: "consumers",
        needs: &[NAMESPACES, need("type wg-quick wg", "no wireguard-tools")],
        reads: |path| path.ends_with(".conf") && in_folder_of_one(path) && !is_nftables(path),
        judge: |files| each(files, wg_quick),
        broken: &[
            BrokenFile {
                name: "a_misspelt_key_of_wg_quick",
                path: "nodes/alpha/wg0.conf",
                original: "Table = off",
                replacement: "Tabel = off",
                reason: "Line unrecognized: `Tabel=off'",
            },
            BrokenFile {
                name: "an_invalid_subnet",
                path: "nodes/alpha/wg0.conf",
                original: "10.244.2.0/24",
                replacement: "10.244.2.0/33",
                reason: "AllowedIP is not in the correct format: `10.244.2.0/33'",
            },
            BrokenFile {
                name: "a_truncated_key",
                path: "nodes/alpha/wg0.conf",
                original: "PublicKey = MIUz",
                replacement: "PublicKey = M",
                reason: "Key is not the correct length or format",
            },
        ],
    },
    Consumer {
        name: "nft",
        tier: "consumers",
        needs: &[NAMESPACES, need("type nft", "no nftables")],
        reads: is_nftables,
        judge: |files| each(files, nft),
        broken: &[
            BrokenFile {
                name: "a_misspelt_keyword",
                path: "nodes/alpha/nftables.conf",
                original: "udp dport 51820",
                replacement: "udp dprot 51820",
                reason: "syntax error, unexpected string",
            },
            BrokenFile {
                name: "a_missing_set",
                path: "nodes/alpha/nftables.conf",
                original: "ip saddr @ssh_from_v4",
                replacement: "ip saddr @ssh_from",
                reason: "No such file or directory",
            },
            BrokenFile {
                name: "an_address_of_the_wrong_family",
                path: "nodes/alpha/nftables.conf",
                original: "elements = { 10.66.66.1, 10.66.66.2 }",
                replacement: "elements = { 10.66.66.1, fd00::2 }",
                reason: "Could not resolve hostname",
            },
        ],
    },
    Consumer {
        name: "yaml_1_1",
        tier: "consumers",
        needs: &[need("python3 -c 'import yaml'", "no PyYAML")],
        reads: is_yaml,
        judge: yaml_1_1,
        broken: &[
            BrokenFile {
                name: "a_name_that_is_a_boolean",
                path: "nodes/alpha/kubeadm.yaml",
                original: "name: alpha",
                replacement: "name: no",
                reason: r#"/0/nodeRegistration/name is false in YAML 1.1 and "no" in YAML 1.2"#,
            },
            BrokenFile {
                name: "a_name_that_is_a_time",
                path: "nodes/alpha/kubeadm.yaml",
                original: "clusterName: pair",
                replacement: "clusterName: 12:30",
                reason: r#"/1/clusterName is 750 in YAML 1.1 and "12:30" in YAML 1.2"#,
            },
            BrokenFile {
                name: "a_version_that_is_a_date",
                path: "nodes/alpha/kubeadm.yaml",
                original: "kubernetesVersion: v1.36.3",
                replacement: "kubernetesVersion: 2026-01-02",
                reason: "Object of type date is not JSON serializable",
            },
            BrokenFile {
                name: "a_tab",
                path: "nodes/alpha/kubeadm.yaml",
                original: "  bindPort",
                replacement: "\tbindPort",
                reason: r"found character '\t' that cannot start any token",
            },
        ],
    },
    Consumer {
        name: "shellcheck",
        tier: "consumers",
        needs: &[need("type shellcheck", "no shellcheck")],
        reads: |path| path.ends_with("/meshwright-node") || path.ends_with(".sh"),
        judge: |files| each(files, shellcheck),
        broken: &[
            BrokenFile {
                name: "a_variable_without_quotes",
                path: "host/meshwright-node",
                original: r#"ip -force -batch "$file""#,
                replacement: "ip -force -batch $file",
                reason: "SC2086",
            },
            BrokenFile {
                name: "a_block_without_an_end",
                path: "host/meshwright-node",
                original: "    fi\n",
                replacement: "",
                reason: "Couldn't find 'fi' for this 'if'",
            },
        ],
    },
    Consumer {
        name: "containerd",
        tier: "containerd",
        needs: &[need("type containerd", "no containerd")],
        reads: |path| path == "host/containerd/config.toml",
        judge: |files| each(files, containerd),
        broken: &[
            BrokenFile {
                name: "a_misspelt_key",
                path: "host/containerd/config.toml",
                original: "config_path",
                replacement: "config_paths",
                reason: "not in the dump: config_paths = \"/etc/containerd/certs.d\"",
            },
            BrokenFile {
                name: "an_unknown_version",
                path: "host/containerd/config.toml",
                original: "version = 3",
                replacement: "version = 30",
                reason: "30",
            },
        ],
    },
    Consumer {
        name: "systemd",
        tier: "consumers",
        needs: &[
            NAMESPACES,
            need("type systemd-analyze", "no systemd-analyze"),
            need("ls /usr/sbin/nft /usr/sbin/ip", "no nftables or iproute2"),
            need("ls /lib/systemd/system/wg-quick@.service", "no wireguard-tools"),
        ],
        reads: |path| path.starts_with("host/systemd/"),
        judge: |files| each(files, systemd),
        broken: &[
            BrokenFile {
                name: "a_misspelt_section",
                path: "host/systemd/meshwright-guards.service",
                original: "[Service]",
                replacement: "[Servce]",
                reason: "Unknown section 'Servce'",
            },
            BrokenFile {
                name: "a_missing_program",
                path: "host/systemd/meshwright-firewall.service",
                original: "ExecStart=/usr/sbin/nft ",
                replacement: "ExecStart=/usr/sbin/no-such-program ",
                reason: "Command /usr/sbin/no-such-program is not executable",
            },
            BrokenFile {
                name: "a_misspelt_key_of_a_drop_in",
                path: "host/systemd/wg-quick@wg0.service.d/meshwright.conf",
                original: "Wants=",
                replacement: "Want=",
                reason: "Unknown key 'Want' in section [Unit]",
            },
            BrokenFile {
                name: "an_invalid_time",
                path: "host/systemd/meshwright-resolve.timer",
                original: "60s",
                replacement: "60x",
                reason: "Failed to parse",
            },
        ],
    },
    Consumer {
        name: "haproxy",
        tier: "consumers",
        needs: &[need("type haproxy", "no haproxy")],
        reads: |path| path == "host/haproxy.cfg",
        judge: |files| {
            each(files, |file| {
                outside(r#"haproxy -c -f "$1""#, file).map(ConsumerVerdict::from_output)
            })
        },
        broken: &[
            BrokenFile {
                name: "a_misspelt_keyword",
                path: "host/haproxy.cfg",
                original: "default_backend control_planes",
                replacement: "default_backed control_planes",
                reason: "unknown keyword 'default_backed' in 'frontend' section",
            },
            BrokenFile {
                name: "a_missing_backend",
                path: "host/haproxy.cfg",
                original: "default_backend control_planes",
                replacement: "default_backend control_plane",
                reason: "unable to find required default_backend: 'control_plane'",
            },
            BrokenFile {
                name: "an_invalid_address",
                path: "host/haproxy.cfg",
                original: "10.66.66.2:6443",
                replacement: "10.66.66.2000:6443",
                reason: "10.66.66.2000",
            },
        ],
    },
    Consumer {
        name: "systemd_sysctl",
        tier: "consumers",
        needs: &[NAMESPACES, need("ls /lib/systemd/systemd-sysctl", "no systemd-sysctl")],
        reads: |path| path == "host/sysctl.conf",
        judge: |files| each(files, systemd_sysctl),
        broken: &[
            BrokenFile {
                name: "a_misspelt_key",
                path: "host/sysctl.conf",
                original: "net.ipv4.ip_forward",
                replacement: "net.ipv4.ip_forwards",
                reason: "Couldn't write '1' to 'net/ipv4/ip_forwards', ignoring: No such file",
            },
            BrokenFile {
                name: "a_line_without_a_value",
                path: "host/sysctl.conf",
                original: "net.ipv4.ip_forward = 1",
                replacement: "net.ipv4.ip_forward 1",
                reason: "Line is not an assignment, ignoring: net.ipv4.ip_forward 1",
            },
        ],
    },
    Consumer {
        name: "systemd_modules_load",
        tier: "consumers",
        needs: &[
            NAMESPACES,
            need("ls /lib/systemd/systemd-modules-load", "no systemd-modules-load"),
            need("type depmod", "no kmod"),
        ],
        reads: |path| path == "host/modules-load.conf",
        judge: |files| each(files, systemd_modules_load),
        broken: &[
            BrokenFile {
                name: "a_misspelt_module",
                path: "host/modules-load.conf",
                original: "nf_conntrack",
                replacement: "nf_contrack",
                reason: "Failed to find module 'nf_contrack'",
            },
            BrokenFile {
                name: "two_modules_on_a_line",
                path: "host/modules-load.conf",
                original: "nf_conntrack\noverlay",
                replacement: "nf_conntrack overlay",
                reason: "Failed to find module 'nf_conntrack overlay'",
            },
        ],
    },
    Consumer {
        name: "ip_batch",
        tier: "consumers",
        needs: &[
            NAMESPACES,
            need(
                "unshare --map-root-user --net sh -c \
                 'ip link add wg0 type dummy || ip tuntap add wg0 mode tun'",
                "no interfaces",
            ),
        ],
        reads: |path| path.ends_with(".routes"),
        judge: |files| each(files, ip_batch),
        broken: &[
            BrokenFile {
                name: "a_subnet_with_host_bits",
                path: "nodes/alpha/wg0.routes",
                original: "10.244.2.0/24",
                replacement: "10.244.2.1/24",
                reason: "Error: Invalid prefix for given prefix length",
            },
            BrokenFile {
                name: "a_missing_interface",
                path: "nodes/alpha/wg0.routes",
                original: "dev wg0",
                replacement: "dev wg9",
                reason: "Cannot find device \"wg9\"",
            },
            BrokenFile {
                name: "a_route_that_replaces_another",
                path: "host/guards.routes",
                original: "10.66.66.0/24",
                replacement: "10.244.0.0/16",
                reason: "the kernel has [\"unreachable 10.244.0.0/16 proto static metric 4294967295\"]",
            },
        ],
    },
    Consumer {
        name: "kubeadm",
        tier: "kubeadm",
        needs: &[NAMESPACES, need("type kubeadm", "no kubeadm")],
        reads: |path| path.ends_with("/kubeadm.yaml") || path.ends_with("/upgrade.yaml"),
        judge: |files| each(files, kubeadm),
        broken: &[
            BrokenFile {
                name: "a_misspelt_field",
                path: "nodes/alpha/kubeadm.yaml",
                original: "advertiseAddress",
                replacement: "advertiseAdress",
                reason: "unknown field \"localAPIEndpoint.advertiseAdress\"",
            },
            BrokenFile {
                name: "an_invalid_subnet",
                path: "nodes/alpha/kubeadm.yaml",
                original: "podSubnet: 10.244.0.0/16",
                replacement: "podSubnet: 10.244.0.0/33",
                reason: "networking.podSubnet",
            },
            BrokenFile {
                name: "a_removed_format_version",
                path: "nodes/beta/kubeadm.yaml",
                original: "v1beta4",
                replacement: "v1beta2",
                reason: "kubeadm.k8s.io/v1beta2",
            },
            BrokenFile {
                name: "a_missing_discovery_file",
                path: "nodes/beta/kubeadm.yaml",
                original: "discovery.conf",
                replacement: "no-such.conf",
                reason: "discovery",
            },
        ],
    },
];

/// `nodes/<node>/…` or `clients/<client>/…`.
fn in_folder_of_one(path: &str) -> bool {
    path.starts_with("nodes/") || path.starts_with("clients/")
}

fn is_nftables(path: &str) -> bool {
    path.ends_with("/nftables.conf")
}

fn is_yaml(path: &str) -> bool {
    path.ends_with(".yaml")
}

pub(crate) fn each(
    files: &[PathBuf],
    judge: fn(&Path) -> io::Result<ConsumerVerdict>,
) -> io::Result<Vec<ConsumerVerdict>> {
    files.iter().map(|file| judge(file)).collect()
}

/// wg-quick(8) removes its own keys without checking them; wg(8) reads the rest. wg parses the whole file before
/// it looks for the interface, so the interface need not exist. It resolves names while it parses, so all
/// names must resolve.
fn wg_quick(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        mount -t tmpfs hosts /mnt
        sed -n 's/^Endpoint = \(.*\):[0-9]*$/192.0.2.1 \1/p' "$1" >/mnt/hosts
        mount --bind /mnt/hosts /etc/hosts
        stripped=$(wg-quick strip "$1")
        output=$(WG_ENDPOINT_RESOLUTION_RETRIES=0 wg setconf no-such-device /dev/stdin <<<"$stripped" 2>&1) || true
        echo "$output"
        [[ $output == 'Unable to modify interface: '* ]]
    "#;
    inside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

fn nft(file: &Path) -> io::Result<ConsumerVerdict> {
    inside(r#"nft --check --file "$1""#, file).map(ConsumerVerdict::from_output)
}

/// The parsers of kubectl, kubeadm and cloud-init support different versions of YAML: both versions must give
/// the same values. One process reads all files, because Python starts slowly.
fn yaml_1_1(files: &[PathBuf]) -> io::Result<Vec<ConsumerVerdict>> {
    const READ: &str = r#"
import json, sys, yaml
for file in sys.argv[1:]:
    try:
        print(json.dumps({"Ok": list(yaml.safe_load_all(open(file, encoding="utf-8")))}))
    except (yaml.YAMLError, TypeError) as error:
        print(json.dumps({"Err": str(error)}))
"#;
    let read = Command::new("python3").arg("-c").arg(READ).args(files).output()?;
    let lines = serde_json::Deserializer::from_slice(&read.stdout).into_iter();
    lines.zip(files).map(|(older, file)| yaml_1_2(older?, &fs::read_to_string(file)?)).collect()
}

/// Compares the values of YAML 1.1 with those of YAML 1.2.
fn yaml_1_2(older: Result<Value, String>, text: &str) -> io::Result<ConsumerVerdict> {
    let strict = serde_saphyr::options! { strict_booleans: true };
    let newer = serde_saphyr::from_multiple_with_options(text, strict).map(Value::Array);
    Ok(match (older, newer) {
        (Ok(older), Ok(newer)) => difference("", &older, &newer)
            .map_or(ConsumerVerdict::Accepted, ConsumerVerdict::Refused),
        (Err(reason), _) => ConsumerVerdict::Refused(reason),
        (_, Err(error)) => ConsumerVerdict::Refused(error.to_string()),
    })
}

/// The first difference between two readings of a file, with its JSON pointer (RFC 6901).
fn difference(at: &str, older: &Value, newer: &Value) -> Option<String> {
    match (older, newer) {
        (Value::Array(older), Value::Array(newer)) if older.len() == newer.len() => {
            let mut pairs = older.iter().zip(newer).enumerate();
            pairs.find_map(|(key, (older, newer))| difference(&format!("{at}/{key}"), older, newer))
        }
        (Value::Object(older), Value::Object(newer)) if older.keys().eq(newer.keys()) => {
            let mut pairs = older.iter().zip(newer.values());
            pairs.find_map(|((key, older), newer)| difference(&format!("{at}/{key}"), older, newer))
        }
        _ if older == newer => None,
        _ => Some(format!("{at} is {older} in YAML 1.1 and {newer} in YAML 1.2")),
    }
}

fn shellcheck(file: &Path) -> io::Result<ConsumerVerdict> {
    outside(r#"shellcheck "$1""#, file).map(ConsumerVerdict::from_output)
}

/// containerd drops keys that it does not know, so each line of the file must be in its dump. It does not check
/// the options of runtimes.
fn containerd(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        dump=$(containerd --config "$1" config dump)
        missing=0
        while IFS= read -r line; do
            grep -qF -- "$(tr '"' "'" <<<"$line")" < <(tr '"' "'" <<<"$dump") || { echo "not in the dump: $line"; missing=1; }
        done < <(grep -v -e '^#' -e '^$' -e '^version' "$1")
        exit "$missing"
    "#;
    outside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

/// Verifies units in systemd's search path, with the script that they start. A drop-in is verified with its
/// unit: that of wireguard-tools, or a placeholder for kubelet's, which is in another package.
fn systemd(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        units=${1%%/systemd/*}/systemd
        unit=${1#"$units"/}
        mount -t tmpfs programs /usr/local/sbin
        install -m 755 /dev/null /usr/local/sbin/meshwright-node
        printf '[Service]\nExecStart=/bin/true\n' >/usr/local/sbin/kubelet.service
        SYSTEMD_UNIT_PATH=$units:/usr/local/sbin: systemd-analyze verify --man=no --recursive-errors=no "${unit%.d/*}"
    "#;
    inside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

/// Writable files replace the parameters of this kernel; those that exist only in the first network namespace
/// or with a module are added. systemd-sysctl prints a message for each parameter that it cannot set.
fn systemd_sysctl(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        mount -t tmpfs keys /mnt
        cd /proc/sys
        find fs kernel net vm -type f >/mnt/.keys 2>/dev/null || true
        printf 'net/%s\n' core/{r,w}mem_max bridge/bridge-nf-call-ip{,6}tables >>/mnt/.keys
        cd /mnt
        xargs dirname <.keys | sort -u | xargs mkdir -p
        xargs touch <.keys
        mount --bind /mnt /proc/sys
        output=$(SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-sysctl "$1" 2>&1) || true
        echo "$output"
        [[ -z $output ]]
    "#;
    inside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

/// The list of built-in modules contains all modules that we load. systemd-modules-load only prints a message
/// for a module that it does not find.
fn systemd_modules_load(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        mount -t tmpfs disk /mnt
        mkdir /mnt/upper /mnt/work
        mount -t overlay -o lowerdir=/usr/lib,upperdir=/mnt/upper,workdir=/mnt/work lib /usr/lib
        modules=/lib/modules/$(uname -r)
        rm -rf "$modules"
        mkdir -p "$modules"
        touch "$modules/modules.order"
        printf 'kernel/%s.ko\n' br_netfilter ip_vs{,_rr,_sh,_wrr} nf_conntrack overlay wireguard >"$modules/modules.builtin"
        depmod 2>/dev/null
        output=$(SYSTEMD_LOG_LEVEL=info SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-modules-load "$1" 2>&1)
        echo "$output"
        [[ -n $output && $output != *Failed* ]]
    "#;
    inside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

/// Adds the routes to an interface with the file's name, and compares them with those of the kernel.
fn ip_batch(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        interface=$(basename "$1" .routes)
        ip link add "$interface" type dummy 2>/dev/null || ip tuntap add "$interface" mode tun
        ip link set "$interface" up
        ip -force -batch "$1"
        ip -4 route show
    "#;
    let set = inside(SCRIPT, file)?;
    if !set.status.success() {
        return Ok(ConsumerVerdict::from_output(set));
    }
    let text = fs::read_to_string(file)?;
    let expected = sorted(text.lines().filter_map(|line| line.strip_prefix("route replace ")));
    // ip(8) also prints the scope, and the state of a link without a carrier.
    let stdout = String::from_utf8_lossy(&set.stdout);
    let routes = stdout.replace(" scope link", "").replace(" linkdown", "");
    let found = sorted(routes.lines().map(str::trim_end));
    if expected == found {
        return Ok(ConsumerVerdict::Accepted);
    }
    Ok(ConsumerVerdict::Refused(format!("the file has {expected:?}, the kernel has {found:?}")))
}

fn sorted<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut sorted: Vec<_> = lines.map(str::to_owned).collect();
    sorted.sort();
    sorted
}

/// A JoinConfiguration names the discovery file, and kubeadm checks that it exists.
fn kubeadm(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        mount -t tmpfs etc /etc
        mkdir /etc/kubernetes
        touch /etc/kubernetes/discovery.conf
        kubeadm config validate --config "$1"
    "#;
    inside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

impl ConsumerVerdict {
    /// From the exit status of a program.
    pub(crate) fn from_output(done: Output) -> Self {
        if done.status.success() {
            return Self::Accepted;
        }
        Self::Refused(printed(&done))
    }
}
