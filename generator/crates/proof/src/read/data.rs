//! The content of a YAML or JSON file as data, whatever its structure: comments, quotes, the order of keys,
//! anchors and the style of collections do not matter.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_saphyr::Spanned;

use super::ParseError;
use super::yaml::{self, YamlDocument};

/// One document of a file.
#[derive(Debug, Clone)]
pub(crate) struct DataDocument {
    /// Its `kind`; empty if it has none.
    pub kind: String,
    /// Its `metadata.name`; empty if it has none.
    pub name: String,
    /// Its content.
    pub root: DataNode,
}

/// A value with its line.
#[derive(Debug, Clone)]
pub(crate) struct DataNode {
    /// The line of its key or, without one, its own line.
    pub line: u32,
    /// The value.
    pub value: DataValue,
}

/// A value.
#[derive(Debug, Clone)]
pub(crate) enum DataValue {
    /// One word, number or text.
    Scalar(DataScalar),
    /// A list.
    List(Vec<DataNode>),
    /// Values by their keys.
    Map(BTreeMap<String, DataNode>),
}

/// A value without parts.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum DataScalar {
    /// Nothing.
    Null,
    /// A truth value.
    Switch(bool),
    /// A whole number.
    Number(i128),
    /// Another number.
    Fraction(f64),
    /// A text, and the line of its first character.
    Text(String, u32),
}

impl fmt::Display for DataScalar {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => f.write_str("nothing"),
            Self::Switch(value) => write!(f, "`{value}`"),
            Self::Number(value) => write!(f, "`{value}`"),
            Self::Fraction(value) => write!(f, "`{value}`"),
            Self::Text(text, _) if needs_quotes(text) => write!(f, "`\"{text}\"`"),
            Self::Text(text, _) => write!(f, "`{text}`"),
        }
    }
}

/// Whether a text without quotes would be read as another value.
fn needs_quotes(text: &str) -> bool {
    ["", "true", "false", "null", "~"].contains(&text) || text.parse::<f64>().is_ok()
}

/// Reads all documents of a file.
///
/// # Errors
///
/// When a document is not valid.
pub(crate) fn read(text: &str) -> Result<Vec<DataDocument>, ParseError> {
    read_after(0, text)
}

/// Reads a text inside a file; `lines` is the number of lines before it.
///
/// # Errors
///
/// When a document is not valid.
pub(crate) fn read_after(lines: u32, text: &str) -> Result<Vec<DataDocument>, ParseError> {
    yaml::documents_after(lines, text).iter().map(DataDocument::read).collect()
}

impl DataDocument {
    fn read(document: &YamlDocument<'_>) -> Result<Self, ParseError> {
        let root = node(document, document.read()?);
        let metadata = root.field("metadata");
        let name = metadata.and_then(|metadata| metadata.field("name")).and_then(DataNode::text);
        Ok(Self {
            kind: document.kind.to_owned(),
            name: name.unwrap_or_default().to_owned(),
            root: DataNode { line: document.first_line(), ..root },
        })
    }
}

impl DataNode {
    /// The value of a key.
    #[must_use]
    pub(crate) fn field(&self, key: &str) -> Option<&Self> {
        match &self.value {
            DataValue::Map(fields) => fields.get(key),
            DataValue::Scalar(_) | DataValue::List(_) => None,
        }
    }

    /// A text.
    #[must_use]
    pub(crate) fn text(&self) -> Option<&str> {
        match &self.value {
            DataValue::Scalar(DataScalar::Text(text, _)) => Some(text),
            _ => None,
        }
    }
}

/// A value whose parts have lines in their document.
enum DataYaml {
    Scalar(DataScalar),
    List(Vec<Spanned<DataYaml>>),
    Map(Vec<(Spanned<String>, Spanned<DataYaml>)>),
}

