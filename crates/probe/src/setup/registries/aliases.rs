//! `[aliases]`: what short names stand for, in `registries.conf` and in files of aliases alone.

use toml::de::DeTable;

use super::super::text::Text;
use super::super::tree;
use super::{MOST, Registries, Wrong};

/// Adds the aliases of a document.
pub(in crate::setup) fn aliases(
    file: &Text,
    root: &DeTable<'_>,
    to: &mut Registries,
) -> Result<(), Wrong> {
    let Some(table) = root.get("aliases").and_then(tree::table) else {
        return Ok(());
    };
    // The file that is installed with the aliases of well-known images has hundreds.
    for (name, value) in table.iter().take(16 * MOST) {
        let source = file.source(value.span().start);
        let target =
            tree::text(value).ok_or_else(|| (source.clone(), "an alias is no text".to_owned()))?;
        let registry = target.split('/').next().unwrap_or_default();
        let named = registry.contains(['.', ':']) || registry == "localhost";
        if !target.is_empty() && (!named || !target.contains('/')) {
            return Err((
                source,
                format!("the alias `{target}` names no registry and repository"),
            ));
        }
        let last = target.rsplit('/').next().unwrap_or_default();
        if last.contains([':', '@']) {
            return Err((
                source,
                format!("the alias `{target}` has a tag or digest, which it must not have"),
            ));
        }
        let name = name.get_ref().as_ref();
        if let Some(says) = short_name(name) {
            return Err((source, says));
        }
        to.aliases.retain(|(other, _)| other != name);
        to.aliases
            .push((name.to_owned(), (target.to_owned(), source)));
    }
    Ok(())
}

/// What makes a name no short one.
fn short_name(name: &str) -> Option<String> {
    let first = name.split('/').next().unwrap_or_default();
    if name.contains('/') && (first.contains(['.', ':']) || first == "localhost") {
        return Some(format!(
            "the alias of `{name}`, which is no short name: it has a registry"
        ));
    }
    if name.contains([':', '@']) {
        return Some(format!(
            "the alias of `{name}`, which is no short name: it has a tag or digest"
        ));
    }
    let capital = name.contains(|c: char| c.is_ascii_uppercase());
    capital.then(|| format!("the alias of `{name}`, which has capital letters"))
}
