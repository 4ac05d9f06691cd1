//! Turns paths into readable texts.
//!
//! [`visit`] takes files, folders, patterns and standard input, looks into archives and compressed
//! files, and hands every text that it finds to its caller. Kinds are told by content, never by
//! name. Nothing is ever unpacked to a path that an archive names: such names are only labels.
//!
//! Every input is hostile. [`Limits`] bound what an archive may unfold to, memory stays bounded
//! whatever a file declares about itself, and trouble with one input is a
//! [`Warning`] while the rest is still read.
//!
//! Here is everything up to bytes of text. Not here: splitting into lines, log formats.

mod archive;
mod budget;
mod encoding;
mod file;
mod follow;
mod map;
mod name;
mod pipe;
mod salvage;
mod sniff;
mod tar;
mod walk;
mod zip;

use std::io::{self, Read};
use std::ops::ControlFlow;
use std::path::PathBuf;

use pullwhy_model::Warning;

pub use self::follow::{Follow, Starts};
pub use self::pipe::Pipe;

use self::budget::Budget;
use self::name::Name;

/// Something to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A file, a folder, a pattern such as `logs/*.log`, or `-` for standard input.
    Path(PathBuf),
    /// Standard input.
    Stdin,
}

/// Where a text came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Meta {
    /// The path as given, with the path inside an archive after `!`; `-` for standard input.
    ///
    /// Lossy UTF-8 and cleaned, so it can be printed but not always be opened.
    pub name: String,
    /// The last component, without the ending of a compressed file; for file-name formats.
    pub base_name: String,
    /// Bytes of the file or member before transcoding, where known; a member may lie about it.
    pub size: Option<u64>,
}

/// The bytes of one source, as UTF-8-compatible text.
///
/// UTF-16 is transcoded, a byte-order mark and NULs at the front are removed, so positions in a text refer to what
/// stands here, not to the original file. Line ends are left as they are.
pub enum Body<'a> {
    /// The whole text.
    Mapped(&'a [u8]),
    /// The text, to be read to its end.
    ///
    /// It does not return errors: a source that breaks off ends early and [`visit`] adds a
    /// [`Warning`] afterwards.
    Stream(&'a mut dyn Read),
}

/// What archives and compressed files may unfold to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Layers of archives and compression; a `.tar.gz` has two. Values above 32 count as 32.
    pub depth: usize,
    /// Decompressed bytes per compressed byte; checked from 32 MiB on.
    pub ratio: u64,
    /// Decompressed bytes per top-level file, summed over all layers.
    pub total: u64,
    /// Members of archives per top-level file.
    pub members: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 4,
            ratio: 1000,
            total: 64 << 30,
            members: 100_000,
        }
    }
}

/// What [`visit`] went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VisitStats {
    /// Texts handed to the caller, empty ones included.
    pub texts: u64,
    /// Files and members that were reached but are not text, or are beyond a limit.
    pub skipped: u64,
    /// Inputs, files and members that could not be opened, or not read at all.
    pub unreadable: u64,
    /// What was asked for and not read, as a whole or in part: unreadable, cut, broken, beyond a
    /// limit, a log in a form that is not read, or named and not text. Not here: what is no log and only
    /// lies in a folder or an archive.
    pub unread: u64,
    /// How many warnings, at the end of the list, only tell what was left out on purpose.
    pub remarks: u64,
    /// Warnings that were left out because there were too many.
    pub warnings_left_out: u64,
    /// Whether the caller broke off.
    pub stopped: bool,
}

