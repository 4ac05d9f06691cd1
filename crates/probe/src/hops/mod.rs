//! The stations of the path, in order. Each looks and notes; a later one runs where it still can.

pub(crate) mod blobs;
pub(crate) mod certs;
pub(crate) mod credentials;
pub(crate) mod follow;
pub(crate) mod manifest;
pub(crate) mod platform;
pub(crate) mod refused;
pub(crate) mod registry;
pub(crate) mod token;

use pullwhy_model::{Hop, Image, Target};

use crate::net::connect::Net;
use crate::net::origin::Origin;
use crate::net::split_host;
use crate::options::Options;
use crate::rows::{Row, Rows};

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

/// Walks the whole path.
pub(crate) fn walk(reference: &str, options: &Options, rows: &mut Rows<'_>) -> Image {
    let Some(image) = read_reference(reference, rows) else {
        skip(&AFTER_REFERENCE, "the image has no usable name", rows);
        return Image {
            reference: reference.to_owned(),
            ..Image::default()
        };
    };
    let registry = image.registry.clone().unwrap_or_default();
    let repository = image.repository.clone().unwrap_or_default();
    let trust = certs::read(&registry, options, rows);
    let net = Net::new(options, trust);
    let credential = credentials::find(&registry, &repository, options, rows);
    let host = if registry == pullwhy_reference::DOCKER_HUB {
        "registry-1.docker.io"
    } else {
        registry.as_str()
    };
    let Some((host, port)) = split_host(host, 443) else {
        skip(
            &AFTER_REFERENCE[1..],
            "the registry's name is no host",
            rows,
        );
        return image;
    };
    let origin = Origin {
        https: true,
        host,
        port,
    };
    if !net.reach(&origin, Target::Registry, rows) {
        skip(
            &AFTER_REFERENCE[4..],
            "the registry cannot be reached",
            rows,
        );
        return image;
    }
    let mut session = Session::new(&net, origin, repository, credential);
    if let Err((hops, why)) = ask(&mut session, &image, rows) {
        let why = if net.is_over() { OVER } else { why };
        skip(hops, why, rows);
    }
    image
}

/// Why hops are left out at the end of a walk that was slow at every hop.
const OVER: &str = "the walk has taken all of its time, a multiple of the timeout of a hop";

/// The requests; `Err` is the hops that could not be tried, and why.
fn ask(
    session: &mut Session<'_, '_>,
    image: &Image,
    rows: &mut Rows<'_>,
) -> Result<(), (&'static [Hop], &'static str)> {
    let net = session.net;
    let goes_on = |can: bool, from: usize, why| {
        if can && !net.is_over() {
            Ok(())
        } else {
            Err((&AFTER_REFERENCE[from..], why))
        }
    };
    let pinged = session.ping(rows);
    goes_on(pinged, 5, "this is no registry that can be asked")?;
    let token = session.authenticate(rows);
    goes_on(token, 6, "there is no token to ask with")?;
    let manifest = manifest::fetch(session, image, rows);
    let why = "there is no manifest that names them";
    goes_on(manifest.is_some(), 8, why)?;
    if let Some(manifest) = manifest {
        blobs::probe(session, &manifest, rows);
    }
    Ok(())
}

fn skip(hops: &[Hop], why: &str, rows: &mut Rows<'_>) {
    for hop in hops {
        rows.push(Row::new(*hop, "").skipped(why));
    }
}

/// Reads the reference as `docker pull` does. What is accepted and doubtful is a warning.
fn read_reference(reference: &str, rows: &mut Rows<'_>) -> Option<Image> {
    let row = Row::new(Hop::Reference, reference);
    let read = match pullwhy_reference::parse(reference) {
        Ok(read) => read,
        Err(problem) => {
            let mut row = row.fact("at", i64::try_from(problem.at).unwrap_or(0));
            if let Some(meant) = &problem.did_you_mean {
                row = row.fact("did_you_mean", meant.as_str());
            }
            rows.push(row.failed("invalid", problem.to_string()));
            return None;
        }
    };
    let mut row = row.fact("reads_as", read.to_string());
    for difference in pullwhy_reference::differences(reference) {
        let name = format!("{:?}", difference.client).to_lowercase();
        row = row.fact(&format!("{name}_reads"), difference.why.as_str());
    }
    rows.push(match pullwhy_reference::doubts(reference).first() {
        Some(doubt) => row.warning("doubtful", format!("{read}; {doubt}")),
        None => row.ok(read.to_string()),
    });
    Some(Image {
        reference: reference.to_owned(),
        registry: Some(read.domain),
        repository: Some(read.path),
        tag: read.tag,
        digest: read.digest,
    })
}
