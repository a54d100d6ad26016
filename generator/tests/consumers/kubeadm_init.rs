//! What `kubeadm init` would make of the founder's files, patches included: it says so itself
//! (`--dry-run`), and that is compared with what the tree says elsewhere.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::consumer::{Broken, NAMESPACES, TreeConsumer, Verdict, need};
use crate::namespace::inside;

/// The judge.
pub(crate) const CONSUMER: TreeConsumer = TreeConsumer {
    name: "kubeadm_init",
    tier: "kubeadm",
    needs: &[NAMESPACES, need("type kubeadm", "no kubeadm")],
    judge,
    broken: &[
        Broken {
            name: "a_patch_of_a_container_that_is_not_there",
            path: "nodes/alpha/patches/kube-apiserver0+json.yaml",
            sound: "/spec/containers/0/",
            unsound: "/spec/containers/1/",
            reason: "doc is missing path: \"/spec/containers/1/command/-\"",
        },
        Broken {
            name: "a_key_of_a_patch_misspelt",
            path: "nodes/alpha/patches/kubeletconfiguration0+merge.yaml",
            sound: "address:",
            unsound: "adress:",
            reason: "kubelet's address is null, not \"10.66.66.1\"",
        },
        Broken {
            name: "an_api_server_that_listens_everywhere",
            path: "nodes/alpha/patches/kube-apiserver0+json.yaml",
            sound: "--bind-address=10.66.66.1",
            unsound: "--bind-address=0.0.0.0",
            reason: "kube-apiserver's --bind-address is [\"0.0.0.0\"], not [\"10.66.66.1\"]",
        },
        Broken {
            name: "the_address_of_another_node",
            path: "nodes/alpha/kubeadm.yaml",
            sound: "advertiseAddress: \"10.66.66.1\"",
            unsound: "advertiseAddress: \"10.66.66.2\"",
            reason: "kube-apiserver's --advertise-address is [\"10.66.66.2\"], not [\"10.66.66.1\"]",
        },
        Broken {
            name: "a_kubelet_with_the_address_of_another_node",
            path: "nodes/alpha/kubeadm.yaml",
            sound: "value: \"10.66.66.1\"",
            unsound: "value: \"10.66.66.2\"",
            reason: "kubelet's --node-ip is [\"10.66.66.2\"], not [\"10.66.66.1\"]",
        },
        Broken {
            name: "a_patch_of_kube_proxy_that_is_not_what_init_gives",
            path: "cluster/kube-proxy/kube-proxy.patch.yaml",
            sound: "clusterCIDR: 10.244.0.0/16",
            unsound: "clusterCIDR: 10.245.0.0/16",
            reason: "kube-proxy's clusterCIDR is \"10.244.0.0/16\", not \"10.245.0.0/16\"",
        },
        Broken {
            name: "a_name_that_no_certificate_can_hold",
            path: "nodes/alpha/kubeadm.yaml",
            sound: "- k8s-api.pair.internal",
            unsound: "- k8s_api.pair.internal",
            reason: "apiServer.certSANs: Invalid value: \"k8s_api.pair.internal\"",
        },
    ],
};

/// Where the API server, etcd and kubelet listen, what kubeadm stores for all nodes, and the
/// certificate.
fn judge(tree: &Path) -> io::Result<Verdict> {
    let founder = Founder::find(tree)?;
    let done = dry_run(&founder.file)?;
    if !done.status.success() {
        return Ok(Verdict::Refused(String::from_utf8_lossy(&done.stderr).into_owned()));
    }
    let printed = Printed::parse(&String::from_utf8_lossy(&done.stdout))?;
    let mut faults = Vec::new();
    founder.control_plane(&printed, &mut faults);
    founder.kubelet(&printed, &mut faults);
    founder.stored(&printed, &mut faults)?;
    founder.kube_proxy(tree, &printed, &mut faults)?;
    founder.certificate(&printed, &mut faults);
    Ok(match faults.as_slice() {
        [] => Verdict::Accepted,
        faults => Verdict::Refused(faults.join("\n")),
    })
}

