//! The page of `meshwright report` in headless Chromium: the script runs without a message, every pair can be chosen,
//! by its button and by the page's address, and axe-core finds no violation of WCAG in both colour schemes.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use libtest_mimic::{Failed, Trial};
use meshwright::fixed::OfThisVersion;
use meshwright_proof::files::OutputDirectory;
use meshwright_proof::judge;
use tempfile::TempDir;

use crate::consumer::need;
use crate::need::Need;

pub(crate) const NEEDS: &[Need] = &[need("type chromium", "no Chromium: apt-get install chromium")];

pub(crate) const AXE_NEEDS: &[Need] =
    &[need("type axe-source", "no judges: generator/tests/consumers/judges/install")];

/// A trial for each tree, and one for a broken tree.
pub(crate) fn trials(trees: &[PathBuf]) -> Vec<Trial> {
    let clicks = trees.iter().cloned().map(|tree| {
        let name = format!("report::every_pair_can_be_chosen::{}", crate::tree_name(&tree));
        Trial::test(name, move || every_pair_can_be_chosen(&tree))
    });
    clicks.collect()
}

/// Trials with axe-core.
pub(crate) fn axe_trials(trees: &[PathBuf]) -> Vec<Trial> {
    let axe = trees.iter().cloned().flat_map(|tree| {
        ["light", "dark"].map(|scheme| {
            let name = format!("report::axe_accepts::{}_{scheme}", crate::tree_name(&tree));
            let tree = tree.clone();
            Trial::test(name, move || axe_accepts(&tree, scheme))
        })
    });
    let refuses = Trial::test("report::axe_refuses::a_picture_without_a_name", axe_refuses);
    axe.chain([refuses]).collect()
}

/// Clicks every button of the matrix, and compares the title of the walk with the label of the button.
const CLICKS: &str = "<script>
  const buttons = [...document.querySelectorAll('#matrix button')];
  const walks = buttons.filter((button) => {
    button.click();
    const title = document.querySelector('#walk h3');
    return title && title.textContent === button.getAttribute('aria-label') &&
      button.getAttribute('aria-pressed') === 'true';
  });
  const tab = buttons.filter((button) => button.tabIndex === 0).length;
  const result = document.createElement('p');
  result.id = 'result';
  result.textContent = `${buttons.length} buttons, ${walks.length} walks, ${tab} in the order of Tab`;
  document.body.append(result);
</script>";

fn page(tree: &Path) -> Result<String, Failed> {
    let proof = judge::prove_with(&OutputDirectory(tree), Some(&OfThisVersion))
        .map_err(|error| Failed::from(error.to_string()))?;
    Ok(meshwright_report::html(&proof, None))
}

/// Opens a page, and returns its document after its scripts ran, with what Chromium printed.
fn open(page: &str, hash: &str, options: &[&str]) -> Result<(String, String), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let file = folder.path().join("report.html");
    fs::write(&file, page)?;
    let done = Command::new("chromium")
        // As root, Chromium's own sandbox does not start.
        .args(["--headless", "--no-sandbox", "--disable-gpu", "--enable-logging=stderr"])
        // The trial chooses thousands of pairs at once, and each changes the address of the page.
        .arg("--disable-ipc-flooding-protection")
        .args(["--virtual-time-budget=60000", "--dump-dom"])
        .args(options)
        .arg(format!("--user-data-dir={}", folder.path().join("profile").display()))
        .arg(format!("file://{}{hash}", file.display()))
        .output()?;
    let (dom, log) = (String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr));
    if !done.status.success() {
        return Err(format!("chromium failed: {log}").into());
    }
    Ok((dom.into_owned(), log.into_owned()))
}

/// What a script added to the page has written.
fn result(dom: &str) -> Result<&str, Failed> {
    let result = dom.split("<p id=\"result\">").nth(1).and_then(|rest| rest.split("</p>").next());
    result.ok_or_else(|| "the added script wrote no result".into())
}

fn with_script(page: &str, script: &str) -> String {
    page.replace("</body>", &format!("{script}</body>"))
}

fn every_pair_can_be_chosen(tree: &Path) -> Result<(), Failed> {
    let page = page(tree)?;
    let (dom, log) = open(&with_script(&page, CLICKS), "", &[])?;
    if let Some(message) = log.lines().find(|line| line.contains("CONSOLE")) {
        return Err(format!("the console has a message: {message}").into());
    }
    let pairs = page.matches("{\"path\":").count();
    let expected =
        format!("{pairs} buttons, {pairs} walks, {} in the order of Tab", usize::from(pairs > 0));
    let found = result(&dom)?;
    if found != expected {
        return Err(format!("{found}, and the data has {pairs} pairs").into());
    }
    by_address(&page)
}

/// The address of a pair shows its walk.
fn by_address(page: &str) -> Result<(), Failed> {
    let (dom, _) = open(page, "", &[])?;
    let label = dom.split("aria-label=\"").find_map(|rest| {
        let label = rest.split('"').next()?;
        label.contains(" flows proven").then_some(label)
    });
    let Some(label) = label else { return Ok(()) };
    let (pair, _) = label.split_once(':').unwrap_or((label, ""));
    let (from, to) = pair.split_once(" to ").unwrap_or_default();
    let (dom, _) = open(page, &format!("#pair={from}/{to}"), &[])?;
    match dom.contains(&format!("<h3>{label}</h3>")) {
        true => Ok(()),
        false => Err(format!("#pair={from}/{to} does not show the walk").into()),
    }
}

fn axe_violations(page: &str, scheme: &str) -> Result<String, Failed> {
    let axe = Command::new("axe-source").output()?;
    let axe = String::from_utf8(axe.stdout)?;
    let script = format!(
        "<script>{}</script><script>
  const first = document.querySelector('#matrix button');
  if (first) first.click();
  axe.run(document).then((found) => {{
    const result = document.createElement('p');
    result.id = 'result';
    const violations = found.violations.map((one) => one.id + ' ' + one.nodes.map((node) => node.target).join(' '));
    result.textContent = `${{found.passes.length > 0}} ${{violations.join('; ')}}`;
    document.body.append(result);
  }});
</script>",
        axe.replace("</script", "<\\/script")
    );
    let options: &[&str] =
        if scheme == "dark" { &["--blink-settings=preferredColorScheme=0"] } else { &[] };
    let (dom, _) = open(&with_script(page, &script), "", options)?;
    Ok(result(&dom)?.trim().to_owned())
}

fn axe_accepts(tree: &Path, scheme: &str) -> Result<(), Failed> {
    match axe_violations(&page(tree)?, scheme)?.as_str() {
        "true" => Ok(()),
        found => Err(format!("axe-core: {found}").into()),
    }
}

/// axe-core runs and can find a fault.
fn axe_refuses() -> Result<(), Failed> {
    let tree = crate::testing::repository().join("out");
    let broken = page(&tree)?.replace(" aria-labelledby=\"map-text\"", "").replace(
        "<title id=\"map-text\">The machines and the WireGuard tunnels between them; the table of machines has the same facts</title>",
        "",
    );
    let found = axe_violations(&broken, "light")?;
    match found.contains("svg-img-alt") {
        true => Ok(()),
        false => Err(format!("axe-core accepts a picture without a name: {found}").into()),
    }
}
