//! SARIF 2.1.0 (OASIS), for code scanning services.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pullwhy_model::{Confidence, Evidence, Report};
use serde_json::{Value, json};

use super::root;

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    let rules: BTreeMap<&str, Value> = report
        .incidents
        .iter()
        .map(|i| {
            let mut rule = json!({
                "id": i.cause.as_str(),
                "shortDescription": {"text": i.title},
                "fullDescription": {"text": i.explanation},
            });
            if let Some(reference) = i.references.first() {
                rule["helpUri"] = json!(reference);
            }
            (i.cause.as_str(), rule)
        })
        .collect();
    let results: Vec<Value> = report
        .incidents
        .iter()
        .map(|i| {
            let place = |e: &Evidence| {
                json!({"physicalLocation": {
                    "artifactLocation": {"uri": uri(&e.file)},
                    "region": {
                        "startLine": e.line,
                        "startColumn": e.column,
                        "endColumn": e.column + e.length,
                        "snippet": {"text": e.text},
                    },
                }})
            };
            let proof = root(i);
            let others = i
                .evidence
                .iter()
                .filter(|e| proof.is_none_or(|p| !std::ptr::eq(p, *e)));
            let level = if i.confidence == Confidence::Possible {
                "warning"
            } else {
                "error"
            };
            json!({
                "ruleId": i.cause.as_str(),
                "level": level,
                "message": {"text": format!("{} ({})", i.title, i.confidence)},
                "locations": proof.into_iter().map(place).collect::<Vec<_>>(),
                "relatedLocations": others.map(place).collect::<Vec<_>>(),
                "partialFingerprints": {"pullwhy/v1": i.id},
                "occurrenceCount": i.count,
            })
        })
        .collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": report.tool.name, "version": report.tool.version, "rules": rules.into_values().collect::<Vec<_>>()}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// A relative or file URI of a path (RFC 3986): everything but unreserved characters is encoded.
fn uri(path: &str) -> String {
    let encode = |b: u8| {
        if b.is_ascii_alphanumeric() || b"-._~/".contains(&b) {
            char::from(b).to_string()
        } else {
            format!("%{b:02X}")
        }
    };
    let path: String = path.bytes().map(encode).collect();
    if path.starts_with('/') {
        format!("file://{path}")
    } else {
        path
    }
}
