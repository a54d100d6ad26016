//! `user-data.yaml`: the cloud-config of a host's first boot (docs.cloud-init.io, "Module reference"). It
//! contains the files of the host, each in clear text, or all in one script that writes them.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::GzDecoder;
use serde::Deserialize;
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml;
use crate::span::LineSpanned;

/// The first boot of one host.
#[derive(Debug)]
pub(crate) struct UserData {
    /// The hostname.
    pub hostname: LineSpanned<String>,
    /// The files that it writes.
    pub files: Vec<CarriedFile>,
    /// The paths on the host that its head lists as left out.
    pub left_out: Vec<LineSpanned<String>>,
}

/// One file that it writes.
#[derive(Debug)]
pub(crate) struct CarriedFile {
    /// The path on the host.
    pub path: LineSpanned<String>,
    /// The mode, in octal.
    pub permissions: LineSpanned<String>,
    /// Its bytes, with the line on which they begin.
    pub content: LineSpanned<Vec<u8>>,
    /// Whether each of its lines is a line of user-data: it is not compressed, nor in a script.
    pub is_clear: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudConfigYaml {
    hostname: Spanned<String>,
    manage_etc_hosts: Spanned<bool>,
    write_files: Vec<WriteFileYaml>,
    runcmd: Spanned<Vec<Vec<String>>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WriteFileYaml {
    path: Spanned<String>,
    owner: Spanned<String>,
    permissions: Spanned<String>,
    encoding: Option<Spanned<String>>,
    content: Spanned<String>,
}

/// The first line, by which cloud-init recognises the format.
const HEADER: &str = "#cloud-config";
/// The prefix of a path in the head.
const LEFT_OUT: &str = "#   /";
/// The only command if the files are in clear text.
const COMMAND: [&str; 2] = ["/usr/local/sbin/meshwright-node", "prepare"];
/// The script that writes the files, and the only command if there is one.
const UNPACKING_SCRIPT: &str = "/usr/local/sbin/meshwright-first-boot";
/// The line that ends each file in the script.
const END: &str = "MESHWRIGHT-END";
/// What the script contains before the files.
const UNPACKING_HEAD: &str = r#"#!/bin/bash
# Writes the files of the first boot, then prepares this host. It keeps what a delivery has written.
set -eu
put() {
  mkdir -p "${2%/*}"
  cat >"$2"
  chmod "$1" "$2"
}
if [ ! -e /etc/meshwright/delivery ]; then
"#;
/// What the script contains after the files.
const UNPACKING_TAIL: &str = "fi\nexec /usr/local/sbin/meshwright-node prepare\n";
/// The most bytes of all unpacked files: a gzip bomb ends here. The peers of 5000 nodes have 3 MB.
const LARGEST: u64 = 16 << 20;

/// Reads a file.
///
/// # Errors
///
/// When it contains anything else.
pub(crate) fn read(text: &str) -> Result<UserData, ParseError> {
    if text.lines().next() != Some(HEADER) {
        let message = format!("the first line is not `{HEADER}`: cloud-init ignores the file");
        return Err(ParseError { line: 1, message });
    }
    let document = yaml::single(&yaml::documents(text))?;
    let config: CloudConfigYaml = document.read()?;
    // With it, each boot would write /etc/hosts anew, without the API's name.
    document.exactly(config.manage_etc_hosts, false)?;
    let mut left = LARGEST;
    let files = config.write_files.into_iter().map(|file| {
        document.exactly(file.owner, "root:root")?;
        let content = document.with_line(file.content);
        let encoding = file.encoding.map(|encoding| document.with_line(encoding));
        Ok(CarriedFile {
            is_clear: encoding.is_none(),
            path: document.with_line(file.path),
            permissions: document.with_line(file.permissions),
            content: unpacked(content, encoding, &mut left)?,
        })
    });
    let written: Vec<_> = files.collect::<Result<_, _>>()?;
    let (files, command): (_, &[&str]) = match &written[..] {
        [script] if script.path.value == UNPACKING_SCRIPT => {
            (read_unpacking_script(script)?, &[UNPACKING_SCRIPT])
        }
        _ => (written, &COMMAND),
    };
    let LineSpanned { value: commands, line } = document.with_line(config.runcmd);
    if commands != [command] {
        let message = format!("runcmd is not `{}` alone", command.join(" "));
        return Err(ParseError { line, message });
    }
    let head = (1..).zip(text.lines()).take_while(|(_, line)| line.starts_with('#'));
    let left_out = head.filter_map(|(line, text)| {
        let path = text.strip_prefix(LEFT_OUT)?;
        Some(LineSpanned { value: format!("/{path}"), line })
    });
    Ok(UserData {
        hostname: document.with_line(config.hostname),
        files,
        left_out: left_out.collect(),
    })
}

/// The files that the script writes. Each has the line of the script.
fn read_unpacking_script(script: &CarriedFile) -> Result<Vec<CarriedFile>, ParseError> {
    let LineSpanned { value: bytes, line } = &script.content;
    let refused = |message: String| ParseError { line: *line, message };
    if script.permissions.value != "0700" {
        let message = format!("the mode of {UNPACKING_SCRIPT} is 0700");
        return Err(ParseError { line: script.permissions.line, message });
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".to_owned()))?;
    let body = text.strip_prefix(UNPACKING_HEAD).and_then(|rest| rest.strip_suffix(UNPACKING_TAIL));
    let body = body.ok_or_else(|| refused("the script does more than write files".to_owned()))?;
    let mut lines = body.lines();
    let mut files = Vec::new();
    while let Some(command) = lines.next() {
        let (permissions, path) = put_command(command)
            .ok_or_else(|| refused(format!("`{command}` in the script is not understood")))?;
        let mut content = String::new();
        loop {
            match lines.next() {
                Some(END) => break,
                Some(text) => content.extend([text, "\n"]),
                None => return Err(refused(format!("{path} has no end"))),
            }
        }
        let spanned = |value: &str| LineSpanned { value: value.to_owned(), line: *line };
        files.push(CarriedFile {
            path: spanned(path),
            permissions: spanned(permissions),
            content: LineSpanned { value: content.into_bytes(), line: *line },
            is_clear: false,
        });
    }
    Ok(files)
}

/// The mode and the path of `put MODE PATH <<'END'`. bash(1) expands nothing in such words.
fn put_command(line: &str) -> Option<(&str, &str)> {
    let words = line.strip_prefix("put ")?.strip_suffix("'")?.strip_suffix(END)?;
    let (permissions, path) = words.strip_suffix(" <<'")?.split_once(' ')?;
    let is_octal =
        !permissions.is_empty() && permissions.bytes().all(|b| (b'0'..=b'7').contains(&b));
    let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"@._+/-".contains(&b);
    (is_octal && path.starts_with('/') && path.bytes().all(is_plain)).then_some((permissions, path))
}

/// The bytes that cloud-init writes.
fn unpacked(
    content: LineSpanned<String>,
    encoding: Option<LineSpanned<String>>,
    left: &mut u64,
) -> Result<LineSpanned<Vec<u8>>, ParseError> {
    let LineSpanned { value: text, line } = content;
    match encoding {
        None => Ok(LineSpanned { value: text.into_bytes(), line }),
        Some(encoding) if encoding.value == "gz+b64" => {
            let malformed = |message: &str| ParseError { line, message: message.to_owned() };
            let value = gunzip(&text, *left)
                .ok_or_else(|| malformed("the content is not gzip in base64"))?;
            *left = left.checked_sub(value.len() as u64).ok_or_else(|| {
                malformed("the files have more than 16 MiB when they are unpacked")
            })?;
            Ok(LineSpanned { value, line })
        }
        Some(LineSpanned { value, line }) => {
            Err(ParseError { line, message: format!("the encoding `{value}` is not understood") })
        }
    }
}

/// The unpacked bytes, at most one more than `most`.
fn gunzip(text: &str, most: u64) -> Option<Vec<u8>> {
    let packed = STANDARD.decode(text.trim_end()).ok()?;
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).take(most + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{CarriedFile, UNPACKING_HEAD, UNPACKING_TAIL, read_unpacking_script};
    use crate::span::LineSpanned;

    /// The files of a script, `MODE PATH TEXT`, or the message.
    fn read(script: &str) -> Result<Vec<String>, String> {
        let spanned = |value: &str| LineSpanned { value: value.to_owned(), line: 7 };
        let script = CarriedFile {
            path: spanned(super::UNPACKING_SCRIPT),
            permissions: spanned("0700"),
            content: LineSpanned { value: script.as_bytes().to_vec(), line: 7 },
            is_clear: false,
        };
        let files = read_unpacking_script(&script).map_err(|fault| {
            assert_eq!(fault.line, 7);
            fault.message
        })?;
        let described = files.into_iter().map(|file| {
            let text = String::from_utf8(file.content.value).unwrap();
            format!("{} {} {text:?}", file.permissions.value, file.path.value)
        });
        Ok(described.collect())
    }

    #[test]
    fn a_script_writes_files_and_does_nothing_else() {
        let with = |body: &str| format!("{UNPACKING_HEAD}{body}{UNPACKING_TAIL}");
        let end = "MESHWRIGHT-END";
        let sound =
            format!("put 0644 /etc/a <<'{end}'\na\n\n{end}\nput 0600 /b <<'{end}'\n{end}\n");
        let files = ["0644 /etc/a \"a\\n\\n\"".to_owned(), "0600 /b \"\"".to_owned()];
        assert_eq!(read(&with(&sound)), Ok(files.to_vec()));
        let more = "the script does more than write files";
        let refused = [
            (sound.clone(), more.to_owned()),
            (with(&sound).replace("chmod", "echo"), more.to_owned()),
            (format!("{}reboot\n", with(&sound)), more.to_owned()),
            (
                with(&format!("{sound}reboot\n")),
                "`reboot` in the script is not understood".to_owned(),
            ),
            (with(&sound.replace("/b", "b")), not_understood("put 0600 b <<'MESHWRIGHT-END'")),
            (with(&sound.replace("/b", "/$b")), not_understood("put 0600 /$b <<'MESHWRIGHT-END'")),
            (with(&sound.replace("0600", "u+s")), not_understood("put u+s /b <<'MESHWRIGHT-END'")),
            // Without the quotes, the shell expands the text.
            (with(&sound.replace(['\''], "")), not_understood("put 0644 /etc/a <<MESHWRIGHT-END")),
            (with(sound.strip_suffix("MESHWRIGHT-END\n").unwrap()), "/b has no end".to_owned()),
        ];
        for (script, message) in refused {
            assert_eq!(read(&script), Err(message), "{script}");
        }
    }

    fn not_understood(command: &str) -> String {
        format!("`{command}` in the script is not understood")
    }
}
