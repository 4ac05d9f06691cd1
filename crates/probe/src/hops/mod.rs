//! The stations of the path, in order. Each looks and notes; a later one runs where it still can.

pub(crate) mod blobs;
pub(crate) mod credentials;
pub(crate) mod follow;
pub(crate) mod manifest;
pub(crate) mod registry;
pub(crate) mod token;

use pullwhy_model::{Hop, Image, Target};

use crate::content;
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
    let image = walk_to_layers(reference, options, rows);
    if options.pull.is_some() && !rows.has(Hop::Unpack) {
        skip(&[Hop::Unpack], "there are no layers to unpack", rows);
    }
    image
}

fn walk_to_layers(reference: &str, options: &Options, rows: &mut Rows<'_>) -> Image {
    let Some(image) = read_reference(reference, rows) else {
        skip(&AFTER_REFERENCE, "the image has no usable name", rows);
        return Image {
            reference: reference.to_owned(),
            ..Image::default()
        };
    };
    let registry = image.registry.clone().unwrap_or_default();
    let repository = image.repository.clone().unwrap_or_default();
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
    let net = Net::new(options);
    if !net.reach(&origin, Target::Registry, rows) {
        skip(
            &AFTER_REFERENCE[4..],
            "the registry cannot be reached",
            rows,
        );
        return image;
    }
    let mut session = Session::new(&net, origin, repository, credential);
    if !session.ping(rows) {
        skip(
            &AFTER_REFERENCE[5..],
            "this is no registry that can be asked",
            rows,
        );
        return image;
    }
    let token = session.authenticate(rows);
    if !token {
        skip(&AFTER_REFERENCE[6..], "there is no token to ask with", rows);
        return image;
    }
    match manifest::fetch(&mut session, &image, rows) {
        Some(manifest) => match &options.pull {
            Some(pull) => content::pull(&session, &manifest, &image, pull, rows),
            None => blobs::probe(&session, &manifest, rows),
        },
        None => skip(
            &AFTER_REFERENCE[8..],
            "there is no manifest that names them",
            rows,
        ),
    }
    image
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
