//! `wg pubkey` derives the same public keys as the program.

use std::fs;
use std::path::Path;
use std::process::Command;

use libtest_mimic::Failed;
use tempfile::TempDir;

use crate::namespace::outside;
use crate::need::Need;

pub(crate) const NEEDS: &[Need] = &[Need { probe: "type wg", missing: "no wireguard-tools" }];

const TOPOLOGY: &str = r#"
[cluster]
name = "pair"
kubernetes_version = "1.36.3"

[[nodes]]
name = "alpha"
id = 1
role = "control-plane"
endpoint = "203.0.113.10"

[[nodes]]
name = "beta"
id = 2
role = "worker"
endpoint = "203.0.113.20"
"#;

/// The public keys in the topology are those that `wg pubkey` derives from the stored private keys.
pub(crate) fn agree_with_wg_pubkey() -> Result<(), Failed> {
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    let topology = folder.path().join("topology.toml");
    fs::write(&topology, TOPOLOGY)?;
    let binary = env!("CARGO_BIN_EXE_meshwright");
    let made = Command::new(binary).arg("keys").arg("--topology").arg(&topology).output()?;
    if !made.status.success() {
        return Err(String::from_utf8_lossy(&made.stderr).into());
    }
    let derived = ["alpha", "beta"]
        .map(|node| derive(&folder.path().join(format!("secrets/nodes/{node}/wg0.key"))));
    let [Ok(alpha), Ok(beta)] = derived else { return Err(format!("{derived:?}").into()) };
    let text = fs::read_to_string(&topology)?;
    let published: Vec<_> = text.lines().filter(|line| line.starts_with("public_key")).collect();
    let expected = [alpha, beta].map(|key| format!("public_key = \"{key}\""));
    if published == expected {
        Ok(())
    } else {
        Err(format!("{published:?} is not {expected:?}").into())
    }
}

fn derive(private_key: &Path) -> std::io::Result<String> {
    let derived = outside(r#"wg pubkey <"$1""#, private_key)?;
    Ok(String::from_utf8_lossy(&derived.stdout).trim_end().to_owned())
}
