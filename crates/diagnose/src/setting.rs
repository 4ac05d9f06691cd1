//! What is wrong with a machine's settings, though no pull may have failed yet: by the same sightings of
//! the catalogue as a row of a live check, with the line of the file as evidence.

use pullwhy_catalogue::Catalogue;
use pullwhy_model::{
    Confidence, Evidence, Facts, Fix, Hop, HopRow, Image, Incident, Outcome, Risk, Role, Status,
    Target, Trigger,
};

/// Something that is wrong with a setting.
#[derive(Clone, Debug)]
pub struct Doubt {
    /// Whose it is: `docker`, `podman`, the word of a client.
    pub client: String,
    /// Where a pull meets it.
    pub hop: Hop,
    /// The word by which the catalogue knows it.
    pub saw: String,
    /// What is wrong, in a line.
    pub says: String,
    /// The file.
    pub file: String,
    /// It holds settings in lines, which may be shown; else it is a certificate, a key or a folder.
    pub of_lines: bool,
    /// Its line, where there is one.
    pub line: Option<u64>,
    /// What stands in the line.
    pub text: String,
    /// No pull gets through.
    pub stops: bool,
}

/// The diagnosis of it; nothing where no cause of the catalogue knows the word.
pub fn shown_by_setting(catalogue: &Catalogue, doubt: &Doubt) -> Option<Incident> {
    let mut row = HopRow {
        hop: doubt.hop,
        target: doubt.file.clone(),
        status: Status::Failed,
        elapsed_ms: 0.0,
        summary: doubt.says.clone(),
        facts: Facts::new(),
        cause: None,
        saw: Some(doubt.saw.clone()),
        role: Some(Target::Registry),
    };
    let mut fact = |name: &str, value: &str| row.facts.insert(name.to_owned(), value.into());
    if doubt.of_lines {
        let line = doubt
            .line
            .map_or_else(String::new, |line| format!(":{line}"));
        fact("config_file", &doubt.file);
        fact("config_place", &format!("{}{line}", doubt.file));
    } else {
        fact("path", &doubt.file);
    }
    let (cause, sighting) = crate::check::best(catalogue, &row)?;
    let id = catalogue.at(cause).id.clone();
    row.cause = Some(id.clone());
    let image = Image::default();
    let rows = [row];
    let mut incident = crate::check::told_by(
        &doubt.client,
        (catalogue, &image, &rows, 0),
        cause,
        sighting,
    );
    // Two of one cause are two things to mend.
    let place = format!("{} {}:{:?}", doubt.client, doubt.file, doubt.line);
    incident.id = crate::build::fingerprint(None, &format!("{place} {}", doubt.says), id.as_str());
    incident.title.clone_from(&doubt.says);
    incident.trigger = Trigger::Unknown;
    incident.notes.clear();
    (incident.outcome, incident.explanation) = if doubt.stops {
        let says = "As it stands, no pull that meets it gets through.";
        (Outcome::Failed, says.to_owned())
    } else {
        incident.confidence = Confidence::Possible;
        let says = "It stops no pull by itself; whether one fails for it is not known.";
        (Outcome::Unknown, says.to_owned())
    };
    for candidate in &mut incident.candidates {
        candidate.because.clone_from(&doubt.says);
    }
    let text = if doubt.text.trim().is_empty() {
        doubt.says.clone()
    } else {
        doubt.text.clone()
    };
    let length = text.len();
    incident.evidence = vec![Evidence {
        file: doubt.file.clone(),
        line: doubt.line.unwrap_or(1),
        column: 1,
        length: length as u64,
        text,
        role: Role::Root,
        cause: Some(id),
        note: None,
        at: None,
        setting: None,
        span: (0, length),
    }];
    let about = |command: &Option<String>| names(command.as_ref(), &doubt.file);
    // The line is the proof; what is not about it are reasons of other failures.
    incident.reasons.retain(|reason| {
        let check = reason.check.as_ref();
        check.is_some_and(|check| about(&check.command))
    });
    // What is about this very file comes first, and of the rest what only looks.
    let of_file = |fix: &Fix| fix.steps.iter().any(|step| about(&step.command));
    incident
        .fixes
        .sort_by_key(|fix| (fix.risk == Risk::WeakensSecurity, !of_file(fix)));
    // Its condition holds.
    for fix in incident.fixes.iter_mut().filter(|fix| of_file(fix)) {
        fix.when.clear();
    }
    Some(incident)
}

/// Whether a command is about a file.
fn names(command: Option<&String>, file: &str) -> bool {
    command.is_some_and(|command| command.contains(file))
}
