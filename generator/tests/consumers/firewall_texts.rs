//! The proof's reader of `nftables.conf` and nft(8) agree about the same texts. nft loads each text instead
//! of checking it: the kernel follows jumps only when it takes the rules.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

use libtest_mimic::Failed;
use meshwright_proof::finding::FindingCode;
use meshwright_proof::judge;
use tempfile::TempDir;

use crate::consumer::NAMESPACES;
use crate::namespace::inside;
use crate::need::Need;
use crate::testing;

/// The requirements of the trial.
pub(crate) const NEEDS: &[Need] = &[NAMESPACES, Need { probe: "type nft", missing: "no nftables" }];

/// Rules of an input chain that nft and the reader take.
const TAKEN_RULES: &[&str] = &[
    "ct state invalid drop",
    "ct state { established, related } accept",
    "ct state {established,related} accept",
    "ct state new , established accept",
    "ct state != established drop",
    "ct state established | related accept",
    "log",
    "log prefix \"x \" level warn",
    "log level info prefix x accept",
    "log prefix \"x\" group 2",
    "log flags all",
    "log prefix \"x\" flags ip options",
    "log flags tcp sequence,options",
    "log flags skuid",
    "log group 0 snaplen 64 queue-threshold 3",
    "limit rate 5/second accept",
    "limit rate 5/minute burst 3 packets log prefix \"x\"",
    "limit rate over 10/second drop",
    "limit rate 10 mbytes/second accept",
    "reject",
    "reject with icmpx type admin-prohibited",
    "reject with icmpx port-unreachable",
    "reject with tcp reset",
    "meta l4proto tcp reject with tcp reset",
    "reject with icmp type host-unreachable",
    "reject with icmpv6 no-route",
    "counter packets 0 bytes 0 drop",
    "counter packets 12 drop",
    "counter name c accept",
    "counter name \"c\" accept",
    "accept comment \"x; { } #\"",
    "accept comment x",
    "comment \"x\"",
    "accept # comment \u{e9}",
    "accept;",
    "; accept",
    "accept; drop",
    "jump other",
    "goto other",
    "tcp dport { 22, 80-90, } accept",
    "tcp dport { 22, 80-90, 85 } accept",
    "tcp dport { 22, 22 } accept",
    "tcp dport {\n22,\n  80\n} accept",
    "tcp dport { 22 comment \"x\", 80 } accept",
    "tcp dport 22 - 24 accept",
    "tcp dport 22 \\\n accept",
    "tcp dport ssh accept",
    "tcp dport != 22 accept",
    "tcp dport ne 22 accept",
    "tcp dport >= 1024 accept",
    "tcp dport lt 22 accept",
    "tcp dport == 22 accept",
    "sctp dport 22 accept",
    "udp sport 67 udp dport 68 accept",
    "meta l4proto { tcp, udp } th dport 53 accept",
    "meta l4proto 6 accept",
    "meta l4proto ipv6-icmp accept",
    "meta nfproto ipv4 accept",
    "meta protocol ip drop",
    "meta protocol { ip, ip6 } counter",
    "meta iifname \"lo\" accept",
    "ip protocol icmp accept",
    "ip saddr != { 10.0.0.1, 10.1.0.0/16 } drop",
    "ip saddr 10.0.0.1-10.0.0.9 accept",
    "ip saddr { 10.0.0.0/8, 10.1.0.0/16 } accept",
    "ip saddr \"10.0.0.1\" accept",
    "ip saddr @below accept",
    "ip6 saddr fe80::/10 accept",
    "icmp type { 8, echo-reply, redirect } accept",
    "icmpv6 type nd-redirect accept",
    "iifname lo accept",
    "iifname cali* accept",
    "iifname { \"cali*\", \"cali0\", lo } accept",
    "iifname != { \"lo\" } drop",
    "iifname @links accept",
    "iifname \"abcdefghijklmno\" accept",
    "iifname \"abcdefghijklmn*\" accept",
    "iif lo accept",
    "iif \"lo\" accept",
];

