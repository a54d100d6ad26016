//! Damages of one file of a tree, by seed: those of a bad disk or a careless edit, and those that a person
//! makes who wants the reader to hang or to fill the memory.

use crate::seed::Seed;

/// What is at a path after the damage.
pub(crate) enum Damaged {
    /// Another text.
    Bytes(Vec<u8>),
    /// A symlink to this target.
    Symlink(&'static str),
    /// A folder of this name, with one file.
    Folder,
}

/// Cuts, flips, swaps or doubles parts of a file.
pub(crate) fn of_disk(bytes: &[u8], seed: &mut Seed) -> (&'static str, Vec<u8>) {
    let mut lines: Vec<Vec<u8>> =
        bytes.split_inclusive(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
    let [one, other] = [0, 0].map(|_: u8| seed.below(lines.len()));
    let [start, length] = [bytes.len(), 40].map(|bound| seed.below(bound));
    let end = (start + length + 1).min(bytes.len());
    match seed.below(8) {
        0 => ("cut off", bytes[..start].to_vec()),
        1 => ("cut out", [&bytes[..start], &bytes[end..]].concat()),
        2 => ("doubled", [&bytes[..end], &bytes[start..]].concat()),
        3 => {
            let mut flipped = bytes.to_vec();
            if let Some(byte) = flipped.get_mut(start) {
                *byte ^= 1 << seed.below(8);
            }
            ("flipped", flipped)
        }
        4 if !lines.is_empty() => {
            lines.swap(one, other);
            ("swapped lines", lines.concat())
        }
        5 if !lines.is_empty() => {
            lines.insert(other, lines[one].clone());
            ("doubled line", lines.concat())
        }
        6 if !lines.is_empty() => {
            lines.remove(one);
            ("removed line", lines.concat())
        }
        _ => ("braces", [&bytes[..start], b"{{{{", &bytes[start..]].concat()),
    }
}

const LARGE: usize = 4 << 20;

/// Numbers that overflow a type, or make a reader count.
const NUMBERS: [&str; 6] = ["1000000000", "99999999999999999999", "-1", "0", "65536", "1e400"];

/// A damage that is meant.
pub(crate) fn of_attacker(path: &str, bytes: &[u8], seed: &mut Seed) -> (&'static str, Damaged) {
    let start = seed.below(bytes.len());
    let inserted = |what: &[u8]| [&bytes[..start], what, &bytes[start..]].concat();
    let line_start = bytes[..start].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let in_line =
        |what: &str| [&bytes[..line_start], what.as_bytes(), &bytes[line_start..]].concat();
    let (kind, bytes) = match seed.below(20) {
        0 => ("a long line", inserted(&b"x".repeat(LARGE))),
        1 => ("empty lines", inserted(&b"\n".repeat(LARGE))),
        2 => ("zeros", inserted(&b"\0".repeat(LARGE))),
        3 => ("every number", numbers(bytes, seed.one(&NUMBERS), None)),
        4 | 5 => ("one number", numbers(bytes, seed.one(&NUMBERS), Some(seed.below(60)))),
        6 => ("not UTF-8", inserted(seed.one(&[b"\xff" as &[u8], b"\xc3\x28", b"\xed\xa0\x80"]))),
        7 => ("a byte order mark", [b"\xef\xbb\xbf", bytes].concat()),
        8 => ("carriage returns", with_carriage_returns(bytes)),
        9 => ("repeated as a whole", bytes.repeat(2 + LARGE / 16 / bytes.len().max(1))),
        10 => (
            "brackets",
            inserted(seed.one(&["[", "{", "{a: ", "[[", "("]).repeat(100_000).as_bytes()),
        ),
        11 => ("indentation", in_line(&indentation(1500))),
        12 => ("cyclic", in_line(seed.one(&CYCLES))),
        13 => ("paths", in_line(seed.one(&PATHS))),
        14 | 15 => ("many entries", many_entries(path, bytes, seed)),
        16 => ("control characters", inserted(b"\x1b[2J\x07\x08\x7f\x85")),
        17 => ("reversed lines", reversed(bytes)),
        18 => {
            let targets = ["/dev/zero", "/etc/passwd", "wg0.conf", ".", "../../.."];
            return ("a symlink", Damaged::Symlink(seed.one(&targets)));
        }
        _ => return ("a folder", Damaged::Folder),
    };
    (kind, Damaged::Bytes(bytes))
}

fn with_carriage_returns(bytes: &[u8]) -> Vec<u8> {
    let lines: Vec<_> = bytes.split(|byte| *byte == b'\n').collect();
    lines.join(&b"\r\n"[..])
}

/// YAML's anchors, rules of nft that jump in a circle, and files that include themselves.
const CYCLES: [&str; 6] = [
    "a: &a [*a]\n",
    "a: &a {b: *a, <<: *a}\n",
    "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\n\
     d: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e]\n",
    "include \"/etc/nftables.conf\"\ninclude \"nftables.conf\"\n",
    "table inet circle { chain a { jump b; } chain b { jump a; } }\n",
    "define a = $b\ndefine b = $a\n",
];

const PATHS: [&str; 6] = [
    "\"../../../../etc/passwd\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\n",
    "\"/etc/passwd\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\n",
    "\"nodes/../nodes/tokyo/wg0.conf\": \"\",\n",
    "\"nodes/tokyo/wg0.conf\\u0000\": \"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\",\n",
    "path: /etc/wireguard/../../etc/passwd\n",
    "PostUp = cat /etc/passwd\n",
];

/// Each number, or the one with this position, replaced.
fn numbers(bytes: &[u8], number: &str, only: Option<usize>) -> Vec<u8> {
    let mut replaced = Vec::new();
    let mut position = 0;
    let mut rest = bytes;
    while let Some(start) = rest.iter().position(u8::is_ascii_digit) {
        let (before, digits) = rest.split_at(start);
        let end = digits.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(digits.len());
        let is_replaced = only.is_none_or(|only| only == position);
        replaced.extend(before);
        replaced.extend(if is_replaced { number.as_bytes() } else { &digits[..end] });
        rest = &digits[end..];
        position += 1;
    }
    replaced.extend(rest);
    replaced
}

/// A YAML document with so many levels.
fn indentation(levels: usize) -> String {
    (0..levels).map(|level| format!("{}a:\n", " ".repeat(level))).collect()
}

fn reversed(bytes: &[u8]) -> Vec<u8> {
    let mut lines: Vec<_> = bytes.split_inclusive(|byte| *byte == b'\n').collect();
    lines.reverse();
    lines.concat()
}

/// Thousands of entries of the file's format, behind a line of it.
fn many_entries(path: &str, bytes: &[u8], seed: &mut Seed) -> Vec<u8> {
    let count = seed.one(&[300, 5000, 20_000]);
    let address = |number: usize| format!("10.244.{}.{}", number / 256 % 256, number % 256);
    let kind = seed.below(3);
    let entry = |number: usize| match path {
        _ if path.ends_with("wg0.conf") => match kind {
            0 => format!("AllowedIPs = {}/32\n", address(number)),
            1 => {
                format!("[Peer]\nPublicKey = {number:043}=\nAllowedIPs = {}/32\n", address(number))
            }
            _ => format!("PostUp = wg set %i peer {number:043}= preshared-key /x\n"),
        },
        _ if path.ends_with("nftables.conf") => match kind {
            0 => format!("ip saddr {} tcp dport {} accept\n", address(number), number % 65_535 + 1),
            1 => format!("tcp dport {} udp sport != {} drop\n", number % 60_000, number % 1000),
            _ => {
                format!("ip daddr != {} meta l4proto != {} accept\n", address(number), number % 256)
            }
        },
        _ if path.ends_with("routes") => format!("unreachable {}/32 metric 5\n", address(number)),
        _ if path.ends_with("peers") => {
            format!("{number:043}= node x{number} {}\n", address(number))
        }
        _ if path.ends_with("json") => format!("\"k{number}\": [{number}],\n"),
        _ if path.ends_with("yaml") => match kind {
            0 => format!("---\nkind: ConfigMap{number}\n"),
            1 => format!("k{number}: [1, {{a: b}}]\n"),
            _ => format!("- name: x{number}\n"),
        },
        _ if path.ends_with("hosts") => format!("{} name{number}\n", address(number)),
        _ => format!("key{number} = {number}\n"),
    };
    let at = seed.below(bytes.len());
    let line = bytes[..at].iter().rposition(|byte| *byte == b'\n').map_or(0, |found| found + 1);
    let entries: String = (0..count).map(entry).collect();
    [&bytes[..line], entries.as_bytes(), &bytes[line..]].concat()
}
