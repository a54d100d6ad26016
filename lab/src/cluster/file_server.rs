//! An HTTP server for packages, charts and images: files, and a read-only registry as containerd's mirrors call it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;

use anyhow::{Context as _, Result, ensure};

use super::images;
use crate::namespace::Namespace;

/// The port of the server.
pub const PORT: u16 = 8080;

/// The folders by the first part of a request's path.
#[derive(Debug)]
pub struct FileServer {
    /// Files, below `/`.
    pub www: PathBuf,
    /// A flat repository of Debian packages, below `/debian/`.
    pub pool: PathBuf,
    /// Images, below `/v2/`.
    pub registry: PathBuf,
}

/// A file to send.
struct ServedFile {
    path: PathBuf,
    media_type: &'static str,
    digest: Option<String>,
}

impl FileServer {
    /// Serves in the background until the sandbox ends.
    ///
    /// # Errors
    ///
    /// When the port is taken.
    pub fn start(self, namespace: &Namespace, address: Ipv4Addr) -> Result<()> {
        let listener = namespace.enter(|| Ok(TcpListener::bind((address, PORT))?))?;
        let server = Arc::new(self);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let shared = Arc::clone(&server);
                // The client may close the connection at any time.
                thread::spawn(move || drop(shared.answer(stream)));
            }
        });
        Ok(())
    }

    /// Answers the requests of one connection (RFC 9112).
    fn answer(&self, stream: TcpStream) -> Result<()> {
        let mut requests = BufReader::new(stream.try_clone()?);
        let mut responses = stream;
        loop {
            let mut line = String::new();
            if requests.read_line(&mut line)? == 0 {
                return Ok(());
            }
            let mut header = String::from("-");
            while !header.trim().is_empty() {
                header.clear();
                ensure!(requests.read_line(&mut header)? > 0, "half a request");
            }
            let mut words = line.split_whitespace();
            let method = words.next().context("no method")?;
            let target = words.next().context("no target")?;
            self.respond(&mut responses, target, method == "HEAD")?;
        }
    }

    fn respond(&self, stream: &mut TcpStream, target: &str, head_only: bool) -> Result<()> {
        let found = self.find(target).and_then(|file| Ok((File::open(&file.path)?, file)));
        let Ok((mut content, file)) = found else {
            write!(stream, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")?;
            return Ok(());
        };
        let digest = file.digest.map(|digest| format!("Docker-Content-Digest: {digest}\r\n"));
        write!(
            stream,
            "HTTP/1.1 200 OK\r\nContent-Type: {}\r\n{}Content-Length: {}\r\n\r\n",
            file.media_type,
            digest.unwrap_or_default(),
            content.metadata()?.len()
        )?;
        if !head_only {
            io::copy(&mut content, stream)?;
        }
        Ok(())
    }

    fn find(&self, target: &str) -> Result<ServedFile> {
        let (encoded, query) = target.split_once('?').unwrap_or((target, ""));
        let path = decode_percent(encoded)?;
        ensure!(!path.contains(".."), "a path outside the folder");
        if let Some(file) = path.strip_prefix("/debian/") {
            return Ok(ServedFile::plain(self.pool.join(file)));
        }
        let Some(image) = path.strip_prefix("/v2/") else {
            return Ok(ServedFile::plain(self.www.join(path.trim_start_matches('/'))));
        };
        if let Some((_, digest)) = image.split_once("/blobs/") {
            return Ok(self.blob(digest, "application/octet-stream"));
        }
        let (name, reference) = image.split_once("/manifests/").context("an unknown request")?;
        if reference.starts_with("sha256:") {
            return Ok(self.blob(reference, images::MANIFEST));
        }
        // containerd adds the registry that the mirror replaces.
        let registry = query.strip_prefix("ns=").context("no registry")?;
        let tag = self.registry.join("manifests").join(registry).join(name).join(reference);
        Ok(self.blob(&std::fs::read_to_string(tag)?, images::MANIFEST))
    }

    fn blob(&self, digest: &str, media_type: &'static str) -> ServedFile {
        let path = self.registry.join("blobs").join(digest);
        ServedFile { path, media_type, digest: Some(digest.to_owned()) }
    }
}

impl ServedFile {
    fn plain(path: PathBuf) -> Self {
        Self { path, media_type: "application/octet-stream", digest: None }
    }
}

/// Percent-encoding (RFC 3986 §2.1): apt encodes `+`, `~` and `%` of file names.
fn decode_percent(text: &str) -> Result<String> {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (digits, rest) = part.split_at_checked(2).context("a lone percent sign")?;
        decoded.push(u8::from_str_radix(digits, 16)?);
        decoded.extend(rest.as_bytes());
    }
    Ok(String::from_utf8(decoded)?)
}
