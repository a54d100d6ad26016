//! A client's whole configuration, for apps that know no `PostUp`: with the keys inside.

use serde::Serialize;

use super::secret::Secret;
use crate::format::template;
use crate::plan::{Client, Plan};
use crate::render::wg_quick::section;

/// Stands in the text where a secret goes. A template never sees one: its errors show its view.
const SLOT: &str = "\u{fffc}";

#[derive(Serialize)]
struct View<'plan> {
    name: &'plan str,
    id: u32,
    cluster: &'plan str,
    address: String,
    mtu: u16,
    dns_address: String,
    dns_domain: String,
    sections: Vec<String>,
    preshared_keys: bool,
    slot: &'static str,
}

/// The text of the file. `preshared` are in the order of the client's peers; empty without them.
pub(crate) fn render(
    plan: &Plan,
    client: &Client,
    private_key: &Secret,
    preshared: &[Secret],
) -> Secret {
    let peers = plan.peers_of_client(client);
    let view = View {
        name: client.name.as_str(),
        id: client.id.get(),
        cluster: plan.name.as_str(),
        address: format!("{}/32", client.address),
        mtu: plan.wireguard.mtu.value,
        dns_address: plan.dns_address().to_string(),
        dns_domain: plan.network.dns_domain.to_string(),
        sections: peers.iter().map(|peer| section(&plan.host_peer(peer))).collect(),
        preshared_keys: plan.wireguard.preshared_keys,
        slot: SLOT,
    };
    let text = template::render("wg-quick-client-whole.conf", &view);
    fill(&text, std::iter::once(private_key).chain(preshared))
}

/// Puts the secrets into the slots, in order.
fn fill<'a>(text: &str, secrets: impl Iterator<Item = &'a Secret> + Clone) -> Secret {
    let room = text.len() + secrets.clone().map(|secret| secret.line().len()).sum::<usize>();
    let mut filled = Vec::with_capacity(room);
    let mut secrets = secrets.map(Secret::line);
    for (position, part) in text.split(SLOT).enumerate() {
        if position > 0 {
            let secret = secrets.next();
            filled.extend_from_slice(secret.unwrap_or_else(|| unreachable!("a secret a slot")));
        }
        filled.extend_from_slice(part.as_bytes());
    }
    Secret::new(filled)
}
