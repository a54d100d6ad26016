//! The installation and the pools. A pool is an entry of the operator's Installation while there is
//! room, and an IPPool of Calico after that.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::encode::yaml::YamlFile;
use crate::render::calico::{DEFAULT, PROJECT_CALICO, object};
use crate::render::objects::{ObjectValues, PoolValues};
use meshwright_value::{Dataplane, Subnet};

const OPERATOR: &str = "operator.tigera.io/v1";

pub(super) fn file(values: &ObjectValues<'_>) -> Vec<u8> {
    let about = "one pool a node: WireGuard drops pod packets of a block that is not the sender's";
    YamlFile::new(about)
        .document(&object(OPERATOR, "Installation", DEFAULT, InstallationSpec::of(values)))
        .document(&object(OPERATOR, "APIServer", DEFAULT, ApiServerSpec {}))
        .finish()
}

/// Starts the server of `projectcalico.org/v3`; without this object the other files are refused.
#[derive(Serialize)]
struct ApiServerSpec {}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstallationSpec<'a> {
    variant: &'static str,
    cni: CalicoCni,
    calico_network: CalicoNetwork<'a>,
    /// The nodes of kube-controllers and Calico's API server; Typha and calico-node run everywhere
    /// (`ControlPlaneNodeSelector` in the operator's renderers).
    #[serde(skip_serializing_if = "Option::is_none")]
    control_plane_node_selector: Option<BTreeMap<&'static str, &'static str>>,
    /// `None` leaves out the CSI driver and the flex volume: only Istio's policies need them.
    kubelet_volume_plugin_path: &'static str,
    flex_volume_path: &'static str,
}

/// kubeadm labels its control planes so, without a value.
const CONTROL_PLANE_LABEL: &str = "node-role.kubernetes.io/control-plane";

impl<'a> InstallationSpec<'a> {
    fn of(values: &'a ObjectValues<'_>) -> Self {
        // On a node without a pool Calico's API server would hang in ContainerCreating, and with
        // it the API that takes the further pools.
        let selector = BTreeMap::from([(CONTROL_PLANE_LABEL, "")]);
        Self {
            variant: "Calico",
            cni: CalicoCni { r#type: "Calico", ipam: CalicoIpam { r#type: "Calico" } },
            calico_network: CalicoNetwork {
                bgp: "Enabled",
                linux_dataplane: LinuxDataplane::of(values.calico.dataplane),
                mtu: values.pod_mtu,
                node_address_autodetection_v4: Autodetection {
                    interface: &values.interface_pattern,
                },
                ip_pools: values.pools.iter().map(InstallationPool::of).collect(),
            },
            control_plane_node_selector: (!values.further_pools.is_empty()).then_some(selector),
            kubelet_volume_plugin_path: "None",
            flex_volume_path: "None",
        }
    }
}

#[derive(Serialize)]
struct CalicoCni {
    r#type: &'static str,
    ipam: CalicoIpam,
}

#[derive(Serialize)]
struct CalicoIpam {
    r#type: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CalicoNetwork<'a> {
    /// Required for pools without encapsulation.
    bgp: &'static str,
    /// Always explicit: Calico's guides for kubeadm have moved to eBPF, which drops WireGuard of
    /// others (calico#12900).
    linux_dataplane: LinuxDataplane,
    /// Always explicit: Calico's own detection ignores WireGuard and yields 1500 (observed with Calico 3.32.1, 2026-11).
    mtu: u16,
    /// The one method; beside it the operator would write `firstFound` when this is absent.
    #[serde(rename = "nodeAddressAutodetectionV4")]
    node_address_autodetection_v4: Autodetection<'a>,
    /// Never absent: the operator would make one IPIP pool for all nodes.
    ip_pools: Vec<InstallationPool<'a>>,
}

#[derive(Serialize)]
enum LinuxDataplane {
    Iptables,
    Nftables,
}

impl LinuxDataplane {
    fn of(dataplane: Dataplane) -> Self {
        match dataplane {
            Dataplane::Iptables => Self::Iptables,
            Dataplane::Nftables => Self::Nftables,
        }
    }
}

#[derive(Serialize)]
struct Autodetection<'a> {
    interface: &'a str,
}

/// A pool in the operator's format; [`IpPoolSpec`] is the same in Calico's format.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InstallationPool<'a> {
    name: String,
    cidr: &'a Subnet,
    /// The pool's own size: the node's first pod claims the whole pool, and with strict affinity
    /// no other node gets an address of it.
    block_size: u8,
    /// Not `Never`, which the schema accepts and the operator refuses.
    encapsulation: &'static str,
    nat_outgoing: &'static str,
    node_selector: String,
    allowed_uses: [&'static str; 1],
    /// This and the next are what the operator writes into the object where they are absent
    /// (`fillDefaults` in its `pkg/controller/ippool/defaults.go`), the last is what its CRD does. A
    /// list is replaced whole, so without them each `apply` would be undone by the operator.
    assignment_mode: &'static str,
    disable_new_allocations: bool,
    #[serde(rename = "disableBGPExport")]
    disable_bgp_export: bool,
}

/// Without encapsulation no node needs a tunnel address of its pool.
const ALLOWED_USES: [&str; 1] = ["Workload"];

impl<'a> InstallationPool<'a> {
    fn of(pool: &'a PoolValues<'_>) -> Self {
        Self {
            name: pool.name(),
            cidr: &pool.subnet,
            block_size: pool.subnet.prefix_len(),
            encapsulation: "None",
            nat_outgoing: "Enabled",
            node_selector: pool.node_selector(),
            allowed_uses: ALLOWED_USES,
            assignment_mode: "Automatic",
            disable_new_allocations: false,
            disable_bgp_export: false,
        }
    }
}

pub(super) fn ip_pools_file(pools: &[PoolValues<'_>]) -> Vec<u8> {
    let about =
        "the pools that exceed the limit of the Installation; the operator does not change them";
    let objects = pools
        .iter()
        .map(|pool| object(PROJECT_CALICO, "IPPool", pool.name(), IpPoolSpec::of(pool)));
    objects.fold(YamlFile::new(about), |file, pool| file.document(&pool)).finish()
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct IpPoolSpec<'a> {
    cidr: &'a Subnet,
    /// See [`InstallationPool::block_size`].
    block_size: u8,
    ipip_mode: &'static str,
    vxlan_mode: &'static str,
    nat_outgoing: bool,
    node_selector: String,
    allowed_uses: [&'static str; 1],
}

impl<'a> IpPoolSpec<'a> {
    fn of(pool: &'a PoolValues<'_>) -> Self {
        Self {
            cidr: &pool.subnet,
            block_size: pool.subnet.prefix_len(),
            ipip_mode: "Never",
            vxlan_mode: "Never",
            nat_outgoing: true,
            node_selector: pool.node_selector(),
            allowed_uses: ALLOWED_USES,
        }
    }
}
