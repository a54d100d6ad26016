//! Everything by which the machines of the lab differ from real ones. Each entry lies on the disk of a machine
//! before its first boot, or is an option of its container; no entry changes an emitted file.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;

use anyhow::{Context as _, Result};

/// One deviation.
#[derive(Debug)]
pub struct Deviation {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub change: &'static str,
    /// Why it is necessary here.
    pub reason: &'static str,
    /// The files that it puts on the disk of every machine.
    pub files: &'static [DeviationFile],
}

/// A file on the disk of every machine.
#[derive(Debug)]
pub enum DeviationFile {
    /// A text.
    Text(&'static str, &'static str),
    /// A program in a text.
    Program(&'static str, &'static str),
    /// The binary of the stand-ins under the name of a program.
    StandIn(&'static str),
    /// A link to a path.
    Link(&'static str, &'static str),
}

use DeviationFile::{Link, Program, StandIn, Text};

/// All deviations.
pub const ALL: &[Deviation] = &[
    Deviation {
        name: "container",
        change: "a machine is a container of systemd-nspawn with all capabilities and the system calls add_key, \
                 keyctl and bpf; its network is a namespace of the lab",
        reason: "real machines need KVM; `lab/vm` has one emulated machine with Debian's kernel",
        files: &[],
    },
    Deviation {
        name: "console",
        change: "deliveries and commands enter a machine by nsenter(1) instead of SSH; sshd runs, and only its \
                 port is tested. In the stage `fleet`, the laptop uses ssh(1) and sshd(8), with a key that is copied to \
                 each machine",
        reason: "user-data contains no SSH key: that is the provider's task",
        files: &[],
    },
    Deviation {
        name: "mirrors",
        change: "packages, images, Helm, the chart and the operator come from one server, which `[images]` and \
                 `[packages]` of the topology name; Debian's packages come from it too",
        reason: "the lab has no Internet; the programs are built from Go modules by `lab/tools/build`",
        files: &[
            Text("/etc/apt/sources.list", "deb [trusted=yes] http://198.18.0.1:8080/debian ./\n"),
            Text("/etc/resolv.conf", "nameserver 198.18.0.1\n"),
        ],
    },
    Deviation {
        name: "wireguard-go",
        change: "WireGuard runs in user space; `modprobe` does nothing",
        reason: "a container cannot load modules, and the kernel of CI has no WireGuard; `lab/vm` tests Debian's",
        files: &[Program("/usr/local/sbin/modprobe", "#!/bin/sh\nexit 0\n")],
    },
    Deviation {
        name: "clock",
        change: "`timedatectl` says that the clock is synchronised",
        reason: "the clock belongs to the machine of the test",
        files: &[Program("/usr/local/bin/timedatectl", "#!/bin/sh\necho yes\n")],
    },
    Deviation {
        name: "kernel-parameters",
        change: "kubelet writes six parameters of the kernel into files of the container, and /sys/fs/bpf is \
                 mounted by a unit",
        reason: "these parameters belong to the machine of the test",
        files: &[
            Text("/etc/systemd/system/lab-parameters.service", KERNEL_PARAMETERS),
            Link(
                "/etc/systemd/system/sysinit.target.wants/lab-parameters.service",
                "../lab-parameters.service",
            ),
        ],
    },
    Deviation {
        name: "shutdown",
        change: "a service that does not end is killed after 20 s instead of 90 s",
        reason: "kube-apiserver does not end after SIGTERM when the etcd of its node has ended before it; a machine \
                 that reboots then waits for the whole time",
        files: &[Text(
            "/etc/systemd/system.conf.d/lab.conf",
            "[Manager]\nDefaultTimeoutStopSec=20s\n",
        )],
    },
    Deviation {
        name: "cgroups",
        change: "kubelet makes no cgroups for pods; `runc` removes limits and a lower OOM score from each \
                 container; kubeadm does not check cgroups (SystemVerification)",
        reason: "cgroup v2 of CI has no controllers, and a process may not lower its OOM score there",
        files: &[
            Text("/etc/default/kubelet", KUBELET_ARGUMENTS),
            StandIn("/usr/local/sbin/runc"),
            Program("/usr/local/sbin/kubeadm", KUBEADM),
            Text(
                "/etc/systemd/system/containerd.service.d/lab.conf",
                "[Service]\nOOMScoreAdjust=\n",
            ),
        ],
    },
    Deviation {
        name: "calico",
        change: "an operator and a calico-node of the lab (BIRD, a CNI plugin with interfaces `cali…`, natOutgoing) \
                 replace Calico. They read the emitted Installation, BGPConfiguration, Secret and Role from the API \
                 server; network policies have no effect",
        reason: "no registry of Go modules has Calico's programs",
        files: &[],
    },
    Deviation {
        name: "chart",
        change: "a chart with one Deployment replaces Traefik's; Helm is real",
        reason: "the chart and the program are not in the registries that CI reaches; `consumers` compares the \
                 emitted values with the schema of the chart",
        files: &[],
    },
];

/// The first control plane needs 100 MB more than a node; the disk is shared by all.
const KUBELET_ARGUMENTS: &str = "KUBELET_EXTRA_ARGS=--cgroups-per-qos=false --enforce-node-allocatable= \
    --cgroup-root=/lab.slice \
    --eviction-hard=memory.available<50Mi,nodefs.available<1%,imagefs.available<1%\n";

const KUBEADM: &str = r#"#!/bin/bash
case "$1 ${2-}" in
  *' phase') exec /usr/bin/kubeadm "$@" ;;
  'init '* | 'join '* | 'upgrade apply' | 'upgrade node') exec /usr/bin/kubeadm "$@" --ignore-preflight-errors=SystemVerification ;;
