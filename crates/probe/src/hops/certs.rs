//! What engines have for the registry in their folders of certificates: a row where there is
//! something, and nothing where there is nothing, as on most hosts.

use pullwhy_model::{Hop, Target};

use crate::rows::{Row, Rows};
use crate::trust::{Problem, RegistryTrust};

/// Problems that are told in a summary.
const TOLD: usize = 4;

/// The row of what was read.
pub(crate) fn tell(trust: &RegistryTrust, registry: &str, rows: &mut Rows<'_>) {
    if let Some(unread) = trust.unread.first() {
        let says = match &trust.skip_verify {
            Some(by) => format!(
                "Docker does not read it: the registry is insecure by {by}, so its certificate is not checked and no client certificate is shown to it"
            ),
            None => "Docker does not read it: for Docker Hub it goes by the system's authorities alone, and shows no client certificate".to_owned(),
        };
        let row = Row::new(Hop::Config, unread.display().to_string())
            .role(Target::Registry)
            .fact("registry", registry);
        rows.push(row.warning("certs-unread", says));
    }
    let named = trust.problems.first().map(|problem| &problem.source.file);
    let Some(first) = trust.folders.first().or(named) else {
        return;
    };
    let mut row = Row::new(Hop::Config, first.display().to_string())
        .role(Target::Registry)
        .fact("registry", registry);
    let mut has = Vec::new();
    let mut list = |name: &str, what: &str, all: Vec<String>| {
        if !all.is_empty() {
            let all = all.join(", ");
            row.note(name, all.as_str());
            has.push(format!("{what} {all}"));
        }
    };
    let sources = trust.authorities.iter().map(|a| a.source.to_string());
    list("authorities", "authorities", sources.collect());
    let sources = trust.clients.iter().map(|c| c.source.to_string());
    list(
        "client_certificates",
        "client certificate",
        sources.collect(),
    );
    let skip = trust.skip_verify.iter().map(ToString::to_string);
    list("skip_verify", "no verification by", skip.collect());
    list(
        "mirrors",
        "asked before the registry:",
        trust.mirrors.clone(),
    );
    if has.is_empty() {
        has.push("nothing of use for the registry".to_owned());
    }
    let says = |problems: &[&Problem]| {
        let each = problems.iter().take(TOLD);
        let each: Vec<String> = each.map(|p| format!("{}: {}", p.source, p.says)).collect();
        each.join("; ")
    };
    let (stopping, passing): (Vec<&Problem>, Vec<&Problem>) =
        trust.problems.iter().partition(|p| p.stops);
    let first = stopping.first().or(passing.first());
    if let Some(first) = first {
        row.note("path", first.source.file.display().to_string());
    }
    rows.push(match (stopping.is_empty(), passing.is_empty()) {
        (false, _) => row.failed("certs-unusable", says(&stopping)),
        (true, false) => row.warning("certs-doubtful", says(&passing)),
        (true, true) => row.ok(has.join("; ")),
    });
}
