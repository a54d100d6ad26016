//! The command line: arguments, and the verb that each selects.
//!
//! Data is printed on stdout, messages on stderr. Exit codes: 0 clean, 1 findings or drift, 2 usage or I/O.

mod apply;
mod argument;
mod backup;
mod changed;
mod check;
mod client;
mod completions;
mod edited;
mod explain;
mod export;
mod failure;
mod fleet;
mod generate;
mod graph;
mod import;
mod init;
mod keys;
mod kubeconfig;
mod man;
mod node;
mod opened;
mod plan;
mod prove;
mod recrypt;
mod report;
mod restore;
mod rotate;
mod schema;
mod session;
mod status;
mod test;
mod trace;
mod upgrade;
mod verify;
mod versions;

use std::ffi::OsString;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::{PossibleValuesParser, StyledStr};
use clap::{
    Arg, Args, Command, CommandFactory as _, FromArgMatches as _, Parser, Subcommand, ValueEnum,
};

use failure::Failure;
use meshwright_compiler::diagnostic::Format;
use session::{Pipe, Session};

/// The name of the program.
const NAME: &str = "meshwright";

const EXIT_CODES: &str = "\
Exit codes:
  0  success, nothing to report
  1  findings: errors in the topology, or an output directory that differs from it
  2  wrong usage, or a file that cannot be read or written

A run that fails prints an error on stderr. With --format json it also prints a JSON document whose
`error` contains `message` and `help`; with --format github, a workflow command without a line.

Start with `meshwright init`, then `meshwright keys`, then `meshwright generate`.";

/// The end of the help of each verb.
const GLOBAL_OPTIONS: &str = "\
`meshwright --help` lists the global options, such as --topology, --out, --secrets and --quiet.";

/// Compiles one topology.toml into a private Kubernetes cluster over a WireGuard mesh
#[derive(Debug, Parser)]
#[command(name = NAME, version, max_term_width = 100, after_help = EXIT_CODES)]
struct CommandLine {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    verb: Verb,
}

/// Options that every verb takes.
#[derive(Debug, Args)]
#[command(next_help_heading = "Global options")]
struct Global {
    /// The topology file
    #[arg(short, long, global = true, value_name = "FILE", default_value = "topology.toml")]
    topology: PathBuf,
    /// The output directory [default: `out` beside the topology]
    #[arg(short, long, global = true, value_name = "DIR")]
    out: Option<PathBuf>,
    /// The versions to use instead of those that are compiled in; `meshwright versions` prints these
    #[arg(long, global = true, value_name = "FILE")]
    versions: Option<PathBuf>,
    /// The directory of the secret store [default: `secrets` beside the topology]
    #[arg(long, global = true, value_name = "DIR")]
    secrets: Option<PathBuf>,
    /// An age identity file that decrypts the store, as for `age -i`; can be repeated [default:
    /// ~/.config/meshwright/identity]
    #[arg(short, long, global = true, value_name = "FILE")]
    identity: Vec<PathBuf>,
    /// Output format of diagnostics: `human` is printed on stderr, the others on stdout
    // `trace` overrides this option with another list of values, so both are parsed as text.
    #[arg(id = "format", long, global = true, value_name = "FORMAT", default_value = "human")]
    #[arg(value_parser = PossibleValuesParser::new(Format::ALL.map(Format::as_str)))]
    format_word: String,
    #[arg(skip = Format::Human)]
    format: Format,
    /// When to use colors; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: Color,
    /// Print diagnostics and errors only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    quiet: bool,
    /// Print complete lists, not only the first twenty lines
    #[arg(short, long, global = true)]
    verbose: bool,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
enum Verb {
    Init(init::Init),
    Import(import::Import),
    Keys(keys::Keys),
    Node(node::Node),
    Client(client::Client),
    Upgrade(upgrade::Upgrade),
    Rotate(rotate::Rotate),
    Recrypt(recrypt::Recrypt),
    Check(check::Check),
    Generate(generate::Generate),
    Export(export::Export),
    Kubeconfig(kubeconfig::Kubeconfig),
    Plan(plan::Plan),
    Apply(apply::Apply),
    Status(status::FleetStatus),
    Verify(verify::Verify),
    Test(test::Test),
    Backup(backup::Backup),
    Restore(restore::Restore),
    Prove(prove::Prove),
    Trace(trace::Trace),
    Report(report::Report),
    Graph(graph::Graph),
    Explain(explain::Explain),
    Versions(versions::PrintVersions),
    Schema(schema::Schema),
    Completions(completions::Completions),
    Man(man::Man),
}

impl Verb {
    /// Whether it reads or writes the store of secrets.
    fn uses_store(&self) -> bool {
        match self {
            Self::Keys(_)
            | Self::Node(_)
            | Self::Client(_)
            | Self::Upgrade(_)
            | Self::Rotate(_)
            | Self::Recrypt(_)
            | Self::Check(_)
            | Self::Generate(_)
            | Self::Export(_)
            | Self::Kubeconfig(_)
            | Self::Apply(_)
            | Self::Status(_)
            | Self::Verify(_)
            | Self::Backup(_)
            | Self::Restore(_)
            | Self::Import(_) => true,
            Self::Init(_)
            | Self::Plan(_)
            | Self::Test(_)
            | Self::Prove(_)
            | Self::Trace(_)
            | Self::Report(_)
            | Self::Graph(_)
            | Self::Explain(_)
            | Self::Versions(_)
            | Self::Schema(_)
            | Self::Completions(_)
            | Self::Man(_) => false,
        }
    }
}

/// The result of a verb without an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Status {
    Clean,
    Findings,
}

