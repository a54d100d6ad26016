//! Ingress: the content of all files about the tunnel, the Ingress controller and its apps.

use super::ParseError;
use super::charts::IngressController;
use super::cloudflared::{self, TunnelConfiguration, TunnelRule};
use super::dns_zone::ZoneRecord;
use super::global_policy::GlobalPolicy;
use super::objects::{EmittedObjects, EmittedWorkload};
use crate::span::{FileId, FileSpanned};
use meshwright_value::{Text as _, TunnelProtocol};

/// The files of the path from the Internet.
#[derive(Debug, Clone, Default)]
pub struct IngressFiles {
    /// The tunnel, if there is one.
    pub tunnel: Option<EmittedTunnel>,
    /// The Ingress controller.
    pub controller: Option<IngressController>,
    /// All objects of the tunnel, the controller and the apps.
    pub objects: EmittedObjects,
    /// Calico's policies for all pods.
    pub global_policies: Vec<GlobalPolicy>,
}

/// A tunnel.
#[derive(Debug, Clone)]
pub struct EmittedTunnel {
    /// The file of cloudflared's Deployment.
    pub file: FileId,
    /// Its configuration file; none if Cloudflare stores the rules.
    pub configuration: Option<MountedConfiguration>,
    /// The rules, if Cloudflare stores them.
    pub remote: Option<(FileId, Vec<TunnelRule>)>,
    /// The public names of all zones.
    pub records: Vec<ZoneRecord>,
}

/// A configuration file in a ConfigMap.
#[derive(Debug, Clone)]
pub struct MountedConfiguration {
    /// The name of the ConfigMap.
    pub settings: FileSpanned<String>,
    /// Its namespace.
    pub namespace: String,
    /// The key, and so the name of the file.
    pub key: String,
    /// Its content.
    pub content: TunnelConfiguration,
}

/// The key of cloudflared's file in its ConfigMap.
pub(crate) const CONFIGURATION: &str = "config.yaml";

impl EmittedTunnel {
    /// How cloudflared's pods connect to the edge: as their configuration file says, or their arguments without one.
    #[must_use]
    pub fn protocol(&self, connectors: Option<&EmittedWorkload>) -> TunnelProtocol {
        if let Some(mounted) = &self.configuration {
            return mounted.content.protocol;
        }
        let argument = connectors.and_then(|connectors| connectors.argument_of("--protocol"));
        let protocol = argument.and_then(|argument| TunnelProtocol::parse(&argument.value).ok());
        protocol.unwrap_or(TunnelProtocol::Auto)
    }

    /// The rules, and the file that contains them.
    #[must_use]
    pub fn rules(&self) -> (FileId, &[TunnelRule]) {
        match (&self.configuration, &self.remote) {
            (Some(mounted), _) => (self.file, &mounted.content.rules),
            (None, Some((file, rules))) => (*file, rules),
            (None, None) => (self.file, &[]),
        }
    }
}

/// Reads cloudflared's configuration from its ConfigMap.
///
/// # Errors
///
/// When it is not understood.
pub(crate) fn configuration(
    objects: &EmittedObjects,
    file: FileId,
) -> Result<Option<MountedConfiguration>, ParseError> {
    let mut settings = objects.settings.iter();
    let found = settings.find_map(|map| Some((map, map.data.get(CONFIGURATION)?)));
    let Some((map, text)) = found else { return Ok(None) };
    // The line of a block scalar is that of its first text, not that of its key.
    let lines_before = text.place.line.saturating_sub(1);
    let content = cloudflared::read(&text.value, file, lines_before)?;
    Ok(Some(MountedConfiguration {
        settings: map.name.clone(),
        namespace: map.namespace.clone(),
        key: CONFIGURATION.to_owned(),
        content,
    }))
}

impl IngressFiles {
    /// Whether a namespace is one of the tree, of its pods, or of kubeadm. All others are the user's.
    #[must_use]
    pub fn has_namespace(&self, name: &str) -> bool {
        let mut of_tree = self.objects.namespaces.iter();
        name == "kube-system"
            || of_tree.any(|known| known.name == name)
            || self.workloads().any(|workload| workload.namespace == name)
    }

    /// All workloads of the tree.
    pub fn workloads(&self) -> impl Iterator<Item = &EmittedWorkload> {
        let controller = self.controller.iter().map(|controller| &controller.workload);
        self.objects.workloads.iter().chain(controller)
    }
}
