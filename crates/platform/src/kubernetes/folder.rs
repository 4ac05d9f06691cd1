//! A folder of facts about a cluster: one file a kind, each a list with an object a line.
//!
//! What `kubectl get pods -o json` and the like print is read as well. It is reduced while it is read.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use pullwhy_model::text::{clean, scrub};
use serde_json::{Value, json};

use super::{Cluster, Need, Object, refusal};
use crate::folder::{FolderError, MANIFEST};

/// What a manifest says that it is.
pub const KUBERNETES_FORM: &str = "pullwhy.kubernetes/1";

/// Bytes of one file at most, as of an answer of `kubectl`.
const FILE: u64 = 64 << 20;

/// Files of things that pods name: the file's name, and the kind of its objects.
const THINGS: [&str; 4] = ["serviceaccounts", "secrets", "nodes", "elsewhere"];

impl Need {
    fn file(&self) -> &'static str {
        match self {
            Self::Account(..) => THINGS[0],
            Self::Secret(..) => THINGS[1],
            Self::Node(_) => THINGS[2],
            Self::Elsewhere(_) => THINGS[3],
        }
    }

    /// `shop/regcred`.
    fn label(&self) -> String {
        match self {
            Self::Account(space, name) | Self::Secret(space, name) => format!("{space}/{name}"),
            Self::Node(name) | Self::Elsewhere(name) => name.clone(),
        }
    }

    fn of(file: &str, label: &str) -> Option<Self> {
        let pair = || {
            let (space, name) = label.split_once('/')?;
            Some((space.to_owned(), name.to_owned()))
        };
        match file {
            "serviceaccounts" => pair().map(|(s, n)| Self::Account(s, n)),
            "secrets" => pair().map(|(s, n)| Self::Secret(s, n)),
            "nodes" => Some(Self::Node(label.to_owned())),
            _ => Some(Self::Elsewhere(label.to_owned())),
        }
    }

    /// What an object of a file answers.
    fn answered_by(file: &str, object: &Value) -> Option<Self> {
        let text = |pointer: &str| object.pointer(pointer).and_then(Value::as_str);
        match file {
            "elsewhere" => text("/of").map(|n| Self::Elsewhere(n.to_owned())),
            "nodes" => text("/metadata/name").map(|n| Self::Node(n.to_owned())),
            _ => {
                let (space, name) = (text("/metadata/namespace")?, text("/metadata/name")?);
                Self::of(file, &format!("{space}/{name}"))
            }
        }
    }
}

/// The files of a folder of facts: name and content. Nothing in them but reduced objects.
pub fn write_cluster(cluster: &Cluster) -> BTreeMap<String, String> {
    let mut files = BTreeMap::new();
    let manifest = json!({
        "form": KUBERNETES_FORM,
        "pod": cluster.pod,
        "at": cluster.at.map(|at| at.to_string()),
        "unread": cluster.unread.iter().map(|u| json!({"asked": u.file, "why": u.why})).collect::<Vec<_>>(),
    });
    files.insert(MANIFEST.to_owned(), format!("{manifest:#}\n"));
    let lists = [("pods", &cluster.pods), ("events", &cluster.events)];
    for (name, objects) in lists {
        let values = objects.iter().map(|o| &o.value);
        files.insert(format!("{name}.json"), list(values, &[], &BTreeMap::new()));
    }
    for name in THINGS {
        let mut values: Vec<Value> = Vec::new();
        let (mut missing, mut refused) = (Vec::new(), BTreeMap::new());
        for (need, found) in cluster.things.iter().filter(|(n, _)| n.file() == name) {
            match found {
                Ok(Some(object)) => {
                    let mut value = object.value.clone();
                    if matches!(need, Need::Elsewhere(_)) {
                        value["of"] = need.label().into();
                    }
                    values.push(value);
                }
                Ok(None) => missing.push(need.label()),
                Err(unread) => {
                    refused.insert(need.label(), unread.why.clone());
                }
            }
        }
        let text = list(values.iter(), &missing, &refused);
        files.insert(format!("{name}.json"), text);
    }
    files
}

