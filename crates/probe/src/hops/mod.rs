//! The stations of the path, in order. Each looks and notes; a later one runs where it still can.

pub(crate) mod again;
pub(crate) mod blobs;
pub(crate) mod certs;
pub(crate) mod config;
pub(crate) mod credentials;
pub(crate) mod daemon;
pub(crate) mod endpoints;
pub(crate) mod follow;
pub(crate) mod limits;
pub(crate) mod manifest;
pub(crate) mod registry;
mod signature;
pub(crate) mod token;

use pullwhy_model::{Hop, HopRow, Image, Status, Target};
use pullwhy_reference::{Client, Difference, Reading};

use crate::Engine;
use crate::content;
use crate::credentials::Held;
use crate::engine::again::Asked;
use crate::net::Deadline;
use crate::net::connect::Net;
use crate::options::Options;
use crate::rows::{Row, Rows};
use crate::setup::endpoint::{self, Endpoint, Order};
use crate::setup::podman::{self, Names};
use crate::store::{self, Measured};

use manifest::Manifest;
use registry::Session;

/// Hops that need the ones before them.
const AFTER_REFERENCE: [Hop; 10] = [
    Hop::Credentials,
    Hop::Dns,
    Hop::Tcp,
    Hop::Tls,
    Hop::Ping,
    Hop::Token,
    Hop::Manifest,
    Hop::Platform,
    Hop::ConfigBlob,
    Hop::Layer,
];

/// What there is to put into a store.
#[derive(Default)]
struct Bound {
    manifest: Option<Manifest>,
    measured: Option<Measured>,
}

/// Walks the whole path.
pub(crate) fn walk(reference: &str, options: &Options, rows: &mut Rows<'_>) -> Image {
    let mut bound = Bound::default();
    let image = walk_to_layers(reference, options, &mut bound, rows);
    if options.pull.is_some() && !rows.has(Hop::Unpack) {
        skip(&[Hop::Unpack], "there are no layers to unpack", rows);
    }
    if let Some(plan) = &options.store {
        let layers = bound.manifest.as_ref().map(|m| m.layers.as_slice());
        store::look(plan, layers, bound.measured.as_ref(), rows);
    }
    image
}

/// Walks up to the registry's first answer, with no credential.
pub(crate) fn walk_to_registry(host: &str, options: &Options, rows: &mut Rows<'_>) {
    let order = options.setup.as_ref().map_or(&Order::Plain, |s| &s.order);
    let image = Image {
        reference: host.to_owned(),
        registry: Some(host.to_owned()),
        ..Image::default()
    };
    let options = Options {
        until: Some(Hop::Ping),
        ..options.clone()
    };
    let ends = Deadline::after(options.timeout * (crate::WALK - 1));
    daemon::ask(&options, rows);
    walk_image(&image, order, (&options, ends), &mut Bound::default(), rows);
}

/// Looks at the engine alone: its settings, and whether its daemon answers.
pub(crate) fn walk_to_daemon(options: &Options, rows: &mut Rows<'_>) {
    config::settings(options, rows);
    daemon::ask(options, rows);
}

fn walk_to_layers(
    reference: &str,
    options: &Options,
    bound: &mut Bound,
    rows: &mut Rows<'_>,
) -> Image {
    let Some(images) = names(reference, options, rows) else {
        skip(&AFTER_REFERENCE, "the image has no usable name", rows);
        return Image {
            reference: reference.to_owned(),
            ..Image::default()
        };
    };
    let ends = Deadline::after(options.timeout * (crate::WALK - 1));
    walk_to_daemon(options, rows);
    let order = options.setup.as_ref().map_or(&Order::Plain, |s| &s.order);
    let mut last = Image::default();
    let mut images = images.into_iter().peekable();
    while let Some(image) = images.next() {
        if images.peek().is_none() {
            walk_image(&image, order, (options, ends), bound, rows);
            return image;
        }
        let mut aside = rows.aside();
        walk_image(&image, order, (options, ends), bound, &mut aside);
        let mut tried = aside.done();
        let failed = tried.iter().any(|row| row.status == Status::Failed);
        if failed {
            endpoints::pass_over_name(&mut tried, &image);
        }
        rows.replay(tried);
        last = image;
        if !failed {
            break;
        }
    }
    last
}

