//! A Kubernetes secret of type `kubernetes.io/dockerconfigjson` or `kubernetes.io/dockercfg`, as
//! `kubectl get secret -o yaml` or `-o json` prints it, or as a manifest is written by hand.
//!
//! Of YAML only what such a file needs is read: one table of tables in block form, with plain,
//! quoted and block scalars. What is written otherwise is told to be unreadable, never guessed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use crate::file::Broken;

/// Secrets of a list or documents of a file that are looked at.
const MANY: usize = 64;

/// A secret.
pub(crate) struct Secret {
    pub(crate) name: String,
    pub(crate) part: Part,
}

/// Its content, decoded once.
pub(crate) enum Part {
    Config(String),
    Legacy(String),
}

/// Reads a text that is a secret; `None` if it is something else, `Err` if it is a broken one.
pub(crate) fn read(text: &str) -> Result<Option<Secret>, Broken> {
    let start = text.trim_start();
    if start.starts_with(['{', '[']) {
        let Ok(value) = serde_json::from_str::<Value>(text) else {
            return Ok(None);
        };
        return json(&value);
    }
    let mut pairs = text.lines().filter_map(|line| pair(line.trim()));
    if !pairs.any(|(key, value)| key == "kind" && unquoted(value) == "Secret") {
        return Ok(None);
    }
    let mut other = None;
    for document in documents(text).take(MANY) {
        let fields = fields(document);
        let kind = fields.get(&["kind"]);
        if kind.is_none_or(|k| k != "Secret") {
            continue;
        }
        match of(&|path| fields.get(path)) {
            Ok(secret) => return Ok(Some(secret)),
            Err(why) => other = Some(why),
        }
    }
    let none = || Broken::Secret("holds no secret that can be read".to_owned());
    Err(other.unwrap_or_else(none))
}

fn json(value: &Value) -> Result<Option<Secret>, Broken> {
    let items = match &value["items"] {
        Value::Array(items) => items.iter().take(MANY).collect(),
        _ => vec![value],
    };
    let secrets = items.into_iter().filter(|v| v["kind"] == "Secret");
    let mut other = None;
    for secret in secrets {
        let word = |path: &[&str]| {
            let at = path.iter().try_fold(secret, |v, name| v.get(name));
            at.and_then(Value::as_str).map(str::to_owned)
        };
        match of(&word) {
            Ok(secret) => return Ok(Some(secret)),
            Err(why) => other = Some(why),
        }
    }
    other.map_or(Ok(None), Err)
}

/// The secret behind a way to look its fields up.
fn of(word: &dyn Fn(&[&str]) -> Option<String>) -> Result<Secret, Broken> {
    let name = word(&["metadata", "name"]).unwrap_or_default();
    let place = word(&["metadata", "namespace"]);
    let name = place.map_or(name.clone(), |place| format!("{place}/{name}"));
    // The API server's word for a secret of which nothing is said.
    let kind = word(&["type"]).unwrap_or_else(|| "Opaque".to_owned());
    for key in [".dockerconfigjson", ".dockercfg"] {
        let wanted = format!("kubernetes.io/{}", &key[1..]);
        let typed = |secret: Secret| {
            if kind == wanted {
                return Ok(secret);
            }
            Err(Broken::Unused(format!(
                "is the secret `{}` of type `{kind}`, and only one of type `{wanted}` is a pull \
                 secret",
                secret.name
            )))
        };
        let part = |text| match key {
            ".dockercfg" => Part::Legacy(text),
            _ => Part::Config(text),
        };
        // What is written in the clear wins over what is encoded, as in the API server.
        if let Some(text) = word(&["stringData", key]) {
            let part = part(text);
            return typed(Secret { name, part });
        }
        if let Some(encoded) = word(&["data", key]) {
            let joined: String = encoded.split_whitespace().collect();
            let plain = joined.starts_with('{');
            let bytes = STANDARD.decode(joined).map_err(|_| {
                let hint = if plain {
                    ": it is in the clear, which belongs under `stringData`"
                } else {
                    ""
                };
                let why = format!("is the secret `{name}`, whose `{key}` is no base64{hint}");
                Broken::Secret(why)
            })?;
            let text = String::from_utf8(bytes).map_err(|_| {
                Broken::Secret(format!(
                    "is the secret `{name}`, whose `{key}` holds no text"
                ))
            })?;
            let part = part(text);
            return typed(Secret { name, part });
        }
    }
    Err(Broken::Unused(format!(
        "is the secret `{name}` of type `{kind}`, which is no pull secret: it has no \
         `.dockerconfigjson`"
    )))
}

