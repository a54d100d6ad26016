//! The commands in the documentation run as they stand, in their order, by somebody who has just
//! begun. Those of docs/secrets.md are in [`crate::secrets`], which has what they need.

use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::namespace::outside;
use crate::need::Need;

pub(crate) const NEEDS: &[Need] = &[Need { probe: "type git tar", missing: "no git or tar" }];

/// Each document, with the cluster that its reader has already, and what must have come of it.
const DOCUMENTS: [(&str, &str, &str); 2] = [
    (
        "README.md",
        "",
        "git ls-files | grep -qx out/nodes/tokyo/wg0.conf && [[ -z $(git ls-files secrets) ]]",
    ),
    ("docs/operations.md", CLUSTER, "[[ $(wc -l <../asked) == 3 ]]"),
];

/// What README.md leaves behind.
const CLUSTER: &str = "
mkdir my-cluster && cd my-cluster && git init --quiet
meshwright init --name atlas --node tokyo=203.0.113.10 --node home=nat
meshwright keys && meshwright generate
git add . && git commit --quiet --message 'the cluster'
";

/// This program is what cargo has installed, and there is neither a machine nor a cluster: what is
/// sent to one has to be whole, and each command to the other is noted.
const PRELUDE: &str = r#"
cd "$1"
export HOME=$PWD asked=$PWD/asked
export GIT_AUTHOR_NAME=reader GIT_AUTHOR_EMAIL=reader@example.com
export GIT_COMMITTER_NAME=reader GIT_COMMITTER_EMAIL=reader@example.com
meshwright() { "$MESHWRIGHT" "$@"; }
cargo() { :; }
kubectl() { echo "kubectl $*" >>"$asked"; }
ssh() {
  [[ $(tar -t | tail -n 1) == etc/meshwright/delivery ]]
  echo "ssh $*" >>"$asked"
}
"#;

pub(crate) fn trials() -> impl Iterator<Item = Trial> {
    DOCUMENTS.into_iter().map(|(document, before, after)| {
        let name = format!("docs::run::{document}");
        Trial::test(name, move || run(document, before, after))
    })
}

fn run(document: &str, before: &str, after: &str) -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let text = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(document))?;
    let blocks = commands(&text).join("\n");
    let binary = format!("MESHWRIGHT='{}'\n", env!("CARGO_BIN_EXE_meshwright"));
    let script = [&binary, PRELUDE, before, &blocks, "\n", after].concat();
    let done = outside(&script, folder.path())?;
    match done.status.success() {
        true => Ok(()),
        false => {
            let said = [done.stdout, done.stderr].concat();
            Err(format!("{}\n{}", done.status, String::from_utf8_lossy(&said)).into())
        }
    }
}

/// What a document has its reader type: its blocks of `sh`.
pub(crate) fn commands(text: &str) -> Vec<&str> {
    text.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}
