//! Every command that we tell people to paste exists: verb and options, by the real program's help.
//!
//! People paste these at night into production. Programs that are not here are named and counted;
//! nothing passes silently.

#![allow(clippy::print_stdout, reason = "the counts are the point of this test")]

#[path = "programs/ask.rs"]
mod ask;
#[path = "programs/shown.rs"]
mod shown;

use std::collections::{BTreeMap, BTreeSet};

use ask::{Answer, Judge};
use pullwhy_catalogue::programs::{program, programs, verb};
use pullwhy_catalogue::shell::{Run, runs};

/// A run as text, to name it.
fn text(run: &Run) -> String {
    run.words.join(" ")
}

/// Judges runs; what is wrong with each, and how many could not be judged, by program.
fn judge(all: &[(String, Run)]) -> (Vec<String>, BTreeMap<String, usize>, usize) {
    let judge = Judge::new(all.iter().map(|(_, run)| run));
    let (mut wrong, mut skipped, mut judged) = (Vec::new(), BTreeMap::new(), 0);
    for (place, run) in all {
        match judge.judge(run) {
            Answer::Right => judged += 1,
            Answer::Wrong(why) => wrong.push(format!("{place}: {}\n    {why}", text(run))),
            Answer::NotHere(program) => *skipped.entry(program).or_default() += 1,
        }
    }
    (wrong, skipped, judged)
}

fn say(skipped: &BTreeMap<String, usize>, judged: usize) {
    let unseen: usize = skipped.values().sum();
    println!("programs: {judged} commands verified by the programs' own help, {unseen} not");
    for (program, count) in skipped {
        println!("SKIPPED: {count} commands of {program}");
    }
}

#[test]
fn every_command_that_is_shown_exists() {
    let all = shown::all();
    assert!(all.len() > 700, "only {} commands were seen", all.len());
    let (wrong, skipped, judged) = judge(&all);
    say(&skipped, judged);
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn every_verb_of_the_table_exists() {
    let mut all = Vec::new();
    for entry in programs() {
        for name in &entry.names {
            for verb in entry.looks.iter().chain(entry.changes.keys()) {
                let words = name.split(' ').chain(verb.split_whitespace());
                let mut words: Vec<String> = words.map(str::to_owned).collect();
                // Looked up, not read as a whole command.
                words.push("...".to_owned());
                let run = Run {
                    words,
                    writes: Vec::new(),
                };
                all.push(("programs.toml".to_owned(), run));
            }
        }
    }
    let (wrong, _, judged) = judge(&all);
    println!("programs: {judged} verbs of the table verified");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Each has one mistake. A check that lets one pass is none.
const WRONG: &[&str] = &[
    "az acr show --nmae contosoreg1",
    "az acr shw -n contosoreg1",
    "az webapp restart -g rg -n app --slt stage",
    "az acr check-name",
    "az aks update -g rg -n k --atach-acr x",
    "aws ecr create-repositry --repository-name x",
    "aws ecr create-repository --repository x",
    "kubectl get pods --al-namespaces",
    "kubectl create secret docker-registy x",
    "kubectl rollout staus deployment/x",
    "docker manifst inspect x",
    "docker images --digest x",
    "docker login r.example --username u --pasword-stdin",
    "docker buildx build --pletform linux/amd64 .",
    "podman images --noheadin",
    "podman system chek",
    "skopeo inspect --rwa docker://x",
    "skopeo list-tag docker://x",
    "ctr -n k8s.io images pull --usr u x",
    "ctr images pul x",
    "crictl --debgu pull x",
    "crane validate --remot x",
    "crane lst x",
    "systemctl restrt docker",
    "systemctl --usr restart docker",
    "journalctl -u docker --sinse -1h",
    "curl -sSI --conect-timeout 5 https://r.example/v2/",
    "openssl s_client -conect r.example:443",
    "openssl x508 -noout",
    "pullwhy check --repaet 5 x",
    "gcloud auth configure-dockr x",
    "grep --fixd-strings x y",
];

#[test]
fn a_misspelt_command_is_found() {
    let all: Vec<_> = WRONG
        .iter()
        .map(|line| ((*line).to_owned(), runs(line).remove(0)))
        .collect();
    let judge = Judge::new(all.iter().map(|(_, run)| run));
    let mut passed = Vec::new();
    let (mut found, mut unseen) = (0, BTreeSet::new());
    for (line, run) in &all {
        match judge.judge(run) {
            Answer::Right => passed.push(line.as_str()),
            Answer::Wrong(_) => found += 1,
            Answer::NotHere(program) => drop(unseen.insert(program)),
        }
    }
    println!(
        "programs: {found} of {} misspelt commands found; not here: {unseen:?}",
        all.len()
    );
    assert!(passed.is_empty(), "let through:\n{}", passed.join("\n"));
    assert!(
        found >= 8,
        "only {found} were judged: too few programs are here"
    );
}

#[test]
fn the_verb_of_a_command_is_the_longest_that_fits() {
    let run = runs("docker buildx imagetools inspect x").remove(0);
    let (entry, rest) = program(&run).expect("docker is in the table");
    assert_eq!(verb(entry, rest), Some("buildx imagetools inspect"));
}
