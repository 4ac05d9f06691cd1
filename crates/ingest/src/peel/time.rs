//! The times that logs put in front of lines, with a year and without.
//!
//! klog (`E0813 22:34:54.7`) and syslog (`Aug 13 22:34:54`) leave the year out. A guessed year
//! would be printed as if the log said it, and no time at all would lose what the log does say:
//! which line came when. So such a time is put into a year before all years ([`has_year`] tells
//! it), where only distances count; [`near`] moves it beside a time of the same source.

use jiff::{SignedDuration, Timestamp, civil, tz};

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0i32, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + i32::from(b - b'0'))
    })
}

pub(super) fn field(bytes: &[u8], from: usize, len: usize) -> Option<i32> {
    number(bytes.get(from..from + len)?)
}

fn small(n: i32) -> Option<i8> {
    i8::try_from(n).ok()
}

/// A leading time with a year, in brackets or not: ISO 8601 and RFC 3339 with `T` or a blank,
/// `2006/01/02 15:04:05`, `02/01/2006 15:04:05.000` (Windows containers).
///
/// Windows workers print the day first, but some the month: where only that can be meant, it is
/// read so. A time without zone is taken as UTC, as the platforms that print it so do.
pub fn timestamp(text: &str) -> Option<(Option<Timestamp>, &str)> {
    let bytes = text.as_bytes();
    let bracket = usize::from(bytes.first() == Some(&b'['));
    let b = &bytes[bracket..];
    if !b.first()?.is_ascii_digit() {
        return None;
    }
    let (year, month, day) = match (b.get(4)?, b.get(7)?) {
        (b'-', b'-') | (b'/', b'/') => (field(b, 0, 4)?, field(b, 5, 2)?, field(b, 8, 2)?),
        _ if b.get(2) == Some(&b'/') && b.get(5) == Some(&b'/') => {
            let (first, second) = (field(b, 0, 2)?, field(b, 3, 2)?);
            let (month, day) = if second > 12 {
                (first, second)
            } else {
                (second, first)
            };
            (field(b, 6, 4)?, month, day)
        }
        _ => return None,
    };
    if !matches!(b.get(10)?, b'T' | b' ' | b't') || b.get(13) != Some(&b':') {
        return None;
    }
    let (hour, minute) = (field(b, 11, 2)?, field(b, 14, 2)?);
    let (mut end, second) = match b.get(16) {
        Some(b':') => (19, field(b, 17, 2)?),
        _ => (16, 0),
    };
    let (nanos, digits) = fraction(b.get(end..)?);
    end += digits;
    let mut offset = 0;
    match b.get(end) {
        Some(b'Z' | b'z') => end += 1,
        Some(b'+' | b'-') => zone(b, &mut end, 0, &mut offset),
        // `2016-04-09 18:55:27 +0200 CEST`, as Go prints times.
        Some(b' ')
            if matches!(b.get(end + 1), Some(b'+' | b'-')) && field(b, end + 2, 4).is_some() =>
        {
            zone(b, &mut end, 1, &mut offset);
        }
        _ => {}
    }
    if bracket == 1 && b.get(end) == Some(&b']') {
        end += 1;
    }
    let date = civil::Date::new(i16::try_from(year).ok()?, small(month)?, small(day)?).ok()?;
    let time =
        civil::Time::new(small(hour)?, small(minute)?, small(second.min(59))?, nanos).ok()?;
    let at = tz::Offset::UTC.to_timestamp(date.to_datetime(time)).ok()?;
    let at = at
        .checked_sub(SignedDuration::from_mins(i64::from(offset)))
        .ok()?;
    Some((Some(at), text.get(bracket + end..)?))
}

/// Nanoseconds of `.728489`, and its length.
fn fraction(b: &[u8]) -> (i32, usize) {
    if !matches!(b.first(), Some(b'.' | b',')) {
        return (0, 0);
    }
    let digits = b[1..].iter().take_while(|c| c.is_ascii_digit()).count();
    let mut nanos = 0;
    let mut scale = 100_000_000;
    for digit in b[1..].iter().take(digits.min(9)) {
        nanos += i32::from(digit - b'0') * scale;
        scale /= 10;
    }
    (nanos, 1 + digits)
}

/// Reads `+02:00`, `+0200` or `+02` at `end` + `gap`; moves `end` behind it.
fn zone(b: &[u8], end: &mut usize, gap: usize, minutes: &mut i32) {
    let at = *end + gap;
    let colon = usize::from(b.get(at + 3) == Some(&b':'));
    if let (Some(h), Some(m)) = (field(b, at + 1, 2), field(b, at + 3 + colon, 2)) {
        *minutes = (h * 60 + m) * if b[at] == b'-' { -1 } else { 1 };
        *end = at + 5 + colon;
    } else if let Some(h @ ..=14) = field(b, at + 1, 2)
        && matches!(b.get(at + 3), None | Some(b' ' | b'\t' | b']' | b'"'))
    {
        *minutes = h * 60 * if b[at] == b'-' { -1 } else { 1 };
        *end = at + 3;
    }
}