/// Walks the endpoints of an image.
fn walk_image(
    image: &Image,
    order: &Order,
    (options, ends): (&Options, Deadline),
    bound: &mut Bound,
    rows: &mut Rows<'_>,
) {
    let route = endpoint::route(order, image);
    config::tell(image, &route, rows);
    if options.until.is_some_and(|last| last <= Hop::Config) {
        return;
    }
    if route.endpoints.is_empty() {
        skip(&AFTER_REFERENCE, "there is no host to ask", rows);
    } else if endpoints::unusable(&route.endpoints, options, rows) {
        skip(&AFTER_REFERENCE, "the engine asks none of its hosts", rows);
    } else {
        again::whole((options, ends), rows, |options, rows| {
            *bound = Bound::default();
            bound.manifest = endpoints::walk(image, &route.endpoints, (options, ends), bound, rows);
        });
    }
}

/// The images that a reference may mean: one, but for short names that Podman searches for.
fn names(reference: &str, options: &Options, rows: &mut Rows<'_>) -> Option<Vec<Image>> {
    let setup = options.setup.as_ref();
    let order = setup.map(|s| &s.order);
    let Some(Order::Podman(podman)) = order else {
        // Below a kubelet it is known then which runtime reads the name.
        let known = matches!(order, Some(Order::Containerd(_)));
        let kubelet = options.engine == Some(Engine::Kubelet);
        let engine = options.engine.filter(|_| !(kubelet && known));
        return read_reference(reference, engine, rows).map(|image| vec![image]);
    };
    let mut aside = rows.aside();
    let image = read_reference(reference, None, &mut aside);
    let made = aside.done();
    let Some(image) = image else {
        rows.replay(made);
        return None;
    };
    match podman::names(reference, &podman.registries, &image) {
        Names::Full => {
            rows.replay(made);
            Some(vec![image])
        }
        Names::Candidates(images, because) => {
            let row = Row::new(Hop::Reference, reference);
            let first = images.first().and_then(|i| {
                Some(format!(
                    "{}/{}",
                    i.registry.as_ref()?,
                    i.repository.as_ref()?
                ))
            });
            rows.push(row.fact("reads_as", first.unwrap_or_default()).ok(because));
            Some(images)
        }
        Names::Refused(says, source) => {
            let row = Row::new(Hop::Reference, reference);
            let row = match source {
                Some(source) => row.fact("config_file", source.file.display().to_string()),
                None => row,
            };
            rows.push(row.failed("short-name", says));
            None
        }
    }
}

/// Walks the path of one endpoint. `None`: it gave no manifest.
fn walk_endpoint(
    image: &Image,
    endpoint: &Endpoint,
    (options, ends, last): (&Options, Deadline, bool),
    bound: &mut Bound,
    rows: &mut Rows<'_>,
) -> Option<Manifest> {
    let trust = endpoints::trust(endpoint, options, rows);
    // The engine goes on to the next one without asking it.
    if !last && trust.problems.iter().any(|problem| problem.stops) {
        return None;
    }
    let mut net = Net::new(options, trust, endpoint.plain.clone(), (ends, last));
    net.secrets = rows.secrets().clone();
    // Where only a registry is walked to, there is no repository that a credential could be for.
    let held = match image.repository {
        Some(_) => endpoints::credentials(endpoint, options, rows),
        None => Vec::new(),
    };
    for held in &held {
        net.secrets.add(&held.credential);
    }
    if options.until.is_some_and(|last| last <= Hop::Credentials) {
        return None;
    }
    if !net.reach(&endpoint.origin, Target::Registry, rows) {
        skip(
            &AFTER_REFERENCE[4..],
            "the registry cannot be reached",
            rows,
        );
        return None;
    }
    let mut session = Session::new(&net, endpoint);
    if let Some(first) = held.first() {
        session.hold(first);
    }
    let greeted = again::as_often(&net, Asked::Ping, rows, |rows| session.greet(image, rows));
    if !greeted {
        skip(
            &AFTER_REFERENCE[5..],
            "this is no registry that can be asked",
            rows,
        );
        return None;
    }
    if options.until.is_some_and(|last| last <= Hop::Ping) {
        return None;
    }
    let manifest = manifest_with(&mut session, &held, image, rows)?;
    signature::look(&mut session, image, endpoint, &manifest, rows);
    if options.until.is_some_and(|last| last <= Hop::Platform) {
        return Some(manifest);
    }
    match &options.pull {
        Some(pull) => {
            bound.measured = Some(content::pull(&session, &manifest, image, pull, rows));
        }
        None => blobs::probe(&session, &manifest, rows),
    }
    Some(manifest)
}

