//! Unknown documents, keys and directives of modelled files, and files of fixed families.

use super::{Broken, CONTROL_PLANES, Change, EXAMPLE, Harmless};

const INIT: &str = "nodes/hongkong/kubeadm.yaml";
const JOIN: &str = "nodes/tokyo/kubeadm.yaml";
const PROXY: &str = "cluster/kube-proxy/kube-proxy.patch.yaml";

const fn broken(
    name: &'static str,
    file: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: EXAMPLE, file, change, cause, place }
}

const fn broken_haproxy(
    name: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: CONTROL_PLANES, file: "host/haproxy.cfg", change, cause, place }
}

pub(super) const BROKEN: &[Broken] = &[
    broken(
        "api-server-on-another-port",
        INIT,
        Change::Replace("bindPort: 6443", "bindPort: 6444"),
        "not-understood: `6444` is not understood: it must be `6443`",
        "nodes/hongkong/kubeadm.yaml:9",
    ),
    broken(
        "without-kube-proxy",
        INIT,
        Change::Replace("encryptionAlgorithm", "proxy:\n  disabled: true\nencryptionAlgorithm"),
        "not-understood: unknown field `proxy`, expected one of apiVersion, kind, clusterName, kubernetesVersion, controlPlaneEndpoint, networking, apiServer, controllerManager, scheduler, etcd, encryptionAlgorithm, imageRepository",
        "nodes/hongkong/kubeadm.yaml:97",
    ),
    broken(
        "api-server-that-allows-everything",
        INIT,
        Change::Replace(
            "  extraArgs:\n  - name: admission-control-config-file\n",
            "  extraArgs:\n  - name: authorization-mode\n    value: AlwaysAllow\n  - name: admission-control-config-file\n",
        ),
        "not-understood: the setting `authorization-mode` of kube-apiserver is not understood here",
        "nodes/hongkong/kubeadm.yaml:43",
    ),
    broken(
        "scheduler-that-listens-everywhere",
        INIT,
        Change::Replace(
            "scheduler:\n  extraArgs:\n",
            "scheduler:\n  extraArgs:\n  - name: bind-address\n    value: 0.0.0.0\n",
        ),
        "not-understood: the setting `bind-address` of kube-scheduler is not understood here",
        "nodes/hongkong/kubeadm.yaml:87",
    ),
    broken(
        "kubelet-without-its-patches",
        JOIN,
        Change::Replace("patches:\n  directory: /etc/kubernetes/patches\n", ""),
        "not-understood: missing field `patches`",
        "nodes/tokyo/kubeadm.yaml:18",
    ),
    broken(
        "patches-of-another-folder",
        JOIN,
        Change::Replace("/etc/kubernetes/patches", "/etc/kubernetes/patch"),
        "not-understood: `/etc/kubernetes/patch` is not understood: it must be `/etc/kubernetes/patches`",
        "nodes/tokyo/kubeadm.yaml:19",
    ),
    broken(
        "second-node-ip",
        JOIN,
        Change::Replace(
            "  - name: node-labels",
            "  - name: node-ip\n    value: \"198.51.100.20\"\n  - name: node-labels",
        ),
        "not-understood: a second argument `node-ip`",
        "nodes/tokyo/kubeadm.yaml:14",
    ),
    broken(
        "another-flag-of-kubelet",
        JOIN,
        Change::Replace(
            "  - name: node-labels",
            "  - name: address\n    value: \"0.0.0.0\"\n  - name: node-labels",
        ),
        "not-understood: the argument `address` is not understood here",
        "nodes/tokyo/kubeadm.yaml:14",
    ),
    Broken {
        name: "second-founder",
        topology: CONTROL_PLANES,
        file: "nodes/prague/kubeadm.yaml",
        change: Change::Replace(
            "kind: JoinConfiguration\ncontrolPlane:\n  localAPIEndpoint:\n    advertiseAddress: \"10.66.66.2\"\n    bindPort: 6443\ndiscovery:\n  file:\n    kubeConfigPath: /etc/kubernetes/discovery.conf\n",
            "kind: ClusterConfiguration\nclusterName: orbit\nkubernetesVersion: v1.36.3\ncontrolPlaneEndpoint: api.orbit.internal:6443\nnetworking:\n  dnsDomain: cluster.local\n  podSubnet: 10.244.0.0/16\n  serviceSubnet: 10.96.0.0/12\ncontrollerManager:\n  extraArgs:\n  - name: allocate-node-cidrs\n    value: \"false\"\n---\napiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\nclusterCIDR: 10.244.0.0/16\nhealthzBindAddress: 127.0.0.1:10256\nmode: nftables\nnodePortAddresses:\n- 10.66.66.0/24\n---\napiVersion: kubeadm.k8s.io/v1beta4\nkind: InitConfiguration\nbootstrapTokens:\n- ttl: 1ns\nlocalAPIEndpoint:\n  advertiseAddress: \"10.66.66.2\"\n",
        ),
        cause: "files-disagree: prague and vienna initialise a cluster each",
        place: "nodes/prague/kubeadm.yaml:26",
    },
    broken(
        "upgrade-to-another-version",
        "nodes/tokyo/upgrade.yaml",
        Change::Replace("v1.37.2", "v1.36.3"),
        "files-disagree: tokyo is upgraded to Kubernetes 1.36.3, the cluster has 1.37.2",
        "nodes/tokyo/upgrade.yaml:8",
    ),
    broken(
        "upgrade-without-patches",
        "nodes/tokyo/upgrade.yaml",
        Change::Replace(
            "node:\n  patches:\n    directory: /etc/kubernetes/patches\n",
            "node: {}\n",
        ),
        "not-understood: missing field `patches`",
        "nodes/tokyo/upgrade.yaml:11",
    ),
    broken(
        "policy-behind-felix",
        "cluster/calico/felix.yaml",
        Change::Replace(
            "IPPoolsAndHostIPs\n",
            "IPPoolsAndHostIPs\n---\napiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata:\n  name: deny\nspec:\n  types:\n  - Ingress\n",
        ),
        "not-understood: a document of the kind `GlobalNetworkPolicy` is not understood here",
        "cluster/calico/felix.yaml:11",
    ),
    broken(
        "no-blocks-are-allocated",
        "cluster/calico/ipam.yaml",
        Change::Replace("autoAllocateBlocks: true", "autoAllocateBlocks: false"),
        "not-understood: `false` is not understood: it must be `true`",
        "cluster/calico/ipam.yaml:9",
    ),
    broken(
        "bgp-of-one-node",
        "cluster/calico/bgp.yaml",
        Change::Replace("name: default", "name: node.tokyo"),
        "not-understood: `node.tokyo` is not understood: it must be `default`",
        "cluster/calico/bgp.yaml:8",
    ),
    broken(
        "no-api-server-of-calico",
        "cluster/calico/installation.yaml",
        Change::Replace(
            "---\napiVersion: operator.tigera.io/v1\nkind: APIServer\nmetadata:\n  name: default\nspec: {}\n",
            "",
        ),
        "not-understood: there is no APIServer",
        "cluster/calico/installation.yaml",
    ),
    broken(
        "kubeconfig-of-another",
        PROXY,
        Change::Replace("/var/lib/kube-proxy/kubeconfig.conf", "/etc/kubernetes/admin.conf"),
        "not-understood: `/etc/kubernetes/admin.conf` is not understood: it must be `/var/lib/kube-proxy/kubeconfig.conf`",
        "cluster/kube-proxy/kube-proxy.patch.yaml:14",
    ),
    broken(
        "kube-proxy-without-kubeconfig",
        PROXY,
        Change::Replace(
            "    clientConnection:\n      kubeconfig: /var/lib/kube-proxy/kubeconfig.conf\n",
            "",
        ),
        "not-understood: without clientConnection, kube-proxy calls the API by the Service that it must program",
        "cluster/kube-proxy/kube-proxy.patch.yaml:11",
    ),
    broken(
        "kube-proxy-at-another-address",
        PROXY,
        Change::Replace("    mode: ipvs", "    bindAddress: 10.66.66.1\n    mode: ipvs"),
        "not-understood: unknown field `bindAddress`, expected one of apiVersion, kind, clientConnection, featureGates, ipvs, mode, clusterCIDR, nodePortAddresses, healthzBindAddress",
        "cluster/kube-proxy/kube-proxy.patch.yaml:21",
    ),
    broken(
        "second-patch-of-kube-proxy",
        PROXY,
        Change::Replace("    - 10.66.66.0/24\n", "    - 10.66.66.0/24\n---\ndata: {}\n"),
        "not-understood: a second document is not understood here",
        "cluster/kube-proxy/kube-proxy.patch.yaml:25",
    ),
    broken_haproxy(
        "haproxy-disabled",
        Change::Replace("  balance", "  disabled\n  balance"),
        "not-understood: `disabled` is not understood",
        "host/haproxy.cfg:23",
    ),
    broken_haproxy(
        "haproxy-server-disabled",
        Change::Replace("10.66.66.2:6443", "10.66.66.2:6443 disabled"),
        "not-understood: `server prague 10.66.66.2:6443 disabled` is not understood",
        "host/haproxy.cfg:29",
    ),
    broken_haproxy(
        "haproxy-all-servers-disabled",
        Change::Replace("verify none inter", "verify none disabled inter"),
        "not-understood: `default-server check check-ssl verify none disabled inter 2s fall 3 rise 1 on-marked-down shutdown-sessions` is not understood",
        "host/haproxy.cfg:27",
    ),
    broken_haproxy(
        "haproxy-without-backend",
        Change::Replace("  default_backend control_planes\n", ""),
        "not-understood: `default_backend control_planes` is missing",
        "host/haproxy.cfg",
    ),
    broken_haproxy(
        "haproxy-that-ends-watches",
        Change::Replace("timeout client 4h", "timeout client 5s"),
        "not-understood: `timeout client 5s` is not understood",
        "host/haproxy.cfg:15",
    ),
    broken(
        "script-edited",
        "cluster/apply.sh",
        Change::Replace("set -euo pipefail", "set -uo pipefail"),
        "file-differs: `set -uo pipefail` differs from `set -euo pipefail`",
        "cluster/apply.sh:5",
    ),
    broken(
        "operator-of-another-checksum",
        "cluster/apply.sh",
        Change::Replace("checksum[calico-operator]='", "checksum[calico-operator]='0"),
        "file-differs: `checksum[calico-operator]='0f18e073794207d372606bc3ea6f8fd73972f86d6828f4ba666dfe0d4aa8ab07f'` differs from `checksum[calico-operator]='f18e073794207d372606bc3ea6f8fd73972f86d6828f4ba666dfe0d4aa8ab07f'`",
        "cluster/apply.sh:84",
    ),
    broken(
        "unit-edited",
        "host/systemd/meshwright-guards.service",
        Change::Replace("Before=", "After="),
        "file-differs: `After=network-pre.target wg-quick@wg0.service shutdown.target` differs from `Before=network-pre.target wg-quick@wg0.service shutdown.target`",
        "host/systemd/meshwright-guards.service:8",
    ),
    broken(
        "delivery-to-another-host",
        "nodes/tokyo/node.env",
        Change::Replace("root@198.51.100.20", "root@198.51.100.21"),
        "file-differs: `MESHWRIGHT_DELIVERY='meshwright export tokyo | ssh root@198.51.100.21 meshwright-node apply'` differs from `MESHWRIGHT_DELIVERY='meshwright export tokyo | ssh root@198.51.100.20 meshwright-node apply'`",
        "nodes/tokyo/node.env:17",
    ),
    broken(
        "allowed-ips-with-host-bits",
        "nodes/tokyo/node.json",
        Change::Replace("10.244.1.0/24", "10.244.1.1/24"),
        "not-understood: `10.244.1.1/24` has bits behind its prefix: it is 10.244.1.0/24",
        "nodes/tokyo/node.json:23",
    ),
    broken(
        "ssh-from-with-host-bits",
        "nodes/tokyo/node.json",
        Change::Replace("0.0.0.0/0", "0.0.0.1/0"),
        "not-understood: `0.0.0.1/0` has bits behind its prefix: it is 0.0.0.0/0",
        "nodes/tokyo/node.json:76",
    ),
    broken(
        "key-of-a-client-at-another-path",
        "clients/laptop/wg0.conf",
        Change::Replace("/etc/wireguard/wg0.key", "/etc/wireguard/wg1.key"),
        "files-disagree: the private key is read from /etc/wireguard/wg1.key, not from /etc/wireguard/wg0.key",
        "clients/laptop/wg0.conf:11",
    ),
    broken(
        "viewers-gone",
        "cluster/access.yaml",
        Change::Remove,
        "file-missing: cluster/access.yaml is missing: a tree with these facts has it",
        "nodes/hongkong/kubeadm.yaml",
    ),
    broken(
        "script-gone",
        "host/first-boot/meshwright-node",
        Change::Remove,
        "file-missing: the file is missing",
        "host/first-boot/meshwright-node",
    ),
    broken(
        "first-boot-of-another",
        "nodes/tokyo/user-data.yaml",
        Change::Replace("hostname: tokyo", "hostname: home"),
        "files-disagree: the hostname is home, not tokyo",
        "nodes/tokyo/user-data.yaml:5",
    ),
    broken(
        "first-boot-with-a-command",
        "nodes/tokyo/user-data.yaml",
        Change::Replace("- - bash", "- - sh"),
        "not-understood: bootcmd is not the command that unpacks the files, alone",
        "nodes/tokyo/user-data.yaml:8",
    ),
    broken(
        "first-boot-with-two-commands",
        "nodes/tokyo/user-data.yaml",
        Change::Replace("bootcmd:\n", "bootcmd:\n- - reboot\n"),
        "not-understood: bootcmd is not the command that unpacks the files, alone",
        "nodes/tokyo/user-data.yaml:8",
    ),
    broken(
        "first-boot-garbled",
        "nodes/tokyo/user-data.yaml",
        Change::Replace("- H4sI", "- H5sI"),
        "not-understood: the content is not gzip in base64",
        "nodes/tokyo/user-data.yaml:11",
    ),
];

