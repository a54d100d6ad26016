//! Reads the files of the path from the Internet, each with its reader.

use super::folder::FolderReader;
use crate::read::dns_zone::ZoneRecord;
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
const ZONE: &str = ".zone";
const PAYLOAD: &str = "cluster/cloudflared/configuration.json";
const INGRESS_NGINX_VALUES: &str = "cluster/ingress-nginx/values.yaml";
/// The echo app.
pub(super) const HELLO: &str = OBJECTS[6];
const TRAEFIK_VALUES: &str = "cluster/traefik/values.yaml";
const METADATA: &str = "cluster/calico/metadata.policy.yaml";

/// The files of every tree with a tunnel.
pub(super) const OF_TUNNEL: [&str; 2] = [CLOUDFLARED, OBJECTS[0]];

/// The folders of the Ingress controllers.
pub(super) const INGRESS_NGINX: &str = "cluster/ingress-nginx/";
pub(super) const TRAEFIK: &str = "cluster/traefik/";

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
            self.read_optional_with_places(INGRESS_NGINX_VALUES, charts::read_ingress_nginx);
        let traefik = self.read_optional_with_places(TRAEFIK_VALUES, charts::read_traefik);
        let global = self.read_optional_with_places(METADATA, global_policy::read);
        let controller = ingress_nginx?.or(traefik?).map(|(_, controller)| controller);
        let global_policies = global?.map(|(_, policies)| policies).unwrap_or_default();
        let tunnel = tunnel?;
        whole.then_some(IngressFiles { tunnel, controller, objects, global_policies })
    }

    #[expect(clippy::option_option, reason = "a missing file and an unreadable file are different")]
    fn tunnel(&mut self, objects: &mut EmittedObjects) -> Option<Option<EmittedTunnel>> {
        let read = self.read_optional_with_places(CLOUDFLARED, objects::read);
        let records = self.records();
        let payload = self.read_optional_with_places(PAYLOAD, cloudflared::read_payload);
        let (read, records, remote) = (read?, records?, payload?);
        let Some((file, read)) = read else { return Some(None) };
        let configuration: Option<MountedConfiguration> = match configuration(&read, file) {
            Ok(configuration) => configuration,
            Err(unread) => {
                self.finds(file, unread);
                return None;
            }
        };
        objects.extend(read);
        Some(Some(EmittedTunnel { file, configuration, remote, records }))
    }

    /// The records of all zones; none if one of them cannot be read.
    fn records(&mut self) -> Option<Vec<ZoneRecord>> {
        let mut records = Vec::new();
        let mut whole = true;
        for path in self.shared_files(TUNNEL) {
            let Some(zone) = path.strip_prefix(TUNNEL).and_then(|name| name.strip_suffix(ZONE))
            else {
                continue;
            };
            let read = |text: &str, file| dns_zone::read(text, zone, file);
            match self.read_optional_with_places(path, read) {
                Some(read) => records.extend(read.into_iter().flat_map(|(_, read)| read)),
                None => whole = false,
            }
        }
        whole.then_some(records)
    }
}
