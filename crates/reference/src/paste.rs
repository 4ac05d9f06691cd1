//! References pasted with what stood around them, and templates pasted before they were filled in.

use crate::explain::{Found, clipped};
use crate::problem::ProblemKind as Kind;

const UNRENDERED: &str =
    "a template that was not rendered: Helm, Jinja and Go templates are filled in before the pull";
const VARIABLE: &str = "a variable that was not replaced: it is not set where this runs, stands in single quotes, or the tool replaces none";
const DOCUMENTED: &str = "a placeholder from documentation, or a template without a value";

/// How placeholders begin and end, and what they mean; longer beginnings first.
const PLACEHOLDERS: [(&str, &str, &str); 6] = [
    ("${{", "}}", UNRENDERED),
    ("{{", "}}", UNRENDERED),
    ("${", "}", VARIABLE),
    ("$(", ")", VARIABLE),
    ("<", ">", DOCUMENTED),
    ("{", "}", UNRENDERED),
];

/// Finds the first placeholder: `${TAG}`, `{{ .Values.image }}`, `<tag>`, `$TAG`, `%TAG%`.
pub(crate) fn placeholder(text: &str) -> Option<Found> {
    // Looked up once: a text of nothing but `<` must not be searched to its end at each of them.
    let last_closing = text.rfind('>').unwrap_or(0);
    text.match_indices(['$', '{', '<', '%'])
        .filter(|(at, begin)| *begin != "<" || last_closing > *at)
        .find_map(|(at, _)| placeholder_at(text, at))
}

fn placeholder_at(text: &str, at: usize) -> Option<Found> {
    let rest = &text[at..];
    for (begin, end, meaning) in PLACEHOLDERS {
        let Some(inside) = rest.strip_prefix(begin) else {
            continue;
        };
        let (inside, length) = match inside.find(end) {
            Some(closing) => (&inside[..closing], closing + end.len()),
            None => (inside, inside.len()),
        };
        let (whole, behind) = rest.split_at(begin.len() + length);
        let found = unfilled(at, whole, meaning);
        // The shell's `${TAG:-1.2}` brings its own value along.
        let default = (begin == "${")
            .then(|| inside.split_once(":-"))
            .flatten()
            .map(|(_, default)| [&text[..at], default, behind].concat());
        return Some(match default {
            Some(repair) => found.repair(repair),
            None => found,
        });
    }
    let length = rest[1..]
        .bytes()
        .take_while(|b| b.is_ascii_alphanumeric() || *b == b'_')
        .count();
    let end = match rest.as_bytes() {
        [b'$', ..] if length > 0 => length + 1,
        [b'%', rest @ ..] if length > 0 && rest.get(length) == Some(&b'%') => length + 2,
        _ => return None,
    };
    Some(unfilled(at, &rest[..end], VARIABLE))
}

fn unfilled(at: usize, whole: &str, meaning: &str) -> Found {
    let says = format!("`{}` was not filled in", clipped(whole));
    Found::new(at, Kind::Placeholder, says).means(meaning)
}

/// What may stand before a program.
const PROMPTS: [&str; 5] = ["$", "#", ">", "-", "sudo"];
/// What stands before an image in a manifest or a Dockerfile.
const KEYS: [&str; 4] = ["FROM", "from", "image:", "Image:"];
const PROGRAMS: [&str; 9] = [
    "docker", "podman", "nerdctl", "crictl", "ctr", "buildah", "skopeo", "finch", "k3s",
];
/// What programs do with an image; `docker login` names none.
const VERBS: [&str; 11] = [
    "pull",
    "push",
    "run",
    "create",
    "inspect",
    "image",
    "images",
    "i",
    "container",
    "from",
    "copy",
];
/// Options whose value is the next word.
const VALUED: [&str; 17] = [
    "--platform",
    "--name",
    "--namespace",
    "--user",
    "--creds",
    "--authfile",
    "--network",
    "--entrypoint",
    "--hosts-dir",
    "-n",
    "-u",
    "-p",
    "-v",
    "-e",
    "-w",
    "-l",
    "-a",
];

/// A command or a line of a file pasted whole.
pub(crate) fn command(text: &str) -> Option<Found> {
    let mut words = text.split_ascii_whitespace();
    let start = words.find(|word| !PROMPTS.contains(word))?;
    let mut acts = KEYS.contains(&start);
    if !acts && !PROGRAMS.contains(&start) {
        return None;
    }
    let mut value = false;
    let mut several = false;
    let mut image = None;
    for word in words {
        several = true;
        if value {
            value = false;
        } else if word.starts_with('-') {
            value = VALUED.contains(&word);
        } else if VERBS.contains(&word) {
            acts = true;
        } else if !PROGRAMS.contains(&word) {
            image = Some(word).filter(|_| acts);
            break;
        }
    }
    let found = Found::new(
        0,
        Kind::Command,
        "a whole command or line, where the image alone belongs",
    );
    several.then(|| match image {
        Some(image) => found.repair(image),
        None => found,
    })
}