fn node(document: &YamlDocument<'_>, spanned: Spanned<DataYaml>) -> DataNode {
    let yaml = document.with_line(spanned);
    let value = match yaml.value {
        DataYaml::Scalar(DataScalar::Text(text, _)) => {
            DataValue::Scalar(DataScalar::Text(text, yaml.line))
        }
        DataYaml::Scalar(scalar) => DataValue::Scalar(scalar),
        DataYaml::List(items) => {
            DataValue::List(items.into_iter().map(|item| node(document, item)).collect())
        }
        DataYaml::Map(fields) => {
            let fields = fields.into_iter().map(|(key, value)| {
                let key = document.with_line(key);
                (key.value, DataNode { line: key.line, ..node(document, value) })
            });
            DataValue::Map(fields.collect())
        }
    };
    DataNode { line: yaml.line, value }
}

impl<'de> Deserialize<'de> for DataYaml {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(DataVisitor)
    }
}

struct DataVisitor;

impl<'de> Visitor<'de> for DataVisitor {
    type Value = DataYaml;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E>(self) -> Result<DataYaml, E> {
        Ok(DataYaml::Scalar(DataScalar::Null))
    }

    fn visit_none<E>(self) -> Result<DataYaml, E> {
        Ok(DataYaml::Scalar(DataScalar::Null))
    }

    fn visit_bool<E>(self, value: bool) -> Result<DataYaml, E> {
        Ok(DataYaml::Scalar(DataScalar::Switch(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<DataYaml, E> {
        Ok(DataYaml::Scalar(DataScalar::Number(value.into())))
    }

    fn visit_u64<E>(self, value: u64) -> Result<DataYaml, E> {
        Ok(DataYaml::Scalar(DataScalar::Number(value.into())))
    }

    fn visit_f64<E>(self, value: f64) -> Result<DataYaml, E> {
        Ok(DataYaml::Scalar(DataScalar::Fraction(value)))
    }

    fn visit_str<E>(self, value: &str) -> Result<DataYaml, E> {
        Ok(DataYaml::Scalar(DataScalar::Text(value.to_owned(), 0)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<DataYaml, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = access.next_element()? {
            items.push(item);
        }
        Ok(DataYaml::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<DataYaml, A::Error> {
        let mut fields = Vec::new();
        while let Some(field) = access.next_entry()? {
            fields.push(field);
        }
        Ok(DataYaml::Map(fields))
    }
}

#[cfg(test)]
mod tests {
    use super::{DataNode, DataScalar, DataValue, read};

    fn at<'a>(node: &'a DataNode, path: &[&str]) -> &'a DataNode {
        path.iter().fold(node, |node, key| node.field(key).unwrap())
    }

    #[test]
    fn every_value_has_its_type_and_the_line_of_its_key() {
        let text = "# head\nkind: Pod\nmetadata: {name: a}\nspec:\n  flag: true\n  text: \"true\"\n  \
                    number: 0x10\n  none:\n  list:\n  - 1.5\n  - |\n    two\n    lines\n";
        let documents = read(text).unwrap();
        let root = &documents[0].root;
        assert_eq!((documents[0].kind.as_str(), documents[0].name.as_str()), ("Pod", "a"));
        let scalar = |key| {
            let node = at(root, &["spec", key]);
            let DataValue::Scalar(scalar) = &node.value else { panic!("{key}") };
            (node.line, scalar.clone())
        };
        assert_eq!(scalar("flag"), (5, DataScalar::Switch(true)));
        assert_eq!(scalar("text"), (6, DataScalar::Text("true".to_owned(), 6)));
        assert_eq!(scalar("number"), (7, DataScalar::Number(16)));
        assert_eq!(scalar("none"), (8, DataScalar::Null));
        assert_eq!(at(root, &["spec"]).line, 4);
        let DataValue::List(items) = &at(root, &["spec", "list"]).value else { panic!("list") };
        let lines: Vec<_> = items.iter().map(|item| item.line).collect();
        assert_eq!(lines, [10, 12]);
    }

    #[test]
    fn anchors_are_the_value_that_they_name() {
        let documents = read("a: &one\n  b: 1\nc: *one\n").unwrap();
        let value = at(&documents[0].root, &["c", "b"]);
        assert!(matches!(value.value, DataValue::Scalar(DataScalar::Number(1))));
    }
}
