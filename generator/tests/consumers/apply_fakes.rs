//! `cluster/apply.sh` with placeholders for kubectl, helm and curl that record their calls: the order of the
//! calls, the effect of a second run, and each reason to stop.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::consumer::need;
use crate::expect::sha256_hex;
use crate::need::Need;
use crate::render;
use crate::testing;

/// The requirements of the trials.
pub(crate) const NEEDS: &[Need] =
    &[need("(( BASH_VERSINFO[0] >= 5 )) && type awk cut diff sha256sum tar", "no GNU userland")];

/// All trials with placeholders.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("apply_fakes::keeps_the_order", keeps_the_order),
        Trial::test("apply_fakes::second_run_changes_nothing", second_run_changes_nothing),
        Trial::test("apply_fakes::names_missing_inputs", names_missing_inputs),
        Trial::test("apply_fakes::needs_only_listed_programs", needs_only_listed_programs),
        Trial::test("apply_fakes::stops_at_the_step_that_fails", stops_at_the_step_that_fails),
        Trial::test("apply_fakes::refuses_another_cluster", refuses_another_cluster),
        Trial::test("apply_fakes::compares_with_a_known_digest", compares_with_a_known_digest),
        Trial::test("apply_fakes::compares_with_an_index", compares_with_the_index_of_a_repository),
        Trial::test("apply_fakes::fetches_helm", fetches_helm),
        Trial::test("apply_fakes::reverts_drift_of_the_chart", reverts_drift_of_the_chart),
        Trial::test("apply_fakes::names_an_interrupted_helm", names_an_interrupted_helm),
        Trial::test("apply_fakes::spreads_pods_of_one_node", spreads_pods_of_one_node),
        Trial::test(
            "apply_fakes::spreads_pods_beside_one_that_ends",
            spreads_pods_beside_one_that_ends,
        ),
        Trial::test(
            "apply_fakes::spreads_dns_onto_control_planes",
            spreads_dns_onto_control_planes,
        ),
        Trial::test("apply_fakes::reports_absent_nodes", reports_absent_nodes),
        Trial::test("apply_fakes::sets_labels_and_taints", sets_labels_and_taints),
        Trial::test("apply_fakes::sets_taints_after_a_conflict", sets_taints_after_a_conflict),
        Trial::test("apply_fakes::reports_a_cluster_without_room", reports_a_cluster_without_room),
        Trial::test("apply_fakes::renews_kube_proxy", renews_kube_proxy),
        Trial::test(
            "apply_fakes::ends_the_mesh_after_the_reflectors",
            ends_the_mesh_after_the_reflectors,
        ),
        Trial::test(
            "apply_fakes::begins_the_mesh_before_the_reflectors_go",
            begins_the_mesh_before_the_reflectors_go,
        ),
        Trial::test("apply_fakes::ends_for_a_newer_delivery", ends_for_a_newer_delivery),
        Trial::test("apply_fakes::waits_in_parts", waits_in_parts),
        Trial::test("apply_fakes::dry_run_changes_nothing", dry_run_changes_nothing),
        Trial::test("apply_fakes::names_leftover_namespaces", names_leftover_namespaces),
        Trial::test("apply_fakes::omits_absent_parts", omits_absent_parts),
        Trial::test("apply_fakes::installs_no_controller", installs_no_controller),
    ]
}

/// Every program that the script may use besides kubectl, helm and curl.
const PROGRAMS: [&str; 20] = [
    "awk",
    "bash",
    "cat",
    "cp",
    "cut",
    "diff",
    "dirname",
    "env",
    "grep",
    "gzip",
    "mkdir",
    "mktemp",
    "mv",
    "rm",
    "sed",
    "sha256sum",
    "sleep",
    "sort",
    "tar",
    "uname",
];

/// Local files for the sources in `[packages.sources]`.
const LOCAL: [(&str, &str); 3] = [
    ("calico-crds", "crds.yaml"),
    ("calico-operator", "operator.yaml"),
    ("ingress-nginx", "chart.tgz"),
];

/// A tree, its other inputs, and the state of the placeholders.
struct FakeCluster {
    folder: TempDir,
}

/// The result of a run.
struct ApplyRun {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// The calls, one per line.
    calls: String,
}

impl FakeCluster {
    /// The committed topology, with local files for all sources.
    fn new() -> Result<Self, Failed> {
        Self::with(&committed()?, &LOCAL)
    }

