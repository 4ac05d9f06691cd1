//! What keeps dockerd from starting: keys and options that it does not know, values that it does not
//! take, and what is given twice. The rules are data: `daemon.toml`.

use std::path::Path;

use serde_json::Value;

use super::File;
use super::rules::{RULES, Rule, Wrong};
use crate::setup::Setup;
use crate::setup::release::Known;
use crate::setup::service::{Placed, Service};
use crate::trust::Source;

/// Keys of the file that are looked at.
const KEYS: usize = 256;
/// Keys that mean the same, of which only one may be given.
const BOTH: [(&str, &str); 2] = [
    ("host-gateway-ip", "host-gateway-ips"),
    ("graph", "data-root"),
];
/// What all programs of Docker know, and what stands in no file.
const ONLY_OPTIONS: [&str; 6] = [
    "add-runtime",
    "config-file",
    "help",
    "restart",
    "version",
    "disable-legacy-registry",
];

/// Looks through `daemon.json`.
pub(super) fn file(file: Option<&File>, service: &Service, setup: &mut Setup) {
    let Some(file) = file else { return };
    for (key, value) in file.table.iter().take(KEYS) {
        let source = file.source(key);
        if let Some(meant) = RULES.elsewhere.get(key) {
            let says = format!(
                "`{key}` is the option's name; in the file it is `{meant}`, and dockerd passes this over in silence"
            );
            setup.warns(&source, says);
            continue;
        }
        let Some(rule) = RULES.keys.get(key) else {
            let passed_over =
                format!("`{key}` is no option of Docker, which passes it over for what it holds");
            match is_passed_over(value, &setup.release) {
                Some(true) => setup.warns(&source, passed_over),
                Some(false) => setup.breaks_start(service, &source, &unknown(key)),
                None => {
                    let says = format!(
                        "{passed_over}, where its release knows that, and else does not start"
                    );
                    setup.hangs_on_release(&source, says);
                }
            }
            continue;
        };
        // A daemon that runs with the file is of a release that takes it.
        let taken = service
            .process
            .as_ref()
            .is_some_and(|p| p.has_read(&file.text.path));
        let unknown_to = rule.is_unknown_to(&setup.release).filter(|_| !taken);
        if let Some(release) =
            unknown_to.filter(|_| is_passed_over(value, &setup.release) != Some(true))
        {
            of_release(key, release, &source, service, setup);
        }
        match (value, key.as_str()) {
            (Value::Object(inner), "proxies") => {
                for (key, value) in inner.iter().take(KEYS) {
                    let source = file.source(&format!("proxies.{key}"));
                    match RULES.proxies.get(key) {
                        None => setup.breaks_start(service, &source, &unknown(key)),
                        Some(rule) => {
                            if let Some(wrong) = rule.of_file(value) {
                                tell(key, &wrong, &source, service, setup);
                            }
                        }
                    }
                }
            }
            // A table in place of a value is looked into for keys.
            (Value::Object(inner), _) if !rule.is_table() => {
                let inner = inner.keys().next().map_or("", |key| key);
                let says = format!(
                    "`{key}` is a table (with `{inner}`), which it must not be: dockerd does not start"
                );
                setup.breaks_start(service, &source, &says);
            }
            _ => {
                if let Some(wrong) = rule.of_file(value) {
                    let source = file.source(&format!("{key}{}", wrong.within));
                    tell(key, &wrong, &source, service, setup);
                }
            }
        }
    }
    runtimes(file, service, setup);
    labels(file, service, setup);
    for (one, other) in BOTH {
        if file.table.contains_key(one) && file.table.contains_key(other) {
            let says = format!("`{one}` and `{other}` are both given: dockerd does not start");
            setup.breaks_start(service, &file.source(one), &says);
        }
    }
}

