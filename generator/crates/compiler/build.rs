//! Embeds the templates, and refuses to build with one that does not parse.

#![expect(clippy::disallowed_methods, reason = "cargo speaks to build scripts by the environment")]
#![expect(clippy::use_debug, reason = "the debug form of a string is its Rust literal")]

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("templates");
    println!("cargo::rerun-if-changed={}", folder.display());
    let mut paths = fs::read_dir(&folder)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<Vec<_>, _>>()?;
    paths.sort();
    let mut table = String::from("&[\n");
    for path in paths {
        let name = path.file_stem().ok_or("a template without a name")?.to_string_lossy();
        check(&name, &path)?;
        writeln!(table, "    ({name:?}, include_str!({path:?})),")?;
    }
    table.push_str("]\n");
    fs::write(Path::new(&env::var("OUT_DIR")?).join("templates.rs"), table)?;
    Ok(())
}

fn check(name: &str, path: &Path) -> Result<(), Box<dyn Error>> {
    let text = fs::read_to_string(path)?;
    minijinja::Environment::new().add_template(name, &text)?;
    Ok(())
}
