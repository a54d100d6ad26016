//! A wrong subnet is one cause at the line that has it, although many other files depend on it.

use meshwright_proof::report::causes::causes;

use super::{Change, EXAMPLE, changed, prove, whole};

/// A change, the message of its first cause, and the place. `alone`: there is no other cause.
struct WrongSubnet {
    file: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
    alone: bool,
}

const KUBEADM: &str = "nodes/hongkong/kubeadm.yaml";

const WRONG: &[WrongSubnet] = &[
    WrongSubnet {
        file: KUBEADM,
        change: Change::Replace("serviceSubnet: 10.96.0.0/12", "serviceSubnet: 10.97.0.0/16"),
        cause: "files-disagree: serviceSubnet is 10.97.0.0/16, and no firewall has this subnet",
        place: "nodes/hongkong/kubeadm.yaml:37",
        alone: true,
    },
    WrongSubnet {
        file: KUBEADM,
        change: Change::Replace("serviceSubnet: 10.96.0.0/12", "serviceSubnet: 10.96.0.0/16"),
        cause: "files-disagree: serviceSubnet is 10.96.0.0/16, and no firewall has this subnet",
        place: "nodes/hongkong/kubeadm.yaml:37",
        alone: true,
    },
    WrongSubnet {
        file: KUBEADM,
        change: Change::Replace("serviceSubnet: 10.96.0.0/12", "serviceSubnet: 192.168.0.0/16"),
        cause: "files-disagree: serviceSubnet is 192.168.0.0/16, and no firewall has this subnet",
        place: "nodes/hongkong/kubeadm.yaml:37",
        alone: true,
    },
    WrongSubnet {
        file: KUBEADM,
        change: Change::Replace("podSubnet: 10.244.0.0/16", "podSubnet: 10.243.0.0/16"),
        cause: "files-disagree: podSubnet is 10.243.0.0/16 here, and kube-proxy's clusterCIDR is \
                10.244.0.0/16",
        place: "nodes/hongkong/kubeadm.yaml:36",
        alone: true,
    },
    WrongSubnet {
        file: KUBEADM,
        change: Change::Replace("clusterCIDR: 10.244.0.0/16", "clusterCIDR: 10.244.0.0/17"),
        cause: "files-disagree: kube-proxy's clusterCIDR is 10.244.0.0/17 here, and podSubnet is \
                10.244.0.0/16",
        place: "nodes/hongkong/kubeadm.yaml:105",
        alone: true,
    },
    WrongSubnet {
        file: "cluster/kube-proxy/kube-proxy.patch.yaml",
        change: Change::Replace("clusterCIDR: 10.244.0.0/16", "clusterCIDR: 10.243.0.0/16"),
        cause: "files-disagree: kube-proxy's clusterCIDR is 10.243.0.0/16 here, and podSubnet is \
                10.244.0.0/16",
        place: "cluster/kube-proxy/kube-proxy.patch.yaml:15",
        alone: true,
    },
    WrongSubnet {
        file: "nodes/tokyo/wg0.conf",
        change: Change::Replace("Address = 10.66.66.2/24", "Address = 10.66.66.2/32"),
        cause: "no-route: tokyo has the address 10.66.66.2/32, and this prefix does not \
                contain all machines",
        place: "nodes/tokyo/wg0.conf:5",
        alone: false,
    },
    WrongSubnet {
        file: "nodes/home/wg0.conf",
        change: Change::Replace("Address = 10.66.66.4/24", "Address = 10.66.66.4/30"),
        cause: "no-route: home has the address 10.66.66.4/30, and this prefix does not \
                contain all machines",
        place: "nodes/home/wg0.conf:5",
        alone: false,
    },
    WrongSubnet {
        file: "nodes/hongkong/wg0.conf",
        change: Change::Replace("Address = 10.66.66.1/24", "Address = 10.66.66.1/32"),
        cause: "no-route: hongkong has the address 10.66.66.1/32, and this prefix does not \
                contain all machines",
        place: "nodes/hongkong/wg0.conf:5",
        alone: false,
    },
];

#[test]
fn a_wrong_subnet_is_one_cause_at_its_line() {
    let whole = whole();
    for wrong in WRONG {
        let proof = prove(&changed(&whole[EXAMPLE], wrong.file, &wrong.change));
        let found = causes(&proof);
        let shown = found.iter().map(|one| {
            let finding = one.finding;
            (format!("{}: {}", finding.code, finding.message), proof.paths.show(finding.place))
        });
        let shown: Vec<_> = shown.collect();
        assert_eq!(shown[0], (wrong.cause.to_owned(), wrong.place.to_owned()), "{shown:#?}");
        assert!(!wrong.alone || shown.len() == 1, "{shown:#?}");
        let is_derived = |one: &&(String, String)| {
            one.1.contains("nftables.conf") || one.1.contains("guards.routes")
        };
        assert_eq!(shown.iter().filter(is_derived).count(), 0, "{shown:#?}");
    }
}
