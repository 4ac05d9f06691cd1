//! This host's clock beside a server's: the `Date` field (RFC 9110, 5.6.7 and 6.6.1).

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A difference that deserves a look; certificates and tokens begin to fail about there.
pub(crate) const MUCH: u64 = 300;

/// This host's clock, read once by the caller.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    at_start: Option<SystemTime>,
    started: Instant,
}

impl Clock {
    pub(crate) fn new(at_start: Option<SystemTime>) -> Self {
        Self {
            at_start,
            started: Instant::now(),
        }
    }

    /// Seconds by which this host is ahead of a server (behind: below zero).
    pub(crate) fn ahead(&self, date: &str) -> Option<i64> {
        let now = self.at_start?.checked_add(self.started.elapsed())?;
        let own = now
            .duration_since(UNIX_EPOCH)
            .unwrap_or(Duration::ZERO)
            .as_secs();
        Some(i64::try_from(own).ok()? - seconds(date)?)
    }
}

/// `3 days behind`, where it is much.
pub(crate) fn says(ahead: i64) -> Option<String> {
    let (much, word) = (
        ahead.unsigned_abs(),
        if ahead < 0 { "behind" } else { "ahead of" },
    );
    if much <= MUCH {
        return None;
    }
    let span = span(much);
    Some(format!("this host's clock is {span} {word} the server's"))
}

/// A span in the unit that fits it.
pub(crate) fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} seconds"),
        120..7200 => format!("{} minutes", seconds / 60),
        7200..172_800 => format!("{} hours", seconds / 3600),
        _ => format!("{} days", seconds / 86_400),
    }
}

/// Whether a moment is over, and in words how long: `3 hours ago`, `in 12 minutes`.
pub(crate) fn beside(at: i64, now: i64) -> (bool, String) {
    let span = span(now.abs_diff(at));
    if at <= now {
        (true, format!("{span} ago"))
    } else {
        (false, format!("in {span}"))
    }
}

/// `2026-11-28T09:32:50Z` of seconds since 1970.
pub(crate) fn date(seconds: i64) -> String {
    let (day, second) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, of_month) = civil(day);
    format!(
        "{year:04}-{month:02}-{of_month:02}T{:02}:{:02}:{:02}Z",
        second / 3600,
        second / 60 % 60,
        second % 60
    )
}

/// Year, month and day of a count of days since 1970, by years that begin in March.
fn civil(day: i64) -> (i64, i64, i64) {
    let day = day + 719_468;
    let (era, of_era) = (day.div_euclid(146_097), day.rem_euclid(146_097));
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let of_month = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + i64::from(month <= 2), month, of_month)
}

/// Seconds since 1970 of `Sun, 06 Nov 1994 08:49:37 GMT`; the other two forms are obsolete.
fn seconds(date: &str) -> Option<i64> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = date.trim().split_once(", ")?;
    let mut words = rest.split(' ');
    let day: i64 = words.next()?.parse().ok()?;
    let name = words.next()?;
    let month = i64::try_from(MONTHS.iter().position(|m| *m == name)?).ok()? + 1;
    let year: i64 = words.next()?.parse().ok()?;
    let mut time = words.next()?.split(':').map(str::parse::<i64>);
    let mut part = || time.next()?.ok();
    let (hour, minute, second) = (part()?, part()?, part()?);
    let sound = (1..=31).contains(&day)
        && (1970..=9999).contains(&year)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..=60).contains(&second);
    sound.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Days since 1970 in the Gregorian calendar, by years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year / 400, year % 400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dates() {
        for (date, wanted) in [
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(784_111_777)),
            ("Thu, 01 Jan 1970 00:00:00 GMT", Some(0)),
            ("Thu, 29 Feb 2024 12:00:00 GMT", Some(1_709_208_000)),
            ("Fri, 01 Mar 2024 00:00:00 GMT", Some(1_709_251_200)),
            ("Sun, 99 Nov 1994 08:49:37 GMT", None),
            ("Sun, 06 Foo 1994 08:49:37 GMT", None),
            ("yesterday", None),
            ("", None),
        ] {
            assert_eq!(seconds(date), wanted, "{date}");
        }
    }

    #[test]
    fn writes_dates_that_it_reads() {
        for (at, wanted) in [
            (0, "1970-01-01T00:00:00Z"),
            (784_111_777, "1994-11-06T08:49:37Z"),
            (1_709_208_000, "2024-02-29T12:00:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(date(at), wanted);
        }
    }

    #[test]
    fn tells_what_is_much() {
        assert_eq!(says(-300), None);
        assert_eq!(
            says(-3 * 86_400).as_deref(),
            Some("this host's clock is 3 days behind the server's")
        );
    }

    #[test]
    fn sets_a_moment_beside_the_clock() {
        let at = 1_700_000_000;
        assert_eq!(date(at), "2023-11-14T22:13:20Z");
        assert_eq!(beside(at, at + 3 * 3600), (true, "3 hours ago".to_owned()));
        assert_eq!(beside(at, at - 120), (false, "in 2 minutes".to_owned()));
    }
}
