//! The page of a live check: the verdict, the hops, what differs, the failure.

use std::io::{self, Write};

use pullwhy_model::CheckReport;

use super::{capital, escape, foot, head, prose, section};
use crate::render::check::{SAME, words};

pub(crate) fn write(report: &CheckReport, out: &mut dyn Write) -> io::Result<()> {
    head(out)?;
    writeln!(
        out,
        "<h1>{}</h1><p class=\"tag\"><code>{}</code> · checked in {:.0} ms</p>",
        prose(&capital(words(report).0)),
        escape(&report.image.reference),
        report.elapsed_ms
    )?;
    writeln!(
        out,
        "<table class=\"walk\"><thead><tr><th>hop<th>status<th>target<th class=\"ms\">ms<th>what</thead><tbody>"
    )?;
    for row in &report.hops {
        let status = row.status.to_string();
        writeln!(
            out,
            "<tr><td class=\"word\">{}<td class=\"word {status}\">{status}<td><code>{}</code>{}<td class=\"ms\">{:.1}<td>{}",
            row.hop,
            escape(&row.target),
            super::super::check::whose(row),
            row.elapsed_ms,
            prose(&row.summary)
        )?;
    }
    writeln!(out, "</tbody></table>")?;
    let differences = report.differences.iter();
    table(
        "What differs from the other walk",
        ["hop", "here", "there"],
        differences.map(|d| {
            let what = format!("{} {}", d.hop, d.target);
            [
                what,
                d.here.clone(),
                d.there.clone(),
                so(d.follows.as_ref()),
            ]
        }),
        out,
    )?;
    if report.view.as_ref().is_some_and(Vec::is_empty) {
        writeln!(out, "<p>{}.</p>", capital(SAME))?;
    }
    table(
        "Where the engine and this shell differ",
        ["what", "engine", "this shell"],
        report.view.iter().flatten().map(|d| {
            let (engine, shell) = (d.engine.clone(), d.shell.clone());
            [d.what.clone(), engine, shell, so(d.follows.as_ref())]
        }),
        out,
    )?;
    if let Some(incident) = &report.incident {
        section(1, incident, out)?;
    }
    foot(out)
}

fn so(follows: Option<&String>) -> String {
    follows.cloned().unwrap_or_default()
}

/// Two sides of several things, and what follows; nothing where there is none.
fn table(
    title: &str,
    heads: [&str; 3],
    rows: impl Iterator<Item = [String; 4]>,
    out: &mut dyn Write,
) -> io::Result<()> {
    let mut rows = rows.peekable();
    if rows.peek().is_none() {
        return Ok(());
    }
    let [what, one, other] = heads;
    writeln!(
        out,
        "<h3>{title}</h3><table class=\"walk\"><thead><tr><th>{what}<th>{one}<th>{other}<th>so</thead><tbody>"
    )?;
    for row in rows {
        let cells = row.map(|cell| format!("<td>{}", prose(&cell))).concat();
        writeln!(out, "<tr>{cells}")?;
    }
    writeln!(out, "</tbody></table>")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_has_verdict_hops_and_differences_and_no_markup_of_others() {
        let report: CheckReport = serde_json::from_value(serde_json::json!({
            "schema": "pullwhy.check/1", "tool": {"name": "pullwhy", "version": "0"},
            "image": {"reference": "r.example/<b>a", "registry": "r.example", "repository": "a", "tag": "1", "digest": null},
            "verdict": "not-pullable", "failed_hop": "manifest", "incident": null, "elapsed_ms": 1.0,
            "hops": [{
                "hop": "manifest", "target": "r.example/<i>", "status": "failed", "elapsed_ms": 1.0,
                "summary": "404: <script>alert(1)</script>", "facts": {}, "saw": "unknown-tag",
            }],
            "differences": [{"hop": "dns", "target": "r.example", "here": "10.0.0.1", "there": "<u>", "follows": "so it is"}],
            "view": [{"what": "proxy", "engine": "p:1", "shell": "none", "follows": null}],
        }))
        .expect("a report");
        let mut out = Vec::new();
        write(&report, &mut out).expect("memory");
        let page = String::from_utf8(out).expect("text");
        for part in [
            "would fail",
            "word failed\"",
            "404: &lt;script&gt;",
            "10.0.0.1",
            "so it is",
            "p:1",
        ] {
            assert!(page.contains(part), "{part}: {page}");
        }
        for markup in ["<script", "<b>", "<i>", "<u>"] {
            assert!(!page.contains(markup), "{markup}: {page}");
        }
    }
}
