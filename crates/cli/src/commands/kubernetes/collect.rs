//! `pullwhy kubernetes collect`: what is asked and what is kept, or the asking.

use std::fs;
use std::io::Write;

use pullwhy_catalogue::shell_word;
use pullwhy_platform::kubernetes::{plan, write_cluster};

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
        let head = "# What `pullwhy kubernetes collect --run DIR` asks, with what it keeps of each answer in DIR.\n# Every command only reads.\n\n";
        out.write_all(head.as_bytes())?;
        out.write_all(plan(&scope).as_bytes())?;
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
    let read = plural(cluster.read(), "answer");
    terminal::note(&format!("{read} in `{shown}`, {missing} missing"));
    terminal::note(&format!(
        "next: pullwhy kubernetes --facts {}",
        shell_word(&shown)
    ));
    Ok(Exit::Nothing)
}
