//! Mistakes of pasting: what stands around a reference, or was not filled in, and characters that
//! nobody sees. Looked for in the whole text, before its structure is.

use crate::explain::{Found, shown};
use crate::problem::ProblemKind as Kind;
use crate::{paste, web};

/// The first of these mistakes in their order: what swallows the others comes first.
pub(crate) fn look(text: &str) -> Option<Found> {
    if text.trim().is_empty() {
        return Some(
            Found::new(0, Kind::Empty, "no image is named")
                .means("usually a variable that is not set, or a value missing from the manifest"),
        );
    }
    let looks: [fn(&str) -> Option<Found>; 11] = [
        paste::command,
        // Before all that quote a piece of the text: a password must not be quoted.
        credentials,
        paste::placeholder,
        invisible,
        quote,
        look_alike,
        blank,
        scheme,
        backslash,
        assignment,
        punctuation,
    ];
    looks.iter().find_map(|look| look(text))
}

/// The name of a character that shows nothing.
pub(crate) fn invisible_name(c: char) -> Option<&'static str> {
    Some(match c {
        '\u{feff}' => "byte order mark",
        '\u{200b}' => "zero width space",
        '\u{200c}' | '\u{200d}' => "zero width joiner",
        '\u{2060}' => "word joiner",
        '\u{ad}' => "soft hyphen",
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
            "mark of writing direction"
        }
        '\u{a0}' | '\u{202f}' | '\u{2007}' => "non-breaking space",
        '\t' | '\n' | '\r' | ' ' => return None,
        c if c.is_whitespace() => "unusual space",
        c if c.is_control() => "control character",
        _ => return None,
    })
}

fn invisible(text: &str) -> Option<Found> {
    let (at, c, name) = text
        .char_indices()
        .find_map(|(at, c)| Some((at, c, invisible_name(c)?)))?;
    // Spaces become plain ones, for the look at blanks to judge; the rest never meant anything.
    let plain: String = text
        .chars()
        .filter_map(|c| match invisible_name(c) {
            None => Some(c),
            Some(_) if c.is_whitespace() => Some(' '),
            Some(_) => None,
        })
        .collect();
    let says = format!("an invisible character, {} ({name})", shown(c));
    Some(
        Found::new(at, Kind::Invisible, says)
            .means("copied from a web page, a chat or a document; type the reference anew")
            .repair(plain),
    )
}

fn quote(text: &str) -> Option<Found> {
    let plain = ['"', '\'', '`'];
    let typographic = ['“', '”', '„', '‘', '’', '‚', '«', '»', '‹', '›'];
    let is_quote = |c: char| plain.contains(&c) || typographic.contains(&c);
    let at = text.find(is_quote)?;
    let c = text[at..].chars().next()?;
    let found = Found::new(at, Kind::Quote, format!("a quote, {}", shown(c)))
        .repair(text.replace(is_quote, ""));
    Some(found.means(if typographic.contains(&c) {
        "a typographic quote, which shells and YAML do not take for one"
    } else {
        "quoted twice, or quoted where quotes are taken literally"
    }))
}

/// Characters of other scripts and keyboards, and what they are taken for.
const LOOK_ALIKES: [(char, &str); 25] = [
    ('‐', "-"),
    ('‑', "-"),
    ('‒', "-"),
    ('–', "-"),
    ('—', "-"),
    ('−', "-"),
    ('：', ":"),
    ('／', "/"),
    ('∕', "/"),
    ('⁄', "/"),
    ('＠', "@"),
    ('．', "."),
    ('。', "."),
    ('＿', "_"),
    ('－', "-"),
    ('а', "a"),
    ('е', "e"),
    ('о', "o"),
    ('р', "p"),
    ('с', "c"),
    ('у', "y"),
    ('х', "x"),
    ('і', "i"),
    ('ѕ', "s"),
    ('ј', "j"),
];

fn look_alike(text: &str) -> Option<Found> {
    let meant = |c: char| LOOK_ALIKES.iter().find(|(alike, _)| *alike == c);
    let (at, (c, plain)) = text
        .char_indices()
        .find_map(|(at, c)| Some((at, meant(c)?)))?;
    let mut repair = String::with_capacity(text.len());
    for c in text.chars() {
        match meant(c) {
            Some((_, plain)) => repair.push_str(plain),
            None => repair.push(c),
        }
    }
    let says = format!(
        "{} (U+{:04X}) where `{plain}` is meant",
        shown(*c),
        u32::from(*c)
    );
    Some(
        Found::new(at, Kind::LookAlike, says)
            .means("another character that looks alike, from a document or another keyboard")
            .repair(repair),
    )
}

