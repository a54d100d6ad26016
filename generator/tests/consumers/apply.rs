//! `apply.sh` itself, against a real API server with real kubectl, kubeadm's own addons and real Helm.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Output};

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;

use crate::api_server::Server;
use crate::consumer::need;
use crate::kubeadm_init::Founder;
use crate::need::Need;
use crate::render;

/// What the trials need beside a server.
pub(crate) const NEEDS: &[Need] = &[
    need("type helm", "no helm"),
    need("type kubeadm", "no kubeadm"),
    need(
        r#"ls "${MESHWRIGHT_SHARED_DATA:-../../shared/data}"/traefik-41.3.0"#,
        "no chart of Traefik",
    ),
];

/// What is not the real thing in these trials; said after each run, and in docs/proof.md.
pub(crate) const STAND_INS: &[&str] = &[
    "no kubelet, scheduler or controller: a script sets the status of each Deployment, DaemonSet and Node",
    "no Calico: a script makes calico-system and calico-node, and sets TigeraStatus; CRDs with Calico's \
     schemas are served where its API server would be",
    "a Deployment without a program in the place of Calico's operator",
    "a chart with one Deployment in the place of the Ingress controller's, with Traefik's own schema",
    "Secrets with other contents",
];

/// All of them.
pub(crate) fn trials() -> Vec<Trial> {
    FORMS
        .iter()
        .map(|form| Trial::test(format!("apply::{}", form.name), || applies(form)))
        .collect()
}

/// A form of the cluster that users meet.
struct Form {
    name: &'static str,
    /// Below the repository.
    topology: &'static str,
    /// The Ingress controller's chart.
    chart: &'static str,
    /// Its Deployment.
    ingress: &'static str,
    /// Whether Calico's own kinds are there from the start, and not served once Calico runs.
    native_crds: bool,
    /// What is written, in this order.
    order: &'static [&'static str],
}

const FORMS: &[Form] = &[
    Form {
        name: "aggregated_api",
        topology: "topology.toml",
        chart: "ingress-nginx",
        ingress: "ingress-nginx-controller",
        native_crds: false,
        order: &[
            "apply validatingadmissionpolicies/meshwright-pod-annotations",
            "apply customresourcedefinitions/installations.operator.tigera.io",
            "apply deployments/tigera-operator",
            "other deployments/tigera-operator/status",
            "apply installations/default",
            "other customresourcedefinitions/bgpconfigurations.projectcalico.org",
            "other tigerastatuses/apiserver/status",
            "apply roles/bgp-password",
            "apply secrets/bgp-password",
            "apply ipamconfigurations/default",
            "apply felixconfigurations/default",
            "apply globalnetworkpolicies/meshwright.metadata",
            "apply bgpconfigurations/default",
            "apply daemonsets/calico-node",
            "other daemonsets/calico-node/status",
            "apply configmaps/kube-proxy",
            "apply daemonsets/kube-proxy",
            "other daemonsets/kube-proxy/status",
            "apply namespaces/cloudflared",
            "apply secrets/cloudflared-credentials",
            "apply deployments/cloudflared",
            "apply namespaces/ingress-nginx",
            "apply networkpolicies/admit-cloudflared",
            "apply deployments/ingress-nginx-controller",
            "other nodes/home/status",
            "apply deployments/coredns",
            "apply services/kube-dns",
            "apply deployments/hello",
        ],
    },
    Form {
        name: "native_crds",
        topology: "examples/high-availability/topology.toml",
        chart: "traefik",
        ingress: "traefik",
        native_crds: true,
        order: &[
            "apply validatingadmissionpolicies/meshwright-pod-annotations",
            "apply customresourcedefinitions/bgpconfigurations.projectcalico.org",
            "apply deployments/tigera-operator",
            "apply installations/default",
            "other tigerastatuses/apiserver/status",
            "apply ipamconfigurations/default",
            "apply bgpconfigurations/default",
            "apply daemonsets/calico-node",
            "apply daemonsets/kube-proxy",
            "apply secrets/cloudflared-credentials",
            "apply ingressclasses/nginx",
            "apply deployments/traefik",
            "other nodes/shelf/status",
            "apply deployments/coredns",
            "apply deployments/hello",
        ],
    },
];

