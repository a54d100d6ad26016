//! kubelet reads and checks the settings of each node, and the lists of names that the rules know are those of the
//! programs.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use libtest_mimic::Failed;
use meshwright_value::component::{Component, feature_gates, kubelet_fields};
use tempfile::TempDir;

use crate::consumer::{BrokenFile, Consumer, ConsumerVerdict, need};
use crate::expect::{expect_code, expect_text};
use crate::namespace::{inside, outside};
use crate::need::Need;

/// The consumer.
pub(crate) const CONSUMERS: &[Consumer] = &[Consumer {
    name: "kubelet",
    tier: "api",
    needs: &[crate::consumer::NAMESPACES, need("type kubelet", "no kubelet")],
    reads: |path| path.ends_with("/patches/kubeletconfiguration0+merge.yaml"),
    judge,
    broken: &[
        BrokenFile {
            name: "an_unknown_setting",
            path: PATCH,
            original: "evictionHard:",
            replacement: "evictionHardest:",
            reason: r#"strict decoding error: unknown field \"evictionHardest\""#,
        },
        BrokenFile {
            name: "a_setting_of_another_type",
            path: PATCH,
            original: "maxPods: 40",
            replacement: "maxPods: many",
            reason: "failed to load kubelet config file",
        },
        BrokenFile {
            name: "a_setting_out_of_bounds",
            path: PATCH,
            original: "imageGCHighThresholdPercent: 75",
            replacement: "imageGCHighThresholdPercent: 175",
            reason: "imageGCHighThresholdPercent (--image-gc-high-threshold) 175 must be between 0 and 100",
        },
    ],
}];

const PATCH: &str = "nodes/shelf/patches/kubeletconfiguration0+merge.yaml";

fn judge(files: &[PathBuf]) -> io::Result<Vec<ConsumerVerdict>> {
    files.iter().map(|file| load(file)).collect()
}

/// kubelet reads and checks its configuration before anything else. Then it ends, because it cannot create its folder.
/// For an unknown field it only prints a message. kubeadm merges the file into a document with the first two fields;
/// the third makes no difference on a host, which has cgroup v2.
fn load(file: &Path) -> io::Result<ConsumerVerdict> {
    const SCRIPT: &str = r#"
        mount -t tmpfs work /mnt
        { printf 'apiVersion: kubelet.config.k8s.io/v1beta1\nkind: KubeletConfiguration\nfailCgroupV1: false\n'; cat "$1"; } >/mnt/config.yaml
        output=$(timeout 30 kubelet --config /mnt/config.yaml --root-dir /proc/none --cert-dir /mnt/pki 2>&1) && exit 1
        grep -vP '^\t' <<<"$output"
        grep -qF 'Effective KubeletConfiguration' <<<"$output"
        ! grep -qE 'Using lenient decoding|failed to (load|validate) kubelet config' <<<"$output"
    "#;
    inside(SCRIPT, file).map(ConsumerVerdict::from_output)
}

pub(crate) const NEEDS: &[Need] =
    &[need("type kube-apiserver kube-controller-manager kube-scheduler etcd", "no control plane")];

/// The names of each program's arguments, and Kubernetes' feature gates, are those that `--help` prints.
pub(crate) fn names_are_those_of_the_programs() -> Result<(), Failed> {
    const SCRIPT: &str = r#"
        for program in kube-apiserver kube-controller-manager kube-scheduler etcd; do
            $program --help 2>&1 | sed -nE "s/^ +(-[a-z], )?--([a-z0-9-]+).*/$program \2/p"
        done
        kube-apiserver --help 2>&1 | sed -nE 's/^ +(kube:)?([A-Z][A-Za-z0-9]+)=true\|false .*/gate \2/p'
    "#;
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let printed = expect_code(&outside(SCRIPT, folder.path())?, 0)?;
    let printed: BTreeSet<_> = printed
        .lines()
        .filter(|line| !line.ends_with(" help") && !line.ends_with(" version"))
        .collect();
    let arguments = Component::ALL.into_iter().flat_map(|component| {
        component.arguments().map(move |name| format!("{} {name}", component.program()))
    });
    let known: BTreeSet<_> =
        arguments.chain(feature_gates().map(|gate| format!("gate {gate}"))).collect();
    let known: BTreeSet<_> = known.iter().map(String::as_str).collect();
    let differing: Vec<_> = known.symmetric_difference(&printed).collect();
    if differing.is_empty() { Ok(()) } else { Err(format!("{differing:?}").into()) }
}

/// kubelet knows each field of the list, and its type: it reads a document with all of them.
pub(crate) fn fields_are_those_of_kubelet() -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("fields.yaml");
    let fields = kubelet_fields().filter(|(field, _)| *field != "failCgroupV1");
    let lines = fields.map(|(field, kind)| {
        let value = match kind {
            "array" => "[]",
            "boolean" => "false",
            "integer" | "number" => "1",
            "string" => "1s",
            _ => "{}",
        };
        format!("{field}: {value}\n")
    });
    fs::write(&file, lines.collect::<String>())?;
    // Most of these values are not valid; kubelet has read all of them by then.
    match load(&file)? {
        ConsumerVerdict::Accepted => Ok(()),
        ConsumerVerdict::Refused(reason) if reason.contains("strict decoding error") => {
            Err(reason.into())
        }
        ConsumerVerdict::Refused(reason) => expect_text(&reason, "Effective KubeletConfiguration"),
    }
}
