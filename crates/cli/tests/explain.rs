//! The command line as other programs rely on it: exit statuses, streams, formats.

mod support;

use std::fs;
use std::io::Write;
use std::path::Path;

use support::{DENIED, MISSING, explained, json, pullwhy, text};

/// First cause found in a file of a folder.
fn cause_in(folder: &Path, file: &str, bytes: &[u8]) -> String {
    fs::write(folder.join(file), bytes).expect("temporary folder");
    let output = pullwhy()
        .args(["explain", "--format", "json"])
        .arg(folder.join(file))
        .output()
        .expect("runs");
    let report = json(&output.stdout);
    report["incidents"][0]["cause"]
        .as_str()
        .unwrap_or("none")
        .to_owned()
}

#[test]
fn exit_status_tells_found_not_found_and_failed() {
    pullwhy()
        .arg("explain")
        .write_stdin("all is well\n")
        .assert()
        .code(0);
    pullwhy()
        .arg("explain")
        .write_stdin(DENIED)
        .assert()
        .code(1);
    pullwhy()
        .args(["explain", "no/such/file.log"])
        .assert()
        .code(2);
    pullwhy()
        .args(["explain", "--no-such-option"])
        .assert()
        .code(2);
    pullwhy()
        .args(["explain", "--format", "yaml"])
        .assert()
        .code(2);
}

#[test]
fn a_pipe_without_a_command_is_explained() {
    let plain = pullwhy().write_stdin(DENIED).output().expect("runs");
    let named = pullwhy()
        .args(["explain", "-"])
        .write_stdin(DENIED)
        .output()
        .expect("runs");
    assert_eq!(plain.status.code(), Some(1));
    let without_time = |bytes: &[u8]| {
        let text = text(bytes);
        text[..text.rfind("line").expect("summary")].to_owned()
    };
    assert_eq!(without_time(&plain.stdout), without_time(&named.stdout));
    assert!(text(&plain.stdout).contains("reference/denied-or-not-found"));
}

#[test]
fn an_unreadable_input_is_named_and_the_rest_is_read() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let good = folder.path().join("good.log");
    fs::write(&good, MISSING).expect("temporary folder");
    fs::write(
        folder.path().join("noise.log"),
        [0u8, 1, 2, 0, 255].repeat(100),
    )
    .expect("temporary folder");
    let output = pullwhy()
        .args(["explain", "--format", "json"])
        .arg(folder.path().join("noise.log"))
        .arg(folder.path().join("gone.log"))
        .arg(&good)
        .output()
        .expect("runs");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(
        json(&output.stdout)["incidents"][0]["cause"],
        "reference/tag-not-found"
    );
    let errors = text(&output.stderr);
    assert!(
        errors.contains("gone.log") && errors.contains("noise.log"),
        "{errors}"
    );
}

#[test]
fn the_report_keeps_the_contract() {
    let output = pullwhy()
        .args([
            "explain",
            "--format",
            "json",
            "../../examples/2023_02_28_RD0003FF8A1B2C_docker.log",
        ])
        .output()
        .expect("runs");
    let report = json(&output.stdout);
    assert_eq!(report["schema"], "pullwhy.report/1");
    assert_eq!(report["tool"]["name"], "pullwhy");
    let incident = &report["incidents"][0];
    assert_eq!(incident["cause"], "host/userns-unmapped-id");
    assert_eq!(incident["confidence"], "certain");
    assert_eq!(incident["candidates"][0]["cause"], incident["cause"]);
    assert_eq!(incident["transient"], "no");
    assert_eq!(incident["outcome"], "failed");
    assert_eq!(incident["client"], "appservice");
    assert_eq!(incident["instance"], "RD0003FF8A1B2C");
    assert_eq!(incident["image"]["registry"], "youracr.azurecr.io");
    assert_eq!(incident["image"]["tag"], "1.5");
    assert_eq!(incident["facts"]["container_id"], 1_000_000);
    assert_eq!(incident["count"], 1);
    let roles: Vec<&str> = incident["evidence"]
        .as_array()
        .expect("evidence")
        .iter()
        .filter_map(|e| e["role"].as_str())
        .collect();
    assert_eq!(roles.iter().filter(|r| **r == "root").count(), 1);
    assert!(roles.contains(&"masked"));
    for key in [
        "trigger",
        "first_seen",
        "last_seen",
        "fixes",
        "references",
        "id",
    ] {
        assert!(!incident[key].is_null(), "{key}");
    }
}

