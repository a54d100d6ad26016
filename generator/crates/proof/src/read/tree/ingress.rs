//! Reads the files of the path from the Internet, each with its reader.

use super::folder::FolderReader;
use crate::read::ingress::{EmittedTunnel, IngressFiles, MountedConfiguration, configuration};
use crate::read::objects::{self, EmittedObjects};
use crate::read::{charts, cloudflared, dns_zone, global_policy};

/// Files of objects that `apply.sh` applies with kubectl.
const OBJECTS: [&str; 7] = [
    "cluster/cloudflared/namespace.yaml",
    "cluster/ingress-nginx/namespace.yaml",
    "cluster/ingress-nginx/networkpolicy.yaml",
    "cluster/traefik/namespace.yaml",
    "cluster/traefik/networkpolicy.yaml",
    "cluster/traefik/ingressclass.yaml",
    "cluster/hello/hello.yaml",
];

const CLOUDFLARED: &str = "cluster/cloudflared/cloudflared.yaml";
const ZONE: &str = "cluster/cloudflared/dns.zone";
const PAYLOAD: &str = "cluster/cloudflared/configuration.json";
pub(super) const INGRESS_NGINX: &str = "cluster/ingress-nginx/values.yaml";
/// The echo app.
pub(super) const HELLO: &str = OBJECTS[6];
const TRAEFIK: &str = "cluster/traefik/values.yaml";
const METADATA: &str = "cluster/calico/metadata.policy.yaml";

/// The files of every tree with a tunnel.
pub(super) const OF_TUNNEL: [&str; 3] = [CLOUDFLARED, ZONE, OBJECTS[0]];

/// The folder of every tree with a tunnel.
pub(super) const TUNNEL: &str = "cluster/cloudflared/";

impl FolderReader<'_> {
    /// Reads every file before the first fault is returned, so that all faults are reported.
    pub(super) fn ingress(&mut self) -> Option<IngressFiles> {
        let mut objects = EmittedObjects::default();
        let mut whole = true;
        for path in OBJECTS {
            match self.read_optional_with_places(path, objects::read) {
                Some(read) => read.into_iter().for_each(|(_, read)| objects.extend(read)),
                None => whole = false,
            }
        }
        let tunnel = self.tunnel(&mut objects);
        let ingress_nginx =
            self.read_optional_with_places(INGRESS_NGINX, charts::read_ingress_nginx);
        let traefik = self.read_optional_with_places(TRAEFIK, charts::read_traefik);
        let global = self.read_optional_with_places(METADATA, global_policy::read);
        let controller = ingress_nginx?.or(traefik?).map(|(_, controller)| controller);
        let global_policies = global?.map(|(_, policies)| policies).unwrap_or_default();
        let tunnel = tunnel?;
        whole.then_some(IngressFiles { tunnel, controller, objects, global_policies })
    }

    #[expect(clippy::option_option, reason = "a missing file and an unreadable file are different")]
    fn tunnel(&mut self, objects: &mut EmittedObjects) -> Option<Option<EmittedTunnel>> {
        let read = self.read_optional_with_places(CLOUDFLARED, objects::read);
        let zone = self.read_optional_with_places(ZONE, dns_zone::read);
        let payload = self.read_optional_with_places(PAYLOAD, cloudflared::read_payload);
        let (read, zone, remote) = (read?, zone?, payload?);
        let (Some((file, read)), Some(zone)) = (read, zone) else { return Some(None) };
        let configuration: Option<MountedConfiguration> = match configuration(&read, file) {
            Ok(configuration) => configuration,
            Err(unread) => {
                self.finds(file, unread);
                return None;
            }
        };
        objects.extend(read);
        Some(Some(EmittedTunnel { file, configuration, remote, zone }))
    }
}
