//! What every verb works with: the paths, the streams, and how they are spoken to.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write};
use std::path::{Component, Path, PathBuf};

use super::Global;
use super::failure::Failure;
use crate::file;
pub(super) use meshwright_compiler::diagnostic::human::count;
use meshwright_compiler::diagnostic::{self, Format, Report, Severity};
use meshwright_compiler::document::{self, LARGEST};
use meshwright_compiler::source::Source;

/// Longer lists are cut unless `--verbose` asks for all.
const LISTED: usize = 20;

/// One run of one verb.
pub(super) struct Session<'a> {
    pub(super) global: Global,
    pub(super) color: bool,
    pub(super) out: &'a mut dyn Write,
    pub(super) err: &'a mut dyn Write,
}

impl Session<'_> {
    /// The topology's path, as it was given.
    pub(super) fn topology(&self) -> &Path {
        &self.global.topology
    }

    /// The output directory.
    pub(super) fn out_dir(&self) -> PathBuf {
        self.global.out.clone().unwrap_or_else(|| self.topology().with_file_name("out"))
    }

    /// The folder of the store.
    pub(super) fn secrets_dir(&self) -> PathBuf {
        self.global.secrets.clone().unwrap_or_else(|| self.topology().with_file_name("secrets"))
    }

    /// Refuses an output directory in which the store or the topology lies, or that lies in the
    /// store: the first is committed, and the others are not made by a program.
    pub(super) fn refuse_out_dir(&self) -> Result<(), Failure> {
        let dir = self.out_dir();
        let (out, store) = (resolve(&dir)?, resolve(&self.secrets_dir())?);
        let topology = resolve(self.topology())?;
        let folder = resolve(&self.topology().with_file_name("."))?;
        let fault = if out.starts_with(&store) || store.starts_with(&out) {
            "the store of secrets"
        } else if topology.starts_with(&out) || folder.starts_with(&out) {
            "the topology"
        } else {
            return Ok(());
        };
        let message =
            format!("the output directory {} is no place apart from {fault}", dir.display());
        Err(Failure::usage(message, "name a directory of its own with --out"))
    }

    /// Reads the topology.
    pub(super) fn source(&self) -> Result<Source, Failure> {
        let path = self.topology();
        let bytes = read_at_most(LARGEST as u64 + 1, path).map_err(Failure::reading(path))?;
        document::decode(path.display().to_string(), bytes)
            .map_err(|report| Failure::Unreadable { report })
    }

    /// Puts another text in the place of the topology that was read, unless somebody has saved it
    /// since: theirs would be lost.
    pub(super) fn replace_topology(&self, read: &Source, text: &str) -> Result<(), Failure> {
        let path = self.topology();
        if self.source()?.text != read.text {
            let message = format!("{} was changed meanwhile, and is left as it is", read.name);
            return Err(Failure::usage(message, "run the same command again"));
        }
        file::replace(path, text.as_bytes()).map_err(Failure::writing(path))
    }

    /// Says why a verb could not do its work, and returns the exit code that it means.
    pub(super) fn fail(&mut self, failure: &Failure) -> u8 {
        // Nobody is left to be message that a stream is gone.
        let _ = match failure {
            Failure::Unreadable { report } => self.report(report).map(drop),
            failure => failure
                .print(self.color, self.err)
                .and_then(|()| failure.print_data(self.global.format, self.out)),
        };
        failure.exit_code()
    }

    /// Prints a report where its reader looks for it, and says whether it holds an error.
    pub(super) fn report(&mut self, report: &Report) -> io::Result<bool> {
        let Global { format, .. } = self.global;
        let stream = if format == Format::Human { &mut *self.err } else { &mut *self.out };
        diagnostic::print(report, format, self.color, stream)?;
        Ok(report.count(Severity::Error) > 0)
    }

    /// Says something that has to be known, such as a finding.
    pub(super) fn print(&mut self, line: impl Display) -> io::Result<()> {
        writeln!(self.err, "{line}")
    }

    /// Says something that `--quiet` leaves out.
    pub(super) fn info(&mut self, line: impl Display) -> io::Result<()> {
        if self.global.quiet { Ok(()) } else { self.print(line) }
    }

    /// Says lines that `--quiet` leaves out.
    pub(super) fn info_list<L: Display>(&mut self, lines: &[L]) -> io::Result<()> {
        if self.global.quiet { Ok(()) } else { self.print_list(lines) }
    }

    /// Says lines, each with what it is about; long lists are cut.
    pub(super) fn print_list<L: Display>(&mut self, lines: &[L]) -> io::Result<()> {
        let shown = self.shown(lines.len());
        for line in lines.iter().take(shown) {
            self.print(format_args!("  {line}"))?;
        }
        match lines.len() - shown {
            0 => Ok(()),
            hidden => self.print(format_args!("  and {hidden} more; --verbose lists all")),
        }
    }

    /// How many items of a list are printed.
    pub(super) fn shown(&self, length: usize) -> usize {
        if self.global.verbose { length } else { length.min(LISTED) }
    }
}

/// Follows every symlink of a path, as far as it is there.
fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    let path = std::path::absolute(path).map_err(Failure::reading(path))?;
    let mut resolved = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(resolved.pop()),
            component => resolved.push(component),
        }
        // What is not there has no symlinks.
        resolved = resolved.canonicalize().unwrap_or(resolved);
    }
    Ok(resolved)
}

fn read_at_most(length: u64, path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// `1 file`, `2 files`.
pub(super) fn files(number: usize) -> String {
    count(number, "file")
}

/// `2 nodes, 1 client`.
pub(super) fn members(nodes: usize, clients: usize) -> String {
    match clients {
        0 => count(nodes, "node"),
        _ => format!("{}, {}", count(nodes, "node"), count(clients, "client")),
    }
}

/// A stream whose reader may go away: what is written after that is dropped, and the run ends with
/// the exit code that it would have had.
pub(super) struct Pipe<'a>(&'a mut dyn Write);

impl<'a> Pipe<'a> {
    pub(super) fn new(stream: &'a mut dyn Write) -> Self {
        Self(stream)
    }
}

impl Write for Pipe<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.0.write(bytes) {
            Err(fault) if fault.kind() == ErrorKind::BrokenPipe => Ok(bytes.len()),
            written => written,
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self.0.flush() {
            Err(fault) if fault.kind() == ErrorKind::BrokenPipe => Ok(()),
            flushed => flushed,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stream that always fails in the same way.
    struct Broken(ErrorKind);

    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(self.0.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(self.0.into())
        }
    }

    #[test]
    fn only_a_broken_pipe_is_forgiven() {
        let outcome = |kind| {
            let mut broken = Broken(kind);
            let mut pipe = Pipe::new(&mut broken);
            let written = pipe.write_all(b"data").map_err(|fault| fault.kind());
            (written, pipe.flush().map_err(|fault| fault.kind()))
        };
        assert_eq!(outcome(ErrorKind::BrokenPipe), (Ok(()), Ok(())));
        let full = ErrorKind::StorageFull;
        assert_eq!(outcome(full), (Err(full), Err(full)));
    }

    #[test]
    fn counts() {
        assert_eq!([0, 1, 2].map(|n| count(n, "file")), ["0 files", "1 file", "2 files"]);
    }
}
