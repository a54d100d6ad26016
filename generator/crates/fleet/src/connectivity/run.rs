//! The test over ssh.

use std::collections::BTreeMap;

use serde_json::Value;

use super::connection::{
    CallerKind, InternetTarget, TestPod, TestedConnection, TestedNode, TestedObjects, connections,
};
use super::objects::NAME;
use super::report::{ConnectionResult, ConnectivityReport, Untested};
use super::script::{self, ConnectionRecords};
use crate::machine::FleetMachine;
use crate::ssh::{RemoteResult, Ssh, SshError, last_line};
use crate::survey::for_each;

/// A cluster that is tested, and how.
#[derive(Debug, Clone)]
pub struct ConnectivityTest {
    /// Its nodes, in the order of the topology.
    pub nodes: Vec<TestedNode>,
    /// The DNS domain of Services.
    pub dns_domain: String,
    /// The image of the pods.
    pub image: String,
    /// How long to wait for the pods, in seconds.
    pub timeout: u64,
    /// What the pods call on the Internet.
    pub internet: InternetTarget,
}

/// The test did not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TestError {
    /// No control plane was reached.
    #[error("no control plane was reached: {0}")]
    NoControlPlane(String),
    /// A command of kubectl(1) failed.
    #[error("kubectl on {node} failed: {reason}")]
    Kubectl {
        /// The control plane.
        node: String,
        /// The last line of its error.
        reason: String,
    },
    /// kubectl(1) printed something else than the objects.
    #[error("kubectl printed no {0}")]
    NoObject(&'static str),
}

/// A control plane that runs kubectl(1) for the test.
#[derive(Debug, Clone, Copy)]
pub struct Kubectl<'test> {
    ssh: &'test Ssh,
    machine: &'test FleetMachine,
}

impl<'test> Kubectl<'test> {
    /// The first control plane that is reached.
    ///
    /// # Errors
    ///
    /// When none is.
    pub fn on_first(nodes: &'test [TestedNode], ssh: &'test Ssh) -> Result<Self, TestError> {
        let mut reasons = Vec::new();
        for TestedNode { machine, .. } in nodes.iter().filter(|node| node.is_control_plane) {
            match ssh.run(machine, &machine.as_root("test -r /etc/kubernetes/admin.conf"), b"") {
                Ok(RemoteResult { code: 0, .. }) => return Ok(Self { ssh, machine }),
                Ok(_) => reasons.push(format!("{} has not joined the cluster", machine.name)),
                Err(error) => reasons.push(format!("{}: {error}", machine.name)),
            }
        }
        Err(TestError::NoControlPlane(reasons.join("; ")))
    }

    /// Deletes the objects of the test, also those of a run that was interrupted.
    ///
    /// # Errors
    ///
    /// When kubectl(1) fails.
    pub fn delete(self) -> Result<(), TestError> {
        self.run(&script::delete()).map(drop)
    }

    fn run(self, text: &str) -> Result<String, TestError> {
        let Self { ssh, machine } = self;
        let failed = |reason| TestError::Kubectl { node: machine.name.clone(), reason };
        let done = ssh
            .run(machine, &machine.as_root("sh -s"), text.as_bytes())
            .map_err(|error| failed(error.to_string()))?;
        match done.code {
            0 => Ok(done.output),
            _ => Err(failed(last_line(&done.errors).to_owned())),
        }
    }
}

impl ConnectivityTest {
    /// Creates the objects, tries every connection, and deletes the objects.
    ///
    /// # Errors
    ///
    /// When the objects cannot be created or deleted, or the pods cannot be called.
    pub fn run(
        &self,
        kubectl: Kubectl<'_>,
        mut progress: impl FnMut(&str),
    ) -> Result<ConnectivityReport, TestError> {
        progress("creating a pod on every node");
        let tried = self.try_all(kubectl, &mut progress);
        progress("deleting the pods");
        let deleted = kubectl.delete();
        let report = tried?;
        deleted?;
        Ok(report)
    }

