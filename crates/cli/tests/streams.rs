//! Pipes and growing logs: what is told while they are read.

mod support;

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use support::{DENIED, MISSING, json, pullwhy, running, text};

/// Machines that test may be slow; nothing that is told takes so long.
const LONG: Duration = Duration::from_secs(60);
/// Time in which a mistake would show.
const SHORT: Duration = Duration::from_millis(1500);

/// A run whose lines are read as they come.
struct Running {
    child: Child,
    input: Option<ChildStdin>,
    lines: Receiver<String>,
}

impl Running {
    fn new(args: &[&str]) -> Self {
        let mut child = running()
            .args(args)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("runs");
        let out = child.stdout.take().expect("piped");
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(out).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    break;
                }
            }
        });
        Self {
            input: child.stdin.take(),
            child,
            lines,
        }
    }

    fn give(&mut self, text: &str) {
        let input = self.input.as_mut().expect("open");
        input.write_all(text.as_bytes()).expect("it reads");
    }

    fn line(&self) -> String {
        self.lines
            .recv_timeout(LONG)
            .expect("a line within a minute")
    }

    /// The next line that has this in it.
    fn line_with(&self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
        }
    }

    fn silent(&self) {
        let line = self.lines.recv_timeout(SHORT);
        assert_eq!(line, Err(RecvTimeoutError::Timeout));
    }

    /// Ends its input; the other lines and the status.
    fn end(mut self) -> (Vec<String>, Option<i32>) {
        drop(self.input.take());
        let status = self.child.wait().expect("ends").code();
        (self.lines.iter().collect(), status)
    }

    fn kill(mut self) -> String {
        self.child.kill().expect("still runs");
        let output = self.child.wait_with_output().expect("ends");
        text(&output.stderr)
    }
}

fn at(minute: u32, line: &str) -> String {
    format!("2024-01-01T00:{minute:02}:00Z {line}")
}

#[test]
fn ndjson_tells_of_a_pipe_that_is_still_open() {
    for args in [
        &["--format", "ndjson"][..],
        &["explain", "--format", "ndjson", "-"],
    ] {
        let mut run = Running::new(args);
        run.give(MISSING);
        assert_eq!(
            json(run.line().as_bytes())["cause"],
            "reference/tag-not-found"
        );
        run.give("done\n");
        run.silent();
        run.give(&at(1, DENIED));
        let second = json(run.line().as_bytes());
        assert_eq!(second["cause"], "reference/denied-or-not-found");
        let (rest, status) = run.end();
        assert_eq!((rest, status), (Vec::new(), Some(1)), "each was told once");
    }
}

#[test]
fn ndjson_ends_with_the_whole_count() {
    let mut run = Running::new(&["--format", "ndjson"]);
    run.give(&at(1, MISSING));
    let first = json(run.line().as_bytes());
    assert_eq!(first["count"], 1);
    run.give(&at(20, MISSING));
    run.give(&at(40, MISSING));
    let (rest, _) = run.end();
    let last = json(rest.last().expect("it came again").as_bytes());
    assert_eq!(
        (&last["id"], &last["count"]),
        (&first["id"], &serde_json::json!(3))
    );
}

#[test]
fn ndjson_counts_more_than_is_kept_of_an_open_pipe() {
    let line = |n: u32| {
        let (month, day, hour) = (n / 24 / 28 + 1, n / 24 % 28 + 1, n % 24);
        format!("2024-{month:02}-{day:02}T{hour:02}:00:00Z {MISSING}")
    };
    let lines = |hours: std::ops::Range<u32>| hours.map(line).collect::<Vec<_>>().concat();
    let mut run = Running::new(&["--format", "ndjson"]);
    run.give(&lines(0..4500));
    let count = |line: &str| json(line.as_bytes())["count"].as_u64();
    // A slow machine may tell some of them before it has read all.
    while count(&run.line()) != Some(4500) {}
    run.give(&lines(4500..4600));
    let (rest, status) = run.end();
    assert_eq!(status, Some(1));
    assert_eq!(count(rest.last().expect("it came again")), Some(4600));
}

#[test]
fn ndjson_of_a_fast_pipe_or_a_file_is_told_once() {
    let log: String = (0..60)
        .flat_map(|minute| [at(minute, MISSING), at(minute, "all is well\n").repeat(500)])
        .collect();
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("a.log");
    fs::write(&path, &log).expect("temporary folder");
    let of = |stdin: bool| {
        let mut command = pullwhy();
        command.args(["explain", "--format", "ndjson"]);
        if stdin {
            command.write_stdin(log.clone());
        } else {
            command.arg(&path);
        }
        let output = command.output().expect("runs");
        let mut incident = json(&output.stdout);
        // Where it stood is all that differs.
        incident["evidence"] = serde_json::Value::Null;
        incident
    };
    let of_file = of(false);
    assert_eq!(of_file["count"], 60);
    assert_eq!(of_file, of(true));
}

