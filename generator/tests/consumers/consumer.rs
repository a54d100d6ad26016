//! The consumers: which files each reads, how it is asked, and what it must refuse.
//!
//! To add one: its entry in [`CONSUMERS`], and the function that asks it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

use crate::namespace::{inside, outside};
use crate::need::Need;
use crate::testing;

/// A program that reads what we emit.
pub(crate) struct Consumer {
    pub(crate) name: &'static str,
    /// By which `MESHWRIGHT_REQUIRE` asks for it.
    pub(crate) tier: &'static str,
    pub(crate) needs: &'static [Need],
    /// Whether it reads the file with this path below the tree.
    pub(crate) reads: fn(&str) -> bool,
    /// Has it read files; a verdict for each.
    pub(crate) judge: fn(&[PathBuf]) -> io::Result<Vec<Verdict>>,
    pub(crate) broken: &'static [Broken],
}

/// A program that is given more than a file: what it makes of a whole tree.
pub(crate) struct TreeConsumer {
    pub(crate) name: &'static str,
    /// By which `MESHWRIGHT_REQUIRE` asks for it.
    pub(crate) tier: &'static str,
    pub(crate) needs: &'static [Need],
    pub(crate) judge: fn(&Path) -> io::Result<Verdict>,
    pub(crate) broken: &'static [Broken],
}

/// What a consumer says of a file.
pub(crate) enum Verdict {
    Accepted,
    /// With all that it printed.
    Refused(String),
}

/// A sound file of an example, broken in one place.
pub(crate) struct Broken {
    pub(crate) name: &'static str,
    /// The file.
    pub(crate) path: &'static str,
    /// What is replaced, once.
    pub(crate) sound: &'static str,
    /// What it is replaced by.
    pub(crate) unsound: &'static str,
    /// What the consumer must say of it.
    pub(crate) reason: &'static str,
}

impl Broken {
    /// Copies the sound tree's file with the fault, at the same path below the folder.
    pub(crate) fn write(&self, tree: &Path, folder: &Path) -> io::Result<PathBuf> {
        let text = fs::read_to_string(tree.join(self.path))?;
        let broken = text.replacen(self.sound, self.unsound, 1);
        if broken == text {
            return Err(io::Error::other(format!("{} has no `{}`", self.path, self.sound)));
        }
        write(&folder.join(self.path), broken.as_bytes())
    }