/// Rules that both refuse.
const REFUSED_RULES: &[&str] = &[
    "accept drop",
    "accept counter",
    "comment \"x\" accept",
    "accept comment \"x\" counter",
    "ACCEPT",
    "accept\r",
    "accept \u{a0}",
    "\u{b}accept",
    "jump input",
    "goto input",
    "jump missing",
    "jump circle",
    "tcp dport {} accept",
    "tcp dport { , 22 } accept",
    "tcp dport { 22 80 } accept",
    "tcp dport { 22, 80 accept",
    "tcp dport 65536 accept",
    "tcp dport 22-20 accept",
    "tcp\n dport 22 accept",
    "tcp dport\n 22 accept",
    "udp dport 53 tcp dport 53 accept",
    "tcp dport 22 icmp type echo-request accept",
    "meta l4proto udp tcp dport 22 accept",
    "meta l4proto { tcp, udp } tcp dport 22 accept",
    "meta l4proto foo accept",
    "ip saddr 1.1.1.1 ip6 saddr ::1 accept",
    "ip saddr 10.0.0 accept",
    "ip saddr 10.0.0.0/33 accept",
    "ip saddr ::1 accept",
    "ip saddr 10.0.0.9-10.0.0.1 accept",
    "ip saddr @missing accept",
    "ip6 saddr @below accept",
    "icmp type packet-too-big accept",
    "ct state foo drop",
    "ct status foo accept",
    "iifname \"*\" accept",
    "iifname \"\" accept",
    "iifname {} accept",
    "iifname \"abcdefghijklmnop\" accept",
    "iifname \"abcdefghijklmno*\" accept",
    "iif \"eth0\" accept",
    "limit rate 5 accept",
    "limit rate 5/fortnight accept",
    "log level foo accept",
    "log flags foo",
    "log flags tcp skuid",
    "log group 0 snaplen 64 level warn",
    "protocol ip accept",
    "iifname 'eth0' drop",
    "counter name missing accept",
    "udp dport 22 reject with tcp reset",
    "reject with icmp type foo",
    "ip6 saddr ::1 reject with icmp type host-unreachable",
    "frobnicate",
    "policy accept",
];

/// Rules that nft takes and the reader does not understand: what they match is not modelled, or depends on
/// the host.
const NOT_UNDERSTOOD_RULES: &[&str] = &[
    "meta mark 1 accept",
    "mark set 1",
    "notrack",
    "type filter hook output priority 0",
    "fib daddr type local accept",
    "ct status { dnat, snat } accept",
    "ct state vmap { established : accept, invalid : drop }",
    "tcp dport 022 accept",
    "tcp dport smtp accept",
    "th dport 53 accept",
    "ip saddr localhost accept",
    "ip6 nexthdr tcp accept",
    "continue",
];

/// Items of a table that both take.
const TAKEN_ITEMS: &[&str] = &[
    "chain a { type filter hook input priority filter + 5; }",
    "chain a { type filter hook input priority filter+5; }",
    "chain a { type filter hook input priority -5; policy drop; }",
    "chain a { type filter hook input priority - 5; }",
    "chain a { type filter hook prerouting priority dstnat; }",
    "chain a { type filter hook input priority security\n policy drop\n}",
    "chain a { policy drop; type filter hook input priority 0; }",
    "chain a {\n accept\n type filter hook input priority 0; policy drop;\n}",
    "chain a { type filter hook input priority 0; }\nchain a { accept; }",
    "chain a { comment \"x\"; accept; }",
    "comment \"x\"",
    "chain a-b.c/d_1 { }",
    "chain a { jump b; }\nchain b { jump a; }",
    "define x = { 22, 80 }\n chain a { tcp dport { $x, 443 } accept; }",
    "define x = \"eth0\"\n chain a { iifname $x accept; }",
    "set s { type ipv4_addr; size 5; comment \"x\"; elements = { 10.0.0.1, } }",
    "set s { type ipv4_addr; flags interval, constant; auto-merge; elements = { 10.0.0.0/8, 10.1.0.0/16 }\n}",
    "set s { type ipv4_addr; elements = { 10.0.0.1, 10.0.0.1 }\n}",
    "set s { type inet_service; elements = { 22 }\n}\nchain a { tcp dport @s accept; }",
    "chain a { type filter hook prerouting priority 0; reject; }",
];

