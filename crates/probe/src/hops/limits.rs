//! What a registry says of the requests that are left, as Docker Hub does: `RateLimit-Limit`,
//! `RateLimit-Remaining` with a window (`100;w=21600`), and `Retry-After` (RFC 9110, section 10.2.3).

use crate::net::http::Response;
use crate::rows::Row;

/// A number of a field, and the seconds of its window.
fn read(response: &Response, name: &str) -> Option<(i64, Option<i64>)> {
    let value = response.field(name)?;
    let (number, rest) = value.split_once(';').unwrap_or((value, ""));
    let window = rest
        .split(';')
        .find_map(|part| part.trim().strip_prefix("w="))
        .and_then(|seconds| seconds.parse().ok())
        .filter(|seconds| *seconds > 0);
    Some((number.trim().parse().ok()?, window))
}

fn wait(response: &Response) -> Option<&str> {
    let value = response.field("retry-after")?.trim();
    (!value.is_empty() && value.len() < 64).then_some(value)
}

/// Notes it as facts.
pub(crate) fn note(mut row: Row, response: &Response) -> Row {
    let limit = read(response, "ratelimit-limit");
    let left = read(response, "ratelimit-remaining");
    if let Some((left, _)) = left {
        row.note("rate_limit_remaining", left);
    }
    if let Some((limit, _)) = limit {
        row.note("rate_limit", limit);
    }
    if let Some(window) = limit.or(left).and_then(|(_, window)| window) {
        row.note("rate_limit_window_s", window);
    }
    if let Some(wait) = wait(response) {
        row.note("retry_after", wait);
    }
    row
}

/// Adds it to what a row says.
pub(crate) fn tell(row: Row, response: &Response) -> Row {
    let limit = read(response, "ratelimit-limit");
    let left = read(response, "ratelimit-remaining");
    let window = limit.or(left).and_then(|(_, window)| window);
    let per = window.map_or(String::new(), |seconds| format!(" in {}", span(seconds)));
    let row = match (left, limit) {
        (Some((0, _)), _) if !row.is_failure() => {
            let says = format!("nothing is left of the rate limit{per}: the next pull is refused");
            row.and_warns("rate-limit-used-up", &says)
        }
        (Some((left, _)), Some((limit, _))) => {
            row.and_says(&format!("; {left} of {limit} pulls are left{per}"))
        }
        (Some((left, _)), None) => row.and_says(&format!("; {left} pulls are left{per}")),
        (None, Some((limit, _))) => row.and_says(&format!("; the limit is {limit} pulls{per}")),
        (None, None) => row,
    };
    match wait(response) {
        Some(wait) if wait.bytes().all(|b| b.is_ascii_digit()) => {
            row.and_says(&format!("; the registry asks to wait {wait} s"))
        }
        Some(wait) => row.and_says(&format!("; the registry asks to wait until {wait}")),
        None => row,
    }
}

fn span(seconds: i64) -> String {
    match seconds {
        s if s % 3600 == 0 => format!("{} h", s / 3600),
        s if s % 60 == 0 => format!("{} min", s / 60),
        s => format!("{s} s"),
    }
}
