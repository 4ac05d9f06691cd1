//! `pullwhy completions`: a script that completes commands and options in a shell, and the ids of causes
//! as far as the generator of its scripts completes values.

use std::collections::BTreeSet;
use std::io::Write;

use clap::Command;
use clap::builder::PossibleValuesParser;

use crate::args::{Common, Completions, command};
use crate::exit::{Exit, Failure};

/// Arguments that take the id of a cause, or a family of causes.
const OF_CAUSES: [&str; 2] = ["id", "causes"];

pub(crate) fn run(args: &Completions, common: &Common) -> Result<Exit, Failure> {
    let catalogue = super::catalogue(common)?;
    let ids = catalogue.causes().iter().map(|cause| cause.id.as_str());
    let families = catalogue.causes().iter().map(|cause| cause.id.family());
    let names: BTreeSet<String> = ids.chain(families).map(str::to_owned).collect();
    let mut whole = with_causes(command(), &names);
    // The generator panics when it cannot write, so it writes to memory.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut whole, "pullwhy", &mut script);
    let mut out = std::io::stdout();
    out.write_all(&script)?;
    out.flush()?;
    Ok(Exit::Nothing)
}

/// The command, whose arguments list the causes: only for completion, since a user may have more.
fn with_causes(command: Command, names: &BTreeSet<String>) -> Command {
    command.mut_subcommands(|mut command| {
        for arg in OF_CAUSES {
            let takes = command.get_arguments().any(|own| own.get_id() == arg);
            if takes {
                let values = PossibleValuesParser::new(names.iter().cloned());
                command = command.mut_arg(arg, |arg| arg.value_parser(values));
            }
        }
        command
    })
}
