//! Mistakes behind the `@` of a reference.

use crate::explain::{Found, clipped, shown};
use crate::grammar::{self, ALGORITHMS};
use crate::problem::ProblemKind as Kind;
use crate::structure::last;

/// The first mistake in `digest`; `named` is what stands before its `@`.
pub(crate) fn look(named: &str, digest: &str) -> Option<Found> {
    let sign = named.len();
    let at = sign + 1;
    if digest.is_empty() {
        return Some(
            Found::new(sign, Kind::MissingDigest, "an `@` without a digest")
                .means("usually a variable for the digest that is empty")
                .repair(named),
        );
    }
    if let Some(second) = digest.find('@') {
        let found = Found::new(at + second, Kind::TwoDigests, "two `@`");
        let (one, other) = (&digest[..second], &digest[second + 1..]);
        return Some(if one == other {
            found.repair([named, "@", one].concat())
        } else {
            found.means("a reference has one digest")
        });
    }
    let Some((algorithm, hex)) = digest.split_once(':') else {
        return Some(bare_digest(named, digest, at));
    };
    let Some((_, length)) = ALGORITHMS.iter().find(|(name, _)| *name == algorithm) else {
        let found = Found::new(
            at,
            Kind::DigestAlgorithm,
            format!("no algorithm of digests is called `{}`", clipped(algorithm)),
        );
        let plain = algorithm.to_ascii_lowercase().replace(['-', '_'], "");
        return Some(if ALGORITHMS.iter().any(|(name, _)| *name == plain) {
            found.repair([named, "@", &plain, ":", hex].concat())
        } else {
            found.means("registries use sha256, seldom sha512")
        });
    };
    let hex_at = at + algorithm.len() + 1;
    if let Some((fault, c)) = hex.char_indices().find(|(_, c)| !c.is_ascii_hexdigit()) {
        let found = Found::new(
            hex_at + fault,
            Kind::DigestCharacter,
            format!("{} in the digest", shown(c)),
        );
        return Some(if c == '…' || c == '.' {
            found.means("the shortened form of a listing; the whole digest is needed")
        } else {
            found.means("digests have the digits 0 to 9 and a to f")
        });
    }
    if hex.len() != *length {
        let says = format!(
            "a digest of {} digits, where {algorithm} has {length}",
            hex.len()
        );
        return Some(
            Found::new(hex_at + hex.len().min(*length), Kind::DigestLength, says).means(
                if hex.len() < *length {
                    "cut off in copying, or the short form of a listing; the whole digest is needed"
                } else {
                    "something was pasted along"
                },
            ),
        );
    }
    let upper = hex.find(|c: char| c.is_ascii_uppercase())?;
    Some(
        Found::new(
            hex_at + upper,
            Kind::DigestUppercase,
            "upper case in the digest",
        )
        .repair([named, "@", algorithm, ":", &hex.to_ascii_lowercase()].concat()),
    )
}

/// Behind an `@` stands something without an algorithm.
fn bare_digest(named: &str, digest: &str, at: usize) -> Found {
    let found = Found::new(at, Kind::DigestAlgorithm, "a digest without its algorithm");
    if grammar::is_identifier(digest) {
        return found.repair([named, "@sha256:", digest].concat());
    }
    let (begin, length) = last(named);
    let tagged = begin + length < named.len();
    if !tagged
        && grammar::tag_fault(digest).is_none()
        && !digest.bytes().all(|b| b.is_ascii_hexdigit())
    {
        return found
            .means("`@` joins a digest; a tag is joined with a colon")
            .repair([named, ":", digest].concat());
    }
    found.means(
        "a digest looks like sha256: and 64 digits; the short form of a listing is not enough",
    )
}
