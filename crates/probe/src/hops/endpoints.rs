//! The endpoints of an engine, one after the other: the first that serves the image makes the pull.
//! What failed before it is a warning; where an engine does not go on, the failure stands.

use pullwhy_model::{Fact, Hop, HopRow, Image, Status, Target};

use super::manifest::Manifest;
use super::{Bound, certs, credentials, walk_endpoint};
use crate::Engine;
use crate::credentials::Held;
use crate::net::Deadline;
use crate::options::Options;
use crate::rows::{Row, Rows};
use crate::setup::endpoint::{Endpoint, Next};
use crate::trust::RegistryTrust;

/// Whether an engine cannot ask any of several endpoints, since the certificates of one cannot be used,
/// and the rows that tell so. Docker and containerd read those of all before they ask the first.
pub(super) fn unusable(endpoints: &[Endpoint], options: &Options, rows: &mut Rows<'_>) -> bool {
    let each_in_turn = endpoints.iter().any(|e| e.next == Next::BeforeManifest);
    // Docker asks for them host by host where it keeps images in containerd's store.
    let by_host = options.setup.as_ref().is_some_and(|s| s.containerd_store);
    if endpoints.len() < 2 || each_in_turn || by_host {
        return false;
    }
    let mut found = false;
    for endpoint in endpoints {
        let trust = endpoint.trusted_by(options);
        if trust.problems.iter().any(|problem| problem.stops) {
            certs::tell(&trust, &endpoint.registry, rows);
            found = true;
        }
    }
    found
}

/// Walks the endpoints in order, all of them within the time of one walk. Gives the manifest of the
/// one that made the pull.
pub(super) fn walk(
    image: &Image,
    endpoints: &[Endpoint],
    (options, ends): (&Options, Deadline),
    bound: &mut Bound,
    rows: &mut Rows<'_>,
) -> Option<Manifest> {
    for (at, endpoint) in endpoints.iter().enumerate() {
        let Some(following) = endpoints.get(at + 1) else {
            return walk_endpoint(image, endpoint, (options, ends, true), bound, rows);
        };
        let mut aside = rows.aside();
        let manifest = walk_endpoint(image, endpoint, (options, ends, false), bound, &mut aside);
        let mut tried = aside.done();
        let failed = tried.iter().any(|row| row.status == Status::Failed);
        if !failed || !goes_on(endpoint.next, manifest.is_some(), &tried) {
            rows.replay(tried);
            return manifest;
        }
        let engine = options.engine.map_or(String::new(), |e| e.to_string());
        pass_over(&mut tried, &engine, endpoint, following);
        rows.replay(tried);
    }
    None
}

/// Whether an engine asks the next endpoint after what came of this one.
fn goes_on(next: Next, manifest: bool, tried: &[HopRow]) -> bool {
    // Of a manifest that an engine cannot read there is only one.
    let unreadable = [
        "unsupported",
        "unsupported-layer",
        "schema-1",
        "not-an-image",
    ];
    let saw = |word: &str| {
        tried
            .iter()
            .any(|r| r.status == Status::Failed && r.saw.as_deref() == Some(word))
    };
    let answered = tried
        .iter()
        .any(|r| matches!(r.hop, Hop::Ping | Hop::Manifest) && r.facts.contains_key("http_status"));
    match next {
        Next::Any => !unreadable.into_iter().any(saw),
        Next::BeforeManifest => !manifest,
        Next::Unanswered => !answered,
    }
}

/// Makes warnings of failures that another endpoint may make good.
fn pass_over(tried: &mut Vec<HopRow>, engine: &str, endpoint: &Endpoint, following: &Endpoint) {
    // What was not tried is tried at the next one.
    tried.retain(|row| row.status != Status::Skipped || !row.target.is_empty());
    let mut first = true;
    for row in tried {
        if row.status != Status::Failed {
            continue;
        }
        row.status = Status::Warning;
        let fact = |text: String| Fact::from(text.as_str());
        row.facts
            .insert("passed_endpoint".to_owned(), fact(endpoint.url()));
        if let Some(source) = &endpoint.named {
            row.facts
                .insert("configured_in".to_owned(), fact(source.to_string()));
        }
        if std::mem::take(&mut first) {
            row.summary
                .push_str(&format!("; {engine} goes on to {}", following.url()));
        }
    }
}

/// Makes warnings of the failures of a name that a short name may stand for, but is not the last.
pub(super) fn pass_over_name(tried: &mut Vec<HopRow>, image: &Image) {
    tried.retain(|row| row.status != Status::Skipped || !row.target.is_empty());
    let part = |part: &Option<String>| part.clone().unwrap_or_default();
    let name = format!("{}/{}", part(&image.registry), part(&image.repository));
    for row in tried.iter_mut().filter(|row| row.status == Status::Failed) {
        row.status = Status::Warning;
        row.facts
            .insert("passed_endpoint".to_owned(), Fact::from(name.as_str()));
        row.summary.push_str("; Podman goes on to the next name");
    }
}

/// What an endpoint's certificate is checked by, and the row that tells so.
pub(super) fn trust(endpoint: &Endpoint, options: &Options, rows: &mut Rows<'_>) -> RegistryTrust {
    let trust = endpoint.trusted_by(options);
    certs::tell(&trust, &endpoint.registry, rows);
    trust
}

/// The credentials for an endpoint. Docker and containerd would send a mirror those of the registry
/// that it stands in for; a walk sends none to a host that they were not given for.
pub(super) fn credentials(
    endpoint: &Endpoint,
    options: &Options,
    rows: &mut Rows<'_>,
) -> Vec<Held> {
    // Podman looks for a mirror's own.
    let own = options.engine == Some(Engine::Podman) && options.credentials.is_none();
    if endpoint.mirror && !own {
        let row = Row::new(Hop::Credentials, endpoint.registry.as_str()).role(Target::Registry);
        rows.push(row.ok(
            "none: a credential for the image's registry is not sent from here to a mirror, though an \
             engine may do so",
        ));
        return Vec::new();
    }
    credentials::find(&endpoint.registry, &endpoint.repository, options, rows)
}
