//! SARIF 2.1.0 (OASIS), for code scanning services.

use std::collections::BTreeMap;
use std::io::{self, Write};

use pullwhy_model::{Confidence, Evidence, Incident, Report};
use serde_json::{Value, json};

use super::{act_on, checked, is_live, is_walk, now, root_in_log};

pub(crate) fn write<'r>(report: &'r Report, out: &mut dyn Write) -> io::Result<()> {
    let rules: BTreeMap<&str, Value> = report
        .incidents
        .iter()
        .map(|i| {
            // Results of one rule differ; a report that was read back has the incident's words only.
            let of =
                |general: &'r str, own: &'r str| if general.is_empty() { own } else { general };
            let mut rule = json!({
                "id": i.cause.as_str(),
                "shortDescription": {"text": of(&i.general.title, &i.title)},
                "fullDescription": {"text": of(&i.general.explanation, &i.explanation)},
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
                // A hop of a live check is in no file.
                if is_walk(i) {
                    let hop = e.text.split(' ').next().unwrap_or_default();
                    return json!({
                        "logicalLocations": [{"fullyQualifiedName": format!("check/{}/{hop}", e.line)}],
                        "message": {"text": e.text},
                    });
                }
                let (start, end) = code_points(e);
                json!({"physicalLocation": {
                    "artifactLocation": {"uri": uri(&e.file)},
                    "region": {
                        "startLine": e.line,
                        "startColumn": start,
                        "endColumn": end,
                        "snippet": {"text": e.text},
                    },
                }})
            };
            // Results are of files; hops of a check are none.
            let proof = root_in_log(i);
            let log = i.evidence.iter().filter(|e| !is_live(i, e));
            let others = log.filter(|e| proof.is_none_or(|p| !std::ptr::eq(p, *e)));
            let level = if i.confidence == Confidence::Possible {
                "warning"
            } else {
                "error"
            };
            json!({
                "ruleId": i.cause.as_str(),
                "level": level,
                "message": {"text": format!("{} ({}){}", i.title, i.confidence, live(i))},
                "locations": proof.into_iter().map(place).collect::<Vec<_>>(),
                "relatedLocations": others.map(place).collect::<Vec<_>>(),
                "partialFingerprints": {"pullwhy/v1": i.id},
                "occurrenceCount": i.count,
            })
        })
        .collect();
    let notes = report.warnings.iter().map(|warning| {
        json!({
            "level": "warning",
            "message": {"text": format!("not read, or in part: {}: {}", warning.file, warning.text)},
        })
    });
    let notes: Vec<Value> = notes.collect();
    let document = json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": report.tool.name, "version": report.tool.version, "rules": rules.into_values().collect::<Vec<_>>()}},
            "columnKind": "unicodeCodePoints",
            "results": results,
            "invocations": [{
                "executionSuccessful": report.warnings.is_empty(),
                "toolExecutionNotifications": notes,
            }],
        }],
    });
    serde_json::to_writer_pretty(&mut *out, &document)?;
    out.write_all(b"\n")
}

/// What a live check says, after the message.
fn live(i: &Incident) -> String {
    let check = i.check.as_ref();
    check.map_or_else(String::new, |check| {
        let act = now(i).map_or(String::new(), |now| format!("; {}", act_on(now)));
        format!(
            "; checked live, {}: {}{act}",
            checked(check.verdict),
            check.because
        )
    })
}

/// First column of the span and the one after it, from 1, in code points as `columnKind` says.
///
/// Evidence counts bytes of the original line. What stands before the span in the shown line says
/// how many of them continue a character. Where the shown line was cut or cleaned, signs stand for
/// what was left out; they are not of the line, so they tell nothing about it.
fn code_points(e: &Evidence) -> (u64, u64) {
    let (from, to) = e.span;
    let before = e.text.get(..from).unwrap_or_default();
    let inside = e.text.get(from..to).unwrap_or_default();
    let continued = |text: &str| -> u64 {
        let of_line = |c: &char| !matches!(*c, '…' | char::REPLACEMENT_CHARACTER);
        let surplus = text.chars().filter(of_line).map(|c| c.len_utf8() - 1);
        surplus.sum::<usize>() as u64
    };
    let start = e.column.saturating_sub(continued(before)).max(1);
    let length = e.length.saturating_sub(continued(inside)).max(1);
    (start, start + length)
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

#[cfg(test)]
mod tests {
    use pullwhy_model::{Evidence, Role};

    use super::code_points;

    fn evidence(line: &str, mark: &str) -> Evidence {
        let at = line.find(mark).expect("in the line");
        Evidence {
            file: "a.log".to_owned(),
            line: 1,
            column: at as u64 + 1,
            length: mark.len() as u64,
            text: line.to_owned(),
            role: Role::Root,
            cause: None,
            note: None,
            at: None,
            setting: None,
            span: (at, at + mark.len()),
        }
    }

    #[test]
    fn columns_count_code_points() {
        let line = "ééééé日本 Error response";
        assert_eq!(code_points(&evidence(line, "Error")), (9, 14));
        assert_eq!(code_points(&evidence(line, "日本")), (6, 8));
        // One code point outside the first plane; UTF-16 would count two units.
        assert_eq!(code_points(&evidence("🐳 Error", "Error")), (3, 8));
    }

    #[test]
    fn a_cut_line_keeps_the_columns_of_the_whole() {
        let mut cut = evidence("…tail é Error", "Error");
        cut.column = 2003;
        assert_eq!(code_points(&cut), (2002, 2007));
    }
}