/// What is missing is named, and nothing is applied; then everything is, in its order, with its waits;
/// and a second run changes nothing.
fn applies(form: &Form) -> Result<(), Failed> {
    let mut cluster = Cluster::start(form)?;
    cluster.names_what_is_missing()?;
    cluster.refuses_another_cluster()?;
    let said = cluster.run("", &["--dry-run"], 0)?;
    says(&said, "meshwright: nothing has been done")?;
    same("writes before the first run", cluster.writes()?, Vec::<String>::new())?;
    cluster.join()?;
    let said = cluster.run("", &[], 0)?;
    if said.contains("done; 0 changes") {
        return Err(format!("the first run changes nothing:\n{said}").into());
    }
    cluster.wrote(form.order)?;
    cluster.guards_pod_addresses()?;
    let before = cluster.state()?;
    let said = cluster.run("", &[], 0)?;
    says(&said, "meshwright: done; 0 changes")?;
    same("the cluster after a second run", cluster.state()?, before)
}

/// A tree, and the API server of its cluster.
struct Cluster {
    server: Server,
    controllers: Option<Child>,
    /// Holds all the rest.
    _folder: TempDir,
    tree: PathBuf,
    sources: PathBuf,
    secrets: PathBuf,
    founder: Founder,
    native_crds: bool,
}