/// Whether dockerd starts with a table under a key that it does not know: it looks for what is in there instead,
/// and knows all of that (moby, `daemon/config/config.go`, `configValuesSet`). None: that hangs on its release,
/// which is not known.
fn is_passed_over(value: &Value, release: &Known) -> Option<bool> {
    let Some(inner) = value.as_object() else {
        return Some(false);
    };
    let mut all = Some(true);
    for key in inner.keys().take(KEYS) {
        let of_option = || RULES.option(key).map(|(_, rule)| rule);
        let rule = RULES.keys.get(key).or_else(of_option);
        let unknown = match rule {
            None => return Some(false),
            Some(rule) => rule.is_unknown_to(release),
        };
        // Options for proxies came with the table of that name.
        let proxies = RULES
            .keys
            .get("proxies")
            .filter(|_| RULES.proxies.contains_key(key));
        let unknown = unknown.or_else(|| proxies?.is_unknown_to(release));
        match unknown {
            None => {}
            Some((true, _)) => return Some(false),
            Some((false, _)) => all = None,
        }
    }
    all
}

fn unknown(key: &str) -> String {
    format!(
        "`{key}` is no option of Docker 20.10 to 29: dockerd does not start with an option that it does not know"
    )
}

/// Tells of what not all releases know, this one among them where that is known.
fn of_release(
    word: &str,
    (stops, says): (bool, String),
    source: &Source,
    service: &Service,
    setup: &mut Setup,
) {
    let says = format!("`{word}` {says}");
    if stops {
        setup.breaks_start(service, source, &says);
    } else {
        setup.warns(source, says);
    }
}

fn tell(key: &str, wrong: &Wrong, source: &Source, service: &Service, setup: &mut Setup) {
    let says = format!("`{key}`: {}", wrong.says);
    if wrong.always {
        setup.breaks_start(service, source, &format!("{says}: dockerd does not start"));
    } else {
        setup.warns(source, says);
    }
}

/// `runc` is Docker's own; whatever else is the default must be there.
fn runtimes(file: &File, service: &Service, setup: &mut Setup) {
    let own = file.table.get("runtimes").and_then(Value::as_object);
    if own.is_some_and(|own| own.contains_key("runc")) {
        let says = "the runtime `runc` is Docker's own and must not be set: dockerd does not start";
        setup.breaks_start(service, &file.source("runtimes.runc"), says);
    }
    let Some((name, source)) = file.text("default-runtime") else {
        return;
    };
    let given = service.option("add-runtime", "");
    let known = name.is_empty()
        || name == "runc"
        || name.starts_with("io.containerd.")
        || name.starts_with('/')
        || own.is_some_and(|own| own.contains_key(&name))
        || given
            .iter()
            .any(|(word, _)| word.split('=').next() == Some(&name));
    if !known {
        let says =
            format!("the default runtime `{name}` is not among `runtimes`: dockerd does not start");
        setup.breaks_start(service, &source, &says);
    }
}

/// A label has one value.
fn labels(file: &File, service: &Service, setup: &mut Setup) {
    let all = file.list("labels");
    let name = |label: &str| label.split('=').next().unwrap_or_default().to_owned();
    for (at, (label, source)) in all.iter().enumerate() {
        let mut before = all[..at].iter();
        if let Some((other, _)) = before.find(|(o, _)| name(o) == name(label) && o != label) {
            let says =
                format!("the labels `{other}` and `{label}` contradict: dockerd does not start");
            setup.breaks_start(service, source, &says);
        }
    }
}

/// An option of the command line.
struct Given<'w> {
    /// As it is written.
    word: &'w str,
    source: &'w Source,
    key: &'static str,
    rule: &'static Rule,
    value: Option<&'w str>,
}

