//! Spans as Go writes them: `1h2m`, `1.5s`, `250ms` (Go, `time.ParseDuration`).

use std::time::Duration;

/// Reads one; `None` where Go reads none, or none that lies ahead.
pub(super) fn read(text: &str) -> Option<Duration> {
    let text = text.strip_prefix('+').unwrap_or(text);
    if text == "0" {
        return Some(Duration::ZERO);
    }
    let mut rest = text;
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let digits = |c: char| !c.is_ascii_digit() && c != '.';
        let (number, after) = rest.split_at(rest.find(digits)?);
        let end = after.find(|c: char| c.is_ascii_digit() || c == '.');
        let (unit, after) = after.split_at(end.unwrap_or(after.len()));
        let unit = match unit {
            "ns" => 1e-9,
            "us" | "µs" | "μs" => 1e-6,
            "ms" => 1e-3,
            "s" => 1.0,
            "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        seconds += number.parse::<f64>().ok()? * unit;
        rest = after;
    }
    (!text.is_empty()).then(|| Duration::try_from_secs_f64(seconds).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_go_reads() {
        for (text, wanted) in [
            ("2s", Some(2000)),
            ("1m30s", Some(90_000)),
            ("1.5s", Some(1500)),
            ("250ms", Some(250)),
            ("0", Some(0)),
            ("+1h", Some(3_600_000)),
            ("", None),
            ("2", None),
            ("2 s", None),
            ("s", None),
            ("-1s", None),
            ("1d", None),
            ("1..2s", None),
            ("99999999999999999999h", None),
        ] {
            let read = read(text).map(|span| span.as_millis());
            assert_eq!(read, wanted, "{text}");
        }
    }
}
