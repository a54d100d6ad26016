//! What the kube-proxy of the patch release before requires of the kernel of the testing machine.

use std::fs;

use anyhow::{Context as _, Result, ensure};

use crate::command::{program, run};

/// The parameter. Only the first network namespace of a machine can change it.
const PARAMETER: &str = "/proc/sys/net/netfilter/nf_conntrack_max";

/// kubeadm's defaults of `conntrack.min` and `conntrack.maxPerCore` (Kubernetes
/// `pkg/proxy/apis/config/v1alpha1/defaults.go`).
const MINIMUM: u32 = 131_072;
const PER_CORE: u32 = 32_768;

/// kube-proxy 1.37.1 writes the parameter if it has another value than the computed one, and a machine of the lab may
/// not. 1.37.2 accepts a larger value (`pkg/proxy/conntrack/sysctls.go`, `setSysctls`).
///
/// # Errors
///
/// When it has another value; the error names the command that sets it.
pub fn check_maximum() -> Result<()> {
    let text = fs::read_to_string(PARAMETER).context(PARAMETER)?;
    let found: u32 = text.trim().parse()?;
    let cores: u32 = run(program("getconf").arg("_NPROCESSORS_ONLN"))?.trim().parse()?;
    expect_maximum(found, cores)
}

fn expect_maximum(found: u32, cores: u32) -> Result<()> {
    let required = PER_CORE.saturating_mul(cores).max(MINIMUM);
    ensure!(
        found == required,
        "the kube-proxy of `upgrades` accepts no nf_conntrack_max but {required}, and this machine has {found}: \
         sysctl --write net.netfilter.nf_conntrack_max={required}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requires_the_computed_maximum() {
        assert!(expect_maximum(131_072, 2).is_ok());
        assert!(expect_maximum(262_144, 8).is_ok());
        let refused = expect_maximum(262_144, 2).map_err(|error| error.to_string());
        let message = "the kube-proxy of `upgrades` accepts no nf_conntrack_max but 131072, and this machine has \
                       262144: sysctl --write net.netfilter.nf_conntrack_max=131072";
        assert_eq!(refused, Err(message.to_owned()));
    }
}