/// Items that both refuse.
const REFUSED_ITEMS: &[&str] = &[
    "chain a { accept }",
    "chain a { accept; } chain b { }",
    "chain a\n{ accept; }",
    "chain a { type filter hook foo priority 0; }",
    "chain a { type filter hook input priority dstnat; }",
    "chain a { type filter hook prerouting priority srcnat; }",
    "chain a { type filter hook input priority filter-5; }",
    "chain a { type filter hook input priority 5 + 5; }",
    "chain a { type filter hook input priority +5; }",
    "chain a { type filter hook input priority foo; }",
    "chain a { type filter hook input priority 0 policy drop; }",
    "chain a { type filter hook input priority 0; policy foo; }",
    "chain a { type filter hook input priority 0; policy drop; policy accept; }",
    "chain a { policy drop; }",
    "chain a { type nat hook forward priority 0; }",
    "chain a { type filter hook postrouting priority 0; reject; }",
    "chain a { type filter hook postrouting priority 0; jump b; }\nchain b { reject; }",
    "chain accept { }",
    "chain tcp { }",
    "chain \"a\" { }",
    "chain 1a { }",
    "set s { type ipv4_addr; elements = { }\n}",
    "set s { elements = { 10.0.0.1 }\n}",
    "set s { type ipv4_addr; elements = { 10.0.0.0/8 }\n}",
    "set s { type ipv4_addr; flags interval; elements = { 10.0.0.0/8, 10.1.0.0/16 }\n}",
    "set s { type ipv4_addr; auto-merge; elements = { 10.0.0.1, 10.0.0.2 }\n}",
    "set s { type ipv4_addr; size 1; elements = { 10.0.0.1, 10.0.0.2 }\n}",
    "set s { type ifname; elements = { \"eth*\" }\n}",
    "chain a { tcp dport $missing accept; }",
    "frobnicate",
    "chain a {",
];

/// Whole files, and whether both take them.
const FILES: &[(&str, bool)] = &[
    ("table inet t; delete table inet t; table inet t { }", true),
    ("add table inet t\ndelete table inet t\ntable inet t {\n}\n", true),
    ("table inet t {}\ndelete table inet t\ntable inet t {}\n", true),
    (
        "define x = 22\ntable inet t\ndelete table inet t\ntable inet t {\nchain a { tcp dport $x drop; }\n}",
        true,
    ),
    ("table inet t\ndelete table inet t\ntable inet t {\n}\ntable inet t {\n}\n", true),
    ("table inet t\ndelete table inet t\n# \r\ntable inet t {\n}\n", true),
    ("table ip t\ndelete table ip t\ntable ip t {\nchain a { ip saddr 10.0.0.1 drop; }\n}\n", true),
    ("table inet t\r\ndelete table inet t\r\ntable inet t {\r\n}\r\n", false),
    ("\u{feff}table inet t\ndelete table inet t\ntable inet t {\n}\n", false),
    ("table inet t\ndelete table inet t\ntable inet t {\n}\n\0", false),
    ("table inet t\ndelete table inet t\ntable inet t {\n", false),
    ("table inet t\ndelete table inet t\ntable inet t {\n}\n}\n", false),
    ("table inet t\ndelete table inet t\ntable inet t\n{\n}\n", false),
    ("delete table inet t\ntable inet t {\n}\n", false),
    ("table ip t\ndelete table ip t\ntable ip t {\nchain a { ip6 saddr ::1 drop; }\n}\n", false),
];

const HEAD: &str = "table inet t\ndelete table inet t\ntable inet t {\n";

fn with_rule(rule: &str) -> String {
    format!(
        "{HEAD}set below {{ type ipv4_addr; elements = {{ 10.0.0.1 }}; }}\n\
         set links {{ type ifname; elements = {{ \"eth0\", \"lo\" }}; }}\n\
         counter c {{ }}\nchain other {{ }}\nchain circle {{\n jump circle\n}}\n\
         chain input {{\n type filter hook input priority filter; policy drop;\n{rule}\n}}\n}}\n"
    )
}

fn with_item(item: &str) -> String {
    format!("{HEAD}{item}\n}}\n")
}

/// Base chain, and a row of jumps.
fn with_jumps(count: usize, verb: &str) -> String {
    let mut chains = "chain b { type filter hook input priority 0; jump c1; }\n".to_owned();
    for number in 1..count {
        let next = number + 1;
        let _ = writeln!(chains, "chain c{number} {{ {verb} c{next}; }}");
    }
    with_item(&format!("{chains}chain c{count} {{ accept; }}"))
}

