//! The modules of a crate use one another in one direction.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::fs;

use regex::Regex;
use walkdir::WalkDir;

use crate::testing::repository;

/// The modules of a crate, lowest first, each with the modules that it may use.
type Arrows = &'static [(&'static str, &'static str)];

const CRATES: [(&str, Arrows); 4] = [
    ("generator/crates/compiler/src", COMPILER),
    ("generator/crates/proof/src", PROOF),
    ("generator/crates/change/src", CHANGE),
    ("generator/src", GENERATOR),
];

const COMPILER: Arrows = &[
    ("source", ""),
    ("route", ""),
    ("artifact", ""),
    ("overlay", ""),
    ("release", ""),
    ("encode", ""),
    ("kubernetes", ""),
    ("diagnostic", "source route"),
    ("document", "source route diagnostic"),
    ("topology", "source route encode diagnostic document"),
    ("derive", "topology"),
    ("check", "diagnostic"),
    ("plan", "route release topology derive check overlay"),
    ("render", "artifact release encode kubernetes derive check plan"),
    ("rules", "route release diagnostic document topology derive check plan render"),
    ("catalogue", "diagnostic document topology check rules"),
    ("lint", "diagnostic topology check catalogue"),
    ("out", "artifact"),
    ("pipeline", "source diagnostic document topology check plan render rules lint overlay"),
];

const PROOF: Arrows = &[
    ("span", ""),
    ("space", ""),
    ("files", ""),
    ("assumption", "span"),
    ("finding", "span"),
    ("families", ""),
    ("facts", "span"),
    ("fixed", "span finding assumption families facts"),
    ("read", "span space files finding families facts fixed"),
    ("first_boot", "span files finding assumption read"),
    ("admission", "space read"),
    ("model", "admission span space finding read"),
    ("hop", "span read model"),
    ("walk", "space admission span finding read model hop"),
    ("flows", "read model hop walk"),
    ("exposure", "admission space finding read model flows"),
    ("objects", "span finding families facts fixed read"),
    ("agreement", "admission space read model exposure"),
    ("invariants", "admission span space finding read model exposure"),
    ("cause", "span finding read model hop walk flows"),
    ("trace", "finding model hop walk flows cause"),
    ("pairs", "model walk flows"),
    ("matrix", "finding model walk flows cause pairs trace"),
    ("ingress", "span finding read model hop walk flows trace"),
    ("failure", "finding model flows matrix ingress"),
    ("relays", "finding model matrix"),
    ("assumed", "span assumption read model flows"),
    ("unjudged", "span assumption read"),
    (
        "judge",
        "span files finding assumption facts fixed objects first_boot assumed unjudged read model flows cause pairs invariants relays ingress",
    ),
    (
        "report",
        "span finding assumption read model hop walk flows exposure cause trace matrix failure ingress judge",
    ),
];

const CHANGE: Arrows = &[
    ("tree", ""),
    ("part", "tree"),
    ("refusals", "tree"),
    ("state", "tree part"),
    ("order", "state"),
    ("difference", "tree state"),
    ("step", "tree part state order difference"),
    ("plan", "tree part refusals state order difference step"),
    ("report", "difference step plan"),
];

const GENERATOR: Arrows = &[
    ("file", ""),
    ("edit", ""),
    ("fixed", ""),
    ("git", ""),
    ("overlays", ""),
    ("secrets", "file"),
    ("cli", "file edit fixed git overlays secrets"),
];

#[test]
fn modules_use_only_the_modules_below_them() {
    for (folder, arrows) in CRATES {
        for (position, (module, allowed)) in arrows.iter().enumerate() {
            let is_lower = |used: &str| arrows[..position].iter().any(|(lower, _)| *lower == used);
            assert!(allowed.split_whitespace().all(is_lower), "{module} may use {allowed}");
        }
        let forbidden = forbidden_arrows(folder, arrows);
        assert!(forbidden.is_empty(), "forbidden, see arrows.rs:\n{}", forbidden.join("\n"));
    }
}

/// Each use of a module that its user may not use, with its place. Test modules may use everything.
fn forbidden_arrows(folder: &str, arrows: Arrows) -> Vec<String> {
    let root = repository().join(folder);
    let mut forbidden = Vec::new();
    let mut found = 0;
    for entry in WalkDir::new(&root).sort_by_file_name() {
        let file = entry.expect("readable").into_path();
        let below = file.strip_prefix(&root).expect("below").to_str().expect("UTF-8");
        let module = below.split('/').next().unwrap_or_default().trim_end_matches(".rs");
        if !below.ends_with(".rs") || ["lib", "main"].contains(&module) {
            continue;
        }
        let Some((_, allowed)) = arrows.iter().find(|(name, _)| *name == module) else {
            forbidden
                .push(format!("{folder}/{below}: the module {module} has no row in arrows.rs"));
            continue;
        };
        let path = crate_path(below);
        let text = fs::read_to_string(&file).expect("readable");
        let code = text.split("\n#[cfg(test)]\nmod ").next().unwrap_or_default();
        for (number, line) in (1..).zip(code.lines()) {
            let uses = path.captures_iter(line).map(|captures| captures[1].to_owned());
            let is_comment = line.trim_start().starts_with("//");
            for used in uses.filter(|used| used != module && !is_comment) {
                found += 1;
                if !allowed.split_whitespace().any(|name| name == used) {
                    let line = line.trim();
                    forbidden.push(format!("{folder}/{below}:{number}: {module} → {used}: {line}"));
                }
            }
        }
    }
    assert!(found > 5, "{folder}: {found} arrows are found");
    forbidden
}

/// Matches the module after `crate::`, or after as many `super::` as lead from this file to the root.
fn crate_path(file: &str) -> Regex {
    let module = file.trim_end_matches(".rs").trim_end_matches("/mod");
    let parents = module.matches('/').count();
    Regex::new(&format!(r"\b(?:crate|super(?:::super){{{parents}}})::(\w*)")).expect("a pattern")
}
