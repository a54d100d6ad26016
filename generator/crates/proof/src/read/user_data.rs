//! `user-data.yaml`: the cloud-config of a host's first boot (docs.cloud-init.io, "Module reference"). One
//! script contains the files of the host, and unpacks them into a folder of ours.

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
    /// The files that it carries.
    pub files: Vec<CarriedFile>,
}

/// One file that it carries. Each has the line of the script.
#[derive(Debug)]
pub(crate) struct CarriedFile {
    /// The path on the host.
    pub path: LineSpanned<String>,
    /// The mode, in octal.
    pub permissions: LineSpanned<String>,
    /// Its bytes.
    pub content: LineSpanned<Vec<u8>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CloudConfigYaml {
    hostname: Spanned<String>,
    manage_etc_hosts: Spanned<bool>,
    bootcmd: Vec<Vec<Spanned<String>>>,
}

/// The first line, by which cloud-init recognises the format.
const HEADER: &str = "#cloud-config";
/// The only command, whose last word is the compressed script.
const COMMAND: [&str; 3] = ["bash", "-c", "bash <(base64 -d <<<\"$0\" | gunzip)"];
/// The line that ends each file in the script.
const END: &str = "MESHWRIGHT-END";
/// What the script contains before the files.
const UNPACKING_HEAD: &str = r#"#!/bin/bash
set -eu
umask 022
folder=/var/lib/meshwright/first-boot
rm -rf $folder
put() {
  mkdir -p "$folder${2%/*}"
  cat >"$folder$2"
  chmod "$1" "$folder$2"
}
"#;
/// What the script contains after the files.
const UNPACKING_TAIL: &str = "exec bash $folder/usr/local/sbin/meshwright-node first-boot \"$@\"\n";
/// The most bytes of all unpacked files: a gzip bomb ends here.
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
    let commands = config.bootcmd.into_iter();
    let words: Vec<Vec<_>> = commands
        .map(|command| command.into_iter().map(|word| document.with_line(word)).collect())
        .collect();
    let first_word = words.iter().flatten().next();
    let line = first_word.map_or(0, |word| word.line);
    let packed = match &words[..] {
        [command]
            if command.len() == 4 && command.iter().map(|word| &word.value).take(3).eq(COMMAND) =>
        {
            &command[3]
        }
        _ => {
            let message = "bootcmd is not the command that unpacks the files, alone".to_owned();
            return Err(ParseError { line, message });
        }
    };
    Ok(UserData {
        hostname: document.with_line(config.hostname),
        files: read_unpacking_script(&unpacked(packed)?)?,
    })
}

/// The script.
fn unpacked(packed: &LineSpanned<String>) -> Result<LineSpanned<Vec<u8>>, ParseError> {
    let LineSpanned { value: text, line } = packed;
    let malformed = |message: &str| ParseError { line: *line, message: message.to_owned() };
    let value =
        gunzip(text, LARGEST).ok_or_else(|| malformed("the content is not gzip in base64"))?;
    if value.len() as u64 > LARGEST {
        return Err(malformed("the files have more than 16 MiB when they are unpacked"));
    }
    Ok(LineSpanned { value, line: *line })
}

/// The files in the script.
fn read_unpacking_script(script: &LineSpanned<Vec<u8>>) -> Result<Vec<CarriedFile>, ParseError> {
    let LineSpanned { value: bytes, line } = script;
    let refused = |message: String| ParseError { line: *line, message };
    let text = std::str::from_utf8(bytes).map_err(|_| refused("it is not UTF-8".to_owned()))?;
    let body = text.strip_prefix(UNPACKING_HEAD).and_then(|rest| rest.strip_suffix(UNPACKING_TAIL));
    let body = body.ok_or_else(|| refused("the script does more than unpack files".to_owned()))?;
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

/// The unpacked bytes, at most one more than `most`.
fn gunzip(text: &str, most: u64) -> Option<Vec<u8>> {
    let packed = STANDARD.decode(text.trim_end()).ok()?;
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).take(most + 1).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::{UNPACKING_HEAD, UNPACKING_TAIL, read_unpacking_script};
    use crate::span::LineSpanned;

    /// The files of a script, `MODE PATH TEXT`, or the message.
    fn read(script: &str) -> Result<Vec<String>, String> {
        let script = LineSpanned { value: script.as_bytes().to_vec(), line: 7 };
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
    fn a_script_unpacks_files_and_does_nothing_else() {
        let with = |body: &str| format!("{UNPACKING_HEAD}{body}{UNPACKING_TAIL}");
        let end = "MESHWRIGHT-END";
        let sound =
            format!("put 0644 /etc/a <<'{end}'\na\n\n{end}\nput 0600 /b <<'{end}'\n{end}\n");
        let files = ["0644 /etc/a \"a\\n\\n\"".to_owned(), "0600 /b \"\"".to_owned()];
        assert_eq!(read(&with(&sound)), Ok(files.to_vec()));
        let more = "the script does more than unpack files";
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
