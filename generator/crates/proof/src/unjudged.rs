//! What a user has added to a tree, and whose effect on the proof is not known.

use crate::assumption::Assumption;
use crate::read::tree::EmittedTree;
use crate::read::user_settings::UserSetting;
use crate::span::FileId;

/// All of it, by its text. That it changes nothing of what is proven, is assumed.
pub(crate) fn of(emitted: &EmittedTree) -> Vec<Assumption> {
    let mut unjudged = Vec::new();
    for node in &emitted.nodes {
        let cluster = node.kubeadm.content.cluster.iter();
        let arguments = cluster.flat_map(|cluster| &cluster.added);
        unjudged.extend(settings(node.kubeadm.file, arguments));
        unjudged.extend(settings(node.kubelet.file, &node.kubelet.content.added));
    }
    if let Some(values) = &emitted.user_values {
        unjudged.extend(settings(values.file, &values.content));
    }
    for manifest in &emitted.overlays {
        unjudged.extend(settings(manifest.file, &manifest.content));
    }
    unjudged.sort_by(|one, other| (&one.text, one.place).cmp(&(&other.text, other.place)));
    unjudged
}

fn settings<'a>(
    file: FileId,
    settings: impl IntoIterator<Item = &'a UserSetting>,
) -> impl Iterator<Item = Assumption> {
    let unknown = settings.into_iter().filter(|setting| !setting.is_harmless);
    unknown.map(move |setting| Assumption::new(file.line(setting.line), setting.text.clone()))
}
