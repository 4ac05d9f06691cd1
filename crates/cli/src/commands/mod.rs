//! One file a command.

pub(crate) mod azure;
pub(crate) mod cause;
pub(crate) mod check;
pub(crate) mod completions;
mod environment;
pub(crate) mod explain;
mod facts;
pub(crate) mod host;
pub(crate) mod kubernetes;
mod live;
pub(crate) mod man;
mod program;
pub(crate) mod run;

use std::ffi::OsString;
use std::path::PathBuf;

use pullwhy_catalogue::{Catalogue, Error};

use crate::args::Common;
use crate::exit::Failure;
use crate::terminal;

/// Names a folder of one's own causes, for those who always want it.
const CAUSES_VARIABLE: &str = "PULLWHY_CAUSES";

/// The built-in causes, with those of the user.
fn catalogue(common: &Common) -> Result<Catalogue, Failure> {
    let built_in = Catalogue::built_in().map_err(|error| {
        Failure::new(error).help("this build of pullwhy is broken; install it again")
    })?;
    let from_variable = || {
        std::env::var_os(CAUSES_VARIABLE)
            .filter(|value: &OsString| !value.is_empty())
            .map(PathBuf::from)
    };
    let (folder, origin) = match &common.own_causes {
        Some(folder) => (folder.clone(), "--causes"),
        None => match from_variable() {
            Some(folder) => (folder, CAUSES_VARIABLE),
            None => return Ok(built_in),
        },
    };
    built_in.with_folder(&folder).map_err(|error| match error {
        Error::Wrong { ref problems, .. } => {
            for problem in problems {
                terminal::note(&problem.to_string());
            }
            Failure::new(&error).help(format!(
                "correct them and look again with `pullwhy cause --check {}`",
                pullwhy_catalogue::shell_word(&folder.display().to_string())
            ))
        }
        other => Failure::new(other).help(format!(
            "the folder is from `{origin}`; it holds causes as <family>/<name>.toml"
        )),
    })
}

/// `1 cause`, `2 causes`.
fn plural(count: usize, word: &str) -> String {
    format!("{count} {word}{}", if count == 1 { "" } else { "s" })
}
