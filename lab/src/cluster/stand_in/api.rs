//! A client of the API server: plain HTTP to `kubectl proxy`, which adds the pod's credential.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Command};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};
use serde_json::Value;

const TIMEOUT: Duration = Duration::from_secs(10);

/// A connection to the API server.
pub(super) struct ApiClient {
    socket: String,
    proxy: Child,
}

impl ApiClient {
    /// Starts the proxy.
    pub(super) fn start(socket: &str) -> Result<Self> {
        let _ = std::fs::remove_file(socket);
        let proxy = Command::new("kubectl")
            .args(["proxy", "--unix-socket", socket])
            .spawn()
            .context("kubectl")?;
        let client = Self { socket: socket.to_owned(), proxy };
        while !std::fs::exists(socket)? {
            thread::sleep(Duration::from_millis(50));
        }
        Ok(client)
    }

    /// An object or a list; None if it does not exist.
    pub(super) fn get(&self, path: &str) -> Result<Option<Value>> {
        match self.request("GET", path, "", "")? {
            (404, _) => Ok(None),
            (200, body) => Ok(Some(serde_json::from_str(&body)?)),
            (code, body) => bail!("GET {path}: {code}: {body}"),
        }
    }

    /// Server-side apply of one object.
    pub(super) fn apply(&self, path: &str, object: &Value) -> Result<()> {
        let query = format!("{path}?fieldManager=stand-in&force=true");
        self.patch(&query, "application/apply-patch+yaml", object)
    }

    /// A merge patch of one object.
    pub(super) fn merge(&self, path: &str, patch: &Value) -> Result<()> {
        self.patch(path, "application/merge-patch+json", patch)
    }

    fn patch(&self, path: &str, kind: &str, object: &Value) -> Result<()> {
        let (code, body) = self.request("PATCH", path, kind, &object.to_string())?;
        ensure!([200, 201].contains(&code), "PATCH {path}: {code}: {body}");
        Ok(())
    }

    fn request(&self, method: &str, path: &str, kind: &str, body: &str) -> Result<(u16, String)> {
        let mut stream = UnixStream::connect(&self.socket)?;
        stream.set_read_timeout(Some(TIMEOUT))?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n\
             Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )?;
        read_response(BufReader::new(stream)).with_context(|| format!("{method} {path}"))
    }
}

impl Drop for ApiClient {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.proxy.kill();
        let _ = self.proxy.wait();
    }
}

fn read_response(mut stream: BufReader<UnixStream>) -> Result<(u16, String)> {
    let mut status = String::new();
    stream.read_line(&mut status)?;
    let code = status.split(' ').nth(1).context("no status")?.parse()?;
    let mut chunked = false;
    loop {
        let mut header = String::new();
        stream.read_line(&mut header)?;
        chunked |= header.eq_ignore_ascii_case("transfer-encoding: chunked\r\n");
        if header.trim_end().is_empty() {
            break;
        }
    }
    let mut body = Vec::new();
    if chunked {
        read_chunks(&mut stream, &mut body)?;
    } else {
        stream.read_to_end(&mut body)?;
    }
    Ok((code, String::from_utf8(body)?))
}

/// Chunks of RFC 9112 §7.1.
fn read_chunks(stream: &mut BufReader<UnixStream>, body: &mut Vec<u8>) -> Result<()> {
    loop {
        let mut size = String::new();
        stream.read_line(&mut size)?;
        let length = u64::from_str_radix(size.trim_end(), 16)?;
        std::io::copy(&mut stream.take(length), body)?;
        stream.read_line(&mut String::new())?;
        if length == 0 {
            return Ok(());
        }
    }
}