    fn try_all(
        &self,
        kubectl: Kubectl<'_>,
        progress: &mut impl FnMut(&str),
    ) -> Result<ConnectivityReport, TestError> {
        let printed = kubectl.run(&script::create(&self.image, self.timeout))?;
        let objects = objects(&printed, &self.nodes)?;
        let connections = connections(&self.nodes, &objects, &self.dns_domain, &self.internet);
        progress(&format!("trying {} connections", connections.len()));
        let mut records = ConnectionRecords::default();
        records.add(&kubectl.run(&script::of_pods(&objects.pods, &connections))?);
        let mut unreached = BTreeMap::new();
        for (node, called) in self.nodes.iter().zip(self.call_from_nodes(kubectl.ssh, &connections))
        {
            match called {
                Ok(done) => records.add(&done.output),
                Err(error) => {
                    unreached.insert(node.machine.name.as_str(), error.to_string());
                }
            }
        }
        let without_pod = objects
            .without_pod
            .into_iter()
            .map(|(node, reason)| Untested { what: format!("the pod of {node}"), reason });
        let untested = without_pod.chain(unreached.iter().map(|(node, reason)| Untested {
            what: format!("calls of the node {node}"),
            reason: reason.clone(),
        }));
        let mut report =
            ConnectivityReport { untested: untested.collect(), ..ConnectivityReport::default() };
        for (number, connection) in connections.iter().enumerate() {
            // The node is in the list of what was not tested.
            let is_unreached = connection.flow.caller() == Some(CallerKind::Node)
                && unreached.contains_key(connection.from.as_str());
            if !is_unreached {
                report.results.push(result(number, connection, &records));
            }
        }
        Ok(report)
    }

    fn call_from_nodes(
        &self,
        ssh: &Ssh,
        connections: &[TestedConnection],
    ) -> Vec<Result<RemoteResult, SshError>> {
        for_each(&self.nodes, |TestedNode { machine, .. }| {
            let text = script::of_caller(CallerKind::Node, &machine.name, connections);
            ssh.run(machine, "bash -s", text.as_bytes())
        })
    }
}

fn result(
    number: usize,
    connection: &TestedConnection,
    records: &ConnectionRecords,
) -> ConnectionResult {
    let failed = records
        .failed
        .get(&connection.from)
        .filter(|_| connection.flow.caller() == Some(CallerKind::Pod));
    match records.seen.get(&number) {
        Some(seen) => ConnectionResult::of(connection, seen),
        None => {
            ConnectionResult::without_record(connection, failed.map_or("no result", String::as_str))
        }
    }
}

/// The pods and the Service, as `kubectl get --output json` prints them.
fn objects(printed: &str, nodes: &[TestedNode]) -> Result<TestedObjects, TestError> {
    let list: Value = serde_json::from_str(printed).map_err(|_| TestError::NoObject("JSON"))?;
    let items = list["items"].as_array().ok_or(TestError::NoObject("list"))?;
    let service =
        items.iter().find(|item| item["kind"] == "Service" && item["metadata"]["name"] == NAME);
    let spec = service.map(|service| &service["spec"]).ok_or(TestError::NoObject("Service"))?;
    let cluster_ip = spec["clusterIP"].as_str().and_then(|address| address.parse().ok());
    let node_port = spec["ports"][0]["nodePort"].as_u64().and_then(|port| port.try_into().ok());
    let pods: Vec<_> = items.iter().filter(|item| item["kind"] == "Pod").collect();
    let mut objects = TestedObjects {
        pods: Vec::new(),
        without_pod: Vec::new(),
        cluster_ip: cluster_ip.ok_or(TestError::NoObject("ClusterIP"))?,
        node_port: node_port.ok_or(TestError::NoObject("NodePort"))?,
    };
    for TestedNode { machine, .. } in nodes {
        let name = &machine.name;
        let own = pods.iter().filter(|pod| pod["spec"]["nodeName"] == **name);
        let ready = own.clone().find_map(|pod| ready_pod(name, pod));
        match (ready, own.clone().next()) {
            (Some(pod), _) => objects.pods.push(pod),
            (None, Some(pod)) => objects.without_pod.push((name.clone(), reason(pod))),
            (None, None) => {
                objects.without_pod.push((name.clone(), "the cluster has no such node".to_owned()));
            }
        }
    }
    Ok(objects)
}

fn ready_pod(node: &str, pod: &Value) -> Option<TestPod> {
    let conditions = pod["status"]["conditions"].as_array()?;
    let is_ready = conditions
        .iter()
        .any(|condition| condition["type"] == "Ready" && condition["status"] == "True");
    Some(TestPod {
        node: node.to_owned(),
        name: pod["metadata"]["name"].as_str().filter(|_| is_ready)?.to_owned(),
        address: pod["status"]["podIP"].as_str()?.parse().ok()?,
    })
}

