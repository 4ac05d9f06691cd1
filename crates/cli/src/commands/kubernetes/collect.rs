//! `pullwhy kubernetes collect`: the commands as a script, or run here.

use std::fs;
use std::io::Write;

use pullwhy_catalogue::shell_word;
use pullwhy_platform::kubernetes::{script, write_cluster};

use super::kubectl::Kubectl;
use super::{gather, scope};
use crate::args::CollectPodsArgs;
use crate::commands::facts::{put, unwritable};
use crate::commands::{plural, program::timeout};
use crate::exit::{Exit, Failure};
use crate::terminal;

pub(super) fn run(args: &CollectPodsArgs) -> Result<Exit, Failure> {
    let scope = scope(args.pod.as_deref(), &args.cluster);
    let Some(folder) = &args.run else {
        let mut out = terminal::stdout();
        out.write_all(script(&scope, &args.output).as_bytes())?;
        out.flush()?;
        return Ok(Exit::Nothing);
    };
    let kubectl = Kubectl::new(timeout(args.cluster.timeout)?, args.verbose);
    let cluster = gather::cluster(&kubectl, &scope)?;
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, &error))?;
    for (name, text) in write_cluster(&cluster) {
        put(&folder.join(name), &text)?;
    }
    let shown = folder.display().to_string();
    let missing = cluster.all_unread().count();
    if cluster.lists_unread() > 1 {
        let why = cluster.all_unread().next();
        let why = why.map_or(String::new(), |unread| format!(": {}", unread.why));
        return Err(
            Failure::new(format!("{}{why}", super::unreadable(&cluster)))
                .help("collect again with a login that may read pods and events"),
        );
    }
    let read = plural(cluster.read(), "answer");
    terminal::note(&format!("{read} in `{shown}`, {missing} missing"));
    terminal::note(&format!(
        "next: pullwhy kubernetes --facts {}",
        shell_word(&shown)
    ));
    Ok(Exit::Nothing)
}
