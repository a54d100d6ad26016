//! The TOML tree of a document: each value, and the bytes of the text in which it is written.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A value of the document, with the places of it and of its key.
#[derive(Debug)]
pub struct TomlItem {
    /// The bytes of its key; for an element of an array, of the element.
    pub key: Range<usize>,
    /// The bytes of the value; for a table with a header, of the header.
    pub bytes: Range<usize>,
    /// The value.
    pub value: TomlValue,
}

/// A value of TOML.
#[derive(Debug)]
pub enum TomlValue {
    /// Text between quotes.
    String(String),
    /// A whole number.
    Integer(TomlInteger),
    /// A number with a fraction or an exponent, as it is written.
    Float(String),
    /// `true` or `false`.
    Boolean(bool),
    /// A date, a time or both: no key of a topology takes one.
    Datetime,
    /// Elements between brackets, or the tables under `[[…]]`.
    Array(Vec<TomlItem>),
    /// Keys and values.
    Table(TomlTable),
}

/// The keys of a table with their values.
pub type TomlTable = BTreeMap<String, TomlItem>;

/// A whole number, with its form in the text.
#[derive(Debug)]
pub struct TomlInteger {
    /// The nearest value that fits.
    pub value: i64,
    /// As it is written, with its prefix (`0x`) and without `_`.
    pub text: String,
}

impl TomlValue {
    /// The text, where the value is one.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The boolean, where the value is one.
    pub(crate) fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Boolean(boolean) => Some(*boolean),
            _ => None,
        }
    }
}

impl TomlItem {
    /// The document as one table; its key and its value are the text's first byte.
    pub(super) fn root(table: Spanned<DeTable<'_>>) -> Self {
        let bytes = table.span();
        let value = TomlValue::Table(owned_table(table.into_inner()));
        Self { key: bytes.clone(), bytes, value }
    }

    fn new(key: Range<usize>, value: Spanned<DeValue<'_>>) -> Self {
        Self { key, bytes: value.span(), value: owned(value.into_inner()) }
    }
}

fn owned(value: DeValue<'_>) -> TomlValue {
    match value {
        DeValue::String(text) => TomlValue::String(text.into_owned()),
        DeValue::Integer(integer) => {
            let digits = integer.as_str();
            let beyond = if digits.starts_with('-') { i64::MIN } else { i64::MAX };
            let value = i64::from_str_radix(digits, integer.radix()).unwrap_or(beyond);
            TomlValue::Integer(TomlInteger { value, text: integer.to_string() })
        }
        DeValue::Float(float) => TomlValue::Float(float.as_str().to_owned()),
        DeValue::Boolean(boolean) => TomlValue::Boolean(boolean),
        DeValue::Datetime(_) => TomlValue::Datetime,
        DeValue::Array(array) => {
            let elements = array.into_iter().map(|element| TomlItem::new(element.span(), element));
            TomlValue::Array(elements.collect())
        }
        DeValue::Table(table) => TomlValue::Table(owned_table(table)),
    }
}

fn owned_table(table: DeTable<'_>) -> TomlTable {
    let entries = table.into_iter().map(|(key, value)| {
        let bytes = key.span();
        (key.into_inner().into_owned(), TomlItem::new(bytes, value))
    });
    entries.collect()
}