const fn harmless(name: &'static str, file: &'static str, change: Change) -> Harmless {
    Harmless { name, topology: EXAMPLE, file, change }
}

pub(super) const HARMLESS: &[Harmless] = &[
    harmless(
        "sysctl-comment",
        "host/sysctl.conf",
        Change::Replace("net.core.rmem", "# buffers\n\nnet.core.rmem"),
    ),
    harmless("port-by-default", INIT, Change::Replace("  bindPort: 6443\n", "")),
    harmless("longer-timeout", JOIN, Change::Replace("tlsBootstrap: 10m0s", "tlsBootstrap: 1h")),
    harmless(
        "quoted-kind",
        JOIN,
        Change::Replace("kind: JoinConfiguration", "kind: \"JoinConfiguration\" # joins"),
    ),
    harmless(
        "felix-marker",
        "cluster/calico/felix.yaml",
        Change::Replace("apiVersion", "---\napiVersion"),
    ),
    harmless(
        "one-block",
        "cluster/calico/ipam.yaml",
        Change::Replace("maxBlocksPerHost: 0", "maxBlocksPerHost: 1"),
    ),
    Harmless {
        name: "haproxy-slower",
        topology: CONTROL_PLANES,
        file: "host/haproxy.cfg",
        change: Change::Replace("inter 2s fall 3", "inter 3s fall 2"),
    },
];
