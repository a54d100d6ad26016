//! `apply.sh` itself, against a real API server with real kubectl, kubeadm's own addons and real Helm.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Child;

use libtest_mimic::{Failed, Trial};
use serde_json::Value;
use tempfile::TempDir;

use crate::api_server::ApiServer;
use crate::consumer::need;
use crate::expect::{expect_code, expect_equal, expect_text, sha256_hex};
use crate::kubeadm_init::InitNode;
use crate::need::Need;
use crate::{render, testing};

/// The requirements of the trials besides a server.
pub(crate) const NEEDS: &[Need] = &[
    need("type helm", "no helm"),
    need("type kubeadm", "no kubeadm"),
    need(
        r#"ls "${MESHWRIGHT_SHARED_DATA:-../../shared/data}"/traefik-41.3.0"#,
        "no chart of Traefik",
    ),
];

/// Placeholders for real programs in these trials. They are printed after each run, and in docs/proof.md.
pub(crate) const PLACEHOLDERS: &[&str] = &[
    "no kubelet, scheduler or controller: a script sets the status of each Deployment, DaemonSet and Node",
    "no Calico: a script creates calico-system and calico-node, and sets TigeraStatus; CRDs with Calico's \
     schemas replace its API server",
    "a Deployment without a program replaces Calico's operator",
    "a chart with one Deployment and Traefik's own schema replaces the Ingress controller's chart",
    "Secrets with placeholder contents",
];

/// A trial for each variant.
pub(crate) fn trials() -> Vec<Trial> {
    VARIANTS
        .iter()
        .map(|variant| Trial::test(format!("apply::{}", variant.name), || apply_variant(variant)))
        .collect()
}

/// A variant of the cluster.
struct ClusterVariant {
    name: &'static str,
    /// Its path in the repository.
    topology: &'static str,
    /// The Ingress controller's chart.
    chart: &'static str,
    /// The Ingress controller's Deployment.
    ingress: &'static str,
    /// Whether Calico's own kinds are CRDs from the start, and not served only after Calico runs.
    native_crds: bool,
    /// The writes to the cluster while a node has not joined, in this order.
    order: &'static [&'static str],
    /// The node that joins last.
    late: &'static str,
    /// Its zone as a label, and its taint as long as it has none in the topology.
    zone: &'static str,
    taint: &'static str,
    /// The API's address with which kube-proxy has started before that node has joined, and after.
    api: [&'static str; 2],
}

const VARIANTS: &[ClusterVariant] = &[
    ClusterVariant {
        name: "aggregated_api",
        topology: "topology.toml",
        chart: "ingress-nginx",
        ingress: "ingress-nginx-controller",
        native_crds: false,
        order: &[
            "apply nodes/hongkong",
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
            "apply configmaps/kube-proxy",
            "apply namespaces/cloudflared",
            "apply secrets/cloudflared-credentials",
            "apply deployments/cloudflared",
            "apply namespaces/ingress-nginx",
            "apply networkpolicies/admit-cloudflared",
            "apply deployments/ingress-nginx-controller",
            "other nodes/tokyo/status",
            "apply daemonsets/kube-proxy",
            "apply deployments/coredns",
            "apply services/kube-dns",
            "apply deployments/hello",
        ],
        late: "home",
        zone: "topology.kubernetes.io/zone=home",
        taint: "",
        api: ["k8s-api.atlas.internal 10.66.66.1", "k8s-api.atlas.internal 10.66.66.1"],
    },
    ClusterVariant {
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
            "apply nodes/prague",
            "apply bgppeers/route-reflectors",
            "apply nodes/prague",
            "apply secrets/cloudflared-credentials",
            "apply ingressclasses/nginx",
            "apply deployments/traefik",
            "other nodes/shelf/status",
            "apply bgpconfigurations/default",
            "apply daemonsets/calico-node",
            "apply daemonsets/kube-proxy",
            "apply deployments/coredns",
            "apply deployments/hello",
        ],
        late: "berlin",
        zone: "topology.kubernetes.io/zone=netcup",
        taint: "node-role.kubernetes.io/control-plane:NoSchedule",
        api: ["", "api.orbit.internal 127.0.0.1"],
    },
];