/// Looks through the command line.
pub(super) fn options(file: Option<&File>, service: &Service, setup: &mut Setup) {
    let words = service.words();
    let program = words.first().map(|(word, _)| Path::new(word));
    // A wrapper has options of its own.
    if program
        .and_then(Path::file_name)
        .is_none_or(|name| name != "dockerd")
    {
        return;
    }
    let (given, strange) = read(&words);
    for (word, source) in strange {
        let says = format!(
            "`{word}` is no option of Docker 20.10 to 29: dockerd does not start with an option that it does not know"
        );
        setup.breaks_start(service, source, &says);
    }
    for (one, other) in BOTH {
        let named = |key: &str| given.iter().find(|given| given.key == key);
        if let (Some(first), Some(_)) = (named(one), named(other)) {
            let says = format!("`{one}` and `{other}` are both given: dockerd does not start");
            setup.breaks_start(service, first.source, &says);
        }
    }
    let mut told: Vec<&str> = Vec::new();
    let mut aged: Vec<&str> = Vec::new();
    for one in given {
        // What a process has among its words it was started with.
        let runs = service.process.is_some();
        let release = one.rule.is_unknown_to(&setup.release);
        if let Some(release) = release.filter(|_| !runs && !aged.contains(&one.key)) {
            aged.push(one.key);
            of_release(one.word, release, one.source, service, setup);
        }
        if let Some(wrong) = one.value.and_then(|value| one.rule.of_option(value)) {
            tell(one.key, &wrong, one.source, service, setup);
        }
        let twice = file.and_then(|file| {
            let below = format!("proxies.{}", one.key);
            let proxies = file.table.get("proxies");
            if proxies.is_some_and(|proxies| proxies.get(one.key).is_some()) {
                return Some(file.source(&below));
            }
            let there = file.table.contains_key(one.key);
            there.then(|| file.source(one.key))
        });
        // The runtimes of both are put together.
        if let Some(place) = twice.filter(|_| one.key != "runtimes" && !told.contains(&one.key)) {
            told.push(one.key);
            let says = format!(
                "`{}` is given here and as the option `{}` ({}): dockerd does not start with both",
                one.key, one.word, one.source
            );
            setup.breaks_start(service, &place, &says);
        }
    }
}

/// Options with their values, and words that are none: `--name value`, `--name=value`, `-n value`,
/// `-nvalue`, and letters of flags in one word.
fn read(words: &[Placed]) -> (Vec<Given<'_>>, Vec<(&str, &Source)>) {
    let (mut given, mut strange) = (Vec::new(), Vec::new());
    let mut at = 1;
    while let Some((word, source)) = words.get(at) {
        at += 1;
        let mut next = || {
            let value = words.get(at).map(|(word, _)| word.as_str());
            at += 1;
            value
        };
        let mut add = |key, rule, value| {
            given.push(Given {
                word,
                source,
                key,
                rule,
                value,
            });
        };
        if let Some(long) = word.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            match RULES.option(name) {
                Some((key, rule)) if rule.is_flag() => add(key, rule, value),
                Some((key, rule)) => add(key, rule, value.or_else(next)),
                None if ONLY_OPTIONS.contains(&name) => {
                    if value.is_none() && matches!(name, "add-runtime" | "config-file") {
                        next();
                    }
                }
                None if name.is_empty() => {}
                None => strange.push((word.as_str(), source)),
            }
            continue;
        }
        let Some(letters) = word.strip_prefix('-').filter(|l| !l.is_empty()) else {
            continue;
        };
        for (place, letter) in letters.char_indices() {
            let rest = &letters[place + letter.len_utf8()..];
            match RULES.letter(letter) {
                Some((key, rule)) if rule.is_flag() => {
                    let value = rest.strip_prefix('=');
                    add(key, rule, value);
                    if value.is_some() {
                        break;
                    }
                }
                Some((key, rule)) => {
                    let own = Some(rest.strip_prefix('=').unwrap_or(rest));
                    add(key, rule, own.filter(|own| !own.is_empty()).or_else(next));
                    break;
                }
                None if matches!(letter, 'v' | 'h' | 'r') => {}
                None => {
                    strange.push((word.as_str(), source));
                    break;
                }
            }
        }
    }
    (given, strange)
}

#[cfg(test)]
mod tests;
