//! What must hold after a step before the next one begins.

use crate::delivery::is_intact;
use crate::inspection::{Inspection, StateDifference};
use meshwright_value::Sha256;

/// What a machine must show after its delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateExpectation {
    /// The digest of its delivery; none if the secrets are not known here.
    pub digest: Option<Sha256>,
    /// The nodes that it heard before, and whose flows the step does not cut.
    pub peers: Vec<String>,
    /// Whether it must be in the cluster, and Ready.
    pub is_member: bool,
}

impl GateExpectation {
    /// The conditions that do not hold, as sentences.
    #[must_use]
    pub fn faults(&self, inspection: &Inspection) -> Vec<String> {
        let mut faults = Vec::new();
        match &inspection.delivery {
            None => faults.push("it has no delivery".to_owned()),
            Some(record) if !is_intact(record) => {
                faults.push("its delivery is interrupted, changed or not confirmed".to_owned());
            }
            Some(record) if self.digest.is_some_and(|digest| digest != record.digest) => {
                faults.push("it has another delivery".to_owned());
            }
            Some(_) => {}
        }
        faults.extend(inspection.differences.iter().map(|difference| difference.text.clone()));
        let silent: Vec<_> =
            self.peers.iter().filter(|peer| !inspection.hears(peer)).map(String::as_str).collect();
        if !silent.is_empty() {
            faults.push(format!("it does not hear {}", silent.join(", ")));
        }
        if self.is_member && !inspection.is_member() {
            faults.push("it has not joined the cluster".to_owned());
        } else if self.is_member && !inspection.is_ready() {
            faults.push("its node is not Ready".to_owned());
        }
        faults
    }
}

/// What is worse on a machine that the step did not touch. `cut`: the nodes to which the step cuts its flows.
#[must_use]
pub fn worsened(before: &Inspection, after: &Inspection, cut: &[&str]) -> Vec<String> {
    let mut faults = Vec::new();
    let is_new = |difference: &&StateDifference| !before.differences.contains(difference);
    faults
        .extend(after.differences.iter().filter(is_new).map(|difference| difference.text.clone()));
    let is_kept = |name: &str| after.peers.iter().any(|peer| peer.is_node && peer.name == name);
    let was_heard = before.peers.iter().filter(|peer| peer.is_node && peer.is_heard());
    let names = was_heard.map(|peer| peer.name.as_str());
    let lost: Vec<_> =
        names.filter(|name| is_kept(name) && !cut.contains(name) && !after.hears(name)).collect();
    if !lost.is_empty() {
        faults.push(format!("it no longer hears {}", lost.join(", ")));
    }
    if before.is_ready() && !after.is_ready() {
        faults.push("its node is no longer Ready".to_owned());
    }
    faults
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "meshwright-inspect\t1\nnode\ttokyo\tatlas\nprepared\tyes\t\n";
    const DIGEST: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn inspection(records: &str) -> Inspection {
        let delivery = format!("delivery\twhole\t1764500000\t{DIGEST}\n");
        match Inspection::parse(&format!("{HEAD}{delivery}{records}end\n")) {
            Ok(inspection) => inspection,
            Err(error) => panic!("{error}"),
        }
    }

    const GOOD: &str =
        "peer\tnode\tparis\t12\npeer\tnode\thome\tnever\nmembership\tjoined\nready\tTrue\n";

    #[test]
    fn a_machine_that_has_everything_passes() {
        let expected = GateExpectation {
            digest: Some(Sha256::compute(b"")),
            peers: vec!["paris".to_owned()],
            is_member: true,
        };
        assert_eq!(expected.faults(&inspection(GOOD)), Vec::<String>::new());
    }

    #[test]
    fn each_condition_has_its_sentence() {
        let expected = GateExpectation {
            digest: Some(Sha256::compute(b"other")),
            peers: vec!["paris".to_owned(), "home".to_owned()],
            is_member: true,
        };
        let records = "difference\tunits\thaproxy.service is not active\npeer\tnode\tparis\t181\n\
                       membership\twaiting\tparis\nready\tFalse\n";
        let faults = [
            "it has another delivery",
            "haproxy.service is not active",
            "it does not hear paris, home",
            "its node is not Ready",
        ];
        assert_eq!(expected.faults(&inspection(records)), faults);
        let outside = inspection("membership\toutside\tactivating\n");
        assert!(expected.faults(&outside).contains(&"it has not joined the cluster".to_owned()));
    }

    #[test]
    fn only_what_is_worse_counts() {
        let old_fault = "difference\tguards\tthe route guard `10.0.0.0/8` is missing\n";
        let before = inspection(&format!("{GOOD}{old_fault}"));
        assert_eq!(worsened(&before, &before, &[]), Vec::<String>::new());
        let after = inspection(
            "peer\tnode\tparis\t200\nmembership\tjoined\nready\tUnknown\n\
             difference\tfirewall\tthe firewall is not loaded\n",
        );
        let faults = [
            "the firewall is not loaded",
            "it no longer hears paris",
            "its node is no longer Ready",
        ];
        assert_eq!(worsened(&before, &after, &[]), faults);
        // The plan says that this pair is cut.
        assert!(
            !worsened(&before, &after, &["paris"]).contains(&"it no longer hears paris".to_owned())
        );
        // A peer that was removed is not lost.
        let removed = inspection("membership\tjoined\nready\tTrue\n");
        assert_eq!(worsened(&before, &removed, &[]), Vec::<String>::new());
    }
}
