//! calico-node: installs the CNI plugin and its configuration, runs BIRD, and masquerades pods, with the values of
//! the Installation, the BGPConfiguration and the Secret that the API server returns.

#![expect(clippy::print_stdout, reason = "the log of the pod")]

use std::env;
use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;
use std::process::Command;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::{Value, json};

use super::api::ApiClient;
use super::cni::IPAM;
use super::operator::{ADDRESS_ANNOTATION, NAMESPACE};
use crate::bird::BgpSpeaker;
use crate::calico::CalicoSettings;
use crate::command;
use crate::service;

/// Folders of the host, at the same paths in the container.
pub(super) const CNI_BIN: &str = "/opt/cni/bin";
pub(super) const CNI_NET: &str = "/etc/cni/net.d";
/// The folder of BIRD's socket, as in Calico's own DaemonSet.
pub(super) const RUN: &str = "/run/calico";

const BIRD_CONF: &str = "/run/bird.conf";

/// The default of Calico's BGP: everything that a BGPConfiguration does not set (Calico 3.32,
/// `BGPConfigurationSpec`).
const DEFAULT_AS: u32 = 64512;

const INTERVAL: Duration = Duration::from_secs(1);

pub(super) fn run(arguments: &[String]) -> Result<()> {
    match arguments {
        [] => CalicoNode::start()?.follow(),
        [ready] if ready == "ready" => check_readiness(),
        _ => bail!("usage: calico-node [ready]"),
    }
}

/// Ready when BIRD answers, and has a session if it has peers (Calico's `-bird-ready`).
fn check_readiness() -> Result<()> {
    ensure!(Path::new(CNI_NET).join("10-calico.conflist").exists(), "CNI is not configured");
    let protocols = birdc(&["show", "protocols"])?;
    let sessions: Vec<_> = protocols.lines().filter(|line| line.starts_with("mesh_")).collect();
    let established = sessions.iter().any(|line| line.contains("Established"));
    ensure!(sessions.is_empty() || established, "no BGP session is established:\n{protocols}");
    Ok(())
}

fn birdc(words: &[&str]) -> Result<String> {
    let done =
        Command::new("birdc").args(["-s", &format!("{RUN}/bird.ctl")]).args(words).output()?;
    ensure!(done.status.success(), "birdc: {}", String::from_utf8_lossy(&done.stderr));
    Ok(String::from_utf8(done.stdout)?)
}

/// The agent of one node.
struct CalicoNode {
    api: ApiClient,
    name: String,
    /// BIRD reads bindMode only when it starts (observed with Calico 3.32.1, 2026-11).
    own_address_only: Option<bool>,
    written: Vec<(&'static str, String)>,
}

impl CalicoNode {
    fn start() -> Result<Self> {
        // The socket of an earlier pod: its BIRD has ended with it.
        let _ = fs::remove_file(format!("{RUN}/bird.ctl"));
        // In two steps, so that kubelet never starts half a file.
        fs::copy(env::current_exe()?, format!("{CNI_BIN}/calico.new"))?;
        fs::rename(format!("{CNI_BIN}/calico.new"), format!("{CNI_BIN}/calico"))?;
        Ok(Self {
            api: ApiClient::start("/run/calico-api")?,
            name: env::var("NODENAME")?,
            own_address_only: None,
            written: Vec::new(),
        })
    }

    /// Follows the API server. While it does not answer, the last configuration stays.
    fn follow(mut self) -> Result<()> {
        let mut last = String::new();
        loop {
            let state =
                self.reconcile().map_or_else(|error| format!("{error:#}"), |()| "done".to_owned());
            if state != last {
                println!("{state}");
                last = state;
            }
            thread::sleep(INTERVAL);
        }
    }

    fn reconcile(&mut self) -> Result<()> {
        let installation = self.spec("/apis/operator.tigera.io/v1/installations/default")?;
        let installation = installation.context("no Installation")?;
        let bgp_path = "/apis/projectcalico.org/v3/bgpconfigurations/default";
        let bgp = self
            .spec(bgp_path)?
            .unwrap_or_else(|| json!({ "asNumber": DEFAULT_AS, "nodeToNodeMeshEnabled": true }));
        let calico = CalicoSettings::from_specs(&installation, &bgp)?;
        let nodes = self.api.get("/api/v1/nodes?resourceVersion=0")?.context("no nodes")?;
        let address = self.publish_address(&installation, &nodes)?;
        self.configure_cni(&calico)?;
        self.masquerade(&calico, &nodes)?;
        self.configure_bird(&calico, &bgp, address, &nodes)
    }

    fn spec(&self, path: &str) -> Result<Option<Value>> {
        Ok(self.api.get(path)?.map(|mut object| object["spec"].take()))
    }

    /// The address of the interface that `nodeAddressAutodetectionV4` names, as an annotation of the Node.
    fn publish_address(&self, installation: &Value, nodes: &Value) -> Result<Ipv4Addr> {
        let detection = &installation["calicoNetwork"]["nodeAddressAutodetectionV4"]["interface"];
        let pattern = detection.as_str().context("nodeAddressAutodetectionV4.interface")?;
        let interface = pattern.trim_start_matches('^').trim_end_matches('$');
        let subnet = address_of(interface)?;
        let known = items(nodes).find(|node| name_of(node) == self.name).map(annotated_address);
        if known.flatten() != Some(subnet.as_str()) {
            let patch = json!({ "metadata": { "annotations": { ADDRESS_ANNOTATION: subnet } } });
            self.api.merge(&format!("/api/v1/nodes/{}", self.name), &patch)?;
        }
        host_part(&subnet)
    }

