//! Changes and failures of a running mesh: the pairs that lose pings are those that `meshwright plan` and
//! `meshwright prove --failures 1` name.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::planned::main()
}