/// The node needs its address, and the patches are looked for at the path in the file. What
/// preflight finds of this machine does not matter; `all` may not stand beside the file's own list.
fn dry_run(file: &Path) -> io::Result<std::process::Output> {
    const SCRIPT: &str = r#"
        mount -t tmpfs etc /etc
        mkdir -p /etc/kubernetes/patches
        mount --bind "$(dirname "$1")/patches" /etc/kubernetes/patches
        address=$(sed -n 's/^  advertiseAddress: "\(.*\)"$/\1/p' "$1")
        ip link add wg0 type veth peer name underlay
        ip address add "$address/24" dev wg0
        ip link set underlay up
        ip link set wg0 up
        here=CRI,ContainerRuntimeVersion,FileContent--proc-sys-net-ipv4-ip_forward,Hostname,KubeletVersion
        here+=,Mem,NumCPU,Service-kubelet,Swap,SystemVerification
        kubeadm init --dry-run --config "$1" --ignore-preflight-errors="$here" --skip-token-print
    "#;
    inside(SCRIPT, file)
}

/// The control plane that founds the cluster, as its files declare it.
pub(crate) struct Founder {
    /// Its kubeadm.yaml.
    pub(crate) file: PathBuf,
    name: String,
    /// On the mesh, by its node.json.
    address: String,
    /// The documents of its file, by kind.
    declared: BTreeMap<String, Value>,
}

impl Founder {
    /// The one node of a tree that does not join.
    pub(crate) fn find(tree: &Path) -> io::Result<Self> {
        for node in fs::read_dir(tree.join("nodes"))? {
            let node = node?.path();
            let file = node.join("kubeadm.yaml");
            let text = fs::read_to_string(&file)?;
            if text.contains("\nkind: InitConfiguration\n") {
                let json: Value = serde_json::from_slice(&fs::read(node.join("node.json"))?)?;
                let address = json["wireguard"]["address"].as_str().unwrap_or_default();
                let address = address.split('/').next().unwrap_or_default().to_owned();
                let name = json["name"].as_str().unwrap_or_default().to_owned();
                return Ok(Self { file, name, address, declared: by_kind(&text)? });
            }
        }
        Err(io::Error::other("no node founds the cluster"))
    }

    /// A document of its file.
    pub(crate) fn declared(&self, kind: &str) -> &Value {
        self.declared.get(kind).unwrap_or(&Value::Null)
    }

    /// The static pods: the founder's address everywhere, and all flags that were asked for.
    fn control_plane(&self, printed: &Printed, faults: &mut Faults) {
        let address = &self.address;
        let peers = format!("https://{address}:2380");
        let clients = format!("https://127.0.0.1:2379,https://{address}:2379");
        let fixed = [
            ("kube-apiserver", "advertise-address", address.as_str()),
            ("kube-apiserver", "bind-address", address),
            ("etcd", "listen-client-urls", &clients),
            ("etcd", "listen-peer-urls", &peers),
            ("etcd", "initial-advertise-peer-urls", &peers),
            ("etcd", "listen-metrics-urls", "http://127.0.0.1:2381"),
            ("kube-controller-manager", "bind-address", "127.0.0.1"),
            ("kube-scheduler", "bind-address", "127.0.0.1"),
        ];
        let cluster = self.declared("ClusterConfiguration");
        let asked = [
            ("kube-apiserver", &cluster["apiServer"]["extraArgs"]),
            ("kube-controller-manager", &cluster["controllerManager"]["extraArgs"]),
            ("kube-scheduler", &cluster["scheduler"]["extraArgs"]),
            ("etcd", &cluster["etcd"]["local"]["extraArgs"]),
        ];
        let asked = asked.into_iter().flat_map(|(pod, arguments)| {
            pairs(arguments).map(move |(flag, value)| (pod, flag, value))
        });
        for (pod, flag, value) in fixed.into_iter().chain(asked) {
            differs(
                &format!("{pod}'s --{flag}"),
                printed.flag(pod, flag),
                [value].as_slice(),
                faults,
            );
        }
        let pod = printed.pod("kube-apiserver");
        let probed = pod["livenessProbe"]["httpGet"]["host"].clone();
        differs("the host of kube-apiserver's probe", probed, address.as_str(), faults);
    }

