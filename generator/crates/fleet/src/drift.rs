//! What is not as the output directory says, with the line that says it.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::delivery::DeliveredState;
use crate::inspection::{DeliveryCondition, Inspection, ObjectRecord, ObjectResult};
use crate::machine::FleetMachine;

/// The text of files of the output directory, by path.
pub type TreeTexts = BTreeMap<String, String>;

/// One difference.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Drift {
    /// The machine.
    pub machine: String,
    /// The file of the output directory, if one says what should be.
    pub file: Option<String>,
    /// Its line, if one line does.
    pub line: Option<usize>,
    /// What differs.
    pub text: String,
    /// What this does.
    pub effect: String,
    /// The command that corrects it, or what a person has to do.
    pub remedy: String,
}

/// Applies the objects on the init node, with its default kubeconfig.
const APPLY: &str = "/etc/meshwright/cluster/apply.sh";

/// What differs in an area, by the area of [`StateDifference`].
///
/// [`StateDifference`]: crate::inspection::StateDifference
struct Area {
    name: &'static str,
    /// The end of the file's path.
    file: &'static str,
    effect: &'static str,
}

const AREAS: &[Area] = &[
    Area {
        name: "firewall",
        file: "nftables.conf",
        effect: "packets are accepted or dropped otherwise than proven",
    },
    Area {
        name: "guards",
        file: "guards.routes",
        effect: "while WireGuard is down, packets to these addresses leave unencrypted",
    },
    Area {
        name: "routes",
        file: ".routes",
        effect: "pods on that node are not reached from this one",
    },
    Area {
        name: "peers",
        file: ".conf",
        effect: "the packets of this peer are lost, or taken from another one",
    },
    Area {
        name: "parameters",
        file: "sysctl.conf",
        effect: "the kernel forwards or filters otherwise than proven",
    },
    Area { name: "units", file: ".service", effect: "what the unit sets up is not kept up" },
    Area {
        name: "enablement",
        file: ".service",
        effect: "it is missing, or in the way, after the next boot",
    },
    Area {
        name: "networks",
        file: "",
        effect: "packets to that network are dropped as private addresses in clear",
    },
];

/// All drifts of one machine. `place` gives the file of the output directory for a path on the machine.
#[must_use]
pub fn of_machine(
    machine: &FleetMachine,
    inspection: &Inspection,
    delivered: &DeliveredState,
    texts: &TreeTexts,
    place: &BTreeMap<String, String>,
) -> Vec<Drift> {
    let deliver = machine.delivery_command(false);
    let drift = |file: Option<String>, line, text: String, effect: &str, remedy: &str| Drift {
        machine: machine.name.clone(),
        file,
        line,
        text,
        effect: effect.to_owned(),
        remedy: remedy.to_owned(),
    };
    let mut drifts = Vec::new();
    let Some(record) = &inspection.delivery else {
        let (text, effect) = ("it has no delivery", "it is not in the mesh");
        let remedy = machine.delivery_command(!machine.initialises);
        return vec![drift(None, None, text.to_owned(), effect, &remedy)];
    };
    if record.condition != DeliveryCondition::Whole {
        let text = "its last delivery was interrupted, or is not confirmed".to_owned();
        drifts.push(drift(
            None,
            None,
            text,
            "a part of its files is of another delivery",
            &deliver,
        ));
    }
    let older: &[String] = match delivered {
        DeliveredState::Revision { differing, .. } | DeliveredState::Unknown { differing } => {
            differing
        }
        DeliveredState::OtherSecret { .. } => {
            let text = "a secret is not that of the store".to_owned();
            drifts.push(drift(
                None,
                None,
                text,
                "peers with the new key do not reach it",
                &deliver,
            ));
            &[]
        }
        _ => &[],
    };
    for path in older {
        let text = format!("/{path} was delivered with other content");
        let effect = "what is proven is not what the machine has";
        drifts.push(drift(place.get(path).cloned(), None, text, effect, &deliver));
    }
    for path in &record.changed {
        let text = format!("/{path} was changed or removed since the delivery");
        let effect = "it takes effect at the next reload or boot, if it has not yet";
        drifts.push(drift(place.get(path).cloned(), None, text, effect, &deliver));
    }
    for difference in &inspection.differences {
        // The lines of the firewall are named one by one.
        if difference.area == "firewall" && !inspection.rules.is_empty() {
            continue;
        }
        let area = AREAS.iter().find(|area| area.name == difference.area);
        let effect = area.map_or("", |area| area.effect);
        let found =
            area.and_then(|area| find_line(&machine.name, area.file, &difference.text, texts));
        let (file, line) = found.unzip();
        drifts.push(drift(file, line, difference.text.clone(), effect, &deliver));
    }
    for rule in &inspection.rules {
        let file = format!("nodes/{}/nftables.conf", machine.name);
        let line = texts.get(&file).and_then(|text| line_of_rule(text, &rule.line));
        let verb = if rule.is_additional {
            "has a line that the file does not have"
        } else {
            "lacks a line"
        };
        let text = format!("the loaded firewall {verb}: {}", rule.line);
        drifts.push(drift(Some(file), line, text, AREAS[0].effect, &deliver));
    }
    for rules in inspection.foreign_rules.iter().filter(|rules| rules.drops_all) {
        let text = format!("another program has loaded rules: {}", rules.chains);
        let effect = "they drop what Meshwright's rules accept";
        let remedy = format!("remove {}, and what loads it at boot", rules.chains);
        drifts.push(drift(None, None, text, effect, &remedy));
    }
    drifts
}

