//! Tests of `init --from-hosts`. `hosts/ssh` is in the place of ssh and of the hosts, and says what it cannot show.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;

use super::fleet::call;
use super::{Place, stderr_only};
use crate::snapshot;

/// A virtual machine with its own public address.
const PARIS: &str = "\
meshwright-host	1
hostname	paris.example.com
user	root
arch	x86_64
os	debian	13
dmi	sys_vendor	Hetzner
dmi	product_name	vServer
dmi	chassis_asset_tag	
connection	198.51.100.7	203.0.113.20
address	eth0	203.0.113.20/32
route	default	eth0
route	172.17.0.0/16	docker0
mtu	1500
cores	2
memory	3915776
disk	37748736
time	1764500000
wireguard	yes
has	/var/lib/docker
end
";

/// A virtual machine whose provider translates its public address.
const TOKYO: &str = "\
meshwright-host	1
hostname	ip-172-31-5-4
user	admin
arch	aarch64
os	debian	13
dmi	sys_vendor	Amazon EC2
connection	198.51.100.7	172.31.5.4
address	ens5	172.31.5.4/20
route	default	ens5
route	172.31.0.0/20	ens5
mtu	9001
cores	1
memory	941000
disk	7340032
time	1764500090
wireguard	yes
end
";

/// A machine at home, in a network that the default of `service_subnet` contains.
const HOME: &str = "\
meshwright-host	1
hostname	debian
user	ada
arch	x86_64
os	ubuntu	24.04
connection	10.100.0.9	10.100.0.20
address	enp1s0	10.100.0.20/24
route	default	enp1s0
route	10.100.0.0/24	enp1s0
mtu	1500
cores	4
memory	16000000
disk	200000000
time	1764500001
wireguard	no
end
";

/// Destination, what ssh's configuration says, and the answers.
const HOSTS: [(&str, &str, &str, &str); 3] = [
    (
        "home",
        "hostname 10.100.0.20",
        HOME,
        "meshwright-host	1\nping	203.0.113.20	24	1492\nping	203.0.113.10	230	1492\nend\n",
    ),
    (
        "root@203.0.113.20",
        "hostname 203.0.113.20",
        PARIS,
        "meshwright-host	1\nping	203.0.113.10	241	1500\nend\n",
    ),
    (
        "admin@203.0.113.10",
        "hostname 203.0.113.10",
        TOKYO,
        "meshwright-host	1\nping	203.0.113.20\nend\n",
    ),
];

fn hosts() -> Place {
    let place = Place::empty();
    fs::create_dir(place.path().join("machines")).expect("a folder");
    place.write("machines/ssh", include_str!("hosts/ssh"));
    let program = place.path().join("machines/ssh");
    fs::set_permissions(program, fs::Permissions::from_mode(0o755)).expect("executable");
    for (destination, configuration, probe, ping) in HOSTS {
        fs::create_dir(place.path().join("machines").join(destination)).expect("a folder");
        for (file, text) in [("config", configuration), ("probe", probe), ("ping", ping)] {
            place.write(&format!("machines/{destination}/{file}"), text);
        }
    }
    place
}

#[test]
fn a_topology_is_made_of_what_the_hosts_are() {
    let place = hosts();
    let destinations = HOSTS.map(|(destination, ..)| destination);
    let arguments = [&["init", "--client", "laptop", "--from-hosts"], &destinations[..]].concat();
    let (code, output, printed) = call(&place, &arguments);
    assert_eq!((code, output.as_str()), (Some(0), ""), "{printed}");
    snapshot::settings().bind(|| {
        insta::assert_snapshot!("init-from-hosts", place.read("topology.toml"));
        insta::assert_snapshot!("init-from-hosts-printed", printed);
    });
    let calls = place.read("machines/calls");
    let pings: Vec<_> = calls.lines().filter(|call| call.contains(" -- ")).collect();
    assert!(pings.contains(&"home sh -s -- 203.0.113.20 203.0.113.10"), "{pings:?}");
    assert_eq!(place.run(&["keys", "-q"]), stderr_only(0, ""));
    let (code, _, errors) = place.run(&["generate", "-q"]);
    assert_eq!(code, Some(0), "{errors}");
}

#[test]
fn a_smaller_network_gives_a_smaller_mtu() {
    let place = hosts();
    let ping = "meshwright-host	1\nping	203.0.113.10	241	1420\nend\n";
    place.write("machines/root@203.0.113.20/ping", ping);
    let arguments = ["init", "--from-hosts", "root@203.0.113.20", "admin@203.0.113.10"];
    let (code, _, printed) = call(&place, &arguments);
    assert_eq!(code, Some(0), "{printed}");
    let topology = place.read("topology.toml");
    assert!(topology.contains("mtu = 1340 # larger packets"), "{topology}");
}

#[test]
fn a_host_that_is_not_seen_is_named_and_nothing_is_written() {
    let place = hosts();
    place.write("machines/home/probe", &HOME.replace("ubuntu	24.04", "fedora	43"));
    place.write("machines/root@203.0.113.20/probe", "This account is currently not available.\n");
    let arguments = ["init", "--from-hosts", "home", "root@203.0.113.20", "nowhere"];
    let expected = "\
error: 3 hosts not seen:
         home: fedora 43 on x86_64 is not supported; valid: debian-12, debian-13, ubuntu-22.04, ubuntu-24.04, ubuntu-26.04, nixos
         root@203.0.113.20: it does not run the commands that look at it: This account is currently not available.
         nowhere: ssh: connect to host nowhere port 22: Connection timed out
";
    let (code, output, printed) = call(&place, &arguments);
    assert_eq!((code, output.as_str()), (Some(2), ""));
    assert!(printed.contains("nowhere: ssh: connect to host nowhere port 22"), "{printed}");
    assert_eq!(printed.lines().next(), expected.lines().next());
    assert!(!place.path().join("topology.toml").exists());
}