#[test]
fn columns_and_lengths_are_bytes_of_the_original_line() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let path = folder.path().join("a.log");
    let line = format!("é 2024 {}", DENIED.trim_end());
    fs::write(&path, &line).expect("temporary folder");
    let output = pullwhy()
        .args(["explain", "--format", "json"])
        .arg(&path)
        .output()
        .expect("runs");
    let evidence = &json(&output.stdout)["incidents"][0]["evidence"][0];
    let number =
        |key: &str| usize::try_from(evidence[key].as_u64().expect("number")).expect("fits");
    let from = number("column") - 1;
    let span = &line.as_bytes()[from..from + number("length")];
    let span = String::from_utf8_lossy(span);
    assert_eq!(span, "requested access to the resource is denied");
}

#[test]
fn ndjson_is_one_incident_a_line() {
    let log = format!("{DENIED}{MISSING}");
    let output = pullwhy()
        .args(["explain", "--format", "ndjson", "-"])
        .write_stdin(log)
        .output()
        .expect("runs");
    let causes: Vec<String> = text(&output.stdout)
        .lines()
        .map(|l| {
            json(l.as_bytes())["cause"]
                .as_str()
                .expect("cause")
                .to_owned()
        })
        .collect();
    assert_eq!(
        causes,
        ["reference/denied-or-not-found", "reference/tag-not-found"]
    );
}

#[test]
fn encodings_and_archives() {
    let folder = tempfile::tempdir().expect("temporary folder");
    let at = folder.path();
    let expected = "reference/tag-not-found";
    let utf16: Vec<u8> = [0xFF, 0xFE]
        .into_iter()
        .chain(
            MISSING
                .replace('\n', "\r\n")
                .encode_utf16()
                .flat_map(u16::to_le_bytes),
        )
        .collect();
    assert_eq!(cause_in(at, "powershell.log", &utf16), expected);
    assert_eq!(
        cause_in(at, "bom.log", format!("\u{feff}{MISSING}").as_bytes()),
        expected
    );
    assert_eq!(
        cause_in(
            at,
            "bar.log",
            format!("a\rb\r\u{1b}[31m{MISSING}").as_bytes()
        ),
        expected
    );
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(MISSING.as_bytes()).expect("memory");
    let gzip = gzip.finish().expect("memory");
    assert_eq!(cause_in(at, "x.log.gz", &gzip), expected);
}

#[test]
fn secrets_never_get_out() {
    let log = "time=\"2024-01-01T00:00:00Z\" level=error msg=\"Error response from daemon: Get \\\"https://admin:hunter2hunter2@r.example/v2/a/manifests/1?sig=abcdefSIGNATURE&token=tok123456\\\": unauthorized: authentication required\" Authorization: Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl\n";
    for format in [
        "human", "json", "ndjson", "markdown", "sarif", "github", "html",
    ] {
        let output = pullwhy()
            .args(["explain", "-v", "--format", format, "-"])
            .write_stdin(log)
            .output()
            .expect("runs");
        let out = text(&output.stdout);
        assert!(out.contains("r.example"), "{format}: {out}");
        for secret in ["hunter2", "SIGNATURE", "tok123456", "eyJhbGciOiJIUzI1NiJ9"] {
            assert!(!out.contains(secret), "{format} shows {secret}");
        }
    }
}

#[test]
fn filters_narrow_the_report() {
    let log = format!("2024-01-01T00:00:00Z {DENIED}2024-01-03T00:00:00Z {MISSING}");
    let causes = |args: &[&str]| {
        let output = pullwhy()
            .args(["explain", "--format", "json"])
            .args(args)
            .arg("-")
            .write_stdin(log.clone())
            .output()
            .expect("runs");
        json(&output.stdout)["incidents"]
            .as_array()
            .expect("list")
            .len()
    };
    assert_eq!(causes(&[]), 2);
    assert_eq!(causes(&["--since", "2024-01-02"]), 1);
    assert_eq!(causes(&["--until", "2024-01-02"]), 1);
    assert_eq!(causes(&["--image", "azurecr"]), 1);
    assert_eq!(causes(&["--cause", "reference"]), 2);
    assert_eq!(causes(&["--cause", "network"]), 0);
}

