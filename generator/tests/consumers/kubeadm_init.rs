//! `kubeadm init --dry-run` prints the files and objects that it would create from the first control plane's
//! files, patches included. They are compared with the other files of the tree.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use serde_json::Value;

use crate::consumer::{BrokenFile, ConsumerVerdict, NAMESPACES, TreeConsumer, need};
use crate::expect::{expect_code, expect_text};
use crate::namespace::inside_with_processes;
use crate::testing;

/// The consumer.
pub(crate) const CONSUMER: TreeConsumer = TreeConsumer {
    name: "kubeadm_init",
    tier: "kubeadm",
    needs: &[NAMESPACES, need("type kubeadm", "no kubeadm"), need("type haproxy", "no haproxy")],
    judge,
    broken: &[
        BrokenFile {
            name: "a_patch_of_a_missing_container",
            path: "nodes/alpha/patches/kube-apiserver0+json.yaml",
            original: "/spec/containers/0/",
            replacement: "/spec/containers/1/",
            reason: "doc is missing path: \"/spec/containers/1/command/-\"",
        },
        BrokenFile {
            name: "a_misspelt_key_of_a_patch",
            path: "nodes/alpha/patches/kubeletconfiguration0+merge.yaml",
            original: "address:",
            replacement: "adress:",
            reason: "kubelet's address is null, not \"10.66.66.1\"",
        },
        BrokenFile {
            name: "an_api_server_that_listens_everywhere",
            path: "nodes/alpha/patches/kube-apiserver0+json.yaml",
            original: "--bind-address=10.66.66.1",
            replacement: "--bind-address=0.0.0.0",
            reason: "kube-apiserver's --bind-address is [\"0.0.0.0\"], not [\"10.66.66.1\"]",
        },
        BrokenFile {
            name: "the_address_of_another_node",
            path: "nodes/alpha/kubeadm.yaml",
            original: "advertiseAddress: \"10.66.66.1\"",
            replacement: "advertiseAddress: \"10.66.66.2\"",
            reason: "kube-apiserver's --advertise-address is [\"10.66.66.2\"], not [\"10.66.66.1\"]",
        },
        BrokenFile {
            name: "a_kubelet_with_the_address_of_another_node",
            path: "nodes/alpha/kubeadm.yaml",
            original: "value: \"10.66.66.1\"",
            replacement: "value: \"10.66.66.2\"",
            reason: "kubelet's --node-ip is [\"10.66.66.2\"], not [\"10.66.66.1\"]",
        },
        BrokenFile {
            name: "a_patch_of_kube_proxy_that_differs_from_init",
            path: "cluster/kube-proxy/kube-proxy.patch.yaml",
            original: "clusterCIDR: 10.244.0.0/16",
            replacement: "clusterCIDR: 10.245.0.0/16",
            reason: "kube-proxy's clusterCIDR is \"10.244.0.0/16\", not \"10.245.0.0/16\"",
        },
        BrokenFile {
            name: "a_port_check_beside_the_load_balancer",
            path: "nodes/flake/kubeadm.yaml",
            original: "  - Port-6443\n",
            replacement: "  - Port-6444\n",
            reason: "[ERROR Port-6443]: Port 6443 is in use",
        },
        BrokenFile {
            name: "a_name_that_is_not_valid_in_a_certificate",
            path: "nodes/alpha/kubeadm.yaml",
            original: "- k8s-api.pair.internal",
            replacement: "- k8s_api.pair.internal",
            reason: "apiServer.certSANs: Invalid value: \"k8s_api.pair.internal\"",
        },
    ],
};

/// Compares the listen addresses of the API server, etcd and kubelet, the objects that kubeadm stores for all
/// nodes, and the names of the certificate.
fn judge(tree: &Path) -> io::Result<ConsumerVerdict> {
    let init_node = InitNode::find(tree)?;
    let done = dry_run(&init_node.file)?;
    if !done.status.success() {
        return Ok(ConsumerVerdict::Refused(String::from_utf8_lossy(&done.stderr).into_owned()));
    }
    let printed = DryRunOutput::parse(&String::from_utf8_lossy(&done.stdout))?;
    let mut faults = Vec::new();
    init_node.control_plane(&printed, &mut faults);
    init_node.kubelet(&printed, &mut faults);
    init_node.stored(&printed, &mut faults)?;
    init_node.kube_proxy(tree, &printed, &mut faults)?;
    init_node.certificate(&printed, &mut faults);
    Ok(match faults.as_slice() {
        [] => ConsumerVerdict::Accepted,
        faults => ConsumerVerdict::Refused(faults.join("\n")),
    })
}