impl Cluster {
    /// All that is there before `apply.sh` is run, the nodes aside.
    fn start(form: &Form) -> Result<Self, Failed> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let [tree, sources, secrets] =
            ["out", "sources", "secrets"].map(|name| folder.path().join(name));
        write_sources(&sources, form)?;
        write_secrets(&secrets)?;
        let topology = folder.path().join("topology.toml");
        fs::write(&topology, self::topology(form, &sources)?)?;
        render(&topology, &tree);
        let founder = Founder::find(&tree)?;
        let server = Server::start()?;
        let native_crds = form.native_crds;
        Ok(Self {
            server,
            controllers: None,
            _folder: folder,
            tree,
            sources,
            secrets,
            founder,
            native_crds,
        })
    }

    /// Each input that can be missing, one at a time.
    fn names_what_is_missing(&self) -> Result<(), Failed> {
        let (cluster, sources) = (self.tree.join("cluster"), &self.sources);
        let inputs = [
            (self.secrets.join("bgp-password.yaml"), "missing: the Secret "),
            (self.secrets.join("cloudflared.yaml"), "missing: the Secret "),
            (sources.join("calico-crds.yaml"), "missing: calico-crds "),
            (sources.join("calico-operator.yaml"), "missing: calico-operator "),
            (cluster.join("calico/bgp.yaml"), "missing: "),
            (cluster.join("coredns/coredns.patch.yaml"), "missing: "),
        ];
        for (input, cause) in inputs.iter().filter(|(input, _)| input.exists()) {
            let aside = input.with_extension("aside");
            fs::rename(input, &aside)?;
            let said = self.run("", &[], 3)?;
            fs::rename(&aside, input)?;
            says(&said, &format!("meshwright: {cause}"))?;
            says(&said, &input.display().to_string())?;
        }
        let said = self.run("export KUBECONFIG=/mnt/no-such\n", &[], 3)?;
        says(&said, "missing: the kubeconfig /mnt/no-such")?;
        self.refuses_another_file()
    }

    /// A source that is not what its digest says.
    fn refuses_another_file(&self) -> Result<(), Failed> {
        let file = self.sources.join("calico-operator.yaml");
        let sound = fs::read_to_string(&file)?;
        fs::write(&file, format!("{sound}# another\n"))?;
        let said = self.run("", &[], 3)?;
        fs::write(&file, sound)?;
        says(&said, "calico-operator 3.32.1 from ")
    }

    /// Whoever has another cluster's kubeconfig.
    fn refuses_another_cluster(&self) -> Result<(), Failed> {
        let said = self.run("", &[], 1)?;
        says(&said, "has no node")
    }

    /// The nodes, of which only the founder is Ready; what `kubeadm init` leaves; and whoever acts.
    fn join(&mut self) -> Result<(), Failed> {
        for node in fs::read_dir(self.tree.join("nodes"))? {
            let name = node?.file_name();
            let node = format!(
                r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{}"}}}}"#,
                name.display()
            );
            self.server.must(&format!("kubectl create --filename - <<<'{node}'"))?;
        }
        let done = self.server.run(ADDONS, &self.founder.file)?;
        ended(&done, 0)?;
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers/apply/controllers.sh");
        let crds =
            if self.native_crds { String::new() } else { calico("projectcalico.org.crds.yaml") };
        self.controllers =
            Some(self.server.spawn(&format!("exec {} \"{crds}\"", script.display()))?);
        Ok(())
    }

    /// No pod or namespace names an address: the policy is in force, some time after it is there.
    fn guards_pod_addresses(&self) -> Result<(), Failed> {
        const SCRIPT: &str = r#"
            namespace='{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"thief",
                "annotations":{"cni.projectcalico.org/ipv4pools":"[\"pods-home\"]"}}}'
            until said=$(kubectl create --dry-run=server --filename - <<<"$namespace" 2>&1) && false ||
                [[ $said == *'a pod with another node'* ]]; do
                ((SECONDS < 60)) || { echo "$said"; exit 1; }
                sleep 0.2
            done
        "#;
        self.server.must(SCRIPT)?;
        Ok(())
    }

    /// Runs the script; gives what it said.
    fn run(&self, before: &str, arguments: &[&str], code: i32) -> Result<String, Failed> {
        let script = format!(
            "export KUBECONFIG=/mnt/apply.kubeconfig\n{before}cd /mnt; timeout 300 \"$1\" --secrets '{}' {} 2>&1",
            self.secrets.display(),
            arguments.join(" "),
        );
        ended(&self.server.run(&script, &self.tree.join("cluster/apply.sh"))?, code)
    }

    /// What was written since the server started, by the script (`apply`) or by anybody else
    /// (`other`), from the server's own log.
    fn log(&self) -> io::Result<Vec<String>> {
        let log = self.server.must("cat /mnt/audit.log")?;
        let events = serde_json::Deserializer::from_str(&log).into_iter::<Value>();
        let events = events.collect::<Result<Vec<_>, _>>()?;
        Ok(events.iter().filter_map(written).collect())
    }

    /// What the script wrote.
    fn writes(&self) -> io::Result<Vec<String>> {
        let mut log = self.log()?;
        log.retain(|line| line.starts_with("apply "));
        Ok(log)
    }

    /// These were written, in this order.
    fn wrote(&self, order: &[&str]) -> Result<(), Failed> {
        let log = self.log()?;
        let mut rest = log.iter();
        for expected in order {
            if !rest.any(|line| line == expected) {
                let first = log.iter().position(|line| line.starts_with("apply "));
                let log = log[first.unwrap_or_default()..].join("\n");
                return Err(format!("not in its place: {expected}\n{log}").into());
            }
        }
        Ok(())
    }

    /// Every object with its version, which the server counts up at each change.
    fn state(&self) -> io::Result<String> {
        const SCRIPT: &str = r#"
            kinds=$(kubectl api-resources --verbs=list --output name | grep -vE '^(events|leases|componentstatuses)')
            kubectl get "$(paste -sd, <<<"$kinds")" --all-namespaces --ignore-not-found --output \
                jsonpath='{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}'
        "#;
        self.server.must(SCRIPT)
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut controllers) = self.controllers.take() {
            let _ = controllers.kill().and_then(|()| controllers.wait());
        }
    }
}

/// CoreDNS and kube-proxy, as kubeadm makes them; it looks for patches of theirs.
const ADDONS: &str = r#"
    unshare --mount bash -euc 'mount -t tmpfs etc /etc; mkdir -p /etc/kubernetes/patches; exec "$@"' addons \
        kubeadm init phase addon all --config "$1" --kubeconfig /mnt/kubeconfig
"#;

/// `<who> <resource>/<name>[/<subresource>]` of what changed something.
fn written(event: &Value) -> Option<String> {
    let of = &event["objectRef"];
    let asked_only = event["requestURI"].as_str()?.contains("dryRun=");
    let code = event["responseStatus"]["code"].as_u64()?;
    if asked_only || !(200..300).contains(&code) {
        return None;
    }
    let who = if event["user"]["username"] == "apply" { "apply" } else { "other" };
    let mut path = vec![of["resource"].as_str()?, of["name"].as_str().unwrap_or_default()];
    path.extend(of["subresource"].as_str());
    Some(format!("{who} {}", path.join("/")))
}

