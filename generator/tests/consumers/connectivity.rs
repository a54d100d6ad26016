//! The scripts of `meshwright test`, by the real busybox and bash, against real servers.

use std::path::Path;

use libtest_mimic::Failed;
use meshwright_fleet::connectivity::connection::{
    CallerKind, Expectation, Seen, TestedConnection, TestedFlow,
};
use meshwright_fleet::connectivity::script::{ConnectionRecords, of_caller};

use crate::expect::expect_text;
use crate::namespace;
use crate::need::Need;

/// The requirements of the trial.
pub(crate) const NEEDS: &[Need] = &[
    crate::consumer::NAMESPACES,
    Need { probe: "busybox httpd --help", missing: "busybox with httpd is not installed" },
];

/// A server like that of the pods, one that is not HTTP, and one that accepts and sends nothing. Nothing listens at 8083.
const SERVERS: &str = r#"
ip link set lo up
www=$(mktemp -d)
echo tokyo >"$www/name"
head -c 262144 /dev/zero >"$www/block"
busybox httpd -f -p 127.0.0.1:8080 -h "$www" &
(while :; do echo hello | busybox nc -l -p 8081; done) >/dev/null 2>&1 &
sleep 60 | busybox nc -l -p 8082 >/dev/null 2>&1 &
printf 'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf' | busybox nc -l -p 8084 >/dev/null 2>&1 &
for port in 8080 8081 8082 8084; do
  until grep -q ":$(printf %X "$port") .* 0A" /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done
done
"#;

/// A request at a port of the servers, and what each of the two callers sees.
const CALLS: [(Call, u16, &str, &str); 8] = [
    (Call::Name, 8080, "text tokyo", "text tokyo"),
    (Call::Block, 8080, "text 262144", ""),
    (Call::Answer, 8080, "connected", "connected"),
    (Call::Answer, 8081, "connected", "connected"),
    (Call::Answer, 8084, "connected", "connected"),
    // A pod needs an answer; a node sees that the connection is accepted.
    (Call::Answer, 8082, "silence no answer within 5 s", "connected"),
    (Call::Name, 8083, "silence wget: can't connect", "Connection refused"),
    (Call::Answer, 8083, "silence wget: can't connect", "Connection refused"),
];

#[derive(Clone, Copy)]
enum Call {
    Name,
    Block,
    Answer,
}

pub(crate) fn scripts_see_what_is_there() -> Result<(), Failed> {
    for (caller, name, shell) in
        [(CallerKind::Pod, "pod", "busybox sh -s"), (CallerKind::Node, "node", "bash -s")]
    {
        let connections: Vec<_> = CALLS.iter().map(|call| connection(caller, name, call)).collect();
        // No node asks for the block.
        let is_tried = |connection: &TestedConnection| {
            caller == CallerKind::Pod || connection.expected != Expectation::Block
        };
        let tried: Vec<_> = connections.into_iter().filter(is_tried).collect();
        let calls = of_caller(caller, name, &tried);
        let script = format!("{SERVERS}{shell} <<'CALLS'\n{calls}CALLS\n");
        let done = namespace::inside_with_processes(&script, Path::new(""))?;
        let mut records = ConnectionRecords::default();
        records.add(&String::from_utf8_lossy(&done.stdout));
        let expected = CALLS.iter().map(
            |(_, _, in_pod, on_node)| if caller == CallerKind::Pod { in_pod } else { on_node },
        );
        for (number, expected) in expected.filter(|text| !text.is_empty()).enumerate() {
            let seen = match records.seen.get(&number) {
                Some(Seen::Text(text)) => format!("text {text}"),
                Some(Seen::Connected) => "connected".to_owned(),
                Some(Seen::Silence(reason)) => format!("silence {reason}"),
                None => format!("no record:\n{}", String::from_utf8_lossy(&done.stderr)),
            };
            expect_text(&format!("{name}, call {number}: {seen}"), expected)?;
        }
    }
    Ok(())
}

fn connection(
    caller: CallerKind,
    name: &str,
    &(call, port, ..): &(Call, u16, &str, &str),
) -> TestedConnection {
    TestedConnection {
        flow: match caller {
            CallerKind::Pod => TestedFlow::PodToPod,
            CallerKind::Node => TestedFlow::NodeToPod,
        },
        from: name.to_owned(),
        to: "server".to_owned(),
        host: "127.0.0.1".to_owned(),
        port,
        expected: match call {
            Call::Name => Expectation::Name(["tokyo".to_owned()].into()),
            Call::Block => Expectation::Block,
            Call::Answer => Expectation::Answer,
        },
    }
}