#[test]
fn a_bare_message_is_known_however_it_comes() {
    let message = "unauthorized: authentication required\n";
    let at_once = pullwhy()
        .args(["--format", "ndjson"])
        .write_stdin(message)
        .output()
        .expect("runs");
    let mut run = Running::new(&["--format", "ndjson"]);
    run.give(&message[..10]);
    run.silent();
    run.give(&message[10..]);
    run.silent();
    let (lines, status) = run.end();
    assert_eq!(status, Some(1));
    assert_eq!(lines, [text(&at_once.stdout).trim_end()]);
}

#[test]
fn pseudonyms_are_the_same_on_every_line() {
    let other = MISSING.replace("contoso", "fabrikam");
    let output = pullwhy()
        .args(["--format", "ndjson", "--redact"])
        .write_stdin(format!("{}{}", at(1, MISSING), at(30, &other)))
        .output()
        .expect("runs");
    let registry = |line: &str| json(line.as_bytes())["image"]["registry"].clone();
    let out = text(&output.stdout);
    let names: Vec<_> = out.lines().map(registry).collect();
    assert_eq!(names.len(), 2, "{out}");
    assert_ne!(names[0], names[1]);
}

fn append(path: &Path, text: &str) {
    let mut file = fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(path)
        .expect("temporary folder");
    file.write_all(text.as_bytes()).expect("temporary folder");
}

#[test]
fn follow_waits_for_a_log_and_keeps_to_it_when_it_is_rotated_or_cut() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("later.log");
    let name = path.to_str().expect("UTF-8");
    let run = Running::new(&["explain", "--follow", "--format", "ndjson", name]);
    run.silent();
    append(&path, &at(1, MISSING));
    assert!(run.line().contains("reference/tag-not-found"));
    fs::rename(&path, folder.path().join("later.log.1")).expect("temporary folder");
    fs::write(&path, at(20, DENIED)).expect("temporary folder");
    let rotated = run.line();
    assert!(rotated.contains("reference/denied-or-not-found"));
    assert!(rotated.contains("\"line\":1,"), "{rotated}");
    fs::write(&path, "").expect("temporary folder");
    // It is seen to be shorter before it has grown again.
    run.silent();
    append(&path, &at(40, &MISSING.replace(":9", ":10")));
    assert!(run.line().contains("app:10"));
    let errors = run.kill();
    assert_eq!(errors.matches("waiting for it").count(), 1, "{errors}");
}

#[test]
fn a_log_that_was_rotated_lends_its_image_to_no_line_of_the_next() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("plain.log");
    let name = path.to_str().expect("UTF-8");
    fs::write(&path, format!("{MISSING}\n")).expect("temporary folder");
    let run = Running::new(&["explain", "--follow", "--format", "ndjson", name]);
    assert!(run.line().contains("reference/tag-not-found"));
    fs::rename(&path, folder.path().join("plain.log.1")).expect("temporary folder");
    fs::write(&path, "toomanyrequests: You have reached your pull rate limit. https://www.docker.com/increase-rate-limit\n")
        .expect("temporary folder");
    let next = json(run.line().as_bytes());
    assert_eq!(next["cause"], "registry/rate-limited", "{next}");
    assert_eq!(next["image"], serde_json::Value::Null, "{next}");
    run.kill();
}

#[test]
fn follow_tells_again_what_comes_again() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("growing.log");
    fs::write(&path, "start\n").expect("temporary folder");
    let name = path.to_str().expect("UTF-8");
    let lines = Running::new(&["explain", "-f", "--format", "ndjson", name]);
    let human = Running::new(&["explain", "-f", name]);
    let quiet = Running::new(&["explain", "-f", "-q", name]);
    append(&path, &at(1, MISSING));
    let first = json(lines.line().as_bytes());
    human.line_with("error[reference/tag-not-found]");
    quiet.line_with("reference/tag-not-found");
    append(&path, &format!("{}{}", at(20, MISSING), at(40, MISSING)));
    let again = json(lines.line().as_bytes());
    assert_eq!(again["id"], first["id"]);
    assert_eq!(again["count"], 3, "what comes together is told together");
    for run in [human, quiet] {
        let line = run.line_with("again:");
        assert_eq!(
            line,
            "again: reference/tag-not-found contoso.azurecr.io/app:9 (3 times)"
        );
        run.kill();
    }
    lines.silent();
    lines.kill();
}

#[test]
#[cfg(unix)]
fn a_reader_that_has_seen_enough_gets_no_error() {
    for args in [
        &["explain", "../../examples", "--color", "always"][..],
        &["explain", "../../examples", "--format", "ndjson"],
        &["cause"],
    ] {
        let (reader, writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        let output = running()
            .args(args)
            .stdin(Stdio::null())
            .stdout(writer)
            .stderr(Stdio::piped())
            .spawn()
            .and_then(Child::wait_with_output)
            .expect("runs");
        assert_eq!(text(&output.stderr), "", "{args:?}");
        let expected = i32::from(args[0] == "explain");
        assert_eq!(output.status.code(), Some(expected), "{args:?}");
    }
}
