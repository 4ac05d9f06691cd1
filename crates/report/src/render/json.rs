//! The whole report as JSON.

use std::io::{self, Write};

use pullwhy_model::Report;

pub(crate) fn write(report: &Report, out: &mut dyn Write) -> io::Result<()> {
    serde_json::to_writer_pretty(&mut *out, report)?;
    out.write_all(b"\n")
}