/// A list with an object a line, the first on line 2.
fn list<'v>(
    values: impl Iterator<Item = &'v Value>,
    missing: &[String],
    refused: &BTreeMap<String, String>,
) -> String {
    let lines: Vec<String> = values.map(|v| scrub(&v.to_string()).into_owned()).collect();
    let mut out = "{\"kind\":\"List\",\"items\":[\n".to_owned();
    out.push_str(&lines.join(",\n"));
    if !lines.is_empty() {
        out.push('\n');
    }
    let rest = json!({"missing": missing, "refused": refused}).to_string();
    out.push_str("],");
    out.push_str(rest.trim_start_matches('{'));
    out.push('\n');
    out
}

/// Reads a folder of facts.
///
/// # Errors
///
/// If it cannot be opened, or holds no pods and no events.
pub fn read_cluster(folder: &Path) -> Result<Cluster, FolderError> {
    std::fs::read_dir(folder).map_err(|e| FolderError::Open(folder.to_owned(), e))?;
    let mut cluster = Cluster::default();
    if let Some(Ok((manifest, _))) = file(folder, MANIFEST) {
        let text = |key: &str| manifest[key].as_str().map(|t| clean(t, 300));
        cluster.at = text("at").and_then(|at| at.parse().ok());
        cluster.pod = text("pod");
        for unread in manifest["unread"].as_array().into_iter().flatten().take(8) {
            let part = |key: &str| clean(unread[key].as_str().unwrap_or_default(), 600);
            cluster.missing(&part("asked"), told(&part("why")));
        }
    }
    let mut read = 0;
    for name in ["pods", "events"] {
        let file_name = format!("{name}.json");
        let shown = shown(folder, &file_name);
        let answer = match file(folder, &file_name) {
            // The manifest says why, if it was asked for in vain.
            None if !cluster.unread.is_empty() => continue,
            None => Err(
                "is not among the facts; collect them again with `pullwhy kubernetes collect`"
                    .to_owned(),
            ),
            Some(answer) => answer,
        };
        read += usize::from(answer.is_ok());
        let value = answer
            .as_ref()
            .map(|(value, _)| value)
            .map_err(Clone::clone);
        if name == "pods" {
            cluster.put_pods(&shown, value);
        } else {
            cluster.put_events(&shown, value);
        }
        if let Ok((_, text)) = &answer {
            let objects = if name == "pods" {
                &mut cluster.pods
            } else {
                &mut cluster.events
            };
            number(objects, text);
        }
    }
    if read == 0 {
        let why = cluster
            .unread
            .iter()
            .find(|u| !u.why.starts_with("is not among"));
        return Err(match why {
            Some(unread) => FolderError::Refused(folder.to_owned(), unread.why.clone()),
            None => FolderError::Empty(folder.to_owned()),
        });
    }
    for name in THINGS {
        things(&mut cluster, folder, name);
    }
    // What the collected lists leave open is told as such, by what needs it.
    Ok(cluster)
}

fn things(cluster: &mut Cluster, folder: &Path, name: &str) {
    let file_name = format!("{name}.json");
    let shown = shown(folder, &file_name);
    let (value, text) = match file(folder, &file_name) {
        None => return,
        Some(Ok(answer)) => answer,
        Some(Err(why)) => return cluster.missing(&shown, why),
    };
    let one = [value.clone()];
    let items = value["items"].as_array().map_or(&one[..], Vec::as_slice);
    for (index, item) in items.iter().enumerate() {
        let Some(need) = Need::answered_by(name, item) else {
            continue;
        };
        // The script cannot take every text apart; then nothing is known of what it holds.
        if item.pointer("/holds/state").and_then(Value::as_str) == Some("unseen") {
            let why = "its registries could not be read by the script; `pullwhy kubernetes collect --run DIR` reads them";
            cluster.put(need, &shown, Err(why.to_owned()));
            continue;
        }
        cluster.put(need.clone(), &shown, Ok(Some(item)));
        if let Some(Ok(Some(object))) = cluster.things.get_mut(&need) {
            object.line = u64::try_from(index).unwrap_or(0) + 2;
            number(std::slice::from_mut(object), &text);
        }
    }
    let labels = value["missing"].as_array().into_iter().flatten();
    for need in labels.filter_map(|l| Need::of(name, l.as_str()?)) {
        cluster.put(need, &shown, Ok(None));
    }
    for (label, why) in value["refused"].as_object().into_iter().flatten() {
        if let Some(need) = Need::of(name, label) {
            let why = clean(&scrub(why.as_str().unwrap_or_default()), 600);
            cluster.put(need, &shown, Err(told(&why)));
        }
    }
}

