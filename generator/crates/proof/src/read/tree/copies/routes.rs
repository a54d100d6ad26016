//! `pod_routes` of `node.json` and `wg0.routes` have the same routes.

use std::collections::BTreeMap;

use ipnet::Ipv4Net;

use super::CopyComparison;
use crate::read::ParseError;
use crate::read::node_json::RoutesJson;
use crate::read::routes::EmittedRoute;
use crate::span::FileId;

impl CopyComparison<'_, '_> {
    pub(super) fn routes(&mut self) -> Result<(), ParseError> {
        let routes = self.files.routes;
        self.compare_routes(&self.document.pod_routes, &routes.content, routes.file)
    }

    fn compare_routes(
        &mut self,
        stated: &RoutesJson<'_>,
        emitted: &[EmittedRoute],
        file: FileId,
    ) -> Result<(), ParseError> {
        let metric = self.lines.parse::<u32>(stated.metric.get())?;
        let protocol = |route: &EmittedRoute| route.protocol.name();
        // If all lines of the other file are alike, they are right.
        if let Some(first) = emitted.first()
            && (protocol(first), first.metric) != (stated.protocol, metric.value)
            && emitted
                .iter()
                .all(|route| (protocol(route), route.metric) == (protocol(first), first.metric))
        {
            let message = format!(
                "the routes have the protocol {} and the metric {} here, and {} and {} in {}",
                stated.protocol,
                metric.value,
                protocol(first),
                first.metric,
                self.paths.show(file.line(first.line))
            );
            let part =
                if first.metric == metric.value { stated.protocol } else { stated.metric.get() };
            self.differs(self.json.line(self.lines.line_of(part)), message);
            return Ok(());
        }
        let mut unmet: BTreeMap<Ipv4Net, &EmittedRoute> = BTreeMap::new();
        for route in emitted {
            unmet.insert(route.net, route);
        }
        for text in &stated.subnets {
            let net = self.lines.parse::<Ipv4Net>(text)?;
            let Some(route) = unmet.remove(&net.value) else {
                let message = format!(
                    "a route to {text} is here, and not in {}",
                    self.paths.show(file.whole())
                );
                self.differs(self.json.line(net.line), message);
                continue;
            };
            if (protocol(route), route.metric) != (stated.protocol, metric.value) {
                let message = format!(
                    "the route to {text} has the protocol {} and the metric {}, and {} and {} in {}",
                    protocol(route),
                    route.metric,
                    stated.protocol,
                    metric.value,
                    self.paths.show(self.json.line(metric.line))
                );
                self.differs(file.line(route.line), message);
            }
        }
        for route in unmet.into_values() {
            let shown = self.paths.show(self.json.whole());
            let message = format!("a route to {} is here, and not in {shown}", route.net);
            self.differs(file.line(route.line), message);
        }
        Ok(())
    }
}
