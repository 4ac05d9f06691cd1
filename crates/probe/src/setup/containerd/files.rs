//! `config.toml` and what it imports.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};

use super::FILES;
use crate::Environment;
use crate::setup::service::Service;
use crate::setup::text::{Text, matching};
use crate::setup::{Setup, tree};
use crate::trust::Source;

/// The files in the order in which they count.
pub(super) fn all(environment: &Environment, service: &Service, setup: &mut Setup) -> Vec<Text> {
    let named = service.option("config", "c").pop();
    let path = named
        .as_ref()
        .map_or("/etc/containerd/config.toml", |(path, _)| path);
    // Each with what names it; the usual file need not be there.
    let named = named.as_ref().map(|(_, source)| source.clone());
    let mut open = VecDeque::from([(environment.rooted(path), named)]);
    let mut all: Vec<Text> = Vec::new();
    while let Some((path, named)) = open.pop_front() {
        if all.len() >= FILES || all.iter().any(|t| t.path == path) {
            continue;
        }
        let file = match Text::read(&path) {
            Ok(Some(file)) => file,
            Ok(None) => {
                if let Some(source) = named {
                    let says = format!(
                        "names {}, which is not there: containerd does not start",
                        path.display()
                    );
                    setup.breaks_start(service, &source, &says);
                }
                continue;
            }
            Err(why) => {
                setup.warns(
                    &Source::file(path),
                    format!("cannot be read: {why}; what it says is not known here"),
                );
                continue;
            }
        };
        if let Ok(root) = tree::parse(&file)
            && let Some(imports) = root.get("imports").and_then(tree::texts)
        {
            for (pattern, at) in imports {
                let source = file.source(at);
                let found = imported(environment, &file.path, pattern).into_iter();
                open.extend(found.map(|path| (path, Some(source.clone()))));
            }
        }
        all.push(file);
    }
    all
}

/// Files of an import, which may be a pattern in its last part.
fn imported(environment: &Environment, by: &Path, pattern: &str) -> Vec<PathBuf> {
    let path = if pattern.starts_with('/') {
        environment.rooted(pattern)
    } else {
        by.parent().map(|p| p.join(pattern)).unwrap_or_default()
    };
    matching(&path)
}
