//! Asking all questions, each as soon as what it needs is known.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::thread;

use pullwhy_model::Unread;
use pullwhy_platform::{
    Command, Document, Documents, PASSWORD_FITS, Place, Question, fits, questions_of, refusal,
};
use serde_json::{Value, json};

use super::az::{Az, Said};
use crate::exit::Failure;

/// Commands that run at the same time: each takes a second of a processor.
const AT_ONCE: usize = 4;
/// What is collected, for those who keep it: name of the question, answer or error.
pub(super) type Keep<'k> =
    &'k mut dyn FnMut(&'static str, &Result<Value, String>) -> Result<(), Failure>;

/// All answers about an app.
pub(super) fn documents(az: &Az, place: Place) -> Result<Documents, Failure> {
    kept(az, place, &mut |_, _| Ok(()))
}

/// The same, and each answer is handed out as it comes.
pub(super) fn kept(az: &Az, place: Place, keep: Keep<'_>) -> Result<Documents, Failure> {
    let mut documents = Documents::new(place, Some(jiff::Timestamp::now()));
    let mut asked: BTreeSet<&'static str> = BTreeSet::new();
    loop {
        let names = documents.names();
        let wave: Vec<(&'static Question, Command)> = questions_of(documents.place.kind)
            .filter(|q| !asked.contains(q.name))
            .filter_map(|q| Some((q, q.command(&names)?)))
            // Whether the name is taken matters only for a registry that was not found.
            .filter(|(q, _)| q.name != "acr-name" || documents.unread("acr").is_some())
            .collect();
        if wave.is_empty() {
            return Ok(documents);
        }
        asked.extend(wave.iter().map(|(question, _)| question.name));
        for (question, command, answer) in at_once(az, wave, &names)? {
            keep(question.name, &answer)?;
            let answer = match answer {
                Ok(value) => Ok(Document {
                    shown: command.shown,
                    value,
                    text: None,
                }),
                Err(said) => Err(Unread {
                    file: command.shown,
                    why: refusal(&said),
                }),
            };
            if question.name == documents.place.kind.question() {
                there(&answer, &documents.place)?;
            }
            documents.put(question.name, answer);
        }
    }
}

/// Nothing can be said of an app that is not there.
fn there(answer: &Result<Document, Unread>, place: &Place) -> Result<(), Failure> {
    let Err(unread) = answer else { return Ok(()) };
    if !unread.why.starts_with("there is no such thing") {
        return Ok(());
    }
    let slot = place
        .slot
        .as_ref()
        .map_or(String::new(), |s| format!(", slot `{s}`"));
    Err(Failure::new(format!(
        "no {} `{}`{slot} in resource group `{}`: {}",
        place.kind.noun(),
        place.app,
        place.group,
        unread.why
    ))
    .help(format!(
        "see what there is: az {} list --query \"[].{{app:name,group:resourceGroup}}\" -o table",
        place.kind.question()
    )))
}

type Answered = (&'static Question, Command, Result<Value, String>);

/// Runs some commands side by side; answers come in the order of the questions.
fn at_once(
    az: &Az,
    wave: Vec<(&'static Question, Command)>,
    names: &std::collections::BTreeMap<&'static str, String>,
) -> Result<Vec<Answered>, Failure> {
    let waiting = Mutex::new(wave.into_iter().enumerate());
    let done = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let next = waiting
                        .lock()
                        .unwrap_or_else(PoisonError::into_inner)
                        .next();
                    let Some((index, (question, command))) = next else {
                        return;
                    };
                    let answer = answer(az, question, &command, names);
                    let failed = answer.is_err();
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((index, answer.map(|a| (question, command, a))));
                    drop(done);
                    if failed {
                        // Without `az` or a login, all others fail alike.
                        waiting
                            .lock()
                            .unwrap_or_else(PoisonError::into_inner)
                            .by_ref()
                            .for_each(drop);
                        return;
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, answer)| answer).collect()
}

fn answer(
    az: &Az,
    question: &Question,
    command: &Command,
    names: &std::collections::BTreeMap<&'static str, String>,
) -> Result<Result<Value, String>, Failure> {
    let bytes = match az.ask(&command.arguments)? {
        Said::Answer(bytes) => bytes,
        Said::Refused(why) => return Ok(Err(why)),
    };
    // `az` prints nothing where there is nothing.
    let value = if bytes.trim_ascii().is_empty() {
        Value::Null
    } else {
        match serde_json::from_slice(&bytes) {
            Ok(value) => value,
            Err(_) => return Ok(Err("the answer is no JSON".to_owned())),
        }
    };
    if question.name == PASSWORD_FITS {
        return compared(az, &value, names);
    }
    Ok(Ok(value))
}

/// The app's password against the registry's two, in memory: neither is kept.
fn compared(
    az: &Az,
    theirs: &Value,
    names: &std::collections::BTreeMap<&'static str, String>,
) -> Result<Result<Value, String>, Failure> {
    let Some(app) = names.get("app_id") else {
        return Ok(Err("the app's id is not known".to_owned()));
    };
    let arguments = [
        "rest",
        "--method",
        "post",
        "--url",
        &format!("{app}/config/appsettings/list?api-version=2024-11-01"),
        "--query",
        "properties.DOCKER_REGISTRY_SERVER_PASSWORD",
        "--output",
        "json",
        "--only-show-errors",
    ]
    .map(str::to_owned);
    let mine = match az.ask(&arguments)? {
        Said::Answer(bytes) => serde_json::from_slice::<Value>(&bytes).ok(),
        Said::Refused(why) => return Ok(Err(why)),
    };
    let word = mine
        .as_ref()
        .and_then(Value::as_str)
        .filter(|mine| !mine.is_empty() && !mine.starts_with("@Microsoft.KeyVault("))
        .and_then(|mine| fits(mine, theirs));
    Ok(Ok(match word {
        Some(true) => json!({"fits": "yes"}),
        Some(false) => json!({"fits": "no"}),
        None => json!({}),
    }))
}

/// Fetches the app's logs into a file.
pub(super) fn logs(az: &Az, place: &Place, file: &Path) -> Result<(), Failure> {
    let path = file.display().to_string();
    let mut arguments: Vec<String> = [
        "webapp",
        "log",
        "download",
        "-g",
        &place.group,
        "-n",
        &place.app,
    ]
    .map(str::to_owned)
    .into();
    if let Some(slot) = &place.slot {
        arguments.extend(["--slot".to_owned(), slot.clone()]);
    }
    arguments.extend(["--log-file", &path, "--only-show-errors"].map(str::to_owned));
    match az.ask(&arguments)? {
        Said::Answer(_) if file.exists() => Ok(()),
        Said::Answer(_) => Err(Failure::new("`az webapp log download` wrote no file")),
        Said::Refused(why) => Err(Failure::new(format!(
            "the app's logs cannot be fetched: {}",
            refusal(&why)
        ))
        .help("401 or 403: basic authentication or access restrictions of the app's SCM site turn it away")
        .help("download them by hand, and name them: pullwhy azure --app NAME --resource-group RG LOG")),
    }
}
