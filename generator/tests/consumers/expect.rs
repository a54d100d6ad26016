//! Expectations of trials: each is an error that contains what was found.

use std::fmt::Debug;
use std::process::Output;

use libtest_mimic::Failed;

/// Standard output, then standard error.
pub(crate) fn printed(done: &Output) -> String {
    let bytes = [done.stdout.as_slice(), &done.stderr].concat();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Returns what a program printed, if it ended with this code.
pub(crate) fn expect_code(done: &Output, code: i32) -> Result<String, Failed> {
    match done.status.code() == Some(code) {
        true => Ok(printed(done)),
        false => Err(format!("{}, not {code}:\n{}", done.status, printed(done)).into()),
    }
}

pub(crate) fn expect_text(text: &str, expected: &str) -> Result<(), Failed> {
    match text.contains(expected) {
        true => Ok(()),
        false => Err(format!("`{expected}` is not in:\n{text}").into()),
    }
}

pub(crate) fn expect_equal<T: PartialEq + Debug>(
    what: &str,
    found: T,
    expected: T,
) -> Result<(), Failed> {
    match found == expected {
        true => Ok(()),
        false => Err(format!("{what}: {found:#?}\ninstead of: {expected:#?}").into()),
    }
}

/// The SHA-256 of some bytes, in lower-case hexadecimal.
pub(crate) fn sha256_hex(bytes: impl AsRef<[u8]>) -> String {
    use sha2::Digest as _;
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}
