//! `[[registry]]` and its mirrors: one entry, and what several say against each other.

use toml::de::DeTable;

use super::super::text::Text;
use super::super::tree;
use super::{Location, Registry, Wrong};

pub(super) fn registry(file: &Text, table: &DeTable<'_>, at: usize) -> Result<Registry, Wrong> {
    let place = |at: usize| file.source(at);
    let own = location(file, table, at)?;
    let named = table.get("prefix").and_then(tree::text).unwrap_or_default();
    let prefix = bare(named).ok_or_else(|| {
        (
            place(at),
            format!("the prefix `{named}` has a scheme in front"),
        )
    })?;
    let prefix = if prefix.is_empty() {
        own.place.clone()
    } else {
        prefix
    };
    if prefix.is_empty() {
        return Err((
            place(at),
            "a registry has neither `location` nor `prefix`".to_owned(),
        ));
    }
    let wild = prefix.starts_with("*.");
    if wild && prefix.contains(['/', '@', ':']) {
        return Err((
            place(at),
            format!("the prefix `{prefix}` has more than a domain behind its star"),
        ));
    }
    if own.place.is_empty() && !wild {
        return Err((
            place(at),
            format!("the registry `{prefix}` has no `location`"),
        ));
    }
    if !own.pull.is_empty() {
        return Err((
            place(at),
            "`pull-from-mirror` is for mirrors, and stands at the registry".to_owned(),
        ));
    }
    let digests_only = table.get("mirror-by-digest-only").and_then(tree::flag) == Some(true);
    let mut mirrors = Vec::new();
    for one in table.get("mirror").and_then(tree::list).unwrap_or_default() {
        let at = one.span().start;
        let inner =
            tree::table(one).ok_or_else(|| (place(at), "`mirror` is no table".to_owned()))?;
        let mirror = location(file, inner, at)?;
        if mirror.place.is_empty() {
            return Err((place(at), "a mirror has no `location`".to_owned()));
        }
        if digests_only && !mirror.pull.is_empty() {
            return Err((
                place(at),
                "`pull-from-mirror` and `mirror-by-digest-only` exclude each other".to_owned(),
            ));
        }
        if !matches!(
            mirror.pull.as_str(),
            "" | "all" | "digest-only" | "tag-only"
        ) {
            return Err((
                place(at),
                format!("`{}` is no `pull-from-mirror`", mirror.pull),
            ));
        }
        mirrors.push(mirror);
    }
    let blocked = table.get("blocked").filter(|v| tree::flag(v) == Some(true));
    Ok(Registry {
        prefix,
        own,
        mirrors,
        blocked: blocked.map(|v| place(v.span().start)),
        digests_only,
        source: place(at),
    })
}

fn location(file: &Text, table: &DeTable<'_>, at: usize) -> Result<Location, Wrong> {
    let value = table.get("location");
    let text = value.and_then(tree::text).unwrap_or_default();
    let source = file.source(value.map_or(at, |v| v.span().start));
    let location = bare(text).ok_or_else(|| {
        (
            source.clone(),
            format!("the location `{text}` has a scheme in front"),
        )
    })?;
    let insecure = table
        .get("insecure")
        .filter(|v| tree::flag(v) == Some(true));
    let pull = table.get("pull-from-mirror").and_then(tree::text);
    Ok(Location {
        place: location,
        insecure: insecure.map(|v| file.source(v.span().start)),
        pull: pull.unwrap_or_default().to_owned(),
        source: Some(source),
    })
}

/// A location without slashes at its end; `None` if it has a scheme.
pub(super) fn bare(text: &str) -> Option<String> {
    let schemed = text.starts_with("http://") || text.starts_with("https://");
    (!schemed).then(|| text.trim_end_matches('/').to_owned())
}

/// The same location, once insecure or blocked and once not.
pub(super) fn contradictions(list: &[Registry]) -> Result<(), Wrong> {
    for (at, one) in list.iter().enumerate() {
        let place = |r: &Registry| match r.own.place.as_str() {
            "" => r.prefix.clone(),
            place => place.to_owned(),
        };
        for other in list[..at].iter().filter(|o| place(o) == place(one)) {
            let what = if one.own.insecure.is_some() != other.own.insecure.is_some() {
                "insecure"
            } else if one.blocked.is_some() != other.blocked.is_some() {
                "blocked"
            } else {
                continue;
            };
            let says = format!(
                "`{}` stands here and in line {} with another `{what}`",
                place(one),
                other.source.named_in.as_ref().map_or(0, |(_, line)| *line)
            );
            return Err((one.source.clone(), says));
        }
    }
    Ok(())
}
