//! The name of an image says nothing of why its pull failed, whatever words are in it.

mod support;

use std::collections::BTreeSet;

use pullwhy_catalogue::file::CauseFile;
use support::{cause_files, explained};

/// What engines print, with a place for the image.
const MESSAGES: [&str; 14] = [
    "Failed to pull image \"{}\": rpc error: code = NotFound desc = failed to pull and unpack image \"{}\": failed to resolve reference \"{}\": {}: not found",
    "Failed to pull image \"{}\": rpc error: code = Unknown desc = failed to pull and unpack image \"{}\": failed to resolve reference \"{}\": failed to authorize: failed to fetch oauth token: unexpected status: 401 Unauthorized",
    "Failed to pull image \"{}\": something that nobody knows",
    "Back-off pulling image \"{}\"",
    "Error response from daemon: manifest for {} not found: manifest unknown: manifest unknown",
    "Error response from daemon: pull access denied for {}, repository does not exist or may require 'docker login': denied: requested access to the resource is denied",
    "Error response from daemon: something that nobody knows: {}",
    "Error: initializing source docker://{}: reading manifest 1 in {}: manifest unknown",
    "Error: initializing source docker://{}: something that nobody knows",
    "ERROR: failed to solve: {}: failed to resolve source metadata for {}: unexpected status from HEAD request to https://reg.example/v2/x/manifests/1: 403 Forbidden",
    "CannotPullContainerError: inspect image has been retried 5 time(s): failed to resolve ref \"{}\": {}: not found",
    "$ docker pull {}\nfailed to register layer: write /x: no space left on device",
    "$ docker pull {}\nError response from daemon: Get \"https://reg.example/v2/\": unauthorized: authentication required",
    "Trying to pull {}...\nError: initializing source docker://{}: pinging container registry reg.example: Get \"https://reg.example/v2/\": dial tcp 10.0.0.1:443: i/o timeout",
];

/// Words by which signs know that a message is about something else.
fn words() -> BTreeSet<String> {
    let mut words = BTreeSet::new();
    for (_, text) in cause_files() {
        let file: CauseFile = toml::from_str(&text).expect("checked by build.rs");
        let none = file.signs.iter().flat_map(|sign| &sign.none);
        let plain = none.filter(|word| word.bytes().all(|b| b.is_ascii_alphanumeric()));
        words.extend(plain.map(|word| word.to_ascii_lowercase()));
    }
    // What is a sign of its own besides, where it stands.
    for (_, text) in cause_files() {
        let file: CauseFile = toml::from_str(&text).expect("checked by build.rs");
        for sign in &file.signs {
            for literal in sign.all.iter().chain(&sign.any) {
                let literal = literal.to_ascii_lowercase();
                words.retain(|word| literal.trim_matches([' ', ':', '"', '/']) != word);
            }
        }
    }
    words
}

#[test]
fn words_in_the_name_of_an_image_switch_no_sign_off() {
    let verdict = |message: &str, image: &str| {
        let report = explained(&message.replace("{}", image));
        let incidents = report.incidents.iter();
        incidents
            .map(|i| (i.cause.to_string(), i.confidence))
            .collect::<Vec<_>>()
    };
    let words = words();
    assert!(words.len() > 50, "{words:?}");
    let mut wrong = Vec::new();
    for message in MESSAGES {
        let wanted = verdict(message, "reg.example/team/app:1");
        assert!(!wanted.is_empty(), "{message}");
        for word in &words {
            for image in [
                format!("reg.example/team/{word}:1"),
                format!("reg.{word}.example/{word}-team/app-{word}:1"),
            ] {
                let found = verdict(message, &image);
                if found != wanted {
                    wrong.push(format!("{image}: {found:?}, not {wanted:?}: {message}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}:\n{}", wrong.len(), wrong.join("\n"));
}
