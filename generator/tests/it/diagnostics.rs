//! Diagnostics are printed as expected, whatever the text of the topology is.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use meshwright_compiler::diagnostic::{
    Diagnostic, Finding, Format, LabelPlace, Report, Severity, print,
};
use meshwright_compiler::document::Document;
use meshwright_compiler::route::{Route, Step};
use meshwright_compiler::source::Source;
use proptest::prelude::{Strategy, any, prop, prop_assert, prop_assert_eq, prop_oneof, proptest};

use crate::snapshot;

const TOPOLOGY: &str = r#"# 东京与香港
[cluster]
name = "atlas"

[network]
node_subnet = "10.244.0.0/16" # 与 pod 相同
pod_subnet = "10.244.0.0/16"

[firewall]
ssh_from = [
  "0.0.0.0/0",
]

[[nodes]]
name = "香港"
id = 1
labels = { zone = "东", rack = "7" }

[[nodes]]
name = "tokyo"
id = 1
"#;

fn nodes(index: usize) -> Route {
    Route::root().key("nodes").index(index)
}

fn network(key: &'static str) -> Route {
    Route::root().key("network").key(key)
}

fn error(code: &'static str, finding: Finding) -> Diagnostic {
    Diagnostic { code, severity: Severity::Error, finding }
}

fn warning(code: &'static str, finding: Finding) -> Diagnostic {
    Diagnostic { code, severity: Severity::Warning, finding }
}

/// One of each kind: two lines, wide characters, a table, an absent key, a default, an array.
fn diagnostics() -> Vec<Diagnostic> {
    let overlap = "node and pod subnets overlap";
    let duplicate = "two nodes have the id 1";
    let name = "`香港` is not a DNS label";
    vec![
        error(
            "subnet-overlap",
            Finding::new(overlap, &network("node_subnet"), "nodes take their addresses here")
                .and(&network("pod_subnet"), "pods take theirs here")
                .help("give the nodes a subnet of their own: node_subnet = \"10.66.66.0/24\""),
        ),
        error(
            "node-id-duplicate",
            Finding::new(duplicate, &nodes(1).key("id"), "the same id")
                .and(&nodes(0).key("id"), "already given here"),
        ),
        error("value-malformed", Finding::new(name, &nodes(0).key("name"), "not ASCII")),
        error(
            "key-missing",
            Finding::missing(
                "`nodes[0].os` is missing",
                &nodes(0).key("os"),
                "expected a string here",
            ),
        ),
        warning(
            "service-subnet-small",
            Finding::new(
                "the service subnet is small",
                &network("service_subnet"),
                "10.96.0.0/28 has 14 addresses",
            ),
        ),
        warning(
            "ssh-open-to-world",
            Finding::new(
                "everyone may try SSH",
                &Route::root().key("firewall").key("ssh_from"),
                "",
            ),
        ),
        warning(
            "ingress-missing",
            Finding::new(
                "nothing is reachable from outside",
                &Route::root().key("ingress").key("controller"),
                "none",
            ),
        ),
        error(
            "key-unknown",
            Finding::at_place(
                "there is no key `nodes[0].labels.rack`",
                LabelPlace::Key(nodes(0).key("labels").key("rack")),
                "unknown key",
            )
            .and(&nodes(0).key("labels").key("zone"), "did you mean this?"),
        ),
    ]
}

fn report(text: &str, diagnostics: Vec<Diagnostic>, allowed: usize) -> Report {
    let source = Source { name: "topology.toml".to_owned(), text: text.to_owned() };
    let (document, syntax) = Document::parse(source.clone());
    let found = syntax.into_iter().chain(diagnostics);
    let located = found.map(|diagnostic| document.locate(diagnostic)).collect();
    Report::new(source, located, allowed)
}

fn printed(report: &Report, format: Format, color: bool) -> String {
    let mut out = Vec::new();
    print(report, format, color, &mut out).expect("a Vec takes everything");
    String::from_utf8(out).expect("printers write UTF-8")
}

#[test]
fn human() {
    let text = printed(&report(TOPOLOGY, diagnostics(), 1), Format::Human, false);
    snapshot::settings().bind(|| insta::assert_snapshot!("diagnostics-human", text));
}

