//! Days of the calendar.

use super::string::string_type;
use super::{Form, Malformed, Text};

string_type! {
    /// A day as RFC 3339 has it: `2026-12-29`. The order of the texts is that of the days.
    pub struct Day;
}

impl Text for Day {
    const EXPECTED: &'static str = "a day such as `2026-12-29`";
    const FORM: Form = Form::Pattern(r"^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])$");

    fn parse(text: &str) -> Result<Self, Malformed> {
        let parts: Vec<_> = text.split('-').collect();
        let number = |digits: &str, length: usize| {
            let is_number = digits.len() == length && digits.bytes().all(|c| c.is_ascii_digit());
            is_number.then(|| digits.parse::<u16>().ok()).flatten()
        };
        let is_day = match parts.as_slice() {
            [year, month, day] => {
                let (month, day) = (number(month, 2), number(day, 2));
                number(year, 4).zip(month).zip(day).is_some_and(|((year, month), day)| {
                    (1..=12).contains(&month) && (1..=days_of(year, month)).contains(&day)
                })
            }
            _ => false,
        };
        match is_day {
            true => Ok(Self(text.to_owned())),
            false => Err(Malformed::new(format!("`{text}` is not a valid day"), "not a valid day")
                .help("write year-month-day, such as `2026-12-29`")),
        }
    }
}

const fn days_of(year: u16, month: u16) -> u16 {
    match month {
        2 if year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400)) => {
            29
        }
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::table::{accepts, refuses};

    #[test]
    fn takes_days_in_order() {
        accepts::<Day>(&[("2026-12-29", "2026-12-29"), ("2028-02-29", "2028-02-29")]);
        assert!(Day::parse("2026-12-01").unwrap() > Day::parse("2026-11-30").unwrap());
    }

    #[test]
    fn refuses_the_rest() {
        let write = "write year-month-day, such as `2026-12-29`";
        refuses::<Day>(&[
            ("2026-02-29", "`2026-02-29` is not a valid day", "not a valid day", write),
            ("2100-02-29", "`2100-02-29` is not a valid day", "not a valid day", write),
            ("2026-13-01", "`2026-13-01` is not a valid day", "not a valid day", write),
            ("2026-1-01", "`2026-1-01` is not a valid day", "not a valid day", write),
            ("29.12.2026", "`29.12.2026` is not a valid day", "not a valid day", write),
        ]);
    }
}