    fn configure_cni(&mut self, calico: &CalicoSettings) -> Result<()> {
        let block = calico.block(&self.name)?;
        let config = json!({
            "name": "k8s-pod-network",
            "cniVersion": "1.0.0",
            "plugins": [
                {
                    "type": "calico",
                    "mtu": calico.mtu,
                    // A power cut releases all addresses: no pod is left.
                    "ipam": {
                        "type": IPAM,
                        "dataDir": "/run/lab-ipam",
                        "ranges": [[{ "subnet": block.to_string() }]],
                    },
                },
                { "type": "portmap", "snat": true, "capabilities": { "portMappings": true } },
            ],
        });
        self.write_if_changed("/etc/cni/net.d/10-calico.conflist", config.to_string())?;
        Ok(())
    }

    /// `natOutgoing`, with the exclusions of `natOutgoingExclusions: IPPoolsAndHostIPs`.
    fn masquerade(&mut self, calico: &CalicoSettings, nodes: &Value) -> Result<()> {
        let addresses: Vec<_> = items(nodes).filter_map(node_address).collect();
        let rules = service::masquerade_rules(calico, &addresses).unwrap_or_default();
        let replaced = format!("table ip calico\ndelete table ip calico\n{rules}");
        if self.write_if_changed("/run/calico.nft", replaced)? {
            command::run(Command::new("nft").args(["-f", "/run/calico.nft"]))?;
        }
        Ok(())
    }

    /// A full mesh with every other node whose address is known.
    fn configure_bird(
        &mut self,
        calico: &CalicoSettings,
        bgp: &Value,
        address: Ipv4Addr,
        nodes: &Value,
    ) -> Result<()> {
        let others = items(nodes).filter(|node| name_of(node) != self.name);
        let peers: Vec<_> = others.filter_map(node_address).collect();
        let own_address_only = *self.own_address_only.get_or_insert(bgp["bindMode"] == "NodeIP");
        let password = self.password(&bgp["nodeMeshPassword"]["secretKeyRef"])?;
        let speaker = BgpSpeaker {
            address,
            block: Some(calico.block(&self.name)?),
            calico,
            password: password.as_deref(),
            own_address_only,
        };
        let changed = self.write_if_changed(BIRD_CONF, speaker.configuration(&peers))?;
        if birdc(&["show", "status"]).is_ok() {
            if changed {
                birdc(&["configure"])?;
            }
        } else {
            command::run(Command::new("bird").args([
                "-c",
                BIRD_CONF,
                "-s",
                &format!("{RUN}/bird.ctl"),
            ]))?;
        }
        Ok(())
    }

    /// The password of the sessions. The pod may read this Secret only through the emitted Role.
    fn password(&self, reference: &Value) -> Result<Option<String>> {
        let (Some(name), Some(key)) = (reference["name"].as_str(), reference["key"].as_str())
        else {
            return Ok(None);
        };
        let path = format!("/api/v1/namespaces/{NAMESPACE}/secrets/{name}");
        let secret = self.api.get(&path)?.with_context(|| format!("no Secret {name}"))?;
        let encoded =
            secret["data"][key].as_str().with_context(|| format!("{name} has no {key}"))?;
        Ok(Some(decode_base64(encoded)?))
    }

    /// Whether the text differs from the one before; then it is written.
    fn write_if_changed(&mut self, path: &'static str, text: String) -> Result<bool> {
        if self.written.contains(&(path, text.clone())) {
            return Ok(false);
        }
        fs::write(path, &text)?;
        self.written.retain(|(written, _)| *written != path);
        self.written.push((path, text));
        Ok(true)
    }
}

fn items(list: &Value) -> impl Iterator<Item = &Value> {
    list["items"].as_array().into_iter().flatten()
}

fn name_of(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap_or_default()
}

fn annotated_address(node: &Value) -> Option<&str> {
    node["metadata"]["annotations"][ADDRESS_ANNOTATION].as_str()
}

fn node_address(node: &Value) -> Option<Ipv4Addr> {
    host_part(annotated_address(node)?).ok()
}

fn host_part(subnet: &str) -> Result<Ipv4Addr> {
    Ok(subnet.split('/').next().unwrap_or_default().parse()?)
}

/// The address of an interface with its prefix length.
fn address_of(interface: &str) -> Result<String> {
    let printed = command::run(
        Command::new("ip").args(["-json", "-4", "address", "show", "dev", interface]),
    )?;
    let links: Value = serde_json::from_str(&printed)?;
    let address = &links[0]["addr_info"][0];
    let local = address["local"].as_str().with_context(|| format!("{interface} has no address"))?;
    Ok(format!("{local}/{}", address["prefixlen"]))
}

fn decode_base64(text: &str) -> Result<String> {
    let bytes = base64::Engine::decode(&base64::engine::general_purpose::STANDARD, text)?;
    Ok(String::from_utf8(bytes)?.trim().to_owned())
}