/// Missing inputs are named and nothing is applied. Then everything is applied in order while a node has not joined,
/// which is named. When it has joined, the rest is done, and a further run changes nothing.
fn apply_variant(variant: &ClusterVariant) -> Result<(), Failed> {
    let mut cluster = ApplyCluster::start(variant)?;
    cluster.expect_missing_inputs_named()?;
    cluster.expect_other_cluster_refused()?;
    let output = cluster.run("", &["--dry-run"], 0)?;
    expect_text(&output, "meshwright: dry run: nothing has been changed")?;
    expect_equal("writes before the first run", cluster.script_writes()?, Vec::<String>::new())?;
    cluster.join(variant.late)?;
    let output = cluster.run("", &["--patience", "30"], 4)?;
    expect_text(&output, &format!("meshwright: waiting for node/{}: not joined\n", variant.late))?;
    if output.contains(", except what waits for nodes; 0 changes") {
        return Err(format!("the first run changes nothing:\n{output}").into());
    }
    cluster.expect_order(variant.order)?;
    cluster.expect_pod_address_policy()?;
    let [before, after] = variant.api.map(str::to_owned);
    expect_equal("kube-proxy's API before", cluster.api_of_kube_proxy()?, before)?;
    cluster.create_node(variant.late)?;
    cluster.run("", &[], 0)?;
    expect_equal("kube-proxy's API", cluster.api_of_kube_proxy()?, after)?;
    let before = cluster.state()?;
    let output = cluster.run("", &[], 0)?;
    expect_text(&output, "meshwright: done; 0 changes")?;
    expect_equal("the cluster after a second run", cluster.state()?, before)?;
    cluster.expect_copies_named()?;
    cluster.expect_labels_and_taints(variant)?;
    cluster.expect_reflectors_released()
}

/// Settings of a node in the topology, one after the other, and the labels and taints that the Node then has, besides
/// those of another program. Without taints in the settings it has those of its role.
const NODE_SETTINGS: &[(&str, &str, Option<&str>)] = &[
    (
        "labels = { disk = \"ssd\", \"example.com/rack\" = \"7\" }\n\
         taints = [\"gpu=a100:NoSchedule\", \"spot:PreferNoSchedule\"]\n",
        "disk=ssd example.com/rack=7",
        Some("gpu=a100:NoSchedule spot:PreferNoSchedule"),
    ),
    (
        "labels = { disk = \"hdd\", \"topology.kubernetes.io/zone\" = \"attic\" }\ntaints = []\n",
        "disk=hdd topology.kubernetes.io/zone=attic",
        Some(""),
    ),
    ("", "", None),
];

/// A tree, and the API server of its cluster.
struct ApplyCluster {
    server: ApiServer,
    controllers: Option<Child>,
    /// Contains the tree, the sources and the secrets.
    _folder: TempDir,
    topology: String,
    tree: PathBuf,
    sources: PathBuf,
    secrets: PathBuf,
    init_node: InitNode,
    native_crds: bool,
}

impl ApplyCluster {
    /// Everything that exists before `apply.sh` runs, except the nodes.
    fn start(variant: &ClusterVariant) -> Result<Self, Failed> {
        let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
        let [tree, sources, secrets] =
            ["out", "sources", "secrets"].map(|name| folder.path().join(name));
        write_sources(&sources, variant)?;
        write_secrets(&secrets)?;
        let topology = topology(variant, &sources)?;
        let file = folder.path().join("topology.toml");
        fs::write(&file, &topology)?;
        render(&file, &tree);
        let init_node = InitNode::find(&tree)?;
        let server = ApiServer::start()?;
        let native_crds = variant.native_crds;
        Ok(Self {
            server,
            controllers: None,
            _folder: folder,
            topology,
            tree,
            sources,
            secrets,
            init_node,
            native_crds,
        })
    }

