//! Rows of `kubectl describe` and `kubectl get events`.

use super::fields::Fields;

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
    // Azure Container Apps has the reason in front: `KEDAScalerFailed   Warning   …`.
    let before = kind.checked_sub(1).map(|at| words[at]);
    let before = before.filter(|word| word.starts_with(|c: char| c.is_ascii_uppercase()));
    if let Some(reason) = before.or(words.get(kind + 1).copied()) {
        fields.put("row.reason", reason);
    }
    let object = words.get(kind + 2).and_then(|word| word.split_once('/'));
    if let Some((of, name)) = object.filter(|(of, name)| is_name(of) && is_name(name)) {
        fields.put("row.kind", of);
        fields.put("row.object", name);
    }
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

/// A kind in lower case, or the name of an object.
fn is_name(word: &str) -> bool {
    let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-.".contains(&b);
    !word.is_empty() && word.bytes().all(allowed)
}

/// `2m31s`, `<unknown>`, `5h`.
fn is_age(word: &str) -> bool {
    word.starts_with('<') || word.starts_with(|c: char| c.is_ascii_digit())
}

/// A worker of App Service: `RD0003FF8A1B2C`, `lw1sdlwk0006XP`, `pl1sdlwk000F2E`.
pub(super) fn is_instance(word: &str) -> bool {
    let hex = |s: &str| s.len() >= 8 && s.bytes().all(|b| b.is_ascii_hexdigit());
    word.strip_prefix("RD").is_some_and(hex)
        || (10..=20).contains(&word.len())
            && word.bytes().all(|b| b.is_ascii_alphanumeric())
            && (word.contains("sdlwk") || word.contains("mdlwk") || word.contains("ldlwk"))
}
