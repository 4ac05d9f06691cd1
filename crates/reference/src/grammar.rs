//! The grammar of image references, to the letter of `distribution/reference` (`regexp.go`,
//! `reference.go`), which Docker, containerd, Kubernetes and Podman all read with.
//!
//! Scanners instead of its regular expressions: one pass without backtracking, and each tells the
//! offset at which a text stops being what it should be, which is what an explanation needs.
//! Not here: what is assumed for parts left out (`normalize`), and explaining a refusal (`problem`).

use std::fmt;

/// Longest path of a repository, the registry not counted (`RepositoryNameTotalLengthMax`).
pub const LONGEST_PATH: usize = 255;

/// Longest tag.
pub const LONGEST_TAG: usize = 128;

/// Fewest hexadecimal digits of what looks like a digest at all.
const SHORTEST_DIGEST: usize = 32;

/// Algorithms of digests that clients know, with the hexadecimal digits each has
/// (`opencontainers/go-digest`, `algorithm.go`).
pub const ALGORITHMS: [(&str, usize); 3] = [("sha256", 64), ("sha384", 96), ("sha512", 128)];

/// The parts of a reference as written; nothing is assumed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts<'a> {
    /// Registry with its port, or empty.
    pub domain: &'a str,
    /// Repository without the registry.
    pub path: &'a str,
    /// Tag without its colon.
    pub tag: Option<&'a str>,
    /// Digest without its `@`.
    pub digest: Option<&'a str>,
}

/// Why the grammar refuses a text; displays as the words that clients print.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Nothing is there (`ErrNameEmpty`).
    NameEmpty,
    /// Not of the form of a reference (`ErrReferenceInvalidFormat`).
    InvalidFormat,
    /// Of the form of a reference but for upper case (`ErrNameContainsUppercase`).
    Uppercase,
    /// The path is longer than [`LONGEST_PATH`] (`ErrNameTooLong`).
    NameTooLong,
    /// 64 hexadecimal digits alone, which Docker takes for an image ID.
    Identifier,
    /// A digest with characters that its algorithm does not have (`ErrDigestInvalidFormat`).
    DigestFormat,
    /// A digest longer or shorter than its algorithm's (`ErrDigestInvalidLength`).
    DigestLength,
    /// A digest of an algorithm that nobody knows (`ErrDigestUnsupported`).
    DigestUnsupported,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NameEmpty => "repository name must have at least one component",
            Self::InvalidFormat => "invalid reference format",
            Self::Uppercase => "repository name must be lowercase",
            Self::NameTooLong => "repository name must not be more than 255 characters",
            Self::Identifier => {
                "invalid repository name, cannot specify 64-byte hexadecimal strings"
            }
            Self::DigestFormat => "invalid checksum digest format",
            Self::DigestLength => "invalid checksum digest length",
            Self::DigestUnsupported => "unsupported digest algorithm",
        })
    }
}

impl std::error::Error for Refusal {}

/// Reads a reference as written (`Parse`); a name without registry keeps none.
pub fn read(text: &str) -> Result<Parts<'_>, Refusal> {
    if text.is_empty() {
        return Err(Refusal::NameEmpty);
    }
    let Some(parts) = split(text) else {
        let lower = text.to_lowercase();
        let case_alone = lower != text && split(&lower).is_some();
        return Err(if case_alone {
            Refusal::Uppercase
        } else {
            Refusal::InvalidFormat
        });
    };
    if parts.path.len() > LONGEST_PATH {
        return Err(Refusal::NameTooLong);
    }
    match parts.digest.map_or(Ok(()), known_digest) {
        Ok(()) => Ok(parts),
        Err(refusal) => Err(refusal),
    }
}

/// Takes a text of the form of a reference apart (`ReferenceRegexp`).
///
/// No part has the character that the next one begins with, so that there is only one way to cut:
/// at the first `@`, and in the last component at the first colon.
pub fn split(text: &str) -> Option<Parts<'_>> {
    let (named, digest) = cut(text, '@');
    let last = named.rfind('/').map_or(0, |slash| slash + 1);
    let (component, tag) = cut(&named[last..], ':');
    let (domain, path) = name(&named[..last + component.len()])?;
    let fits = tag.is_none_or(|tag| tag_fault(tag).is_none())
        && digest.is_none_or(|digest| digest_fault(digest).is_none());
    fits.then_some(Parts {
        domain,
        path,
        tag,
        digest,
    })
}

fn cut(text: &str, at: char) -> (&str, Option<&str>) {
    match text.split_once(at) {
        Some((before, after)) => (before, Some(after)),
        None => (text, None),
    }
}

/// Takes a name apart into registry and path (`anchoredNameRegexp`); the registry may be empty.
///
/// Any first component that can be a registry is one here, as in `library/ubuntu`: telling
/// `library` from a registry is the normalisation's work.
pub fn name(text: &str) -> Option<(&str, &str)> {
    match text.split_once('/') {
        Some((domain, path)) if domain_fault(domain).is_none() => {
            path_fault(path).is_none().then_some((domain, path))
        }
        _ => path_fault(text).is_none().then_some(("", text)),
    }
}

