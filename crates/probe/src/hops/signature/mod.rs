//! Signatures of an image, where Podman's policy and `registries.d` make it look for them: those attached in
//! the registry, those at a lookaside, and what the policy says to them (containers/image,
//! `docker/docker_image_src.go`, `copy/single.go`). Of an index, the manifest for the platform is what is verified.
//!
//! The engine reads signatures whether the policy wants any or not: where they are said to be and cannot be read,
//! it does not pull.
//!
//! Not verified: those of GPG, certificates, transparency logs. Where such a signature is there, the verdict stays open.

mod attached;
mod judge;
mod lookaside;

use pullwhy_model::{Hop, Image, Target};

use super::config::placed;
use super::manifest::{Manifest, digest};
use super::registry::Session;
use crate::rows::{Row, Rows};
use crate::setup::endpoint::{Endpoint, Order};
use crate::setup::policy::{Kind, Wanted};
use crate::setup::registries_d::Places;
use crate::signature::Attached;

/// Signatures of one place that are looked at. Engines look at all that are attached, and at 128 of a
/// lookaside.
const MOST: usize = 16;

/// Bytes of what is signed; engines take four times as much.
const PAYLOAD: usize = 1 << 20;

/// What follows where one of them does not come.
const UNREADABLE: &str = "; so Podman cannot read the image's signatures";

/// What was found.
#[derive(Default)]
struct Found {
    /// Signatures of GPG.
    simple: usize,
    /// Signatures of sigstore's kind.
    attached: Vec<Attached>,
    /// What is attached besides: attestations, lists of parts.
    others: usize,
    /// Why there may be more than was found.
    more: Option<String>,
}

/// What cannot be read, and its row is made: the engine does not pull.
struct Unreadable;

/// Looks for the signatures of a manifest, and tells what the engine makes of them.
pub(super) fn look(
    session: &mut Session<'_, '_>,
    image: &Image,
    endpoint: &Endpoint,
    manifest: &Manifest,
    rows: &mut Rows<'_>,
) {
    let setup = session.net.options.setup.as_ref();
    let Some(Order::Podman(podman)) = setup.map(|setup| &setup.order) else {
        return;
    };
    let judged = podman.policy.as_ref().map(|policy| policy.judge(image));
    let judged = judged.unwrap_or_default();
    // Where its signatures are looked for goes by the name that it is asked for by, at a mirror.
    let asked = Image {
        registry: Some(endpoint.registry.clone()),
        repository: Some(endpoint.repository.clone()),
        ..image.clone()
    };
    let Some(places) = podman.signatures.places(&asked) else {
        return;
    };
    // What is rejected anyway is not looked for.
    if judged.refuses.is_some() {
        return;
    }
    let digest = digest(&manifest.bytes);
    let Ok(found) = find(session, &places, &digest, rows) else {
        return;
    };
    if let Some(wanted) = &judged.wanted {
        let there = unused(session, (&places, wanted), &found, &digest);
        let seen = judge::Seen {
            found: &found,
            places: &places,
            there,
            no_sigstore: podman.no_sigstore.as_ref(),
        };
        judge::tell((wanted, image), &digest, &seen, rows);
    }
}

fn find(
    session: &mut Session<'_, '_>,
    places: &Places,
    digest: &str,
    rows: &mut Rows<'_>,
) -> Result<Found, Unreadable> {
    let mut found = Found::default();
    if session.keeps_signatures {
        let says =
            "the registry says that it keeps signatures itself, where they are not asked for here";
        found.more = Some(says.to_owned());
    } else {
        lookaside::read(session, &places.lookaside, digest, &mut found, rows)?;
    }
    if let Some(source) = &places.unread {
        found.more = Some(format!("{source} is not understood here"));
    }
    if places.attachments.as_ref().is_some_and(|(on, _)| *on) {
        attached::read(session, digest, &mut found, rows)?;
    }
    Ok(found)
}

/// Whether a signature is attached that is not looked for, since nothing says so: the usual reason why there
/// is none.
fn unused(
    session: &Session<'_, '_>,
    (places, wanted): (&Places, &Wanted),
    found: &Found,
    digest: &str,
) -> bool {
    let off = places.attachments.as_ref().is_none_or(|(on, _)| !on);
    let mut requirements = wanted.requirements.iter();
    let sigstore = requirements.any(|one| !matches!(one.kind, Kind::Gpg));
    off && sigstore && found.attached.is_empty() && attached::is_there(session, digest)
}

/// A row about a setting that stands in the way.
fn setting(source: &crate::trust::Source, says: String) -> Row {
    let row = Row::new(Hop::Config, source.to_string()).role(Target::Registry);
    placed(row, source).failed("config-broken", says)
}