fn documents(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let whole = rest?;
        let cut = whole.find("\n---").map(|at| (at, at + 4));
        let (document, next) = match cut {
            Some((at, after)) => (&whole[..at], Some(&whole[after..])),
            None => (whole, None),
        };
        rest = next;
        Some(document)
    })
}

/// Scalars of a document by their path.
#[derive(Default)]
struct Fields(Vec<(Vec<String>, String)>);

impl Fields {
    fn get(&self, path: &[&str]) -> Option<String> {
        let found = self.0.iter().find(|(own, _)| own == path);
        found.map(|(_, value)| value.clone())
    }
}

/// Fields of a document that are looked at.
const FIELDS: usize = 1024;

fn fields(document: &str) -> Fields {
    let mut fields = Fields::default();
    // The tables that are open, with the column of their keys.
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut lines = document.lines().peekable();
    while let Some(line) = lines.next() {
        let text = line.trim_start();
        let column = line.len() - text.len();
        if text.is_empty() || text.starts_with(['#', '-', '%']) || fields.0.len() >= FIELDS {
            continue;
        }
        let Some((key, value)) = pair(text) else {
            continue;
        };
        while open.last().is_some_and(|(at, _)| *at >= column) {
            open.pop();
        }
        // Deeper than any field of a secret that is asked for.
        if open.len() > 8 {
            continue;
        }
        let path = open
            .iter()
            .map(|(_, name)| name.clone())
            .chain([key.clone()]);
        let path: Vec<String> = path.collect();
        if value.is_empty() {
            open.push((column, key));
            // A long plain scalar may begin on the next line.
            if let Some(text) = lines.peek().map(|l| l.trim())
                && !text.is_empty()
                && pair(text).is_none()
                && !text.starts_with(['-', '#'])
            {
                fields.0.push((path, continued(column, "", &mut lines)));
            }
            continue;
        }
        let value = if let Some(folded) = block(value) {
            scalar(column, folded, &mut lines)
        } else if value.starts_with(['"', '\'']) {
            unquoted(value)
        } else {
            continued(column, value, &mut lines)
        };
        fields.0.push((path, value));
    }
    fields
}

/// `key: value`, with the key unquoted; the value is empty where the line ends.
fn pair(text: &str) -> Option<(String, &str)> {
    let (key, value) = if let Some(rest) = text.strip_prefix(['"', '\'']) {
        let end = rest.find(&text[..1])?;
        let value = rest[end + 1..].trim_start().strip_prefix(':')?;
        (&rest[..end], value)
    } else {
        let end = text.trim_end();
        let at = text
            .find(": ")
            .or_else(|| end.ends_with(':').then(|| end.len() - 1))?;
        (&text[..at], &text[at + 1..])
    };
    let value = value.trim();
    let value = if value.starts_with('#') { "" } else { value };
    Some((key.trim().to_owned(), value))
}

/// Whether a block scalar begins, and whether its lines are folded.
fn block(value: &str) -> Option<bool> {
    let mut chars = value.chars();
    let folded = match chars.next()? {
        '|' => false,
        '>' => true,
        _ => return None,
    };
    let mut rest = chars.as_str().split(" #").next()?.trim().chars();
    rest.all(|c| "+-123456789".contains(c)).then_some(folded)
}

type Lines<'t> = std::iter::Peekable<std::str::Lines<'t>>;

/// The lines of a block scalar, which stand further right than its key.
fn scalar(column: usize, folded: bool, lines: &mut Lines<'_>) -> String {
    let mut own: Vec<&str> = Vec::new();
    while let Some(line) = lines.next_if(|l| l.trim().is_empty() || indent(l) > column) {
        own.push(line);
    }
    let first = own
        .iter()
        .filter(|l| !l.trim().is_empty())
        .map(|l| indent(l));
    let left = first.min().unwrap_or(0);
    let own: Vec<&str> = own.iter().map(|l| l.get(left..).unwrap_or("")).collect();
    own.join(if folded { " " } else { "\n" })
}

/// A plain scalar that may go on in lines that stand further right.
fn continued(column: usize, value: &str, lines: &mut Lines<'_>) -> String {
    let mut whole = unquoted(value.split(" #").next().unwrap_or_default().trim_end());
    while let Some(line) = lines.next_if(|l| indent(l) > column && !l.trim().is_empty()) {
        if !whole.is_empty() {
            whole.push(' ');
        }
        whole.push_str(line.trim());
    }
    whole
}