/// The drifts of the cluster's objects, which the init node compares.
#[must_use]
pub fn of_objects(machine: &FleetMachine, objects: &[ObjectRecord]) -> Vec<Drift> {
    let found = objects.iter().filter(|object| object.result != ObjectResult::Same).map(|object| {
        let (text, effect) = match object.result {
            ObjectResult::Unanswered => (
                format!("the API server does not say: {}", object.text),
                "it is not known whether the cluster has these objects",
            ),
            _ => (
                format!("the cluster does not have these objects as in the file: {}", object.text),
                "what is proven from the file is not what runs",
            ),
        };
        Drift {
            machine: machine.name.clone(),
            file: Some(format!("cluster/{}", object.file)),
            line: None,
            text,
            effect: effect.to_owned(),
            remedy: machine.command_on_it(APPLY),
        }
    });
    found.collect()
}

/// The first line of the node's files, or of `host/`, that contains a word of the difference: an address, a name of a
/// parameter or of a unit.
fn find_line(node: &str, file: &str, text: &str, texts: &TreeTexts) -> Option<(String, usize)> {
    if file.is_empty() {
        return None;
    }
    let own = format!("nodes/{node}/");
    let is_of_node = |path: &&String| path.starts_with(&own) || path.starts_with("host/");
    let words = text.split([' ', '`', ',']).filter(|word| word.len() > 3);
    let specific: Vec<_> =
        words.filter(|word| word.contains(|c: char| c.is_ascii_digit() || c == '.')).collect();
    let files = texts.iter().filter(|(path, _)| is_of_node(path) && path.ends_with(file));
    let mut first = None;
    for (path, content) in files {
        // A unit's file is the unit.
        if specific.iter().any(|word| path.ends_with(&format!("/{word}"))) {
            return Some((path.clone(), 1));
        }
        let contains = |line: &str| specific.iter().any(|word| line.contains(word));
        let found = content.lines().position(contains).map(|position| position + 1);
        first = first.or(found.map(|line| (path.clone(), line)));
    }
    first
}

