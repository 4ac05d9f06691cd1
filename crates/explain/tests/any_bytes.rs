//! Any bytes give a report, and no control character gets out.

mod support;

use proptest::prelude::*;
use pullwhy_explain::{Options, explain_text};
use support::catalogue;

fn report(bytes: &[u8]) -> pullwhy_model::Report {
    explain_text(
        catalogue(),
        "-",
        bytes,
        &Options {
            threads: 1,
            ..Options::default()
        },
    )
}

/// Pieces from which hostile logs are built: words that matter, and bytes that hurt.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..40),
        prop_oneof![
            Just("2024-01-01T00:00:00Z ERROR - "),
            Just("DockerApiException: response={\"message\":\"Get \\\"https://r.example/v2/a/manifests/1\\\": "),
            Just("unauthorized: authentication required"),
            Just("Failed to pull image \"r.example/a:1\": [rpc error: code = Unknown desc = "),
            Just(", rpc error: code = Unknown desc = "),
            Just("dial tcp: lookup r.example on 10.0.0.1:53: no such host"),
            Just("\\\"\\\\\\\"\\u0027\\u00"),
            Just("\u{1b}[31m\u{202e}"),
            Just("│\n│ "),
            Just("\n"),
            Just("\r"),
            Just("Pulling image: "),
            Just("{\"message\":\""),
            Just("[{\"MESSAGE\":[110,111,"),
            Just("\",\"time\":1772359200.5},"),
            Just("{\"columns\":[\"log\"],\"rows\":[[\""),
            Just("E0813 22:34:54.7 1 kubelet.go:1] "),
            Just("\\ud83d"),
            Just("é://"),
        ]
        .prop_map(|s| s.as_bytes().to_vec()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_give_a_clean_report(pieces in proptest::collection::vec(piece(), 0..60)) {
        let report = report(&pieces.concat());
        let json = serde_json::to_string(&report).expect("serialises");
        let controls = json.chars().filter(|c| c.is_control()).count();
        prop_assert_eq!(controls, 0);
        let escaped = json.contains("\\u001b");
        let hidden = json.contains('\u{202e}');
        prop_assert!(!escaped && !hidden);
        for incident in &report.incidents {
            for evidence in &incident.evidence {
                prop_assert!(evidence.text.is_char_boundary(evidence.span.0));
                prop_assert!(evidence.text.is_char_boundary(evidence.span.1));
                prop_assert!(evidence.line > 0 && evidence.column > 0);
            }
        }
    }
}

/// Seconds that a repeated unit takes, the least of three.
fn seconds(unit: &str, times: usize) -> f64 {
    let text = unit.repeat(times);
    let run = |_| {
        let started = std::time::Instant::now();
        report(text.as_bytes());
        started.elapsed().as_secs_f64()
    };
    (0..3).map(run).fold(f64::MAX, f64::min)
}

#[test]
fn the_work_grows_with_the_input_and_not_faster() {
    // Each unit invites another loop inside a loop: unfinished lists, joined lines, nested
    // quotes, records of a tree. Eight times the input may take 24 times as long on a busy machine, not 64.
    for unit in [
        "Failed to pull image \"r.example/a:1\": [rpc error: code = Unknown desc = \\\"x\\\": │\n│ ",
        "- message: 'Failed to pull image \"r.example/a:1\": rpc error:\n",
        "  \"message\": \"Failed to pull image \\\"a\\\": {\n",
        "\\\"\\\"{[({",
        "https://a/v2/x/manifests/1: denied: ",
        "\u{1b}[31mdenied\r",
        "x509: Error response from daemon: push/proxyconnect/",
    ] {
        let (little, much) = (seconds(unit, 2_000), seconds(unit, 16_000));
        assert!(
            much < little.max(0.002) * 24.0,
            "{unit:?}: {little:.4} s, eight times as much {much:.4} s"
        );
    }
}

#[test]
fn a_line_of_many_megabytes_is_read_around_what_matters() {
    let mut log = vec![b'x'; 9 << 20];
    log.extend_from_slice(
        b" Failed to pull image \"r.example/a:1\": manifest unknown: manifest unknown ",
    );
    log.extend(std::iter::repeat_n(b'y', 9 << 20));
    log.push(b'\n');
    let report = report(&log);
    assert_eq!(report.incidents[0].cause, *"reference/tag-not-found");
}

#[test]
fn a_failure_repeated_a_hundred_thousand_times_is_one_incident() {
    let line = "2024-03-01T10:00:00Z ERROR - DockerApiException: Docker API responded with status code=NotFound, response={\"message\":\"manifest for contoso.azurecr.io/a:1 not found: manifest unknown: manifest unknown\"}\n\
                2024-03-01T10:00:00Z INFO  - Pulling image: contoso.azurecr.io/a:1\n";
    let report = report(line.repeat(100_000).as_bytes());
    assert_eq!(report.incidents.len(), 1);
    assert_eq!(report.incidents[0].count, 100_000);
    assert!(report.incidents[0].evidence.len() < 20);
}
