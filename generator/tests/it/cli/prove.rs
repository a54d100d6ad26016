//! Tests of `prove` and `trace`: output formats and exit codes.

use serde_json::{Value, json};

use super::{Ended, Place};
use crate::json_schema;
use meshwright_proof::report::schema;

/// A tree of two nodes and a client, as it was generated.
fn generated() -> Place {
    let place = Place::complete();
    assert_eq!(place.run(&["generate"]).0, Some(0));
    place
}

/// The pods of tokyo are removed from the AllowedIPs of hongkong.
fn broken() -> Place {
    let place = generated();
    let conf = place.read("out/nodes/hongkong/wg0.conf");
    let claim = ", 10.244.2.0/24";
    assert!(conf.contains(claim), "{conf}");
    place.write("out/nodes/hongkong/wg0.conf", &conf.replace(claim, ""));
    place
}

/// A finding about a missing file has no source line.
#[test]
fn a_missing_file_is_reported_without_a_line() {
    let place = generated();
    std::fs::remove_file(place.path().join("out/nodes/tokyo/node.json")).expect("a file");
    let (code, stdout, stderr) = place.run(&["prove"]);
    let missing = "error[file-missing]: the file is missing\n--> out/nodes/tokyo/node.json\n\n";
    assert_eq!((code, stdout.as_str()), (Some(1), ""));
    assert!(stderr.starts_with(missing), "{stderr}");
    let github = "::error file=out/nodes/tokyo/node.json,title=file-missing::the file is missing\n";
    assert_eq!(place.run(&["prove", "--format", "github"]).1, github);
    assert_eq!(place.run(&["trace", "tokyo", "hongkong"]).2, missing);
}

/// A document that its schema accepts.
pub(super) fn parse_json(stdout: &str) -> Value {
    let document = serde_json::from_str(stdout).expect("one JSON document");
    assert_eq!(json_schema::faults(&schema::documents(), &document), [""; 0], "{stdout}");
    document
}

#[test]
fn generated_tree_is_proven() {
    let place = generated();
    let (code, stdout, stderr) = place.run(&["prove"]);
    let flows = "out/: 86 flows proven, 2 nodes, 2 ordered pairs\n";
    assert_eq!((code, stderr.as_str()), (Some(0), flows), "{stdout}");
    let lines = (Some(0), String::new(), flows.to_owned());
    assert_eq!(place.run(&["prove", "--format", "github"]), lines);
    let (code, stdout, _) = place.run(&["prove", "--format", "json"]);
    let document = parse_json(&stdout);
    assert_eq!(code, Some(0));
    let summary =
        json!({ "nodes": 2, "clients": 1, "pairs": 2, "flows": 86, "proven": 86, "failed": 0 });
    assert_eq!(document["summary"], summary);
    assert_eq!((&document["schema_version"], &document["holds"]), (&json!(2), &json!(true)));
    for empty in ["causes", "flows", "edited"] {
        assert_eq!(document[empty], json!([]), "{empty}");
    }
    let nodes = document["exposure"].as_array().expect("an array").iter();
    let conf = place.read("out/nodes/tokyo/nftables.conf");
    let mut lines = (1_u64..).zip(conf.lines());
    let line = lines.find_map(|(line, rule)| rule.contains("udp dport 51820").then_some(line));
    let exposed: Vec<_> = nodes
        .filter(|side| {
            let accepts = side["accepts"].as_array().expect("an array");
            accepts.iter().any(|one| {
                let packets = one["packets"].as_str().expect("a text");
                packets.starts_with("udp 51820 from anywhere") && one["line"].as_u64() == line
            })
        })
        .map(|side| &side["node"])
        .collect();
    assert_eq!(exposed, ["hongkong", "tokyo"]);
}

/// Without `--all`, flows that hold are only counted.
#[test]
fn all_flows_are_listed_on_request() {
    let (code, stdout, _) = generated().run(&["prove", "--format", "json", "--all"]);
    let document = parse_json(&stdout);
    let flows = document["flows"].as_array().expect("an array");
    let total = |key: &str| -> u64 {
        let counts = document["counts"].as_array().expect("an array").iter();
        counts.filter_map(|count| count[key].as_u64()).sum()
    };
    assert_eq!((code, flows.len()), (Some(0), 86));
    assert_eq!((total("proven"), total("failed")), (86, 0));
    assert!(flows.iter().all(|flow| flow["cause"].is_null() && flow["hops"] != json!([])));
}

