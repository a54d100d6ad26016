//! Damaged topologies: each is reported with a line, or is accepted.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;

use meshwright_compiler::check::Checked;
use meshwright_compiler::diagnostic::{self, Format, Report, Severity};
use meshwright_compiler::document::{self, LARGEST};
use meshwright_compiler::pipeline;
use meshwright_compiler::plan::Plan;

use crate::testing::{render, repository, topologies};

/// The number of damaged copies.
const COPIES: u64 = 500;

/// A pseudorandom sequence that is the same in every run (splitmix64: Steele, Lea and Flood,
/// "Fast splittable pseudorandom number generators", 2014).
struct Sequence(u64);

impl Sequence {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is above 0.
    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound as u64).expect("below a usize")
    }

    fn one<'a, T>(&mut self, of: &'a [T]) -> &'a T {
        &of[self.below(of.len())]
    }
}

/// A function that damages a file.
type DamageFn = fn(&mut Vec<u8>, &mut Sequence);

const DAMAGES: [(&str, DamageFn); 9] = [
    ("bytes flipped", |text, sequence| flip_bytes(text, sequence)),
    ("lines dropped", drop_lines),
    ("lines written twice", repeat_lines),
    ("lines in another order", move_lines),
    ("values swapped between keys", swap_values),
    ("huge numbers", huge_numbers),
    ("other types", other_types),
    ("cut short", cut),
    ("keys misspelt", misspell),
];

fn flip_bytes(text: &mut [u8], sequence: &mut Sequence) {
    for _ in 0..=sequence.below(8) {
        let at = sequence.below(text.len());
        text[at] ^= 1 << sequence.below(8);
    }
}

fn drop_lines(text: &mut Vec<u8>, sequence: &mut Sequence) {
    edit_lines(text, |lines| {
        for _ in 0..=sequence.below(4).min(lines.len() - 1) {
            lines.remove(sequence.below(lines.len()));
        }
    });
}

fn repeat_lines(text: &mut Vec<u8>, sequence: &mut Sequence) {
    edit_lines(text, |lines| {
        let line = sequence.one(lines).clone();
        lines.insert(sequence.below(lines.len()), line);
    });
}

fn move_lines(text: &mut Vec<u8>, sequence: &mut Sequence) {
    edit_lines(text, |lines| {
        for _ in 0..=sequence.below(4) {
            let line = lines.remove(sequence.below(lines.len()));
            lines.insert(sequence.below(lines.len() + 1), line);
        }
    });
}

fn swap_values(text: &mut Vec<u8>, sequence: &mut Sequence) {
    edit_lines(text, |lines| {
        let assignments = assignments(lines);
        if assignments.is_empty() {
            return;
        }
        let [one, other] = [(); 2].map(|()| sequence.one(&assignments).clone());
        lines[one.line] = format!("{}{}", one.key, other.value);
        lines[other.line] = format!("{}{}", other.key, one.value);
    });
}

fn huge_numbers(text: &mut Vec<u8>, sequence: &mut Sequence) {
    let numbers = [
        "99999999999999999999999999",
        "-9223372036854775808",
        "9223372036854775807",
        "4294967296",
        "-1",
        "1e999",
        "0x7fffffffffffffff",
    ];
    replace_a_value(text, sequence, &numbers);
}

fn other_types(text: &mut Vec<u8>, sequence: &mut Sequence) {
    let values =
        ["true", "[]", "{}", "\"\"", "[[], {}]", "{ a = { b = [1] } }", "2026-11-24", "nan"];
    replace_a_value(text, sequence, &values);
}

fn cut(text: &mut Vec<u8>, sequence: &mut Sequence) {
    text.truncate(sequence.below(text.len()));
}

fn misspell(text: &mut Vec<u8>, sequence: &mut Sequence) {
    edit_lines(text, |lines| {
        let assignments = assignments(lines);
        if assignments.is_empty() {
            return;
        }
        let Assignment { line, key, value } = sequence.one(&assignments);
        let mut key: Vec<_> = key.chars().collect();
        key.remove(sequence.below(key.len()));
        lines[*line] = format!("{}{value}", key.into_iter().collect::<String>());
    });
}

fn replace_a_value(text: &mut Vec<u8>, sequence: &mut Sequence, values: &[&str]) {
    edit_lines(text, |lines| {
        let assignments = assignments(lines);
        if !assignments.is_empty() {
            let Assignment { line, key, .. } = sequence.one(&assignments);
            lines[*line] = format!("{key}{}", sequence.one(values));
        }
    });
}

/// A line with a key and a value.
#[derive(Clone)]
struct Assignment {
    line: usize,
    /// Including ` = `.
    key: String,
    value: String,
}

fn assignments(lines: &[String]) -> Vec<Assignment> {
    let assignments = lines.iter().enumerate().filter_map(|(line, text)| {
        let at = text.find(" = ")? + " = ".len();
        Some(Assignment { line, key: text[..at].to_owned(), value: text[at..].to_owned() })
    });
    assignments.collect()
}