/// The script gives the machine the node's address, puts the patches to the path in the file, and starts the
/// load balancer if the tree has one; these namespaces have no user except root, so it stays root. Preflight
/// errors about this machine are ignored; kubeadm does not accept `all` together with the file's own list.
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
        ip link set lo up
        balancer=$(dirname "$1")/../../host/haproxy.cfg
        if [[ -e $balancer ]]; then
            haproxy -D -f <(sed '/^  \(user\|group\|log\) /d' "$balancer")
        fi
        here=CRI,ContainerRuntimeVersion,FileContent--proc-sys-net-ipv4-ip_forward,Hostname,KubeletVersion
        here+=,Mem,NumCPU,Service-kubelet,Swap,SystemVerification
        kubeadm init --dry-run --config "$1" --ignore-preflight-errors="$here" --skip-token-print
    "#;
    inside_with_processes(SCRIPT, file)
}

/// An API server that needs more than the minute that kubeadm gives it by default (a slow machine) does not end
/// `init`: nothing listens here, and after 65 s kubeadm still waits. Without the timeout of the file it has ended.
pub(crate) fn waits_for_slow_api_server() -> Result<(), Failed> {
    const SCRIPT: &str = r#"
        mount -t tmpfs etc /etc
        mount -t tmpfs lib /var/lib
        mkdir -p /etc/kubernetes/patches
        mount --bind "$(dirname "$1")/patches" /etc/kubernetes/patches
        ip link set lo up
        ip link add wg0 type veth peer name underlay
        ip address add 10.66.66.1/24 dev wg0
        ip link set underlay up
        ip link set wg0 up
        for phase in 'certs all' 'kubeconfig admin' 'kubeconfig super-admin'; do
            kubeadm init phase $phase --config "$1" >/dev/null
        done
        sed '/^  kubernetesAPICall: /d' "$1" >/etc/without.yaml
        wait_with() {
            timeout 65 kubeadm init --skip-phases preflight,kubelet-start,control-plane,etcd --config "$1" 2>&1
        }
        wait_with /etc/without.yaml >/etc/without &
        { wait_with "$1" && false || echo "as emitted: $?"; } | tail -n 1
        wait $! && false || echo "without: $?"
        grep -o 'cannot obtain client without bootstrap: could not bootstrap the admin user' /etc/without
    "#;
    let file = testing::repository().join("out/nodes/hongkong/kubeadm.yaml");
    let output = expect_code(&inside_with_processes(SCRIPT, &file)?, 0)?;
    expect_text(&output, "as emitted: 124\nwithout: 1\ncannot obtain client without bootstrap")
}

/// The control plane that initialises the cluster, as its files declare it.
pub(crate) struct InitNode {
    /// Its kubeadm.yaml.
    pub(crate) file: PathBuf,
    name: String,
    /// Its mesh address, from node.json.
    address: String,
    /// The documents of kubeadm.yaml, by kind.
    declared: BTreeMap<String, Value>,
    /// kubelet's patch.
    kubelet_patch: Value,
}

impl InitNode {
    /// The one node of a tree with an InitConfiguration.
    pub(crate) fn find(tree: &Path) -> io::Result<Self> {
        for entry in fs::read_dir(tree.join("nodes"))? {
            let node = entry?.path();
            let file = node.join("kubeadm.yaml");
            let text = fs::read_to_string(&file)?;
            if text.contains("\nkind: InitConfiguration\n") {
                let json: Value = serde_json::from_slice(&fs::read(node.join("node.json"))?)?;
                let subnet = json["wireguard"]["address"].as_str().unwrap_or_default();
                let address = subnet.split('/').next().unwrap_or_default().to_owned();
                let name = json["name"].as_str().unwrap_or_default().to_owned();
                let patch = node.join("patches/kubeletconfiguration0+merge.yaml");
                let kubelet_patch = yaml(&fs::read_to_string(patch)?)?;
                return Ok(Self { file, name, address, declared: by_kind(&text)?, kubelet_patch });
            }
        }
        Err(io::Error::other("no node initialises the cluster"))
    }

    /// A document of its kubeadm.yaml.
    pub(crate) fn declared(&self, kind: &str) -> &Value {
        self.declared.get(kind).unwrap_or(&Value::Null)
    }

