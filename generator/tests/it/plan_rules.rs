//! The rules about the plan and the output. A topology that passes the rules about the topology
//! passes these too, so the tests here break a plan by hand.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use meshwright_compiler::check::check;
use meshwright_compiler::diagnostic::Problems;
use meshwright_compiler::plan::Plan;
use meshwright_compiler::render::Rendering;
use meshwright_compiler::rules::output::{self, OutputSizes};
use meshwright_compiler::rules::plan::RULES;

use crate::testing::compile_text;

/// One public node, which is the relay of two nodes behind NAT, and one client.
const TOPOLOGY: &str = r#"
cluster = { name = "atlas", kubernetes_version = "1.36.2" }

[[nodes]]
name = "tokyo"
id = 1
role = "control-plane"
endpoint = "203.0.113.10"
public_key = "MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs="

[[nodes]]
name = "home"
id = 4
role = "worker"
relay = "tokyo"
public_key = "X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="

[[nodes]]
name = "attic"
id = 5
role = "worker"
public_key = "AAAAJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="

[[clients]]
name = "laptop"
id = 200
public_key = "BBBBJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU="
"#;

fn plan() -> Plan {
    let compiled = compile_text("topology.toml", TOPOLOGY.to_owned());
    (*compiled.plan.expect("the topology has no errors")).clone()
}

/// The messages of a plan that `change` has broken.
fn messages(change: impl FnOnce(&mut Plan)) -> Vec<String> {
    let mut plan = plan();
    change(&mut plan);
    let mut problems = Problems::default();
    if let Ok(plan) = check(plan, RULES, &mut problems) {
        let output = OutputSizes::measure(&Rendering::new(&plan));
        let _ = check(output, output::RULES, &mut problems);
    }
    problems.into_diagnostics().into_iter().map(|found| found.finding.message).collect()
}

#[test]
fn allowed_ips_overlap() {
    let none: [&str; 0] = [];
    assert_eq!(messages(|_| {}), none);
    let blocks = messages(|plan| plan.nodes[1].pod_subnet = plan.nodes[0].pod_subnet);
    assert_eq!(blocks, ["the peers `tokyo` and `home` have the address 10.244.1.0/24"]);
    let addresses = messages(|plan| plan.clients[0].address = plan.nodes[2].address);
    assert_eq!(addresses, ["the peers `attic` and `laptop` have the address 10.66.66.5/32"]);
    let inside = messages(|plan| plan.clients[0].address = "10.244.5.7".parse().unwrap());
    assert_eq!(inside, ["the peers `attic` and `laptop` have the address 10.244.5.7/32"]);
}

/// One finding for all nodes.
#[test]
fn user_data_is_measured() {
    let found = |limit| {
        messages(|plan| {
            plan.nodes.iter_mut().for_each(|node| node.provider.user_data_limit = limit);
        })
    };
    let none: [&str; 0] = [];
    assert_eq!(found(16_384), none);
    let [too_large] = &*found(4_000) else { unreachable!("one rule") };
    assert!(too_large.starts_with("the user-data of `tokyo` and 2 more has "), "{too_large}");
    assert!(too_large.ends_with(" bytes, and the limit is 4000"), "{too_large}");
}
