//! A real API server checks the cluster's manifests: only etcd and kube-apiserver, in their own namespaces, with
//! Calico's custom resource definitions.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::consumer::{BrokenFile, Consumer, ConsumerVerdict, NAMESPACES, need};
use crate::expect::printed;
use crate::namespace;
use crate::need::Need;

/// The requirements of a server.
pub(crate) const NEEDS: &[Need] = &[
    NAMESPACES,
    need("type etcd kube-apiserver kubectl", "no etcd, kube-apiserver or kubectl"),
    need("type openssl", "no openssl"),
    need(r#"ls "${MESHWRIGHT_SHARED_DATA:-../../shared/data}"/calico-3.32.1"#, "no CRDs of Calico"),
];

/// The API server checks every manifest. Calico's own API server is replaced by CRDs of the same kinds, with the
/// same schemas.
pub(crate) const CONSUMERS: &[Consumer] = &[Consumer {
    name: "api_server",
    tier: "api",
    needs: NEEDS,
    reads: |path| {
        path.starts_with("cluster/") && path.ends_with(".yaml") && !path.ends_with("/values.yaml")
    },
    judge,
    broken: &[
        BrokenFile {
            name: "a_misspelt_key",
            path: "cluster/calico/installation.yaml",
            original: "linuxDataplane:",
            replacement: "linuxDataPlane:",
            reason: "unknown field \"spec.calicoNetwork.linuxDataPlane\"",
        },
        BrokenFile {
            name: "an_unknown_choice",
            path: "cluster/calico/installation.yaml",
            original: "natOutgoing: Enabled",
            replacement: "natOutgoing: Always",
            reason: "natOutgoing: Unsupported value: \"Always\"",
        },
        BrokenFile {
            name: "a_word_as_an_mtu",
            path: "cluster/calico/installation.yaml",
            original: "mtu: 1420",
            replacement: "mtu: large",
            reason: "spec.calicoNetwork.mtu: Invalid value: \"string\"",
        },
        BrokenFile {
            name: "an_unknown_bind_mode",
            path: "cluster/calico/bgp.yaml",
            original: "bindMode: NodeIP",
            replacement: "bindMode: NodeIPs",
            reason: "spec.bindMode: Unsupported value: \"NodeIPs\"",
        },
        BrokenFile {
            name: "an_invalid_pool_subnet",
            path: "cluster/calico/ip-pools.yaml",
            original: "cidr: 10.",
            replacement: "cidr: 1000.",
            reason: "spec.cidr",
        },
        BrokenFile {
            name: "an_expression_that_does_not_compile",
            path: "cluster/calico/pod-annotations.policy.yaml",
            original: "key in variables.annotations",
            replacement: "key in variables.annotation",
            reason: "undefined field 'annotation'",
        },
        BrokenFile {
            name: "a_binding_to_a_role_without_a_name",
            path: "cluster/calico/bgp-password.rbac.yaml",
            original: "  kind: Role\n  name: bgp-password\n",
            replacement: "  kind: Role\n",
            reason: "roleRef.name: Required value",
        },
        BrokenFile {
            name: "a_word_as_a_number",
            path: "cluster/cloudflared/cloudflared.yaml",
            original: "replicas: ",
            replacement: "replicas: a",
            reason: "cannot unmarshal string into Go struct field",
        },
        BrokenFile {
            name: "a_selector_without_its_pods",
            path: "cluster/cloudflared/cloudflared.yaml",
            original: "matchLabels:\n      app.kubernetes.io/name: cloudflared",
            replacement: "matchLabels:\n      app.kubernetes.io/name: cloudflare",
            reason: "`selector` does not match template `labels`",
        },
        BrokenFile {
            name: "a_patch_that_is_not_text",
            path: "cluster/kube-proxy/kube-proxy.patch.yaml",
            original: "  config.conf: |\n",
            replacement: "  config.conf:\n",
            reason: "cannot unmarshal object into Go struct field ConfigMap.data of type string",
        },
        BrokenFile {
            name: "a_misspelt_key_of_a_patch",
            path: "cluster/coredns/coredns.patch.yaml",
            original: "topologySpreadConstraints:",
            replacement: "topologySpreadConstraint:",
            reason: "unknown field \"spec.template.spec.topologySpreadConstraint\"",
        },
        BrokenFile {
            name: "an_unknown_preference",
            path: "cluster/coredns/kube-dns.patch.yaml",
            original: "PreferSameZone",
            replacement: "PreferMyZone",
            reason: "spec.trafficDistribution: Unsupported value: \"PreferMyZone\"",
        },
    ],
}];

/// All trials that change nothing share one server.
fn judge(files: &[PathBuf]) -> io::Result<Vec<ConsumerVerdict>> {
    static SERVER: OnceLock<io::Result<ApiServer>> = OnceLock::new();
    let started = SERVER.get_or_init(|| {
        let server = ApiServer::start()?;
        server.run_successfully(CALICO)?;
        server.run_successfully(KUBEADM)?;
        Ok(server)
    });
    let server = started.as_ref().map_err(|fault| io::Error::other(fault.to_string()))?;
    // Two trials may create the same namespace.
    static CREATING: Mutex<()> = Mutex::new(());
    for namespace in namespaces(files)? {
        let _only_one = CREATING.lock().unwrap_or_else(PoisonError::into_inner);
        server.run_successfully(&format!(
            "kubectl get namespace {namespace} 2>/dev/null || kubectl create namespace {namespace}"
        ))?;
    }
    files.iter().map(|file| server.run(DRY_RUN, file).map(ConsumerVerdict::from_output)).collect()
}

/// The CRDs of the operator and of Calico.
const CALICO: &str = r#"
    kubectl create --filename "${MESHWRIGHT_SHARED_DATA:-../../shared/data}"/calico-3.32.1
    kubectl wait --for condition=Established --timeout 120s crd --all
"#;

/// The objects of kubeadm that are patched.
const KUBEADM: &str = r#"
    kubectl --namespace kube-system create configmap kube-proxy
    kubectl --namespace kube-system create deployment coredns --image coredns
    kubectl --namespace kube-system create service clusterip kube-dns --tcp 53
"#;

/// A patch is applied to the object of kubeadm, and the server only warns of unknown fields in it; all other
/// files are applied unchanged.
const DRY_RUN: &str = r#"
    patch() {
        kubectl --namespace kube-system --warnings-as-errors patch "$1" --type "$2" --dry-run=server --patch-file "$3"
    }
    case $1 in
        */coredns.patch.yaml) patch deployment/coredns strategic "$1" ;;
        */kube-dns.patch.yaml) patch service/kube-dns merge "$1" ;;
        *.patch.yaml) patch configmap/kube-proxy merge "$1" ;;
        *) kubectl apply --dry-run=server --validate=strict --filename "$1" ;;
    esac