/// A refusal as the script keeps it, with what to do; one of the tool says that already.
fn told(why: &str) -> String {
    if why.starts_with("Error") || why.starts_with("error") {
        refusal(why)
    } else {
        why.to_owned()
    }
}

/// Whether a list was made by the templates of the script.
fn by_template(text: &str) -> bool {
    text.starts_with("{\"kind\":\"List\",\"of\":\"kubectl\"")
}

/// A text as Go quotes it, of which JSON knows most: the rest is rewritten.
fn go_quoted(text: &str) -> Option<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        let code = rest[at + 1..].chars().next()?;
        rest = &rest[at + 1 + code.len_utf8()..];
        let digits = match code {
            'a' => {
                out.push_str("\\u0007");
                continue;
            }
            'v' => {
                out.push_str("\\u000b");
                continue;
            }
            'x' => 2,
            'U' => 8,
            other => {
                out.extend(['\\', other]);
                continue;
            }
        };
        let number = u32::from_str_radix(rest.get(..digits)?, 16).ok()?;
        rest = &rest[digits..];
        let char = char::from_u32(number).unwrap_or(char::REPLACEMENT_CHARACTER);
        let mut units = [0; 2];
        for unit in char.encode_utf16(&mut units) {
            out.push_str(&format!("\\u{unit:04x}"));
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Lines of objects in a list as `kubectl` prints it, where each takes many.
fn number(objects: &mut [Object], text: &str) {
    if text.starts_with("{\"kind\":\"List\",\"items\":[\n{") {
        return;
    }
    let mut lines: BTreeMap<&str, u64> = BTreeMap::new();
    for (index, line) in (1..).zip(text.lines()) {
        for rest in line.split("\"name\":").skip(1) {
            let name = rest
                .trim_start()
                .strip_prefix('"')
                .and_then(|r| r.split('"').next());
            lines.entry(name.unwrap_or_default()).or_insert(index);
        }
    }
    for object in objects {
        object.line = lines.get(object.name()).copied().unwrap_or(1);
        object.exact = false;
    }
}

fn shown(folder: &Path, file: &str) -> String {
    clean(&folder.join(file).display().to_string(), 4096)
}

/// A file's content and text; `None` if it is not there, in words why it is of no use.
fn file(folder: &Path, name: &str) -> Option<Result<(Value, String), String>> {
    let mut bytes = Vec::new();
    let read = File::open(folder.join(name)).and_then(|f| f.take(FILE).read_to_end(&mut bytes));
    match read {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => {
            return Some(Err(format!(
                "cannot be read: {error}; check its permissions"
            )));
        }
        Ok(_) => {}
    }
    if bytes.len() as u64 >= FILE {
        let why = format!(
            "is larger than {} MiB; collect one namespace or one pod",
            FILE >> 20
        );
        return Some(Err(why));
    }
    // PowerShell writes a mark of byte order in front.
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&bytes);
    Some(
        match (serde_json::from_slice(bytes), std::str::from_utf8(bytes)) {
            (Ok(value), Ok(text)) => Ok((value, text.to_owned())),
            (Err(error), Ok(text)) if by_template(text) => {
                let value = go_quoted(text).and_then(|t| serde_json::from_str(&t).ok());
                value.map(|value| (value, text.to_owned())).ok_or_else(|| {
                    let why = clean(&error.to_string(), 200);
                    format!("is no JSON: {why}; collect it again")
                })
            }
            (Err(error), _) => {
                let why = clean(&error.to_string(), 200);
                Err(format!("is no JSON: {why}; collect it again"))
            }
            (_, Err(_)) => Err("is no text in UTF-8; collect it again".to_owned()),
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_go_quotes_and_json_does_not_is_read() {
        for (go, wanted) in [
            (r#""plain \"x\" \\ \n é""#, "plain \"x\" \\ \n é"),
            (r#""\x1b[0m\a\v""#, "\u{1b}[0m\u{7}\u{b}"),
            (r#""\U000e0001 \u200b""#, "\u{e0001} \u{200b}"),
            (r#""\\x41""#, "\\x41"),
        ] {
            let json = go_quoted(go).expect("rewritten");
            assert_eq!(
                serde_json::from_str::<String>(&json).ok().as_deref(),
                Some(wanted),
                "{go}"
            );
        }
        for broken in [r#""\x4"#, r#""\"#, r#""\Uzzzzzzzz""#] {
            assert_eq!(go_quoted(broken), None, "{broken}");
        }
    }
}