    /// Removes each input in turn.
    fn expect_missing_inputs_named(&self) -> Result<(), Failed> {
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
            let output = self.run("", &[], 3)?;
            fs::rename(&aside, input)?;
            expect_text(&output, &format!("meshwright: {cause}"))?;
            expect_text(&output, &input.display().to_string())?;
        }
        let output = self.run("export KUBECONFIG=/mnt/no-such\n", &[], 3)?;
        expect_text(&output, "missing: the kubeconfig /mnt/no-such")?;
        self.expect_other_file_refused()
    }

    /// A source whose digest differs.
    fn expect_other_file_refused(&self) -> Result<(), Failed> {
        let file = self.sources.join("calico-operator.yaml");
        let sound = fs::read_to_string(&file)?;
        fs::write(&file, format!("{sound}# another\n"))?;
        let output = self.run("", &[], 3)?;
        fs::write(&file, sound)?;
        expect_text(&output, "calico-operator 3.32.1 from ")
    }

    /// A kubeconfig of another cluster.
    fn expect_other_cluster_refused(&self) -> Result<(), Failed> {
        let output = self.run("", &[], 1)?;
        expect_text(&output, "has no node")
    }

    fn create_node(&self, name: &str) -> Result<(), Failed> {
        let node = format!(r#"{{"apiVersion":"v1","kind":"Node","metadata":{{"name":"{name}"}}}}"#);
        self.server.run_successfully(&format!("kubectl create --filename - <<<'{node}'"))?;
        Ok(())
    }

    /// Two nodes with one machine-id, and two with one UUID, which firmware prints in either case.
    fn expect_copies_named(&self) -> Result<(), Failed> {
        let nodes = self.server.run_successfully("kubectl get nodes --output name")?;
        let [first, second, ..] = nodes.lines().collect::<Vec<_>>()[..] else {
            return Err(nodes.into());
        };
        for (node, machine, system) in
            [(first, "5d0c", "4C4C4544-AA"), (second, "5d0c", "4c4c4544-aa")]
        {
            let info = format!(
                r#"{{"status":{{"nodeInfo":{{"machineID":"{machine}","systemUUID":"{system}"}}}}}}"#
            );
            self.server.run_successfully(&format!(
                "kubectl patch {node} --subresource status --type merge --patch '{info}'"
            ))?;
        }
        let output = self.run("", &[], 0)?;
        for line in [
            format!(
                "{first} {second} have the same machine-id 5d0c, as copies of one machine: on all but one of them"
            ),
            format!(
                "{first} {second} have the same product_uuid 4c4c4544-aa, as copies of one machine: create"
            ),
        ] {
            expect_text(&output, &line)?;
        }
        let other = r#"{"status":{"nodeInfo":{"machineID":"7e1f","systemUUID":"4c4c4544-bb"}}}"#;
        self.server.run_successfully(&format!(
            "kubectl patch {second} --subresource status --type merge --patch '{other}'"
        ))?;
        match self.run("", &[], 0)?.contains("have the same") {
            true => Err("named although they differ".into()),
            false => Ok(()),
        }
    }

    /// Each setting reaches a node that has joined, and what another program has set stays.
    fn expect_labels_and_taints(&self, variant: &ClusterVariant) -> Result<(), Failed> {
        let node = variant.late;
        self.server.run_successfully(&format!(
            r#"kubectl patch node/{node} --type merge --patch '{{"metadata":{{"labels":{{"team":"blue"}}}},
                "spec":{{"taints":[{{"key":"down","effect":"NoExecute","timeAdded":"2026-01-01T00:00:00Z"}}]}}}}'"#
        ))?;
        for (settings, labels, taints) in NODE_SETTINGS {
            self.render_with(node, settings)?;
            let output = self.run("", &[], 0)?;
            expect_text(&output, &format!("meshwright: node/{node} patched\n"))?;
            expect_text(&output, "meshwright: done; ")?;
            let zone = if labels.contains("/zone=") { "" } else { variant.zone };
            let expected = [labels, zone, "team=blue"].join(" ");
            expect_equal("labels", self.labels(node)?, sorted_words(&expected))?;
            let taints = taints.unwrap_or(variant.taint);
            let expected = format!("{taints} down:NoExecute@2026-01-01T00:00:00Z");
            expect_equal("taints", self.taints(node)?, sorted_words(&expected))?;
        }
        Ok(())
    }

    /// The last run of a topology without route reflectors: the full mesh begins before the first of them goes.
    fn expect_reflectors_released(&self) -> Result<(), Failed> {
        const MARKED: &str = "kubectl get nodes --selector route-reflector=true --output name";
        const MESH: &str = "kubectl get bgpconfigurations.projectcalico.org/default --output \
                            jsonpath={.spec.nodeToNodeMeshEnabled}";
        let declared = self.topology.lines().find(|line| line.starts_with("route_reflectors = "));
        let Some(declared) = declared else { return Ok(()) };
        let marked = ["node/prague\nnode/vienna\n", ""];
        let mesh = ["false", "true"];
        expect_equal("reflectors", self.server.run_successfully(MARKED)?.as_str(), marked[0])?;
        expect_equal("full mesh", self.server.run_successfully(MESH)?.as_str(), mesh[0])?;
        let before = self.script_writes()?.len();
        let file = self.tree.with_file_name("topology.toml");
        fs::write(&file, self.topology.replacen(declared, "", 1))?;
        render(&file, &self.tree);
        self.run("", &[], 0)?;
        expect_equal("reflectors", self.server.run_successfully(MARKED)?.as_str(), marked[1])?;
        expect_equal("full mesh", self.server.run_successfully(MESH)?.as_str(), mesh[1])?;
        let writes = self.script_writes()?;
        let about_bgp = |line: &&String| line.contains(" bgp") || line.contains(" nodes/");
        let found: Vec<_> = writes[before..].iter().filter(about_bgp).map(String::as_str).collect();
        let expected = [
            "apply bgpconfigurations/default",
            "apply nodes/prague",
            "apply nodes/prague",
            "apply nodes/vienna",
            "apply nodes/vienna",
        ];
        expect_equal("writes", found, expected.to_vec())
    }

    /// The labels of a node.
    fn labels(&self, node: &str) -> io::Result<Vec<String>> {
        let labels = "{{range $key, $value := .metadata.labels}}{{$key}}={{$value}} {{end}}";
        self.words_of(node, labels)
    }

    /// The taints of a node, with the time since which they evict pods.
    fn taints(&self, node: &str) -> io::Result<Vec<String>> {
        let taints = "{{range .spec.taints}}{{.key}}{{with .value}}={{.}}{{end}}:{{.effect}}\
                      {{with .timeAdded}}@{{.}}{{end}} {{end}}";
        self.words_of(node, taints)
    }

    fn words_of(&self, node: &str, template: &str) -> io::Result<Vec<String>> {
        let call = format!("kubectl get node/{node} --output 'go-template={template}'");
        Ok(sorted_words(&self.server.run_successfully(&call)?))
    }

    /// Renders the tree again, with other settings of one node.
    fn render_with(&self, node: &str, settings: &str) -> Result<(), Failed> {
        let name = format!("name = \"{node}\"\n");
        let topology = self.topology.replacen(&name, &format!("{name}{settings}"), 1);
        let file = self.tree.with_file_name("topology.toml");
        fs::write(&file, topology)?;
        render(&file, &self.tree);
        Ok(())
    }

    /// The annotation of the pods of kube-proxy, with which apply.sh replaces them.
    fn api_of_kube_proxy(&self) -> io::Result<String> {
        self.server.run_successfully(
            "kubectl --namespace kube-system get daemonset/kube-proxy --output \
             'jsonpath={.spec.template.metadata.annotations.meshwright/api}'",
        )
    }

    /// Adds the nodes except one, the addons of `kubeadm init`, and the controllers.
    fn join(&mut self, late: &str) -> Result<(), Failed> {
        for node in fs::read_dir(self.tree.join("nodes"))? {
            let name = node?.file_name();
            if name != late {
                self.create_node(&name.display().to_string())?;
            }
        }
        let done = self.server.run(ADDONS, &self.init_node.file)?;
        expect_code(&done, 0)?;
        let script =
            Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers/apply/controllers.sh");
        let crds = if self.native_crds {
            String::new()
        } else {
            calico_file("projectcalico.org.crds.yaml")
        };
        self.controllers =
            Some(self.server.spawn(&format!("exec {} \"{crds}\"", script.display()))?);
        Ok(())
    }

    /// The policy refuses a namespace that names a pool, some time after it is created.
    fn expect_pod_address_policy(&self) -> Result<(), Failed> {
        const SCRIPT: &str = r#"
            namespace='{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"thief",
                "annotations":{"cni.projectcalico.org/ipv4pools":"[\"pods-home\"]"}}}'
            until output=$(kubectl create --dry-run=server --filename - <<<"$namespace" 2>&1) && false ||
                [[ $output == *'a pod with another node'* ]]; do
                ((SECONDS < 60)) || { echo "$output"; exit 1; }
                sleep 0.2
            done
        "#;
        self.server.run_successfully(SCRIPT)?;
        Ok(())
    }

    /// Runs apply.sh, expects an exit code, and returns its output.
    fn run(&self, before: &str, arguments: &[&str], code: i32) -> Result<String, Failed> {
        let script = format!(
            "export KUBECONFIG=/mnt/apply.kubeconfig\n{before}cd /mnt; timeout 300 \"$1\" --secrets '{}' {} 2>&1",
            self.secrets.display(),
            arguments.join(" "),
        );
        expect_code(&self.server.run(&script, &self.tree.join("cluster/apply.sh"))?, code)
    }

    /// The writes since the server started, of the script (`apply`) or of others (`other`), from the server's
    /// audit log.
    fn log(&self) -> io::Result<Vec<String>> {
        let log = self.server.run_successfully("cat /mnt/audit.log")?;
        let parsed = serde_json::Deserializer::from_str(&log).into_iter::<Value>();
        let events = parsed.collect::<Result<Vec<_>, _>>()?;
        Ok(events.iter().filter_map(describe_write).collect())
    }

    /// The writes of the script.
    fn script_writes(&self) -> io::Result<Vec<String>> {
        let mut log = self.log()?;
        log.retain(|line| line.starts_with("apply "));
        Ok(log)
    }

    /// Expects these writes, in this order.
    fn expect_order(&self, order: &[&str]) -> Result<(), Failed> {
        let log = self.log()?;
        let mut rest = log.iter();
        for expected in order {
            if !rest.any(|line| line == expected) {
                let first = log.iter().position(|line| line.starts_with("apply "));
                let writes = log[first.unwrap_or_default()..].join("\n");
                return Err(format!("missing or out of order: {expected}\n{writes}").into());
            }
        }
        Ok(())
    }

    /// Every object with its version, which the server increments at each change.
    fn state(&self) -> io::Result<String> {
        const SCRIPT: &str = r#"
            kinds=$(kubectl api-resources --verbs=list --output name | grep -vE '^(events|leases|componentstatuses)')
            kubectl get "$(paste -sd, <<<"$kinds")" --all-namespaces --ignore-not-found --output \
                jsonpath='{range .items[*]}{.kind} {.metadata.namespace}/{.metadata.name} {.metadata.resourceVersion}{"\n"}{end}'
        "#;
        self.server.run_successfully(SCRIPT)
    }
}

