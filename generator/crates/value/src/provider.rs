//! Facts about clouds, each with its source. A fact that is not known is left out.

use crate::{Os, ProviderName, Subnet};

/// The addresses at which clouds answer their hosts: metadata, and on some of them DNS and time.
///
/// - 100.100.100.200: the metadata of Alibaba Cloud (ECS, "Instance metadata").
/// - 168.63.129.16: Azure's WireServer, which serves certificates and extension settings, and its resolver
///   ("What is IP address 168.63.129.16?").
/// - 169.254.0.0/16 (RFC 3927): the metadata of most clouds is at 169.254.169.254, of Scaleway at 169.254.42.42,
///   of Tencent at 169.254.0.23. Google's resolver is at 169.254.169.254; AWS has DNS at 169.254.169.253 and time
///   at 169.254.169.123.
pub const HOST_SERVICES: [Subnet; 3] = [
    Subnet::from_parts(100, 100, 100, 200, 32),
    Subnet::from_parts(168, 63, 129, 16, 32),
    Subnet::from_parts(169, 254, 0, 0, 16),
];

/// [`HOST_SERVICES`], without those that are addresses of the cluster itself. They are closed to pods and clients
/// on every node: a node without a `provider` is in a cloud too.
pub fn host_services(own: [Subnet; 3]) -> impl Iterator<Item = Subnet> {
    let services = HOST_SERVICES.into_iter();
    services.filter(move |service| !own.iter().any(|subnet| subnet.overlaps(service)))
}

/// The underlay's MTU of a host without other facts: that of Ethernet, which most VPSes have.
pub const ETHERNET_MTU: u16 = 1500;
/// The underlay's MTU of a home line: PPPoE takes 8 bytes of Ethernet's 1500 (RFC 2516 §7).
pub const PPPOE_MTU: u16 = 1492;

/// The facts of one provider.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Provider {
    /// The MTU of its network towards the Internet, in bytes.
    pub underlay_mtu: u16,
    /// The MTU of its private networks between hosts, in bytes.
    pub private_mtu: u16,
    /// Ranges that its hosts need for the provider's own services: no subnet of the cluster may
    /// overlap them.
    pub reserved: &'static [Subnet],
    /// Ranges in which it chooses private networks for machines whose owner chooses none.
    pub private: &'static [Subnet],
    /// The largest user-data that it accepts, in bytes of plain text.
    pub user_data_limit: usize,
    /// The user of its images of Debian and Ubuntu.
    pub image_user: ImageUser,
    /// Whether rules of its images let only root reach the volumes of the host over the network.
    pub guards_volumes: bool,
}

/// The user to whom SSH of a new machine admits the owner's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImageUser {
    /// `root`.
    Root,
    /// A user who may use sudo; `root` is refused.
    Named {
        /// In images of Debian.
        debian: &'static str,
        /// In images of Ubuntu.
        ubuntu: &'static str,
    },
    /// A user whom the owner names when the machine is created; `root` is refused.
    Chosen,
}

impl Provider {
    /// The user to whom SSH of a new machine with this system admits the owner's key. None if the owner chooses a
    /// name.
    ///
    /// The images of providers are not used for NixOS: its installer and its generations are delivered to `root`.
    #[must_use]
    pub const fn image_user(&self, os: Os) -> Option<&'static str> {
        match (self.image_user, os) {
            (_, Os::Nixos) | (ImageUser::Root, _) => Some("root"),
            (ImageUser::Named { debian, .. }, Os::Debian12 | Os::Debian13) => Some(debian),
            (ImageUser::Named { ubuntu, .. }, _) => Some(ubuntu),
            (ImageUser::Chosen, _) => None,
        }
    }
}

/// Where the limit is not known, the smallest that is known of any: EC2's.
const SMALLEST_USER_DATA: usize = 16 * 1024;

const UNKNOWN: Provider = Provider {
    underlay_mtu: ETHERNET_MTU,
    private_mtu: ETHERNET_MTU,
    reserved: &[],
    private: &[],
    user_data_limit: SMALLEST_USER_DATA,
    image_user: ImageUser::Root,
    guards_volumes: false,
};

/// "For a Debian AMI, the user name is admin. For an Ubuntu AMI, the user name is ubuntu"; root login is disabled
/// (Amazon EC2 User Guide, "Manage system users on your Amazon EC2 Linux instance"). The default VPC of every region is
/// 172.31.0.0/16 (Amazon VPC, "Default VPC components").
const AWS: Provider = Provider {
    private: &[Subnet::from_parts(172, 31, 0, 0, 16)],
    image_user: ImageUser::Named { debian: "admin", ubuntu: "ubuntu" },
    ..UNKNOWN
};