/// A reader of `summary` or `holds` cannot take an unread tree for a proven one.
#[test]
fn an_unread_file_is_not_zero_failures() {
    let place = generated();
    let unread = [
        ("out/nodes/tokyo/wg0.conf", "[Interfaces]\n", "not-understood", 1),
        ("out/nodes/tokyo/nftables.conf", "table inet x {\n", "not-understood", 1),
        ("out/cluster/calico/felix.yaml", "", "not-understood", 1),
    ];
    for (file, text, code, line) in unread {
        let whole = place.read(file);
        place.write(file, text);
        let (exit, stdout, _) = place.run(&["prove", "--format", "json"]);
        let document = parse_json(&stdout);
        let found = [&document["holds"], &document["summary"], &document["flows"]];
        assert_eq!((exit, found), (Some(1), [&json!(false), &Value::Null, &json!([])]), "{file}");
        let first = &document["causes"][0];
        let at = json!([first["code"], first["file"], first["line"]]);
        assert_eq!(at, json!([code, file.strip_prefix("out/"), line]), "{file}");
        place.write(file, &whole);
    }
}

const EDITED: &str = "warning: out/nodes/hongkong/wg0.conf was edited after it was generated\n\
                      out/: 15 of 86 flows fail; 2 causes\n";

const NO_PEER: &str = "no peer of hongkong has 10.244.2.0 in its AllowedIPs: WireGuard drops it";
const REFUSED: &str = "hongkong drops what tokyo sends from 10.244.2.0: the AllowedIPs of that peer \
                       do not contain it";

#[test]
fn broken_tree_exits_with_1() {
    let place = broken();
    let (code, stdout, stderr) = place.run(&["prove"]);
    let causes = "\
error[source-refused]: hongkong drops what tokyo sends from 10.244.2.0: the
                       AllowedIPs of that peer do not contain it
  --> out/nodes/hongkong/wg0.conf:18:1
   |
18 | AllowedIPs = 10.66.66.2/32
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^
   | |
   | pod-pod fails from tokyo to
   | hongkong, and 8 more flows

error[no-peer-for-address]: no peer of hongkong has 10.244.2.0 in its
                            AllowedIPs: WireGuard drops it
  --> out/nodes/hongkong/wg0.conf:18:1
   |
18 | AllowedIPs = 10.66.66.2/32
   | ^^^^^^^^^^^^^^^^^^^^^^^^^^
   | |
   | pod-pod fails from hongkong
   | to tokyo, and 5 more flows

";
    assert_eq!((code, stderr), (Some(1), format!("{causes}{EDITED}")));
    assert!(stdout.contains("\npod-pod ") && stdout.contains(" FAILS "), "{stdout}");
    let place_in_file = "line=18,endLine=18,col=1,endColumn=27";
    let lines = format!(
        "::error file=out/nodes/hongkong/wg0.conf,{place_in_file},title=source-refused::{REFUSED}\n\
         ::error file=out/nodes/hongkong/wg0.conf,{place_in_file},title=no-peer-for-address::{NO_PEER}\n"
    );
    let expected: Ended = (Some(1), lines, EDITED.to_owned());
    assert_eq!(place.run(&["prove", "--format", "github"]), expected);
}

#[test]
fn broken_tree_is_one_json_document() {
    let (code, stdout, _) = broken().run(&["prove", "--format", "json"]);
    let document = parse_json(&stdout);
    assert_eq!(code, Some(1));
    let summary =
        json!({ "nodes": 2, "clients": 1, "pairs": 2, "flows": 86, "proven": 71, "failed": 15 });
    assert_eq!(document["summary"], summary);
    assert_eq!((&document["holds"], &document["flows_omitted"]), (&json!(false), &json!(0)));
    assert_eq!(document["edited"], json!(["nodes/hongkong/wg0.conf"]));
    let flows = document["flows"].as_array().expect("an array");
    assert!(flows.iter().all(|flow| !flow["cause"].is_null()));
    assert_eq!(flows.len(), 15);
    let first = json!({
        "from": "hongkong", "to": "tokyo", "flow": "pod-pod",
        "verdict": "lost", "expected": "delivered",
        "hops": [
            {
                "node": "hongkong",
                "what": "the pod sends TCP to port 8080 from 10.244.1.0 to 10.244.2.0, at \
                         most 1420 bytes",
                "file": null, "line": null,
            },
            {
                "node": "hongkong",
                "what": "routed into wg0: a static pod route, which does not depend on BGP",
                "file": "nodes/hongkong/wg0.routes", "line": 3,
            },
            {
                "node": "hongkong",
                "what": "the firewall accepts it at forward",
                "file": "nodes/hongkong/nftables.conf", "line": 106,
            },
            {
                "node": "hongkong",
                "what": "the firewall accepts it at postrouting",
                "file": "nodes/hongkong/nftables.conf", "line": 124,
            },
        ],
        "cause": cause(),
    });
    let of_cause = flows.iter().find(|flow| flow["cause"]["code"] == "no-peer-for-address");
    assert_eq!(of_cause, Some(&first));
}

