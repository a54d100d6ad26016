//! `meshwright test`: pods and nodes call each other.

use std::io;
use std::process::Command;

use clap::Args;

use super::Status;
use super::failure::Failure;
use super::fleet::{SshArguments, machine};
use super::session::{Session, print_document};
use meshwright_compiler::diagnostic::Format;
use meshwright_compiler::plan::Plan;
use meshwright_fleet::connectivity::connection::{InternetTarget, TestedFlow, TestedNode};
use meshwright_fleet::connectivity::objects::NAMESPACE;
use meshwright_fleet::connectivity::report::{ConnectionResult, ConnectivityReport, Untested};
use meshwright_fleet::connectivity::run::{ConnectivityTest, Kubectl, TestError};
use meshwright_value::printable_lines;

const EXAMPLES: &str = "\
Examples:
  meshwright test
  meshwright test --public-names
  meshwright test --internet registry.example.com:443
  meshwright test --format json | jq -r '.results[] | select(.passed | not)'
  meshwright test --remove";

/// The answers of Cloudflare for a name whose tunnel or origin does not answer: 502 and 504, 520 to 527, and 530
/// (<https://developers.cloudflare.com/support/troubleshooting/http-status-codes/cloudflare-5xx-errors/>).
const EDGE_ERRORS: [std::ops::RangeInclusive<u16>; 4] =
    [502..=502, 504..=504, 520..=527, 530..=530];

/// Test the running cluster: pods on every node and the nodes call each other
///
/// Creates the namespace meshwright-test with one pod on every node, over your own ssh and the kubectl
/// of a control plane, and deletes it at the end. Every pod calls every pod, also with full-size packets,
/// a Service by its name, the Internet, and the metadata services of providers, which must not answer;
/// every node calls every pod, the Service, its NodePort at every node, and the public address of every
/// other node at ports that must be closed there. A run that was interrupted leaves the namespace; the
/// next run deletes it first. Exit code 1: a connection failed, or something was not tested.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Test {
    #[command(flatten)]
    ssh: SshArguments,
    /// What the pods call on the Internet: a server that answers HTTP, or closes the connection
    #[arg(long, value_name = "HOST:PORT", default_value = "cloudflare.com:443", value_parser = internet_target)]
    internet: InternetTarget,
    /// Also call each public name from here, with curl
    #[arg(long)]
    public_names: bool,
    /// The image of the pods, instead of that of `meshwright versions`; busybox is the only program in it that is used
    #[arg(long, value_name = "IMAGE")]
    image: Option<String>,
    /// How long to wait until all pods are ready
    #[arg(long, value_name = "SECONDS", default_value_t = 300)]
    timeout: u64,
    /// Only delete what an interrupted run has left
    #[arg(long)]
    remove: bool,
}

/// `HOST:PORT`. The host is written into a shell script between single quotes.
fn internet_target(text: &str) -> Result<InternetTarget, String> {
    let (host, port) = text.rsplit_once(':').ok_or("expected HOST:PORT")?;
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    if host.is_empty() || !host.chars().all(is_plain) {
        return Err(format!("`{host}` is not a valid DNS name or IPv4 address"));
    }
    let port = port.parse().map_err(|_| format!("`{port}` is not a valid port"))?;
    Ok(InternetTarget { host: host.to_owned(), port })
}

impl Test {
    pub(super) fn run(&self, session: &mut Session<'_>) -> Result<Status, Failure> {
        let compilation = session.compile()?;
        let Some(plan) = &compilation.plan else {
            session.report(&compilation.report)?;
            return Ok(Status::Findings);
        };
        let test = self.connectivity_test(plan);
        let ssh = self.ssh.ssh();
        let kubectl = Kubectl::on_first(&test.nodes, &ssh).map_err(failure)?;
        if self.remove {
            kubectl.delete().map_err(failure)?;
            session.info(format_args!("the namespace {NAMESPACE} does not exist any more"))?;
            return Ok(Status::Clean);
        }
        let mut printed = Ok(());
        let result = test.run(kubectl, |line| {
            if printed.is_ok() {
                printed = session.info(line);
            }
        });
        printed?;
        let mut report = result.map_err(failure)?;
        if self.public_names {
            call_public_names(plan, &mut report);
        }
        print(plan.name.as_str(), &report, session)?;
        Ok(Status::findings(!report.passed()))
    }

