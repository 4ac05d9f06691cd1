//! What is told of a log hangs neither on the number of threads, nor on whether it comes from a file or a
//! pipe, nor on which line comes first; and each verdict shows the line that proves it.

mod support;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use pullwhy_explain::{Options, explain_stream, explain_text};
use pullwhy_model::{Report, Role};
use support::catalogue;

/// Images that are pulled.
const IMAGES: usize = 60;
/// Bytes of a log that is not looked at whole.
const LARGE: usize = 6 << 20;

/// Pulls that all fail with the same words, between lines of other kinds; the failure names no image.
fn pulls(size: usize, backwards: bool) -> String {
    let mut lines = Vec::new();
    let mut second = 0;
    let mut time = || {
        second += 1;
        format!(
            "2026-03-{:02}T{:02}:{:02}:{:02}Z",
            1 + second / 86_400,
            second / 3600 % 24,
            second / 60 % 60,
            second % 60
        )
    };
    let filler = size / IMAGES / 100;
    for image in 0..IMAGES {
        for _ in 0..filler {
            let at = time();
            lines.push(format!("{at} INFO  - 0a1f6449431a Extracting 18MB / 200MB of a layer, and a line that fills a hundred bytes"));
        }
        let pull = time();
        lines.push(format!(
            "{pull} INFO  - Pulling image: r.azurecr.io/app{image}:1"
        ));
        for _ in 0..6 {
            let at = time();
            lines.push(format!("{at} INFO  - something else is going on"));
        }
        let failed = time();
        lines.push(format!("{failed} ERROR - DockerApiException: Docker API responded with status code=NotFound, response={{\"message\":\"manifest unknown: manifest unknown\"}}"));
    }
    if backwards {
        lines.reverse();
    }
    lines.iter().fold(String::new(), |mut log, line| {
        let _ = writeln!(log, "{line}");
        log
    })
}

fn images(report: &Report) -> BTreeSet<String> {
    let named = report.incidents.iter().filter_map(|i| i.image.as_ref());
    named.map(|image| image.reference.clone()).collect()
}

fn holds_all(report: &Report, how: &str) {
    assert_eq!(report.incidents.len(), IMAGES, "{how}");
    assert_eq!(images(report).len(), IMAGES, "{how}");
    for incident in &report.incidents {
        assert_eq!(incident.cause, *"reference/tag-not-found", "{how}");
        let roots = incident.evidence.iter().filter(|e| e.role == Role::Root);
        assert_eq!(roots.count(), 1, "{how}: {:?}", incident.evidence);
    }
}

fn every_way(log: &str, what: &str) {
    for threads in [1, 2, 8] {
        let options = Options {
            threads,
            ..Options::default()
        };
        let report = explain_text(catalogue(), "-", log.as_bytes(), &options);
        holds_all(&report, &format!("{what}, {threads} threads"));
        let mut stream = log.as_bytes();
        let report = explain_stream(catalogue(), "-", &mut stream, &options, &mut ());
        holds_all(&report, &format!("{what}, {threads} threads, piped"));
    }
}

#[test]
fn every_pull_of_a_small_log_is_told() {
    every_way(&pulls(1 << 20, false), "small");
}

#[test]
fn every_pull_of_a_large_log_is_told() {
    every_way(&pulls(LARGE, false), "large");
}

#[test]
fn so_it_is_where_the_newest_line_comes_first() {
    every_way(&pulls(1 << 20, true), "small, backwards");
    every_way(&pulls(LARGE, true), "large, backwards");
}