impl Status {
    fn findings(found: bool) -> Self {
        if found { Self::Findings } else { Self::Clean }
    }
}

/// Runs one command line, program name included, and returns its exit code.
///
/// A reader that closes its pipe, such as `head`, does not change the exit code.
pub fn run<T: Into<OsString> + Clone>(
    arguments: impl IntoIterator<Item = T>,
    stdout: &mut dyn Write,
    stderr: &mut dyn Write,
) -> ExitCode {
    let (mut out, mut err) = (io::BufWriter::new(Pipe::new(stdout)), Pipe::new(stderr));
    let parsed = command().try_get_matches_from(arguments);
    let code = match parsed.and_then(|matches| CommandLine::from_arg_matches(&matches)) {
        Ok(command_line) => dispatch(command_line, &mut out, &mut err),
        Err(fault) => answer(&fault, &mut out, &mut err),
    };
    match out.flush() {
        Ok(()) => ExitCode::from(code),
        // The error was printed already, probably about the same stream.
        Err(_) if code == failure::USAGE => ExitCode::from(code),
        Err(fault) => ExitCode::from(stream_failed(fault, &mut err)),
    }
}

/// The command line, whose verbs do not repeat the help of the global options.
fn command() -> Command {
    let mut command = CommandLine::command();
    let global = command.get_arguments().filter(|option| option.is_global_set());
    let hidden: Vec<_> = global.map(|option| option.clone().hide(true)).collect();
    for verb in command.get_subcommands_mut() {
        add_hidden(verb, &hidden);
    }
    command
}

/// Adds the global options that a verb does not define itself. clap would add the others, with their help.
fn add_hidden(verb: &mut Command, hidden: &[Arg]) {
    let is_missing =
        |option: &&Arg| verb.get_arguments().all(|defined| defined.get_id() != option.get_id());
    let missing: Vec<_> = hidden.iter().filter(is_missing).cloned().collect();
    let examples = verb.get_after_help().map(|help| format!("{help}\n\n")).unwrap_or_default();
    *verb = std::mem::take(verb).args(missing).after_help(format!("{examples}{GLOBAL_OPTIONS}"));
    for inner in verb.get_subcommands_mut() {
        add_hidden(inner, hidden);
    }
}