/// The year of times without one; a leap year, so that it has every day.
const NO_YEAR: i16 = -4;
/// When the first year begins that a time can be printed with, in seconds.
const FIRST_YEAR: i64 = -62_135_596_800;

/// Whether the log says in which year a time was. If not, it is good for distances only.
pub fn has_year(at: Timestamp) -> bool {
    at.as_second() >= FIRST_YEAR
}

/// How far apart two times are; `None` if only one of them has a year.
pub fn apart(a: Timestamp, b: Timestamp) -> Option<SignedDuration> {
    (has_year(a) == has_year(b)).then(|| a.duration_since(b).abs())
}

/// A time without year in that year in which it is nearest to another one.
pub fn near(at: Timestamp, anchor: Timestamp) -> Timestamp {
    let own = tz::Offset::UTC.to_datetime(at);
    let year = tz::Offset::UTC.to_datetime(anchor).year();
    let in_year = |year: i16| {
        let date = civil::Date::new(year, own.month(), own.day()).ok()?;
        tz::Offset::UTC
            .to_timestamp(date.to_datetime(own.time()))
            .ok()
    };
    let years = [year, year.saturating_sub(1), year.saturating_add(1)];
    let found = years.into_iter().filter_map(in_year);
    found
        .min_by_key(|t| t.duration_since(anchor).abs())
        .unwrap_or(at)
}

fn without_year(month: i32, day: i32, clock: &[u8]) -> Option<Timestamp> {
    let (hour, minute, second) = (
        field(clock, 0, 2)?,
        field(clock, 3, 2)?,
        field(clock, 6, 2)?,
    );
    let nanos = fraction(&clock[8..]).0;
    let date = civil::Date::new(NO_YEAR, small(month)?, small(day)?).ok()?;
    let time =
        civil::Time::new(small(hour)?, small(minute)?, small(second.min(59))?, nanos).ok()?;
    tz::Offset::UTC.to_timestamp(date.to_datetime(time)).ok()
}

/// `0813 22:34:54.728489` of klog.
pub(super) fn of_klog(text: &str) -> Option<Timestamp> {
    let b = text.as_bytes();
    without_year(field(b, 0, 2)?, field(b, 2, 2)?, b.get(5..)?)
}

pub(super) const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `Aug 13 22:34:54` of syslog; the day may have a blank for a digit.
pub(super) fn of_syslog(text: &str) -> Option<Timestamp> {
    let b = text.as_bytes();
    let month = MONTHS.iter().position(|m| text.starts_with(m))?;
    let day = match b.get(4)? {
        b' ' => field(b, 5, 1)?,
        _ => field(b, 4, 2)?,
    };
    without_year(i32::try_from(month).ok()? + 1, day, b.get(7..)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_without_year_is_good_for_distances_only() {
        let a = of_klog("0813 22:34:54.728489").expect("a time");
        let b = of_syslog("Aug 13 22:35:04.5").expect("a time");
        assert!(!has_year(a) && !has_year(b));
        assert_eq!(apart(a, b).map(|d| d.as_secs()), Some(9));
        assert!(of_klog("0229 00:00:00").is_some());
        assert!(of_syslog("Feb  9 00:00:00").is_some());
        let dated: Timestamp = "2024-08-13T22:30:00Z".parse().expect("a time");
        assert_eq!(apart(a, dated), None);
        assert!(has_year(dated));
    }

    #[test]
    fn an_offset_is_taken_into_account_however_it_is_written() {
        for zone in ["-08:00", "-0800", "-08"] {
            let text = format!("2023-12-01T21:46:27{zone} [D] x");
            let (at, rest) = timestamp(&text).expect("a time");
            assert_eq!(
                at.map(|t| t.to_string()).as_deref(),
                Some("2023-12-02T05:46:27Z")
            );
            assert_eq!(rest, " [D] x");
        }
        let (at, rest) = timestamp("2023-12-01T21:46:27-99 x").expect("a time");
        assert_eq!(
            at.map(|t| t.to_string()).as_deref(),
            Some("2023-12-01T21:46:27Z")
        );
        assert_eq!(rest, "-99 x");
    }

    #[test]
    fn a_year_is_taken_from_a_time_nearby() {
        let anchor = |text: &str| text.parse::<Timestamp>().expect("a time");
        let old = of_klog("1231 23:59:59").expect("a time");
        let new = of_klog("0101 00:00:01").expect("a time");
        let at = near(old, anchor("2024-01-01T00:00:05Z"));
        assert_eq!(at.to_string(), "2023-12-31T23:59:59Z");
        let at = near(new, anchor("2023-12-31T23:00:00Z"));
        assert_eq!(at.to_string(), "2024-01-01T00:00:01Z");
        // Without any year, the turn of the year is still two seconds.
        assert_eq!(apart(near(new, old), old).map(|d| d.as_secs()), Some(2));
    }

    #[test]
    fn odd_times_are_none() {
        for text in ["", "0813", "0813 2", "1399 22:34:54", "0813 22:34:5", "é"] {
            assert_eq!(of_klog(text), None, "{text}");
            assert_eq!(of_syslog(text), None, "{text}");
        }
    }
}