/// Why a pod is not ready.
fn reason(pod: &Value) -> String {
    let waiting = &pod["status"]["containerStatuses"][0]["state"]["waiting"];
    match (waiting["reason"].as_str(), waiting["message"].as_str()) {
        (Some(reason), Some(message)) => format!("{reason}: {message}"),
        (Some(reason), None) => reason.to_owned(),
        (None, _) => "it is not ready".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::connection::{Expectation, TestedFlow};
    use super::*;
    use meshwright_value::{Endpoint, Endpoints, Text as _};
    use serde_json::json;

    fn node(name: &str, last: u8, endpoint: Option<&str>) -> TestedNode {
        let machine = FleetMachine {
            name: name.to_owned(),
            ssh_host: None,
            ssh_port: 22,
            ssh_user: "root".to_owned(),
            initialises: false,
        };
        let endpoints = endpoint.map(|text| match Endpoint::parse(text) {
            Ok(endpoint) => match Endpoints::new(endpoint, None) {
                Ok(endpoints) => endpoints,
                Err(error) => panic!("{error:?}"),
            },
            Err(error) => panic!("{error:?}"),
        });
        TestedNode {
            machine,
            is_control_plane: name == "tokyo",
            mesh_address: [10, 66, 66, last].into(),
            endpoints,
        }
    }

    fn cluster() -> (Vec<TestedNode>, TestedObjects) {
        let nodes = vec![node("tokyo", 1, Some("203.0.113.10")), node("home", 2, None)];
        let pod = |name: &str, node: &str, address: &str, ready: &str| {
            json!({
                "kind": "Pod", "metadata": { "name": name }, "spec": { "nodeName": node },
                "status": {
                    "podIP": address,
                    "conditions": [{ "type": "Ready", "status": ready }],
                    "containerStatuses": [{ "state": { "waiting": { "reason": "ErrImagePull", "message": "no route" } } }],
                },
            })
        };
        let list = json!({ "items": [
            pod("probe-1", "tokyo", "10.244.1.5", "True"),
            pod("probe-2", "home", "10.244.2.5", "False"),
            { "kind": "Service", "metadata": { "name": "probe" }, "spec": { "clusterIP": "10.96.7.7", "ports": [{ "nodePort": 30123 }] } },
        ] });
        match objects(&list.to_string(), &nodes) {
            Ok(objects) => (nodes, objects),
            Err(error) => panic!("{error}"),
        }
    }

    #[test]
    fn a_pod_that_is_not_ready_has_its_reason() {
        let (_, objects) = cluster();
        assert_eq!(objects.pods.len(), 1);
        let reason = ("home".to_owned(), "ErrImagePull: no route".to_owned());
        assert_eq!(objects.without_pod, [reason]);
        assert_eq!(super::objects("{}", &[]), Err(TestError::NoObject("list")));
    }

    /// The machine at home has no public side: nobody calls it there, and it calls that of tokyo.
    #[test]
    fn every_pair_is_called() {
        let (nodes, objects) = cluster();
        let internet = InternetTarget { host: "example.com".to_owned(), port: 443 };
        let connections = connections(&nodes, &objects, "cluster.local", &internet);
        let of = |flow| connections.iter().filter(|connection| connection.flow == flow).count();
        assert_eq!(TestedFlow::ALL.map(of), [1, 1, 1, 2, 2, 4, 1, 3, 6, 0]);
        let public =
            |connection: &&TestedConnection| connection.flow == TestedFlow::NodeToPublicPort;
        assert!(connections.iter().filter(public).all(|connection| connection.from == "home"
            && connection.host == "203.0.113.10"
            && connection.expected == Expectation::Closed));
        let text = script::of_caller(CallerKind::Node, "home", &connections);
        assert!(text.contains("answer 20 '203.0.113.10' 30123 &\n"), "{text}");
    }

    #[test]
    fn a_connection_without_record_fails() {
        let (nodes, objects) = cluster();
        let internet = InternetTarget { host: "example.com".to_owned(), port: 443 };
        let connections = connections(&nodes, &objects, "cluster.local", &internet);
        let mut records = ConnectionRecords::default();
        records.add("probe\t0\ttext\ttokyo \nprobe\t1\ttext\t262144\nprobe\t4\tconnected\t\nfailed\ttokyo\terror: killed\n");
        let results: Vec<_> =
            (0..5).map(|number| result(number, &connections[number], &records)).collect();
        let shown = results.iter().map(|result| (result.passed, result.seen.as_str()));
        let expected = [
            (true, "tokyo"),
            (true, "262144"),
            (false, "not tried: error: killed"),
            (false, "not tried: error: killed"),
            (false, "a connection was accepted"),
        ];
        assert_eq!(shown.collect::<Vec<_>>(), expected);
    }
}
