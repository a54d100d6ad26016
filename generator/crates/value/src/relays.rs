//! The relays of a node, in the order in which they are used.

use super::{Malformed, Name};

/// The relays of a node, without duplicates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relays {
    first: Name,
    further: Vec<Name>,
}

impl Relays {
    /// The relays in their order.
    ///
    /// # Errors
    ///
    /// When there is none, or one is named twice.
    pub fn new(names: Vec<Name>) -> Result<Self, Malformed> {
        let twice = (1..names.len()).find(|at| names[..*at].contains(&names[*at]));
        if let Some(name) = twice.map(|at| &names[at]) {
            let message = format!("the relay `{name}` is named twice");
            return Err(Malformed::new(message, "expected different relays")
                .help("name each relay once, in the order in which they are used"));
        }
        let mut names = names.into_iter();
        let first = names.next().ok_or_else(|| {
            Malformed::new("the list of relays is empty", "expected the name of a node")
                .help("leave the key out if the node needs no relay")
        })?;
        Ok(Self { first, further: names.collect() })
    }

    /// The relay that is used while it answers.
    #[must_use]
    pub const fn first(&self) -> &Name {
        &self.first
    }

    /// Each relay, in its order.
    pub fn iter(&self) -> impl Iterator<Item = &Name> {
        std::iter::once(&self.first).chain(&self.further)
    }

    /// Whether there is only one.
    #[must_use]
    pub fn is_single(&self) -> bool {
        self.further.is_empty()
    }
}

impl serde::Serialize for Relays {
    /// One relay as a string, and several as an array.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.is_single() {
            return self.first.serialize(serializer);
        }
        serializer.collect_seq(self.iter())
    }
}

#[cfg(test)]
mod tests {
    use super::Relays;
    use crate::{Name, Text as _};

    fn relays(names: &[&str]) -> Result<Relays, String> {
        let names = names.iter().map(|name| Name::parse(name).unwrap());
        Relays::new(names.collect()).map_err(|malformed| malformed.message)
    }

    #[test]
    fn each_relay_is_named_once() {
        assert_eq!(
            relays(&["paris", "prague", "paris"]).unwrap_err(),
            "the relay `paris` is named twice"
        );
        assert_eq!(relays(&[]).unwrap_err(), "the list of relays is empty");
        let both = relays(&["paris", "prague"]).unwrap();
        assert_eq!(both.iter().map(Name::as_str).collect::<Vec<_>>(), ["paris", "prague"]);
    }

    #[test]
    fn one_relay_is_written_as_a_string() {
        let written = |names| serde_json::to_string(&relays(names).unwrap()).unwrap();
        assert_eq!(written(&["paris"]), "\"paris\"");
        assert_eq!(written(&["paris", "prague"]), "[\"paris\",\"prague\"]");
    }
}