/// The examples are ASCII or UTF-8 before the first damage.
fn edit_lines(text: &mut Vec<u8>, edit: impl FnOnce(&mut Vec<String>)) {
    let whole = String::from_utf8_lossy(text).into_owned();
    let mut lines: Vec<_> = whole.split('\n').map(str::to_owned).collect();
    edit(&mut lines);
    *text = lines.join("\n").into_bytes();
}

/// The topologies that are damaged.
fn originals() -> Vec<Vec<u8>> {
    let paths = topologies().into_iter();
    paths.map(|path| fs::read(repository().join(path)).expect("readable")).collect()
}

/// Runs the pipeline as `check` does. Returns whether there is no error.
fn judge(what: &str, bytes: Vec<u8>) -> bool {
    report(what, bytes).count(Severity::Error) == 0
}

/// Runs the pipeline as `check` does, and returns its report.
fn report(what: &str, bytes: Vec<u8>) -> Report {
    let source = match document::decode("topology.toml".to_owned(), bytes) {
        Ok(source) => source,
        Err(report) => {
            assert_located(what, &report);
            return *report;
        }
    };
    let compiled = pipeline::compile(source).expect("no gap in the rules");
    let errors = compiled.report.count(Severity::Error);
    assert_eq!(compiled.plan.is_none(), errors > 0, "{what}: either a plan or an error");
    assert_located(what, &compiled.report);
    if let Some(plan) = &compiled.plan {
        assert_generates(what, plan);
    }
    compiled.report
}

/// A topology that the rules accept is rendered, and no interface has two peers for an address.
fn assert_generates(what: &str, plan: &Checked<Plan>) {
    let files = render(plan);
    for node in &plan.nodes {
        let folder = format!("nodes/{}/", node.name);
        assert!(files.keys().any(|path| path.starts_with(&folder)), "{what}: {folder} is empty");
    }
    for node in &plan.nodes {
        let peers = plan.peers(node);
        let mut nets: Vec<_> = peers.iter().flat_map(|peer| &peer.allowed_ips).collect();
        nets.sort();
        let disjoint = nets.windows(2).all(|pair| pair[0].broadcast() < pair[1].network());
        assert!(disjoint, "{what}: AllowedIPs of `{}` overlap: {nets:?}", node.name);
    }
}

/// Each diagnostic has a line of the text, and is printed.
fn assert_located(what: &str, report: &Report) {
    let lines = report.source.text.split('\n').count();
    for found in &report.diagnostics {
        let span = &found.spans[0];
        assert!(span.primary && (1..=lines).contains(&span.line), "{what}: {found:?}");
        assert!(span.column >= 1 && !found.message.is_empty(), "{what}: {found:?}");
    }
    for format in [Format::Human, Format::Json, Format::Github] {
        let mut printed = Vec::new();
        diagnostic::print(report, format, false, &mut printed).expect("a Vec takes everything");
        assert_eq!(printed.is_empty(), report.diagnostics.is_empty() && format != Format::Json);
    }
}

/// Calls `work` and prints its duration, which no test asserts.
#[expect(clippy::disallowed_types, reason = "shown to people, in no output")]
fn timed<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let start = std::time::Instant::now();
    let done = work();
    let _ = writeln!(std::io::stderr(), "{what}: {} ms", start.elapsed().as_millis());
    done
}

#[test]
fn damaged_copies_are_reported_with_a_line_or_accepted() {
    let originals = originals();
    let mut passed = 0;
    timed("500 damaged copies", || {
        for seed in 0..COPIES {
            let mut sequence = Sequence(seed);
            let mut text = sequence.one(&originals).clone();
            let mut done = Vec::new();
            for _ in 0..=sequence.below(2).min(1) {
                let (name, damage) = *sequence.one(&DAMAGES);
                if text.len() > 1 {
                    damage(&mut text, &mut sequence);
                    done.push(name);
                }
            }
            passed += usize::from(judge(&format!("seed {seed}, {done:?}"), text));
        }
    });
    // If all copies were accepted, or none, the damages would be useless.
    assert!((10..400).contains(&passed), "{passed} of {COPIES} passed");
}

/// Nesting that could exhaust the stack of a recursive parser.
#[test]
fn deep_nesting_is_reported_with_a_line() {
    let deep = 20_000;
    let texts = [
        format!("a = {}", "[".repeat(deep)),
        format!("a = {}{}", "[".repeat(deep), "]".repeat(deep)),
        format!("a = {}", "{ a = ".repeat(deep)),
        format!("a{} = 1", ".a".repeat(deep)),
        format!("[a{}]", ".a".repeat(deep)),
        format!("[[nodes]]\nlabels{} = 1", ".a".repeat(deep)),
        format!("{}\n", "[[nodes]]\n".repeat(deep / 20)),
    ];
    timed("deep nesting", || {
        for (index, text) in texts.into_iter().enumerate() {
            assert!(!judge(&format!("nesting {index}"), text.into_bytes()));
        }
    });
}

