//! The proof over every protocol of the tunnel: cloudflared's policy admits what the protocol needs, and requests are
//! followed through these connections alone.

#![expect(clippy::expect_used, reason = "a test may stop if its input is missing")]

use std::fs;

use crate::proof::{Files, emitted_from, prove};
use crate::testing::{compile_text, repository};

const FILE: &str = "cluster/cloudflared/cloudflared.yaml";
const UDP: &str = "    - protocol: UDP\n      port: 7844\n";
const TCP: &str = "    - protocol: TCP\n      port: 7844\n";

/// With the rules in git, and with those at Cloudflare.
const TOPOLOGIES: [(&str, &str); 2] = [
    ("topology.toml", "    protocol: PROTOCOL\n"),
    ("examples/one-machine/topology.toml", "        - --protocol\n        - PROTOCOL\n"),
];

fn with(topology: &str, settings: &str) -> Files {
    let text = fs::read_to_string(repository().join(topology)).expect("it exists");
    let table = "[cloudflare_tunnel]\n";
    assert!(text.contains(table), "{topology} has no tunnel");
    let text = text.replacen(table, &format!("{table}{settings}"), 1);
    emitted_from(compile_text("topology.toml", text))
}

#[test]
fn each_protocol_has_its_connections() {
    for (topology, place) in TOPOLOGIES {
        for (protocol, udp, broken) in [
            ("auto", true, "UDP port 7844"),
            ("quic", true, "UDP port 7844"),
            ("http2", false, "TCP port 7844"),
        ] {
            let files = with(topology, &format!("protocol = \"{protocol}\"\n"));
            let text = &files[FILE];
            let stated = text.contains(&place.replace("PROTOCOL", protocol));
            assert_eq!(stated, protocol != "auto", "{topology}: {protocol}:\n{text}");
            assert_eq!(text.contains(UDP), udp, "{topology}: {protocol}:\n{text}");
            let proof = prove(&files);
            assert!(proof.holds(), "{:?}", proof.causes().collect::<Vec<_>>());
            let needed = if udp { UDP } else { TCP };
            let closed = text.replacen(needed, &needed.replace("7844", "7845"), 1);
            let proof = prove(&Files::from_iter(
                files.clone().into_iter().chain([(FILE.to_owned(), closed)]),
            ));
            let causes: Vec<_> = proof.causes().map(|cause| cause.message.clone()).collect();
            let expected = format!("drops packets from cloudflared to Cloudflare's edge, {broken}");
            assert!(causes.iter().any(|cause| cause.contains(&expected)), "{protocol}: {causes:?}");
        }
    }
}

/// Behind the tunnel's own keys: names with a Service of their own, and with settings.
const RULES: &str = "\
[[cloudflare_tunnel.rules]]
hostname = \"git.rules.example.com\"
service = \"ssh://gitea-ssh.gitea\"
pod_labels = { \"app.kubernetes.io/name\" = \"gitea\" }
pod_port = 2222

[[cloudflare_tunnel.rules]]
hostname = \"grafana.rules.example.com\"
service = \"https://grafana.monitoring:3000\"
pod_labels = { app = \"grafana\" }
pod_port = 3000
connect_timeout = 5
tls_timeout = 6
keep_alive_timeout = 120
keep_alive_connections = 10
http_host_header = \"grafana.internal.example.com\"
origin_server_name = \"grafana.internal\"
no_tls_verify = true
http2_origin = true
disable_chunked_encoding = true
access = { team_name = \"acme\", aud_tags = [\"4714c1358e65fe4b408ad6d432a5f878f08194bdb4752441fd56faefa9b2b6f2\"] }

";

/// A tree with [`RULES`].
fn with_rules(topology: &str) -> Files {
    let text = fs::read_to_string(repository().join(topology)).expect("it exists");
    let after = "[firewall]\n";
    assert!(text.contains(after), "{topology} has no firewall");
    let text = text.replacen(after, &format!("{RULES}{after}"), 1);
    emitted_from(compile_text("topology.toml", text))
}

#[test]
fn names_with_a_service_of_their_own_lead_there() {
    for (topology, _) in TOPOLOGIES {
        let proof = prove(&with_rules(topology));
        assert!(proof.holds(), "{:?}", proof.causes().collect::<Vec<_>>());
        let ends = |name: &str| {
            let mut requests = proof.ingress.requests.iter();
            let request = requests.find(|request| request.hostname == name).expect("it is public");
            request.end.as_ref().map(ToString::to_string)
        };
        let expected = |service: &str| {
            Some(format!("to the pods of the Service {service}, which the tree does not have"))
        };
        assert_eq!(ends("git.rules.example.com"), expected("gitea-ssh.gitea"));
        assert_eq!(ends("grafana.rules.example.com"), expected("grafana.monitoring"));
    }
}

/// The texts are those of a file with the rules in git, and of the document for Cloudflare's API.
#[test]
fn settings_of_an_origin_are_as_cloudflared_reads_them() {
    let local = &with_rules("topology.toml")[FILE];
    let remote =
        &with_rules("examples/one-machine/topology.toml")["cluster/cloudflared/configuration.json"];
    for line in
        ["connectTimeout: 5s", "tlsTimeout: 6s", "keepAliveTimeout: 120s", "noTLSVerify: true"]
    {
        assert!(local.contains(line), "no {line}:\n{local}");
    }
    for line in ["\"connectTimeout\": 5,", "\"keepAliveTimeout\": 120,", "\"http2Origin\": true,"] {
        assert!(remote.contains(line), "no {line}:\n{remote}");
    }
}

#[test]
fn the_policy_admits_the_pods_of_rules_and_no_other() {
    let files = with_rules("topology.toml");
    let changed = |from: &str, to: &str| {
        let text = files[FILE].replace(from, to);
        assert!(text != files[FILE], "{from} is not in the file");
        let changed = files.clone().into_iter().chain([(FILE.to_owned(), text)]);
        let proof = prove(&Files::from_iter(changed));
        proof.causes().map(|cause| cause.message.clone()).collect::<Vec<_>>()
    };
    let elsewhere =
        changed("kubernetes.io/metadata.name: gitea", "kubernetes.io/metadata.name: git");
    for message in [
        "there is no Service gitea-ssh.gitea in the tree, only hello.hello, ingress-nginx-controller.ingress-nginx",
        "cloudflared may connect to pods of git, and none of its rules leads to a Service there",
    ] {
        assert!(elsewhere.iter().any(|cause| cause == message), "{message}: {elsewhere:?}");
    }
    let open = changed("          required: true", "          required: false");
    let message = "requests without a token are admitted";
    assert!(open.iter().any(|cause| cause.contains(message)), "{open:?}");
}

#[test]
fn the_resources_are_those_of_the_topology() {
    let files = with("topology.toml", "memory_limit_mib = 1024\ncpu_request_millis = 250\n");
    let text = &files[FILE];
    for line in ["            cpu: 250m\n", "            memory: 1024Mi\n"] {
        assert!(text.contains(line), "no {line}:\n{text}");
    }
    let proof = prove(&files);
    assert!(proof.holds(), "{:?}", proof.causes().collect::<Vec<_>>());
}
