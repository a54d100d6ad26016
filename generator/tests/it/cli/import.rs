//! Tests of `import`: names, addresses and keys of an existing mesh, and what is not carried over.

use std::fs;

use super::{Place, stderr_only};
use crate::testing::repository;

/// As wg-meshconf 2.5.1 writes it.
const DATABASE: &str = r#""Name","Address","Endpoint","AllowedIPs","ListenPort","PersistentKeepalive","FwMark","PrivateKey","DNS","MTU","Table","PreUp","PostUp","PreDown","PostDown","SaveConfig"
"tokyo","10.1.0.1/24","tokyo.example.com","","51820","","","wElbPvLOqv1KjgM3SxyCu7qYjmeqeaUxgUtqEG9BP2o=","","","","","","","",""
"paris","10.1.0.2/24","198.51.100.20","","51821","","","iAc7YHkda19j9kh/XGdrlIWMuAt825W8TYohtOw+2Hg=","","1400","","","","","",""
"home","10.1.0.7/24","203.0.113.7","","51820","","","uItXzS21TT18QS/eK/56SyUvq48yRWW1Erwsb6YOhng=","","","","","iptables -A FORWARD -i %i -j ACCEPT","","",""
"#;

const TOKYO: &str = "[Interface]\nAddress = 10.1.0.1/24, fd00::1/64\nListenPort = 51820\n\
    PrivateKey = wElbPvLOqv1KjgM3SxyCu7qYjmeqeaUxgUtqEG9BP2o=\n\n[Peer]\n# Name: home\n\
    PublicKey = s8bcq/0cPmRkw+yAr58yvx3V75d1yWsSPv9WbJx01D0= # at home\nAllowedIPs = 10.1.0.7/32\n\
    PresharedKey = YDhGvE0Y5CbiK7ZJpYQHZz0Z0pW8Wc0kV2Qx3Y5m1Xk=\n\n[peer]\n\
    publickey = X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU=\nallowedips = 10.1.0.200/32,192.168.7.0/24\n";

const HOME: &str = "[Interface]\nAddress = 10.1.0.7\n\
    PrivateKey = uItXzS21TT18QS/eK/56SyUvq48yRWW1Erwsb6YOhng=\n\n[Peer]\n\
    PublicKey = 2nq0IBrqdaxjls2Wx3Flkh7sgK7X1QHqG61V16yE0yE=\nEndpoint = 203.0.113.10:51820\n\
    AllowedIPs = 10.1.0.0/24\n\n[Peer]\n\
    PublicKey = MMDEtiM7lrPEUqIH1mhN6cjk+1kxo5XLp4kE70Ntxgs=\nEndpoint = 203.0.113.30:51820\n\
    AllowedIPs = 10.1.0.30/32\n";

const NEXT: &str =
    "next: `meshwright keys --new-cluster`, `meshwright generate`, then `meshwright prove`\n";

fn existing() -> Place {
    let place = Place::empty();
    place.write("tokyo.conf", TOKYO);
    fs::create_dir(place.path().join("home")).expect("a folder");
    place.write("home/wg0.conf", HOME);
    place
}

