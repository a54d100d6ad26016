//! Values that the user has added for the chart of the Ingress controller: helm merges them below those of
//! `values.yaml`.

use super::ParseError;
use super::data::{self, DataNode, DataValue};
use super::user_settings::{UserSetting, flow_style};
use meshwright_value::IngressController;

/// The values with which the controller has other names, ports or pods than the chart's own, or is reachable from
/// outside. Those of `values.yaml` are not among them: they count.
const INGRESS_NGINX: &[&str] = &[
    "controller.containerPort",
    "controller.hostNetwork",
    "controller.hostPort",
    "controller.name",
    "controller.service.external",
    "controller.service.externalIPs",
    "controller.service.internal",
    "controller.service.loadBalancerIP",
    "controller.service.ports",
    "controller.service.targetPorts",
    "nameOverride",
    "namespaceOverride",
];

const TRAEFIK: &[&str] = &[
    "deployment.enabled",
    "deployment.kind",
    "hostNetwork",
    "instanceLabelOverride",
    "nameOverride",
    "namespaceOverride",
    "ports.web.containerPort",
    "ports.web.expose",
    "ports.web.hostIP",
    "ports.web.hostPort",
    "ports.web.nodePort",
    "ports.web.targetPort",
    "ports.websecure.hostPort",
    "ports.websecure.nodePort",
    "service.additionalServices",
    "service.enabled",
    "service.externalIPs",
    "service.nameOverride",
    "service.spec.externalIPs",
    "service.spec.loadBalancerIP",
];

/// Reads the file.
///
/// # Errors
///
/// When it has another form, or a value on which a proven request depends.
pub(crate) fn read(
    text: &str,
    controller: IngressController,
) -> Result<Vec<UserSetting>, ParseError> {
    let mut documents = data::read(text)?;
    let fault = |line, message: &str| ParseError { line, message: message.to_owned() };
    let document = documents.pop().ok_or_else(|| fault(0, "it has no values"))?;
    if !documents.is_empty() {
        return Err(fault(document.root.line, "a second document is not understood here"));
    }
    let decisive = match controller {
        IngressController::IngressNginx => INGRESS_NGINX,
        IngressController::Traefik => TRAEFIK,
        IngressController::Absent => return Err(fault(0, "the tree has no chart that gets it")),
    };
    let DataValue::Map(fields) = &document.root.value else {
        return Err(fault(0, "it has no values"));
    };
    let mut values = UserValues { controller, decisive, found: Vec::new() };
    for (key, value) in fields {
        values.add(key, value)?;
    }
    Ok(values.found)
}

struct UserValues {
    controller: IngressController,
    decisive: &'static [&'static str],
    found: Vec<UserSetting>,
}

impl UserValues {
    /// Adds a value and its parts.
    fn add(&mut self, path: &str, value: &DataNode) -> Result<(), ParseError> {
        if self.decisive.contains(&path) {
            let message = format!(
                "the value `{path}` of the chart {} is not understood here",
                self.controller
            );
            return Err(ParseError { line: value.line, message });
        }
        match &value.value {
            DataValue::Map(fields) if !fields.is_empty() => {
                fields.iter().try_for_each(|(key, value)| self.add(&format!("{path}.{key}"), value))
            }
            _ => {
                let text = format!("{}'s value {path}: {}", self.controller, flow_style(value));
                self.found.push(UserSetting { text, line: value.line, is_harmless: false });
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{INGRESS_NGINX, TRAEFIK, read};
    use meshwright_value::IngressController;

    #[test]
    fn decisive_values_are_refused_at_their_line() {
        let charts = [
            (IngressController::IngressNginx, INGRESS_NGINX),
            (IngressController::Traefik, TRAEFIK),
        ];
        for (controller, decisive) in charts {
            for path in decisive {
                let nested: String = (path.split('.').enumerate())
                    .map(|(depth, key)| format!("{}{key}:\n", "  ".repeat(depth)))
                    .collect();
                let text = format!("a: 1\n{} x\n", nested.trim_end());
                let fault = read(&text, controller).unwrap_err();
                let line = u32::try_from(path.split('.').count() + 1).unwrap();
                let message =
                    format!("the value `{path}` of the chart {controller} is not understood here");
                assert_eq!((fault.line, fault.message), (line, message));
            }
        }
    }

    #[test]
    fn other_values_are_listed_with_their_paths() {
        let text =
            "controller:\n  config:\n    log-format-escape-json: \"true\"\n  tolerations: []\n";
        let read = read(text, IngressController::IngressNginx).unwrap();
        let listed: Vec<_> = read.iter().map(|one| (one.text.as_str(), one.line)).collect();
        let expected = [
            ("ingress-nginx's value controller.config.log-format-escape-json: true", 3),
            ("ingress-nginx's value controller.tolerations: []", 4),
        ];
        assert_eq!(listed, expected);
    }
}
