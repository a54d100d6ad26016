//! The volumes of a host at Oracle, which only root may reach over the network.

use super::{Change, changed};
use crate::proof::{Files, emitted_from, prove};
use crate::testing::{compile_text, repository};

const ALPHA: &str = "nodes/alpha/nftables.conf";

fn at_oracle() -> Files {
    let path = repository().join("examples/minimal/topology.toml");
    let topology = std::fs::read_to_string(path).expect("readable");
    let name = "name = \"alpha\"\n";
    let at_oracle = topology.replace(name, &format!("{name}provider = \"oracle\"\n"));
    assert_ne!(at_oracle, topology);
    emitted_from(compile_text("topology.toml", at_oracle))
}

#[test]
fn volumes_are_open_to_root_alone() {
    let files = at_oracle();
    let sound = prove(&files);
    assert!(sound.holds(), "{:?}", sound.causes().collect::<Vec<_>>());
    let every = "guard-missing: every user of alpha reaches its volumes, at port 3260";
    let broken = [
        (Change::Replace("tcp dport 3260 meta skuid 0 accept", "tcp dport 3260 accept"), every),
        (
            Change::Replace(
                "    ip daddr 169.254.0.0/16 meta l4proto tcp counter reject with tcp reset\n",
                "",
            ),
            every,
        ),
        (
            Change::Replace("169.254.2.0/24", "169.254.3.0/24"),
            "firewall-drops: root of alpha does not reach its volumes: tcp 3260 from anywhere over IPv4",
        ),
        (
            Change::Replace("meta skuid 0 accept", "meta skuid root accept"),
            "not-understood: `root` is not the number of a user",
        ),
    ];
    for (change, expected) in broken {
        let proof = prove(&changed(&files, ALPHA, &change));
        let found = proof.causes().map(|cause| format!("{}: {}", cause.code, cause.message));
        assert_eq!(found.collect::<Vec<_>>(), [expected]);
    }
}