fn stream_failed(fault: io::Error, err: &mut dyn Write) -> u8 {
    let failure = Failure::from(fault);
    // An error of stderr cannot be printed.
    let _ = failure.print(false, err);
    failure.exit_code()
}

fn dispatch(command_line: CommandLine, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let CommandLine { mut global, verb } = command_line;
    let known = Format::ALL.into_iter().find(|format| format.as_str() == global.format_word);
    global.format = known.unwrap_or_default();
    let color = match global.color {
        Color::Auto => wants_color(&io::stderr()),
        Color::Always => true,
        Color::Never => false,
    };
    let mut session = Session { global, color, out, err };
    // Verbs without a store are refused only if a store is named.
    let is_concerned = verb.uses_store() || session.global.secrets.is_some();
    if is_concerned && let Err(failure) = session.refuse_store() {
        return session.fail(&failure);
    }
    let ended = match verb {
        Verb::Init(init) => init.run(&mut session),
        Verb::Import(import) => import.run(&mut session),
        Verb::Keys(keys) => keys.run(&mut session),
        Verb::Node(node) => node.run(&mut session),
        Verb::Client(client) => client.run(&mut session),
        Verb::Upgrade(upgrade) => upgrade.run(&mut session),
        Verb::Rotate(rotate) => rotate.run(&mut session),
        Verb::Recrypt(recrypt) => recrypt.run(&mut session),
        Verb::Check(check) => check.run(&mut session),
        Verb::Generate(generate) => generate.run(&mut session),
        Verb::Export(export) => export.run(&mut session),
        Verb::Kubeconfig(kubeconfig) => kubeconfig.run(&mut session),
        Verb::Explain(explain) => explain.run(&mut session),
        Verb::Versions(versions) => versions.run(&mut session),
        Verb::Schema(schema) => schema.run(&mut session),
        Verb::Completions(completions) => completions.run(&mut session),
        Verb::Man(man) => man.run(&mut session),
        Verb::Plan(plan) => plan.run(&mut session),
        Verb::Apply(apply) => apply.run(&mut session),
        Verb::Verify(verify) => verify.run(&mut session),
        Verb::Test(test) => test.run(&mut session),
        Verb::Backup(backup) => backup.run(&mut session),
        Verb::Restore(restore) => restore.run(&mut session),
        Verb::Status(status) => status.run(&mut session),
        Verb::Prove(prove) => prove.run(&mut session),
        Verb::Trace(trace) => trace.run(&mut session),
        Verb::Report(report) => report.run(&mut session),
        Verb::Graph(graph) => graph.run(&mut session),
    };
    match ended {
        Ok(Status::Clean) => 0,
        Ok(Status::Findings) => 1,
        Err(failure) => session.fail(&failure),
    }
}

/// Prints help and version on stdout, and errors of the command line on stderr.
fn answer(fault: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    let text = fault.render();
    if fault.use_stderr() {
        let plain = text.to_string();
        // The arguments that it quotes cannot be separated from its colors.
        let is_shown = failure::shown(&plain) == plain;
        // An error of stderr cannot be printed.
        let _ = match is_shown {
            true => print(&text, wants_color(&io::stderr()), err),
            false => write!(err, "{}", failure::shown(&plain)),
        };
        return failure::USAGE;
    }
    match print(&text, wants_color(&io::stdout()), out) {
        Ok(()) => 0,
        Err(fault) => stream_failed(fault, err),
    }
}

fn print(text: &StyledStr, color: bool, stream: &mut dyn Write) -> io::Result<()> {
    if color { write!(stream, "{}", text.ansi()) } else { write!(stream, "{text}") }
}

/// Whether a stream is a terminal and the user allows colors (<https://no-color.org>).
#[expect(clippy::disallowed_methods, reason = "changes colors, never the output of a compilation")]
fn wants_color(stream: &impl io::IsTerminal) -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && stream.is_terminal()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_are_consistent() {
        command().debug_assert();
    }
}