/// Hands every text found under `inputs` to `each`, in order, and says what happened.
///
/// A file that is reached twice, by two patterns or over a symlink, is read once. What cannot be
/// read becomes a [`Warning`], and the rest is still read; `each` can break off the whole visit.
pub fn visit(
    inputs: &[Input],
    limits: &Limits,
    warnings: &mut Vec<Warning>,
    each: &mut dyn FnMut(&Meta, Body<'_>) -> ControlFlow<()>,
) -> VisitStats {
    visit_live(inputs, limits, None, warnings, each)
}

/// The same, where standard input and named pipes are read through `pipe`, so that `each` can ask
/// it whether anything more is there.
pub fn visit_live(
    inputs: &[Input],
    limits: &Limits,
    pipe: Option<&Pipe>,
    warnings: &mut Vec<Warning>,
    each: &mut dyn FnMut(&Meta, Body<'_>) -> ControlFlow<()>,
) -> VisitStats {
    let mut visitor = Visitor {
        limits,
        warnings,
        each,
        pipe,
        named: true,
        remarks: Vec::new(),
        warned: 0,
        stats: VisitStats::default(),
    };
    let flow = visitor.inputs(inputs);
    visitor.stats.stopped = flow.is_break();
    visitor.finish()
}

/// Archives of broken members must not fill the report with warnings.
const MAX_WARNINGS: u64 = 1000;

/// The state of one visit. Its methods are spread over the modules of this folder.
struct Visitor<'a> {
    limits: &'a Limits,
    warnings: &'a mut Vec<Warning>,
    each: &'a mut dyn FnMut(&Meta, Body<'_>) -> ControlFlow<()>,
    pipe: Option<&'a Pipe>,
    /// Whether what is read now was named, rather than found in a folder.
    named: bool,
    remarks: Vec<Warning>,
    warned: u64,
    stats: VisitStats,
}

impl Visitor<'_> {
    fn inputs(&mut self, inputs: &[Input]) -> ControlFlow<()> {
        let mut seen = walk::Seen::default();
        for input in inputs {
            match input {
                Input::Stdin => self.stdin()?,
                Input::Path(path) if path.as_os_str() == "-" => self.stdin()?,
                Input::Path(path) => self.path(path, &mut seen)?,
            }
        }
        ControlFlow::Continue(())
    }

    fn stdin(&mut self) -> ControlFlow<()> {
        self.named = true;
        self.open_end(&Name::stdin(), io::stdin())
    }

    /// Reads what has no length: a pipe or a terminal.
    fn open_end(&mut self, name: &Name, from: impl Read + Send + 'static) -> ControlFlow<()> {
        let budget = Budget::new(self.limits, None);
        let Some(pipe) = self.pipe else {
            let mut from = from;
            return self.source(name, None, &budget, &mut from);
        };
        pipe.attach(from);
        let flow = self.source(name, None, &budget, &mut pipe.clone());
        pipe.detach();
        flow
    }

    fn give(&mut self, name: &Name, size: Option<u64>, body: Body<'_>) -> ControlFlow<()> {
        self.stats.texts += 1;
        let meta = Meta {
            name: name.full().to_owned(),
            base_name: name.base().to_owned(),
            size,
        };
        (self.each)(&meta, body)
    }

    /// Adds a warning about something that was read in part.
    fn warn(&mut self, name: &Name, text: impl Into<String>) {
        self.stats.unread += 1;
        if self.warned == MAX_WARNINGS {
            self.stats.warnings_left_out += 1;
            return;
        }
        self.warned += 1;
        self.warnings.push(warning(name, text));
    }

    /// Adds a warning about something that is not for this tool, or beyond a limit, and should
    /// have been read.
    fn skip(&mut self, name: &Name, text: impl Into<String>) {
        self.stats.skipped += 1;
        self.warn(name, text);
    }

    /// Tells of something that is not for this tool, and that nobody has asked for.
    fn remark(&mut self, name: &Name, text: impl Into<String>) {
        self.stats.skipped += 1;
        if self.stats.remarks == MAX_WARNINGS {
            self.stats.warnings_left_out += 1;
            return;
        }
        self.stats.remarks += 1;
        self.remarks.push(warning(name, text));
    }

    /// Adds a warning about something that could not be read.
    fn fail(&mut self, name: &Name, text: impl Into<String>) {
        self.stats.unreadable += 1;
        self.warn(name, text);
    }

    fn finish(mut self) -> VisitStats {
        if self.stats.warnings_left_out > 0 {
            self.warnings.push(Warning {
                file: String::new(),
                text: format!(
                    "{} more warnings left out; give fewer files at a time to see them",
                    self.stats.warnings_left_out
                ),
            });
        }
        self.warnings.append(&mut self.remarks);
        self.stats
    }
}

fn warning(name: &Name, text: impl Into<String>) -> Warning {
    Warning {
        file: name.full().to_owned(),
        text: text.into(),
    }
}
