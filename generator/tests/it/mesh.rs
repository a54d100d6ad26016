//! Topologies of any size.

#![expect(clippy::expect_used, reason = "clippy knows tests by their attribute, not their helpers")]

use std::fmt::Write as _;
use std::ops::RangeInclusive;

use meshwright_value::PublicKey;

/// A full mesh of public nodes with these ids, at most 4000. The lowest is the control plane.
pub(crate) fn topology(ids: RangeInclusive<u32>) -> String {
    let mut text = String::from(
        "[cluster]\nname = \"mesh\"\nkubernetes_version = \"1.36.3\"\n\
         [network]\nnode_subnet = \"10.64.0.0/20\"\npod_subnet = \"10.128.0.0/12\"\n\
         [kube_proxy]\nmode = \"nftables\"\n[ingress]\ncontroller = \"traefik\"\n\
         [firewall]\nssh_from = [\"198.51.100.0/24\"]\n",
    );
    let control_plane = *ids.start();
    for id in ids {
        let role = if id == control_plane { "control-plane" } else { "worker" };
        let (high, low) = (id / 250, id % 250 + 1);
        let mut key = [7; 32];
        key[..4].copy_from_slice(&id.to_be_bytes());
        let key = PublicKey::new(key);
        write!(
            text,
            "[[nodes]]\nname = \"node{id}\"\nid = {id}\nrole = \"{role}\"\n\
             endpoint = \"203.0.{high}.{low}\"\npublic_key = \"{key}\"\n"
        )
        .expect("a String takes everything");
    }
    text
}
