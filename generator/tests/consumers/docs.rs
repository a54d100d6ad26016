//! Runs the commands in the documentation unchanged and in order, as a new user would. Those of
//! docs/secrets.md are in [`crate::secrets`], which has their requirements.

use std::fs;

use libtest_mimic::{Failed, Trial};
use tempfile::TempDir;

use crate::expect::expect_code;
use crate::namespace::outside;
use crate::need::Need;
use crate::testing;

pub(crate) const NEEDS: &[Need] = &[Need { probe: "type git tar", missing: "no git or tar" }];

/// Each document, with a script that creates the cluster that its reader has, and a script that checks the
/// result.
const DOCUMENTS: [(&str, &str, &str); 4] = [
    (
        "README.md",
        "",
        "git ls-files | grep -qx out/nodes/tokyo/wg0.conf && [[ -z $(git ls-files secrets) ]]",
    ),
    ("docs/init.md", "", "grep -qx 'name = \"laptop\"' topology.toml"),
    (
        "docs/existing-mesh.md",
        "",
        "[[ -f out/clients/phone/wg0.conf && ! -e secrets/clients/phone ]]",
    ),
    ("docs/operations.md", CLUSTER, "[[ $(wc -l <../asked) == 3 ]]"),
];

/// The cluster that README.md creates.
const CLUSTER: &str = "
mkdir my-cluster && cd my-cluster && git init --quiet
meshwright init --name atlas --node tokyo=203.0.113.10 --node home=nat
meshwright keys && meshwright generate
git add . && git commit --quiet --message 'the cluster'
";

/// This build replaces the program that cargo installs. There is no host and no cluster: a delivery must be
/// complete, and commands to the cluster are recorded.
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
    let text = fs::read_to_string(testing::repository().join(document))?;
    let blocks = commands(&text).join("\n");
    let binary = format!("MESHWRIGHT='{}'\n", env!("CARGO_BIN_EXE_meshwright"));
    let script = [&binary, PRELUDE, before, &blocks, "\n", after].concat();
    let done = outside(&script, folder.path())?;
    expect_code(&done, 0).map(drop)
}

/// The commands of a document: its blocks of `sh`.
pub(crate) fn commands(text: &str) -> Vec<&str> {
    text.split("```sh\n").skip(1).filter_map(|rest| rest.split("\n```").next()).collect()
}
