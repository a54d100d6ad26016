//! `cluster/apply.sh` with a kubectl, a helm and a curl that note what they are asked: the order, what
//! a second run does, and each way to stop.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;

use crate::consumer::need;
use crate::need::Need;
use crate::render;
use crate::testing;

/// What the trials need.
pub(crate) const NEEDS: &[Need] =
    &[need("(( BASH_VERSINFO[0] >= 5 )) && type awk cut diff sha256sum tar", "no GNU userland")];

/// All of them.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("apply_fakes::keeps_the_order", keeps_the_order),
        Trial::test(
            "apply_fakes::changes_nothing_the_second_time",
            changes_nothing_the_second_time,
        ),
        Trial::test("apply_fakes::names_all_that_is_missing", names_all_that_is_missing),
        Trial::test("apply_fakes::needs_no_other_program", needs_no_other_program),
        Trial::test("apply_fakes::stops_at_the_step_that_fails", stops_at_the_step_that_fails),
        Trial::test("apply_fakes::refuses_another_cluster", refuses_another_cluster),
        Trial::test("apply_fakes::compares_with_a_known_digest", compares_with_a_known_digest),
        Trial::test("apply_fakes::compares_with_an_index", compares_with_the_index_of_a_repository),
        Trial::test("apply_fakes::fetches_helm", fetches_helm),
        Trial::test(
            "apply_fakes::goes_back_to_what_the_chart_says",
            goes_back_to_what_the_chart_says,
        ),
        Trial::test("apply_fakes::names_an_interrupted_helm", names_an_interrupted_helm),
        Trial::test("apply_fakes::spreads_what_one_node_has", spreads_what_one_node_has),
        Trial::test("apply_fakes::touches_nothing_in_a_dry_run", touches_nothing_in_a_dry_run),
        Trial::test("apply_fakes::names_what_is_left_over", names_what_is_left_over),
        Trial::test("apply_fakes::leaves_out_what_is_not_there", leaves_out_what_is_not_there),
    ]
}

/// Every program beside kubectl, helm and curl that the script may use.
const PROGRAMS: [&str; 19] = [
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
    "sort",
    "tar",
    "uname",
];

/// The files that lie beside the folder, as `[packages.sources]` of the examples names them.
const LOCAL: [(&str, &str); 3] = [
    ("calico-crds", "crds.yaml"),
    ("calico-operator", "operator.yaml"),
    ("ingress-nginx", "chart.tgz"),
];

/// A tree, what it needs beside itself, and a cluster that answers.
struct Bench {
    folder: TempDir,
}

/// How a run has ended.
struct Ran {
    code: Option<i32>,
    stdout: String,
    stderr: String,
    /// The calls, one a line.
    calls: String,
}

impl Bench {
    /// The committed topology, with all sources beside it.
    fn new() -> Result<Self, Failed> {
        Self::with(&committed()?, &LOCAL)
    }

    fn with(topology: &str, local: &[(&str, &str)]) -> Result<Self, Failed> {
        let bench = Self { folder: TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))? };
        let sources = local.iter().map(|(name, file)| {
            format!("[packages.sources.{name}]\nurl = \"{}\"\n", bench.path(file).display())
        });
        let topology = format!("{topology}\n{}", sources.collect::<String>());
        bench.write("topology.toml", &topology)?;
        render(&bench.path("topology.toml"), &bench.path("out"));
        for (name, file) in local {
            bench.write(file, &format!("of: {name}\n"))?;
        }
        for folder in ["bin", "secrets", "cluster/web"] {
            fs::create_dir_all(bench.path(folder))?;
        }
        bench.write("kubeconfig", "")?;
        for secret in ["bgp-password", "cloudflared"] {
            bench.write(&format!("secrets/{secret}.yaml"), &format!("name: {secret}\n"))?;
        }
        bench.write("cluster/pods", "tokyo\nfrankfurt\n")?;
        bench.write("cluster/taints", "NoSchedule\n\nPreferNoSchedule\n\n")?;
        bench.link_programs()?;
        Ok(bench)
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

    /// Runs the script from another folder, with relative paths: it must find its own.
    fn run(&self, arguments: &[&str]) -> Result<Ran, Failed> {
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
        Ok(Ran {
            code: done.status.code(),
            stdout: text(done.stdout),
            stderr: text(done.stderr),
            calls: text(fs::read(self.path("cluster/calls")).unwrap_or_default()),
        })
    }

    fn apply(&self) -> Result<Ran, Failed> {
        self.run(&["--secrets", "secrets"])
    }
}