/// Internal DNS, NTP, mirrors and metadata are in 100.64.0.0/10; the instance metadata service is
/// 100.100.100.200 (Alibaba Cloud ECS, "Instance metadata"). User data: 32 KB.
const ALIBABA: Provider = Provider {
    reserved: &[Subnet::from_parts(100, 64, 0, 0, 10)],
    user_data_limit: 32 * 1024,
    ..UNKNOWN
};

/// Custom data: 65,535 bytes. The administrator's name is a parameter of each machine, and `root` is not permitted
/// (REST API, `OSProfile.adminUsername`).
const AZURE: Provider =
    Provider { user_data_limit: 65_535, image_user: ImageUser::Chosen, ..UNKNOWN };

/// "User data must be 64 KiB or less" (API reference, Droplets). Each region has a default VPC, a /20: `default-nyc3` is
/// 10.108.0.0/20 ("How to Secure PostgreSQL Managed Database Clusters"), `default-ams3` 10.110.0.0/20 in an answer of
/// the API, and machines in other regions were seen in 10.104, 10.106, 10.114 and 10.116 (public repositories, read on
/// 2026-12-01). The ranges of all regions are not documented: these two contain those that were seen.
const DIGITALOCEAN: Provider = Provider {
    private: &[Subnet::from_parts(10, 104, 0, 0, 13), Subnet::from_parts(10, 112, 0, 0, 13)],
    user_data_limit: 64 * 1024,
    ..UNKNOWN
};

/// VPC networks default to an MTU of 1460 (Google Cloud, "Maximum transmission unit"), and the default one chooses its
/// subnets in 10.128.0.0/9 ("VPC networks", on auto mode); metadata values hold 262,144 bytes. The guest agent creates the user that precedes each SSH key in the metadata, and
/// images refuse `root` ("Add SSH keys to VMs").
const GCP: Provider = Provider {
    underlay_mtu: 1460,
    private_mtu: 1460,
    private: &[Subnet::from_parts(10, 128, 0, 0, 9)],
    user_data_limit: 262_144,
    image_user: ImageUser::Chosen,
    ..UNKNOWN
};

/// The gateway of a cloud server is 172.31.1.1 (`ip route` as printed in
/// <https://github.com/hetzneronline/community-content>,
/// tutorials/how-to-set-up-nat-for-cloud-networks, of 2026-07-23; two more of its tutorials
/// configure it). Private networks have an MTU of 1450 (Hetzner, "Networks: Architecture"). User data:
/// 32 KiB (Hetzner Cloud API reference, "Create a Server").
const HETZNER: Provider = Provider {
    private_mtu: 1450,
    reserved: &[Subnet::from_parts(172, 31, 1, 1, 32)],
    user_data_limit: 32 * 1024,
    ..UNKNOWN
};

/// 32,000 bytes for all metadata together, base64 included (OCI SDK, LaunchInstanceDetails): 24,000
/// bytes of text. The user of platform images of Ubuntu is `ubuntu` ("Connecting to an Instance"). There is no platform
/// image of Debian, and Debian's own images for clouds have the user `debian`. Images let only root connect to the
/// iSCSI endpoints of the host's boot and block volumes: the chain `InstanceServices` in /etc/iptables/rules.v4, as
/// printed by `iptables -L` on Ubuntu 22.04 (<https://github.com/nigel447/github.io>, content/posts/ubunt-oci.md).
const ORACLE: Provider = Provider {
    user_data_limit: 24_000,
    guards_volumes: true,
    image_user: ImageUser::Named { debian: "debian", ubuntu: "ubuntu" },
    ..UNKNOWN
};

/// A VPS has a user named like its system, and SSH refuses `root` (OVHcloud, "Getting started with a VPS").
const OVH: Provider =
    Provider { image_user: ImageUser::Named { debian: "debian", ubuntu: "ubuntu" }, ..UNKNOWN };

/// "For Ubuntu, the default user name is ubuntu", and `root` elsewhere (Tencent Cloud CVM, "Logging In to Linux
/// Instance").
const TENCENT: Provider =
    Provider { image_user: ImageUser::Named { debian: "root", ubuntu: "ubuntu" }, ..UNKNOWN };

/// Looks a provider up.
#[must_use]
pub const fn facts(name: ProviderName) -> Provider {
    match name {
        ProviderName::Alibaba => ALIBABA,
        ProviderName::Azure => AZURE,
        ProviderName::Digitalocean => DIGITALOCEAN,
        ProviderName::Gcp => GCP,
        ProviderName::Hetzner => HETZNER,
        ProviderName::Aws => AWS,
        ProviderName::Oracle => ORACLE,
        ProviderName::Ovh => OVH,
        ProviderName::Tencent => TENCENT,
        ProviderName::Contabo
        | ProviderName::Linode
        | ProviderName::Netcup
        | ProviderName::Scaleway
        | ProviderName::Upcloud
        | ProviderName::Vultr
        | ProviderName::Other => UNKNOWN,
    }
}