    fn with(topology: &str, local: &[(&str, &str)]) -> Result<Self, Failed> {
        let cluster = Self { folder: TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))? };
        let sources = local.iter().map(|(name, file)| {
            format!("[packages.sources.{name}]\nurl = \"{}\"\n", cluster.path(file).display())
        });
        let topology = format!("{topology}\n{}", sources.collect::<String>());
        cluster.write("topology.toml", &topology)?;
        render(&cluster.path("topology.toml"), &cluster.path("out"));
        for (name, file) in local {
            cluster.write(file, &format!("of: {name}\n"))?;
        }
        for folder in ["bin", "secrets", "cluster/web"] {
            fs::create_dir_all(cluster.path(folder))?;
        }
        cluster.write("kubeconfig", "")?;
        for secret in ["bgp-password", "cloudflared"] {
            cluster.write(&format!("secrets/{secret}.yaml"), &format!("name: {secret}\n"))?;
        }
        let nodes = fs::read_dir(cluster.path("out/nodes"))?;
        let ready = nodes.map(|node| Ok(format!("{} True\n", node?.file_name().display())));
        cluster.write("cluster/ready", &ready.collect::<Result<String, Failed>>()?)?;
        let taints = "hongkong node-role.kubernetes.io/control-plane:NoSchedule \n\
                      tokyo \nfrankfurt spot:PreferNoSchedule \nhome \n";
        cluster.write("cluster/taints", taints)?;
        cluster.link_programs()?;
        Ok(cluster)
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    fn write(&self, file: &str, text: &str) -> Result<(), Failed> {
        Ok(fs::write(self.path(file), text)?)
    }

    fn link_programs(&self) -> Result<(), Failed> {
        for program in PROGRAMS {
            let found = Command::new("bash").args(["-c", "type -P \"$0\"", program]).output()?;
            symlink(String::from_utf8(found.stdout)?.trim(), self.path("bin").join(program))?;
        }
        let fakes = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/consumers/apply_fakes");
        for fake in ["kubectl", "helm", "curl"] {
            symlink(fakes.join(fake), self.path("bin").join(fake))?;
        }
        Ok(())
    }

    /// Runs the script from another folder with relative paths: it must find its own files.
    fn run(&self, arguments: &[&str]) -> Result<ApplyRun, Failed> {
        let _ = fs::remove_file(self.path("cluster/calls"));
        let done = Command::new(self.path("out/cluster/apply.sh"))
            .args(arguments)
            .current_dir(self.folder.path())
            .env_clear()
            .env("PATH", self.path("bin"))
            .env("HOME", self.folder.path())
            .env("KUBECONFIG", "kubeconfig")
            .env("FAKE_CLUSTER", self.path("cluster"))
            .output()?;
        let folder = self.folder.path().display().to_string();
        let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).replace(&folder, "DIR");
        Ok(ApplyRun {
            code: done.status.code(),
            stdout: text(done.stdout),
            stderr: text(done.stderr),
            calls: text(fs::read(self.path("cluster/calls")).unwrap_or_default()),
        })
    }

    fn apply(&self) -> Result<ApplyRun, Failed> {
        self.run(&["--secrets", "secrets"])
    }
}

impl ApplyRun {
    fn expect_end(&self, code: i32, stdout: &str, stderr: &str) -> Result<(), Failed> {
        if self.code == Some(code) && self.stdout.ends_with(stdout) && self.stderr == stderr {
            return Ok(());
        }
        let Self { code: found, stdout: output, stderr: errors, calls } = self;
        Err(format!("code {found:?}\n{output}\n{errors}\n{calls}").into())
    }

    fn calls(&self, expected: &str) -> Result<(), Failed> {
        if self.calls == expected {
            return Ok(());
        }
        Err(format!("{}\ndoes not equal:\n{expected}", self.calls).into())
    }

    fn has_called(&self, call: &str) -> bool {
        self.calls.lines().any(|line| line.contains(call))
    }
}

fn expect(what: bool, otherwise: &str) -> Result<(), Failed> {
    if what { Ok(()) } else { Err(otherwise.into()) }
}

fn keeps_the_order() -> Result<(), Failed> {
    let run = FakeCluster::new()?.apply()?;
    run.expect_end(0, "meshwright: done; 24 changes\n", "")?;
    run.calls(FIRST_RUN)
}