    fn kubelet(&self, printed: &Printed, faults: &mut Faults) {
        let config = printed.file("/var/lib/kubelet/config.yaml");
        let cluster = &self.declared("ClusterConfiguration")["networking"];
        let declared = self.declared("KubeletConfiguration");
        let socket = &self.declared("InitConfiguration")["nodeRegistration"]["criSocket"];
        differs("kubelet's address", config["address"].clone(), self.address.as_str(), faults);
        covers("kubelet's runtime", socket, &config["containerRuntimeEndpoint"], faults);
        covers("kubelet's domain", &cluster["dnsDomain"], &config["clusterDomain"], faults);
        covers("kubelet", declared, &config, faults);
        let registration = &self.declared("InitConfiguration")["nodeRegistration"];
        let name = [("hostname-override", self.name.as_str()), ("node-ip", &self.address)];
        for (flag, value) in name.into_iter().chain(pairs(&registration["kubeletExtraArgs"])) {
            let found = printed.kubelet_flag(flag);
            differs(&format!("kubelet's --{flag}"), found, [value].as_slice(), faults);
        }
    }

    /// What further nodes read from the cluster: nothing of it is the founder's own.
    fn stored(&self, printed: &Printed, faults: &mut Faults) -> io::Result<()> {
        let stored = printed.data("kubeadm-config", "ClusterConfiguration")?;
        covers("kubeadm-config", self.declared("ClusterConfiguration"), &stored, faults);
        let kubelet = printed.data("kubelet-config", "kubelet")?;
        covers("kubelet-config", self.declared("KubeletConfiguration"), &kubelet, faults);
        differs("the address of all kubelets", kubelet["address"].clone(), Value::Null, faults);
        Ok(())
    }

    /// What a patch would change later is what init gives at once.
    fn kube_proxy(&self, tree: &Path, printed: &Printed, faults: &mut Faults) -> io::Result<()> {
        let stored = printed.data("kube-proxy", "config.conf")?;
        covers("kube-proxy", self.declared("KubeProxyConfiguration"), &stored, faults);
        let patch = fs::read_to_string(tree.join("cluster/kube-proxy/kube-proxy.patch.yaml"))?;
        let patch = yaml(yaml(&patch)?["data"]["config.conf"].as_str().unwrap_or_default())?;
        covers("kube-proxy", &patch, &stored, faults);
        let kubeconfig = printed.data("kube-proxy", "kubeconfig.conf")?;
        let server = kubeconfig["clusters"][0]["cluster"]["server"].clone();
        let endpoint = &self.declared("ClusterConfiguration")["controlPlaneEndpoint"];
        let endpoint = format!("https://{}", endpoint.as_str().unwrap_or_default());
        differs("kube-proxy's server", server, endpoint, faults);
        Ok(())
    }

    /// The API server answers to every name and address that it was given.
    fn certificate(&self, printed: &Printed, faults: &mut Faults) {
        const SIGNED: &str = "[certs] apiserver serving cert is signed for ";
        let signed = printed.said.lines().find_map(|line| line.strip_prefix(SIGNED));
        let signed = signed.unwrap_or_default();
        let signed: Vec<_> = signed.split([' ', '[', ']']).collect();
        let names = &self.declared("ClusterConfiguration")["apiServer"]["certSANs"];
        for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !signed.contains(&name) {
                faults.push(format!("the API server's certificate lacks {name}: {signed:?}"));
            }
        }
    }
}

/// What differs, in words.
type Faults = Vec<String>;

/// What kubeadm says that it would do.
struct Printed {
    said: String,
    /// By path.
    files: BTreeMap<String, String>,
    /// The ConfigMaps, by name.
    config_maps: BTreeMap<String, Value>,
}

