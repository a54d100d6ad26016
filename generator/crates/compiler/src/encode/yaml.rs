//! YAML, quoted so that parsers of 1.1 and of 1.2 read the same values. kubectl and kubeadm read 1.2 with
//! 1.1's booleans (sigs.k8s.io/yaml), cloud-init reads 1.1 (PyYAML).

use serde::Serialize;
use serde_saphyr::ser_options;

use super::GENERATED;

/// A file of one or more documents under one header.
#[derive(Debug)]
pub struct YamlFile {
    text: String,
    documents: usize,
}

impl YamlFile {
    /// A file with the header, then `about` as comment lines.
    #[must_use]
    pub fn new(about: &str) -> Self {
        let lines = std::iter::once(GENERATED).chain(about.lines());
        let comments = lines.map(|line| format!("# {line}").trim_end().to_owned() + "\n");
        Self { text: comments.collect(), documents: 0 }
    }

    /// A file with the first line by which cloud-init recognises its format.
    #[must_use]
    pub fn cloud_config(about: &str) -> Self {
        let Self { text, documents } = Self::new(about);
        Self { text: format!("#cloud-config\n{text}"), documents }
    }

    /// Appends a document.
    #[must_use]
    pub fn document(mut self, value: &impl Serialize) -> Self {
        if self.documents > 0 {
            self.text.push_str("---\n");
        }
        self.text.push_str(&text(value));
        self.documents += 1;
        self
    }

    /// The bytes of the file.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.text.into_bytes()
    }
}

/// Serialises one value without a header, for a document inside another one's string.
///
/// Long strings stay on one line, so that a diff shows only the change.
#[must_use]
pub fn text(value: &impl Serialize) -> String {
    let mut text = String::new();
    append(value, &mut text);
    text
}

/// Appends the text of a value to a buffer, which the caller may have allocated at its final size.
pub fn append(value: &impl Serialize, text: &mut String) {
    let options = ser_options! { folded_wrap_chars: usize::MAX };
    serde_saphyr::to_fmt_writer_with_options(text, value, options)
        .unwrap_or_else(|fault| unreachable!("our structs have scalar keys: {fault}"));
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{YamlFile, text};

    /// Strings that some parser would read as another type: each must be quoted.
    #[rustfmt::skip]
    const QUOTED: &[&str] = &[
        // Booleans and nulls of YAML 1.1.
        "", "~", "null", "Null", "y", "Y", "n", "yes", "no", "NO", "on", "OFF", "true", "False",
        // Numbers, also those of YAML 1.1 and of Go; to 1.1 an address looks like a float.
        "0", "-1", "+12", "007", "0o7", "0b10", "0x1F", "1_000", "1e3", ".5", "1.", ".inf", ".nan",
        "-.INF", "685_230.15", "10.66.66.1",
        // Sexagesimal numbers, of which a MAC address is one.
        "22:22", "12:30:45", "190:20:30", "52:54:00:12:34:56",
        // Dates, the value and the merge key.
        "2026-11-23", "2026-11-23T01:02:03Z", "=", "<<",
        // Syntax.
        " leading", "trailing ", "a # comment", "#", "key: value", "key:", "- item", "-", "? key",
        "[a", "{a", "&anchor", "*alias", "!tag", "|", ">", "%TAG", "@", "`", "'single'",
        "\"double\"", ",", "---", "--- a", "...", "a\tb", "\ttab", "a\r\nb", "\u{85}",
        "\u{feff}bom", "bell\u{7}",
    ];

    /// Strings that every parser reads as strings.
    #[rustfmt::skip]
    const PLAIN: &[&str] = &[
        "10.244.1.0/24", "k8s-api.atlas.internal:6443", "v1.37.2", "8m0s", "^wg0$", "all()",
        "unix:///run/containerd/containerd.sock", "kubernetes.io/hostname == 'hongkong'",
        "--bind-address=10.66.66.1", "höhle", "香港", "a#b", "a \"b\"",
    ];

    #[test]
    fn ambiguous_strings_are_quoted() {
        for string in QUOTED {
            let emitted = text(string);
            let quoted = ['"', '\''].iter().any(|quote| {
                emitted.starts_with(*quote) && emitted.ends_with(&format!("{quote}\n"))
            });
            assert!(quoted, "{string:?} was emitted as {emitted:?}");
        }
    }

    #[test]
    fn unambiguous_strings_are_plain() {
        for string in PLAIN {
            assert_eq!(text(string), format!("{string}\n"));
        }
    }

    #[test]
    fn long_strings_are_not_folded() {
        let long = "word ".repeat(100) + "end";
        assert_eq!(text(&BTreeMap::from([("key", &long)])), format!("key: {long}\n"));
    }

    #[test]
    fn lines_are_a_literal_block() {
        let table = [
            ("a: on\n# b\n", "key: |\n  a: on\n  # b\n"),
            ("a\n\nb", "key: |-\n  a\n\n  b\n"),
            ("a\n\n", "key: |+\n  a\n\n"),
            ("  a\nb\n", "key: |2\n    a\n  b\n"),
        ];
        for (value, expected) in table {
            assert_eq!(text(&BTreeMap::from([("key", value)])), expected, "{value:?}");
        }
    }

    #[test]
    fn keys_are_quoted_like_values() {
        let keys = ["on", "no", "y", "1_000", "22:22", "<<", "=", "2026-11-23", "config.conf"];
        let map: BTreeMap<_, _> = keys.into_iter().map(|key| (key, 1)).collect();
        let expected = "\"1_000\": 1\n\"2026-11-23\": 1\n\"22:22\": 1\n\"<<\": 1\n\"=\": 1\n\
                        config.conf: 1\n\"no\": 1\n\"on\": 1\n\"y\": 1\n";
        assert_eq!(text(&map), expected);
    }

    #[test]
    fn documents_share_one_header() {
        let file = YamlFile::new("two documents\n\nnot read").document(&["a"]).document(&["on"]);
        let expected = "# generated from topology.toml by meshwright; do not edit\n\
                        # two documents\n#\n# not read\n- a\n---\n- \"on\"\n";
        assert_eq!(String::from_utf8(file.finish()).unwrap(), expected);
    }
}