    /// The static pods: they have the node's address, and all declared flags.
    fn control_plane(&self, printed: &DryRunOutput, faults: &mut InitFaults) {
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
        let arguments = [
            ("kube-apiserver", &cluster["apiServer"]["extraArgs"]),
            ("kube-controller-manager", &cluster["controllerManager"]["extraArgs"]),
            ("kube-scheduler", &cluster["scheduler"]["extraArgs"]),
            ("etcd", &cluster["etcd"]["local"]["extraArgs"]),
        ];
        let declared = arguments.into_iter().flat_map(|(pod, arguments)| {
            pairs(arguments).map(move |(flag, value)| (pod, flag, value))
        });
        // An argument may be given several times.
        let mut expected: BTreeMap<_, Vec<_>> = BTreeMap::new();
        for (pod, flag, value) in fixed.into_iter().chain(declared) {
            expected.entry((pod, flag)).or_default().push(value);
        }
        for ((pod, flag), values) in expected {
            let found = printed.flag(pod, flag);
            compare(&format!("{pod}'s --{flag}"), found, values.as_slice(), faults);
        }
        let pod = printed.pod("kube-apiserver");
        let mounts = pod["volumeMounts"].as_array();
        for volume in cluster["apiServer"]["extraVolumes"].as_array().into_iter().flatten() {
            let mount = mounts.into_iter().flatten().find(|mount| mount["name"] == volume["name"]);
            let mounted = mount.map(|mount| mount["mountPath"].clone()).unwrap_or_default();
            let what = format!("kube-apiserver's volume {}", volume["name"]);
            compare(&what, mounted, volume["mountPath"].clone(), faults);
        }
        let probed = pod["livenessProbe"]["httpGet"]["host"].clone();
        compare("the host of kube-apiserver's probe", probed, address.as_str(), faults);
    }

    fn kubelet(&self, printed: &DryRunOutput, faults: &mut InitFaults) {
        let config = printed.file("/var/lib/kubelet/config.yaml");
        let cluster = &self.declared("ClusterConfiguration")["networking"];
        let declared = self.declared("KubeletConfiguration");
        let socket = &self.declared("InitConfiguration")["nodeRegistration"]["criSocket"];
        compare("kubelet's address", config["address"].clone(), self.address.as_str(), faults);
        compare_declared("kubelet's runtime", socket, &config["containerRuntimeEndpoint"], faults);
        compare_declared(
            "kubelet's domain",
            &cluster["dnsDomain"],
            &config["clusterDomain"],
            faults,
        );
        compare_declared("kubelet", declared, &config, faults);
        compare_declared("kubelet's patch", &self.kubelet_patch, &config, faults);
        let registration = &self.declared("InitConfiguration")["nodeRegistration"];
        let name = [("hostname-override", self.name.as_str()), ("node-ip", &self.address)];
        for (flag, value) in name.into_iter().chain(pairs(&registration["kubeletExtraArgs"])) {
            let found = printed.kubelet_flag(flag);
            compare(&format!("kubelet's --{flag}"), found, [value].as_slice(), faults);
        }
    }

    /// The objects that further nodes read from the cluster: they contain no setting of this node alone.
    fn stored(&self, printed: &DryRunOutput, faults: &mut InitFaults) -> io::Result<()> {
        let stored = printed.data("kubeadm-config", "ClusterConfiguration")?;
        compare_declared("kubeadm-config", self.declared("ClusterConfiguration"), &stored, faults);
        let kubelet = printed.data("kubelet-config", "kubelet")?;
        compare_declared("kubelet-config", self.declared("KubeletConfiguration"), &kubelet, faults);
        compare("the address of all kubelets", kubelet["address"].clone(), Value::Null, faults);
        Ok(())
    }

    /// The patch must give the same configuration as `init`.
    fn kube_proxy(
        &self,
        tree: &Path,
        printed: &DryRunOutput,
        faults: &mut InitFaults,
    ) -> io::Result<()> {
        let stored = printed.data("kube-proxy", "config.conf")?;
        compare_declared("kube-proxy", self.declared("KubeProxyConfiguration"), &stored, faults);
        let text = fs::read_to_string(tree.join("cluster/kube-proxy/kube-proxy.patch.yaml"))?;
        let patch = yaml(yaml(&text)?["data"]["config.conf"].as_str().unwrap_or_default())?;
        compare_declared("kube-proxy", &patch, &stored, faults);
        let kubeconfig = printed.data("kube-proxy", "kubeconfig.conf")?;
        let server = kubeconfig["clusters"][0]["cluster"]["server"].clone();
        let endpoint = &self.declared("ClusterConfiguration")["controlPlaneEndpoint"];
        let url = format!("https://{}", endpoint.as_str().unwrap_or_default());
        compare("kube-proxy's server", server, url, faults);
        Ok(())
    }

