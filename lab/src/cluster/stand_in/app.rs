//! The pods of the checks: an HTTP server that answers with its pod's name, and a client for `kubectl exec`.

#![expect(clippy::print_stdout, reason = "kubectl logs and exec read it")]

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream, ToSocketAddrs as _};
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, bail, ensure};

/// The port of the server.
pub const PORT: u16 = 8080;

/// The line that the server prints when it listens.
pub const LISTENING: &str = "the app listens";

/// How long one attempt of the client may take.
const TIMEOUT: Duration = Duration::from_secs(3);

pub(super) fn run(arguments: &[String]) -> Result<()> {
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [] | ["serve"] => serve(),
        ["get", ..] => get_all(&arguments[1..]),
        ["resolve", name] => resolve(name),
        _ => bail!("usage: app [serve | get HOST:PORT... | resolve NAME]"),
    }
}

/// The only task of the image `pause`.
pub(super) fn sleep() -> ! {
    loop {
        thread::sleep(Duration::from_secs(3600));
    }
}

fn serve() -> Result<()> {
    let name = std::fs::read_to_string("/etc/hostname")?.trim().to_owned();
    let listener = TcpListener::bind(("0.0.0.0", PORT))?;
    println!("{LISTENING}");
    for stream in listener.incoming().flatten() {
        let greeting = name.clone();
        // The client may have closed the connection.
        thread::spawn(move || drop(answer(stream, &greeting)));
    }
    bail!("the listener has ended")
}

/// The pod's name and the client's address, as an HTTP response.
fn answer(mut stream: TcpStream, name: &str) -> Result<()> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    let peer = stream.peer_addr()?.ip().to_canonical();
    // The request is not interpreted: each path has the same answer.
    let _ = stream.read(&mut [0; 1024])?;
    let body = format!("{name} {peer}");
    write!(
        stream,
        "HTTP/1.1 200 OK\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    )?;
    Ok(())
}

/// Prints a line for each target: the target, and the answer or the error.
fn get_all(targets: &[String]) -> Result<()> {
    for target in targets {
        match get(target) {
            Ok(answer) => println!("{target} {answer}"),
            Err(error) => println!("{target} error: {error:#}"),
        }
    }
    Ok(())
}

/// The answer of the server at `host:port`.
///
/// # Errors
///
/// When no answer arrives within 3 s.
pub fn get(target: &str) -> Result<String> {
    let address = target.to_socket_addrs()?.next().context("no address")?;
    let mut stream = TcpStream::connect_timeout(&address, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    write!(stream, "GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")?;
    let mut response = String::new();
    stream.read_to_string(&mut response)?;
    let (head, body) = response.split_once("\r\n\r\n").context("no HTTP response")?;
    ensure!(head.starts_with("HTTP/1.1 200"), "{head}");
    Ok(body.to_owned())
}

/// Prints the addresses of a name.
fn resolve(name: &str) -> Result<()> {
    for address in (name, 0).to_socket_addrs()? {
        println!("{}", address.ip());
    }
    Ok(())
}