/// One text, and who takes it.
struct FirewallText {
    text: String,
    nft_takes: bool,
    reader_takes: bool,
}

fn texts() -> Vec<FirewallText> {
    let each = |samples: &[&str], nft_takes, reader_takes, whole: fn(&str) -> String| {
        let text = |sample: &&str| FirewallText { text: whole(sample), nft_takes, reader_takes };
        samples.iter().map(text).collect::<Vec<_>>()
    };
    let mut texts = each(TAKEN_RULES, true, true, with_rule);
    texts.extend(each(REFUSED_RULES, false, false, with_rule));
    texts.extend(each(NOT_UNDERSTOOD_RULES, true, false, with_rule));
    texts.extend(each(TAKEN_ITEMS, true, true, with_item));
    texts.extend(each(REFUSED_ITEMS, false, false, with_item));
    let both = |text: String, takes| FirewallText { text, nft_takes: takes, reader_takes: takes };
    texts.extend(FILES.iter().map(|(text, takes)| both((*text).to_owned(), *takes)));
    for verb in ["jump", "goto"] {
        texts.push(both(with_jumps(15, verb), true));
        texts.push(both(with_jumps(16, verb), false));
    }
    texts
}

/// Every verdict of nft and of the reader is the listed one.
pub(crate) fn reader_and_nft_agree() -> Result<(), Failed> {
    let texts = texts();
    let taken = loaded(&texts)?;
    let tree = MemoryTree::emitted()?;
    let mut differences = String::new();
    for (one, nft_takes) in texts.iter().zip(taken) {
        let reading = tree.refusal(&one.text)?;
        if nft_takes != one.nft_takes {
            let _ = writeln!(differences, "nft takes it: {nft_takes}\n{}", one.text);
        }
        if reading.is_none() != one.reader_takes {
            let said = reading.as_deref().unwrap_or("it is taken");
            let _ = writeln!(differences, "the reader: {said}\n{}", one.text);
        }
    }
    if differences.is_empty() { Ok(()) } else { Err(differences.into()) }
}

/// Whether nft loads each text into an empty ruleset.
fn loaded(texts: &[FirewallText]) -> Result<Vec<bool>, Failed> {
    const SCRIPT: &str = r#"
        cd "$1"
        for file in $(ls | sort -n); do
            if nft --file "$file" >/dev/null 2>&1; then echo yes; else echo no; fi
            nft flush ruleset
        done
    "#;
    let folder = TempDir::new_in(env!("CARGO_TARGET_TMPDIR"))?;
    for (number, one) in texts.iter().enumerate() {
        fs::write(folder.path().join(number.to_string()), &one.text)?;
    }
    let output = inside(SCRIPT, folder.path())?;
    let verdicts: Vec<_> =
        String::from_utf8_lossy(&output.stdout).lines().map(|line| line == "yes").collect();
    if verdicts.len() != texts.len() {
        return Err(format!("nft judged {} texts of {}", verdicts.len(), texts.len()).into());
    }
    Ok(verdicts)
}

const FIREWALL: &str = "nodes/alpha/nftables.conf";

/// A tree in memory, with another firewall.
#[derive(Clone)]
struct MemoryTree(BTreeMap<String, Vec<u8>>);

impl MemoryTree {
    fn emitted() -> Result<Self, Failed> {
        let topology = testing::repository().join("examples/minimal/topology.toml");
        let plan = testing::compile(&topology).plan.ok_or("the example does not compile")?;
        let tree = Self(testing::render(&plan));
        if tree.0.contains_key(FIREWALL) {
            Ok(tree)
        } else {
            Err(format!("there is no {FIREWALL}").into())
        }
    }

    /// Why the reader does not take a firewall.
    fn refusal(&self, text: &str) -> Result<Option<String>, Failed> {
        let mut tree = self.clone();
        tree.0.insert(FIREWALL.to_owned(), text.into());
        let proof = judge::prove(&tree.0).map_err(|error| error.to_string())?;
        let refused = proof.findings.iter().find(|finding| {
            finding.code == FindingCode::NotUnderstood
                && proof.paths.path(finding.place.file) == FIREWALL
        });
        Ok(refused.map(|finding| finding.message.clone()))
    }
}
