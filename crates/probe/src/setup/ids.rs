//! Which ids of an image's files an engine maps: `/etc/subuid` and `/etc/subgid` for Docker's
//! `userns-remap` (moby, `user.LoadIdentityMapping`) and for rootless Podman (storage, `pkg/idtools`).

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

/// Docker's map for a value of `userns-remap`: `default`, a user, or a user and a group.
pub(super) fn of_docker(
    environment: &Environment,
    value: &str,
    source: &Source,
    setup: &mut Setup,
) {
    let who = value.split(':').next().unwrap_or_default();
    let (name, number) = match who {
        "" => return,
        "default" => user(environment, "dockremap"),
        other => user(environment, other),
    };
    let users = of_user(environment, "etc/subuid", &name, number);
    let groups = of_user(environment, "etc/subgid", &name, number);
    let missing = [("subuid", users.is_none()), ("subgid", groups.is_none())];
    let missing = missing.into_iter().find(|(_, is)| *is);
    match (users, groups) {
        (Some(users), Some(groups)) => note(&users, &groups, 0, setup),
        // dockerd makes the user and its ranges itself.
        _ if who == "default" => {}
        _ => {
            let file = missing.map_or("subuid", |(file, _)| file);
            let says = format!(
                "`userns-remap` is `{value}`, and /etc/{file} has no line for {name}: dockerd does not start"
            );
            setup.breaks(source, says);
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
