//! `--redact`: names that point at somebody are replaced by pseudonyms, the same everywhere.
//!
//! First every text of the report is read for names ([`names`]), then every text is rewritten.
//! What is no name to the tool stays: a report is to be read before it is published.

mod names;

use pullwhy_model::{
    Check, CheckReport, Evidence, Fact, Facts, HopRow, HostReport, Image, Incident, Report,
};

use names::Names;

/// Replaces the names that the report recognised in every text of it.
pub fn redact(report: &mut Report) {
    redact_with(report, &mut []);
}

/// Replaces the names in everything that is known of a machine's engines.
pub fn redact_host(host: &mut HostReport) {
    let mut further = Vec::new();
    for engine in &mut host.engines {
        further.extend(&mut engine.files);
        for setting in &mut engine.settings {
            further.extend([&mut setting.value, &mut setting.place]);
        }
        for trouble in &mut engine.troubles {
            further.extend([&mut trouble.text, &mut trouble.place]);
        }
    }
    // One report, so that a name is the same everywhere.
    let findings = std::mem::take(&mut host.findings);
    let count = findings.len();
    host.report.incidents.splice(0..0, findings);
    redact_with(&mut host.report, &mut further);
    host.findings = host.report.incidents.drain(..count).collect();
}

/// The same names in a report and in further texts.
fn redact_with(report: &mut Report, further: &mut [&mut String]) {
    let mut names = Names::default();
    for text in &*further {
        names.learn_text(text);
    }
    for incident in &report.incidents {
        names.learn_incident(incident);
        let run = incident.check.as_ref().and_then(|c| c.run.as_ref());
        if let Some(run) = run {
            names.learn_image(&run.image);
            names.learn_hops(&run.hops);
        }
    }
    for incident in &mut report.incidents {
        for evidence in &incident.evidence {
            names.learn_text(&evidence.text);
            names.learn_file(&evidence.file);
        }
        for text in texts(incident) {
            names.learn_text(text);
        }
    }
    for warning in &report.warnings {
        names.learn_text(&warning.file);
        names.learn_file(&warning.file);
        names.learn_text(&warning.text);
    }
    let names = names.ordered();
    let replace = |text: &mut String| *text = rewritten(text, &replacements(text, &names));
    for text in further {
        replace(text);
    }
    for incident in &mut report.incidents {
        for evidence in &mut incident.evidence {
            redact_evidence(evidence, &names);
        }
        texts(incident).into_iter().for_each(replace);
    }
    for warning in &mut report.warnings {
        replace(&mut warning.file);
        replace(&mut warning.text);
    }
}

/// Replaces the names in everything that a live check found.
pub fn redact_check(report: &mut CheckReport) {
    let mut names = Names::default();
    names.learn_image(&report.image);
    names.learn_hops(&report.hops);
    if let Some(incident) = &report.incident {
        names.learn_incident(incident);
        for evidence in &incident.evidence {
            names.learn_text(&evidence.text);
        }
    }
    for text in texts_of_check(report) {
        names.learn_text(text);
    }
    let names = names.ordered();
    let evidence = report.incident.iter_mut().flat_map(|i| &mut i.evidence);
    evidence.for_each(|e| redact_evidence(e, &names));
    for text in texts_of_check(report) {
        *text = rewritten(text, &replacements(text, &names));
    }
}

/// Every text of a check that may hold names, but for the lines of evidence.
fn texts_of_check(report: &mut CheckReport) -> Vec<&mut String> {
    let mut out = image_texts(&mut report.image);
    out.extend(report.hops.iter_mut().flat_map(hop_texts));
    for d in &mut report.differences {
        out.extend([&mut d.target, &mut d.here, &mut d.there]);
        out.extend(&mut d.follows);
    }
    for d in report.view.iter_mut().flatten() {
        out.extend([&mut d.what, &mut d.engine, &mut d.shell]);
        out.extend(&mut d.follows);
    }
    if let Some(incident) = &mut report.incident {
        out.extend(texts(incident));
    }
    out
}

fn hop_texts(row: &mut HopRow) -> Vec<&mut String> {
    let mut out = vec![&mut row.target, &mut row.summary];
    out.extend(fact_texts(&mut row.facts));
    out
}

fn fact_texts(facts: &mut Facts) -> impl Iterator<Item = &mut String> {
    facts.values_mut().filter_map(|fact| match fact {
        Fact::Text(text) => Some(text),
        Fact::Number(_) => None,
    })
}

fn image_texts(image: &mut Image) -> Vec<&mut String> {
    let mut out = vec![&mut image.reference];
    out.extend(&mut image.registry);
    out.extend(&mut image.repository);
    out.extend(&mut image.tag);
    out.extend(&mut image.digest);
    out
}

