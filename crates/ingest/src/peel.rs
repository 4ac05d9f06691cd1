//! Takes the envelope off a line: what logs put in front of what the program said.
//!
//! Works from the left, one known prefix after the other, and never looks at the rest of the
//! line, so its cost does not depend on the line's length.

use jiff::{SignedDuration, Timestamp, civil, tz};

/// A line without its envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peeled<'a> {
    /// When, if a prefix says so with a year.
    pub at: Option<Timestamp>,
    /// Host or node of a syslog prefix.
    pub host: Option<&'a str>,
    /// Program of a syslog prefix: `kubelet`, `dockerd`, …
    pub program: Option<&'a str>,
    /// Bytes of envelope before `body`.
    pub offset: usize,
    /// What is left.
    pub body: &'a str,
}

/// How many prefixes may stand one before the other: compose, CI, journald, klog, level …
const LAYERS: usize = 8;

/// Peels a line.
pub fn peel(line: &str) -> Peeled<'_> {
    let mut peeled = Peeled {
        body: line,
        ..Peeled::default()
    };
    for _ in 0..LAYERS {
        let before = peeled.body.len();
        peeled.body = skip_decoration(peeled.body);
        if let Some((at, rest)) = timestamp(peeled.body) {
            peeled.at = peeled.at.or(at);
            peeled.body = rest;
        } else if let Some((host, program, rest)) = syslog(peeled.body) {
            peeled.host = peeled.host.or(host);
            peeled.program = peeled.program.or(program);
            peeled.body = rest;
        } else if let Some((at, rest)) = klog(peeled.body).or_else(|| logrus(peeled.body)) {
            peeled.at = peeled.at.or(at);
            peeled.body = rest;
        } else if let Some(rest) = level(peeled.body).or_else(|| tag(peeled.body)) {
            peeled.body = rest;
        }
        if peeled.body.len() == before {
            break;
        }
    }
    if peeled.at.is_none() {
        peeled.at = inner_time(peeled.body);
    }
    peeled.offset = line.len() - peeled.body.len();
    peeled
}

/// Blanks, box drawing of terminal UIs, bullets.
fn skip_decoration(text: &str) -> &str {
    text.trim_start_matches(|c: char| {
        c == ' '
            || c == '\t'
            || c == '\u{feff}'
            || ('\u{2500}'..='\u{257f}').contains(&c)
            || "✘✔⠿•❌".contains(c)
    })
}

fn number(digits: &[u8]) -> Option<i32> {
    digits.iter().try_fold(0i32, |n, b| {
        b.is_ascii_digit().then(|| n * 10 + i32::from(b - b'0'))
    })
}

fn field(bytes: &[u8], from: usize, len: usize) -> Option<i32> {
    number(bytes.get(from..from + len)?)
}

fn small(n: i32) -> Option<i8> {
    i8::try_from(n).ok()
}

/// A leading time with a year, in brackets or not: ISO 8601 and RFC 3339 with `T` or a blank,
/// `2006/01/02 15:04:05`, `02/01/2006 15:04:05.000` (Windows containers).
///
/// A time without zone is taken as UTC, as the platforms that print it so do.
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
            (field(b, 6, 4)?, field(b, 3, 2)?, field(b, 0, 2)?)
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
    let mut nanos = 0;
    if matches!(b.get(end), Some(b'.' | b',')) {
        let digits = b[end + 1..]
            .iter()
            .take_while(|c| c.is_ascii_digit())
            .count();
        let mut scale = 100_000_000;
        for digit in b[end + 1..].iter().take(digits.min(9)) {
            nanos += i32::from(digit - b'0') * scale;
            scale /= 10;
        }
        end += 1 + digits;
    }
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

