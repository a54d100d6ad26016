//! Changes of a running mesh: the pairs that lose pings are those that `meshwright plan` names.

use std::process::ExitCode;

fn main() -> ExitCode {
    lab::planned::main()
}
