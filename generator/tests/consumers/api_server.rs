//! A real API server as the judge of what the cluster is given: etcd and kube-apiserver alone, in
//! namespaces of their own, with Calico's own definitions.

use std::collections::BTreeSet;
use std::fs;
use std::io::{self, BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

use serde_json::Value;

use crate::consumer::{Broken, Consumer, NAMESPACES, Verdict, need};
use crate::namespace;
use crate::need::Need;

/// What a server needs.
pub(crate) const NEEDS: &[Need] = &[
    NAMESPACES,
    need("type etcd kube-apiserver kubectl", "no etcd, kube-apiserver or kubectl"),
    need("type openssl", "no openssl"),
    need(r#"ls "${MESHWRIGHT_SHARED_DATA:-../../shared/data}"/calico-3.32.1"#, "no CRDs of Calico"),
];

/// The judge of every manifest. Calico's API is not there, but the same kinds as CRDs are: so they
/// are served where Calico has CRDs alone, and with the same schemas where it serves them itself.
pub(crate) const CONSUMERS: &[Consumer] = &[Consumer {
    name: "api_server",
    tier: "api",
    needs: NEEDS,
    reads: |path| {
        path.starts_with("cluster/") && path.ends_with(".yaml") && !path.ends_with("/values.yaml")
    },
    judge,
    broken: &[
        Broken {
            name: "a_key_misspelt",
            path: "cluster/calico/installation.yaml",
            sound: "linuxDataplane:",
            unsound: "linuxDataPlane:",
            reason: "unknown field \"spec.calicoNetwork.linuxDataPlane\"",
        },
        Broken {
            name: "a_word_that_is_no_choice",
            path: "cluster/calico/installation.yaml",
            sound: "natOutgoing: Enabled",
            unsound: "natOutgoing: Always",
            reason: "natOutgoing: Unsupported value: \"Always\"",
        },
        Broken {
            name: "a_word_as_an_mtu",
            path: "cluster/calico/installation.yaml",
            sound: "mtu: 1420",
            unsound: "mtu: large",
            reason: "spec.calicoNetwork.mtu: Invalid value: \"string\"",
        },
        Broken {
            name: "a_mode_of_binding_that_is_none",
            path: "cluster/calico/bgp.yaml",
            sound: "bindMode: NodeIP",
            unsound: "bindMode: NodeIPs",
            reason: "spec.bindMode: Unsupported value: \"NodeIPs\"",
        },
        Broken {
            name: "a_pool_that_is_no_subnet",
            path: "cluster/calico/ip-pools.yaml",
            sound: "cidr: 10.",
            unsound: "cidr: 1000.",
            reason: "spec.cidr",
        },
        Broken {
            name: "an_expression_that_does_not_compile",
            path: "cluster/calico/pod-annotations.policy.yaml",
            sound: "key in variables.annotations",
            unsound: "key in variables.annotation",
            reason: "undefined field 'annotation'",
        },
        Broken {
            name: "a_binding_to_a_role_that_has_no_name",
            path: "cluster/calico/bgp-password.rbac.yaml",
            sound: "  kind: Role\n  name: bgp-password\n",
            unsound: "  kind: Role\n",
            reason: "roleRef.name: Required value",
        },
        Broken {
            name: "a_word_as_a_number",
            path: "cluster/cloudflared/cloudflared.yaml",
            sound: "replicas: ",
            unsound: "replicas: a",
            reason: "cannot unmarshal string into Go struct field",
        },
        Broken {
            name: "a_selector_that_misses_its_pods",
            path: "cluster/cloudflared/cloudflared.yaml",
            sound: "matchLabels:\n      app.kubernetes.io/name: cloudflared",
            unsound: "matchLabels:\n      app.kubernetes.io/name: cloudflare",
            reason: "`selector` does not match template `labels`",
        },
        Broken {
            name: "a_patch_that_is_no_text",
            path: "cluster/kube-proxy/kube-proxy.patch.yaml",
            sound: "  config.conf: |\n",
            unsound: "  config.conf:\n",
            reason: "cannot unmarshal object into Go struct field ConfigMap.data of type string",
        },
        Broken {
            name: "a_key_of_a_patch_misspelt",
            path: "cluster/coredns/coredns.patch.yaml",
            sound: "topologySpreadConstraints:",
            unsound: "topologySpreadConstraint:",
            reason: "unknown field \"spec.template.spec.topologySpreadConstraint\"",
        },
        Broken {
            name: "a_preference_that_is_none",
            path: "cluster/coredns/kube-dns.patch.yaml",
            sound: "PreferSameZone",
            unsound: "PreferMyZone",
            reason: "spec.trafficDistribution: Unsupported value: \"PreferMyZone\"",
        },
    ],
}];

/// All trials that only ask, and change nothing, share one server.
fn judge(files: &[PathBuf]) -> io::Result<Vec<Verdict>> {
    static SERVER: OnceLock<io::Result<Server>> = OnceLock::new();
    let server = SERVER.get_or_init(|| {
        let server = Server::start()?;
        server.must(CALICO)?;
        server.must(KUBEADM)?;
        Ok(server)
    });
    let server = server.as_ref().map_err(|fault| io::Error::other(fault.to_string()))?;
    // Two trials may want the same one.
    static MAKING: Mutex<()> = Mutex::new(());
    for namespace in namespaces(files)? {
        let _only_one = MAKING.lock().unwrap_or_else(PoisonError::into_inner);
        server.must(&format!(
            "kubectl get namespace {namespace} 2>/dev/null || kubectl create namespace {namespace}"
        ))?;
    }
    files.iter().map(|file| server.run(DRY_RUN, file).map(Verdict::of)).collect()
}

/// The operator's kinds and Calico's own.
const CALICO: &str = r#"
    kubectl create --filename "${MESHWRIGHT_SHARED_DATA:-../../shared/data}"/calico-3.32.1
    kubectl wait --for condition=Established --timeout 120s crd --all
"#;

/// What kubeadm makes, as far as it is patched.
const KUBEADM: &str = r#"
    kubectl --namespace kube-system create configmap kube-proxy
    kubectl --namespace kube-system create deployment coredns --image coredns
    kubectl --namespace kube-system create service clusterip kube-dns --tcp 53
"#;

/// A patch goes to the object that kubeadm makes, and of a field that the server does not know it only
/// warns; all else is applied as it is.
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

/// The namespaces that manifests are for: an object is refused where its own is missing.
fn namespaces(files: &[PathBuf]) -> io::Result<BTreeSet<String>> {
    let mut found = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file)?;
        // What does not parse is for the server to refuse.
        let documents: Vec<Value> = serde_saphyr::from_multiple(&text).unwrap_or_default();
        let named = documents.iter().filter_map(|one| one["metadata"]["namespace"].as_str());
        found.extend(named.map(str::to_owned));
    }
    Ok(found)
}

