//! What is wrong with a reference, for people: where, what, why it happens, and what was meant.

use std::fmt;

use crate::grammar::Refusal;

/// One thing that is wrong, or doubtful, in a text that should name an image.
///
/// The texts may hold single characters and short pieces of the reference, never user names and
/// passwords. Text from a log stays text from a log: clean it before it stands in a report.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Byte of the text where it stops being a reference; its length if something is missing there.
    pub at: usize,
    /// Which mistake it is.
    pub kind: ProblemKind,
    /// What is wrong, one sentence.
    pub says: String,
    /// What usually is behind it, where that is known.
    pub meaning: Option<String>,
    /// The reference that was plainly meant; always one that [`crate::parse`] accepts.
    pub did_you_mean: Option<String>,
    /// How the client refuses it; none for what is accepted and only doubtful.
    pub refusal: Option<Refusal>,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.says)?;
        if let Some(meaning) = &self.meaning {
            write!(f, "; {meaning}")?;
        }
        if let Some(meant) = &self.did_you_mean {
            write!(f, "; did you mean {meant}?")?;
        }
        Ok(())
    }
}

impl std::error::Error for Problem {}

/// The mistakes that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ProblemKind {
    /// Nothing, or blanks alone.
    Empty,
    /// A variable or template that nothing filled in.
    Placeholder,
    /// A whole command, a line of a manifest or a Dockerfile.
    Command,
    /// `NAME=` or `--option=` before the reference.
    Assignment,
    /// Zero-width, non-breaking or control characters.
    Invisible,
    /// Quotes, plain or typographic.
    Quote,
    /// Characters that look like others: dashes, full-width colons, Cyrillic letters.
    LookAlike,
    /// A blank or line break before, after or inside.
    Blank,
    /// `https://` or a transport in front.
    Scheme,
    /// A backslash.
    Backslash,
    /// User name or password in front of the registry.
    Credentials,
    /// No repository before tag or digest, or none at all.
    MissingName,
    /// A slash in front, at the end, or two in a row.
    EmptyComponent,
    /// A component before the last has a colon: a slash in the tag, or a port in the wrong place.
    MisplacedColon,
    /// A registry with an underscore.
    RegistryUnderscore,
    /// Something else that no name of a host has.
    RegistryName,
    /// An address of IP version 6 without brackets, with a zone, or that is none.
    Ipv6,
    /// A port that is no number.
    Port,
    /// A port above 65535, or 0.
    PortRange,
    /// Upper case in the repository.
    Uppercase,
    /// Dots, underscores or hyphens where none may stand.
    Separator,
    /// A character that no repository has.
    Character,
    /// A path of more than 255 characters.
    NameTooLong,
    /// 64 hexadecimal digits alone.
    ImageId,
    /// A colon with nothing behind it.
    EmptyTag,
    /// A character that no tag has, or none that begins one.
    TagCharacter,
    /// A tag of more than 128 characters.
    TagTooLong,
    /// Two colons.
    TwoTags,
    /// An `@` with nothing behind it.
    MissingDigest,
    /// Two `@`.
    TwoDigests,
    /// No algorithm, or one that nobody knows.
    DigestAlgorithm,
    /// Too few or too many digits.
    DigestLength,
    /// Digits in upper case.
    DigestUppercase,
    /// A character that is no hexadecimal digit.
    DigestCharacter,
    /// Doubtful: a registry one letter away from a well-known one.
    RegistryTypo,
    /// Doubtful: the address of a web page or of the registry's API instead of an image.
    WebAddress,
    /// A registry without a repository; doubtful where it is read as a repository.
    RegistryAlone,
    /// Doubtful: an upper-case namespace, which is read as a registry.
    UppercaseRegistry,
    /// Doubtful: a digest without a name, which is read as repository and tag.
    DigestAlone,
    /// None of these.
    Other,
}