    /// The API server's certificate contains every declared name and address.
    fn certificate(&self, printed: &DryRunOutput, faults: &mut InitFaults) {
        const SIGNED: &str = "[certs] apiserver serving cert is signed for ";
        let line = printed.stdout.lines().find_map(|line| line.strip_prefix(SIGNED));
        let signed: Vec<_> = line.unwrap_or_default().split([' ', '[', ']']).collect();
        let names = &self.declared("ClusterConfiguration")["apiServer"]["certSANs"];
        for name in names.as_array().into_iter().flatten().filter_map(Value::as_str) {
            if !signed.contains(&name) {
                faults.push(format!("the API server's certificate lacks {name}: {signed:?}"));
            }
        }
    }
}

/// Descriptions of differences.
type InitFaults = Vec<String>;

/// The output of `kubeadm init --dry-run`.
struct DryRunOutput {
    stdout: String,
    /// The files that it would write, by path.
    files: BTreeMap<String, String>,
    /// The ConfigMaps that it would create, by name.
    config_maps: BTreeMap<String, Value>,
}

impl DryRunOutput {
    /// A file or an object ends before kubeadm's next message: `[phase] …`.
    fn parse(stdout: &str) -> io::Result<Self> {
        let mut files = BTreeMap::new();
        let mut config_maps = BTreeMap::new();
        let mut rest = stdout;
        while let Some((line, after)) = rest.split_once('\n') {
            rest = after;
            let end = after.find("\n[").map_or(after.len(), |at| at + 1);
            let quoted = line.strip_prefix("[dryrun] Would write file \"");
            if let Some(path) = quoted.and_then(|rest| rest.strip_suffix("\" with content:")) {
                files.insert(path.to_owned(), after[..end].to_owned());
            } else if line == "[dryrun] Attached object:" {
                let object = yaml(&after[..end])?;
                if object["kind"] == "ConfigMap" {
                    let name = object["metadata"]["name"].as_str().unwrap_or_default().to_owned();
                    config_maps.insert(name, object);
                }
            }
        }
        Ok(Self { stdout: stdout.to_owned(), files, config_maps })
    }

    fn file(&self, path: &str) -> Value {
        self.files.get(path).and_then(|text| yaml(text).ok()).unwrap_or_default()
    }

    /// The container of a static pod.
    fn pod(&self, name: &str) -> Value {
        self.file(&format!("/etc/kubernetes/manifests/{name}.yaml"))["spec"]["containers"][0].take()
    }

    /// All values of a flag of a static pod: with several, the last one counts.
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

    /// A document in a ConfigMap.
    fn data(&self, name: &str, key: &str) -> io::Result<Value> {
        let found = self.config_maps.get(name).and_then(|map| map["data"][key].as_str());
        yaml(found.ok_or_else(|| io::Error::other(format!("no {key} in a ConfigMap {name}")))?)
    }
}

fn values<'a>(words: impl Iterator<Item = &'a str>, flag: &str) -> Vec<String> {
    let prefix = format!("--{flag}=");
    words.filter_map(|word| word.strip_prefix(prefix.as_str())).map(str::to_owned).collect()
}

/// The flags of kubeadm's `extraArgs`.
fn pairs(arguments: &Value) -> impl Iterator<Item = (&str, &str)> {
    let entries = arguments.as_array().into_iter().flatten();
    entries.filter_map(|one| Some((one["name"].as_str()?, one["value"].as_str()?)))
}

fn compare(
    what: &str,
    found: impl Into<Value>,
    expected: impl Into<Value>,
    faults: &mut InitFaults,
) {
    let (found, expected): (Value, Value) = (found.into(), expected.into());
    if found != expected {
        faults.push(format!("{what} is {found}, not {expected}"));
    }
}

/// Every declared value must be in the result; kubeadm may add others.
pub(crate) fn compare_declared(at: &str, declared: &Value, found: &Value, faults: &mut InitFaults) {
    match declared.as_object() {
        Some(keys) => {
            for (key, declared) in keys {
                let separator = if at.contains('\'') { "." } else { "'s " };
                compare_declared(&format!("{at}{separator}{key}"), declared, &found[key], faults);
            }
        }
        None if declared == found => {}
        None => faults.push(format!("{at} is {found}, not {declared}")),
    }
}

/// Parses a YAML file with one document.
pub(crate) fn yaml(text: &str) -> io::Result<Value> {
    serde_saphyr::from_str(text).map_err(io::Error::other)
}

fn by_kind(text: &str) -> io::Result<BTreeMap<String, Value>> {
    let documents: Vec<Value> = serde_saphyr::from_multiple(text).map_err(io::Error::other)?;
    let kind = |document: &Value| document["kind"].as_str().unwrap_or_default().to_owned();
    Ok(documents.into_iter().map(|document| (kind(&document), document)).collect())
}
