//! What the engine's own configuration says about the pull: a row of its settings, one of the order
//! of endpoints where that is no matter of course, and one for each thing that is broken.

use std::collections::BTreeMap;

use pullwhy_model::{Hop, Image, Target};

use crate::options::Options;
use crate::rows::{Row, Rows};
use crate::setup::endpoint::Route;
use crate::setup::{Setup, Trouble};
use crate::trust::Source;

/// Settings that are told in a summary, and troubles that get a row.
const TOLD: usize = 8;

/// What the configuration says, whatever the image.
pub(super) fn settings(options: &Options, rows: &mut Rows<'_>) {
    let Some(setup) = &options.setup else { return };
    set(setup, rows);
    for trouble in setup.troubles.iter().take(TOLD) {
        rows.push(row_of(trouble));
    }
}

/// What it says about an image.
pub(super) fn tell(image: &Image, route: &Route, rows: &mut Rows<'_>) {
    for trouble in route.troubles.iter().take(TOLD) {
        rows.push(row_of(trouble));
    }
    if let Some(wanted) = &route.wanted
        && let Some(first) = wanted.requirements.first()
    {
        let row = Row::new(Hop::Config, first.source.to_string()).role(Target::Registry);
        let says = format!(
            "the policy wants {} signed: {}",
            wanted.scope,
            wanted.says()
        );
        rows.push(placed(row, &first.source).ok(says));
    }
    order(image, route, rows);
}

/// The row of what is set. On a host where nothing is, there is none.
fn set(setup: &Setup, rows: &mut Rows<'_>) {
    let Some(first) = setup.settings.first() else {
        return;
    };
    let mut row = Row::new(Hop::Config, first.source.file.display().to_string())
        .role(Target::Registry)
        .fact("engine", setup.engine.word());
    let mut says: Vec<String> = Vec::new();
    // A list has a setting for each of its entries.
    let mut facts: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for setting in &setup.settings {
        let said = format!("{} {} ({})", setting.name, setting.value, setting.source);
        if says.len() < TOLD {
            says.push(said.clone());
        }
        facts.entry(&setting.name).or_default().push(said);
    }
    for (name, said) in facts {
        row.note(name, said.join("; "));
    }
    let more = setup.settings.len().saturating_sub(TOLD);
    if more > 0 {
        says.push(format!("and {more} more"));
    }
    rows.push(row.ok(says.join("; ")));
}

fn row_of(trouble: &Trouble) -> Row {
    let row = Row::new(Hop::Config, trouble.source.to_string()).role(Target::Registry);
    let row = placed(row, &trouble.source);
    if trouble.stops {
        row.failed(trouble.saw, trouble.says.as_str())
    } else {
        row.warning(trouble.saw, trouble.says.as_str())
    }
}

/// A row with the file and line that it is about.
pub(super) fn placed(row: Row, source: &Source) -> Row {
    let row = row
        .fact("config_file", source.file.display().to_string())
        .fact("config_place", source.to_string());
    match &source.named_in {
        Some((_, line)) => row.fact("config_line", i64::try_from(*line).unwrap_or(0)),
        None => row,
    }
}

/// In which order endpoints are asked, where it is not only the registry of the image's name.
fn order(image: &Image, route: &Route, rows: &mut Rows<'_>) {
    if route.endpoints.iter().all(|e| e.named.is_none()) {
        return;
    }
    let registry = image.registry.clone().unwrap_or_default();
    let each = route
        .endpoints
        .iter()
        .map(|endpoint| match &endpoint.named {
            Some(source) => format!("{} ({source})", endpoint.url()),
            None => endpoint.url(),
        });
    let each: Vec<String> = each.collect();
    let row = Row::new(Hop::Config, registry.as_str())
        .role(Target::Registry)
        .fact("endpoints", each.join(", "));
    rows.push(row.ok(format!("asked in this order: {}", each.join(", then "))));
}