    /// Copies the whole sound tree with the fault.
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

/// All of them.
pub(crate) const CONSUMERS: &[Consumer] = &[
    Consumer {
        name: "wg_quick",
        tier: "consumers",
        needs: &[NAMESPACES, need("type wg-quick wg", "no wireguard-tools")],
        reads: |path| path.ends_with(".conf") && in_folder_of_one(path) && !is_nftables(path),
        judge: |files| each(files, wg_quick),
        broken: &[
            Broken {
                name: "a_key_of_wg_quick_misspelt",
                path: "nodes/alpha/wg0.conf",
                sound: "Table = off",
                unsound: "Tabel = off",
                reason: "Line unrecognized: `Tabel=off'",
            },
            Broken {
                name: "a_subnet_that_is_none",
                path: "nodes/alpha/wg0.conf",
                sound: "10.244.2.0/24",
                unsound: "10.244.2.0/33",
                reason: "AllowedIP is not in the correct format: `10.244.2.0/33'",
            },
            Broken {
                name: "a_key_cut_short",
                path: "nodes/alpha/wg0.conf",
                sound: "PublicKey = MIUz",
                unsound: "PublicKey = M",
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
            Broken {
                name: "a_keyword_misspelt",
                path: "nodes/alpha/nftables.conf",
                sound: "udp dport 51820",
                unsound: "udp dprot 51820",
                reason: "syntax error, unexpected string",
            },
            Broken {
                name: "a_set_that_is_not_there",
                path: "nodes/alpha/nftables.conf",
                sound: "ip saddr @ssh_from_v4",
                unsound: "ip saddr @ssh_from",
                reason: "No such file or directory",
            },
            Broken {
                name: "an_address_of_the_wrong_family",
                path: "nodes/alpha/nftables.conf",
                sound: "elements = { 10.66.66.1, 10.66.66.2 }",
                unsound: "elements = { 10.66.66.1, fd00::2 }",
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
            Broken {
                name: "a_name_that_is_a_boolean",
                path: "nodes/alpha/kubeadm.yaml",
                sound: "name: alpha",
                unsound: "name: no",
                reason: r#"/0/nodeRegistration/name is false in YAML 1.1 and "no" in YAML 1.2"#,
            },
            Broken {
                name: "a_name_that_is_a_time",
                path: "nodes/alpha/kubeadm.yaml",
                sound: "clusterName: pair",
                unsound: "clusterName: 12:30",
                reason: r#"/1/clusterName is 750 in YAML 1.1 and "12:30" in YAML 1.2"#,
            },
            Broken {
                name: "a_version_that_is_a_date",
                path: "nodes/alpha/kubeadm.yaml",
                sound: "kubernetesVersion: v1.36.3",
                unsound: "kubernetesVersion: 2026-01-02",
                reason: "Object of type date is not JSON serializable",
            },
            Broken {
                name: "a_tab",
                path: "nodes/alpha/kubeadm.yaml",
                sound: "  bindPort",
                unsound: "\tbindPort",
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
            Broken {
                name: "a_variable_without_quotes",
                path: "host/meshwright-node",
                sound: r#"ip -force -batch "$file""#,
                unsound: "ip -force -batch $file",
                reason: "SC2086",
            },
            Broken {
                name: "a_block_without_end",
                path: "host/meshwright-node",
                sound: "    fi\n",
                unsound: "",
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
            Broken {
                name: "a_key_misspelt",
                path: "host/containerd/config.toml",
                sound: "config_path",
                unsound: "config_paths",
                reason: "not in the dump: config_paths = \"/etc/containerd/certs.d\"",
            },
            Broken {
                name: "a_version_that_is_none",
                path: "host/containerd/config.toml",
                sound: "version = 3",
                unsound: "version = 30",
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
            Broken {
                name: "a_section_misspelt",
                path: "host/systemd/meshwright-guards.service",
                sound: "[Service]",
                unsound: "[Servce]",
                reason: "Unknown section 'Servce'",
            },
            Broken {
                name: "a_program_that_is_not_there",
                path: "host/systemd/meshwright-firewall.service",
                sound: "ExecStart=/usr/sbin/nft ",
                unsound: "ExecStart=/usr/sbin/no-such-program ",
                reason: "Command /usr/sbin/no-such-program is not executable",
            },
            Broken {
                name: "a_key_of_a_drop_in_misspelt",
                path: "host/systemd/wg-quick@wg0.service.d/meshwright.conf",
                sound: "Wants=",
                unsound: "Want=",
                reason: "Unknown key 'Want' in section [Unit]",
            },
            Broken {
                name: "a_time_that_is_none",
                path: "host/systemd/meshwright-resolve.timer",
                sound: "60s",
                unsound: "60x",
                reason: "Failed to parse",
            },
        ],
    },
    Consumer {
        name: "haproxy",
        tier: "consumers",
        needs: &[need("type haproxy", "no haproxy")],
        reads: |path| path == "host/haproxy.cfg",
        judge: |files| each(files, |file| outside(r#"haproxy -c -f "$1""#, file).map(Verdict::of)),
        broken: &[
            Broken {
                name: "a_keyword_misspelt",
                path: "host/haproxy.cfg",
                sound: "default_backend control_planes",
                unsound: "default_backed control_planes",
                reason: "unknown keyword 'default_backed' in 'frontend' section",
            },
            Broken {
                name: "a_backend_that_is_not_there",
                path: "host/haproxy.cfg",
                sound: "default_backend control_planes",
                unsound: "default_backend control_plane",
                reason: "unable to find required default_backend: 'control_plane'",
            },
            Broken {
                name: "an_address_that_is_none",
                path: "host/haproxy.cfg",
                sound: "10.66.66.2:6443",
                unsound: "10.66.66.2000:6443",
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
            Broken {
                name: "a_key_misspelt",
                path: "host/sysctl.conf",
                sound: "net.ipv4.ip_forward",
                unsound: "net.ipv4.ip_forwards",
                reason: "Couldn't write '1' to 'net/ipv4/ip_forwards', ignoring: No such file",
            },
            Broken {
                name: "a_line_without_a_value",
                path: "host/sysctl.conf",
                sound: "net.ipv4.ip_forward = 1",
                unsound: "net.ipv4.ip_forward 1",
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
            Broken {
                name: "a_module_misspelt",
                path: "host/modules-load.conf",
                sound: "nf_conntrack",
                unsound: "nf_contrack",
                reason: "Failed to find module 'nf_contrack'",
            },
            Broken {
                name: "two_modules_on_a_line",
                path: "host/modules-load.conf",
                sound: "nf_conntrack\noverlay",
                unsound: "nf_conntrack overlay",
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
            Broken {
                name: "a_subnet_with_host_bits",
                path: "nodes/alpha/wg0.routes",
                sound: "10.244.2.0/24",
                unsound: "10.244.2.1/24",
                reason: "Error: Invalid prefix for given prefix length",
            },
            Broken {
                name: "an_interface_that_is_not_there",
                path: "nodes/alpha/wg0.routes",
                sound: "dev wg0",
                unsound: "dev wg9",
                reason: "Cannot find device \"wg9\"",
            },
            Broken {
                name: "a_route_that_replaces_another",
                path: "host/guards.routes",
                sound: "10.66.66.0/24",
                unsound: "10.244.0.0/16",
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
            Broken {
                name: "a_field_misspelt",
                path: "nodes/alpha/kubeadm.yaml",
                sound: "advertiseAddress",
                unsound: "advertiseAdress",
                reason: "unknown field \"localAPIEndpoint.advertiseAdress\"",
            },
            Broken {
                name: "a_subnet_that_is_none",
                path: "nodes/alpha/kubeadm.yaml",
                sound: "podSubnet: 10.244.0.0/16",
                unsound: "podSubnet: 10.244.0.0/33",
                reason: "networking.podSubnet",
            },
            Broken {
                name: "a_version_of_the_format_that_is_gone",
                path: "nodes/beta/kubeadm.yaml",
                sound: "v1beta4",
                unsound: "v1beta2",
                reason: "kubeadm.k8s.io/v1beta2",
            },
            Broken {
                name: "discovery_by_a_file_that_is_not_there",
                path: "nodes/beta/kubeadm.yaml",
                sound: "discovery.conf",
                unsound: "no-such.conf",
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
    judge: fn(&Path) -> io::Result<Verdict>,
) -> io::Result<Vec<Verdict>> {
    files.iter().map(|file| judge(file)).collect()
}

/// wg-quick(8) takes its own keys out and asks no questions; wg(8) reads the rest. It parses all of
/// it before it looks for the interface, which is why one that does not exist will do. Names are
/// looked up while parsing, so all of them are made to resolve.
fn wg_quick(file: &Path) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        mount -t tmpfs hosts /mnt
        sed -n 's/^Endpoint = \(.*\):[0-9]*$/192.0.2.1 \1/p' "$1" >/mnt/hosts
        mount --bind /mnt/hosts /etc/hosts
        stripped=$(wg-quick strip "$1")
        said=$(WG_ENDPOINT_RESOLUTION_RETRIES=0 wg setconf no-such-device /dev/stdin <<<"$stripped" 2>&1) || true
        echo "$said"
        [[ $said == 'Unable to modify interface: '* ]]
    "#;
    inside(SCRIPT, file).map(Verdict::of)
}

fn nft(file: &Path) -> io::Result<Verdict> {
    inside(r#"nft --check --file "$1""#, file).map(Verdict::of)
}

/// kubectl, kubeadm and cloud-init read YAML with parsers of different age: both versions must
/// find the same values. One process reads all, since Python takes long to start.
fn yaml_1_1(files: &[PathBuf]) -> io::Result<Vec<Verdict>> {
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

/// Compares what YAML 1.1 found in a text with what YAML 1.2 finds.
fn yaml_1_2(older: Result<Value, String>, text: &str) -> io::Result<Verdict> {
    let strict = serde_saphyr::options! { strict_booleans: true };
    let newer = serde_saphyr::from_multiple_with_options(text, strict).map(Value::Array);
    Ok(match (older, newer) {
        (Ok(older), Ok(newer)) => {
            difference("", &older, &newer).map_or(Verdict::Accepted, Verdict::Refused)
        }
        (Err(reason), _) => Verdict::Refused(reason),
        (_, Err(error)) => Verdict::Refused(error.to_string()),
    })
}

/// The first place where two readings of one file differ, as a JSON pointer (RFC 6901).
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

fn shellcheck(file: &Path) -> io::Result<Verdict> {
    outside(r#"shellcheck "$1""#, file).map(Verdict::of)
}

/// What containerd makes of its configuration must hold what was asked for: it drops a key that it
/// does not know. Options of a runtime are free, and are the runtime's to judge.
fn containerd(file: &Path) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        dump=$(containerd --config "$1" config dump)
        missing=0
        while IFS= read -r line; do
            grep -qF -- "$(tr '"' "'" <<<"$line")" < <(tr '"' "'" <<<"$dump") || { echo "not in the dump: $line"; missing=1; }
        done < <(grep -v -e '^#' -e '^$' -e '^version' "$1")
        exit "$missing"
    "#;
    outside(SCRIPT, file).map(Verdict::of)
}

/// The units are verified where systemd would find them, beside the script that they start. A
/// drop-in is verified with the unit that it belongs to: wireguard-tools' own, or one in the place
/// of kubelet's, which comes from elsewhere.
fn systemd(file: &Path) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        units=${1%%/systemd/*}/systemd
        unit=${1#"$units"/}
        mount -t tmpfs programs /usr/local/sbin
        install -m 755 /dev/null /usr/local/sbin/meshwright-node
        printf '[Service]\nExecStart=/bin/true\n' >/usr/local/sbin/kubelet.service
        SYSTEMD_UNIT_PATH=$units:/usr/local/sbin: systemd-analyze verify --man=no --recursive-errors=no "${unit%.d/*}"
    "#;
    inside(SCRIPT, file).map(Verdict::of)
}

/// The keys of this kernel, as files that anyone may write; some are in the first network namespace
/// alone, or come with a module. What it cannot set it mentions.
fn systemd_sysctl(file: &Path) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        mount -t tmpfs keys /mnt
        cd /proc/sys
        find fs kernel net vm -type f >/mnt/.keys 2>/dev/null || true
        printf 'net/%s\n' core/{r,w}mem_max bridge/bridge-nf-call-ip{,6}tables >>/mnt/.keys
        cd /mnt
        xargs dirname <.keys | sort -u | xargs mkdir -p
        xargs touch <.keys
        mount --bind /mnt /proc/sys
        said=$(SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-sysctl "$1" 2>&1) || true
        echo "$said"
        [[ -z $said ]]
    "#;
    inside(SCRIPT, file).map(Verdict::of)
}

/// For it all modules of ours are built into the kernel. One that it does not find it mentions, and
/// its unit succeeds.
fn systemd_modules_load(file: &Path) -> io::Result<Verdict> {
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
        said=$(SYSTEMD_LOG_LEVEL=info SYSTEMD_LOG_TARGET=console /lib/systemd/systemd-modules-load "$1" 2>&1)
        echo "$said"
        [[ -n $said && $said != *Failed* ]]
    "#;
    inside(SCRIPT, file).map(Verdict::of)
}

/// The routes are set on an interface of the file's name, then asked back from the kernel.
fn ip_batch(file: &Path) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        interface=$(basename "$1" .routes)
        ip link add "$interface" type dummy 2>/dev/null || ip tuntap add "$interface" mode tun
        ip link set "$interface" up
        ip -force -batch "$1"
        ip -4 route show
    "#;
    let set = inside(SCRIPT, file)?;
    if !set.status.success() {
        return Ok(Verdict::of(set));
    }
    let asked = fs::read_to_string(file)?;
    let asked = sorted(asked.lines().filter_map(|line| line.strip_prefix("route replace ")));
    // What ip(8) adds: the scope follows from the route, the link's state from nobody answering.
    let shown = String::from_utf8_lossy(&set.stdout).replace(" scope link", "");
    let shown = sorted(shown.replace(" linkdown", "").lines().map(str::trim_end));
    if asked == shown {
        return Ok(Verdict::Accepted);
    }
    Ok(Verdict::Refused(format!("the file has {asked:?}, the kernel has {shown:?}")))
}

fn sorted<'a>(lines: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut lines: Vec<_> = lines.map(str::to_owned).collect();
    lines.sort();
    lines
}

/// A join names the file of discovery, which kubeadm looks for.
fn kubeadm(file: &Path) -> io::Result<Verdict> {
    const SCRIPT: &str = r#"
        mount -t tmpfs etc /etc
        mkdir /etc/kubernetes
        touch /etc/kubernetes/discovery.conf
        kubeadm config validate --config "$1"
    "#;
    inside(SCRIPT, file).map(Verdict::of)
}

impl Verdict {
    /// By the exit status.
    pub(crate) fn of(done: Output) -> Self {
        if done.status.success() {
            return Self::Accepted;
        }
        let printed = [done.stdout, done.stderr].concat();
        Self::Refused(String::from_utf8_lossy(&printed).into_owned())
    }
}