impl Printed {
    /// A file or an object ends where kubeadm itself speaks again: `[phase] …`.
    fn parse(said: &str) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut config_maps = BTreeMap::new();
        let mut rest = said;
        while let Some((line, after)) = rest.split_once('\n') {
            rest = after;
            let end = after.find("\n[").map_or(after.len(), |at| at + 1);
            let path = line.strip_prefix("[dryrun] Would write file \"");
            let path = path.and_then(|path| path.strip_suffix("\" with content:"));
            if let Some(path) = path {
                files.insert(path.to_owned(), after[..end].to_owned());
            } else if line == "[dryrun] Attached object:" {
                let object = yaml(&after[..end])?;
                if object["kind"] == "ConfigMap" {
                    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                    config_maps.insert(name, object);
                }
            }
        }
        Ok(Self { said: said.to_owned(), files, config_maps })
    }

    fn file(&self, path: &str) -> Value {
        self.files.get(path).and_then(|text| yaml(text).ok()).unwrap_or_default()
    }

    /// The container of a static pod.
    fn pod(&self, name: &str) -> Value {
        self.file(&format!("/etc/kubernetes/manifests/{name}.yaml"))["spec"]["containers"][0].take()
    }

    /// All values of a flag of a static pod, since the last one wins.
    fn flag(&self, pod: &str, flag: &str) -> Vec<String> {
        let command = self.pod(pod)["command"].take();
        let words = command.as_array().into_iter().flatten().filter_map(Value::as_str);
        values(words, flag)
    }

    /// All values of a flag that kubelet is started with.
    fn kubelet_flag(&self, flag: &str) -> Vec<String> {
        let file = self.files.get("/var/lib/kubelet/kubeadm-flags.env");
        let line = file.map_or("", |text| text.trim());
        values(line.trim_start_matches("KUBELET_KUBEADM_ARGS=").trim_matches('"').split(' '), flag)
    }

    /// A document that a ConfigMap holds.
    fn data(&self, name: &str, key: &str) -> io::Result<Value> {
        let found = self.config_maps.get(name).and_then(|map| map["data"][key].as_str());
        yaml(found.ok_or_else(|| io::Error::other(format!("no {key} in a ConfigMap {name}")))?)
    }
}

fn values<'a>(words: impl Iterator<Item = &'a str>, flag: &str) -> Vec<String> {
    let flag = format!("--{flag}=");
    words.filter_map(|word| word.strip_prefix(flag.as_str())).map(str::to_owned).collect()
}

/// The flags of kubeadm's `extraArgs`.
fn pairs(arguments: &Value) -> impl Iterator<Item = (&str, &str)> {
    let arguments = arguments.as_array().into_iter().flatten();
    arguments.filter_map(|one| Some((one["name"].as_str()?, one["value"].as_str()?)))
}

fn differs(what: &str, found: impl Into<Value>, expected: impl Into<Value>, faults: &mut Faults) {
    let (found, expected) = (found.into(), expected.into());
    if found != expected {
        faults.push(format!("{what} is {found}, not {expected}"));
    }
}

/// Every value that was declared is found; what was left out is kubeadm's to fill.
pub(crate) fn covers(at: &str, declared: &Value, found: &Value, faults: &mut Faults) {
    match declared.as_object() {
        Some(keys) => {
            for (key, declared) in keys {
                let of = if at.contains('\'') { "." } else { "'s " };
                covers(&format!("{at}{of}{key}"), declared, &found[key], faults);
            }
        }
        None if declared == found => {}
        None => faults.push(format!("{at} is {found}, not {declared}")),
    }
}

/// A file of one document.
pub(crate) fn yaml(text: &str) -> io::Result<Value> {
    serde_saphyr::from_str(text).map_err(io::Error::other)
}

fn by_kind(text: &str) -> io::Result<BTreeMap<String, Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(io::Error::other)?;
    let kind = |document: &Value| document["kind"].as_str().unwrap_or_default().to_owned();
    Ok(documents.into_iter().map(|document| (kind(&document), document)).collect())
}