/// Every text of an incident that may hold names, but for the lines of the log.
fn texts(incident: &mut Incident) -> Vec<&mut String> {
    fn of_check(check: &mut Option<Check>) -> impl Iterator<Item = &mut String> {
        check.iter_mut().flat_map(|c| {
            std::iter::once(&mut c.text)
                .chain(&mut c.command)
                .chain(&mut c.changes)
        })
    }
    let mut out = vec![&mut incident.title, &mut incident.explanation];
    out.extend(&mut incident.notes);
    out.extend(&mut incident.instance);
    out.extend(incident.instances.iter_mut().map(|i| &mut i.name));
    for evidence in &mut incident.evidence {
        out.push(&mut evidence.file);
        if let Some(setting) = &mut evidence.setting {
            out.extend([&mut setting.path, &mut setting.value]);
        }
        out.extend(&mut evidence.note);
    }
    for ruled in &mut incident.ruled_out {
        out.push(&mut ruled.because);
        out.extend(&mut ruled.settings);
        out.extend(&mut ruled.hops);
    }
    let mut now = None;
    if let Some(check) = &mut incident.check {
        out.push(&mut check.because);
        if let Some(other) = &mut check.now {
            out.extend([&mut other.title, &mut other.because]);
            now = Some(&mut other.fixes);
        }
        out.extend(check.candidates.iter_mut().map(|c| &mut c.because));
        if let Some(run) = &mut check.run {
            out.extend(image_texts(&mut run.image));
            out.extend(run.hops.iter_mut().flat_map(hop_texts));
        }
    }
    out.extend(fact_texts(&mut incident.facts));
    if let Some(image) = &mut incident.image {
        out.extend(image_texts(image));
    }
    for candidate in &mut incident.candidates {
        out.push(&mut candidate.because);
        out.extend(of_check(&mut candidate.check));
    }
    for reason in &mut incident.reasons {
        out.push(&mut reason.text);
        out.extend(of_check(&mut reason.check));
    }
    for fix in incident.fixes.iter_mut().chain(now.into_iter().flatten()) {
        out.push(&mut fix.title);
        out.push(&mut fix.when);
        for step in &mut fix.steps {
            out.push(&mut step.text);
            out.extend(&mut step.command);
            out.extend(&mut step.changes);
        }
    }
    out
}

/// A line of the log, whose decisive span moves with what is replaced before it.
fn redact_evidence(evidence: &mut Evidence, names: &[(String, String)]) {
    let replacements = replacements(&evidence.text, names);
    let moved = |place: usize, end: bool| {
        let mut shift = 0isize;
        for (from, to, pseudonym) in &replacements {
            if *to <= place {
                shift += pseudonym.len().cast_signed() - (to - from).cast_signed();
            } else if *from < place {
                // Inside of a name: the span takes the whole pseudonym.
                let edge = from.saturating_add_signed(shift);
                return edge + if end { pseudonym.len() } else { 0 };
            }
        }
        place.saturating_add_signed(shift)
    };
    let (from, to) = evidence.span;
    evidence.span = (moved(from, false), moved(to, true));
    evidence.text = rewritten(&evidence.text, &replacements);
}

/// Where names stand in a text, in order and apart; longer names win.
///
/// All are looked for in the text as it was, so that no pseudonym is taken for a name.
fn replacements<'a>(text: &str, names: &'a [(String, String)]) -> Vec<(usize, usize, &'a str)> {
    let mut found: Vec<(usize, usize, &str)> = Vec::new();
    // Hosts and resources of Azure are the same in capitals; only ASCII keeps its length.
    let small = text.to_ascii_lowercase();
    for (name, pseudonym) in names {
        for (from, _) in small.match_indices(&name.to_ascii_lowercase()) {
            let to = from + name.len();
            let free = found.iter().all(|(f, t, _)| to <= *f || *t <= from);
            // Names of images are in small letters, the words of a sentence need not be.
            let is_name = !names::is_word(name, pseudonym)
                || text[from..to] == *name && names::in_reference(text, from, to);
            let plain = names::is_plain(&text[from..to]);
            if free && is_name && stands_alone(text, from, to) && !plain {
                found.push((from, to, pseudonym));
            }
        }
    }
    found.sort_unstable();
    found
}

/// Whether a name is one here: `web`, but not the `web` of `az webapp`. One of a letter or two is
/// only as a whole text or in a path: `a` is a word, and the repository of `r.example/a`.
fn stands_alone(text: &str, from: usize, to: usize) -> bool {
    let part = |c: char| c.is_ascii_alphanumeric();
    let before = text[..from].chars().next_back();
    let escaped = ["%2F", "%2f", "%3A", "%3a"]
        .iter()
        .any(|e| text[..from].ends_with(e));
    let alone =
        (escaped || !before.is_some_and(part)) && !text[to..].chars().next().is_some_and(part);
    let word = to - from < 3 && text[from..to].bytes().all(|b| !b.is_ascii_digit());
    alone && (!word || before == Some('/') || to - from == text.len())
}

fn rewritten(text: &str, replacements: &[(usize, usize, &str)]) -> String {
    let mut out = String::with_capacity(text.len());
    let mut at = 0;
    for (from, to, pseudonym) in replacements {
        out.push_str(&text[at..*from]);
        out.push_str(pseudonym);
        at = *to;
    }
    out.push_str(&text[at..]);
    out
}