#[test]
fn files_of_wg_quick_become_a_topology() {
    let place = existing();
    // The first machine with an endpoint is the control plane, whatever the order of the files.
    let (code, stdout, stderr) =
        place.run(&["import", "wg-quick", "home=home/wg0.conf", "tokyo.conf"]);
    assert_eq!((code, stdout.as_str()), (Some(0), ""), "{stderr}");
    let (head, rest) =
        stderr.split_once("warning[ssh-open-to-world]").expect("the warning of init");
    let expected = "topology.toml: 2 nodes, 1 client written\nsecrets/: 2 private keys imported\n\
        not imported:\n  \
        tokyo.conf:2: `Address`: each machine has one IPv4 address in the mesh\n  \
        tokyo.conf:10: `PresharedKey`: with `preshared_keys = true` in [wireguard], `keys` generates new ones\n  \
        home/wg0.conf:10: the peer, of which there is no file\n  \
        tokyo.conf:12: the network 192.168.7.0/24 behind a peer; see [[networks]]\n";
    assert_eq!(head, expected);
    assert!(rest.ends_with(NEXT), "{rest}");
    let text = place.read("topology.toml");
    for part in [
        "\nnode_subnet = \"10.1.0.0/24\"\n",
        "\nlisten_port = 51820\n",
        "\nname = \"tokyo\"\nid = 1\nrole = \"control-plane\"\nos = \"debian-13\"\nendpoint = \"203.0.113.10\"\n\
         public_key = \"2nq0IBrqdaxjls2Wx3Flkh7sgK7X1QHqG61V16yE0yE=\"\n",
        "\nname = \"home\"\nid = 7\nrole = \"worker\"\nos = \"debian-13\"\n\
         public_key = \"s8bcq/0cPmRkw+yAr58yvx3V75d1yWsSPv9WbJx01D0=\"\n",
        "\nname = \"client-200\"\nid = 200\npublic_key = \"X0YDJOEJYbnSY5jk73R/V+zAjHXV3vR7PvC7SdE/BgU=\"\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    let key = &place.tree()["secrets/nodes/home/wg0.key"];
    assert_eq!(*key, (0o600, b"uItXzS21TT18QS/eK/56SyUvq48yRWW1Erwsb6YOhng=\n".to_vec()));
    for verb in [&["keys", "--new-cluster"][..], &["generate"], &["prove"]] {
        assert_eq!(place.run(&[verb, &["-q"]].concat()).0, Some(0), "{verb:?}");
    }
    // The keys are those that were imported.
    assert_eq!(place.tree()["secrets/nodes/home/wg0.key"], *key);
}

#[test]
fn the_database_of_wg_meshconf_becomes_a_topology() {
    let place = Place::empty();
    place.write("database.csv", DATABASE);
    let (code, _, stderr) =
        place.run(&["import", "wg-meshconf", "database.csv", "--name", "old", "--client", "home"]);
    assert_eq!(code, Some(0), "{stderr}");
    let listed = "not imported:\n  database.csv: record 3: `MTU`: derived from the MTUs of the networks; \
        `mtu` of [wireguard] replaces it\n  database.csv: record 4: `PostUp`: commands; the firewall is generated\n";
    assert!(stderr.contains(listed), "{stderr}");
    let text = place.read("topology.toml");
    for part in [
        "\nname = \"old\"\n",
        "\nendpoint = \"tokyo.example.com\"\n",
        "\nname = \"paris\"\nid = 2\nrole = \"worker\"\nos = \"debian-13\"\nendpoint = \"198.51.100.20\"\n",
        "\npublic_key = \"zg1NZBCuuXaeIXffXS62jiCksLem4nKSDTfnnING4As=\"\nlisten_port = 51821\n",
        "\n[[clients]]\nname = \"home\"\nid = 7\n",
    ] {
        assert!(text.contains(part), "{part}\n{text}");
    }
    assert!(place.tree().contains_key("secrets/clients/home/wg0.key"));
    assert_eq!(place.run(&["keys", "--new-cluster", "-q"]).0, Some(0));
    assert_eq!(place.run(&["generate", "-q"]).0, Some(0));
}

#[test]
fn nothing_is_written_if_a_file_is_not_understood() {
    let place = existing();
    place.write("secret.conf", "[Interface]\nPrivateKey = wElbPvLOqv1KjgM3SxyCu7qYjmeqeaUx\n");
    place.write("other.conf", &HOME.replace("10.1.0.7", "10.9.0.7"));
    place.write("none.conf", "[Interface]\nAddress = 10.1.0.9/24\n");
    place.write("nothing.csv", "");
    let before = place.tree();
    let cases: [(&[&str], &str); 8] = [
        (&["wg-quick", "secret.conf"], "secret.conf:2: `PrivateKey` is not a valid key"),
        (&["wg-quick", "none.conf"], "none.conf: `PrivateKey` is missing"),
        (
            &["wg-quick", "absent.conf"],
            "cannot read absent.conf: No such file or directory (os error 2)",
        ),
        (&["wg-quick", "tokyo.conf", "other.conf"], "other: 10.9.0.7 is not in 10.1.0.0/24"),
        (&["wg-quick", "Tokyo=tokyo.conf"], "`Tokyo` has the character `T`"),
        (&["wg-quick", "tokyo.conf", "--client", "phone"], "no file is of the client `phone`"),
        (&["wg-meshconf", "nothing.csv"], "there is no machine"),
        (&["wg-meshconf", "tokyo.conf"], "tokyo.conf: record 2: `Name` is missing"),
    ];
    for (arguments, message) in cases {
        let (code, stdout, stderr) = place.run(&[&["import"], arguments].concat());
        assert_eq!((code, stdout.as_str()), (Some(2), ""), "{arguments:?}");
        assert!(stderr.starts_with(&format!("error: {message}")), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("wElb"), "{stderr}");
    }
    // A mesh of clients has no node.
    let import = ["import", "wg-quick", "home=home/wg0.conf", "--client", "home"];
    let (code, _, stderr) = place.run(&import);
    assert_eq!(code, Some(1));
    assert!(stderr.starts_with("error[key-missing]: `nodes` is missing"), "{stderr}");
    assert!(stderr.ends_with("nothing was written\n"), "{stderr}");
    assert_eq!(place.tree(), before);
}

#[test]
fn what_exists_is_not_overwritten() {
    let place = existing();
    place.write("topology.toml", "# mine\n");
    let taken = "error: topology.toml exists already\n |\n \
                 = help: edit it, or name another file with --topology\n";
    let import = ["import", "wg-quick", "tokyo.conf", "home=home/wg0.conf"];
    assert_eq!(place.run(&import), stderr_only(2, taken));
    fs::remove_file(place.path().join("topology.toml")).expect("removed");
    // Another key of the same machine.
    fs::create_dir_all(place.path().join("secrets/nodes/tokyo")).expect("a folder");
    place.write("secrets/nodes/tokyo/wg0.key", "uItXzS21TT18QS/eK/56SyUvq48yRWW1Erwsb6YOhng=\n");
    let (code, _, stderr) = place.run(&import);
    assert_eq!(code, Some(2));
    let other = "error: secrets/nodes/tokyo/wg0.key does not contain the expected secret\n";
    assert!(stderr.starts_with(other), "{stderr}");
    assert!(!place.tree().contains_key("topology.toml"));
}

/// The page's files give the page's list.
#[test]
fn the_page_shows_what_is_not_imported() {
    let page = fs::read_to_string(repository().join("docs/existing-mesh.md")).expect("the page");
    let place = Place::empty();
    for folder in ["old", "new"] {
        fs::create_dir(place.path().join(folder)).expect("a folder");
    }
    let files = page.split("<<'EOF'\n").skip(1).filter_map(|rest| rest.split("EOF\n").next());
    for (name, text) in ["old/tokyo.conf", "old/home.conf"].into_iter().zip(files) {
        place.write(name, text);
    }
    let import =
        ["import", "-t", "new/topology.toml", "wg-quick", "old/tokyo.conf", "old/home.conf"];
    let (code, _, stderr) = place.run(&import);
    assert_eq!(code, Some(0), "{stderr}");
    let (_, list) = page.split_once("```text\nnot imported:\n").expect("the list");
    let (list, _) = list.split_once("```").expect("its end");
    let list = list.replace("../old/", "old/");
    assert!(stderr.contains(&format!("not imported:\n{list}warning")), "{list}\n{stderr}");
    assert!(place.read("new/topology.toml").contains("\nname = \"phone\"\nid = 200\n"));
}