#[test]
fn human_in_color() {
    let overlap = diagnostics().swap_remove(0);
    let text = printed(&report(TOPOLOGY, vec![overlap], 0), Format::Human, true);
    let text = text.replace('\u{1b}', "ESC");
    snapshot::settings().bind(|| insta::assert_snapshot!("diagnostics-human-color", text));
}

#[test]
fn json() {
    let text = printed(&report(TOPOLOGY, diagnostics(), 1), Format::Json, false);
    snapshot::settings().bind(|| insta::assert_snapshot!("diagnostics-json", text));
}

#[test]
fn github() {
    let text = printed(&report(TOPOLOGY, diagnostics(), 1), Format::Github, false);
    snapshot::settings().bind(|| insta::assert_snapshot!("diagnostics-github", text));
}

#[test]
fn github_escapes() {
    let source = Source { name: "a,b:c%.toml".to_owned(), text: "x = 1\n".to_owned() };
    let finding = Finding::new("100 %, all: of it\r\nand more", &Route::root().key("x"), "")
        .help("less, please: 50 %");
    let located = Document::parse(source.clone()).0.locate(error("too-much", finding));
    let report = Report::new(source, vec![located], 0);
    assert_eq!(
        printed(&report, Format::Github, false),
        "::error file=a%2Cb%3Ac%25.toml,line=1,endLine=1,col=5,endColumn=6,title=too-much::\
         100 %25, all: of it%0D%0Aand more%0Ahelp: less, please: 50 %25\n"
    );
}

#[test]
fn nothing_found() {
    let report = report(TOPOLOGY, Vec::new(), 3);
    let formats = [Format::Human, Format::Json, Format::Github];
    assert_eq!(
        formats.map(|format| printed(&report, format, false)),
        ["", "{\n  \"schema_version\": 1,\n  \"diagnostics\": []\n}\n", ""]
    );
}

/// Tabs, CRLF, a byte order mark, a line of 600 columns and control characters.
#[test]
fn awkward_text() {
    let long = "/very".repeat(60);
    let text = format!(
        "\u{feff}[a]\r\n\tkey\t= \"v\" # 名\r\nlong = \"{long}\" \r\nafter = \"{long}\"; x\r\n\
         esc = \"\u{1b}[31m\"\r\nopen = \"no end\r\nlast ="
    );
    let a = Route::root().key("a");
    let found = vec![
        warning("tab", Finding::new("after a tab", &a.key("key"), "here")),
        warning("long", Finding::new("a long value", &a.key("long"), "all of it")),
        warning("mark", Finding::new("the first line", &a, "the header")),
        warning(
            "esc",
            Finding::new("an escape \u{1b}[31m", &a.key("key"), "\u{1b}[31m").help("\u{1b}[0m"),
        ),
    ];
    let text = printed(&report(&text, found, 0), Format::Human, false);
    snapshot::settings().bind(|| insta::assert_snapshot!("diagnostics-awkward", text));
}

/// The mistakes that people make in TOML, each in its own file.
#[test]
fn syntax() {
    let mistakes = [
        "name = atlas\n",
        "name = \"atlas\nid = 3\n",
        "name = “atlas”\n",
        "name: \"atlas\"\n",
        "name \"atlas\"\n",
        "name = \n",
        "name = \"a\"\nid = 1\nname = \"b\"\n",
        "[network]\n[network]\n",
        "[network\nmtu = 1\n",
        "[[nodes]\nid = 1\n",
        "ports = [1, 2\n\n[[nodes]]\nid = 3\nname = \"a\"\n",
        "ports = [1, 2\n",
        "ports = [1 2]\n",
        "ports = [1]]\n",
        "labels = { a = 1, b = 2\n[x]\ny = 1\n",
        "path = \"C:\\q\"\n",
        "pod_subnet = 10.244.0.0/16\n",
        "endpoint = 203.0.113.10\n",
        "id = 03\n",
        "apply = True\n",
        "apply = yes\n",
        "apply = no\n",
        "apply = yes\nports = [1,\n",
        "ports = [1,, 2]\napply = yes\n",
        "id = 1 name = \"a\"\n",
        "名字 = 1\n",
        "day = 2026-13-45\n",
        "text = \"\"\"no end\n\n",
        "name = hong kong\n",
        "name = \"a\r\nid = 1\r\n",
    ];
    let texts = mistakes.map(|text| printed(&report(text, Vec::new(), 0), Format::Human, false));
    let text = texts.join("\n----\n");
    snapshot::settings().bind(|| insta::assert_snapshot!("diagnostics-syntax", text));
}

