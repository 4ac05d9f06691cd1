//! Several errors in one message: mirrors, second tries, numbered lists.

use super::Message;

/// Where one error ends and the next begins inside one line.
const SEPARATORS: [&str; 4] = [
    ", rpc error: code =", // kubelet: `[rpc error: …, rpc error: …]`, one a credential
    ", failed to pull and unpack image \"", // the same list without gRPC prefixes (kubelet 1.31+)
    ARTIFACT,
    MIRRORS,
];
/// CRI-O's second try, as an OCI artifact, after the first has failed.
const ARTIFACT: &str = "; artifact err: ";
/// containers/image: mirrors first, origin last.
const MIRRORS: &str = "(Mirrors also failed: [";
const MIRRORS_END: &str = "]): ";
/// Errors of one message at most; what follows belongs to the last.
const ERRORS: usize = 64;

/// One error of a message that may list several.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// Its text.
    pub message: Message,
    /// A try that the engine makes only when the pull proper has failed: how it ended says less.
    pub afterthought: bool,
}

/// Splits a message that lists several errors into one message each; most have one.
pub fn split(message: &Message) -> Vec<Part> {
    let text = &message.text;
    let mut cuts: Vec<(usize, bool)> = Vec::new();
    let mirrors = text.find(MIRRORS);
    let ends = mirrors.map(|at| (MIRRORS_END, at));
    for (separator, first) in SEPARATORS.iter().map(|s| (*s, 0)).chain(ends) {
        let mut from = first;
        while let Some(found) = text[from..].find(separator).filter(|_| cuts.len() < ERRORS) {
            cuts.push((from + found, separator == ARTIFACT));
            from += found + separator.len();
        }
    }
    if let Some(at) = text.find(" errors occurred:") {
        let stars = text[at..].match_indices("* ").map(|(star, _)| at + star);
        // hashicorp/go-multierror indents with a tab, which a logger may have escaped.
        let indented = |head: &str| head.ends_with([' ', '\t', '\n']) || head.ends_with("\\t");
        let listed = stars.filter(|star| indented(&text[..*star]));
        cuts.extend(listed.take(ERRORS).map(|star| (star, false)));
    }
    cuts.sort_unstable();
    let mut parts = Vec::with_capacity(cuts.len() + 1);
    let (mut from, mut afterthought) = (0, false);
    for (cut, then) in cuts.into_iter().chain([(text.len(), false)]) {
        if cut > from || parts.is_empty() && cut == text.len() {
            parts.push(Part {
                message: message.part(from, cut),
                afterthought,
            });
        }
        (from, afterthought) = (cut, then);
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::super::unquote;
    use super::*;

    #[test]
    fn splits_numbered_lists_of_errors() {
        let m = unquote(
            r#"{"msg":"scan: 2 errors occurred:\n\t* docker error: no socket\n\t* remote error: EOF\n\n"}"#,
        );
        let parts = split(&m);
        assert_eq!(parts.len(), 3);
        let (docker, remote) = (&parts[1].message.text, &parts[2].message.text);
        assert!(docker.contains("docker error"));
        assert!(remote.contains("remote error") && !remote.contains("docker"));
    }

    #[test]
    fn splits_lists_of_errors() {
        let m = unquote(
            "Failed to pull image \"a\": [rpc error: code = NotFound desc = a: not found, rpc error: code = Unknown desc = 401]",
        );
        let parts = split(&m);
        assert_eq!(parts.len(), 2);
        assert!(parts[0].message.text.ends_with("not found"));
        let second = &parts[1].message;
        let at = second.text.find("401").expect("there");
        let (start, end) = second.original((at, at + 3));
        assert_eq!(&m.text[start..end], "401");
    }

    #[test]
    fn a_try_as_an_artifact_is_an_afterthought() {
        let parts = split(&unquote("pull image err: a; artifact err: b"));
        let told: Vec<_> = parts.iter().map(|p| p.afterthought).collect();
        assert_eq!(told, [false, true]);
        assert_eq!(split(&unquote("")).len(), 1);
    }

    #[test]
    fn a_list_of_mirrors_ends_where_it_is_closed_and_nowhere_else() {
        let texts = |body: &str| -> Vec<String> {
            let parts = split(&unquote(body));
            parts.into_iter().map(|p| p.message.text).collect()
        };
        assert_eq!(
            texts("(Mirrors also failed: [a: b]): c: d"),
            ["(Mirrors also failed: [a: b", "]): c: d"]
        );
        assert_eq!(texts("f(x[1]): a]): b").len(), 1);
        assert_eq!(texts(&"]): ".repeat(1 << 20)).len(), 1);
    }
}
