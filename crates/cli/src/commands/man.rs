//! `pullwhy man`: manual pages, made from the same definition as the arguments.

use std::fs;
use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;

use crate::args::{ManArgs, command};
use crate::exit::{Exit, Failure};

/// Sections that the definition of the arguments does not hold. Written in roff.
const MORE: &str = r#".SH "EXIT STATUS"
.TP
\fB0\fR
the work is done, and no failed pull was found
.TP
\fB1\fR
a failed pull was found, even if some input could not be read
.TP
\fB2\fR
the work could not be done: no failed pull was found and some input could not be read, or wrong usage
.PP
\fBpullwhy run\fR ends with the status of COMMAND; 127 or 126 if it could not be started, 128 plus the number of the signal that ended it.
.SH ENVIRONMENT
.TP
\fBPULLWHY_CAUSES\fR
a folder of own causes, as \fB\-\-causes\fR
.TP
\fBNO_COLOR\fR
no colours, unless \fB\-\-color always\fR
.TP
\fBCLICOLOR_FORCE\fR
colours also where there is no terminal, unless it is 0 or \fBNO_COLOR\fR is set
.TP
\fBCOLUMNS\fR
how wide the output is, instead of as wide as the terminal
"#;

pub(crate) fn run(args: &ManArgs) -> Result<Exit, Failure> {
    let pages = pages()?;
    let Some(folder) = &args.dir else {
        let mut out = io::stdout();
        for (_, page) in &pages {
            out.write_all(page)?;
        }
        out.flush()?;
        return Ok(Exit::Nothing);
    };
    let failed = |path: &std::path::Path, error: &io::Error| {
        Failure::new(format!("writing `{}` failed: {error}", path.display()))
            .help("give a folder that may be written to")
    };
    fs::create_dir_all(folder).map_err(|error| failed(folder, &error))?;
    for (name, page) in &pages {
        let path = folder.join(name);
        fs::write(&path, page).map_err(|error| failed(&path, &error))?;
    }
    Ok(Exit::Nothing)
}

/// File name and text of every page.
fn pages() -> io::Result<Vec<(String, Vec<u8>)>> {
    let mut root = command();
    root.build();
    let commands: Vec<Command> = root
        .get_subcommands()
        .filter(|command| !command.is_hide_set() && command.get_name() != "help")
        .cloned()
        .collect();
    let mut pages = vec![page("pullwhy", root)?];
    for command in commands {
        let name = format!("pullwhy-{}", command.get_name());
        pages.push(page(&name, command)?);
    }
    Ok(pages)
}

fn page(name: &str, command: Command) -> io::Result<(String, Vec<u8>)> {
    let mut text = Vec::new();
    let man = Man::new(command.name(name.to_owned()));
    man.render(&mut text)?;
    text.extend_from_slice(MORE.as_bytes());
    Ok((format!("{name}.1"), text))
}