/// Where a text stops being a registry with or without a port (`DomainRegexp`).
///
/// An address of IP version 6 stands in brackets and may be any digits and colons; whether it is
/// one is not asked, nor how large the port is.
pub fn domain_fault(text: &str) -> Option<usize> {
    if let Some(inside) = text.strip_prefix('[') {
        let digits = run(inside, |b| b.is_ascii_hexdigit() || b == b':');
        let closes = inside.as_bytes().get(digits) == Some(&b']');
        if digits == 0 || !closes {
            return Some(1 + digits);
        }
        return port_fault(text, digits + 2);
    }
    let mut label = 0;
    loop {
        let length = run(&text[label..], |b| b.is_ascii_alphanumeric() || b == b'-');
        let end = label + length;
        let bytes = &text.as_bytes()[label..end];
        match (bytes.first(), bytes.last()) {
            (None | Some(b'-'), _) => return Some(label),
            (_, Some(b'-')) => return Some(end - 1),
            _ => {}
        }
        if text.as_bytes().get(end) != Some(&b'.') {
            return port_fault(text, end);
        }
        label = end + 1;
    }
}

/// Where the rest of a registry from `at` on stops being nothing, or a colon and digits.
fn port_fault(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    if rest.is_empty() {
        return None;
    }
    let Some(port) = rest.strip_prefix(':') else {
        return Some(at);
    };
    let digits = run(port, |b| b.is_ascii_digit());
    (digits == 0 || digits < port.len()).then_some(at + 1 + digits)
}

/// Where a text stops being components with slashes between (`remoteName`).
pub fn path_fault(text: &str) -> Option<usize> {
    let mut at = 0;
    for component in text.split('/') {
        if let Some(fault) = component_fault(component) {
            return Some(at + fault);
        }
        at += component.len() + 1;
    }
    None
}

/// Where a text stops being a component of a path: lower-case letters and digits, between them
/// one dot, one or two underscores, or any number of hyphens.
fn component_fault(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let word = run(&text[at..], |b| {
            b.is_ascii_lowercase() || b.is_ascii_digit()
        });
        if word == 0 {
            return Some(at);
        }
        at += word;
        let separator = at;
        at += match bytes.get(at) {
            None => return None,
            Some(b'_') if bytes.get(at + 1) == Some(&b'_') => 2,
            Some(b'.' | b'_') => 1,
            Some(b'-') => run(&text[at..], |b| b == b'-'),
            Some(_) => return Some(at),
        };
        // What ends a component is shown where it begins, not behind the end of the text.
        if at == bytes.len() {
            return Some(separator);
        }
    }
}

/// Where a text stops being a tag (`TagRegexp`).
pub fn tag_fault(text: &str) -> Option<usize> {
    let word = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
    if !text.bytes().next().is_some_and(word) {
        return Some(0);
    }
    let fits = run(text, |b| word(b) || b == b'.' || b == b'-');
    (fits < text.len() || fits > LONGEST_TAG).then_some(fits.min(LONGEST_TAG))
}

/// Where a text stops being of the form of a digest (`DigestRegexp`), of whatever algorithm.
pub fn digest_fault(text: &str) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        if !bytes.get(at).is_some_and(u8::is_ascii_alphabetic) {
            return Some(at);
        }
        at += run(&text[at..], |b| b.is_ascii_alphanumeric());
        match bytes.get(at) {
            Some(b'-' | b'_' | b'+' | b'.') => at += 1,
            Some(b':') => break,
            _ => return Some(at),
        }
    }
    let hex = &text[at + 1..];
    let digits = run(hex, |b| b.is_ascii_hexdigit());
    (digits < hex.len() || digits < SHORTEST_DIGEST).then_some(at + 1 + digits)
}

/// Whether what has the form of a digest is one of a known algorithm (`digest.Validate`).
fn known_digest(text: &str) -> Result<(), Refusal> {
    let (algorithm, hex) = text.split_once(':').ok_or(Refusal::DigestFormat)?;
    match ALGORITHMS.iter().find(|(name, _)| *name == algorithm) {
        // Names of algorithms are lower case; upstream finds the name malformed, not unknown.
        None if algorithm.bytes().any(|b| b.is_ascii_uppercase()) => Err(Refusal::DigestFormat),
        None => Err(Refusal::DigestUnsupported),
        Some((_, length)) if *length != hex.len() => Err(Refusal::DigestLength),
        Some(_) if hex.bytes().any(|b| b.is_ascii_uppercase()) => Err(Refusal::DigestFormat),
        Some(_) => Ok(()),
    }
}

/// Whether a text is an image ID without its algorithm (`IdentifierRegexp`).
pub fn is_identifier(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

/// Bytes at the start of a text that fit; all that fit are ASCII, so the cut is between characters.
fn run(text: &str, fits: impl Fn(u8) -> bool) -> usize {
    text.bytes().take_while(|b| fits(*b)).count()
}
