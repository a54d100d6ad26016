//! Statements beside verdicts: counters, logs, limits, and the answers of `reject`.

use super::ParseError;
use super::rule::{NftRuleReader, TCP};
use super::token::NftTokens;

/// nft(8), "LOG STATEMENT".
const LOG_LEVELS: [&str; 9] =
    ["emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit"];

/// The longest prefix of a log, in bytes (Linux, `NF_LOG_PREFIXLEN` without the final zero).
const LONGEST_PREFIX: usize = 127;

const RATE_UNITS: [&str; 5] = ["second", "minute", "hour", "day", "week"];

/// nft(8), "REJECT STATEMENT".
const ICMP_ANSWERS: [&str; 7] = [
    "net-unreachable",
    "host-unreachable",
    "prot-unreachable",
    "port-unreachable",
    "net-prohibited",
    "host-prohibited",
    "admin-prohibited",
];

const ICMP6_ANSWERS: [&str; 6] = [
    "no-route",
    "admin-prohibited",
    "addr-unreachable",
    "port-unreachable",
    "policy-fail",
    "reject-route",
];

const ICMPX_ANSWERS: [&str; 4] =
    ["port-unreachable", "admin-prohibited", "no-route", "host-unreachable"];

/// `counter`, with its numbers or the name of a counter of the table.
pub(super) fn counter(reader: &mut NftRuleReader<'_, '_>) -> Result<(), ParseError> {
    let tokens = &mut *reader.tokens;
    if tokens.take_word("name") {
        let name = tokens.text()?;
        if !reader.declared.counters.contains(name) {
            return Err(tokens.error(format!("there is no counter `{name}`")));
        }
    }
    counts(tokens)
}

/// `packets 0 bytes 0`
pub(super) fn counts(tokens: &mut NftTokens<'_>) -> Result<(), ParseError> {
    for unit in ["packets", "bytes"] {
        if tokens.take_word(unit) {
            tokens.number()?;
        }
    }
    Ok(())
}

pub(super) fn log(tokens: &mut NftTokens<'_>) -> Result<(), ParseError> {
    let (mut level, mut group) = (false, false);
    loop {
        if tokens.take_word("prefix") {
            let prefix = tokens.text()?;
            if prefix.len() > LONGEST_PREFIX {
                return Err(tokens.error("nft refuses a log prefix of more than 127 bytes"));
            }
        } else if tokens.take_word("level") {
            let name = tokens.word()?;
            if !LOG_LEVELS.contains(&name) {
                return Err(tokens.error(format!("`{name}` is not a level of logs")));
            }
            level = true;
        } else if ["group", "snaplen", "queue-threshold"].iter().any(|one| tokens.take_word(one)) {
            tokens.number()?;
            group = true;
        } else if tokens.take_word("flags") {
            log_flags(tokens)?;
            level = true;
        } else if level && group {
            return Err(tokens.error("nft refuses a log with a group and a level"));
        } else {
            return Ok(());
        }
    }
}

/// `all`, `ip options`, `skuid`, `ether`, `tcp sequence,options`
fn log_flags(tokens: &mut NftTokens<'_>) -> Result<(), ParseError> {
    let fields: &[&str] = match tokens.word()? {
        "all" | "skuid" | "ether" => return Ok(()),
        "ip" => &["options"],
        "tcp" => &["sequence", "options"],
        other => return Err(tokens.error(format!("`{other}` is not a flag of logs"))),
    };
    loop {
        let field = tokens.word()?;
        if !fields.contains(&field) {
            return Err(tokens.error(format!("`{field}` is not a flag of logs")));
        }
        if !tokens.take(super::token::NftToken::Comma) {
            return Ok(());
        }
    }
}

/// `limit rate [over] N[ bytes]/second [burst N packets]`
pub(super) fn limit(tokens: &mut NftTokens<'_>) -> Result<(), ParseError> {
    tokens.expect(super::token::NftToken::Word("rate"))?;
    tokens.take_word("over");
    let word = tokens.word()?;
    let (number, per) = match word.split_once('/') {
        Some((number, unit)) => (number, unit),
        None => {
            let bytes = tokens.word()?;
            let is_size = |size: &str| ["bytes", "kbytes", "mbytes"].contains(&size);
            let (_, unit) = bytes
                .split_once('/')
                .filter(|(size, _)| is_size(size))
                .ok_or_else(|| tokens.error(format!("`{bytes}` is not understood in a limit")))?;
            (word, unit)
        }
    };
    let rate: Option<u64> = number.parse().ok().filter(|rate| *rate > 0);
    if rate.is_none() || !RATE_UNITS.contains(&per) {
        return Err(tokens.error("this rate is not understood"));
    }
    if tokens.take_word("burst") {
        tokens.number()?;
        let unit = tokens.word()?;
        if !["packets", "bytes", "kbytes", "mbytes"].contains(&unit) {
            return Err(tokens.error(format!("`{unit}` is not understood in a limit")));
        }
    }
    Ok(())
}

/// The answer of `reject`. One for a protocol is also a condition on it.
pub(super) fn reject(reader: &mut NftRuleReader<'_, '_>) -> Result<(), ParseError> {
    if !reader.tokens.take_word("with") {
        return Ok(());
    }
    let kind = reader.tokens.word()?;
    reader.tokens.take_word("type");
    let answer = reader.tokens.word()?;
    let known = match kind {
        "tcp" => answer == "reset",
        "icmp" => ICMP_ANSWERS.contains(&answer),
        "icmpv6" => ICMP6_ANSWERS.contains(&answer),
        "icmpx" => ICMPX_ANSWERS.contains(&answer),
        _ => false,
    };
    if !known {
        return Err(reader.tokens.error(format!("`{kind} {answer}` is not an answer of `reject`")));
    }
    match kind {
        "tcp" => reader.imply_protocol(TCP),
        "icmp" | "icmpv6" => reader.imply_version(kind == "icmpv6"),
        _ => Ok(()),
    }
}
