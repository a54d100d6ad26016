//! The defaults of absent keys, each with its reason.

use meshwright_value::{
    Arch, AsNumber, CpuMillis, IngressController, Keepalive, MemoryMib, Os, PodPrefixLen, Port,
    ProviderName, ProxyMode, Replicas, Scheduler, SnapshotCount, Subnet, TunnelMode,
    TunnelProtocol,
};

/// The WireGuard plane: one address a node, up to 254 of them.
pub(super) const NODE_SUBNET: Subnet = Subnet::from_parts(10, 66, 66, 0, 24);
/// Calico's and flannel's customary pod range, in every tutorial.
pub(super) const POD_SUBNET: Subnet = Subnet::from_parts(10, 244, 0, 0, 16);
/// kubeadm's own default (`DefaultServicesSubnet` in its constants).
pub(super) const SERVICE_SUBNET: Subnet = Subnet::from_parts(10, 96, 0, 0, 12);
/// 256 addresses a node: more than kubelet's 110 pods, and the third octet is the node's id.
pub(super) const POD_PREFIX_LEN: PodPrefixLen = PodPrefixLen::new(24);
/// kubeadm's own default (`DefaultServiceDNSDomain`).
pub(super) const DNS_DOMAIN: &str = "cluster.local";

/// The name that every wg-quick guide uses.
pub(super) const INTERFACE: &str = "wg0";
/// WireGuard's customary port.
pub(super) const LISTEN_PORT: Port = Port::new(51820);
/// Seconds; wg(8) names 25 as sensible for a wide variety of firewalls. Set on every peer: a node
/// that restarts is back within a second at every peer that it can call, instead of 15 s later.
///
/// A node cannot call a peer behind NAT. That peer calls again 15 s after one of its packets was not
/// answered (WireGuard §6.5), for every interval (observed with wireguard-go, 2026-11).
pub(super) const PERSISTENT_KEEPALIVE: Keepalive = Keepalive::new(25);

/// The choice of the design. Deprecated upstream since 1.35; a rule reports the dates.
pub(super) const PROXY_MODE: ProxyMode = ProxyMode::Ipvs;
/// kube-proxy's own default in IPVS mode.
pub(super) const SCHEDULER: Scheduler = Scheduler::Rr;

/// Calico's own default, the first private AS number of RFC 6996.
pub(super) const AS_NUMBER: AsNumber = AsNumber::new(64512);

/// Most guides and existing Ingress objects expect it; retired upstream, which a rule reports.
pub(super) const INGRESS_CONTROLLER: IngressController = IngressController::IngressNginx;
/// Off: it had a vulnerability (CVE-2025-1974), and each write of an Ingress waits for it.
pub(super) const ADMISSION_WEBHOOK: bool = false;
/// Two, so that one node may fail.
pub(super) const REPLICAS: Replicas = Replicas::new(2);
/// The rules of the tunnel in git, beside everything else.
pub(super) const TUNNEL_MODE: TunnelMode = TunnelMode::Local;
/// cloudflared's own default.
pub(super) const TUNNEL_PROTOCOL: TunnelProtocol = TunnelProtocol::Auto;
/// Several times what cloudflared uses at rest.
pub(super) const TUNNEL_MEMORY: MemoryMib = MemoryMib::new(256);
/// It needs little until requests come, and is not limited then.
pub(super) const TUNNEL_CPU: CpuMillis = CpuMillis::new(50);

/// From every address: otherwise the user could be locked out on the first day. A rule warns.
pub(super) const SSH_FROM: [&str; 2] = ["0.0.0.0/0", "::/0"];
/// The port of sshd.
pub(super) const SSH_PORT: Port = Port::new(22);

/// Three days, with one snapshot every six hours: a fault of Friday evening is still covered on Monday.
pub(super) const BACKUP_KEEP: SnapshotCount = SnapshotCount::new(12);

/// The current stable Debian.
pub(super) const OS: Os = Os::Debian13;
/// The architecture of most VPSes.
pub(super) const ARCH: Arch = Arch::Amd64;
/// A provider without known facts.
pub(super) const PROVIDER: ProviderName = ProviderName::Other;