/// Reads `+02:00` or `+0200` at `end` + `gap`; moves `end` behind it.
fn zone(b: &[u8], end: &mut usize, gap: usize, minutes: &mut i32) {
    let at = *end + gap;
    let colon = usize::from(b.get(at + 3) == Some(&b':'));
    if let (Some(h), Some(m)) = (field(b, at + 1, 2), field(b, at + 3 + colon, 2)) {
        *minutes = (h * 60 + m) * if b[at] == b'-' { -1 } else { 1 };
        *end = at + 5 + colon;
    }
}

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// `Nov 14 09:55:21 host program[123]: ` without a year, as syslog and `journalctl` print it;
/// also `Apr 17 06:59:50.104: ` alone.
fn syslog(text: &str) -> Option<(Option<&str>, Option<&str>, &str)> {
    let month = text.get(..3)?;
    if !MONTHS.contains(&month) {
        return None;
    }
    let b = text.as_bytes();
    let colon = 9;
    if b.get(3) != Some(&b' ') || b.get(colon) != Some(&b':') || b.get(12) != Some(&b':') {
        return None;
    }
    let rest = text.get(15..)?;
    let rest = rest.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
    if let Some(rest) = rest.strip_prefix(':') {
        return Some((None, None, rest));
    }
    let rest = rest.strip_prefix(' ')?;
    let (host, after) = rest.split_once(' ')?;
    let (program, body) = after
        .split_once(": ")
        .or_else(|| Some((after.strip_suffix(':')?, "")))?;
    if program.contains(' ') || program.len() > 64 {
        return None;
    }
    let program = program.split('[').next().unwrap_or(program);
    Some((Some(host), Some(program), body))
}

/// `E0322 11:28:22.357868 2972303 log.go:32] `; it has no year, so it gives no time.
fn klog(text: &str) -> Option<(Option<Timestamp>, &str)> {
    let b = text.as_bytes();
    let start = matches!(b.first()?, b'I' | b'W' | b'E' | b'F') && field(b, 1, 4).is_some();
    if !start || b.get(5) != Some(&b' ') || b.get(8) != Some(&b':') {
        return None;
    }
    let close = text.get(..text.len().min(200)).or(Some(text))?.find("] ")?;
    Some((None, &text[close + 2..]))
}

/// `FATA[0000] `, `ERRO[2023-08-14T16:40:02.1+02:00] `: logrus on a terminal.
fn logrus(text: &str) -> Option<(Option<Timestamp>, &str)> {
    let (word, rest) = (text.get(..5)?, text.get(5..)?);
    if !matches!(
        word,
        "FATA[" | "ERRO[" | "WARN[" | "INFO[" | "DEBU[" | "TRAC[" | "PANI["
    ) {
        return None;
    }
    let close = rest.bytes().take(48).position(|b| b == b']')?;
    let at = timestamp(&rest[..close]).and_then(|(at, _)| at);
    Some((at, &rest[close + 1..]))
}

/// `INFO  - `, `ERROR: `, `[ERROR] `, `level=error`-less words that only say how bad it is.
fn level(text: &str) -> Option<&str> {
    let inner = text.strip_prefix('[').unwrap_or(text);
    let word = inner
        .bytes()
        .take(9)
        .take_while(u8::is_ascii_alphabetic)
        .count();
    let known = [
        "INFO", "ERROR", "WARN", "WARNING", "DEBUG", "FATAL", "TRACE", "ERR", "WRN", "INF", "DBG",
    ];
    if !known.contains(&&inner[..word]) {
        return None;
    }
    let mut rest = &inner[word..];
    if inner.len() != text.len() {
        rest = rest.strip_prefix(']')?;
    }
    let trimmed = rest.trim_start();
    if let Some(after) = trimmed.strip_prefix("- ") {
        return Some(after.trim_start());
    }
    if trimmed.len() == rest.len() {
        return None; // `ERROR:` belongs to the message of many clients.
    }
    Some(trimmed)
}

/// Names in front of a line: `web_1  | ` of Compose, `[pod/x/step] ` of kubectl, `#6 1.234 ` of
/// `BuildKit`, `##[error]` of Azure Pipelines and GitHub Actions, `00:01.234 ` of GitLab.
fn tag(text: &str) -> Option<&str> {
    if let Some(rest) = text.strip_prefix("##[") {
        let close = rest.bytes().take(24).position(|b| b == b']')?;
        return Some(&rest[close + 1..]);
    }
    if let Some(rest) = text.strip_prefix("[pod/") {
        return rest.split_once("] ").map(|(_, body)| body);
    }
    if let Some(rest) = text.strip_prefix('#') {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 {
            return rest[digits..].strip_prefix(' ');
        }
    }
    let name = text
        .bytes()
        .take(64)
        .take_while(|b| b.is_ascii_alphanumeric() || b"_-.".contains(b))
        .count();
    if name > 0 {
        let after = text[name..].trim_start_matches(' ');
        if after.len() < text.len() - name {
            return after.strip_prefix("| ");
        }
    }
    None
}