fn ended(done: &Output, code: i32) -> Result<String, Failed> {
    let said = [done.stdout.as_slice(), &done.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    match done.status.code() == Some(code) {
        true => Ok(said),
        false => Err(format!("{}, not {code}:\n{said}", done.status).into()),
    }
}

fn says(said: &str, expected: &str) -> Result<(), Failed> {
    match said.contains(expected) {
        true => Ok(()),
        false => Err(format!("it does not say `{expected}`:\n{said}").into()),
    }
}

fn same<T: PartialEq + std::fmt::Debug>(what: &str, found: T, expected: T) -> Result<(), Failed> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what}: {found:#?}\ninstead of: {expected:#?}").into()),
    }
}

/// A file of the shared data, for a shell.
fn calico(file: &str) -> String {
    format!("${{MESHWRIGHT_SHARED_DATA:-../../shared/data}}/calico-3.32.1/{file}")
}

/// The form's topology, with all that comes from elsewhere beside it.
fn topology(form: &Form, sources: &Path) -> io::Result<String> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut text = fs::read_to_string(repository.join(form.topology))?;
    for (name, file) in [
        ("calico-crds", "calico-crds.yaml"),
        ("calico-operator", "calico-operator.yaml"),
        (form.chart, "chart.tgz"),
    ] {
        let file = sources.join(file);
        let digest = sha256(&fs::read(&file)?);
        text += &format!(
            "\n[packages.sources.{name}]\nurl = \"{}\"\nsha256 = \"{digest}\"\n",
            file.display()
        );
    }
    Ok(text)
}

fn sha256(bytes: &[u8]) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Calico's own definitions; an operator that is a Deployment and nothing else; and a chart of the
/// controller's name with a Deployment of its own, judged by the schema of the real one where that has
/// any.
fn write_sources(folder: &Path, form: &Form) -> Result<(), Failed> {
    const SCRIPT: &str = r#"
        data=${MESHWRIGHT_SHARED_DATA:-../../shared/data}
        mkdir -p "$1/$chart/templates"
        cat "$data/calico-3.32.1/operator.tigera.io.crds.yaml" >"$1/calico-crds.yaml"
        [[ -z $native ]] || { echo ---; cat "$data/calico-3.32.1/projectcalico.org.crds.yaml"; } >>"$1/calico-crds.yaml"
        cat >"$1/calico-operator.yaml" <<'TEXT'
{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "tigera-operator"}}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: tigera-operator, namespace: tigera-operator}
spec:
  selector: {matchLabels: {k8s-app: tigera-operator}}
  template:
    metadata: {labels: {k8s-app: tigera-operator}}
    spec: {containers: [{name: tigera-operator, image: tigera-operator}]}
TEXT
        printf 'apiVersion: v2\nname: %s\nversion: 1.0.0\n' "$chart" >"$1/$chart/Chart.yaml"
        [[ $chart != traefik ]] || cp "$data/traefik-41.3.0/values.schema.json" "$1/$chart/"
        cat >"$1/$chart/templates/deployment.yaml" <<TEXT
apiVersion: apps/v1
kind: Deployment
metadata:
  name: $deployment
  labels: {app.kubernetes.io/component: controller}
  annotations: {values: {{ .Values | toJson | sha256sum }}}
spec:
  selector: {matchLabels: {app.kubernetes.io/name: $chart}}
  template:
    metadata: {labels: {app.kubernetes.io/name: $chart}}
    spec: {containers: [{name: controller, image: $chart}]}
TEXT
        tar -czf "$1/chart.tgz" -C "$1" "$chart"
    "#;
    let native = if form.native_crds { "yes" } else { "" };
    let (chart, deployment) = (form.chart, form.ingress);
    let script = format!("chart={chart} deployment={deployment} native={native}\n{SCRIPT}");
    ended(&crate::namespace::outside(&script, folder)?, 0).map(drop)
}

/// What `meshwright export --manifests` writes, with other contents.
fn write_secrets(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)?;
    for (file, namespace, name, key) in [
        ("bgp-password.yaml", "calico-system", "bgp-password", "password"),
        ("cloudflared.yaml", "cloudflared", "cloudflared-credentials", "credentials.json"),
    ] {
        let text = format!(
            "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: {namespace}\n\
             stringData:\n  {key}: not a secret\n"
        );
        fs::write(folder.join(file), text)?;
    }
    Ok(())
}
