//! Which ids of an image's files an engine maps: `/etc/subuid` and `/etc/subgid` for Docker's
//! `userns-remap` (moby, `user.LoadIdentityMapping`) and for rootless Podman (storage, `pkg/idtools`).

use super::service::Service;
use super::text::Text;
use super::{Setting, Setup};
use crate::trust::Source;
use crate::{Environment, IdRange};

/// Lines of a file that are read.
const LINES: usize = 4096;

/// Ids of a user: the first on the host, how many there are, and the line of the first.
struct Own {
    start: u32,
    size: u32,
    source: Source,
}

/// The ranges of a user in a file, one after the other as the engines string them together.
fn of_user(environment: &Environment, file: &str, name: &str, number: Option<u32>) -> Option<Own> {
    let text = Text::read(&environment.rooted(file)).ok().flatten()?;
    let number = number.map(|number| number.to_string());
    let mut at = 0;
    let mut found: Option<Own> = None;
    for line in text.text.split('\n').take(LINES) {
        let start = at;
        at += line.len() + 1;
        let mut parts = line.trim().splitn(3, ':');
        let Some(who) = parts.next() else { continue };
        if who != name && Some(who) != number.as_deref() {
            continue;
        }
        let numbers = parts.next().zip(parts.next());
        let Some((first, size)) =
            numbers.and_then(|(a, b)| Some((a.parse().ok()?, b.parse::<u32>().ok()?)))
        else {
            continue;
        };
        match &mut found {
            Some(own) => own.size = own.size.saturating_add(size),
            None => {
                found = Some(Own {
                    start: first,
                    size,
                    source: text.source(start),
                });
            }
        }
    }
    found.filter(|own| own.size > 0)
}

/// Name and number of a user, either of which may be given.
fn user(environment: &Environment, who: &str) -> (String, Option<u32>) {
    let text = Text::read(&environment.rooted("etc/passwd")).ok().flatten();
    let text = text.map(|t| t.text).unwrap_or_default();
    let mut lines = text.lines().take(LINES);
    let found = lines.find_map(|line| {
        let mut parts = line.split(':');
        let (name, number) = (parts.next()?, parts.nth(1)?);
        (name == who || number == who).then(|| (name.to_owned(), number.parse().ok()))
    });
    found.unwrap_or_else(|| (who.to_owned(), who.parse().ok()))
}

/// Docker's map for a value of `userns-remap`: `default`, a user, or a user and a group (moby,
/// `parseRemappedRoot`).
pub(super) fn of_docker(
    environment: &Environment,
    value: &str,
    source: &Source,
    service: &Service,
    setup: &mut Setup,
) {
    if value.is_empty() {
        return;
    }
    let (name, number, made) = match remapped(environment, value) {
        Ok(Remapped::User(name, number)) => (name, number, false),
        Ok(Remapped::Made(name)) => (name.to_owned(), None, true),
        Ok(Remapped::Nobody) => return,
        Ok(Remapped::Elsewhere(what)) => {
            let says = format!(
                "`userns-remap` is `{value}`: {what} in the files of this machine: unless another source of /etc/nsswitch.conf has it, dockerd does not start"
            );
            setup.warns(source, says);
            return;
        }
        Err(wrong) => {
            let says = format!("`userns-remap` is `{value}`: {wrong}");
            setup.breaks_start(service, source, &format!("{says}: dockerd does not start"));
            return;
        }
    };
    let mut found = Vec::new();
    for file in ["subuid", "subgid"] {
        malformed(environment, file, &name, setup);
        found.push(of_user(environment, &format!("etc/{file}"), &name, number));
        if let Some(None) = found.last().filter(|_| !made) {
            let says = format!(
                "`userns-remap` is `{value}`, and /etc/{file} has no range for {name}: dockerd does not start"
            );
            setup.breaks_start(service, source, &says);
            return;
        }
    }
    if let [Some(users), Some(groups)] = found.as_slice() {
        note(users, groups, 0, setup);
    }
}

