//! Tests of `trace` and `prove` for requests from the Internet.

use std::fs;
use std::path::Path;

use serde_json::Value;

use super::Place;
use super::prove::parse_json;

/// The committed tree of a folder of this repository.
fn committed(folder: &str) -> String {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder).display().to_string()
}

#[test]
fn rejects_hostnames_that_are_not_public() {
    let place = Place::empty();
    let table = [
        (
            "out",
            "hello.exmaple.com",
            "`hello.exmaple.com` is not a hostname of the tunnel",
            "did you mean `hello.example.com`?",
        ),
        (
            "out",
            "app.invalid",
            "`app.invalid` is not a hostname of the tunnel",
            "the tunnel has hello.example.com, *.example.com",
        ),
        (
            "examples/nixos/out",
            "hello.example.com",
            "the tree has no tunnel, so no hostname is public",
            "add `[cloudflare_tunnel]` to the topology",
        ),
        (
            "out",
            "tokyo",
            "there is no flow from internet to tokyo",
            "run `meshwright prove` for the public ports of each node",
        ),
    ];
    for (folder, name, message, help) in table {
        let expected_message = format!("error: {message}\n |\n = help: {help}\n");
        let run = place.run(&["--out", &committed(folder), "trace", "internet", name]);
        assert_eq!(run, (Some(2), String::new(), expected_message), "{name}");
    }
}

#[test]
fn traces_a_hostname_of_a_wildcard() {
    let place = Place::empty();
    let out = committed("out");
    let (code, story, _) = place.run(&["--out", &out, "trace", "internet", "app.example.com"]);
    let end = "app.example.com: to the Ingress controller; the tree has no Ingress for it\n";
    assert_eq!(code, Some(0));
    assert!(story.ends_with(end), "{story}");
}

#[test]
fn json_contains_each_hop_of_a_request() {
    let place = Place::empty();
    let out = committed("out");
    let trace = ["--out", &out, "trace", "internet", "hello.example.com", "--format", "json"];
    let (code, stdout, _) = place.run(&trace);
    let document = parse_json(&stdout);
    let first = &document["hops"][0];
    assert_eq!((code, document["flow"].as_str()), (Some(0), Some("tunnel-app")));
    assert_eq!(first["node"], "visitor");
    assert_eq!(
        (first["file"].as_str(), first["line"].as_u64()),
        (Some("cluster/cloudflared/example.com.zone"), Some(3))
    );

    let (_, stdout, _) = place.run(&["--out", &out, "prove", "--format", "json"]);
    let document = parse_json(&stdout);
    let requests = document["requests"].as_array().expect("requests").iter();
    let verdicts: Vec<_> = requests.map(|one| (one["hostname"].as_str(), &one["holds"])).collect();
    let holds = |name| (Some(name), &Value::Bool(true));
    assert_eq!(verdicts, ["hello.example.com", "*.example.com"].map(holds));
}

#[test]
fn reports_an_unserved_hostname_with_its_line() {
    let place = Place::empty();
    copy(&committed("out"), &place.path().join("out"));
    let app = place.path().join("out/cluster/hello/hello.yaml");
    let text = fs::read_to_string(&app).expect("readable");
    fs::write(&app, text.replace("targetPort: http", "targetPort: web")).expect("written");

    let message = "no container of hello listens on the target port `web` of the Service hello";
    let (code, stdout, _) = place.run(&["prove", "--format", "github"]);
    let expected_message = format!(
        "::error file=out/cluster/hello/hello.yaml,line=99,endLine=99,col=5,endColumn=20,title=service-without-pods::{message}\n"
    );
    assert_eq!((code, stdout), (Some(1), expected_message));

    let (code, stdout, _) = place.run(&["prove", "--format", "json"]);
    let document = parse_json(&stdout);
    let flows = document["flows"].as_array().expect("flows").iter();
    let causes: Vec<_> =
        flows.map(|flow| &flow["cause"]).filter(|cause| !cause.is_null()).collect();
    let [cause] = causes[..] else { panic!("{causes:?}") };
    assert_eq!((code, document["summary"]["failed"].as_u64()), (Some(1), Some(1)));
    assert_eq!((cause["line"].as_u64(), cause["message"].as_str()), (Some(99), Some(message)));

    let (code, story, _) = place.run(&["trace", "internet", "hello.example.com"]);
    let end = "
It ends here:

error[service-without-pods]: no container of hello listens on the target port
                             `web` of the Service hello
  --> out/cluster/hello/hello.yaml:99:5
   |
99 |     targetPort: web
   |     ^^^^^^^^^^^^^^^

";
    assert_eq!(code, Some(1));
    assert!(story.ends_with(end), "{story}");
}

fn copy(from: &str, to: &Path) {
    for entry in walkdir::WalkDir::new(from).into_iter().map(|entry| entry.expect("an entry")) {
        let path = to.join(entry.path().strip_prefix(from).expect("below"));
        if entry.file_type().is_dir() {
            fs::create_dir_all(&path).expect("made");
        } else {
            fs::copy(entry.path(), &path).expect("copied");
        }
    }
}
