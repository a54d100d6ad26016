//! The programs that replace Calico, and others, in the pods and machines of `lab/cluster`.

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().collect();
    lab::cluster::stand_in::main(&arguments)
}