/// Large files: many lines, one line, one value, and bytes that are not text.
#[test]
fn large_files_are_reported_with_a_line() {
    let size = 256 * 1024;
    let nodes = "[[nodes]]\nname = \"a\"\nid = 1\nrole = \"worker\"\n";
    let texts: [Vec<u8>; 5] = [
        nodes.repeat(size / nodes.len() / 8).into_bytes(),
        "x".repeat(size).into_bytes(),
        format!("a = \"{}\"", "東".repeat(size / 3)).into_bytes(),
        format!("#{}\n[cluster", " ".repeat(size)).into_bytes(),
        vec![0xff; size],
    ];
    timed("large files", || {
        for (index, text) in texts.into_iter().enumerate() {
            assert!(!judge(&format!("large {index}"), text));
        }
    });
}

/// An eighth of the size that `check` accepts: enough for more than 10,000 errors. Larger files find
/// nothing else and take long without optimisation.
const LARGE: usize = LARGEST / 8;

/// Repeats `line` between a head and a tail up to a size of [`LARGE`].
fn filled(head: &str, line: impl Fn(usize) -> String, tail: &str) -> String {
    let mut text = head.to_owned();
    for number in 0.. {
        let line = line(number);
        if text.len() + line.len() + tail.len() > LARGE {
            break;
        }
        text.push_str(&line);
    }
    text + tail
}

/// Large files with as many errors as fit: the report is limited, and each error has a line. The benchmark
/// `scale` measures the time.
#[test]
fn the_report_of_a_large_file_is_limited() {
    let codes: [(&str, String, &[&str]); 14] = [
        (
            "tables of nodes",
            filled("", |_| "[[nodes]]\n".to_owned(), ""),
            &["errors-too-many", "key-missing", "value-malformed"],
        ),
        (
            "tables of clients",
            filled("", |_| "[[clients]]\n".to_owned(), ""),
            &["errors-too-many", "key-missing", "value-malformed"],
        ),
        (
            "nodes in one line",
            filled("nodes = [", |_| "{},".to_owned(), "]"),
            &["errors-too-many", "key-missing", "value-malformed"],
        ),
        (
            "elements of another type",
            filled("[firewall]\nssh_from = [", |_| "0,".to_owned(), "]"),
            &["key-missing", "type-mismatch", "value-malformed"],
        ),
        (
            "arrays of elements of another type",
            filled("nodes = [", |_| format!("{{open_ports=[{}]}},", "0,".repeat(4000)), "]"),
            &["errors-too-many", "key-missing", "type-mismatch"],
        ),
        (
            "unknown keys",
            filled("[[nodes]]\n", |number| format!("k{number}=1\n"), ""),
            &["errors-too-many", "key-missing", "key-unknown"],
        ),
        (
            "labels",
            filled("[[nodes]]\nlabels = {", |number| format!("k{number}=\"_\","), "}"),
            &["errors-too-many", "key-missing", "value-malformed"],
        ),
        (
            "lines without a key",
            filled("", |_| "=\n".to_owned(), ""),
            &["errors-too-many", "toml-syntax"],
        ),
        (
            "Windows lines without a value",
            filled("", |_| "a\r\n".to_owned(), ""),
            &["errors-too-many", "toml-syntax"],
        ),
        ("equal signs", filled("", |_| "=".to_owned(), ""), &["toml-syntax"]),
        ("open arrays", filled("nodes = ", |_| "[".to_owned(), ""), &["toml-syntax"]),
        (
            "a string of wide characters",
            filled("nodes = \"", |_| "東".to_owned(), "\""),
            &["key-missing", "type-mismatch"],
        ),
        ("comments", filled("", |_| "# 東\n".to_owned(), ""), &["key-missing"]),
        (
            "tabs",
            filled("[[nodes]]\n", |_| "\t".to_owned(), "x = 1"),
            &["key-missing", "key-unknown"],
        ),
    ];
    for (what, text, expected) in codes {
        let found = timed(what, || report(what, text.into_bytes())).diagnostics;
        let codes: BTreeSet<_> = found.iter().map(|found| found.code).collect();
        assert_eq!(codes, expected.iter().copied().collect(), "{what}");
        let limit_reports = found.iter().filter(|found| found.code == "errors-too-many").count();
        assert!(found.len() <= 10_001 && limit_reports <= 1, "{what}: {} diagnostics", found.len());
    }
}

/// Each of many names is compared with all others for a suggestion.
#[test]
fn unknown_names_are_reported_with_a_suggestion() {
    let mut text = "[cluster]\nname = \"mesh\"\nkubernetes_version = \"1.36.3\"\n".to_owned();
    for id in 1..=800 {
        write!(
            text,
            "[[nodes]]\nname = \"n{id}\"\nid = {id}\nrole = \"worker\"\nrelay = \"m{id}\"\n"
        )
        .expect("a String takes everything");
    }
    let found = timed("names", || report("names", text.into_bytes())).diagnostics;
    let unknown: Vec<_> = found.iter().filter(|found| found.code == "relay-unknown").collect();
    assert_eq!(unknown.len(), 800);
    assert_eq!(unknown[799].message, "`relay` names `m800`, which is not a node");
    assert_eq!(unknown[799].help.as_deref(), Some("did you mean `n800`?"));
}