    fn connectivity_test(&self, plan: &Plan) -> ConnectivityTest {
        let tested = plan.nodes.iter().map(|node| TestedNode {
            machine: machine(plan, node),
            is_control_plane: node.is_control_plane(),
            mesh_address: node.address,
            endpoints: node.location.endpoints.clone(),
        });
        ConnectivityTest {
            nodes: tested.collect(),
            dns_domain: plan.network.dns_domain.to_string(),
            image: self.image.clone().unwrap_or_else(|| plan.versions.busybox.image.to_string()),
            timeout: self.timeout,
            internet: self.internet.clone(),
        }
    }
}

fn failure(error: TestError) -> Failure {
    let help = match &error {
        TestError::NoControlPlane(_) => "see `meshwright status`",
        TestError::Kubectl { .. } | TestError::NoObject(_) => {
            "`meshwright test --remove` deletes what is left in the cluster"
        }
    };
    Failure::usage(error.to_string(), help)
}

/// Calls the names as a visitor does. A wildcard cannot be called, nor a name for another protocol than HTTP.
fn call_public_names(plan: &Plan, report: &mut ConnectivityReport) {
    let rules = plan.tunnel.iter().flat_map(|tunnel| &tunnel.rules);
    let names = rules.filter(|rule| rule.is_http).map(|rule| rule.hostname.to_string());
    let names = names.filter(|name| !name.starts_with('*'));
    for name in names {
        match call_public_name(&name) {
            Ok((passed, seen)) => report.results.push(ConnectionResult {
                flow: TestedFlow::PublicName,
                from: "here".to_owned(),
                to: name.clone(),
                address: format!("{name}:443"),
                passed,
                seen,
            }),
            Err(error) => report.untested.push(Untested {
                what: format!("the public name {name}"),
                reason: format!("curl cannot be started: {error}"),
            }),
        }
    }
}

/// Whether the name is answered by what is behind the edge, and what was seen.
fn call_public_name(name: &str) -> io::Result<(bool, String)> {
    let mut curl = Command::new("curl");
    curl.args(["--silent", "--show-error", "--output", "/dev/null", "--max-time", "20"]);
    let done =
        curl.args(["--write-out", "%{http_code}"]).arg(format!("https://{name}/")).output()?;
    let code: Option<u16> = String::from_utf8_lossy(&done.stdout).parse().ok();
    Ok(match code.filter(|code| *code != 0) {
        Some(code) => {
            let passed = !EDGE_ERRORS.iter().any(|errors| errors.contains(&code));
            (passed, format!("HTTP status {code}"))
        }
        None => (false, String::from_utf8_lossy(&done.stderr).trim().to_owned()),
    })
}

fn print(
    cluster: &str,
    report: &ConnectivityReport,
    session: &mut Session<'_>,
) -> Result<(), Failure> {
    if session.global.format == Format::Json {
        print_document(session.out, &report.document(cluster))?;
    } else {
        write!(session.out, "{}", printable_lines(&report.text()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn internet_targets() {
        let target = InternetTarget { host: "example.com".to_owned(), port: 443 };
        assert_eq!(internet_target("example.com:443"), Ok(target));
        for (text, error) in [
            ("example.com", "expected HOST:PORT"),
            ("a'; reboot #:1", "`a'; reboot #` is not a valid DNS name or IPv4 address"),
            (":1", "`` is not a valid DNS name or IPv4 address"),
            ("example.com:0x1", "`0x1` is not a valid port"),
        ] {
            assert_eq!(internet_target(text), Err(error.to_owned()));
        }
    }
}
