//! Times on the command line: RFC 3339, a date with or without a time of day, or a span back.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// Reads a moment, seen from now.
pub(crate) fn parse(text: &str) -> Result<Timestamp, String> {
    parse_at(text, Timestamp::now())
}

fn parse_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    let text = text.trim();
    if let Ok(moment) = text.parse::<Timestamp>() {
        return Ok(moment);
    }
    let civil = text
        .parse::<DateTime>()
        .or_else(|_| text.parse::<Date>().map(|date| date.at(0, 0, 0, 0)));
    if let Ok(civil) = civil {
        // A zone that cannot be read must not be dropped: the user would get other hours.
        return if text.ends_with(['z', 'Z', ']']) {
            Err(unreadable())
        } else {
            civil
                .to_zoned(TimeZone::UTC)
                .map(|zoned| zoned.timestamp())
                .map_err(|_| "out of range".to_owned())
        };
    }
    let seconds = span(text).ok_or_else(unreadable)?;
    now.checked_sub(SignedDuration::from_secs(seconds))
        .map_err(|_| "too far back".to_owned())
}

fn unreadable() -> String {
    "not a time; write `2023-02-28T12:00:00Z`, `2023-02-28 12:00` (UTC), `2023-02-28`, \
     or a span back from now such as `90m`, `2h` or `3d`"
        .to_owned()
}

/// Seconds of `90m`, `2h`, `1d12h`.
fn span(text: &str) -> Option<i64> {
    let mut seconds: i64 = 0;
    let mut digits = 0;
    let mut number: i64 = 0;
    let mut open = true;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            number = number
                .checked_mul(10)?
                .checked_add(i64::from(byte - b'0'))?;
            digits += 1;
            open = true;
            continue;
        }
        let unit = match byte {
            b's' => 1,
            b'm' => 60,
            b'h' => 3600,
            b'd' => 86_400,
            b'w' => 604_800,
            _ => return None,
        };
        if digits == 0 {
            return None;
        }
        seconds = seconds.checked_add(number.checked_mul(unit)?)?;
        (digits, number, open) = (0, 0, false);
    }
    (!open).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<String> {
        let now = "2023-02-28T12:00:00Z".parse().unwrap();
        parse_at(text, now).ok().map(|t| t.to_string())
    }

    #[test]
    fn reads_what_people_write() {
        for (text, wanted) in [
            ("2023-02-28T12:00:01.5+01:00", "2023-02-28T11:00:01.5Z"),
            ("2023-02-28", "2023-02-28T00:00:00Z"),
            ("2023-02-28 08:30", "2023-02-28T08:30:00Z"),
            ("2023-02-28T08:30:05", "2023-02-28T08:30:05Z"),
            ("2h", "2023-02-28T10:00:00Z"),
            ("1d12h", "2023-02-27T00:00:00Z"),
            ("90m", "2023-02-28T10:30:00Z"),
        ] {
            assert_eq!(read(text).as_deref(), Some(wanted), "{text}");
        }
    }

    #[test]
    fn refuses_what_it_would_have_to_guess() {
        for text in [
            "",
            "2",
            "h",
            "2x",
            "-2h",
            "yesterday",
            "2023-13-01",
            "2h3",
            "9999999999999999999d",
            "99999999999d",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