impl Ran {
    fn ends(&self, code: i32, stdout: &str, stderr: &str) -> Result<(), Failed> {
        if self.code == Some(code) && self.stdout.ends_with(stdout) && self.stderr == stderr {
            return Ok(());
        }
        let Self { code: found, stdout: said, stderr: complained, calls } = self;
        Err(format!("code {found:?}\n{said}\n{complained}\n{calls}").into())
    }

    fn calls(&self, expected: &str) -> Result<(), Failed> {
        if self.calls == expected {
            return Ok(());
        }
        Err(format!("{}\nis not what is expected:\n{expected}", self.calls).into())
    }

    fn has_called(&self, call: &str) -> bool {
        self.calls.lines().any(|line| line.contains(call))
    }
}

fn holds(what: bool, otherwise: &str) -> Result<(), Failed> {
    if what { Ok(()) } else { Err(otherwise.into()) }
}

fn keeps_the_order() -> Result<(), Failed> {
    let ran = Bench::new()?.apply()?;
    ran.ends(0, "meshwright: done; 24 changes\n", "")?;
    ran.calls(FIRST_RUN)
}

/// What is asked of a new cluster, in this order.
const FIRST_RUN: &str = "\
kubectl get --raw /readyz
kubectl get node/hongkong --output name
kubectl diff --filename calico/pod-annotations.policy.yaml
kubectl apply --filename calico/pod-annotations.policy.yaml
kubectl diff --filename access.yaml
kubectl apply --filename access.yaml
kubectl diff --server-side --force-conflicts --field-manager=meshwright --filename DIR/crds.yaml
kubectl apply --server-side --force-conflicts --field-manager=meshwright --filename DIR/crds.yaml
kubectl wait --for=create --timeout=15m crd/installations.operator.tigera.io crd/apiservers.operator.tigera.io crd/tigerastatuses.operator.tigera.io
kubectl wait --for=condition=Established --timeout=15m crd/installations.operator.tigera.io crd/apiservers.operator.tigera.io crd/tigerastatuses.operator.tigera.io
kubectl diff --server-side --force-conflicts --field-manager=meshwright --filename DIR/operator.yaml
kubectl apply --server-side --force-conflicts --field-manager=meshwright --filename DIR/operator.yaml
kubectl --namespace tigera-operator rollout status deployment/tigera-operator --timeout=15m
kubectl diff --filename calico/installation.yaml
kubectl apply --filename calico/installation.yaml
kubectl wait --for=create --timeout=15m tigerastatus/apiserver
kubectl wait --for=condition=Available --timeout=15m tigerastatus/apiserver
kubectl wait --for=create --timeout=15m apiservice/v3.projectcalico.org
kubectl wait --for=condition=Available --timeout=15m apiservice/v3.projectcalico.org
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
kubectl --namespace calico-system rollout status daemonset/calico-node --timeout=15m
kubectl --namespace kube-system patch configmap/kube-proxy --type merge --patch-file kube-proxy/kube-proxy.patch.yaml
kubectl --namespace kube-system patch daemonset/kube-proxy --type merge --patch {\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"checksum/config\":\"SHA256\"}}}}}
kubectl --namespace kube-system rollout status daemonset/kube-proxy --timeout=15m
kubectl diff --filename cloudflared/namespace.yaml
kubectl apply --filename cloudflared/namespace.yaml
kubectl diff --server-side --force-conflicts --field-manager=meshwright --filename DIR/secrets/cloudflared.yaml
kubectl apply --server-side --force-conflicts --field-manager=meshwright --filename DIR/secrets/cloudflared.yaml
kubectl diff --filename cloudflared/cloudflared.yaml
kubectl apply --filename cloudflared/cloudflared.yaml
kubectl --namespace cloudflared patch deployment/cloudflared --type merge --patch {\"spec\":{\"template\":{\"metadata\":{\"annotations\":{\"checksum/credential\":\"SHA256\"}}}}}
kubectl diff --filename ingress-nginx/namespace.yaml
kubectl apply --filename ingress-nginx/namespace.yaml
kubectl diff --filename ingress-nginx/networkpolicy.yaml
kubectl apply --filename ingress-nginx/networkpolicy.yaml
helm history ingress-nginx --namespace ingress-nginx --max 1 --output json
helm upgrade --install ingress-nginx DIR/chart.tgz --namespace ingress-nginx --values ingress-nginx/values.yaml --description meshwright SHA256 --take-ownership --timeout 15m
kubectl wait --for=create --timeout=15m node/hongkong node/tokyo node/frankfurt node/home
kubectl wait --for=condition=Ready --timeout=15m node/hongkong node/tokyo node/frankfurt node/home
kubectl wait --for=create --timeout=15m tigerastatus/calico
kubectl wait --for=condition=Available --timeout=15m tigerastatus/calico
kubectl --namespace kube-system patch deployment/coredns --type strategic --patch-file coredns/coredns.patch.yaml
kubectl --namespace kube-system patch service/kube-dns --type merge --patch-file coredns/kube-dns.patch.yaml
kubectl --namespace kube-system rollout status deployment/coredns --timeout=15m
kubectl --namespace cloudflared rollout status deployment/cloudflared --timeout=15m
kubectl --namespace cloudflared get pods --selector app.kubernetes.io/name=cloudflared --output jsonpath={range .items[*]}{.spec.nodeName}{\"\\n\"}{end}
kubectl get nodes --output jsonpath={range .items[*]}{.spec.taints[*].effect}{\"\\n\"}{end}
kubectl --namespace ingress-nginx rollout status deployment/ingress-nginx-controller --timeout=15m
kubectl --namespace ingress-nginx get pods --selector app.kubernetes.io/component=controller,app.kubernetes.io/instance=ingress-nginx,app.kubernetes.io/name=ingress-nginx --output jsonpath={range .items[*]}{.spec.nodeName}{\"\\n\"}{end}
kubectl get nodes --output jsonpath={range .items[*]}{.spec.taints[*].effect}{\"\\n\"}{end}
kubectl diff --filename hello/hello.yaml
kubectl apply --filename hello/hello.yaml
kubectl --namespace hello rollout status deployment/hello --timeout=15m
kubectl get namespace/traefik --ignore-not-found --output name
";

fn changes_nothing_the_second_time() -> Result<(), Failed> {
    let bench = Bench::new()?;
    bench.apply()?.ends(0, "meshwright: done; 24 changes\n", "")?;
    let again = bench.apply()?;
    again.ends(0, "meshwright: done; 0 changes\n", "")?;
    let writes = [" apply ", "helm upgrade", "rollout restart"];
    for write in writes {
        holds(!again.has_called(write), &format!("{write} again:\n{}", again.calls))?;
    }
    Ok(())
}

/// All at once, and nothing has been asked of the cluster.
fn names_all_that_is_missing() -> Result<(), Failed> {
    let bench = Bench::new()?;
    for file in [
        "bin/kubectl",
        "kubeconfig",
        "out/cluster/calico/bgp.yaml",
        "secrets/bgp-password.yaml",
        "secrets/cloudflared.yaml",
        "chart.tgz",
    ] {
        fs::remove_file(bench.path(file))?;
    }
    let ran = bench.apply()?;
    ran.ends(3, "meshwright: looking for every input\n", MISSING)?;
    ran.calls("")
}

const MISSING: &str = "\
meshwright: missing: the program kubectl
meshwright: missing: the kubeconfig DIR/kubeconfig: KUBECONFIG names one of the cluster; hongkong has /etc/kubernetes/admin.conf
meshwright: missing: DIR/out/cluster/calico/bgp.yaml: copy the whole of out/cluster
meshwright: missing: the Secret DIR/secrets/bgp-password.yaml: `meshwright export --manifests | tar -xC DIR` makes it, and --secrets names DIR
meshwright: missing: the Secret DIR/secrets/cloudflared.yaml: `meshwright export --manifests | tar -xC DIR` makes it, and --secrets names DIR
meshwright: missing: ingress-nginx 4.15.1 at DIR/chart.tgz, which [packages.sources.ingress-nginx] names
meshwright: nothing has been applied
meshwright: apply.sh stopped with code 3 at: looking for every input
";

/// The list of programs in the script is whole: with these alone it runs, and without one it says so.
fn needs_no_other_program() -> Result<(), Failed> {
    for program in ["awk", "cut", "diff", "grep", "sha256sum", "sort", "tar"] {
        let bench = Bench::new()?;
        fs::remove_file(bench.path("bin").join(program))?;
        let stderr = format!(
            "meshwright: missing: the program {program}\nmeshwright: nothing has been applied\n\
             meshwright: apply.sh stopped with code 3 at: looking for every input\n"
        );
        bench.apply()?.ends(3, "", &stderr)?;
    }
    Ok(())
}

fn stops_at_the_step_that_fails() -> Result<(), Failed> {
    let table = [
        ("--raw /readyz", "looking for the cluster atlas"),
        ("apply --filename calico/pod-annotations", "keeping pods from naming their own address"),
        ("wait --for=create --timeout=15m crd/", "installing Calico's operator 3.32.1"),
        ("wait --for=condition=Available", "waiting for Calico's API"),
        ("patch daemonset/calico-node", "applying Calico's objects"),
        ("rollout status daemonset/kube-proxy", "configuring kube-proxy"),
        ("DIR/secrets/cloudflared.yaml", "installing the tunnel"),
        ("node/hongkong node/tokyo", "waiting until every node is Ready"),
        ("get pods", "spreading the tunnel over the nodes"),
        ("rollout status deployment/hello", "installing the echo app"),
    ];
    for (call, step) in table {
        let bench = Bench::new()?;
        let call = call.replace("DIR", &bench.folder.path().display().to_string());
        // `diff` may fail: then the file is applied.
        bench.write("cluster/fail", &call.replace("DIR/", ""))?;
        let ran = bench.apply()?;
        let stderr = format!(
            "error: as the test has it\nmeshwright: apply.sh stopped with code 1 at: {step}\n"
        );
        ran.ends(1, "", &stderr)?;
        let last = ran.calls.lines().last().unwrap_or_default().to_owned();
        let call = call.replace(&bench.folder.path().display().to_string(), "DIR");
        holds(last.contains(&call), &format!("went on after `{call}`:\n{}", ran.calls))?;
    }
    Ok(())
}

fn refuses_another_cluster() -> Result<(), Failed> {
    let bench = Bench::new()?;
    bench.write("cluster/fail", "get node/hongkong --output")?;
    bench.apply()?.ends(
        1,
        "meshwright: looking for the cluster atlas\n",
        "error: as the test has it\n\
         meshwright: the cluster of DIR/kubeconfig has no node hongkong, so it is not atlas\n\
         meshwright: apply.sh stopped with code 1 at: looking for the cluster atlas\n",
    )
}

const CALICO: [(&str, &str); 2] = [LOCAL[0], LOCAL[1]];

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn minimal() -> Result<String, Failed> {
    let topology = testing::repository().join("examples/minimal/topology.toml");
    Ok(fs::read_to_string(topology)?)
}

fn committed() -> Result<String, Failed> {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    Ok(fs::read_to_string(repository.join("topology.toml"))?)
}

/// A chart whose digest is known must have it; and must be there.
fn compares_with_a_known_digest() -> Result<(), Failed> {
    let bench = Bench::with(&committed()?, &CALICO)?;
    let url = "https://github.com/kubernetes/ingress-nginx/releases/download/helm-chart-4.15.1/ingress-nginx-4.15.1.tgz";
    let stopped =
        "meshwright: apply.sh stopped with code 3 at: fetching what is not in this folder\n";
    let absent = format!(
        "curl: (22) The requested URL returned error: 404\n\
         meshwright: ingress-nginx 4.15.1 is not to be had at {url}\n{stopped}"
    );
    bench.apply()?.ends(3, "", &absent)?;
    bench.write("cluster/web/ingress-nginx-4.15.1.tgz", "another\n")?;
    let differs = format!(
        "meshwright: ingress-nginx 4.15.1 from {url} has the SHA-256 {}, and \
         3eff0bd18151d6e6b1c441463410571443dda1ac78292cb189346628de784f0c is wanted: if it is meant \
         to be another file, write its sha256 into [packages.sources.ingress-nginx]\n{stopped}",
        sha256("another\n")
    );
    let ran = bench.apply()?;
    ran.ends(3, "", &differs)?;
    ran.calls(&format!("curl {url}\n"))
}

/// Of two charts with two versions each, the one that is meant. What was compared once is kept.
fn compares_with_the_index_of_a_repository() -> Result<(), Failed> {
    let bench = Bench::with(&minimal()?, &CALICO)?;
    bench.write("cluster/web/traefik-41.3.0.tgz", "chart\n")?;
    let entry = |digest: &str, version: &str| {
        format!(
            "  - apiVersion: v2\n    dependencies:\n    - name: x\n      version: 41.3.0\n    \
             digest: {digest}\n    name: x\n    version: {version}\n"
        )
    };
    let index = |wanted: &str| {
        let (one, two) = (entry(&"1".repeat(64), "41.3.0"), entry(&"2".repeat(64), "41.4.0"));
        let three = entry(&sha256("chart\n"), wanted);
        format!("apiVersion: v1\nentries:\n  another:\n{one}  traefik:\n{two}{three}")
    };
    bench.write("cluster/web/index.yaml", &index("41.2.0"))?;
    bench.apply()?.ends(
        3,
        "",
        "meshwright: https://traefik.github.io/charts/index.yaml has no checksum of traefik 41.3.0\n\
         meshwright: apply.sh stopped with code 3 at: fetching what is not in this folder\n",
    )?;
    bench.write("cluster/web/index.yaml", &index("41.3.0"))?;
    let ran = bench.apply()?;
    ran.ends(0, " changes\n", "")?;
    holds(ran.stdout.contains("meshwright: fetched traefik 41.3.0\n"), &ran.stdout)?;
    let again = bench.apply()?;
    again.ends(0, "meshwright: done; 0 changes\n", "")?;
    holds(!again.has_called("curl "), &again.calls)
}

/// Helm is fetched where none is there, and compared with the file beside it. Of a release of Calico
/// that is not known there is nothing to compare with, and that is said.
fn fetches_helm() -> Result<(), Failed> {
    let topology = committed()? + "[calico]\nversion = \"3.32.0\"\n";
    let bench = Bench::with(&topology, &[LOCAL[2]])?;
    fs::create_dir_all(bench.path("linux-amd64"))?;
    let helm = bench.path("linux-amd64/helm");
    fs::rename(bench.path("bin/helm"), &helm)?;
    for arch in ["amd64", "arm64"] {
        let archive = bench.path(&format!("cluster/web/helm-v4.3.1-linux-{arch}.tar.gz"));
        let transform = format!("--transform=s/amd64/{arch}/");
        let packed = Command::new("tar")
            .args(["-czhf".as_ref(), archive.as_os_str(), transform.as_ref()])
            .args(["linux-amd64/helm"])
            .current_dir(bench.folder.path())
            .status()?;
        holds(packed.success(), "no archive")?;
        let sum = Sha256::digest(fs::read(&archive)?);
        let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
        let name = format!("helm-v4.3.1-linux-{arch}.tar.gz");
        bench.write(&format!("cluster/web/{name}.sha256sum"), &format!("{sum}  {name}\n"))?;
    }
    bench.write("cluster/web/operator-crds.yaml", "crds\n")?;
    bench.write("cluster/web/tigera-operator.yaml", "operator\n")?;
    let ran = bench.apply()?;
    ran.ends(0, " changes\n", "")?;
    holds(ran.has_called("helm upgrade --install"), &ran.calls)?;
    let said = "meshwright: calico-crds 3.32.0 is not compared: no checksum of it is known; write one \
                as sha256 of [packages.sources.calico-crds]\n";
    holds(ran.stdout.contains(said), &ran.stdout)
}

fn goes_back_to_what_the_chart_says() -> Result<(), Failed> {
    let bench = Bench::new()?;
    bench.apply()?;
    bench.write("cluster/drift", "")?;
    let ran = bench.apply()?;
    ran.ends(0, "meshwright: done; 1 changes\n", "")?;
    holds(ran.has_called("helm upgrade --install ingress-nginx"), &ran.calls)
}

fn names_an_interrupted_helm() -> Result<(), Failed> {
    for (status, verb) in [("pending-install", "uninstall"), ("pending-upgrade", "rollback")] {
        let bench = Bench::new()?;
        let release = format!("[{{\"revision\":1,\"status\":\"{status}\",\"description\":\"x\"}}]");
        bench.write("cluster/release", &release)?;
        let stderr = format!(
            "meshwright: helm was interrupted: `helm {verb} ingress-nginx --namespace \
             ingress-nginx`, then run this again\nmeshwright: apply.sh stopped with code 1 at: \
             installing the Ingress controller\n"
        );
        let ran = bench.apply()?;
        ran.ends(1, "", &stderr)?;
        holds(!ran.has_called("helm upgrade"), &ran.calls)?;
    }
    Ok(())
}

/// Only where another node could take one of them.
fn spreads_what_one_node_has() -> Result<(), Failed> {
    for (taints, restarts) in [("NoSchedule\n\n\n", 1), ("NoSchedule\n\nNoExecute\n", 0)] {
        let bench = Bench::new()?;
        bench.write("cluster/pods", "tokyo\ntokyo\n")?;
        bench.write("cluster/taints", taints)?;
        let ran = bench.apply()?;
        ran.ends(0, &format!("meshwright: done; {} changes\n", 24 + restarts), "")?;
        let found = ran.calls.matches("rollout restart deployment/cloudflared").count();
        holds(found == restarts, &ran.calls)?;
    }
    Ok(())
}

fn touches_nothing_in_a_dry_run() -> Result<(), Failed> {
    let bench = Bench::new()?;
    let ran = bench.run(&["--dry-run", "--secrets=secrets"])?;
    ran.ends(0, "meshwright: nothing has been done\n", "")?;
    ran.calls("")?;
    bench.run(&["--wet"])?.ends(2, "", &bench.run(&["--help"])?.stdout)
}

/// A cluster without tunnel, password and echo app asks for nothing of them.
fn leaves_out_what_is_not_there() -> Result<(), Failed> {
    let topology = minimal()? + "\n[calico]\nbgp_password = false\n";
    let bench = Bench::with(&topology, &[CALICO[0], CALICO[1], ("traefik", "chart.tgz")])?;
    fs::remove_dir_all(bench.path("secrets"))?;
    let ran = bench.apply()?;
    ran.ends(0, "changes\n", "")?;
    let asked = |line: &&str| !line.starts_with("kubectl get namespace/");
    for absent in ["cloudflared", "hello", "bgp-password", "secrets"] {
        let called = ran.calls.lines().filter(asked).any(|line| line.contains(absent));
        holds(!called, &format!("{absent}:\n{}", ran.calls))?;
    }
    Ok(())
}

/// What an earlier topology had is named, with what removes it, and left alone.
fn names_what_is_left_over() -> Result<(), Failed> {
    let bench = Bench::new()?;
    bench.write("cluster/namespaces", "traefik\n")?;
    bench.apply()?.ends(
        0,
        "meshwright: the namespace traefik is no longer in the topology; to remove it: helm uninstall \
         traefik --namespace traefik, then kubectl delete namespace traefik, then this again\n\
         meshwright: done; 24 changes\n",
        "",
    )
}