"#;

/// The namespaces of manifests: the server refuses an object whose namespace is missing.
fn namespaces(files: &[PathBuf]) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        // The server refuses a file that does not parse.
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_default();
        let named = documents.iter().filter_map(|one| one["metadata"]["namespace"].as_str());
        found.extend(named.map(str::to_owned));
    }
    Ok(found)
}

/// An API server with its own empty etcd.
pub(crate) struct ApiServer {
    process: Child,
    /// The process id of the shell that started it, which has the server's namespaces.
    pid: String,
}

impl ApiServer {
    /// The shell is the first process of its namespace. When its input is closed, it ends, and the kernel kills
    /// all other processes, so none of them outlives the tests. (After SIGTERM, kube-apiserver needs a minute.)
    const SCRIPT: &'static str = r#"
        read -r pid rest </proc/self/stat
        ip link set lo up
        mount -t tmpfs data /mnt
        printf '%s,%s,,system:masters\n' token admin apply apply >/mnt/tokens
        printf '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","omitStages":["RequestReceived"],"rules":[
            {"level":"Metadata","verbs":["create","update","patch","delete"]}]}' >/mnt/audit
        openssl genrsa -out /mnt/accounts.key 2048 2>/mnt/openssl.log
        etcd --data-dir /mnt/etcd --unsafe-no-fsync --log-level error >/mnt/etcd.log 2>&1 &
        kube-apiserver --etcd-servers=http://127.0.0.1:2379 --bind-address=127.0.0.1 \
            --advertise-address=192.0.2.1 --endpoint-reconciler-type=none --cert-dir=/mnt/certificates \
            --token-auth-file=/mnt/tokens --authorization-mode=RBAC --allow-privileged \
            --audit-policy-file=/mnt/audit --audit-log-path=/mnt/audit.log \
            --service-account-issuer=https://kubernetes.default.svc \
            --service-account-key-file=/mnt/accounts.key --service-account-signing-key-file=/mnt/accounts.key \
            --service-cluster-ip-range=10.96.0.0/12 >/mnt/api.log 2>&1 &
        server=$!
        {
            kubectl config set-cluster test --server=https://127.0.0.1:6443 --insecure-skip-tls-verify
            kubectl config set-credentials test --token=token
            kubectl config set-context test --cluster=test --user=test
            kubectl config use-context test
            cp /mnt/kubeconfig /mnt/apply.kubeconfig
            kubectl --kubeconfig /mnt/apply.kubeconfig config set-credentials test --token=apply
        } >/dev/null
        until kubectl get --raw /readyz >/dev/null 2>&1; do
            ((SECONDS < 180)) && kill -0 "$server" || { cat /mnt/*.log; exit 1; }
            sleep 0.2
        done
        echo "ready $pid"
        cat
    "#;

    /// The environment of the server's clients.
    const CLIENT: &'static str = "export HOME=/mnt KUBECONFIG=/mnt/kubeconfig\n";

    /// Starts one, and waits until it answers.
    pub(crate) fn start() -> io::Result<Self> {
        let script = format!("{}{}{}", namespace::PRELUDE, Self::CLIENT, Self::SCRIPT);
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child"]);
        command.args(["bash", "-c", &script]).envs(crate::tools::environment());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut printed = String::new();
        let mut lines = BufReader::new(process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        while lines.read_line(&mut printed)? > 0 {
            if let Some(pid) = printed.lines().last().and_then(|line| line.strip_prefix("ready ")) {
                return Ok(Self { process, pid: pid.to_owned() });
            }
        }
        Err(io::Error::other(format!("the API server does not start:\n{printed}")))
    }

    /// Runs a script in the server's namespaces, where kubectl reaches it. The audit log distinguishes
    /// requests of [`Self::SCRIPT`]'s user `apply` from others.
    pub(crate) fn run(&self, script: &str, file: &Path) -> io::Result<Output> {
        self.command(script, file)?.output()
    }

    /// Starts a script and does not wait for its end.
    pub(crate) fn spawn(&self, script: &str) -> io::Result<Child> {
        self.command(script, Path::new(""))?.spawn()
    }

    fn command(&self, script: &str, file: &Path) -> io::Result<Command> {
        let here = format!("--wdns={}", std::env::current_dir()?.display());
        let inside = ["nsenter", "--user", "--mount", "--net", "--preserve-credentials"];
        let launcher = [inside.as_slice(), &["--target", &self.pid, &here]].concat();
        Ok(namespace::script(&launcher, &format!("{}{script}", Self::CLIENT), file))
    }

    /// Runs a script that must succeed, and returns what it printed.
    pub(crate) fn run_successfully(&self, script: &str) -> io::Result<String> {
        let done = self.run(script, Path::new(""))?;
        match done.status.success() {
            true => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
            false => Err(io::Error::other(format!("{script}\n{}", printed(&done)))),
        }
    }
}

impl Drop for ApiServer {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