#[test]
fn a_failure_without_a_time_says_that_none_was_asked_of_it() {
    let note = |log: &str, args: &[&str]| {
        let all = [&["explain", "--format", "json"], args, &["-"]].concat();
        let output = pullwhy().args(all).write_stdin(log).output();
        let report = json(&output.expect("runs").stdout);
        let notes = &report["incidents"][0]["notes"];
        notes
            .to_string()
            .contains("have no time with a year: `--since` could")
    };
    let dated = format!("2024-05-01T10:00:00Z {MISSING}");
    assert!(note(MISSING, &["--since", "2024-01-01"]));
    assert!(!note(MISSING, &[]));
    assert!(!note(&dated, &["--since", "2024-01-01"]));
}

#[test]
fn a_filter_that_leaves_nothing_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("app.log");
    fs::write(&log, format!("2024-05-01T10:00:00Z {MISSING}")).expect("written");
    for filter in [
        ["--cause", "network"],
        ["--image", "nowhere"],
        ["--instance", "nobody"],
        ["--since", "2099-01-01T00:00:00Z"],
    ] {
        let (status, out, errors) = explained(&filter, &[&log]);
        assert_eq!(status, 0, "{out}");
        assert!(out.contains("left out 1 failed pull"), "{filter:?}: {out}");
        assert!(errors.contains(filter[0]), "{errors}");
    }
    let (_, out, _) = explained(&["--cause", "network", "--format", "markdown"], &[&log]);
    assert!(out.contains("left out 1 failed pull"), "{out}");
    let (status, out, errors) = explained(&["--cause", "network", "-q"], &[&log]);
    assert_eq!((status, out.as_str(), errors.as_str()), (0, "", ""));
}

#[test]
fn an_empty_folder_has_nothing_to_read() {
    let folder = tempfile::tempdir().expect("a folder");
    let (status, out, errors) = explained(&[], &[folder.path()]);
    assert_eq!(status, 0);
    assert!(out.starts_with("there was nothing to read"), "{out}");
    assert!(errors.contains("nothing to read in"), "{errors}");
    let (_, out, _) = explained(&["--format", "html"], &[folder.path()]);
    assert!(out.contains("There was nothing to read"), "{out}");
}

#[test]
fn instances_and_what_set_it_off_stand_in_markdown() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = |name: &str, more: &str| {
        let line = "2024-05-01T10:00:01.500Z ERROR - DockerApiException: Docker API responded with status code=NotFound, response={\"message\":\"manifest for contoso.azurecr.io/till:9 not found: manifest unknown: manifest tagged by \\\"9\\\" is not found\"}\n";
        let start = "2024-05-01T10:00:01.100Z INFO  - Pulling image: contoso.azurecr.io/till:9\n";
        let file = format!("2024_05_01_lw0sdlwk000{name}_docker.log");
        fs::write(folder.path().join(file), format!("{start}{line}{more}")).expect("written");
    };
    log(
        "1AA",
        "2024-05-01T10:00:01.703Z INFO  - Stopping site till because it failed during startup.\n",
    );
    log(
        "2BB",
        "2024-05-01T10:05:01.100Z INFO  - Pulling image: contoso.azurecr.io/till:9\n2024-05-01T10:05:09.100Z INFO  - 9 Pulling from till\n2024-05-01T10:05:11.100Z INFO  - Digest: sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n2024-05-01T10:05:12.100Z INFO  - Status: Downloaded newer image for contoso.azurecr.io/till:9\n",
    );
    let (_, out, _) = explained(&["--format", "markdown"], &[folder.path()]);
    for part in [
        "| lw0sdlwk0001AA | 1 | failed |",
        "| lw0sdlwk0002BB | 1 | recovered |",
        "A retry: ",
    ] {
        assert!(out.contains(part), "{part}: {out}");
    }
    let (_, out, _) = explained(&[], &[folder.path()]);
    assert!(
        out.contains("lw0sdlwk0001AA (failed), lw0sdlwk0002BB (recovered)"),
        "{out}"
    );
}

#[test]
fn when_to_choose_a_fix_is_a_condition() {
    let folder = tempfile::tempdir().expect("a folder");
    let log = folder.path().join("app.log");
    fs::write(&log, MISSING).expect("written");
    for format in ["human", "markdown", "html"] {
        let (_, out, _) = explained(&["-v", "--format", format], &[&log]);
        let flat = out.split_whitespace().collect::<Vec<_>>().join(" ");
        let condition = "if the registry is an Azure Container Registry";
        assert!(flat.contains(condition), "{format}: {flat}");
    }
}
