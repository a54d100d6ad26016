//! The context of every verb: options, paths and streams.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, ErrorKind, Read as _, Write};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use serde::Serialize;

use super::Global;
use super::failure::Failure;
use crate::file;
use crate::overlays;
use meshwright_compiler::diagnostic::{self, Format, Report, Severity};
use meshwright_compiler::document::{self, LARGEST};
use meshwright_compiler::pipeline::{self, Compilation};
use meshwright_compiler::source::Source;
use meshwright_compiler::topology::versions::Versions;
pub(super) use meshwright_value::count;
use meshwright_value::printable_lines;

/// The number of printed lines of a list without `--verbose`.
const LISTED: usize = 20;

/// Prints a document for machines.
pub(super) fn print_document(out: &mut dyn Write, document: &impl Serialize) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, document)?;
    writeln!(out)
}

/// The context of one run.
pub(super) struct Session<'a> {
    pub(super) global: Global,
    pub(super) color: bool,
    pub(super) out: &'a mut dyn Write,
    pub(super) err: &'a mut dyn Write,
}

impl Session<'_> {
    /// The path of the topology, as given.
    pub(super) fn topology(&self) -> &Path {
        &self.global.topology
    }

    /// The output directory.
    pub(super) fn out_dir(&self) -> PathBuf {
        self.global.out.clone().unwrap_or_else(|| self.topology().with_file_name("out"))
    }

    /// The directory of the store.
    pub(super) fn secrets_dir(&self) -> PathBuf {
        self.global.secrets.clone().unwrap_or_else(|| self.topology().with_file_name("secrets"))
    }

    /// Rejects a store that is not separate from the output directory or the topology. The output
    /// directory is committed and its files are replaced, and git ignores the folder of a store.
    pub(super) fn refuse_store(&self) -> Result<(), Failure> {
        let (out_dir, store_dir) = (self.out_dir(), self.secrets_dir());
        let (out, store) = (resolve(&out_dir)?, resolve(&store_dir)?);
        let is_shared = out.starts_with(&store) || store.starts_with(&out);
        if is_shared && self.global.out.is_some() {
            return Err(out_not_separate(&out_dir, "the store of secrets"));
        }
        let other = if is_shared {
            "the output directory"
        } else if self.is_topology_inside(&store)? {
            "the topology"
        } else {
            return Ok(());
        };
        let message =
            format!("the store of secrets {} is not separate from {other}", store_dir.display());
        Err(Failure::usage(message, "name a separate directory with --secrets"))
    }

    /// Rejects an output directory that contains the topology.
    pub(super) fn refuse_out_dir(&self) -> Result<(), Failure> {
        let dir = self.out_dir();
        match self.is_topology_inside(&resolve(&dir)?)? {
            true => Err(out_not_separate(&dir, "the topology")),
            false => Ok(()),
        }
    }

    /// Whether a directory contains the topology, or the folder through which it is named.
    fn is_topology_inside(&self, dir: &Path) -> Result<bool, Failure> {
        let topology = resolve(self.topology())?;
        let folder = resolve(&self.topology().with_file_name("."))?;
        Ok(topology.starts_with(dir) || folder.starts_with(dir))
    }

    /// Reads the topology.
    pub(super) fn source(&self) -> Result<Source, Failure> {
        let path = self.topology();
        let bytes =
            read_at_most(LARGEST as u64 + 1, path).map_err(Failure::reading_topology(path))?;
        document::decode(path.display().to_string(), bytes)
            .map_err(|report| Failure::Unreadable { report })
    }

    /// The versions: those of `--versions`, else those that are compiled in.
    pub(super) fn versions(&self) -> Result<Arc<Versions>, Failure> {
        match &self.global.versions {
            Some(path) => {
                let bytes =
                    read_at_most(LARGEST as u64 + 1, path).map_err(Failure::reading(path))?;
                read_versions(path, bytes)
            }
            None => Ok(Versions::built_in()),
        }
    }

    /// Compiles the topology with the manifests beside it.
    pub(super) fn compile(&self) -> Result<Compilation, Failure> {
        self.compile_text(self.source()?)
    }

    /// Compiles another text of the topology with the manifests beside it.
    pub(super) fn compile_text(&self, source: Source) -> Result<Compilation, Failure> {
        let overlays = overlays::beside(self.topology())?;
        Ok(pipeline::compile_with(source, overlays, self.versions()?)?)
    }

    /// Replaces the topology that was read, unless it has changed since: the other change would be lost.
    pub(super) fn replace_topology(&self, read: &Source, text: &str) -> Result<(), Failure> {
        let path = self.topology();
        if self.source()?.text != read.text {
            let message = format!("{} was changed during the run; nothing was written", read.name);
            return Err(Failure::usage(message, "run the same command again"));
        }
        file::replace(path, text.as_bytes()).map_err(Failure::writing(path))
    }

    /// Prints an error and returns the exit code.
    pub(super) fn fail(&mut self, failure: &Failure) -> u8 {
        // An error of the streams cannot be printed.
        let _ = match failure {
            Failure::Unreadable { report } => self.report(report).map(drop),
            failure => failure
                .print(self.color, self.err)
                .and_then(|()| failure.print_data(self.global.format, self.out)),
        };
        failure.exit_code()
    }

    /// Prints a report on the stream of its format; returns whether it contains an error.
    pub(super) fn report(&mut self, report: &Report) -> io::Result<bool> {
        let Global { format, .. } = self.global;
        let stream = if format == Format::Human { &mut *self.err } else { &mut *self.out };
        diagnostic::print(report, format, self.color, stream)?;
        Ok(report.count(Severity::Error) > 0)
    }

    /// Prints a line on stderr, also with `--quiet`. It may contain paths.
    pub(super) fn print(&mut self, line: impl Display) -> io::Result<()> {
        writeln!(self.err, "{}", printable_lines(&line.to_string()))
    }

    /// Prints a line on stderr, except with `--quiet`.
    pub(super) fn info(&mut self, line: impl Display) -> io::Result<()> {
        if self.global.quiet { Ok(()) } else { self.print(line) }
    }

    /// Prints a list on stderr, except with `--quiet`.
    pub(super) fn info_list<L: Display>(&mut self, lines: &[L]) -> io::Result<()> {
        if self.global.quiet { Ok(()) } else { self.print_list(lines) }
    }

    /// Prints a list on stderr; long lists are cut.
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