#[test]
fn order_and_duplicates() {
    let at = |code, index: usize, label: &str| {
        warning(code, Finding::new("m", &nodes(index).key("id"), label))
    };
    let found =
        vec![at("b", 1, ""), at("b", 0, ""), at("a", 1, "x"), at("b", 1, ""), at("a", 1, "")];
    let report = report(TOPOLOGY, found, 0);
    let order = report.diagnostics.iter().map(|located| {
        let span = &located.spans[0];
        (span.line, located.code, span.label.as_str())
    });
    let order: Vec<_> = order.collect();
    assert_eq!(order, [(16, "b", ""), (21, "a", ""), (21, "a", "x"), (21, "b", "")]);
}

fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        prop::sample::select(vec![
            "\n",
            "\r\n",
            "\r",
            "\t",
            "\0",
            "\u{feff}",
            "[a]",
            "[[n]]",
            "a",
            "b",
            " = ",
            "1",
            "\"",
            "'",
            "\"\"\"",
            "[",
            "]",
            "{",
            "}",
            ",",
            ".",
            "#",
            "\\",
            "名",
            "\u{1b}",
            "é",
            "e\u{301}",
            "👩‍👧",
            "03",
            "a = \"x\"\n",
            "n = [{ a = 1 }, 2]\n",
            "[a.b]\n",
            "a.b = { c = 1 }\n",
        ])
        .prop_map(str::to_owned),
        any::<char>().prop_map(String::from),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn any_route() -> impl Strategy<Value = Route> {
    let step = prop_oneof![
        prop::sample::select(vec!["a", "b", "c", "n"]).prop_map(|key| Step::Key(key.into())),
        (0_usize..3).prop_map(Step::Index),
    ];
    prop::collection::vec(step, 0..4).prop_map(|steps| {
        steps.into_iter().fold(Route::root(), |route, step| match step {
            Step::Key(key) => route.key(key),
            Step::Index(index) => route.index(index),
        })
    })
}

proptest! {
    #[test]
    fn any_text_prints(text in any_text(), routes in prop::collection::vec(any_route(), 1..4), bytes in 0_usize..200) {
        let places = routes.iter().flat_map(|route| {
            [LabelPlace::Value(route.clone()), LabelPlace::Missing(route.clone()), LabelPlace::Key(route.clone())]
        });
        let places = places.chain([LabelPlace::Bytes(bytes..bytes + 3), LabelPlace::Bytes(bytes..0)]);
        let found = places.map(|place| {
            let mut finding = Finding::at_place("m", place, "l");
            finding = finding.and(&routes[0], "other");
            warning("code", finding)
        });
        let report = report(&text, found.collect(), 0);
        let unmarked = text.strip_prefix('\u{feff}').unwrap_or(&text);
        let lines: Vec<_> = unmarked.split('\n').collect();
        for span in report.diagnostics.iter().flat_map(|located| &located.spans) {
            prop_assert!(text.get(span.bytes.clone()).is_some());
            for (line, column) in [(span.line, span.column), (span.end_line, span.end_column)] {
                let line = lines.get(line - 1).expect("a line of the text");
                prop_assert!(column >= 1 && column <= line.chars().count() + 1);
            }
        }
        printed(&report, Format::Human, true);
        printed(&report, Format::Json, false);
        let commands = printed(&report, Format::Github, false);
        prop_assert_eq!(commands.lines().count(), report.diagnostics.len());
        let human = printed(&report, Format::Human, false);
        let arrows = human.lines().filter_map(|line| line.trim_start().strip_prefix("--> "));
        let spans = report.diagnostics.iter().map(|located| &located.spans[0]);
        let places = spans.map(|span| format!("topology.toml:{}:{}", span.line, span.column));
        prop_assert_eq!(arrows.collect::<Vec<_>>(), places.collect::<Vec<_>>());
    }
}