/// An API server, with an empty etcd of its own.
pub(crate) struct Server {
    process: Child,
    /// Of the shell that started it, whose namespaces are the server's.
    pid: String,
}

impl Server {
    /// The shell is the first process of its namespace: when it ends, and that is when its input is
    /// closed, the kernel kills all others. (kube-apiserver takes a minute over a SIGTERM.) So nothing
    /// outlives the tests, however they end.
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

    /// The environment of everyone who asks the server.
    const CLIENT: &'static str = "export HOME=/mnt KUBECONFIG=/mnt/kubeconfig\n";

    /// Starts one, and waits until it answers.
    pub(crate) fn start() -> io::Result<Self> {
        let script = format!("{}{}{}", namespace::PRELUDE, Self::CLIENT, Self::SCRIPT);
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "--net", "--pid", "--fork", "--kill-child"]);
        command.args(["bash", "-c", &script]).envs(crate::tools::environment());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut said = String::new();
        let mut lines = BufReader::new(process.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?);
        while lines.read_line(&mut said)? > 0 {
            if let Some(pid) = said.lines().last().and_then(|line| line.strip_prefix("ready ")) {
                let pid = pid.to_owned();
                return Ok(Self { process, pid });
            }
        }
        Err(io::Error::other(format!("the API server does not start:\n{said}")))
    }

    /// Runs a script beside the server; kubectl finds it. Whoever asks as [`Self::SCRIPT`]'s user
    /// `apply` is known by that in the log of what was written.
    pub(crate) fn run(&self, script: &str, file: &Path) -> io::Result<Output> {
        self.command(script, file)?.output()
    }

    /// The same, and does not wait for its end.
    pub(crate) fn spawn(&self, script: &str) -> io::Result<Child> {
        self.command(script, Path::new(""))?.spawn()
    }

    fn command(&self, script: &str, file: &Path) -> io::Result<Command> {
        let here = format!("--wdns={}", std::env::current_dir()?.display());
        let inside = ["nsenter", "--user", "--mount", "--net", "--preserve-credentials"];
        let launcher = [inside.as_slice(), &["--target", &self.pid, &here]].concat();
        Ok(namespace::script(&launcher, &format!("{}{script}", Self::CLIENT), file))
    }

    /// Runs a script that cannot fail; gives what it printed.
    pub(crate) fn must(&self, script: &str) -> io::Result<String> {
        let done = self.run(script, Path::new(""))?;
        match Verdict::of(done.clone()) {
            Verdict::Accepted => Ok(String::from_utf8_lossy(&done.stdout).into_owned()),
            Verdict::Refused(reason) => Err(io::Error::other(format!("{script}\n{reason}"))),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        let _ = self.process.wait();
    }
}