fn cause() -> Value {
    let file = "nodes/hongkong/wg0.conf";
    json!({ "code": "no-peer-for-address", "file": file, "line": 18, "message": NO_PEER })
}

#[test]
fn missing_tree_exits_with_2() {
    let place = Place::complete();
    let message = "cannot read out/: No such file or directory (os error 2)";
    let stderr = format!("error: {message}\n");
    let json = json!({
        "schema_version": 1, "diagnostics": [], "holds": false, "error": { "message": message, "help": null },
    });
    let github = format!("::error title=meshwright::{message}\n");
    assert_eq!(place.run(&["prove", "--format", "github"]), (Some(2), github, stderr.clone()));
    assert_eq!(place.run(&["prove"]), (Some(2), String::new(), stderr));
    let (code, stdout, _) = place.run(&["prove", "--format", "json"]);
    assert_eq!((code, parse_json(&stdout)), (Some(2), json));
}

#[test]
fn traces_are_json_documents() {
    let whole = generated();
    let (code, stdout, _) = whole.run(&["trace", "hongkong", "pod@tokyo", "--format", "json"]);
    let there = parse_json(&stdout);
    let named = (&there["holds"], &there["flow"], &there["cause"]);
    assert_eq!((code, named), (Some(0), (&json!(true), &json!("node-pod"), &Value::Null)));
    let hops = there["hops"].as_array().expect("an array");
    let ends: Vec<_> = hops.iter().filter(|hop| hop["file"].is_null()).collect();
    let what = |hop: &&Value| format!("{}: {}", hop["node"], hop["what"]).replace('"', "");
    let expected = [
        "hongkong: the host sends TCP to port 8080 from 10.66.66.1 to 10.244.2.0, at most \
         1420 bytes",
        "tokyo: delivered to the pod 10.244.2.0",
        "tokyo: the pod sends the answer of TCP port 8080 from 10.244.2.0 to 10.66.66.1, at most \
         1420 bytes",
        "hongkong: delivered to the host, the answer of TCP port 8080",
    ];
    assert_eq!(ends.iter().map(what).collect::<Vec<_>>(), expected);

    let (code, stdout, _) = broken().run(&["trace", "hongkong", "pod@tokyo", "--format", "json"]);
    let stopped = parse_json(&stdout);
    assert_eq!((code, &stopped["cause"]), (Some(1), &cause()));
    assert_eq!(stopped["hops"].as_array().map(Vec::len), Some(3));

    let (code, stdout, _) = whole.run(&["trace", "hongkong", "pod@rome", "--format", "json"]);
    let error = json!({
        "message": "there is no node `rome` in the tree, only hongkong, tokyo",
        "help": "use a node, `pod@` and a node, a client, an address of `[[networks]]`, or `internet`",
    });
    assert_eq!((code, &parse_json(&stdout)["error"]), (Some(2), &error));
}

/// hongkong is the only control plane, and the laptop reaches Services through it; tokyo is the only node that takes pods.
#[test]
fn single_failures_are_reported_on_demand() {
    let place = generated();
    let (code, stdout, _) = place.run(&["prove", "--failures", "1"]);
    assert_eq!(code, Some(0));
    let expected = "
If one of these fails, the other machines lose:
            pairs of nodes  clients  networks  names  API
  hongkong  -               1 of 1   -         -      lost
  tokyo     -               -        -         -      -
  hongkong
    relays laptop → tokyo: Services (1 flow)
    no API: 0 of 1 control plane work, etcd needs 1; pods and Services run on, and nothing is started, moved or changed
  tokyo
    takes all pods: no other node takes pods without a toleration of its taints
  Not counted:";
    assert!(stdout.contains(expected), "{stdout}");
    let (_, stdout, _) = place.run(&["prove", "--failures", "1", "--format", "json"]);
    let failures = &parse_json(&stdout)["failures"];
    let lost = json!({ "from": "laptop", "to": "tokyo", "flows": ["client-service"] });
    let alone = json!({
        "fails": { "kind": "node", "name": "hongkong" },
        "node_pairs": { "lost": 0, "all": 2 },
        "lost": [lost],
        "networks": [],
        "api": { "answers": false, "cut_off": [], "misdirected": [] },
        "strands_pods": false,
        "names": [],
    });
    assert_eq!(failures[0], alone);
    let without = parse_json(&place.run(&["prove", "--format", "json"]).1);
    assert_eq!(without.get("failures"), None);
    let (code, _, stderr) = place.run(&["prove", "--failures", "2"]);
    assert_eq!(code, Some(2));
    assert!(stderr.contains("2 is not in 1..=1"), "{stderr}");
}