fn indent(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

/// A scalar without its quotes.
fn unquoted(text: &str) -> String {
    if let Some(rest) = text.strip_prefix('\'') {
        let own = rest.trim_end();
        return own.strip_suffix('\'').unwrap_or(own).replace("''", "'");
    }
    if text.starts_with('"') {
        // What JSON quotes, YAML quotes in the same way, and nothing else is needed here.
        let own: Option<String> = serde_json::from_str(text.trim_end()).ok();
        return own.unwrap_or_default();
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const INNER: &str = r#"{"auths":{"r.test":{"auth":"dTpwdw=="}}}"#;

    fn content(text: &str) -> (String, String) {
        let secret = read(text).expect("readable").expect("a secret");
        match secret.part {
            Part::Config(text) => (secret.name, text),
            Part::Legacy(text) => (secret.name, format!("legacy {text}")),
        }
    }

    #[test]
    fn reads_what_kubectl_prints_and_what_people_write() {
        let encoded = STANDARD.encode(INNER);
        let (front, back) = encoded.split_at(20);
        let tail = "kind: Secret\nmetadata:\n  name: regcred\n  namespace: shop\ntype: \
                    kubernetes.io/dockerconfigjson\n";
        for text in [
            format!("apiVersion: v1\ndata:\n  .dockerconfigjson: {encoded}\n{tail}"),
            format!("{tail}data:\n  \".dockerconfigjson\": \"{encoded}\"\n"),
            format!("{tail}data:\n  .dockerconfigjson: '{encoded}' \n"),
            format!("{tail}data:\n    .dockerconfigjson: |\n        {front}\n        {back}\n"),
            format!("{tail}data:\n  .dockerconfigjson: >-\n    {front}\n    {back}\n"),
            format!("{tail}data:\n  .dockerconfigjson:\n    {encoded}\n"),
            format!("{tail}stringData:\n  .dockerconfigjson: |-\n    {INNER}\n"),
            format!("{tail}stringData:\n  .dockerconfigjson: '{INNER}'\n"),
            format!(
                "kind: ConfigMap\ndata:\n  a: b\n---\n{tail}data:\n  .dockerconfigjson: {encoded}\n"
            ),
            format!(
                "{{\"kind\":\"Secret\",\"type\":\"kubernetes.io/dockerconfigjson\",\"metadata\":{{\"name\":\"regcred\",\"namespace\":\"shop\"}},\"data\":{{\".dockerconfigjson\":\"{encoded}\"}}}}"
            ),
            format!(
                "{{\"kind\":\"List\",\"items\":[{{\"kind\":\"Secret\",\"type\":\"kubernetes.io/dockerconfigjson\",\"metadata\":{{\"name\":\"regcred\",\"namespace\":\"shop\"}},\"data\":{{\".dockerconfigjson\":\"{encoded}\"}}}}]}}"
            ),
        ] {
            let (name, own) = content(&text);
            assert_eq!(name, "shop/regcred", "{text}");
            assert_eq!(own.trim(), INNER, "{text}");
        }
        let old = format!(
            "kind: Secret\nmetadata:\n  name: old\ntype: kubernetes.io/dockercfg\ndata:\n  .dockercfg: {encoded}\n"
        );
        assert_eq!(content(&old), ("old".to_owned(), format!("legacy {INNER}")));
    }

    #[test]
    fn says_why_a_secret_is_of_no_use() {
        for (data, says) in [
            ("type: Opaque\ndata:\n  token: abc", "of type `Opaque`"),
            (
                "data:\n  .dockerconfigjson: e30=",
                "only one of type `kubernetes.io/dockerconfigjson`",
            ),
            (
                "data:\n  .dockerconfigjson: '{\"auths\":{}}'",
                "belongs under `stringData`",
            ),
            ("data:\n  .dockerconfigjson: '%%'", "no base64"),
        ] {
            let text = format!("kind: Secret\nmetadata:\n  name: s\n{data}\n");
            let broken = read(&text).err().expect("no use");
            let why = broken.why();
            assert!(why.contains(says), "{why}");
        }
        assert!(read(INNER).is_ok_and(|s| s.is_none()));
        assert!(read("just words").is_ok_and(|s| s.is_none()));
    }
}
