//! Rows of `kubectl describe` and `kubectl get events`.

use std::sync::LazyLock;

use memchr::memmem::Finder;

use super::fields::Fields;

/// Whether a line can be such a row: it has a type.
pub(super) fn may_be_row(line: &str) -> bool {
    static TYPES: LazyLock<[Finder<'static>; 2]> =
        LazyLock::new(|| ["Warning", "Normal"].map(Finder::new));
    TYPES
        .iter()
        .any(|word| word.find(line.as_bytes()).is_some())
}

/// Reads what a row says besides its message.
pub(super) fn row(line: &str, fields: &mut Fields) {
    let words: Vec<&str> = line.split_whitespace().take(12).collect();
    let Some(kind) = words
        .iter()
        .position(|w| matches!(*w, "Warning" | "Normal"))
    else {
        return;
    };
    if let Some(times) = repeats(line) {
        fields.put("row.times", times);
    }
    if words[kind..]
        .iter()
        .take(12)
        .any(|w| *w == "kubelet" || *w == "kubelet,")
    {
        fields.put("row.from", "kubelet");
    }
    put_object(line, &words, kind, fields);
    // `shop   2m31s   Warning   Failed   pod/web-7c5d   Failed to pull image …`
    let object = words[kind..].iter().find_map(|w| w.strip_prefix("pod/"));
    if let Some(pod) = object {
        fields.put("row.pod", pod);
        fields.put("row.from", "kubelet");
        if kind >= 2 && !is_age(words[0]) {
            fields.put("row.namespace", words[0]);
        }
    }
}

/// `4` of `(x4 over 2m31s)`.
fn repeats(line: &str) -> Option<&str> {
    let rest = &line[line.find("(x")? + 2..];
    let digits = rest.bytes().take(7).take_while(u8::is_ascii_digit).count();
    rest[digits..]
        .starts_with(" over ")
        .then(|| &rest[..digits])
        .filter(|d| !d.is_empty())
}

/// The reason of an event and the object that it is about: `2m31s   Warning   Failed   pod/web-7c5d`, or
/// `KEDAScalerFailed   Warning   …` of Azure Container Apps, whose columns are parted by tabs. `Warning`
/// alone is a word that every log has.
fn put_object(line: &str, words: &[&str], kind: usize, fields: &mut Fields) {
    let is_reason = |word: &&str| {
        word.starts_with(|c: char| c.is_ascii_uppercase())
            && word.bytes().all(|b| b.is_ascii_alphanumeric())
    };
    let before = kind.checked_sub(1).map(|at| words[at]);
    if line.contains('\t') {
        if let Some(reason) = before.filter(is_reason) {
            fields.put("row.reason", reason);
        }
        return;
    }
    let listed = before.is_some_and(|word| is_age(word.trim_end_matches(')')));
    let described = kind == 0 && words.get(2).is_some_and(|word| is_age(word));
    let reason = words.get(kind + 1).copied().filter(is_reason);
    let Some(reason) = reason.filter(|_| listed || described) else {
        return;
    };
    fields.put("row.reason", reason);
    let object = words.get(kind + 2).and_then(|word| word.split_once('/'));
    if let Some((of, name)) = object.filter(|(of, name)| is_name(of) && is_name(name)) {
        fields.put("row.kind", of);
        fields.put("row.object", name);
    }
}

/// `2m31s`, `<unknown>`, `5h`.
fn is_age(word: &str) -> bool {
    let parts = word
        .bytes()
        .all(|b| b.is_ascii_digit() || b"dhmsy".contains(&b));
    let whole = word.starts_with(|c: char| c.is_ascii_digit())
        && !word.ends_with(|c: char| c.is_ascii_digit());
    matches!(word, "<unknown>" | "<invalid>") || parts && whole
}

/// A kind in lower case, or the name of an object.
fn is_name(word: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    !word.is_empty() && word.bytes().all(allowed)
}

/// A worker of App Service: `RD0003FF8A1B2C`, `lw1sdlwk0006XP`, `pl1sdlwk000F2E`.
pub(super) fn is_instance(word: &str) -> bool {
    let hex = |s: &str| s.len() >= 8 && s.bytes().all(|b| b.is_ascii_hexdigit());
    word.strip_prefix("RD").is_some_and(hex)
        || (10..=20).contains(&word.len())
            && word.bytes().all(|b| b.is_ascii_alphanumeric())
            && (word.contains("sdlwk") || word.contains("mdlwk") || word.contains("ldlwk"))
}
