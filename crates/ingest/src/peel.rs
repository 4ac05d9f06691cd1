//! Takes the envelope off a line: what logs put in front of what the program said.
//!
//! Works from the left, one known prefix after the other, and never looks at the rest of the
//! line, so its cost does not depend on the line's length.

use jiff::Timestamp;

use crate::message::escape_length;

mod time;

use time::{MONTHS, field, of_klog, of_syslog};
pub use time::{apart, has_year, near, timestamp};

/// A line without its envelope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Peeled<'a> {
    /// When, if a prefix says so with a year.
    pub at: Option<Timestamp>,
    /// When, as a prefix without year says it; see [`has_year`].
    pub yearless: Option<Timestamp>,
    /// Host or node of a syslog prefix.
    pub host: Option<&'a str>,
    /// Program of a syslog prefix: `kubelet`, `dockerd`, …
    pub program: Option<&'a str>,
    /// Bytes of envelope before `body`.
    pub offset: usize,
    /// What is left.
    pub body: &'a str,
}

/// Bytes of the name of a host or a program.
const NAME: usize = 255;
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
        } else if let Some(rest) = priority(peeled.body) {
            // The time, and what is behind it, follow.
            peeled.body = rest;
            let (at, rest) = timestamp(rest).unwrap_or((None, rest));
            if let Some((host, program, body)) = rfc5424(rest.trim_start()) {
                peeled.at = peeled.at.or(at);
                peeled.host = peeled.host.or(host);
                peeled.program = peeled.program.or(program);
                peeled.body = body;
            }
        } else if let Some((host, program, rest)) = syslog(peeled.body) {
            peeled.yearless = peeled.yearless.or_else(|| of_syslog(peeled.body));
            peeled.host = peeled.host.or(host);
            peeled.program = peeled.program.or(program);
            peeled.body = rest;
        } else if peeled.at.is_some()
            && peeled.program.is_none()
            && let Some((host, program, rest)) = host_and_program(peeled.body)
        {
            peeled.host = peeled.host.or(Some(host));
            peeled.program = Some(program);
            peeled.body = rest;
        } else if let Some((by_kubelet, rest)) = klog(peeled.body) {
            peeled.yearless = peeled.yearless.or_else(|| of_klog(&peeled.body[1..]));
            if by_kubelet {
                peeled.program = Some("kubelet");
            }
            peeled.body = rest;
        } else if let Some((at, rest)) = logrus(peeled.body) {
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

/// Blanks, box drawing of terminal UIs, bullets, colours.
fn skip_decoration(text: &str) -> &str {
    let mut rest = text;
    // Colours before and behind a level: two or three sequences in a row.
    for _ in 0..8 {
        rest = rest.trim_start_matches(|c: char| {
            c == ' '
                || c == '\t'
                || c == '\u{feff}'
                || ('\u{2500}'..='\u{257f}').contains(&c)
                || "✘✔⠿•❌".contains(c)
        });
        if !rest.starts_with('\u{1b}') {
            break;
        }
        rest = &rest[escape_length(rest.as_bytes())..];
    }
    rest
}

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

/// `<27>` and, of RFC 5424, the version.
fn priority(text: &str) -> Option<&str> {
    let rest = text.strip_prefix('<')?;
    let digits = rest.bytes().take(4).take_while(u8::is_ascii_digit).count();
    let rest = rest[digits..]
        .strip_prefix('>')
        .filter(|_| (1..4).contains(&digits))?;
    Some(rest.strip_prefix("1 ").unwrap_or(rest))
}

/// `host app-name procid msgid [structured data] `, as RFC 5424 has them behind the time; `-` is none.
fn rfc5424(text: &str) -> Option<(Option<&str>, Option<&str>, &str)> {
    let mut rest = text;
    let mut words = [""; 4];
    for word in &mut words {
        let end = rest.bytes().take(NAME).position(|b| b == b' ')?;
        (*word, rest) = (&rest[..end], &rest[end + 1..]);
    }
    let [host, program, procid, _] = words;
    if procid != "-" && !procid.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let body = if let Some(body) = rest.strip_prefix("- ") {
        body
    } else {
        // Elements follow one another at once: `[a@1 b="c"][d@2 e="f"] `.
        let end = rest.starts_with('[').then(|| rest.find("] "))??;
        &rest[end + 2..]
    };
    let named = |word| Some(word).filter(|word| *word != "-");
    Some((named(host), named(program), body))
}

/// `host program[123]: ` behind a time with a year, as `journalctl -o short-iso` prints it.
fn host_and_program(text: &str) -> Option<(&str, &str, &str)> {
    // Each line with a time comes here: what cannot be a name is seen at once.
    let of_a_name = |b: &u8| b.is_ascii_alphanumeric() || b"._/@-".contains(b);
    let name = |text: &str| text.bytes().take(NAME).take_while(of_a_name).count();
    let (host, after) = text.split_at(name(text));
    let after = after.strip_prefix(' ').filter(|_| !host.is_empty())?;
    let (program, after) = after.split_at(name(after));
    let after = after.strip_prefix('[').filter(|_| !program.is_empty())?;
    let digits = after
        .bytes()
        .take(NAME)
        .take_while(u8::is_ascii_digit)
        .count();
    let (pid, after) = after.split_at(digits);
    let body = after.strip_prefix("]: ").filter(|_| !pid.is_empty())?;
    Some((host, program, body))
}

/// `E0322 11:28:22.357868 2972303 log.go:32] `; `true` if the file is one of the kubelet.
fn klog(text: &str) -> Option<(bool, &str)> {
    let b = text.as_bytes();
    let start = matches!(b.first()?, b'I' | b'W' | b'E' | b'F') && field(b, 1, 4).is_some();
    if !start || b.get(5) != Some(&b' ') || b.get(8) != Some(&b':') {
        return None;
    }
    let close = text.get(..text.len().min(200)).or(Some(text))?.find("] ")?;
    let file = text[..close].rsplit(' ').next().unwrap_or_default();
    let kubelets = [
        "kuberuntime_",
        "pod_workers.go",
        "image_manager.go",
        "kubelet",
    ];
    let by_kubelet = kubelets.iter().any(|k| file.starts_with(k));
    Some((by_kubelet, &text[close + 2..]))
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
/// `BuildKit`, `##[error]` of Azure Pipelines and GitHub Actions, job and step of
/// `gh run view --log`.
fn tag(text: &str) -> Option<&str> {
    // `##[section]` and `##vso[…]` stay: only Azure Pipelines prints them.
    for word in ["error", "warning", "command", "debug", "group", "endgroup"] {
        let rest = text.strip_prefix("##[").and_then(|t| t.strip_prefix(word));
        if let Some(rest) = rest.and_then(|r| r.strip_prefix(']')) {
            return Some(rest);
        }
    }
    if let Some(rest) = job_and_step(text) {
        return Some(rest);
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

/// `build\tPull the image\t2024-05-01T10:00:00.0000000Z …`
fn job_and_step(text: &str) -> Option<&str> {
    let mut end = text.len().min(400);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let head = &text[..end];
    let first = memchr::memchr(b'\t', head.as_bytes())?;
    let second = first + 1 + memchr::memchr(b'\t', &head.as_bytes()[first + 1..])?;
    let rest = text[second + 1..].trim_start_matches('\u{feff}');
    timestamp(rest).map(|_| rest)
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

    #[test]
    fn host_and_program_come_off_behind_a_time_with_a_year() {
        let peeled = peel("2026-02-02T15:47:06+0000 srv9 postfix/smtpd[92675]: lost connection");
        assert_eq!(peeled.body, "lost connection");
        assert_eq!(
            (peeled.host, peeled.program),
            (Some("srv9"), Some("postfix/smtpd"))
        );
        let plain = "2026-02-02T15:47:06Z error [a] b: c";
        assert_eq!(peel(plain).program, None);
    }

    #[test]
    fn syslog_with_priority_and_structured_data() {
        for (line, host, program, body) in [
            (
                "<27>1 2025-07-06T03:00:37.278687Z n-1 trivy 51000 - - FATAL x",
                Some("n-1"),
                Some("trivy"),
                "x",
            ),
            (
                r#"<27>1 2025-07-06T03:00:37Z n-1 dockerd - ID [a@1 b="c"][d e="f"] no space"#,
                Some("n-1"),
                Some("dockerd"),
                "no space",
            ),
            (
                "<30>Nov 14 09:55:21 n-1 kubelet[12]: x",
                Some("n-1"),
                Some("kubelet"),
                "x",
            ),
        ] {
            let peeled = peel(line);
            assert_eq!((peeled.host, peeled.program), (host, program), "{line}");
            assert_eq!(peeled.body, body, "{line}");
        }
        assert_eq!(peel("<none> x").body, "<none> x");
    }

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
            (
                "02/28/2023 12:00:01.123 INFO - Site: a - b",
                "Site: a - b",
                "2023-02-28T12:00:01.123Z",
            ),
            (
                "build (linux)\tPull it\t\u{feff}2024-05-01T10:00:00.1234567Z ##[error]x",
                "x",
                "2024-05-01T10:00:00.1234567Z",
            ),
            (
                "2024-05-01T10:00:00.1234567Z ##[section]Starting: Pull",
                "##[section]Starting: Pull",
                "2024-05-01T10:00:00.1234567Z",
            ),
            ("\u{1b}[0;33mWARN \u{1b}[0mx", "x", ""),
            ("\u{1b}[31;1mx", "x", ""),
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