impl Drop for ApplyCluster {
    fn drop(&mut self) {
        if let Some(mut controllers) = self.controllers.take() {
            let _ = controllers.kill().and_then(|()| controllers.wait());
        }
    }
}

fn sorted_words(text: &str) -> Vec<String> {
    let mut words: Vec<_> = text.split_whitespace().map(str::to_owned).collect();
    words.sort_unstable();
    words
}

/// CoreDNS and kube-proxy, as kubeadm creates them. kubeadm requires the folder of patches.
const ADDONS: &str = r#"
    unshare --mount bash -euc 'mount -t tmpfs etc /etc; mkdir -p /etc/kubernetes/patches; exec "$@"' addons \
        kubeadm init phase addon all --config "$1" --kubeconfig /mnt/kubeconfig
"#;

/// `<user> <resource>/<name>[/<subresource>]` of an event that changed something.
fn describe_write(event: &Value) -> Option<String> {
    let object = &event["objectRef"];
    let is_dry_run = event["requestURI"].as_str()?.contains("dryRun=");
    let code = event["responseStatus"]["code"].as_u64()?;
    if is_dry_run || !(200..300).contains(&code) {
        return None;
    }
    let user = if event["user"]["username"] == "apply" { "apply" } else { "other" };
    let mut path = vec![object["resource"].as_str()?, object["name"].as_str().unwrap_or_default()];
    path.extend(object["subresource"].as_str());
    Some(format!("{user} {}", path.join("/")))
}

