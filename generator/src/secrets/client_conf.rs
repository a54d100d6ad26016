//! The complete configuration of a client, keys included, for apps that do not support `PostUp`.

use serde::Serialize;

use super::secret::Secret;
use meshwright_compiler::encode::template;
use meshwright_compiler::plan::{ClientPlan, Plan};
use meshwright_compiler::render::client::ClientInterface;
use meshwright_compiler::render::wg_quick::section;

/// A placeholder for a secret in the rendered text. A template never gets a secret, because its error
/// messages print its input.
const SLOT: &str = "\u{fffc}";

#[derive(Serialize)]
struct ClientConfView<'plan> {
    #[serde(flatten)]
    interface: ClientInterface<'plan>,
    sections: Vec<String>,
    preshared_keys: bool,
    slot: &'static str,
}

/// The text of the file. `preshared` has the keys in the order of the client's peers; it is empty
/// without preshared keys.
pub(crate) fn render(
    plan: &Plan,
    client: &ClientPlan,
    private_key: &Secret,
    preshared: &[Secret],
) -> Secret {
    let peers = plan.peers_of_client(client);
    let view = ClientConfView {
        interface: ClientInterface::from_client(plan, client),
        sections: peers.iter().map(|peer| section(&plan.host_peer(peer))).collect(),
        preshared_keys: plan.wireguard.preshared_keys,
        slot: SLOT,
    };
    let text = template::render("wg-quick-client-whole.conf", &view);
    fill(&text, std::iter::once(private_key).chain(preshared))
}

/// Replaces the placeholders with the secrets, in order.
fn fill<'a>(text: &str, secrets: impl Iterator<Item = &'a Secret> + Clone) -> Secret {
    let room = text.len() + secrets.clone().map(|secret| secret.line().len()).sum::<usize>();
    let mut filled = Vec::with_capacity(room);
    let mut lines = secrets.map(Secret::line);
    for (position, part) in text.split(SLOT).enumerate() {
        if position > 0 {
            let secret = lines.next();
            filled.extend_from_slice(secret.unwrap_or_else(|| unreachable!("one secret per slot")));
        }
        filled.extend_from_slice(part.as_bytes());
    }
    Secret::new(filled)
}
