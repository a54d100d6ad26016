//! BIRD 2 in place of calico-node, configured from the emitted objects alone. Template and timers are
//! those of Calico's confd (node/filesystem/etc/calico/confd/templates/bird.cfg.template): kernel routes
//! are learned, next hops are resolved recursively, the hold time is 240 s, restarts are graceful.
//! Faster timers would hide faults that a real cluster shows.

use std::fmt::Write as _;
use std::net::Ipv4Addr;
use std::time::Duration;

use anyhow::{Result, ensure};
use ipnet::Ipv4Net;

use crate::calico::CalicoSettings;
use crate::command::succeeds;
use crate::machine::LabMachine;
use crate::probe::eventually;

/// The TCP port of BGP.
pub const PORT: u16 = 179;

const CONF: &str = "/run/bird.conf";
const SOCKET: &str = "/run/bird.ctl";
const PID: &str = "/run/bird.pid";

/// A BGP speaker of the mesh.
#[derive(Debug, Clone, Copy)]
pub struct BgpSpeaker<'world> {
    /// Its own address.
    pub address: Ipv4Addr,
    /// The block that it advertises; none before the first pod of its node.
    pub block: Option<Ipv4Net>,
    /// The settings of all speakers.
    pub calico: &'world CalicoSettings,
    /// The password of its sessions (RFC 2385).
    pub password: Option<&'world str>,
    /// Whether it listens on its own address only: `bindMode: NodeIP`.
    pub own_address_only: bool,
}

impl BgpSpeaker<'_> {
    /// BIRD's configuration with a session to each peer.
    #[must_use]
    pub fn configuration(&self, peers: &[Ipv4Addr]) -> String {
        let Self { address, block, calico, password, own_address_only } = self;
        let mut own = String::new();
        let mut exported = String::new();
        if let Some(block) = block {
            let _ = write!(own, "route {block} blackhole;");
            let _ = write!(
                exported,
                "  if net = {block} then accept;\n  if net ~ [ {block}+ ] then reject;\n"
            );
        }
        for pool in &calico.pools {
            let _ = writeln!(exported, "  if net ~ [ {}+ ] then accept;", pool.cidr);
        }
        let sessions: String = peers.iter().map(|peer| session(*peer, calico.as_number)).collect();
        let as_number = calico.as_number;
        let bind = if *own_address_only { "strict bind;" } else { "" };
        let authentication =
            password.map(|password| format!("password \"{password}\";")).unwrap_or_default();
        format!(
            r#"log "/run/bird.log" all;
router id {address};
filter calico_export {{
{exported}  reject;
}}
protocol device {{ scan time 2; }}
protocol direct {{ ipv4; interface -"cali*", -"kube-ipvs*", "*"; }}
protocol static own {{ ipv4; {own} }}
protocol kernel {{
  learn; persist; scan time 2; graceful restart; metric 1024;
  ipv4 {{ import all; export where source != RTS_DEVICE; }};
}}
template bgp mesh {{
  local {address} as {as_number};
  multihop;
  source address {address};
  {bind} {authentication}
  graceful restart;
  hold time 240; keepalive time 80;
  connect delay time 2; connect retry time 5; error wait time 5, 30;
  ipv4 {{ import all; export filter calico_export; gateway recursive; }};
}}
{sessions}"#
        )
    }

    /// Starts it on its node.
    ///
    /// # Errors
    ///
    /// When it does not start.
    pub fn start(&self, machine: &LabMachine, peers: &[Ipv4Addr]) -> Result<()> {
        machine.write(CONF, &self.configuration(peers))?;
        machine.run(&["bird", "-c", CONF, "-s", SOCKET, "-P", PID])?;
        Ok(())
    }

    /// Loads a changed configuration.
    ///
    /// # Errors
    ///
    /// When it is refused.
    pub fn reconfigure(&self, machine: &LabMachine, peers: &[Ipv4Addr]) -> Result<()> {
        machine.write(CONF, &self.configuration(peers))?;
        control(machine, &["configure"]).map(drop)
    }
}

fn session(peer: Ipv4Addr, as_number: u32) -> String {
    let name = peer.to_string().replace('.', "_");
    format!("protocol bgp mesh_{name} from mesh {{ neighbor {peer} as {as_number}; }}\n")
}

/// Sends a command to a running BIRD (birdc(8)).
///
/// # Errors
///
/// When it does not run.
pub fn control(machine: &LabMachine, words: &[&str]) -> Result<String> {
    machine.run(&[&["birdc", "-s", SOCKET], words].concat())
}

/// Waits until sessions with all peers are established.
///
/// # Errors
///
/// When one is missing after `timeout`.
pub fn await_sessions(machine: &LabMachine, peers: usize, timeout: Duration) -> Result<()> {
    eventually(timeout, || {
        let protocols = control(machine, &["show", "protocols"])?;
        let established = protocols.lines().filter(|line| line.contains("Established")).count();
        ensure!(established == peers, "{established} of {peers} sessions:\n{protocols}");
        Ok(())
    })
}

/// Stops BIRD: its routes are withdrawn on all nodes.
///
/// # Errors
///
/// When it does not run.
pub fn stop(machine: &LabMachine) -> Result<()> {
    control(machine, &["down"])?;
    eventually(Duration::from_secs(5), || {
        let runs = succeeds(machine.command("birdc").args(["-s", SOCKET, "show", "status"]))?;
        ensure!(!runs, "BIRD still runs on {}", machine.name);
        Ok(())
    })
}