/// Reads the bytes of a versions file.
pub(super) fn read_versions(path: &Path, bytes: Vec<u8>) -> Result<Arc<Versions>, Failure> {
    let source = document::decode(path.display().to_string(), bytes);
    source.and_then(Versions::read).map_err(|report| Failure::Unreadable { report })
}

fn out_not_separate(dir: &Path, other: &str) -> Failure {
    let message = format!("the output directory {} is not separate from {other}", dir.display());
    Failure::usage(message, "name a separate directory with --out")
}

/// Follows the symlinks in the existing part of a path.
fn resolve(path: &Path) -> Result<PathBuf, Failure> {
    let absolute = std::path::absolute(path).map_err(Failure::reading(path))?;
    let mut resolved = PathBuf::new();
    for component in absolute.components() {
        match component {
            Component::ParentDir => drop(resolved.pop()),
            component => resolved.push(component),
        }
        // A missing path has no symlinks.
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
pub(super) fn count_members(nodes: usize, clients: usize) -> String {
    match clients {
        0 => count(nodes, "node"),
        _ => format!("{}, {}", count(nodes, "node"), count(clients, "client")),
    }
}

/// A stream whose reader may close the pipe. Later output is dropped, and the exit code does not
/// change.
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
    fn ignores_only_broken_pipes() {
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
    fn count_uses_singular_and_plural() {
        assert_eq!([0, 1, 2].map(|n| count(n, "file")), ["0 files", "1 file", "2 files"]);
    }
}