/// The calls for a new cluster, in this order.
const FIRST_RUN: &str = "\
kubectl get --raw /readyz
kubectl get node/hongkong --output name
kubectl get nodes --output go-template={{range .items}}{{.metadata.name}}|{{.metadata.resourceVersion}}|{{range $key, $value := .metadata.labels}}{{$key}}={{$value}} {{end}}|{{with .metadata.annotations}}{{or (index . \"meshwright/labels\") \"\"}}{{end}}|{{range .spec.taints}}{{.key}}{{with .value}}={{.}}{{end}}:{{.effect}}@{{or .timeAdded \"\"}} {{end}}|{{with .metadata.annotations}}{{or (index . \"meshwright/taints\") \"\"}}{{end}}{{\"\\n\"}}{{end}}
kubectl diff --filename calico/pod-annotations.policy.yaml
kubectl apply --filename calico/pod-annotations.policy.yaml
kubectl diff --filename access.yaml
kubectl apply --filename access.yaml
kubectl diff --server-side --force-conflicts --field-manager=meshwright --filename DIR/crds.yaml
kubectl apply --server-side --force-conflicts --field-manager=meshwright --filename DIR/crds.yaml
kubectl wait --for=create crd/installations.operator.tigera.io --timeout=20s
kubectl wait --for=condition=Established crd/installations.operator.tigera.io --timeout=20s
kubectl wait --for=create crd/apiservers.operator.tigera.io --timeout=20s
kubectl wait --for=condition=Established crd/apiservers.operator.tigera.io --timeout=20s
kubectl wait --for=create crd/tigerastatuses.operator.tigera.io --timeout=20s
kubectl wait --for=condition=Established crd/tigerastatuses.operator.tigera.io --timeout=20s
kubectl diff --server-side --force-conflicts --field-manager=meshwright --filename DIR/operator.yaml
kubectl apply --server-side --force-conflicts --field-manager=meshwright --filename DIR/operator.yaml
kubectl --namespace tigera-operator rollout status deployment/tigera-operator --timeout=20s
kubectl diff --filename calico/installation.yaml
kubectl apply --filename calico/installation.yaml
kubectl wait --for=create tigerastatus/apiserver --timeout=20s
kubectl wait --for=condition=Available tigerastatus/apiserver --timeout=20s
kubectl wait --for=create apiservice/v3.projectcalico.org --timeout=20s
kubectl wait --for=condition=Available apiservice/v3.projectcalico.org --timeout=20s
kubectl diff --filename calico/bgp-password.rbac.yaml
kubectl apply --filename calico/bgp-password.rbac.yaml
kubectl diff --server-side --force-conflicts --field-manager=meshwright --filename DIR/secrets/bgp-password.yaml
kubectl apply --server-side --force-conflicts --field-manager=meshwright --filename DIR/secrets/bgp-password.yaml
kubectl diff --filename calico/ipam.yaml
kubectl apply --filename calico/ipam.yaml
kubectl diff --filename calico/felix.yaml
kubectl apply --filename calico/felix.yaml
kubectl diff --filename calico/metadata.policy.yaml
kubectl apply --filename calico/metadata.policy.yaml
kubectl diff --filename calico/bgp.yaml
kubectl apply --filename calico/bgp.yaml
kubectl --namespace calico-system patch daemonset/calico-node --type merge --patch {\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"checksum/bgp\":\"SHA256\"}}}}}
kubectl get nodes --selector route-reflector=true --output jsonpath={range .items[*]}{.metadata.name} {.metadata.annotations.projectcalico\\.org/RouteReflectorClusterID}{\"\\n\"}{end}
kubectl --namespace kube-system patch configmap/kube-proxy --type merge --patch-file kube-proxy/kube-proxy.patch.yaml
kubectl diff --filename cloudflared/namespace.yaml
kubectl apply --filename cloudflared/namespace.yaml
kubectl diff --server-side --force-conflicts --field-manager=meshwright --filename DIR/secrets/cloudflared.yaml
kubectl apply --server-side --force-conflicts --field-manager=meshwright --filename DIR/secrets/cloudflared.yaml
kubectl diff --filename cloudflared/cloudflared.yaml
kubectl apply --filename cloudflared/cloudflared.yaml
kubectl --namespace cloudflared patch deployment/cloudflared --type merge --patch {\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"checksum/credential\":\"SHA256\"}}}}}
kubectl get nodes --output jsonpath={range .items[*]}{.metadata.name} {range .spec.taints[*]}{.key}:{.effect} {end}{\"\\n\"}{end}
kubectl diff --filename ingress-nginx/namespace.yaml
kubectl apply --filename ingress-nginx/namespace.yaml
kubectl diff --filename ingress-nginx/networkpolicy.yaml
kubectl apply --filename ingress-nginx/networkpolicy.yaml
helm history ingress-nginx --namespace ingress-nginx --max 1 --output json
helm upgrade --install ingress-nginx DIR/chart.tgz --namespace ingress-nginx --values ingress-nginx/values.yaml --description meshwright SHA256 --take-ownership --timeout 900s
kubectl get nodes --output jsonpath={range .items[*]}{.metadata.name} {.status.conditions[?(@.type==\"Ready\")].status}{\"\\n\"}{end}
kubectl get nodes --output go-template={{range .items}}{{.metadata.name}}|{{.metadata.resourceVersion}}|{{range $key, $value := .metadata.labels}}{{$key}}={{$value}} {{end}}|{{with .metadata.annotations}}{{or (index . \"meshwright/labels\") \"\"}}{{end}}|{{range .spec.taints}}{{.key}}{{with .value}}={{.}}{{end}}:{{.effect}}@{{or .timeAdded \"\"}} {{end}}|{{with .metadata.annotations}}{{or (index . \"meshwright/taints\") \"\"}}{{end}}{{\"\\n\"}}{{end}}
kubectl --namespace kube-system patch daemonset/kube-proxy --type merge --patch {\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"checksum/config\":\"SHA256\",\"meshwright/api\":\"k8s-api.atlas.internal 10.66.66.1\"}}}}}
kubectl --namespace kube-system patch deployment/coredns --type strategic --patch-file coredns/coredns.patch.yaml
kubectl --namespace kube-system patch service/kube-dns --type merge --patch-file coredns/kube-dns.patch.yaml
kubectl --namespace kube-system rollout status deployment/coredns --timeout=20s
kubectl --namespace kube-system get pods --selector k8s-app=kube-dns --output jsonpath={range .items[*]}{.spec.nodeName} {.metadata.deletionTimestamp}{\"\\n\"}{end}
kubectl get nodes --output jsonpath={range .items[*]}{.metadata.name} {range .spec.taints[*]}{.key}:{.effect} {end}{\"\\n\"}{end}
kubectl --namespace cloudflared rollout status deployment/cloudflared --timeout=20s
kubectl --namespace cloudflared get pods --selector app.kubernetes.io/name=cloudflared --output jsonpath={range .items[*]}{.spec.nodeName} {.metadata.deletionTimestamp}{\"\\n\"}{end}
kubectl get nodes --output jsonpath={range .items[*]}{.metadata.name} {range .spec.taints[*]}{.key}:{.effect} {end}{\"\\n\"}{end}
kubectl --namespace ingress-nginx rollout status deployment/ingress-nginx-controller --timeout=20s
kubectl --namespace ingress-nginx get pods --selector app.kubernetes.io/component=controller,app.kubernetes.io/instance=ingress-nginx,app.kubernetes.io/name=ingress-nginx --output jsonpath={range .items[*]}{.spec.nodeName} {.metadata.deletionTimestamp}{\"\\n\"}{end}
kubectl get nodes --output jsonpath={range .items[*]}{.metadata.name} {range .spec.taints[*]}{.key}:{.effect} {end}{\"\\n\"}{end}
kubectl diff --filename hello/hello.yaml
kubectl apply --filename hello/hello.yaml
kubectl --namespace hello rollout status deployment/hello --timeout=20s
kubectl wait --for=create tigerastatus/calico --timeout=20s
kubectl wait --for=condition=Available tigerastatus/calico --timeout=20s
kubectl --namespace calico-system rollout status daemonset/calico-node --timeout=20s
kubectl --namespace kube-system rollout status daemonset/kube-proxy --timeout=20s
kubectl get nodes --output jsonpath={range .items[*]}machine-id {.status.nodeInfo.machineID} {.metadata.name}{\"\\n\"}product_uuid {.status.nodeInfo.systemUUID} {.metadata.name}{\"\\n\"}{end}
kubectl get namespace/traefik --ignore-not-found --output name
";

fn second_run_changes_nothing() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.apply()?.expect_end(0, "meshwright: done; 24 changes\n", "")?;
    let again = cluster.apply()?;
    again.expect_end(0, "meshwright: done; 0 changes\n", "")?;
    let writes = [" apply ", "helm upgrade", "rollout restart"];
    for write in writes {
        expect(!again.has_called(write), &format!("{write} again:\n{}", again.calls))?;
    }
    Ok(())
}

/// All missing inputs are reported at once, before any call to the cluster.
fn names_missing_inputs() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    for file in [
        "bin/kubectl",
        "kubeconfig",
        "out/cluster/calico/bgp.yaml",
        "secrets/bgp-password.yaml",
        "secrets/cloudflared.yaml",
        "chart.tgz",
    ] {
        fs::remove_file(cluster.path(file))?;
    }
    let run = cluster.apply()?;
    run.expect_end(3, "meshwright: checking every input\n", MISSING)?;
    run.calls("")
}

const MISSING: &str = "\
meshwright: missing: the program kubectl
meshwright: missing: the kubeconfig DIR/kubeconfig: set KUBECONFIG to one of the cluster; hongkong has /etc/kubernetes/admin.conf
meshwright: missing: DIR/out/cluster/calico/bgp.yaml: copy the whole of out/cluster
meshwright: missing: the Secret DIR/secrets/bgp-password.yaml: write it with `meshwright export --manifests | tar -xC DIR`, and name DIR with --secrets
meshwright: missing: the Secret DIR/secrets/cloudflared.yaml: write it with `meshwright export --manifests | tar -xC DIR`, and name DIR with --secrets
meshwright: missing: ingress-nginx 4.15.1 at DIR/chart.tgz, which [packages.sources.ingress-nginx] names
meshwright: nothing has been applied
meshwright: apply.sh stopped with code 3 at: checking every input
";

/// The script's list of programs is complete: it runs with these alone, and reports one that is missing.
fn needs_only_listed_programs() -> Result<(), Failed> {
    for program in ["awk", "cut", "diff", "grep", "sha256sum", "sleep", "sort", "tar"] {
        let cluster = FakeCluster::new()?;
        fs::remove_file(cluster.path("bin").join(program))?;
        let stderr = format!(
            "meshwright: missing: the program {program}\nmeshwright: nothing has been applied\n\
             meshwright: apply.sh stopped with code 3 at: checking every input\n"
        );
        cluster.apply()?.expect_end(3, "", &stderr)?;
    }
    Ok(())
}

fn stops_at_the_step_that_fails() -> Result<(), Failed> {
    let table = [
        ("--raw /readyz", "checking the cluster atlas"),
        ("apply --filename calico/pod-annotations", "forbidding pods to set their own address"),
        ("wait --for=create crd/", "installing Calico's operator 3.32.1"),
        ("wait --for=condition=Available", "awaiting Calico's API"),
        ("patch daemonset/calico-node", "applying Calico's objects"),
        ("patch configmap/kube-proxy", "configuring kube-proxy"),
        ("DIR/secrets/cloudflared.yaml", "installing the tunnel"),
        ("{.key}:{.effect}", "awaiting a node that accepts pods"),
        ("@.type==", "awaiting the nodes"),
        ("patch daemonset/kube-proxy", "renewing kube-proxy's pods"),
        ("--namespace cloudflared get pods", "spreading the tunnel over the nodes"),
        ("rollout status deployment/hello", "installing the echo app"),
        ("rollout status daemonset/kube-proxy", "awaiting every node's own pods"),
    ];
    for (call, step) in table {
        let cluster = FakeCluster::new()?;
        let folder = cluster.folder.path().display().to_string();
        // If `diff` fails, the file is applied.
        cluster.write("cluster/fail", &call.replace("DIR", &folder))?;
        let run = cluster.apply()?;
        let stderr = format!(
            "error: set by the test\nmeshwright: apply.sh stopped with code 1 at: {step}\n"
        );
        run.expect_end(1, "", &stderr)?;
        let last = run.calls.lines().last().unwrap_or_default();
        expect(last.contains(call), &format!("went on after `{call}`:\n{}", run.calls))?;
    }
    Ok(())
}

fn refuses_another_cluster() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.write("cluster/fail", "get node/hongkong --output")?;
    cluster.apply()?.expect_end(
        1,
        "meshwright: checking the cluster atlas\n",
        "error: set by the test\n\
         meshwright: the cluster of DIR/kubeconfig has no node hongkong, so it is not atlas\n\
         meshwright: apply.sh stopped with code 1 at: checking the cluster atlas\n",
    )
}

const CALICO: [(&str, &str); 2] = [LOCAL[0], LOCAL[1]];

fn minimal() -> Result<String, Failed> {
    let topology = testing::repository().join("examples/minimal/topology.toml");
    Ok(fs::read_to_string(topology)?)
}

fn committed() -> Result<String, Failed> {
    Ok(fs::read_to_string(testing::repository().join("topology.toml"))?)
}

/// A chart with a known digest must exist and have that digest.
fn compares_with_a_known_digest() -> Result<(), Failed> {
    let cluster = FakeCluster::with(&committed()?, &CALICO)?;
    let url = "https://github.com/kubernetes/ingress-nginx/releases/download/helm-chart-4.15.1/ingress-nginx-4.15.1.tgz";
    let stopped = "meshwright: apply.sh stopped with code 3 at: fetching external files\n";
    let absent = format!(
        "curl: (22) The requested URL returned error: 404\n\
         meshwright: ingress-nginx 4.15.1 cannot be fetched from {url}\n{stopped}"
    );
    cluster.apply()?.expect_end(3, "", &absent)?;
    cluster.write("cluster/web/ingress-nginx-4.15.1.tgz", "another\n")?;
    let differs = format!(
        "meshwright: ingress-nginx 4.15.1 from {url} has the SHA-256 {}, not 3eff0bd18151d6e6b1c441463410571443dda1ac78292cb189346628de784f0c: if another file is intended, set its sha256 in [packages.sources.ingress-nginx]\n{stopped}",
        sha256_hex("another\n")
    );
    let run = cluster.apply()?;
    run.expect_end(3, "", &differs)?;
    run.calls(&format!("curl {url}\n"))
}

/// The digest of the right chart and version is used. A file is not fetched again after it was compared.
fn compares_with_the_index_of_a_repository() -> Result<(), Failed> {
    let cluster = FakeCluster::with(&minimal()?, &CALICO)?;
    cluster.write("cluster/web/traefik-41.3.0.tgz", "chart\n")?;
    let entry = |digest: &str, version: &str| {
        format!(
            "  - apiVersion: v2\n    dependencies:\n    - name: x\n      version: 41.3.0\n    \
             digest: {digest}\n    name: x\n    version: {version}\n"
        )
    };
    let index = |version: &str| {
        let (one, two) = (entry(&"1".repeat(64), "41.3.0"), entry(&"2".repeat(64), "41.4.0"));
        let three = entry(&sha256_hex("chart\n"), version);
        format!("apiVersion: v1\nentries:\n  another:\n{one}  traefik:\n{two}{three}")
    };
    cluster.write("cluster/web/index.yaml", &index("41.2.0"))?;
    cluster.apply()?.expect_end(
        3,
        "",
        "meshwright: https://traefik.github.io/charts/index.yaml has no checksum of traefik 41.3.0\n\
         meshwright: apply.sh stopped with code 3 at: fetching external files\n",
    )?;
    cluster.write("cluster/web/index.yaml", &index("41.3.0"))?;
    let run = cluster.apply()?;
    run.expect_end(0, " changes\n", "")?;
    expect(run.stdout.contains("meshwright: fetched traefik 41.3.0\n"), &run.stdout)?;
    let hint = "meshwright: traefik 41.3.0 is compared only with the index of the server that it comes from; to pin it, set sha256 of [packages.sources.traefik]\n";
    expect(run.stdout.contains(hint), &run.stdout)?;
    let again = cluster.apply()?;
    again.expect_end(0, "meshwright: done; 0 changes\n", "")?;
    expect(!again.has_called("curl "), &again.calls)
}

/// Helm is fetched if it is missing. Its digest is known; the topology may have another one.
fn fetches_helm() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    let archives = pack_helm(&cluster)?;
    let differs = "from https://get.helm.sh/helm-v4.3.0-linux-";
    let run = cluster.apply()?;
    expect(run.stderr.contains(differs) && run.stderr.contains("has the SHA-256"), &run.stderr)?;
    expect(!run.has_called("helm "), &run.calls)?;
    let declared = archives.iter().map(|(arch, digest)| {
        format!(
            "[packages.sources.helm-{arch}]\n\
             url = \"https://mirror.example.com/helm-v4.3.0-linux-{arch}.tar.gz\"\n\
             sha256 = \"{digest}\"\n"
        )
    });
    let own = FakeCluster::with(&(committed()? + &declared.collect::<String>()), &LOCAL)?;
    fs::remove_file(own.path("bin/helm"))?;
    for (arch, _) in &archives {
        let archive = format!("cluster/web/helm-v4.3.0-linux-{arch}.tar.gz");
        fs::copy(cluster.path(&archive), own.path(&archive))?;
    }
    let run = own.apply()?;
    run.expect_end(0, " changes\n", "")?;
    expect(run.has_called("helm upgrade --install"), &run.calls)
}

/// Moves the program of a cluster into archives like those of get.helm.sh; returns their digests.
fn pack_helm(cluster: &FakeCluster) -> Result<Vec<(&'static str, String)>, Failed> {
    fs::create_dir_all(cluster.path("linux-amd64"))?;
    fs::rename(cluster.path("bin/helm"), cluster.path("linux-amd64/helm"))?;
    let mut archives = Vec::new();
    for arch in ["amd64", "arm64"] {
        let archive = cluster.path(&format!("cluster/web/helm-v4.3.0-linux-{arch}.tar.gz"));
        let transform = format!("--transform=s/amd64/{arch}/");
        let packed = Command::new("tar")
            .args(["-czhf".as_ref(), archive.as_os_str(), transform.as_ref()])
            .args(["linux-amd64/helm"])
            .current_dir(cluster.folder.path())
            .status()?;
        expect(packed.success(), "no archive")?;
        archives.push((arch, sha256_hex(fs::read(&archive)?)));
    }
    Ok(archives)
}

fn reverts_drift_of_the_chart() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.apply()?;
    cluster.write("cluster/drift", "")?;
    let run = cluster.apply()?;
    run.expect_end(0, "meshwright: done; 1 changes\n", "")?;
    expect(run.has_called("helm upgrade --install ingress-nginx"), &run.calls)
}

fn names_an_interrupted_helm() -> Result<(), Failed> {
    for (status, verb) in [("pending-install", "uninstall"), ("pending-upgrade", "rollback")] {
        let cluster = FakeCluster::new()?;
        let release = format!("[{{\"revision\":1,\"status\":\"{status}\",\"description\":\"x\"}}]");
        cluster.write("cluster/release", &release)?;
        let stderr = format!(
            "meshwright: helm was interrupted: `helm {verb} ingress-nginx --namespace \
             ingress-nginx`, then run this again\nmeshwright: apply.sh stopped with code 1 at: \
             installing the Ingress controller\n"
        );
        let run = cluster.apply()?;
        run.expect_end(1, "", &stderr)?;
        expect(!run.has_called("helm upgrade"), &run.calls)?;
    }
    Ok(())
}

const CONTROL_PLANE: &str = "hongkong node-role.kubernetes.io/control-plane:NoSchedule \n";
const UNREACHABLE: &str = "tokyo \nfrankfurt node.kubernetes.io/unreachable:NoSchedule node.kubernetes.io/unreachable:NoExecute \n";

/// Only if another node can run one of the pods.
fn spreads_pods_of_one_node() -> Result<(), Failed> {
    for (others, restarts) in
        [("tokyo \nfrankfurt \n", 1), ("tokyo \nfrankfurt gpu:NoExecute \n", 0), (UNREACHABLE, 0)]
    {
        let cluster = FakeCluster::new()?;
        cluster.write("cluster/pods-cloudflared", "tokyo \ntokyo \n")?;
        cluster.write("cluster/taints", &format!("{CONTROL_PLANE}{others}"))?;
        let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
        let found = run.calls.matches("rollout restart deployment/cloudflared").count();
        expect(found == restarts, &format!("{others}:\n{}", run.calls))?;
    }
    Ok(())
}

/// A pod that ends on another node does not count: when it has ended, all pods are on one node.
fn spreads_pods_beside_one_that_ends() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    let ending = "tokyo \ntokyo \nfrankfurt 2026-11-30T10:00:00Z\n";
    cluster.write("cluster/pods-cloudflared", ending)?;
    cluster.write("cluster/taints", &format!("{CONTROL_PLANE}tokyo \nfrankfurt \n"))?;
    let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
    let found = run.calls.matches("rollout restart deployment/cloudflared").count();
    expect(found == 1, &run.calls)
}

/// CoreDNS tolerates the taint of control planes: with one worker, each node gets a replica.
fn spreads_dns_onto_control_planes() -> Result<(), Failed> {
    let off = UNREACHABLE.replace("tokyo \n", "");
    for (other, restarts) in [("tokyo \n", 1), (off.as_str(), 0)] {
        let cluster = FakeCluster::new()?;
        cluster.write("cluster/pods-kube-system", "hongkong \nhongkong \n")?;
        cluster.write("cluster/taints", &format!("{CONTROL_PLANE}{other}"))?;
        let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
        let found = run.calls.matches("rollout restart deployment/coredns").count();
        expect(found == restarts, &format!("{other}:\n{}", run.calls))?;
    }
    Ok(())
}

/// Everything that does not need them is done, and the run is repeated when they are there.
fn reports_absent_nodes() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.write("cluster/ready", "hongkong True\ntokyo True\nfrankfurt Unknown\n")?;
    let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
    run.expect_end(
        4,
        "meshwright: waiting for node/frankfurt: not Ready\n\
         meshwright: waiting for node/home: not joined\n\
         meshwright: done, except what waits for nodes; 24 changes\n",
        "",
    )?;
    // `meshwright-node` takes each such line for a result.
    let results = run.stdout.lines().filter(|line| line.starts_with("meshwright: waiting for "));
    expect(results.count() == 2, &run.stdout)?;
    for done in ["patch deployment/coredns", "apply --filename hello/hello.yaml", "get namespace/"]
    {
        expect(run.has_called(done), &format!("no {done}:\n{}", run.calls))?;
    }
    for awaited in ["tigerastatus/calico", "rollout status daemonset/"] {
        expect(!run.has_called(awaited), &format!("{awaited}:\n{}", run.calls))?;
    }
    cluster.write("cluster/ready", "hongkong True\ntokyo True\nfrankfurt True\nhome True\n")?;
    let again = cluster.apply()?;
    again.expect_end(0, "meshwright: done; 0 changes\n", "")?;
    expect(again.has_called("rollout status daemonset/kube-proxy"), &again.calls)
}

/// The state of a node as apply.sh reads it, and the patch of its labels and taints. Only what an earlier run has set is
/// removed. `home` has not joined, and `foreign` is of no topology.
fn sets_labels_and_taints() -> Result<(), Failed> {
    const ZONE: &str = "topology.kubernetes.io/zone";
    let settled = |node: &str, zone: &str| format!("{node}|5|x=y {ZONE}={zone} |{ZONE}|||\n");
    let hongkong = format!(
        "hongkong|5|{ZONE}=alibaba |{ZONE}|node-role.kubernetes.io/control-plane:NoSchedule@ |\
         node-role.kubernetes.io/control-plane:NoSchedule\n"
    );
    let table = [
        // As kubelet has registered it.
        (
            format!("tokyo|5|x=y {ZONE}=vultr ||||"),
            r#"{"labels":{},"annotations":{"meshwright/labels":"topology.kubernetes.io/zone"}}}"#,
        ),
        // Of a site that it has left.
        (
            format!("tokyo|5|x=y {ZONE}=lan |{ZONE}|||"),
            r#"{"labels":{"topology.kubernetes.io/zone":"vultr"},"annotations":{}}}"#,
        ),
        // With a label and a taint of an earlier topology, and one of another program that evicts pods.
        (
            format!(
                "tokyo|5|disk=ssd gpu=a100 {ZONE}=vultr |disk gone {ZONE}|gpu=a100:NoSchedule@ down:NoExecute@2026-11-30T10:00:00Z |gpu:NoSchedule gone:NoSchedule"
            ),
            r#"{"labels":{"disk":null},"annotations":{"meshwright/labels":"topology.kubernetes.io/zone","meshwright/taints":""},"resourceVersion":"5"},"spec":{"taints":[{"key":"down","effect":"NoExecute","timeAdded":"2026-11-30T10:00:00Z"}]}}"#,
        ),
    ];
    for (found, patch) in table {
        let cluster = FakeCluster::new()?;
        let rest =
            [hongkong.as_str(), &settled("frankfurt", "hetzner"), "foreign|5|||x:NoSchedule@ |\n"];
        cluster.write("cluster/nodes", &format!("{}{found}\n", rest.concat()))?;
        let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
        run.expect_end(0, "meshwright: done; 26 changes\n", "")?;
        let call = format!("kubectl patch node/tokyo --type merge --patch {{\"metadata\":{patch}");
        expect(run.calls.matches("kubectl patch node/").count() == 2, &run.calls)?;
        expect(run.has_called(&call), &format!("no {call}:\n{}", run.calls))?;
    }
    Ok(())
}

/// The API server refuses a list of taints that is made of an old one.
fn sets_taints_after_a_conflict() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.write(
        "cluster/nodes",
        "hongkong|5|topology.kubernetes.io/zone=alibaba |topology.kubernetes.io/zone||\n",
    )?;
    cluster.write("cluster/conflicts", "1\n")?;
    let run = cluster.apply()?;
    run.expect_end(0, " changes\n", "")?;
    let call = "patch node/hongkong --type merge --patch {\"metadata\":{\"labels\":{},\"annotations\":{\"meshwright/taints\":\"node-role.kubernetes.io/control-plane:NoSchedule\"},\"resourceVersion\":\"5\"},\"spec\":{\"taints\":[{\"key\":\"node-role.kubernetes.io/control-plane\",\"effect\":\"NoSchedule\"}]}}";
    expect(run.calls.matches(call).count() == 3, &run.calls)?;
    cluster.write("cluster/conflicts", "99\n")?;
    cluster.apply()?.expect_end(
        1,
        "",
        "meshwright: other programs have changed the taints of nodes during each of 5 attempts\n\
         meshwright: apply.sh stopped with code 1 at: setting the labels and taints of the nodes\n",
    )
}

/// No chart is installed whose hooks would wait for a quarter of an hour.
fn reports_a_cluster_without_room() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.write("cluster/taints", CONTROL_PLANE)?;
    cluster.write("cluster/ready", "hongkong True\ntokyo False\nfrankfurt True\nhome True\n")?;
    let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
    run.expect_end(
        4,
        "meshwright: waiting for node/tokyo: not Ready\n\
         meshwright: waiting for a node that accepts pods: the Ingress controller, the tunnel's pods \
         and the echo app\n\
         meshwright: done, except what waits for nodes; 20 changes\n",
        "",
    )?;
    expect(!run.has_called("helm "), &run.calls)?;
    expect(run.has_called("patch deployment/coredns"), &run.calls)
}

/// After the step from one control plane to several: when all of them have joined, and once.
fn renews_kube_proxy() -> Result<(), Failed> {
    let cluster = reflecting()?;
    let nodes = ["vienna", "prague", "berlin", "barn", "shelf", "desk", "cabin"];
    let ready = |absent: &str| {
        let there = nodes.iter().filter(|node| **node != absent);
        there.map(|node| format!("{node} True\n")).collect::<String>()
    };
    let address = "\"meshwright/api\":\"api.orbit.internal 127.0.0.1\"";
    cluster.write("cluster/ready", &ready("berlin"))?;
    let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
    run.expect_end(4, "changes\n", "")?;
    expect(run.has_called("{\"checksum/config\":\"SHA256\"}"), &run.calls)?;
    expect(!run.has_called(address), &run.calls)?;
    for (absent, code, changes) in [("cabin", 4, 1), ("", 0, 0)] {
        cluster.write("cluster/ready", &ready(absent))?;
        let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
        run.expect_end(code, &format!("; {changes} changes\n"), "")?;
        expect(run.has_called(address), &run.calls)?;
    }
    Ok(())
}

/// A topology with two route reflectors, and what its cluster has been asked about BGP, with short names.
fn reflecting() -> Result<FakeCluster, Failed> {
    let topology = testing::repository().join("examples/high-availability/topology.toml");
    let local = [CALICO[0], CALICO[1], ("traefik", "chart.tgz")];
    FakeCluster::with(&fs::read_to_string(topology)?, &local)
}

fn bgp_calls(run: &ApplyRun) -> Vec<String> {
    let is_write = |line: &&str| {
        (line.contains("bgp") && line.starts_with("kubectl apply") && !line.contains("password"))
            || (line.starts_with("kubectl patch node/") && line.contains("eflector"))
    };
    let names = [
        ("kubectl apply --filename ", ""),
        ("kubectl patch node/", ""),
        (" --type merge --patch {\"metadata\":", " "),
        ("route-reflector", "LABEL"),
        ("projectcalico.org/RouteReflectorClusterID", "ANNOTATION"),
    ];
    let short = |line: &str| {
        let line =
            names.iter().fold(line.to_owned(), |line, (long, short)| line.replace(long, short));
        line.rsplit('/').next().unwrap_or_default().to_owned()
    };
    run.calls.lines().filter(is_write).map(short).collect()
}

/// As long as no reflector is Ready, the full mesh stays.
fn ends_the_mesh_after_the_reflectors() -> Result<(), Failed> {
    const MARKED: [&str; 5] = [
        r#"prague {"labels":{"LABEL":"true"}}}"#,
        r#"vienna {"labels":{"LABEL":"true"}}}"#,
        "bgp-peer.yaml",
        r#"prague {"annotations":{"ANNOTATION":"244.0.0.1"}}}"#,
        r#"vienna {"annotations":{"ANNOTATION":"244.0.0.1"}}}"#,
    ];
    let cluster = reflecting()?;
    cluster.write("cluster/ready", "vienna False\nberlin True\nshelf True\n")?;
    let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
    run.expect_end(4, " changes\n", "")?;
    expect(bgp_calls(&run)[..5] == MARKED, &run.calls)?;
    expect(!run.has_called("--filename calico/bgp.yaml"), &run.calls)?;
    let stays = "meshwright: no route reflector is Ready: the full mesh of BGP sessions stays\n";
    expect(run.stdout.contains(stays), &run.stdout)?;
    let cluster = reflecting()?;
    let run = cluster.run(&["--secrets=secrets", "--patience=0"])?;
    run.expect_end(0, " changes\n", "")?;
    expect(bgp_calls(&run)[..6] == [MARKED.as_slice(), &["bgp.yaml"]].concat(), &run.calls)
}

/// Nodes of another program's reflectors stay as they are.
fn begins_the_mesh_before_the_reflectors_go() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.write("cluster/reflectors", "tokyo 244.0.0.1\nhome 10.0.0.1\nfrankfurt \n")?;
    let run = cluster.apply()?;
    run.expect_end(0, "meshwright: done; 28 changes\n", "")?;
    let expected = [
        "bgp.yaml",
        r#"tokyo {"annotations":{"ANNOTATION":null}}}"#,
        r#"tokyo {"labels":{"LABEL":null}}}"#,
        r#"frankfurt {"annotations":{"ANNOTATION":null}}}"#,
        r#"frankfurt {"labels":{"LABEL":null}}}"#,
    ];
    expect(bgp_calls(&run) == expected, &run.calls)
}

/// The run ends before the next step, also during a wait, and says so.
fn ends_for_a_newer_delivery() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.write("cluster/watched", "one\n")?;
    cluster.write("cluster/change-at", "rollout status deployment/tigera-operator")?;
    let run = cluster.run(&["--secrets=secrets", "--watch=cluster/watched"])?;
    run.expect_end(
        5,
        "meshwright: DIR/cluster/watched has changed: the run ends here, and the next one starts with the \
         new files\n",
        "",
    )?;
    let last = run.calls.lines().last().unwrap_or_default();
    expect(last.contains("rollout status deployment/tigera-operator"), &run.calls)?;
    for file in ["cluster/change-at", "cluster/times-out"] {
        cluster.write(file, "wait --for=create tigerastatus/apiserver")?;
    }
    let again = cluster.run(&["--secrets=secrets", "--watch=cluster/watched"])?;
    again.expect_end(5, "the new files\n", "")?;
    let last = again.calls.lines().last().unwrap_or_default();
    expect(last.contains("wait --for=create tigerastatus/apiserver"), &again.calls)
}

/// A part of a wait that times out is repeated; another error ends the run.
fn waits_in_parts() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    let call = "wait --for=condition=Available tigerastatus/apiserver";
    cluster.write("cluster/times-out", call)?;
    let run = cluster.apply()?;
    run.expect_end(0, "meshwright: done; 24 changes\n", "")?;
    expect(run.calls.matches(call).count() == 2, &run.calls)
}

fn dry_run_changes_nothing() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    let run = cluster.run(&["--dry-run", "--secrets=secrets"])?;
    run.expect_end(0, "meshwright: dry run: nothing has been changed\n", "")?;
    run.calls("")?;
    cluster.run(&["--wet"])?.expect_end(2, "", &cluster.run(&["--help"])?.stdout)
}

/// A cluster without tunnel, password and echo app makes no call for them.
fn omits_absent_parts() -> Result<(), Failed> {
    let topology = minimal()? + "\n[calico]\nbgp_password = false\n";
    let cluster = FakeCluster::with(&topology, &[CALICO[0], CALICO[1], ("traefik", "chart.tgz")])?;
    fs::remove_dir_all(cluster.path("secrets"))?;
    let run = cluster.apply()?;
    run.expect_end(0, "changes\n", "")?;
    let is_relevant = |line: &&str| !line.starts_with("kubectl get namespace/");
    for absent in ["cloudflared", "hello", "bgp-password", "secrets"] {
        let called = run.calls.lines().filter(is_relevant).any(|line| line.contains(absent));
        expect(!called, &format!("{absent}:\n{}", run.calls))?;
    }
    Ok(())
}

/// Without an Ingress controller helm is not needed: it is neither called nor fetched.
fn installs_no_controller() -> Result<(), Failed> {
    let topology = minimal()?.replace("controller = \"traefik\"", "controller = \"none\"");
    let cluster = FakeCluster::with(&topology, &CALICO)?;
    fs::remove_file(cluster.path("bin/helm"))?;
    let run = cluster.apply()?;
    run.expect_end(0, "changes\n", "")?;
    for absent in ["helm", "traefik rollout", "ingressclass"] {
        expect(!run.has_called(absent), &format!("{absent}:\n{}", run.calls))?;
    }
    Ok(())
}

/// A namespace of an earlier topology is named with the commands that remove it, and not changed.
fn names_leftover_namespaces() -> Result<(), Failed> {
    let cluster = FakeCluster::new()?;
    cluster.write("cluster/namespaces", "traefik\n")?;
    cluster.apply()?.expect_end(
        0,
        "meshwright: the namespace traefik is no longer in the topology; to remove it: helm uninstall \
         traefik --namespace traefik, then kubectl delete namespace traefik, then this again\n\
         meshwright: done; 24 changes\n",
        "",
    )
}
