//! The only use of the clock: certificates expire. No file in `out/` contains a date of this machine.

use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const DAY: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day]");
const MINUTE: &[BorrowedFormatItem<'_>] =
    format_description!("[year]-[month]-[day] [hour]:[minute] UTC");

/// The time of this machine, in UTC.
#[expect(clippy::disallowed_methods, reason = "certificates need dates; out/ contains none")]
pub(crate) fn now() -> OffsetDateTime {
    OffsetDateTime::now_utc()
}

/// `2026-11-25 09:10 UTC`.
pub(crate) fn format_minute(time: OffsetDateTime) -> String {
    format(time, MINUTE)
}

/// `2026-11-25`.
pub(crate) fn format_day(time: OffsetDateTime) -> String {
    format(time, DAY)
}

fn format(time: OffsetDateTime, description: &[BorrowedFormatItem<'_>]) -> String {
    let formatted = time.format(description);
    formatted.unwrap_or_else(|fault| unreachable!("date and time are known: {fault}"))
}
