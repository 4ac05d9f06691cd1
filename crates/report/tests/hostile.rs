//! Text from logs is untrusted in every format, even if cleaning had let something through.

use pullwhy_model::Report;
use pullwhy_report::{Format, Style, redact, render};

const SCRIPT: &str = "<script>alert(1)</script>";

/// A report whose every text tries to break out.
fn hostile() -> Report {
    let text = format!("{SCRIPT} ```\n# h [l](javascript:x) @all %0A::error::x \" ' & |");
    let evidence = |role: &str| {
        serde_json::json!({
            "file": format!("{SCRIPT}.log"), "line": 3, "column": 1, "length": 4,
            "text": text, "role": role, "cause": "auth/unspecified", "note": text,
        })
    };
    let check = serde_json::json!({"text": text, "command": text});
    serde_json::from_value(serde_json::json!({
        "schema": "pullwhy.report/1",
        "tool": {"name": "pullwhy", "version": "0.0.0"},
        "incidents": [{
            "id": "0123456789abcdef", "cause": "auth/unspecified", "title": text, "explanation": text,
            "confidence": "likely",
            "candidates": [
                {"cause": "auth/unspecified", "weight": 0.5, "because": text, "check": check},
                {"cause": "auth/access-denied", "weight": 0.5, "because": text, "check": check},
            ],
            "reasons": [{"text": text, "check": check}],
            "transient": "no", "outcome": "failed", "trigger": "manual", "client": "docker",
            "image": {"reference": text, "registry": text, "repository": text, "tag": text, "digest": null},
            "instance": text,
            "instances": [{"name": text, "count": 2, "first_seen": "2026-01-01T00:00:00Z", "last_seen": "2026-01-01T00:10:00Z", "outcome": "failed"}],
            "first_seen": "2026-01-01T00:00:00Z", "last_seen": "2026-01-01T00:10:00Z", "count": 2,
            "facts": {"host": text}, "evidence": [evidence("root"), evidence("masked")], "notes": [text],
            "fixes": [{"title": text, "platform": "any", "when": text, "risk": "none", "steps": [{"text": text, "command": text}]}],
            "references": ["https://example.com/", "javascript:alert(1)"],
        }],
        "warnings": [{"file": text, "text": text}],
        "stats": {"files": 1, "bytes": 1, "lines": 1, "elapsed_ms": 0.5},
    }))
    .expect("a report")
}

fn rendered(format: Format) -> String {
    let mut out = Vec::new();
    let style = Style {
        width: 80,
        ..Style::default()
    };
    render(&hostile(), format, &style, &mut out).expect("memory");
    String::from_utf8(out).expect("UTF-8")
}

#[test]
fn html_holds_no_markup_of_the_log() {
    let html = rendered(Format::Html);
    assert!(!html.contains("<script"));
    assert!(html.contains("&lt;script&gt;"));
    assert!(!html.contains("href=\"javascript:"));
    assert!(html.contains("default-src 'none'"));
}

#[test]
fn markdown_outside_of_code_holds_no_markup_of_the_log() {
    let markdown = rendered(Format::Markdown);
    let mut fence: Option<usize> = None;
    for line in markdown.lines() {
        let ticks = line.bytes().take_while(|b| *b == b'`').count();
        match fence {
            None if ticks >= 3 => fence = Some(ticks),
            Some(open) if ticks >= open && line.len() == ticks => fence = None,
            Some(_) => {}
            None => {
                // Spans with four backticks hold a text with three.
                let outside: String = line.split("````").step_by(2).collect();
                let text: String = outside.replace("\\`", "").split('`').step_by(2).collect();
                assert!(!text.contains("<script"), "{line}");
                assert!(!text.contains("@all"), "{line}");
                assert!(!text.contains("[l]("), "{line}");
            }
        }
    }
    assert_eq!(fence, None, "a fence is open at the end");
}

#[test]
fn annotations_stay_one_line_each() {
    let text = rendered(Format::Github);
    assert_eq!(
        text.lines().filter(|l| l.starts_with("::")).count(),
        text.lines().count()
    );
    assert!(
        text.contains("%250A"),
        "a percent sign of the log is escaped"
    );
}

#[test]
fn json_forms_are_json() {
    for format in [Format::Json, Format::Sarif] {
        let value: serde_json::Value = serde_json::from_str(&rendered(format)).expect("JSON");
        assert!(value.is_object());
    }
    let lines = rendered(Format::Ndjson);
    assert_eq!(lines.lines().count(), 1);
    let sarif: serde_json::Value = serde_json::from_str(&rendered(Format::Sarif)).expect("JSON");
    let region = &sarif["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 3);
    assert_eq!(sarif["version"], "2.1.0");
}

#[test]
fn prose_fits_the_width() {
    let long = "one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        .repeat(4);
    let mut report = hostile();
    report.incidents[0].explanation = long.clone();
    report.incidents[0].title = long;
    for width in [60, 80, 120] {
        let mut out = Vec::new();
        let style = Style {
            width,
            ..Style::default()
        };
        render(&report, Format::Human, &style, &mut out).expect("memory");
        let text = String::from_utf8(out).expect("UTF-8");
        let prose = text.lines().filter(|l| l.contains("three"));
        for line in prose {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn redaction_replaces_names_and_keeps_words() {
    let mut report = hostile();
    let incident = &mut report.incidents[0];
    incident
        .facts
        .insert("host".to_owned(), "shop.example".into());
    incident.facts.insert("repository".to_owned(), "web".into());
    incident.fixes[0].steps[0].command =
        Some("az webapp restart && docker pull shop.example/web:1".to_owned());
    incident.evidence[0].text =
        "Get https://secret.internal/v2/web/manifests/1 from 10.2.3.4 by jo@corp.example"
            .to_owned();
    redact(&mut report);
    let text = serde_json::to_string(&report).expect("JSON");
    for name in [
        "shop.example",
        "secret.internal",
        "10.2.3.4",
        "jo@corp.example",
    ] {
        assert!(!text.contains(name), "{name} is still there");
    }
    let command = report.incidents[0].fixes[0].steps[0].command.as_deref();
    assert_eq!(
        command,
        Some("az webapp restart && docker pull host-1/repository-1:1")
    );
}
