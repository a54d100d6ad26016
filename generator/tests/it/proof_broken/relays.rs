//! Pairs with several relays: the lists of both ends, and the way by each relay.

use super::{Broken, CONTROL_PLANES, Change};

const DESK: &str = "nodes/desk/wg0.relays";
const FORWARD: &str = "    # Clouds answer their hosts";

const fn broken(
    name: &'static str,
    file: &'static str,
    change: Change,
    cause: &'static str,
    place: &'static str,
) -> Broken {
    Broken { name, topology: CONTROL_PLANES, file, change, cause, place }
}

pub(super) const BROKEN: &[Broken] = &[
    broken(
        "relay-list-without-a-node",
        DESK,
        Change::Replace("cabin\t", "shed\t"),
        "relays-disagree: no node has the name shed",
        "nodes/desk/wg0.relays:1",
    ),
    broken(
        "relay-list-with-another-address",
        DESK,
        Change::Replace("cabin\t10.66.66.12\t", "cabin\t10.66.66.13\t"),
        "relays-disagree: cabin has another address",
        "nodes/desk/wg0.relays:1",
    ),
    broken(
        "relay-list-without-pods",
        DESK,
        Change::Replace("10.66.66.12/32,10.244.12.0/24\tprague", "10.66.66.12/32\tprague"),
        "relays-disagree: the addresses of cabin are 10.66.66.12/32, 10.244.12.0/24",
        "nodes/desk/wg0.relays:2",
    ),
    broken(
        "relay-list-with-another-key",
        DESK,
        Change::Replace("\tprague\t", "\tberlin\t"),
        "relays-disagree: this is not the key of berlin",
        "nodes/desk/wg0.relays:2",
    ),
    broken(
        "relay-list-with-another-address-of-a-relay",
        DESK,
        Change::Replace("\tprague\t10.66.66.2\t", "\tprague\t10.66.66.3\t"),
        "relays-disagree: prague has another address",
        "nodes/desk/wg0.relays:2",
    ),
    broken(
        "relay-list-at-one-end",
        DESK,
        Change::Remove,
        "relays-disagree: barn uses vienna, prague to desk, which lists other relays",
        "nodes/barn/wg0.relays:1",
    ),
    broken(
        "relay-list-in-another-order",
        DESK,
        Change::Replace(
            "cabin\t10.66.66.12\t10.66.66.12/32,10.244.12.0/24\tvienna\t10.66.66.1\t3Hgq+EVi+o/PLIcVm2SMzEIhJ+jA0OIiU9fq/etDBE4=\n",
            "",
        ),
        "relays-disagree: the peer of prague does not have 10.66.66.12/32",
        "nodes/desk/wg0.relays:1",
    ),
    broken(
        "second-relay-does-not-forward",
        "nodes/prague/nftables.conf",
        Change::Replace(
            FORWARD,
            "    ip saddr 10.66.66.10 ip daddr 10.66.66.12 drop\n    # Clouds answer their hosts",
        ),
        "firewall-drops: node-node from cabin to desk by way of prague: the firewall of prague drops the answer of TCP port 10250 from 10.66.66.10 to 10.66.66.12 at forward",
        "nodes/prague/nftables.conf:95",
    ),
];
