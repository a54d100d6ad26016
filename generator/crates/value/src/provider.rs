//! Facts about clouds, each with its source. A fact that is not known is left out.

use std::net::Ipv4Addr;

use crate::{ProviderName, Subnet};

/// The link-local address of the metadata service in most clouds.
pub const METADATA: Ipv4Addr = Ipv4Addr::new(169, 254, 169, 254);

/// The underlay's MTU of a host without other facts: that of Ethernet, which most VPSes have.
pub const ETHERNET_MTU: u16 = 1500;
/// The underlay's MTU of a home line: PPPoE takes 8 bytes of Ethernet's 1500 (RFC 2516 §7).
pub const PPPOE_MTU: u16 = 1492;

/// The facts of one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The MTU of its network towards the Internet, in bytes.
    pub underlay_mtu: u16,
    /// Ranges that its hosts need for the provider's own services: no subnet of the cluster may
    /// overlap them.
    pub reserved: &'static [Subnet],
    /// Metadata addresses beside [`METADATA`], closed to pods and clients.
    pub metadata: &'static [Ipv4Addr],
    /// The largest user-data that it accepts, in bytes of plain text.
    pub user_data_limit: usize,
}

/// Where the limit is not known, the smallest that is known of any: EC2's.
const SMALLEST_USER_DATA: usize = 16 * 1024;

const UNKNOWN: Provider = Provider {
    underlay_mtu: ETHERNET_MTU,
    reserved: &[],
    metadata: &[],
    user_data_limit: SMALLEST_USER_DATA,
};

/// Internal DNS, NTP, mirrors and metadata are in 100.64.0.0/10; the instance metadata service is
/// 100.100.100.200 (Alibaba Cloud ECS, "Instance metadata"). User data: 32 KB.
const ALIBABA: Provider = Provider {
    reserved: &[Subnet::from_parts(100, 64, 0, 0, 10)],
    metadata: &[Ipv4Addr::new(100, 100, 100, 200)],
    user_data_limit: 32 * 1024,
    ..UNKNOWN
};

/// The WireServer, which serves certificates and extension settings, beside the metadata service
/// (Azure, "What is IP address 168.63.129.16?"). Custom data: 65,535 bytes.
const AZURE: Provider =
    Provider { metadata: &[Ipv4Addr::new(168, 63, 129, 16)], user_data_limit: 65_535, ..UNKNOWN };

/// "User data must be 64 KiB or less" (API reference, Droplets).
const DIGITALOCEAN: Provider = Provider { user_data_limit: 64 * 1024, ..UNKNOWN };

/// VPC networks default to an MTU of 1460 (Google Cloud, "Maximum transmission unit"); metadata
/// values hold 262,144 bytes.
const GCP: Provider = Provider { underlay_mtu: 1460, user_data_limit: 262_144, ..UNKNOWN };

/// The gateway of a cloud server is 172.31.1.1 (`ip route` as printed in
/// <https://github.com/hetzneronline/community-content>,
/// tutorials/how-to-set-up-nat-for-cloud-networks, of 2026-07-23; two more of its tutorials
/// configure it). User data: 32 KiB (Hetzner Cloud API reference, "Create a Server").
const HETZNER: Provider = Provider {
    reserved: &[Subnet::from_parts(172, 31, 1, 1, 32)],
    user_data_limit: 32 * 1024,
    ..UNKNOWN
};

/// 32,000 bytes for all metadata together, base64 included (OCI SDK, LaunchInstanceDetails): 24,000
/// bytes of text.
const ORACLE: Provider = Provider { user_data_limit: 24_000, ..UNKNOWN };

/// Looks a provider up.
#[must_use]
pub const fn facts(name: ProviderName) -> Provider {
    match name {
        ProviderName::Alibaba => ALIBABA,
        ProviderName::Azure => AZURE,
        ProviderName::Digitalocean => DIGITALOCEAN,
        ProviderName::Gcp => GCP,
        ProviderName::Hetzner => HETZNER,
        ProviderName::Oracle => ORACLE,
        ProviderName::Aws
        | ProviderName::Contabo
        | ProviderName::Linode
        | ProviderName::Netcup
        | ProviderName::Ovh
        | ProviderName::Scaleway
        | ProviderName::Tencent
        | ProviderName::Upcloud
        | ProviderName::Vultr
        | ProviderName::Other => UNKNOWN,
    }
}