/// The manifest, with each credential in turn where an engine does so. What came of those that
/// were refused is left out if a later one works, but for one row that says it.
fn manifest_with(
    session: &mut Session<'_, '_>,
    held: &[Held],
    image: &Image,
    rows: &mut Rows<'_>,
) -> Option<Manifest> {
    if held.len() < 2 {
        return admitted(session, image, rows);
    }
    let mut first = None;
    let mut reached = Vec::new();
    for (at, own) in held.iter().enumerate() {
        session.hold(own);
        let mut tried = rows.aside();
        let manifest = admitted(session, image, &mut tried);
        let tried = tried.done();
        if manifest.is_none() {
            // A host makes its rows only the first time that it is reached.
            let way = [Hop::Dns, Hop::Tcp, Hop::Proxy, Hop::Tls];
            let works = |r: &&HopRow| way.contains(&r.hop) && r.status != Status::Failed;
            reached.extend(tried.iter().filter(works).cloned());
            // What is silent would be so for every credential, and costs its timeout once.
            let silent = tried
                .iter()
                .any(|r| r.status == Status::Failed && r.saw.as_deref() == Some("timeout"));
            first.get_or_insert(tried);
            if silent {
                break;
            }
            continue;
        }
        if at > 0 {
            let names: Vec<String> = held[..at]
                .iter()
                .map(|h| format!("`{}`", h.entry))
                .collect();
            rows.push(
                Row::new(Hop::Credentials, own.entry.as_str())
                    .fact("key", own.entry.as_str())
                    .warning(
                        "later-entry",
                        format!(
                            "refused with {}; the kubelet goes on to `{}`, which works",
                            names.join(", "),
                            own.entry
                        ),
                    ),
            );
        }
        rows.replay(reached);
        rows.replay(tried);
        return manifest;
    }
    rows.replay(first.unwrap_or_default());
    None
}

/// Token and manifest, with the credential that the session holds.
fn admitted(session: &mut Session<'_, '_>, image: &Image, rows: &mut Rows<'_>) -> Option<Manifest> {
    let net = session.net;
    if !again::as_often(net, Asked::Token, rows, |rows| session.authenticate(rows)) {
        skip(&AFTER_REFERENCE[6..], "there is no token to ask with", rows);
        return None;
    }
    let manifest = manifest::fetch(session, image, rows);
    if manifest.is_none() {
        let why = "there is no manifest that names them";
        skip(&AFTER_REFERENCE[8..], why, rows);
    }
    manifest
}

fn skip(hops: &[Hop], why: &str, rows: &mut Rows<'_>) {
    for hop in hops {
        rows.push(Row::new(*hop, "").skipped(why));
    }
}

/// Reads the reference as `docker pull` does. What is accepted and doubtful is a warning, and so
/// is what the engine that is followed reads otherwise.
fn read_reference(reference: &str, engine: Option<Engine>, rows: &mut Rows<'_>) -> Option<Image> {
    let row = Row::new(Hop::Reference, reference);
    let read = match pullwhy_reference::parse(reference) {
        Ok(read) => read,
        Err(problem) => {
            let mut row = row.fact("at", i64::try_from(problem.at).unwrap_or(0));
            if let Some(meant) = &problem.did_you_mean {
                row = row
                    .fact("did_you_mean", meant.as_str())
                    .fact("meant", meant.as_str());
            }
            rows.push(row.failed("invalid", problem.to_string()));
            return None;
        }
    };
    let mut row = row.fact("reads_as", read.to_string());
    let clients = engine.map_or(&[][..], Engine::clients);
    let mut otherwise = Vec::new();
    for difference in pullwhy_reference::differences(reference) {
        let name = format!("{:?}", difference.client).to_lowercase();
        row = row.fact(&format!("{name}_reads"), difference.why.as_str());
        if clients.contains(&difference.client) {
            otherwise.push(says(&difference));
        }
    }
    let doubt = pullwhy_reference::doubts(reference).into_iter().next();
    rows.push(if let Some(otherwise) = otherwise.first() {
        row.warning(
            "read-otherwise",
            format!("{read}, as Docker reads it; {otherwise}"),
        )
    } else if let Some(doubt) = doubt {
        row.warning("doubtful", format!("{read}; {doubt}"))
    } else {
        row.ok(read.to_string())
    });
    Some(Image {
        reference: reference.to_owned(),
        registry: Some(read.domain),
        repository: Some(read.path),
        tag: read.tag,
        digest: read.digest,
    })
}

/// How a client reads a reference, in words.
fn says(difference: &Difference) -> String {
    // The command below the name of containerd; its service for Kubernetes reads as Docker does.
    let client = match difference.client {
        Client::Containerd => "`ctr` of containerd".to_owned(),
        Client::CriO => "below the kubelet, CRI-O".to_owned(),
        other => other.to_string(),
    };
    let why = &difference.why;
    match &difference.reads_as {
        Reading::Refused => format!("{client} refuses it: {why}"),
        Reading::As(text) => format!("{client} reads `{text}`: {why}"),
        Reading::Searched(text) => format!("{client} searches for `{text}`: {why}"),
    }
}
