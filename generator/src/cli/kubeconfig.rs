//! `meshwright kubeconfig`: issues a kubeconfig that expires.

use std::path::PathBuf;

use clap::Args;
use time::Duration;

use super::Status;
use super::export::{find_client, refuse_terminal, send};
use super::failure::Failure;
use super::opened::Opened;
use super::session::Session;
use crate::secrets::authority::Authority;
use crate::secrets::clock;
use crate::secrets::kubeconfig::{AccessRole, client_kubeconfig, client_subject};
use crate::secrets::requirements::Requirements;
use meshwright_value::Reach;

const EXAMPLES: &str = "\
Examples:
  meshwright kubeconfig laptop --to ~/.kube/atlas
  meshwright kubeconfig laptop --role view --days 7 --to ~/.kube/atlas-view";

/// Issue a kubeconfig that expires
///
/// Prints a kubeconfig with a new certificate, signed by the certificate authority of the cluster and
/// not stored. It uses the mesh address of the first control plane: the client needs WireGuard, but
/// no entry in /etc/hosts. A certificate cannot be revoked before it expires; deleting the
/// ClusterRoleBinding of a role revokes every kubeconfig with that role.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Kubeconfig {
    /// The client, as named in the topology
    client: String,
    /// The permissions
    #[arg(long, value_enum, default_value = "admin")]
    role: AccessRole,
    /// The number of days until the certificate expires
    #[arg(long, default_value_t = 90, value_parser = clap::value_parser!(u16).range(1..=3650))]
    days: u16,
    /// Write a new file with mode 0600 instead of printing
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
}

impl Kubeconfig {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let pipe = format!("meshwright kubeconfig {} --to FILE", self.client);
        refuse_terminal(self.to.as_deref(), &pipe)?;
        let Some(opened) = Opened::open(session)? else { return Ok(Status::Findings) };
        let client = find_client(&self.client, &opened.plan)?;
        if !opened.has_secrets(Requirements::for_kubeconfig(), session)? {
            return Ok(Status::Findings);
        }
        if !client.reach.contains(&Reach::Nodes) {
            session.print(format_args!(
                "warning: {} cannot reach the API: its `reach` does not contain \"nodes\"",
                client.name
            ))?;
        }
        let lifetime = Duration::days(self.days.into());
        let subject = client_subject(&client.name, self.role);
        let (authority, credential) =
            Authority::Cluster.sign(&opened.store, subject, lifetime, clock::now())?;
        let kubeconfig =
            client_kubeconfig(&opened.plan, &client.name, authority.expose(), &credential);
        send(&kubeconfig, self.to.as_deref(), session)?;
        let (name, ends) = (&client.name, clock::format_day(credential.not_after));
        let group = subject.group;
        session
            .info(format_args!("{name}: kubeconfig for the group {group}, expires on {ends}"))?;
        Ok(Status::Clean)
    }
}