fn blank(text: &str) -> Option<Found> {
    let is_blank = |c: char| c.is_ascii_whitespace();
    let name = |at: usize| match text.as_bytes().get(at) {
        Some(b'\n' | b'\r') => "a line break",
        Some(b'\t') => "a tab",
        _ => "a blank",
    };
    let at = text.find(is_blank)?;
    let trimmed = text.trim_matches(is_blank);
    if trimmed.len() < text.len() {
        let (at, place) = if at == 0 {
            (0, "in front")
        } else {
            (text.trim_end_matches(is_blank).len(), "at the end")
        };
        let found = Found::new(at, Kind::Blank, format!("{} {place}", name(at)));
        return Some(
            found
                .means("a variable, file or secret whose value carries it")
                .repair(trimmed),
        );
    }
    let found = Found::new(at, Kind::Blank, format!("{} inside", name(at)));
    let words: Vec<&str> = text.split_ascii_whitespace().take(3).collect();
    let [first, second] = words[..] else {
        return Some(found.means("more than one word; a reference is one"));
    };
    let joins = [':', '/', '@'];
    if first.ends_with(joins) || second.starts_with(joins) {
        return Some(found.repair([first, second].concat()));
    }
    let version = second.trim_start_matches('v');
    if second == "latest" || version.starts_with(|c: char| c.is_ascii_digit()) {
        return Some(
            found
                .means("the colon before the tag is missing")
                .repair(format!("{first}:{second}")),
        );
    }
    Some(found.means("two words; a reference is one"))
}

/// Transports of Skopeo and Podman that are followed by a name.
const TRANSPORTS: [&str; 2] = ["docker-daemon:", "containers-storage:"];

fn scheme(text: &str) -> Option<Found> {
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    let Some((scheme, rest)) = text
        .split_once("://")
        .filter(|(scheme, _)| !scheme.is_empty() && scheme.chars().all(named))
    else {
        let rest = TRANSPORTS.iter().find_map(|t| text.strip_prefix(t))?;
        return Some(
            Found::new(0, Kind::Scheme, "a transport in front")
                .means("Skopeo and Podman take it, others do not")
                .repair(rest.trim_start_matches('/')),
        );
    };
    let found = Found::new(
        0,
        Kind::Scheme,
        format!("`{}://` in front", crate::explain::clipped(scheme)),
    );
    let found = match scheme.to_ascii_lowercase().as_str() {
        "http" | "https" => found.means(
            "a reference is no web address; the client asks the registry by https by itself",
        ),
        "docker" => found.means("Skopeo and Podman take it, Docker and Kubernetes do not"),
        "oci" => found.means("Helm's way to name a chart, not an image"),
        _ => found.means("a reference has no scheme"),
    };
    // Addresses end in what a reference does not have.
    let bare = rest.split(['?', '#']).next().unwrap_or(rest);
    let bare = bare.trim_matches('/');
    Some(found.repair(web::image(bare).unwrap_or_else(|| bare.to_owned())))
}

fn backslash(text: &str) -> Option<Found> {
    let at = text.find('\\')?;
    let trimmed = text.trim_end_matches('\\');
    let found = Found::new(at, Kind::Backslash, "a backslash");
    Some(if at == trimmed.len() {
        found
            .means("the end of a line that goes on in a shell")
            .repair(trimmed)
    } else {
        found
            .means("components are separated by `/`")
            .repair(trimmed.replace('\\', "/"))
    })
}

/// What stands before an `@` with a slash behind it: no digest has one. Templates may have both.
fn credentials(text: &str) -> Option<Found> {
    let (before, after) = text.rsplit_once('@')?;
    if !after.contains('/') || text.contains("{{") {
        return None;
    }
    let first = before.split('@').next().unwrap_or(before);
    Some(
        Found::new(
            0,
            Kind::Credentials,
            if first.contains(':') {
                "a user name and a password in front of the registry"
            } else {
                "a user name in front of the registry"
            },
        )
        .means("clients take credentials from `docker login` or a pull secret; change a password that stood here")
        .repair(after),
    )
}

fn assignment(text: &str) -> Option<Found> {
    let (name, value) = text.split_once('=')?;
    // `nginx=1.2` is none of these: its value names no image.
    let variable = !name.is_empty()
        && name
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_');
    if value.is_empty() || !(variable || name.starts_with('-') || name == "image") {
        return None;
    }
    Some(
        Found::new(
            name.len(),
            Kind::Assignment,
            "a name and `=` before the reference",
        )
        .means("an assignment or option pasted whole")
        .repair(value),
    )
}

fn punctuation(text: &str) -> Option<Found> {
    // Dots behind a digest are the mark of a shortened one.
    let dot = if text.contains('@') { ';' } else { '.' };
    let trimmed = text.trim_end_matches([',', ';', '!', ')', '}', dot]);
    let c = text[trimmed.len()..].chars().next()?;
    Some(
        Found::new(
            trimmed.len(),
            Kind::Character,
            format!("{} at the end", shown(c)),
        )
        .means("copied along from a sentence or a list")
        .repair(trimmed),
    )
}