esac
exec /usr/bin/kubeadm "$@"
"#;

/// The values are those that kubelet requires (kubelet `pkg/kubelet/cm/container_manager_linux.go`,
/// `setupKernelTunables`), so it writes none.
const KERNEL_PARAMETERS: &str = "[Unit]
DefaultDependencies=no
Before=sysinit.target
After=local-fs.target
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh -c 'mkdir -p /sys/fs/bpf /run/lab; mount -t bpf bpf /sys/fs/bpf; for f in vm/overcommit_memory=1 \
kernel/panic=10 kernel/panic_on_oops=1 vm/panic_on_oom=0 kernel/keys/root_maxkeys=1000000 \
kernel/keys/root_maxbytes=25000000; do p=$${f%%=*}; t=/run/lab/$$(echo $$p | tr / _); echo $${f#*=} >$$t; \
mount --bind $$t /proc/sys/$$p; done'
";

/// Writes the files of all deviations into a folder, a layer of every machine's disk.
///
/// # Errors
///
/// When the folder cannot be written.
pub fn write_layer(stand_in: &Path, layer: &Path) -> Result<()> {
    for file in ALL.iter().flat_map(|deviation| deviation.files) {
        let (Text(path, _) | Program(path, _) | StandIn(path) | Link(path, _)) = file;
        let to = layer.join(path.trim_start_matches('/'));
        fs::create_dir_all(to.parent().context("a folder")?)?;
        match file {
            Text(_, text) => write(&to, text, 0o644)?,
            Program(_, text) => write(&to, text, 0o755)?,
            StandIn(_) => fs::copy(stand_in, &to).map(drop)?,
            Link(_, target) => symlink(target, &to)?,
        }
    }
    Ok(())
}

fn write(to: &Path, text: &str, mode: u32) -> Result<()> {
    fs::write(to, text)?;
    fs::set_permissions(to, fs::Permissions::from_mode(mode))?;
    Ok(())
}

/// The list, as the test prints it and `lab/README.md` has it.
#[must_use]
pub fn table() -> String {
    let rows = ALL.iter().map(|deviation| {
        format!("| {} | {} | {} |\n", deviation.name, deviation.change, deviation.reason)
    });
    ["| deviation | what the lab does | reason |\n|---|---|---|\n".to_owned()]
        .into_iter()
        .chain(rows)
        .collect()
}