/// The only line of the file with these words. nft(8) prints some rules in other words than the file.
fn line_of_rule(text: &str, rule: &str) -> Option<usize> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let wanted = words(rule);
    let mut lines = (1..).zip(text.lines()).filter(|(_, line)| words(line) == wanted);
    let (line, _) = lines.next()?;
    lines.next().is_none().then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn machine() -> FleetMachine {
        FleetMachine {
            name: "tokyo".to_owned(),
            ssh_host: Some("203.0.113.20".to_owned()),
            ssh_port: 22,
            ssh_user: "root".to_owned(),
            initialises: false,
        }
    }

    fn texts() -> TreeTexts {
        let files = [
            ("host/guards.routes", "# guards\nroute replace unreachable 10.66.66.0/24 metric 1\n"),
            ("host/sysctl.conf", "net.ipv4.ip_forward = 1\n"),
            ("host/systemd/meshwright-guards.service", "[Unit]\n"),
            ("nodes/paris/wg0.routes", "route replace 10.244.2.0/24 dev wg0\n"),
            (
                "nodes/tokyo/wg0.routes",
                "route replace 10.244.1.0/24 dev wg0\nroute replace 10.244.2.0/24 dev wg0\n",
            ),
            (
                "nodes/tokyo/nftables.conf",
                "chain input {\n\ttcp dport 22 accept\n\taccept\n\taccept\n}\n",
            ),
        ];
        files.map(|(path, text)| (path.to_owned(), text.to_owned())).into()
    }

    fn drifts(records: &str) -> Vec<String> {
        let digest = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let output = format!("meshwright-inspect\t1\ndelivery\twhole\t1\t{digest}\n{records}end\n");
        let inspection = match Inspection::parse(&output) {
            Ok(inspection) => inspection,
            Err(error) => panic!("{error}"),
        };
        let place = [("etc/meshwright/hosts".to_owned(), "host/hosts".to_owned())].into();
        let found = of_machine(&machine(), &inspection, &DeliveredState::Current, &texts(), &place);
        let shown = found.into_iter().map(|drift| {
            let line = drift.line.map_or_else(String::new, |line| format!(":{line}"));
            format!("{}{line}: {}", drift.file.unwrap_or_default(), drift.text)
        });
        shown.collect()
    }

    #[test]
    fn each_difference_has_its_line() {
        for (record, expected) in [
            (
                "difference\tguards\tthe route guard `10.66.66.0/24 metric 1` is missing",
                "host/guards.routes:2: the route guard `10.66.66.0/24 metric 1` is missing",
            ),
            (
                "difference\troutes\tthe route to the pods 10.244.2.0/24 is missing",
                "nodes/tokyo/wg0.routes:2: the route to the pods 10.244.2.0/24 is missing",
            ),
            (
                "difference\tparameters\tnet.ipv4.ip_forward is 0 instead of 1",
                "host/sysctl.conf:1: net.ipv4.ip_forward is 0 instead of 1",
            ),
            (
                "difference\tunits\tmeshwright-guards.service is not active",
                "host/systemd/meshwright-guards.service:1: meshwright-guards.service is not active",
            ),
            (
                "rule\tmissing\ttcp dport 22 accept",
                "nodes/tokyo/nftables.conf:2: the loaded firewall lacks a line: tcp dport 22 accept",
            ),
            // Two lines have these words.
            (
                "rule\tadditional\taccept",
                "nodes/tokyo/nftables.conf: the loaded firewall has a line that the file does not have: accept",
            ),
            (
                "changed\tetc/meshwright/hosts",
                "host/hosts: /etc/meshwright/hosts was changed or removed since the delivery",
            ),
            (
                "foreign\tall\ttable ip filter, chain INPUT",
                ": another program has loaded rules: table ip filter, chain INPUT",
            ),
        ] {
            assert_eq!(drifts(&format!("{record}\n")), [expected]);
        }
        assert_eq!(drifts("foreign\tsome\ttable ip f2b, chain INPUT\n"), Vec::<String>::new());
    }

    /// The firewall as a whole is not named again beside its lines.
    #[test]
    fn a_firewall_is_named_once() {
        let whole = "difference\tfirewall\tthe firewall is not loaded\n";
        assert_eq!(drifts(whole), [": the firewall is not loaded"]);
        let line = "rule\tmissing\ttcp dport 22 accept\n";
        assert_eq!(drifts(&format!("{whole}{line}")).len(), 1);
    }

    #[test]
    fn objects_are_of_their_file() {
        let record = |result, text: &str| ObjectRecord {
            result,
            file: "hello/hello.yaml".to_owned(),
            text: text.to_owned(),
        };
        let objects = [
            record(ObjectResult::Same, ""),
            record(ObjectResult::Differs, "apps.v1.Deployment.hello.hello"),
            record(ObjectResult::Unanswered, "connection refused"),
        ];
        let found = of_objects(&machine(), &objects);
        let texts: Vec<_> = found.iter().map(|drift| drift.text.as_str()).collect();
        let expected = [
            "the cluster does not have these objects as in the file: apps.v1.Deployment.hello.hello",
            "the API server does not say: connection refused",
        ];
        assert_eq!(texts, expected);
        assert_eq!(found[0].file.as_deref(), Some("cluster/hello/hello.yaml"));
    }
}
