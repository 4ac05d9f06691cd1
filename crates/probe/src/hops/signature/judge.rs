//! What a policy says to the signatures that were found: each requirement must be met by one of them.

use pullwhy_model::{Hop, Image, Target};

use super::Found;
use crate::hops::config::placed;
use crate::rows::{Row, Rows};
use crate::setup::policy::{Kind, Requirement, Wanted};
use crate::setup::registries_d::Places;
use crate::signature::{Attached, CERTIFICATE, SET, Verdict, called, verify};
use crate::trust::Source;

/// What became of a requirement.
enum Outcome {
    /// It is met; how.
    Met(String),
    /// There is no signature of its kind.
    Missing,
    /// There are, and none is right; the engine's words.
    Refused(String),
    /// It cannot be told here, since.
    Open(String),
}

/// What is known of an image's signatures.
pub(super) struct Seen<'s> {
    pub found: &'s Found,
    pub places: &'s Places,
    /// A signature is attached that nobody looks for.
    pub there: bool,
    /// What says that the engine takes none of sigstore's kind.
    pub no_sigstore: Option<&'s Source>,
}

/// Tells it in a row.
pub(super) fn tell(
    (wanted, image): (&Wanted, &Image),
    digest: &str,
    seen: &Seen<'_>,
    rows: &mut Rows<'_>,
) {
    let mut open = None;
    let mut met = Vec::new();
    let row = |one: &Requirement| {
        let row = Row::new(Hop::Manifest, digest)
            .role(Target::Registry)
            .fact("digest", digest);
        placed(row, &one.source)
    };
    for one in &wanted.requirements {
        let asked = format!("the policy wants {} signed, {}", wanted.scope, one.says);
        match outcome(one, image, digest, seen.found) {
            Outcome::Met(how) => match seen.no_sigstore {
                Some(source) => {
                    let says = format!(
                        "{how}, but Podman as Debian 12 has it ({source}) takes no signature of sigstore, and says `sigstore disabled`"
                    );
                    open = open.or(Some((one, says)));
                }
                None => met.push((one, how)),
            },
            Outcome::Open(why) => open = open.or(Some((one, why))),
            Outcome::Missing => {
                let why = why_none(one, seen);
                let says = format!(
                    "{asked}: `A signature was required, but no signature exists`, as Podman says{why}"
                );
                rows.push(row(one).failed("no-signature", says));
                return;
            }
            Outcome::Refused(why) => {
                let says =
                    format!("{asked}, and takes none that is there: `{why}`, as Podman says");
                rows.push(row(one).failed("signature-refused", says));
                return;
            }
        }
    }
    if let Some((one, why)) = open {
        let name = called(image);
        let says = format!(
            "{}: {why}; `skopeo copy docker://{name} dir:FOLDER` here tells",
            one.says
        );
        rows.push(row(one).warning("signature-wanted", says));
    } else if let Some((one, _)) = met.first() {
        let each = met
            .iter()
            .map(|(one, how)| format!("{how}, as {} wants", one.source));
        let each: Vec<String> = each.collect();
        rows.push(row(one).ok(each.join("; ")));
    }
}

fn outcome(one: &Requirement, image: &Image, digest: &str, found: &Found) -> Outcome {
    let count = match one.kind {
        Kind::Gpg => found.simple,
        _ => found.attached.len(),
    };
    if count == 0 {
        return match &found.more {
            Some(why) => Outcome::Open(why.clone()),
            None => Outcome::Missing,
        };
    }
    let (keys, logged) = match &one.kind {
        Kind::Gpg => {
            return Outcome::Open(
                "a signature is there, and those of GPG are not verified here".to_owned(),
            );
        }
        Kind::Fulcio => return certified(found, &[CERTIFICATE, SET]),
        Kind::Pki => return certified(found, &[CERTIFICATE]),
        Kind::Keys { keys, logged } => (keys, *logged),
    };
    let image = called(image);
    let mut refused = Vec::new();
    let mut open = found.more.clone();
    for attached in &found.attached {
        if logged && !attached.logged {
            refused.push(format!("missing {SET} annotation"));
            continue;
        }
        match verify(attached, keys, &one.identity, (&image, digest)) {
            Verdict::Taken { .. } if logged => {
                let says = "a signature is right, and its entry of a transparency log is not verified here";
                open = Some(says.to_owned());
            }
            Verdict::Taken { by, name } => {
                return Outcome::Met(format!("signed by {by} for {name}"));
            }
            Verdict::Refused(why) => refused.push(why),
            Verdict::Open(why) => open = Some(why),
        }
    }
    match open {
        Some(why) => Outcome::Open(why),
        None => Outcome::Refused(joined(refused)),
    }
}

/// Signatures with a certificate, which are not verified here.
fn certified(found: &Found, needs: &[&'static str]) -> Outcome {
    let lacks = |one: &Attached| {
        let has = |name: &&&str| match **name {
            CERTIFICATE => one.certified,
            _ => one.logged,
        };
        // The entry of the log is looked for first.
        needs.iter().rev().find(|name| !has(name)).copied()
    };
    let lacks: Vec<Option<&str>> = found.attached.iter().map(lacks).collect();
    if lacks.contains(&None) || found.more.is_some() {
        let says = "a signature is there, and its certificate is not verified here";
        return Outcome::Open(says.to_owned());
    }
    let each = lacks.into_iter().flatten();
    Outcome::Refused(joined(
        each.map(|name| format!("missing {name} annotation"))
            .collect(),
    ))
}

/// Several reasons, as the engine joins them.
fn joined(mut reasons: Vec<String>) -> String {
    match reasons.len() {
        1 => reasons.remove(0),
        _ => format!(
            "None of the signatures were accepted, reasons: {}",
            reasons.join("; ")
        ),
    }
}

/// Why there is none, where something of the settings is in the way.
fn why_none(one: &Requirement, seen: &Seen<'_>) -> String {
    let found = seen.found;
    let sigstore = !matches!(one.kind, Kind::Gpg);
    let off = match &seen.places.attachments {
        Some((true, _)) => None,
        Some((false, source)) => Some(format!("{source} says no")),
        None => Some("registries.d does not say so for it".to_owned()),
    };
    match (off, seen.there) {
        (Some(off), true) if sigstore => format!(
            "; one is attached in the registry, which it looks for with `use-sigstore-attachments: true`: {off}"
        ),
        (Some(off), false) if sigstore => format!(
            "; it looks for none in the registry without `use-sigstore-attachments: true`: {off}"
        ),
        _ if sigstore && found.simple > 0 => format!("; of GPG there are {}", found.simple),
        _ if !sigstore && !found.attached.is_empty() => {
            format!("; of sigstore's kind there are {}", found.attached.len())
        }
        _ => String::new(),
    }
}
