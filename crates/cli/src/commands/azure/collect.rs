//! `pullwhy azure collect`: the commands as a script, or run here.

use std::fs;
use std::io::Write;

use pullwhy_catalogue::shell_word;
use pullwhy_platform::{MANIFEST, manifest, script};
use serde_json::Value;

use super::az::Az;
use super::{LOGS, gather, place};
use crate::args::CollectArgs;
use crate::commands::facts::{put, unwritable};
use crate::commands::program::timeout;
use crate::exit::{Exit, Failure};
use crate::terminal;

pub(super) fn run(args: &CollectArgs) -> Result<Exit, Failure> {
    let place = place(&args.place)?;
    if args.logs {
        super::only_of_apps(&place)?;
    }
    let Some(folder) = &args.run else {
        let mut out = terminal::stdout();
        out.write_all(script(&place, &args.output, args.logs).as_bytes())?;
        out.flush()?;
        return Ok(Exit::Nothing);
    };
    let az = Az::new(timeout(args.patience.timeout)?, args.verbose);
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    let now = jiff::Timestamp::now();
    put(&folder.join(MANIFEST), &pretty(&manifest(&place, now)))?;
    let mut missing = 0;
    let documents = gather::kept(&az, place, &mut |name, answer| {
        let (there, not) = (format!("{name}.json"), format!("{name}.error.txt"));
        let (file, stale, text) = match answer {
            Ok(value) => (there, not, pretty(value)),
            Err(said) => {
                missing += 1;
                (not, there, said.clone())
            }
        };
        // Of an earlier run.
        let _ = fs::remove_file(folder.join(stale));
        put(&folder.join(file), &text)
    })?;
    let shown = folder.display().to_string();
    if documents.read() == 0 {
        let why = documents.all_unread().next();
        return Err(Failure::new(format!(
            "nothing could be read of the {} `{}`{}",
            documents.place.kind.noun(),
            documents.place.app,
            why.map_or(String::new(), |(_, unread)| format!(": {}", unread.why))
        ))
        .help(format!(
            "the files `*.error.txt` in `{shown}` have each refusal"
        ))
        .help("with another login: az login"));
    }
    let logs = args
        .logs
        .then(|| gather::logs(&az, &documents.place, &folder.join(LOGS)));
    let read = super::super::plural(documents.read(), "answer");
    let names: Vec<&str> = documents.all_unread().map(|(name, _)| name).collect();
    let missing = if names.is_empty() {
        "none missing".to_owned()
    } else {
        format!("{missing} missing: {}", names.join(", "))
    };
    terminal::note(&format!("{read} in `{shown}`, {missing}"));
    let next = format!("pullwhy azure --facts {}", shell_word(&shown));
    terminal::note(&format!("next: {next}"));
    // The settings are there for the taking, whether the logs are or not.
    logs.transpose()?;
    Ok(Exit::Nothing)
}

fn pretty(value: &Value) -> String {
    format!("{value:#}\n")
}
