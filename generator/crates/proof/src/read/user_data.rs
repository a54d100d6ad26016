//! `user-data.yaml`: the cloud-config of a host's first boot (docs.cloud-init.io, "Module reference"). It
//! contains files of the host, in clear text or compressed.

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
/// The only command.
const COMMAND: [&str; 2] = ["/usr/local/sbin/meshwright-node", "prepare"];
/// The largest unpacked file, in bytes: a gzip bomb ends here.
const LARGEST: u64 = 64 << 20;

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
    let LineSpanned { value: commands, line } = document.with_line(config.runcmd);
    if commands != [COMMAND] {
        let message = format!("runcmd is not `{}` alone", COMMAND.join(" "));
        return Err(ParseError { line, message });
    }
    let files = config.write_files.into_iter().map(|file| {
        document.exactly(file.owner, "root:root")?;
        let content = document.with_line(file.content);
        let encoding = file.encoding.map(|encoding| document.with_line(encoding));
        Ok(CarriedFile {
            path: document.with_line(file.path),
            permissions: document.with_line(file.permissions),
            content: unpacked(content, encoding)?,
        })
    });
    let head = (1..).zip(text.lines()).take_while(|(_, line)| line.starts_with('#'));
    let left_out = head.filter_map(|(line, text)| {
        let path = text.strip_prefix(LEFT_OUT)?;
        Some(LineSpanned { value: format!("/{path}"), line })
    });
    Ok(UserData {
        hostname: document.with_line(config.hostname),
        files: files.collect::<Result<_, _>>()?,
        left_out: left_out.collect(),
    })
}

/// The bytes that cloud-init writes.
fn unpacked(
    content: LineSpanned<String>,
    encoding: Option<LineSpanned<String>>,
) -> Result<LineSpanned<Vec<u8>>, ParseError> {
    let LineSpanned { value: text, line } = content;
    match encoding {
        None => Ok(LineSpanned { value: text.into_bytes(), line }),
        Some(encoding) if encoding.value == "gz+b64" => {
            let message = || "the content is not gzip in base64".to_owned();
            let value = gunzip(&text).ok_or_else(|| ParseError { line, message: message() })?;
            Ok(LineSpanned { value, line })
        }
        Some(LineSpanned { value, line }) => {
            Err(ParseError { line, message: format!("the encoding `{value}` is not understood") })
        }
    }
}

fn gunzip(text: &str) -> Option<Vec<u8>> {
    let packed = STANDARD.decode(text.trim_end()).ok()?;
    let mut bytes = Vec::new();
    GzDecoder::new(&packed[..]).take(LARGEST).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