/// The time inside a logfmt or JSON line.
fn inner_time(body: &str) -> Option<Timestamp> {
    const KEYS: [&str; 9] = [
        "time=\"",
        "\"time\":\"",
        "\"ts\":\"",
        "\"TimeGenerated\":\"",
        "\"timestamp\":\"",
        "\"@timestamp\":\"",
        "\"lastTimestamp\":\"",
        "\"time\": \"",
        "\"TimeGenerated\": \"",
    ];
    let mut end = body.len().min(512);
    while !body.is_char_boundary(end) {
        end -= 1;
    }
    let head = &body[..end];
    if !head.contains("time=\"") && !head.starts_with(['{', '[']) {
        return None;
    }
    KEYS.iter()
        .find_map(|key| timestamp(&head[head.find(key)? + key.len()..])?.0)
        .or_else(|| {
            // journald's export: microseconds since 1970.
            let key = "\"__REALTIME_TIMESTAMP\"";
            let rest = &body[body.find(key)? + key.len()..];
            let rest = rest.trim_start_matches([' ', ':', '"']);
            let digits = rest.bytes().take(20).take_while(u8::is_ascii_digit).count();
            Timestamp::from_microsecond(rest[..digits].parse().ok()?).ok()
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body_and_time(line: &str) -> (&str, String) {
        let peeled = peel(line);
        (
            peeled.body,
            peeled.at.map(|t| t.to_string()).unwrap_or_default(),
        )
    }

    #[test]
    fn peels_what_logs_put_in_front() {
        for (line, body, at) in [
            (
                "2021-11-14T16:52:54.689Z INFO  - Pulling image: x",
                "Pulling image: x",
                "2021-11-14T16:52:54.689Z",
            ),
            (
                "2018-08-27 19:58:27.129 INFO  - Issuing docker pull x",
                "Issuing docker pull x",
                "2018-08-27T19:58:27.129Z",
            ),
            (
                "17/09/2018 18:41:42.500 ERROR - Site: a - b",
                "Site: a - b",
                "2018-09-17T18:41:42.5Z",
            ),
            (
                "2025-06-06T09:51:04.8613412Z Pulling image: x.",
                "Pulling image: x.",
                "2025-06-06T09:51:04.8613412Z",
            ),
            (
                "E0322 11:28:22.357868 2972303 log.go:32] \"PullImage\" err=\"x\"",
                "\"PullImage\" err=\"x\"",
                "",
            ),
            (
                "Jul 28 02:28:29 ip-1 kubelet[1018]: E0728 02:28:29.926097    1018 remote_image.go:108] PullImage x",
                "PullImage x",
                "",
            ),
            ("FATA[0000] pulling image: x", "pulling image: x", ""),
            (
                "ERRO[2023-08-14T16:40:02.118734900+02:00] Handler for x",
                "Handler for x",
                "2023-08-14T14:40:02.1187349Z",
            ),
            ("#6 ERROR: x not found", "ERROR: x not found", ""),
            ("##[error]InaccessibleImage: x", "InaccessibleImage: x", ""),
            ("web_1               | python: y", "python: y", ""),
            (
                "[2022-01-17T09:20:05Z] Validating",
                "Validating",
                "2022-01-17T09:20:05Z",
            ),
            ("│ Status: \"Failed\"", "Status: \"Failed\"", ""),
            (
                "time=\"2023-03-13T11:17:42Z\" level=error msg=\"x\"",
                "time=\"2023-03-13T11:17:42Z\" level=error msg=\"x\"",
                "2023-03-13T11:17:42Z",
            ),
            (
                "{\"log\":\"x\",\"time\":\"2023-03-13T11:17:42Z\"}",
                "{\"log\":\"x\",\"time\":\"2023-03-13T11:17:42Z\"}",
                "2023-03-13T11:17:42Z",
            ),
            (
                "2016-04-09 18:55:27 +0200 CEST   x",
                "CEST   x",
                "2016-04-09T16:55:27Z",
            ),
            ("no prefix at all", "no prefix at all", ""),
            ("ERROR: failed to solve", "ERROR: failed to solve", ""),
        ] {
            assert_eq!(body_and_time(line), (body, at.to_owned()), "{line}");
        }
    }

    #[test]
    fn never_panics_on_odd_starts() {
        for line in [
            "",
            "[",
            "2",
            "2024-",
            "2024-01-01T",
            "2024-13-99T99:99:99Z x",
            "Jan",
            "E0101",
            "##[",
            "#",
            "é",
            "FATA[é",
            "Nov 14 é9:55:21 x",
            " May *M.\\\":\"\": \u{7d9}15\\`] ",
        ] {
            let _ = peel(line);
        }
    }
}