/// Whose ids Docker maps.
enum Remapped {
    User(String, Option<u32>),
    /// A user that dockerd makes, and ranges for it where there are none yet.
    Made(&'static str),
    /// Root is not mapped to itself: all goes on as if nothing was set.
    Nobody,
    /// What the files have not, and other sources of users may have.
    Elsewhere(String),
}

/// `Err`: what is wrong.
fn remapped(environment: &Environment, value: &str) -> Result<Remapped, String> {
    let (who, group) = match value.split_once(':') {
        Some((who, group)) => (who, Some(group)),
        None => (value, None),
    };
    if group.is_some_and(|group| group.contains(':')) {
        return Err("it is more than a user and a group".to_owned());
    }
    let missing = |database: &str, what: String| {
        if elsewhere(environment, database) {
            Ok(Remapped::Elsewhere(what))
        } else {
            Err(what)
        }
    };
    let name = if who == "default" { "dockremap" } else { who };
    let Some((user, number)) = entry(environment, "passwd", name) else {
        if who == "default" {
            return Ok(Remapped::Made("dockremap"));
        }
        return missing("passwd", format!("there is no user `{name}`"));
    };
    // Without a group it is the one of the same name, or of the same number.
    let group = group.unwrap_or(name);
    if entry(environment, "group", group).is_none() {
        return missing("group", format!("there is no group `{group}`"));
    }
    Ok(match user.as_str() {
        "root" => Remapped::Nobody,
        _ => Remapped::User(user, number),
    })
}

/// Name and number of an entry: a number is looked up as such, and nothing else is.
fn entry(environment: &Environment, database: &str, who: &str) -> Option<(String, Option<u32>)> {
    let path = environment.rooted(format!("etc/{database}"));
    let text = Text::read(&path).ok().flatten()?.text;
    let wanted = who.parse::<i32>().ok();
    text.lines().take(LINES).find_map(|line| {
        let mut parts = line.trim().split(':');
        let (name, number) = (parts.next()?, parts.nth(1)?);
        let found = match wanted {
            Some(wanted) => number.parse() == Ok(wanted),
            None => !name.is_empty() && name == who,
        };
        found.then(|| (name.to_owned(), number.parse().ok()))
    })
}

/// Whether users or groups are looked for somewhere else than in files: dockerd asks `getent` then.
fn elsewhere(environment: &Environment, database: &str) -> bool {
    let path = environment.rooted("etc/nsswitch.conf");
    let Ok(Some(text)) = Text::read(&path) else {
        return false;
    };
    let mut lines = text.text.lines().take(LINES);
    let named = lines.find_map(|line| {
        let (name, sources) = line.split_once(':')?;
        (name.trim() == database).then_some(sources)
    });
    let named = named.map_or("", |line| line.split('#').next().unwrap_or_default());
    let known = ["files", "compat", "systemd"];
    named
        .split_whitespace()
        .any(|word| !word.starts_with('[') && !known.contains(&word))
}

/// Lines that are no `user:start:count`: dockerd up to 26 reads none of the file then, whosever they
/// are, and later releases take what is no number for 0.
fn malformed(environment: &Environment, file: &str, name: &str, setup: &mut Setup) {
    let path = environment.rooted(format!("etc/{file}"));
    let Ok(Some(text)) = Text::read(&path) else {
        return;
    };
    let mut at = 0;
    for line in text.text.split('\n').take(LINES) {
        let start = at;
        at += line.len() + 1;
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let parts: Vec<&str> = line.split(':').collect();
        let [who, numbers @ ..] = parts.as_slice() else {
            continue;
        };
        let number = |text: &&str| text.parse::<i64>().is_ok();
        // Numbers of others are not read.
        if numbers.len() != 2 || *who == name && !numbers.iter().all(number) {
            let says = format!(
                "`{line}` is no `user:first:count`: with `userns-remap`, Docker 20.10 to 26 do not start"
            );
            setup.warns(&text.source(start), says);
            return;
        }
    }
}

/// Rootless Podman's map: its own id is 0, and the ranges follow.
pub(super) fn of_podman(environment: &Environment, setup: &mut Setup) {
    let Some(number) = environment.user.filter(|number| *number != 0) else {
        return;
    };
    let (name, _) = user(environment, &number.to_string());
    let users = of_user(environment, "etc/subuid", &name, Some(number));
    let groups = of_user(environment, "etc/subgid", &name, Some(number));
    if let (Some(users), Some(groups)) = (users, groups) {
        note(&users, &groups, 1, setup);
        return;
    }
    // Where neither is there, somebody else may hand out the ids.
    if environment.rooted("etc/subuid").exists() && environment.rooted("etc/containers").is_dir() {
        let source = Source::file(environment.rooted("etc/subuid"));
        let says = format!(
            "has no line for {name}, or /etc/subgid has none: rootless Podman unpacks only files that belong to id 0"
        );
        setup.trouble(&source, "ids-missing", false, says);
        setup.ids = Some(IdRange::of(number, 1, number, 1));
    }
}

/// `own`: ids before those of the ranges.
fn note(users: &Own, groups: &Own, own: u32, setup: &mut Setup) {
    for (name, of) in [("subuid", users), ("subgid", groups)] {
        let value = format!("{}:{}", of.start, of.size);
        setup.settings.push(Setting::new(name, value, &of.source));
    }
    let size = |of: &Own| of.size.saturating_add(own);
    setup.ids = Some(IdRange::of(
        users.start,
        size(users),
        groups.start,
        size(groups),
    ));
}

#[cfg(test)]
mod tests;
