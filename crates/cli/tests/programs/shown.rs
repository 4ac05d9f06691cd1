//! Every command that the tool shows or prints: the catalogue's, and those that are made in code.

use pullwhy_catalogue::shell::{Run, runs};
use pullwhy_catalogue::{Catalogue, fill};
use pullwhy_model::Facts;

/// Each program that is run, with where the line stands.
pub(crate) fn all() -> Vec<(String, Run)> {
    let mut lines = of_catalogue();
    lines.extend(of_texts());
    lines.extend(of_collect());
    lines.extend(of_collect_pods());
    let mut all: Vec<_> = lines
        .into_iter()
        .flat_map(|(place, line)| runs(&line).into_iter().map(move |run| (place.clone(), run)))
        .filter(|(_, run)| !run.words.is_empty())
        .collect();
    all.sort_by(|a, b| a.1.words.cmp(&b.1.words));
    all.dedup_by(|a, b| a.1.words == b.1.words);
    all
}

fn of_catalogue() -> Vec<(String, String)> {
    let catalogue = Catalogue::built_in().expect("a catalogue");
    let mut lines = Vec::new();
    for cause in catalogue.causes() {
        let file = &cause.file;
        let of_settings = file.settings.iter().filter_map(|s| s.fix.as_ref());
        let steps = file.fixes.iter().chain(of_settings).flat_map(|f| &f.steps);
        let commands = steps
            .filter_map(|s| s.command.as_ref())
            .chain(file.reasons.iter().filter_map(|r| r.command.as_ref()))
            .chain(file.candidates.iter().filter_map(|c| c.command.as_ref()));
        // Without facts: every placeholder is a plain word then.
        lines.extend(commands.map(|c| (cause.id.to_string(), fill(c, &Facts::new(), true))));
    }
    lines
}

/// Commands inside texts: what stands between backticks and begins with a program whose verbs we
/// know. They may be cut short, so that only verb and options are looked up.
fn of_texts() -> Vec<(String, String)> {
    const PROGRAMS: [&str; 12] = [
        "az",
        "kubectl",
        "docker",
        "podman",
        "ctr",
        "crictl",
        "skopeo",
        "crane",
        "systemctl",
        "journalctl",
        "aws",
        "openssl",
    ];
    let catalogue = Catalogue::built_in().expect("a catalogue");
    let mut lines = Vec::new();
    for cause in catalogue.causes() {
        let file = &cause.file;
        let of_settings = file.settings.iter().filter_map(|s| s.fix.as_ref());
        let fixes = file.fixes.iter().chain(of_settings);
        let texts = fixes
            .flat_map(|f| {
                [&f.title, &f.when]
                    .into_iter()
                    .chain(f.steps.iter().map(|s| &s.text))
            })
            .chain(file.reasons.iter().flat_map(|r| [&r.says, &r.confirm]))
            .chain(file.candidates.iter().flat_map(|c| [&c.because, &c.check]))
            .chain([&file.title, &file.explain]);
        for text in texts {
            for code in text.split('`').skip(1).step_by(2) {
                let (first, rest) = code.split_once(' ').unwrap_or((code, ""));
                let command = rest.starts_with(|c: char| c.is_ascii_lowercase() || c == '-');
                if PROGRAMS.contains(&first) && command && !code.contains('…') {
                    let line = format!("{} ...", fill(code, &Facts::new(), true));
                    lines.push((format!("{}, in a text", cause.id), line));
                }
            }
        }
    }
    lines
}

/// The script of `pullwhy azure collect`, whose `ask NAME …` is `az …`: it asks all questions.
fn of_collect() -> Vec<(String, String)> {
    let script: Vec<String> = pullwhy_platform::Kind::ALL
        .into_iter()
        .map(|kind| {
            let place = pullwhy_platform::Place {
                kind,
                app: "app1".to_owned(),
                group: "rg1".to_owned(),
                slot: Some("stage".to_owned()).filter(|_| kind == pullwhy_platform::Kind::App),
                ..pullwhy_platform::Place::default()
            };
            pullwhy_platform::script(&place, "facts", true)
        })
        .collect();
    let script = script.join("\n");
    runs(&script)
        .into_iter()
        .filter_map(|run| {
            let words = match run.words.split_first()? {
                (first, rest) if first == "ask" => &rest[rest.len().min(1)..],
                (first, rest) if first == "az" => rest,
                _ => return None,
            };
            if words.first().is_none_or(|w| w.starts_with('$')) {
                return None;
            }
            let words: Vec<_> = words
                .iter()
                .map(|w| pullwhy_catalogue::shell_word(w))
                .collect();
            Some((
                "pullwhy azure collect".to_owned(),
                format!("az {}", words.join(" ")),
            ))
        })
        .collect()
}

/// The script of `pullwhy kubernetes collect`, whose `lists NAME …` and `thing LIST LABEL …` are
/// `kubectl …`.
fn of_collect_pods() -> Vec<(String, String)> {
    let scope = pullwhy_platform::kubernetes::Scope {
        namespace: Some("shop".to_owned()),
        pod: Some("web-0".to_owned()),
        context: Some("prod".to_owned()),
        kubeconfig: Some("config".to_owned()),
        ..pullwhy_platform::kubernetes::Scope::default()
    };
    let script = pullwhy_platform::kubernetes::script(&scope, "facts");
    let words = |run: Run| {
        let skip = match run.words.first()?.as_str() {
            "kubectl" => 1,
            "lists" => 2,
            "thing" => 3,
            _ => return None,
        };
        let words: Vec<_> = run.words.get(skip..)?.to_vec();
        words.first().is_some_and(|w| w == "get").then_some(words)
    };
    let all: Vec<Vec<String>> = runs(&script).into_iter().filter_map(words).collect();
    assert!(all.len() > 6, "only {} commands of kubectl", all.len());
    all.into_iter()
        .map(|words| {
            let words: Vec<_> = words
                .iter()
                .map(|w| pullwhy_catalogue::shell_word(w))
                .collect();
            let line = format!("kubectl {}", words.join(" "));
            ("pullwhy kubernetes collect".to_owned(), line)
        })
        .collect()
}
