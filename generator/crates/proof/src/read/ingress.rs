//! The way in from the Internet: all that the tree says of the tunnel, the Ingress controller and the
//! apps behind it.

use super::Unread;
use super::charts::Controller;
use super::cloudflared::{self, Configuration, Rule};
use super::dns_zone::Record;
use super::global_policy::GlobalPolicy;
use super::objects::{Objects, Workload};
use crate::span::{Fact, File};

/// What the tree says of the way in.
#[derive(Debug, Default)]
pub struct Entry {
    /// The tunnel, if there is one.
    pub tunnel: Option<Tunnel>,
    /// The Ingress controller.
    pub controller: Option<Controller>,
    /// All objects of the tunnel, the controller and the apps.
    pub objects: Objects,
    /// Calico's policies for all pods.
    pub global_policies: Vec<GlobalPolicy>,
}

/// A tunnel.
#[derive(Debug)]
pub struct Tunnel {
    /// Whatever runs cloudflared.
    pub file: File,
    /// Its configuration file; none where Cloudflare holds the rules.
    pub configuration: Option<Mounted>,
    /// The rules, if Cloudflare holds them.
    pub remote: Option<(File, Vec<Rule>)>,
    /// The public names.
    pub zone: (File, Vec<Record>),
}

/// A configuration file in a ConfigMap.
#[derive(Debug)]
pub struct Mounted {
    /// The name of the ConfigMap.
    pub settings: Fact<String>,
    /// Its namespace.
    pub namespace: String,
    /// The key, and so the name of the file.
    pub key: String,
    /// What it says.
    pub said: Configuration,
}

/// The key under which cloudflared's file stands in a ConfigMap.
pub const CONFIGURATION: &str = "config.yaml";

impl Tunnel {
    /// The rules, wherever they are kept, and the file that has them.
    #[must_use]
    pub fn rules(&self) -> (File, &[Rule]) {
        match (&self.configuration, &self.remote) {
            (Some(mounted), _) => (self.file, &mounted.said.rules),
            (None, Some((file, rules))) => (*file, rules),
            (None, None) => (self.file, &[]),
        }
    }
}

/// Takes cloudflared's configuration out of its ConfigMap.
///
/// # Errors
///
/// When it is not understood.
pub fn configuration(objects: &Objects, file: File) -> Result<Option<Mounted>, Unread> {
    let mut settings = objects.settings.iter();
    let found = settings.find_map(|map| Some((map, map.data.get(CONFIGURATION)?)));
    let Some((map, text)) = found else { return Ok(None) };
    // A block scalar begins on the line after its key.
    let said = cloudflared::read(&text.value, file, text.place.line)?;
    Ok(Some(Mounted {
        settings: map.name.clone(),
        namespace: map.namespace.clone(),
        key: CONFIGURATION.to_owned(),
        said,
    }))
}

impl Entry {
    /// All pods that the tree makes.
    pub fn workloads(&self) -> impl Iterator<Item = &Workload> {
        let controller = self.controller.iter().map(|controller| &controller.workload);
        self.objects.workloads.iter().chain(controller)
    }
}