/// A path in the shared data, for a shell.
fn calico_file(file: &str) -> String {
    format!("${{MESHWRIGHT_SHARED_DATA:-../../shared/data}}/calico-3.32.1/{file}")
}

/// The variant's topology, with the sources that [`write_sources`] has written.
fn topology(variant: &ClusterVariant, sources: &Path) -> io::Result<String> {
    let mut text = fs::read_to_string(testing::repository().join(variant.topology))?;
    for (name, file) in [
        ("calico-crds", "calico-crds.yaml"),
        ("calico-operator", "calico-operator.yaml"),
        (variant.chart, "chart.tgz"),
    ] {
        let path = sources.join(file);
        let digest = sha256_hex(fs::read(&path)?);
        text += &format!(
            "\n[packages.sources.{name}]\nurl = \"{}\"\nsha256 = \"{digest}\"\n",
            path.display()
        );
    }
    Ok(text)
}

/// Writes Calico's CRDs, an operator that is only a Deployment, and a chart with the controller's name, one
/// Deployment, and the schema of the real chart if it has one.
fn write_sources(folder: &Path, variant: &ClusterVariant) -> Result<(), Failed> {
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
    let native = if variant.native_crds { "yes" } else { "" };
    let (chart, deployment) = (variant.chart, variant.ingress);
    let script = format!("chart={chart} deployment={deployment} native={native}\n{SCRIPT}");
    expect_code(&crate::namespace::outside(&script, folder)?, 0).map(drop)
}

/// The files of `meshwright export --manifests`, with placeholder contents.
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
