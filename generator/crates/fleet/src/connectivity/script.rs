//! The shell scripts that try the connections, and their records.
//!
//! A record is a line `probe TAB number TAB result TAB text`, or `failed TAB caller TAB text`. The result is `text`,
//! `connected` or `silence`.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::connection::{CallerKind, Expectation, Seen, TestPod, TestedConnection};
use super::objects::{self, NAMESPACE};

/// The number of connections that one caller tries at the same time.
const AT_ONCE: usize = 16;

/// The number of `kubectl exec` that run at the same time.
const PODS_AT_ONCE: usize = 8;

/// Ends the texts that are given to a command. No text of the test contains it.
const END: &str = "MESHWRIGHT_END";

/// The functions of a pod, for the shell of busybox 1.37.
///
/// wget ends with an error if the server answers with an error, or with something else than HTTP: then the server was
/// reached (`networking/wget.c`: "server returned error", "error getting response", "connection closed prematurely").
/// Its option -T is not in every build of busybox.
const IN_POD: &str = r#"
record() { printf 'probe\t%s\t%s\t%s\n' "$1" "$2" "$(printf %s "$3" | busybox tr '\n\t' '  ' | busybox cut -c 1-200)"; }
fetch() { busybox timeout 5 busybox wget -q -Y off -O - "http://$1:$2/$3"; }
# 124 or 143 is the result of timeout, by version.
silent() {
  case $2 in
    124 | 143) record "$1" silence 'no answer within 5 s' ;;
    *) record "$1" silence "$3" ;;
  esac
}
name() {
  if text=$(fetch "$2" "$3" name 2>&1); then record "$1" text "$text"; else silent "$1" $? "$text"; fi
}
block() {
  record "$1" text "$(fetch "$2" "$3" block 2>/dev/null | busybox wc -c)"
}
answer() {
  text=$(fetch "$2" "$3" '' 2>&1)
  status=$?
  case $status:$text in
    0:*) record "$1" connected '' ;;
    *'server returned error'* | *'error getting response'* | *'closed prematurely'*) record "$1" connected '' ;;
    *) silent "$1" "$status" "$text" ;;
  esac
}
"#;

/// The functions of a node, for bash(1): curl and wget are not on every image.
const ON_NODE: &str = r#"
record() { printf 'probe\t%s\t%s\t%s\n' "$1" "$2" "$(printf %s "$3" | tr '\r\n\t' '   ' | cut -c 1-200)"; }
# 124 is the result of timeout(1).
reason() { if (($1 == 124)); then echo 'no answer within 5 s'; else printf %s "$2" | tail -n 1; fi; }
name() {
  local text status
  text=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1" || exit 1
    printf "GET /name HTTP/1.0\r\nHost: probe\r\n\r\n" >&3 && cat <&3' "$2" "$3" 2>&1)
  status=$?
  if ((status == 0)); then record "$1" text "$(printf %s "$text" | tail -n 1)"
  else record "$1" silence "$(reason "$status" "$text")"; fi
}
answer() {
  local text status
  text=$(timeout 5 bash -c 'exec 3<>"/dev/tcp/$0/$1"' "$2" "$3" 2>&1)
  status=$?
  if ((status == 0)); then record "$1" connected ''
  else record "$1" silence "$(reason "$status" "$text")"; fi
}
"#;

/// Creates the objects and prints them, when each pod is ready or `timeout` seconds are over.
#[must_use]
pub fn create(image: &str, timeout: u64) -> String {
    let list = objects::list(image);
    let name = objects::NAME;
    format!(
        "set -u
export KUBECONFIG=/etc/kubernetes/admin.conf
kubectl delete namespace {NAMESPACE} --ignore-not-found --timeout=120s >&2 || exit 1
kubectl apply --filename - >&2 <<'{END}' || exit 1
{list}
{END}
kubectl rollout status daemonset/{name} --namespace {NAMESPACE} --timeout={timeout}s >&2 || true
kubectl get pods,services --namespace {NAMESPACE} --output json
"
    )
}

/// Deletes the objects.
#[must_use]
pub fn delete() -> String {
    format!(
        "kubectl --kubeconfig /etc/kubernetes/admin.conf delete namespace {NAMESPACE} \
         --ignore-not-found --timeout=120s >&2\n"
    )
}

/// Tries the connections of all pods, on a control plane.
#[must_use]
pub fn of_pods(pods: &[TestPod], connections: &[TestedConnection]) -> String {
    let mut script = format!(
        "set -u
export KUBECONFIG=/etc/kubernetes/admin.conf
folder=$(mktemp -d) || exit 1
trap 'rm -rf \"$folder\"' EXIT
call() {{
  kubectl exec --stdin --namespace {NAMESPACE} \"$2\" -- busybox sh -s <\"$folder/$1\" >\"$folder/$1.out\" 2>\"$folder/$1.err\" ||
    printf 'failed\\t%s\\t%s\\n' \"$1\" \"$(tail -n 1 \"$folder/$1.err\")\" >>\"$folder/$1.out\"
}}
"
    );
    for (position, pod) in pods.iter().enumerate() {
        let TestPod { node, name, .. } = pod;
        let calls = of_caller(CallerKind::Pod, node, connections);
        let _ = write!(
            script,
            "cat >\"$folder/{node}\" <<'{END}'\n{calls}{END}\ncall '{node}' '{name}' &\n"
        );
        if (position + 1).is_multiple_of(PODS_AT_ONCE) {
            script += "wait\n";
        }
    }
    script + "wait\ncat \"$folder\"/*.out\n"
}

/// Tries the connections of one caller.
#[must_use]
pub fn of_caller(caller: CallerKind, name: &str, connections: &[TestedConnection]) -> String {
    let functions = match caller {
        CallerKind::Pod => IN_POD,
        CallerKind::Node => ON_NODE,
    };
    let mut script = functions.trim_start().to_owned();
    let own = connections.iter().enumerate().filter(|(_, connection)| {
        connection.flow.caller() == Some(caller) && connection.from == name
    });
    for (count, (number, connection)) in (1..).zip(own) {
        let TestedConnection { host, port, expected, .. } = connection;
        let function = match expected {
            Expectation::Name(_) => "name",
            Expectation::Block => "block",
            Expectation::Answer | Expectation::Closed => "answer",
        };
        let _ = writeln!(script, "{function} {number} '{host}' {port} &");
        if usize::is_multiple_of(count, AT_ONCE) {
            script += "wait\n";
        }
    }
    script + "wait\n"
}

/// The records of scripts.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ConnectionRecords {
    /// What was seen, for each number of a connection.
    pub seen: BTreeMap<usize, Seen>,
    /// The callers whose script failed, each with the reason.
    pub failed: BTreeMap<String, String>,
}

impl ConnectionRecords {
    /// Adds the output of a script. Lines of other programs are left out; a connection without a record is
    /// reported as not tried.
    pub fn add(&mut self, output: &str) {
        for line in output.lines() {
            match line.split('\t').collect::<Vec<_>>()[..] {
                ["probe", number, result, text] => {
                    let Ok(number) = number.parse() else { continue };
                    let text = text.trim().to_owned();
                    let seen = match result {
                        "text" => Seen::Text(text),
                        "connected" => Seen::Connected,
                        "silence" => Seen::Silence(text),
                        _ => continue,
                    };
                    self.seen.insert(number, seen);
                }
                ["failed", caller, text] => {
                    self.failed.insert(caller.to_owned(), text.to_owned());
                }
                _ => {}
            }
        }
    }
}
