//! Whether a line is what something else printed, that an engine or a tool only shows.

/// Whether a line is what a container printed: behind its name and a bar, as Compose shows it
/// (`web-1  | …`), or behind the number of a step and its time, as `BuildKit` does (`#7 0.412 …`).
/// App Service has it behind `INFO  - stdout: `.
pub(super) fn is_of_container(text: &str, offset: usize) -> bool {
    // What stands before the message may have been taken off.
    let before = text.get(..offset).unwrap_or_default().trim_end();
    let own = text.get(offset..).unwrap_or_default();
    let first = own.split(' ').next().unwrap_or_default();
    let step = before.rsplit(' ').next().unwrap_or_default();
    // `web-1  | 2026-01-01 10:00:00 …`: a time may have been taken off too.
    before.as_bytes().contains(&b'|') && before.split(' ').any(|word| word == "|")
        || begins_with_a_name(own)
        || before.ends_with('-') && own.starts_with("stdout: ")
        || ends_with_a_step(before)
        || begins_with_a_logger(own)
        || step.starts_with('#') && ends_with_a_step(&format!("{step} {first}"))
}

/// `[pool-1] com.example.Client : `: a logger of Java, and no exception of it.
fn begins_with_a_logger(text: &str) -> bool {
    let text = match text
        .strip_prefix('[')
        .and_then(|rest| rest.split_once("] "))
    {
        Some((thread, rest)) if thread.len() <= 64 => rest.trim_start(),
        _ => text,
    };
    let end = text.find(|c: char| !(c.is_ascii_alphanumeric() || "._$".contains(c)));
    let (name, behind) = text.split_at(end.unwrap_or(0));
    let Some((package, class)) = name.rsplit_once('.') else {
        return false;
    };
    package
        .bytes()
        .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"._".contains(&b))
        && class.starts_with(|c: char| c.is_ascii_uppercase())
        && !class.ends_with("Exception")
        && !class.ends_with("Error")
        && behind.trim_start().starts_with(": ")
}

/// `web-1  | `
fn begins_with_a_name(text: &str) -> bool {
    let of_a_name = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
    let text = text.trim_start();
    let (name, behind) = text.split_at(text.find(|c| !of_a_name(c)).unwrap_or(text.len()));
    name.contains(['-', '_']) && behind.trim_start_matches(' ').starts_with("| ")
}

/// `#7 0.412`
fn ends_with_a_step(text: &str) -> bool {
    let mut words = text.rsplit(' ');
    let number = |word: &str| !word.is_empty() && word.bytes().all(|b| b.is_ascii_digit());
    let time = words.next().and_then(|word| word.split_once('.'));
    let step = words.next().and_then(|word| word.strip_prefix('#'));
    time.is_some_and(|(whole, part)| number(whole) && number(part)) && step.is_some_and(number)
}

#[cfg(test)]
mod tests {
    use pullwhy_ingest::peel::peel;

    use super::is_of_container;

    #[test]
    fn output_is_told_from_what_engines_say() {
        let is = |line: &str| is_of_container(line, peel(line).offset);
        for line in [
            "web-1  | connect ECONNREFUSED 127.0.0.1:6379",
            "2026-01-01T10:00:00.123Z INFO  - stdout: Connection refused (localhost:5432)",
            "web-1  | 2026-01-01 10:00:00,123 ERROR connect ECONNREFUSED 127.0.0.1:6379",
            "api  | [2026-01-01 10:00:00,123: ERROR/Main] Connection refused.",
            "#7 0.412 x509: certificate has expired",
            "2026-01-01T10:00:00.0000000Z #12 41.439   manifest unknown",
            "ERROR [pool-1] com.example.orders.Client : no such host",
            "c.e.HttpClient: Connection refused",
        ] {
            assert!(is(line), "{line}");
        }
        for line in [
            "Error response from daemon: manifest unknown",
            "#7 ERROR: docker.io/library/a:1: not found",
            "stdout: toomanyrequests: You have reached your pull rate limit.",
            "#3 [internal] load metadata for docker.io/library/a:1",
            "java.net.UnknownHostException: registry.example",
            " web Pulling ",
            "Get \"https://r.example/v2/\": EOF",
            "latest: Pulling from library/redis",
        ] {
            assert!(!is(line), "{line}");
        }
    }
}
