//! The one clock: what expires has to know what time it is. Nothing of it enters `out/`.

use time::OffsetDateTime;

/// The time of this machine.
#[expect(clippy::disallowed_methods, reason = "certificates begin and end; out/ holds none")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// A moment as people write it: `2026-11-25 09:10 UTC`.
pub(crate) fn minute(at: OffsetDateTime) -> String {
    let (hour, minute) = (at.hour(), at.minute());
    format!("{} {hour:02}:{minute:02} UTC", day(at))
}

/// A day as people write it: `2026-11-25`.
pub(crate) fn day(at: OffsetDateTime) -> String {
    format!("{}-{:02}-{:02}", at.year(), u8::from(at.month()), at.day())
}
