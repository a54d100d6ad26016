//! Texts that several reporters use.

use std::fmt::Display;

use meshwright_value::closest;

/// The most names that are listed in a sentence.
pub(crate) const NAMED: usize = 3;

/// The known word that was probably meant; if there is none, all known words.
pub(crate) fn suggestion(word: &str, known: &[&str]) -> String {
    match closest(word, known.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("valid here: {}", list(known, "and")),
    }
}

/// `` `a`, `b` and `c` ``; of more than [`NAMED`], their number.
pub(crate) fn list<T: Display>(items: &[T], conjunction: &str) -> String {
    let quoted = |item: &T| format!("`{item}`");
    let (named, rest) = match items.len().checked_sub(NAMED) {
        Some(more @ 1..) => (&items[..NAMED], Some(format!("{more} more"))),
        _ => (items, None),
    };
    let mut words: Vec<_> = named.iter().map(quoted).chain(rest).collect();
    match words.pop() {
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} {conjunction} {last}", words.join(", ")),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::list;

    #[test]
    fn lists_are_sentences() {
        let table: [(&[u8], &str); 5] = [
            (&[], ""),
            (&[1], "`1`"),
            (&[1, 2], "`1` and `2`"),
            (&[1, 2, 3], "`1`, `2` and `3`"),
            (&[1, 2, 3, 4, 5], "`1`, `2`, `3` and 2 more"),
        ];
        for (items, expected) in table {
            assert_eq!(list(items, "and"), expected, "{items:?}");
        }
    }
}
