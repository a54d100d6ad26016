//! The relays between two nodes of which neither can call the other.

/// The relays of a pair in their order, from the id of each node and the relays that it names: those of the lower id, if
/// both name some.
///
/// A function of the unordered pair: if the two ends used different relays, no packet would pass in either direction,
/// and no error counter would rise (observed with wireguard-go, 2026-11).
pub(crate) fn of_pair<Id: Ord, Relays>(
    one: (Id, Option<Relays>),
    other: (Id, Option<Relays>),
) -> Option<Relays> {
    let (lower, higher) = if one.0 < other.0 { (one, other) } else { (other, one) };
    lower.1.or(higher.1)
}

#[cfg(test)]
mod tests {
    use super::of_pair;

    #[test]
    fn both_ends_use_the_same_relay() {
        let table = [
            ((1, Some("paris")), (2, Some("vienna")), Some("paris")),
            ((1, None), (2, Some("vienna")), Some("vienna")),
            ((1, Some("paris")), (2, None), Some("paris")),
            ((1, None), (2, None), None),
        ];
        for (one, other, relay) in table {
            assert_eq!((of_pair(one, other), of_pair(other, one)), (relay, relay));
        }
    }
}
